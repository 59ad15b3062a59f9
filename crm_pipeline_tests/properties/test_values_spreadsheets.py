"""Values as spreadsheets spoil them: serial numbers for dates, numbers for keys."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline_tests.properties.value_macros import connect, differing, evaluate

DB = connect("UTC", "dmy")
ZERO = datetime(1899, 12, 30)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2100, 12, 31, 23, 59)), min_size=5, max_size=40))
def test_a_moment_comes_back_from_its_serial_number(moments: list[datetime]) -> None:
    whole = [moment.replace(microsecond=0) for moment in moments]
    texts = [f"{(moment - ZERO) / timedelta(days=1):.11f}" for moment in whole]
    assert differing(texts, evaluate(DB, "parse_dt(_unserial(s))", texts), whole) == []
    days = [str((moment - ZERO).days) for moment in whole]
    assert differing(days, evaluate(DB, "parse_date(_unserial(s))", days), [moment.date() for moment in whole]) == []


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text("0123456789./- ", max_size=12), min_size=5, max_size=40))
def test_other_text_is_left_as_it_is(texts: list[str]) -> None:
    for text, read in zip(texts, evaluate(DB, "_unserial(s)", texts), strict=True):
        is_serial = text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) == 5 and not text.endswith(".")
        assert read == text or (is_serial and 18264 <= float(text) < 73416)


@pytest.mark.parametrize(
    ("text", "day"),
    [("18263", None), ("18264", date(1950, 1, 1)), ("73415", date(2100, 12, 31)), ("73416", None), ("2024", None), ("45352.5", date(2024, 3, 1)),
     ("45352,5", None), ("045352", None), ("-45352", None), (None, None)],
)  # fmt: skip
def test_only_numbers_that_can_be_nothing_else_are_days(text: str | None, day: date | None) -> None:
    assert evaluate(DB, "parse_date(_unserial(s))", [text]) == [day]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=30), st.sampled_from(["{}", " {}", "{}.0", "000{}", "{}.00 ", "\u00a00{}.0"]))
def test_a_key_has_one_spelling(numbers: list[int], form: str) -> None:
    assert evaluate(DB, "number_key(s)", [form.format(n) for n in numbers]) == [str(n) for n in numbers]


@pytest.mark.parametrize("text", ["A001", "1001.5", "1,001", "1e5", "-5", "1001.0.0", "10 01", "ACC100"])
def test_a_key_that_is_no_number_stays(text: str) -> None:
    assert evaluate(DB, "number_key(s)", [text]) == [text]
