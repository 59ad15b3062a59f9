r"""Dates and times, as DuckDB macros.

Read are, with years 1900 to 2100 (anything else is unreadable):

- ISO dates ('2017-03-01', also with '/' or '.'), with an optional time after 'T' or a space;
- day, month and year in the stated order, one- or two-digit day and month, four-digit year, separated by '/', '-' or
  '.' (the same one twice);
- months by English name ('01 Mar 2017', '1-March-2017', 'Mar 1, 2017'), which no order can confuse;
- times HH:MM, HH:MM:SS, fractions (cut at microseconds), AM/PM; after ISO and other dates alike;
- offsets Z, UTC, GMT, ±HH, ±HHMM, ±HH:MM, with or without a space before.

A date that does not exist in the stated order (31/12 under month-day-year) is unreadable: it is never read in another
order. Times without an offset are in the account's zone; one that a change to summer time skips, or an autumn one
makes ambiguous, is taken with standard time (as ICU does). ``parse_date`` of a text with time and offset is the date
as written.

In a workbook's date columns a number is the day Excel counts so, with the time as its fraction: 45352 is 2024-03-01
(``_unserial``). Only numbers from 18264 (1950-01-01) to 73415 (2100-12-31) are; lower ones may be years or counts.
"""

from __future__ import annotations

import re

from crm_pipeline.exports.sql import literal

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
_YEAR = "(?:19[0-9]{2}|20[0-9]{2}|2100)"
_TWO, _TIME = "[0-9]{1,2}", "(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
_ISO_DATE = f"{_YEAR}-{_TWO}-{_TWO}"
_OFFSET = "(?:Z|[-+](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)"
#: Serial numbers that are read as dates, and the one of 1970-01-01.
SERIALS, _SERIAL_1970 = (18_264, 73_415), 25_569
_HALF_DAY = "(?:0?[1-9]|1[0-2]):[0-5][0-9](?::[0-5][0-9])? [AaPp][Mm]"


def is_fixed_offset(time_zone: str) -> bool:
    """Whether a zone is written as an offset ('+05:30') and not as an IANA name."""
    return re.fullmatch(r"[+-]\d{2}:\d{2}", time_zone) is not None


def _to_utc(wall: str, time_zone: str) -> str:
    """SQL for the UTC time of a wall-clock time in the account's zone."""
    if time_zone in ("UTC", "Etc/UTC", "GMT"):
        return wall
    if is_fixed_offset(time_zone):
        minutes = int(time_zone[1:3]) * 60 + int(time_zone[4:6])
        return f"{wall} {'-' if time_zone[0] == '+' else '+'} INTERVAL {minutes} MINUTE"
    return f"timezone('UTC', timezone({literal(time_zone)}, {wall}))"


def _to_wall(utc: str, time_zone: str) -> str:
    """SQL for the wall-clock time in the account's zone of a UTC time."""
    if time_zone in ("UTC", "Etc/UTC", "GMT"):
        return utc
    if is_fixed_offset(time_zone):
        minutes = int(time_zone[1:3]) * 60 + int(time_zone[4:6])
        return f"{utc} {'+' if time_zone[0] == '+' else '-'} INTERVAL {minutes} MINUTE"
    return f"timezone({literal(time_zone)}, timezone('UTC', {utc}))"


