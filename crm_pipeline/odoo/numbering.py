"""Whether Odoo accepts a document number for its accounting date.

Odoo reads a year, a range of two years or a month out of a number and refuses to post a document whose date
contradicts them. What it reads, seen on 17.0, 18.0 and 19.0:

The number's runs of digits count. The last run is the counter, unless other characters follow it and it is the only
one that can be a year. A year is a run of two digits, or of four that start with 19, 20 or 21; a month is a run of two
digits from 01 to 12, or the end of a run such as 202012. From the most telling reading to the least: two years and a
month (not in 17.0), a year and a month, two years, one year. Two years are a range only when the second follows the
first; a range is that of a fiscal year, here the calendar year, so that ``2019-2020/7`` fits no date.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

_UNCHECKED_UNTIL = date(1970, 1, 1)
_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"(?:19|20|21)\d\d|\d\d")
_MONTH = re.compile(r"0[1-9]|1[0-2]")
_YEAR_MONTH = re.compile(r"(?P<year>(?:19|20|21)\d\d)(?P<month>0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a number says about its date; ``None`` where it says nothing."""

    year: int | None = None
    year_end: int | None = None
    month: int | None = None

    def fits(self, day: date) -> bool:
        """Whether a document of that date may carry the number. Zero is no year, as in ``00/12``."""
        years = all(not value or value == day.year % 10 ** len(str(value)) for value in (self.year, self.year_end))
        return years and self.month in {None, day.month}


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of digits and the characters between it and the next run, or the end."""

    digits: str
    after: str


def read_number(number: str, *, range_with_month: bool) -> Reading:
    """What Odoo reads out of a number; ``range_with_month`` for the series that know two years and a month."""
    runs = _runs(number)
    if range_with_month:
        for first, second, month in _windows(runs, 3):
            if _is_year(first) and _is_year(second) and _single(first, second) and _MONTH.fullmatch(month.digits):
                if _follow(first, second):
                    return Reading(int(first.digits), int(second.digits), int(month.digits))
                break
    found = _year_and_month(runs)
    if found is not None:
        return found
    for first, second in _windows(runs, 2):
        if _is_year(first) and _is_year(second) and _single(first):
            if _follow(first, second):
                return Reading(int(first.digits), int(second.digits))
            break
    for (only,) in _windows(runs, 1):
        if _is_year(only):
            return Reading(int(only.digits))
    return Reading()


def number_fits(number: str, day: date) -> bool:
    """Whether Odoo 17.0, 18.0 and 19.0 all accept ``number`` for a document with the accounting date ``day``.

    Fiscal years are taken to be calendar years. A number with a line break, and an empty one or ``/`` (which Odoo
    takes for none), do not fit.
    """
    if not number or number == "/" or "\n" in number:
        return False
    if day <= _UNCHECKED_UNTIL:
        return True
    return all(reading.fits(day) for reading in _readings(number))


@lru_cache(maxsize=65536)
def _readings(number: str) -> tuple[Reading, Reading]:
    return read_number(number, range_with_month=False), read_number(number, range_with_month=True)


def _runs(number: str) -> list[_Run]:
    found = list(_DIGITS.finditer(number))
    ends = [*(match.start() for match in found[1:]), len(number)][: len(found)]
    return [_Run(match[0], number[match.end() : end]) for match, end in zip(found, ends, strict=True)]


def _windows(runs: Sequence[_Run], size: int) -> Iterator[Sequence[_Run]]:
    """Where ``size`` runs can stand before the counter; the counter is missing when text follows the last of them."""
    if len(runs) > size:
        yield runs[-size - 1 : -1]
    if len(runs) >= size and runs[-1].after:
        yield runs[-size:]


def _year_and_month(runs: Sequence[_Run]) -> Reading | None:
    """The leftmost year with a month in the next run, or at the end of its own."""
    places: list[tuple[int, Reading]] = []
    for offset, window in enumerate(_windows(runs, 2)):
        year, month = window
        if _is_year(year) and _MONTH.fullmatch(month.digits):
            places.append((_place(runs, 2, offset), Reading(int(year.digits), month=int(month.digits))))
    for offset, (both,) in enumerate(_windows(runs, 1)):
        match = _YEAR_MONTH.fullmatch(both.digits)
        if match:
            places.append((_place(runs, 1, offset), Reading(int(match["year"]), month=int(match["month"]))))
    return min(places, key=lambda place: place[0])[1] if places else None


def _place(runs: Sequence[_Run], size: int, offset: int) -> int:
    """Index of the first run of a window; the first window is the one before the counter, where there is one."""
    before_counter = len(runs) > size
    return len(runs) - size - (1 if before_counter and offset == 0 else 0)


def _is_year(run: _Run) -> bool:
    return _YEAR.fullmatch(run.digits) is not None


def _single(*runs: _Run) -> bool:
    """One character follows each."""
    return all(len(run.after) == 1 for run in runs)


def _follow(first: _Run, second: _Run) -> bool:
    """The second year, written no longer than the first, is the one after it."""
    length = len(second.digits)
    return len(first.digits) >= length and (int(first.digits) + 1) % 10**length == int(second.digits)


def register_numbering(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``number_fits(VARCHAR, DATE)`` available to SQL on this connection; NULL when either is NULL."""

    def over_arrays(numbers: pa.Array, days: pa.Array) -> pa.Array:
        pairs = zip(numbers.to_pylist(), days.to_pylist(), strict=True)
        return pa.array([None if n is None or d is None else number_fits(n, d) for n, d in pairs], pa.bool_())

    with contextlib.suppress(duckdb.InvalidInputException):  # not registered on this connection yet
        connection.remove_function("number_fits")
    connection.create_function(
        "number_fits", over_arrays, ["VARCHAR", "DATE"], "BOOLEAN", type=ARROW, null_handling=SPECIAL
    )
