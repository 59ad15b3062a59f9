"""Real workbooks for the tests of reading: written cell by cell, or part by part where a writer can't do it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from crm_pipeline.exports import ExportAudit
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import read, source

FOOTER = "total records:? *([0-9,]*)"
#: One column of each kind that matters, in a workbook.
THINGS: dict[str, Any] = {
    "label": "Thing", "file": "Things", "file_aliases": ["Objects"], "sheet": "Things", "sheet_aliases": ["All Things"], "key": "thing_id",
    "columns": {
        "thing_id": {"heading": "ThingID", "type": "key", "as_number": True, "required": True, "aliases": ["Thing Number"]},
        "name": {"heading": "Name"}, "amount": {"heading": "Amount", "type": "money"}, "share": {"heading": "Share %", "type": "pct"},
        "day": {"heading": "Day", "type": "date"}, "at": {"heading": "At", "type": "dt"}, "open": {"heading": "Open", "type": "bool"},
        "postcode": {"heading": "Postcode", "restore_zero": "[289][0-9]{2}"},
    },
}  # fmt: skip
HEADINGS = ["ThingID", "Name", "Amount", "Share %", "Day", "At", "Open", "Postcode"]


def spec(**settings: Any) -> SourceSpec:
    """A source of one workbook, in Sydney."""
    own: dict[str, Any] = {"time_zone": "Australia/Sydney", "footer": FOOTER, "manifest": None}
    return source({"things": THINGS}, **(own | settings))


def book(path: Path, rows: Sequence[Any], *, title: str = "Things", **more: Any) -> Path:
    """A workbook of one sheet; rows begin with the headings. A cell is a value, or a function (sheet, row, col, formats)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = xlsxwriter.Workbook(str(path), more.pop("options", {}))
    formats = {
        "date": written.add_format({"num_format": "dd/mm/yyyy"}), "moment": written.add_format({"num_format": 22}),
        "percent": written.add_format({"num_format": "0.0%"}), "time": written.add_format({"num_format": "hh:mm"}),
        "elapsed": written.add_format({"num_format": "[h]:mm"}), "money": written.add_format({"num_format": '"$"#,##0.00;[Red]-"$"#,##0.00'}),
        "bold": written.add_format({"bold": True}),
    }  # fmt: skip
    sheet = written.add_worksheet(title)
    for row, cells in enumerate(rows):
        for col, value in enumerate(cells):
            _write(sheet, row, col, value, formats)
    for other, is_hidden in more.items():
        extra = written.add_worksheet(other)
        extra.write(0, 0, "ThingID")
        if is_hidden:
            extra.hide()
    written.close()
    return path.parent


def _write(sheet: Any, row: int, col: int, value: Any, formats: Mapping[str, Any]) -> None:
    match value:
        case None:
            pass
        case bool():
            sheet.write_boolean(row, col, value)
        case int() | float():
            sheet.write_number(row, col, value)
        case datetime():
            sheet.write_datetime(row, col, value, formats["moment"])
        case date():
            sheet.write_datetime(row, col, value, formats["date"])
        case str():
            sheet.write_string(row, col, value)
        case _:
            value(sheet, row, col, formats)


Writer = Callable[[Any, int, int, Mapping[str, Any]], None]


def number(value: float, style: str) -> Writer:
    """A number in a format."""
    return lambda sheet, row, col, formats: sheet.write_number(row, col, value, formats[style])


def formula(text: str, result: Any) -> Writer:
    """A formula with its saved result; '' for none."""
    return lambda sheet, row, col, formats: sheet.write_formula(row, col, text, None, result)


def with_sheet_xml(path: Path, change: Callable[[str], str], part: str = "xl/worksheets/sheet1.xml") -> None:
    """Rewrite one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def read_book(store: StagingStore, folder: Path, spec_: SourceSpec | None = None) -> ExportAudit:
    """Read the things of a drop."""
    return read(store, folder, spec_ or spec())