def _month_rewrites(text: str) -> str:
    """SQL that turns month names into ISO dates, for texts that hold a letter run naming a month."""
    any_month = "|".join(f"{name}|{name[:3]}[.]?" if name != "May" else name for name in MONTHS)
    any_month = any_month.replace("September|", "September|Sept[.]?|")
    day, gap = "([0-9]{1,2})(?:st|nd|rd|th)?", "(?:[ ]*[-/.,][ ]*|[ ]+)"
    day_first = rf"^(?i){day}{gap}({any_month}){gap}({_YEAR})(.*)$"
    month_first = rf"^(?i)({any_month})(?:[ ]*[-/.][ ]*|[ ]+){day}(?:[ ]*[-/.,][ ]*|[ ]+)({_YEAR})(.*)$"
    named = (
        f"regexp_replace(regexp_replace({text}, {literal(day_first)}, '\\3-\\2-\\1\\4'), "
        f"{literal(month_first)}, '\\3-\\1-\\2\\4')"
    )
    for number, name in enumerate(MONTHS, start=1):
        named = f"regexp_replace({named}, '^([0-9]{{4}})-(?i:{name[:3]}[a-z]*[.]?)-', '\\1-{number:02d}-')"
    return f"CASE WHEN regexp_matches({text}, '[A-Za-z]{{3}}') THEN {named} ELSE {text} END"


