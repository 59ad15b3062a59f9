"""Writing sample workbooks row by row, with all the ways a spreadsheet can hold one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import xlsxwriter

#: So that the same sample has the same bytes whenever it is made.
_CREATED = datetime(2026, 10, 31)  # noqa: DTZ001 - a document property without zone


@dataclass(frozen=True)
class Percent:
    """A fraction in a percent format: 0.25 shown as 25 %."""

    fraction: float


@dataclass(frozen=True)
class Formula:
    """A formula with the result saved beside it; '' stands for none."""

    text: str
    result: float | str


@dataclass(frozen=True)
class Serial:
    """A date as the plain number Excel keeps it as."""

    moment: date | datetime


Cell = str | int | float | bool | date | datetime | Percent | Formula | Serial | None


@dataclass(frozen=True)
class Layout:
    """What a sheet has around its rows.

    Attributes:
        title: its title in the workbook.
        lines: lines above the header; a blank one comes before the header.
        headings: column → heading, where it is not the column's own name.
        footer: whether a last line counts the records.
    """

    title: str
    lines: Sequence[str] = ()
    headings: Mapping[str, str] = field(default_factory=dict)
    footer: bool = True


class WorkbookSink:
    """A workbook being written, one sheet after another."""

    def __init__(self, path: Path, *, meta: bool) -> None:
        self._book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
        self._book.set_properties({"created": _CREATED})
        self._date = self._book.add_format({"num_format": "dd/mm/yyyy"})
        self._moment = self._book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        self._percent = self._book.add_format({"num_format": "0%"})
        self._title = self._book.add_format({"bold": True})
        self._meta = meta

    def write_sheet(self, layout: Layout, columns: Mapping[str, Sequence[Cell]]) -> int:
        """Write a sheet; rows of ``None`` alone stay blank. Returns how many rows have content."""
        sheet = self._book.add_worksheet(layout.title)
        row = 0
        for line in layout.lines:
            if row == 0 and len(columns) > 1:
                sheet.merge_range(0, 0, 0, len(columns) - 1, line, self._title)
            else:
                sheet.write_string(row, 0, line)
            row += 1
        row += 1 if layout.lines else 0
        sheet.write_row(row, 0, [layout.headings.get(name, name) for name in columns])
        written = 0
        for values in zip(*columns.values(), strict=True):
            row += 1
            written += any(value is not None for value in values)
            for col, value in enumerate(values):
                self._write(sheet, row, col, value)
        if layout.footer:
            sheet.write_string(row + 2, 0, f"Total records: {written}")
        return written

    def _write(self, sheet: Any, row: int, col: int, value: Cell) -> None:
        match value:
            case None:
                pass
            case bool():
                sheet.write_boolean(row, col, value)
            case int() | float():
                sheet.write_number(row, col, value)
            case str():
                sheet.write_string(row, col, value)
            case Percent(fraction):
                sheet.write_number(row, col, fraction, self._percent)
            case Formula(text, result):
                sheet.write_formula(row, col, text, None, result)
            case Serial(moment):
                sheet.write_number(row, col, serial(moment))
            case datetime():
                sheet.write_datetime(row, col, value, self._moment)
            case date():
                sheet.write_datetime(row, col, value, self._date)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._meta:
            hidden = self._book.add_worksheet("_meta")
            hidden.write_row(0, 0, ["exported by", "Legrand Cloud CRM"])
            hidden.hide()
        self._book.close()


def serial(moment: date | datetime) -> float | int:
    """Days since the end of 1899 as Excel counts them."""
    days = (moment if not isinstance(moment, datetime) else moment.date()).toordinal() - 693_594
    if not isinstance(moment, datetime):
        return days
    return days + (moment.hour * 3600 + moment.minute * 60 + moment.second) / 86_400
