from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.exports.moments import MONTHS
from crm_pipeline.exports.values import DateOrder
from crm_pipeline_tests.properties.value_macros import connect, differing, evaluate

ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy", "ymd")
ZONES = ("Asia/Kolkata", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC", "+05:30", "-03:30")


@cache
def database(zone: str, order: DateOrder) -> duckdb.DuckDBPyConnection:
    return connect(zone, order)


def zone_of(name: str) -> tzinfo:
    if name[0] in "+-":
        offset = timedelta(hours=int(name[1:3]), minutes=int(name[4:6]))
        return timezone(offset if name[0] == "+" else -offset)
    return ZoneInfo(name)


def utc(wall: datetime, zone: str) -> datetime:
    """UTC of a wall-clock time; in the hours a change of the clock skips or repeats, by standard time."""
    times = {wall.replace(tzinfo=zone_of(zone), fold=fold).astimezone(UTC) for fold in (0, 1)}
    if len(times) == 1:
        return times.pop().replace(tzinfo=None)
    offset = min(wall.replace(tzinfo=zone_of(zone), fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return wall - offset


@dataclass(frozen=True)
class Written:
    """A text, the date as written in it, and its moment: wall-clock time with or without offset. None: unreadable."""

    text: str
    day: date | None
    wall: datetime | None = None
    offset: timedelta | None = None

    def moment(self, zone: str) -> datetime | None:
        if self.wall is None:
            return None
        return utc(self.wall, zone) if self.offset is None else self.wall - self.offset


def day_of(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        return None


@st.composite
def written_dates(draw: st.DrawFn, order: DateOrder) -> tuple[str, date | None]:
    """A date in one of the forms that are read, or nearly one; and the date it is, if any."""
    year = draw(st.sampled_from([1899, 1900, 1972, 2000, 2016, 2017, 2024, 2100, 2101]))
    month, day = draw(st.integers(0, 13)), draw(st.integers(0, 32))
    form = draw(st.sampled_from(["iso", "ordered", "short", "mixed", "named", "named first", "year first"]))
    pad = draw(st.sampled_from(["", "02"]))
    found = day_of(year, month, day)
    mark = draw(st.sampled_from("/-."))
    parts = {"d": f"{day:{pad}}", "m": f"{month:{pad}}", "y": str(year)}
    if form == "iso":
        return f"{year:04d}-{month:{pad}}-{day:{pad}}", found
    if form == "year first":
        return f"{year}{mark}{month:{pad}}{mark}{day:{pad}}", found
    if form == "short":
        return f"{day:{pad}}{mark}{month:{pad}}{mark}{year % 100:02d}", None
    if form == "mixed":
        return f"{day:{pad}}/{month:{pad}}-{year}", None
    if form == "ordered":
        other = draw(st.sampled_from(ORDERS))
        text = mark.join(parts[letter] for letter in other)
        if other in {order, "ymd"}:
            return text, found
        if order == "ymd":
            return text, None
        return text, day_of(year, day, month)  # read in the stated order, whatever was meant
    if not 1 <= month <= 12:
        return f"{day} Smarch {year}", None
    name = draw(st.sampled_from([MONTHS[month - 1], MONTHS[month - 1][:3], MONTHS[month - 1][:3].upper()]))
    if form == "named":
        return draw(
            st.sampled_from([f"{day:{pad}} {name} {year}", f"{day:{pad}}-{name}-{year}", f"{day}th {name}, {year}"])
        ), found
    return draw(
        st.sampled_from([f"{name} {day}, {year}", f"{name} {day:{pad}} {year}", f"{name}. {day}, {year}"])
    ), found


@st.composite
def written_moments(draw: st.DrawFn, order: DateOrder) -> Written:
    """A date with a time and an offset, each of them maybe missing or impossible."""
    text, day = draw(written_dates(order))
    if draw(st.booleans()):
        return Written(text, day, datetime(day.year, day.month, day.day) if day else None)
    hour, minute, second = draw(st.integers(0, 25)), draw(st.integers(0, 61)), draw(st.integers(0, 61))
    clock, seconds, half = draw(st.sampled_from(["hm", "hms", "hmsf"])), 0, ""
    valid = minute <= 59
    written = f"{hour:{draw(st.sampled_from(['', '02']))}}:{minute:02d}"
    fraction = 0
    if clock != "hm":
        written, seconds, valid = f"{written}:{second:02d}", second, valid and second <= 59
    if clock == "hmsf":
        digits = draw(st.text("0123456789", min_size=1, max_size=9))
        fraction = int(digits[:6].ljust(6, "0"))
        written += draw(st.sampled_from(".,")) + digits
    elif draw(st.booleans()):
        half = draw(st.sampled_from(["AM", "PM", "am", "p.m."]))
        written += draw(st.sampled_from(["", " "])) + half
        valid = valid and 1 <= hour <= 12
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    valid = valid and hour <= 23
    offset: timedelta | None = None
    if not half:
        zone, offset = draw(
            st.sampled_from(
                [("", None), ("Z", timedelta()), (" UTC", timedelta()), ("+05:30", timedelta(minutes=330)),
                 (" -0500", timedelta(hours=-5)), ("-03", timedelta(hours=-3)), (" GMT+02:00", timedelta(hours=2))]
            )
        )  # fmt: skip
        written += zone
    between = draw(st.sampled_from([" ", " ", ", ", "T"]))
    if not (day and valid):
        return Written(text + between + written, None)
    wall = datetime(day.year, day.month, day.day, hour, minute, seconds, fraction)
    return Written(text + between + written, day, wall, offset)


@settings(deadline=None, max_examples=35)
@given(data=st.data(), order=st.sampled_from(ORDERS), zone=st.sampled_from(ZONES))
def test_moments_are_read_in_the_stated_order_and_zone(data: st.DataObject, order: DateOrder, zone: str) -> None:
    written = data.draw(st.lists(written_moments(order), min_size=20, max_size=60))
    db = database(zone, order)
    texts = [w.text for w in written]
    assert differing(texts, evaluate(db, "parse_dt(s)", texts), [w.moment(zone) for w in written]) == []
    assert differing(texts, evaluate(db, "parse_date(s)", texts), [w.day for w in written]) == []


@settings(deadline=None, max_examples=15)
@given(
    seconds=st.lists(st.integers(31_536_000, 2_145_916_800), min_size=20, max_size=80),
    zone=st.sampled_from([zone for zone in ZONES if zone[0] not in "+-"]),
)
def test_a_moment_written_in_the_accounts_zone_comes_back(seconds: list[int], zone: str) -> None:
    moments = [datetime.fromtimestamp(second, UTC) for second in seconds]
    local = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    expected = [moment.replace(tzinfo=None) for moment in moments]
    db = database(zone, "dmy")
    with_offset = [moment.isoformat() for moment in local]
    assert differing(with_offset, evaluate(db, "parse_dt(s)", with_offset), expected) == []
    naive = [moment.strftime("%d/%m/%Y %H:%M:%S") for moment in local]
    by_standard_time = [utc(moment.replace(tzinfo=None, fold=0), zone) for moment in local]
    assert differing(naive, evaluate(db, "parse_dt(s)", naive), by_standard_time) == []


@settings(deadline=None, max_examples=15)
@given(
    days=st.lists(st.dates(date(1900, 1, 1), date(2100, 12, 31)), min_size=10, max_size=60),
    order=st.sampled_from(ORDERS),
)
def test_every_day_of_two_centuries_is_read(days: list[date], order: DateOrder) -> None:
    form = {
        "dmy": "{0.day}/{0.month}/{0.year}",
        "mdy": "{0.month:02d}.{0.day:02d}.{0.year}",
        "ymd": "{0.year}/{0.month}/{0.day}",
    }
    db = database("Asia/Kolkata", order)
    for texts in ([d.isoformat() for d in days], [form[order].format(d) for d in days]):
        assert differing(texts, evaluate(db, "parse_date(s)", texts), days) == []


@settings(deadline=None, max_examples=20)
@given(
    texts=st.lists(
        st.text(st.sampled_from("0123456789/-.: TZ+APMjanfebMY,"), max_size=24), min_size=20, max_size=80
    ),
    order=st.sampled_from(ORDERS),
)  # fmt: skip
def test_no_text_breaks_the_reading_of_moments(texts: list[str], order: DateOrder) -> None:
    db = database("Europe/Berlin", order)
    moments, days = evaluate(db, "parse_dt(s)", texts), evaluate(db, "parse_date(s)", texts)
    # What has a moment has a day, at most a day apart; without four digits in a row nothing is read.
    for text, moment, day in zip(texts, moments, days, strict=True):
        assert (moment is None) == (day is None), text
        if moment is not None:
            assert abs((moment.date() - day).days) <= 1, text
            assert any(all(c.isdigit() for c in text[i : i + 4]) for i in range(len(text) - 3)), text


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("31/12/2024", "mdy", None), ("12/31/2024", "dmy", None), ("12/31/2024", "mdy", date(2024, 12, 31)),
        ("29/02/2024", "dmy", date(2024, 2, 29)), ("29/02/2023", "dmy", None), ("29/02/1900", "dmy", None),
        ("01/03/17", "dmy", None), ("01/03/2017", "ymd", None), ("2017/03/01", "dmy", date(2017, 3, 1)),
        ("20170301", "dmy", None), ("03/2017", "dmy", None), ("01-Mar-2017", "mdy", date(2017, 3, 1)),
        ("1 Sept 2017", "dmy", date(2017, 9, 1)), ("2017-03-01T23:59:59-08:00", "dmy", date(2017, 3, 1)),
        ("31/11/2017", "dmy", None), ("42795", "dmy", None), ("yesterday", "dmy", None), ("01 März 2017", "dmy", None),
    ],
)  # fmt: skip
def test_date_examples(text: str, order: DateOrder, expected: date | None) -> None:
    assert evaluate(database("Asia/Kolkata", order), "parse_date(s)", [text]) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-03-01T10:05:00+05:30", datetime(2017, 3, 1, 4, 35)),
        ("2017-03-01 00:05:00 -0500", datetime(2017, 3, 1, 5, 5)),
        ("2017-03-01 10:05", datetime(2017, 3, 1, 4, 35)),
        ("01/03/2017 10:05 PM", datetime(2017, 3, 1, 16, 35)),
        ("01/03/2017 12:00 AM", datetime(2017, 2, 28, 18, 30)),
        ("2017-03-01", datetime(2017, 2, 28, 18, 30)),
        ("2017-03-01T10:05:00.1234567Z", datetime(2017, 3, 1, 10, 5, 0, 123456)),
        ("2017-03-01T24:00:00Z", None),
        ("2017-03-01T10:05:00+25:00", None),
        ("2017-03-01 13:05 PM", None),
        ("2017-02-29T00:00:00Z", None),
    ],
)
def test_moment_examples(text: str, expected: datetime | None) -> None:
    assert evaluate(database("Asia/Kolkata", "dmy"), "parse_dt(s)", [text]) == [expected]


def test_each_combination_is_a_database_of_its_own() -> None:
    read = {
        (zone, order): evaluate(database(zone, order), "parse_dt(s)", ["02/03/2020 00:30"])[0]
        for zone, order in itertools.product(("UTC", "Asia/Kolkata"), ("dmy", "mdy"))
    }
    assert read == {
        ("UTC", "dmy"): datetime(2020, 3, 2, 0, 30),
        ("UTC", "mdy"): datetime(2020, 2, 3, 0, 30),
        ("Asia/Kolkata", "dmy"): datetime(2020, 3, 1, 19, 0),
        ("Asia/Kolkata", "mdy"): datetime(2020, 2, 2, 19, 0),
    }