def _let(value: str, name: str, body: str) -> str:
    """SQL for ``body`` with ``value`` computed once as ``name``."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _quick_cases(date_order: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(condition, TIMESTAMP expression) for plain dates and for dates with a time, in the stated order."""
    dates: list[tuple[str, str]] = []
    times: list[tuple[str, str]] = []
    order = {"dmy": "%d{0}%m{0}%Y", "mdy": "%m{0}%d{0}%Y"}.get(date_order)
    for mark, escaped in (("/", "/"), ("-", "-"), (".", "[.]")) if order else ():
        date, shape = str(order).format(mark), f"{_TWO}{escaped}{_TWO}{escaped}{_YEAR}"
        dates.append((f"regexp_full_match(t, {literal(shape)})", f"try_strptime(t, '{date}')"))
        clock = literal(f"{shape} (?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
        formats = f"['{date} %H:%M:%S', '{date} %H:%M']"
        times.append((f"regexp_full_match(t, {clock})", f"try_strptime(t, {formats})"))
    return dates, times


def _canonical(date_order: str) -> str:
    """SQL that brings any known form to 'YYYY-M-D', 'YYYY-M-D H:M[:S[.f]][offset]' or 'YYYY-M-D H:M[:S] PM'."""
    blanks = "[\\x{a0}\\x{202f}\\x{2009}\\t ]+"
    spaced = f"regexp_replace(t, '{blanks}', ' ', 'g')"
    spaced = f"regexp_replace({spaced}, '([0-9]) ?(?i:([ap])[.]?m[.]?)$', '\\1 \\2M')"
    rest = "([T ,].*)?$"
    year_first = f"^(?:([0-9]{{4}})/([0-9]{{1,2}})/([0-9]{{1,2}})|([0-9]{{4}})[.]([0-9]{{1,2}})[.]([0-9]{{1,2}})){rest}"
    ordered = f"regexp_replace(o, {literal(year_first)}, '\\1\\4-\\2\\5-\\3\\6\\7')"
    swap = {"dmy": "\\3-\\2-\\1\\4", "mdy": "\\3-\\1-\\2\\4"}.get(date_order)
    for mark in ("/", "-", "[.]") if swap else ():
        shape = f"^([0-9]{{1,2}}){mark}([0-9]{{1,2}}){mark}([0-9]{{4}}){rest}"
        ordered = f"regexp_replace({ordered}, {literal(shape)}, '{swap}')"
    tidy = f"regexp_replace(u, '^({_ISO_DATE})(?:, ?| ?[Tt] ?| )([0-9])', '\\1 \\2')"
    tidy = f"regexp_replace({tidy}, '([0-9]) ?(?i:utc|gmt|z)$', '\\1Z')"
    tidy = f"regexp_replace({tidy}, ':([0-9]{{2}}:[0-9]{{2}}),([0-9]+)', ':\\1.\\2')"
    offset = "([-+][0-9]{2}(?::?[0-9]{2})?)$"
    tidy = f"regexp_replace({tidy}, '(:[0-9]{{2}}(?:[.][0-9]+)?) ?(?:(?i:utc|gmt) ?)?{offset}', '\\1\\2')"
    return _let(spaced, "m", _let(_month_rewrites("m"), "o", _let(ordered, "u", tidy)))


def moment_macros(time_zone: str, date_order: str) -> dict[str, str]:
    """Macro signatures and bodies for a zone (IANA name or '±HH:MM') and an order ('dmy', 'mdy', 'ymd')."""
    canonical = _canonical(date_order)
    naive = literal(f"{_ISO_DATE}[ T]{_TIME}")
    with_offset = literal(f"{_ISO_DATE}[ T]{_TIME}{_OFFSET}")
    spaced_offset = literal(f"{_ISO_DATE}[ T]{_TIME} {_OFFSET}")
    joined = "regexp_replace(t, ' ([-+Z])', '\\1')"
    dates, times = _quick_cases(date_order)
    quick_date = " ".join(f"WHEN {shape} THEN {value}" for shape, value in dates)
    quick_time = " ".join(f"WHEN {shape} THEN {_to_utc(value, time_zone)}" for shape, value in dates + times)
    half_day = "try_strptime(c, ['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p'])"
    instant = "timezone('UTC', TRY_CAST({0} AS TIMESTAMPTZ))"
    millis = f"CAST(round((CAST(t AS DOUBLE) - {_SERIAL_1970}) * 86400000) AS BIGINT)"
    return {
        # The calendar day of a UTC time in the account's zone.
        "local_date(moment)": f"CAST({_to_wall('moment', time_zone)} AS DATE)",
        # ISO text of a number that Excel shows as a date; other text as it is.
        "_unserial(t)": (
            "CASE WHEN regexp_full_match(t, '[0-9]{5}(?:[.][0-9]+)?') THEN CASE "
            f"WHEN CAST(t AS DOUBLE) < {SERIALS[0]} OR CAST(t AS DOUBLE) >= {SERIALS[1] + 1} THEN t "
            f"WHEN contains(t, '.') THEN strftime(make_timestamp({millis} * 1000), '%Y-%m-%d %H:%M:%S.%g') "
            f"ELSE strftime(make_timestamp({millis} * 1000), '%Y-%m-%d') END ELSE t END"
        ),
        "_canonical(t)": canonical,
        # Wall-clock time as written, without regard to an offset; only for canonical text.
        "_wall(c)": (
            f"CASE WHEN regexp_full_match(c, {literal(_ISO_DATE)}) OR regexp_full_match(c, {naive}) "
            "THEN TRY_CAST(c AS TIMESTAMP) "
            f"WHEN regexp_full_match(c, {literal(f'{_ISO_DATE} {_HALF_DAY}')}) THEN {half_day} "
            f"WHEN regexp_full_match(c, {with_offset}) "
            f"THEN TRY_CAST(regexp_replace(c, '{_OFFSET}$', '') AS TIMESTAMP) END"
        ),
        "_instant(c)": (
            f"CASE WHEN regexp_full_match(c, {with_offset}) THEN {instant.format('c')} "
            f"ELSE {_let('_wall(c)', 'w', _to_utc('w', time_zone))} END"
        ),
        "_date(t)": (
            f"CAST(CASE WHEN regexp_full_match(t, {literal(_ISO_DATE)}) THEN TRY_CAST(t AS TIMESTAMP) {quick_date} "
            f"WHEN regexp_matches(t, '[0-9]{{4}}') THEN {_let('_canonical(t)', 'c', '_wall(c)')} END AS DATE)"
        ),
        "_dt(t)": (
            f"CASE WHEN regexp_full_match(t, {with_offset}) THEN {instant.format('t')} "
            f"WHEN regexp_full_match(t, {naive}) THEN {_to_utc('TRY_CAST(t AS TIMESTAMP)', time_zone)} {quick_time} "
            f"WHEN regexp_full_match(t, {spaced_offset}) THEN {instant.format(joined)} "
            f"WHEN regexp_matches(t, '[0-9]{{4}}') THEN {_let('_canonical(t)', 'c', '_instant(c)')} END"
        ),
    }
