"""A first contract of an export nobody has described: one object for each CSV or sheet, every column as text."""

from __future__ import annotations

import tempfile
from pathlib import Path

from crm_pipeline.exports import UnreadableFileError
from crm_pipeline.exports.csv_files import inspect
from crm_pipeline.exports.encodings import open_text
from crm_pipeline.exports.headings import normalise_heading, tidy_heading
from crm_pipeline.exports.names import SUFFIX, WORKBOOKS, match_files
from crm_pipeline.exports.sheet_files import HEADER_ROWS, all_rows
from crm_pipeline.exports.workbooks import Workbook
from crm_pipeline.proposals.terms import identifier
from crm_pipeline.specs import ColumnSpec, ObjectSpec, SourceSpec

#: Encoding of files that are neither marked nor valid UTF-8.
_FALLBACK = "cp1252"
#: A row counts as the header when so much of the widest row is filled.
_WIDE_ENOUGH = 0.6
_LEAST_COLUMNS = 2


class NothingToProposeError(Exception):
    """A folder holds no table that could be mapped."""

    def __init__(self, folder: Path, skipped: tuple[str, ...] = ()) -> None:
        seen = f" Not understood: {', '.join(skipped)}." if skipped else ""
        super().__init__(
            f"{folder}: no CSV and no Excel workbook with a heading row and at least {_LEAST_COLUMNS} columns was found.{seen} "
            "Put the files of one full export there, as the CRM wrote them, or name the folder with --export."
        )


def draft_source(folder: Path, name: str, label: str | None = None) -> tuple[SourceSpec, tuple[str, ...]]:
    """The contract of the tables in a folder, all columns as text, and the files that are none.

    Args:
        folder: the exported files, CSV or XLSX.
        name: name of the source.
        label: how people call it.

    Raises:
        NothingToProposeError: there is no table.
    """
    objects: dict[str, ObjectSpec] = {}
    skipped: list[str] = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith((".", "~$"))):
        if objects and match_files(_source(name, label, objects), path.name) is not None:
            continue  # a further part
        try:
            if path.suffix.casefold() == SUFFIX:
                objects |= _csv_object(path, set(objects))
            elif path.suffix.casefold() in WORKBOOKS:
                objects |= _sheet_objects(path, set(objects))
            else:
                skipped.append(path.name)
        except UnreadableFileError as error:
            skipped.append(str(error))
    if not objects:
        raise NothingToProposeError(folder, tuple(skipped))
    return _source(name, label, objects), tuple(skipped)


def _source(name: str, label: str | None, objects: dict[str, ObjectSpec]) -> SourceSpec:
    return SourceSpec(
        source=name, label=label or name.replace("_", " ").title(), time_zone="UTC", date_order="ymd", fallback_encoding=_FALLBACK,
        account_currency="EUR", currency_symbols={"€": "EUR", "$": "USD", "£": "GBP"}, objects=objects,
    )  # fmt: skip


def _csv_object(path: Path, taken: set[str]) -> dict[str, ObjectSpec]:
    unknown = ObjectSpec(label="", file=path.stem, key="none", columns={"none": ColumnSpec(heading="\x00", type="key")})
    with tempfile.TemporaryDirectory() as scratch:
        headings = inspect(path.name, open_text(path, _FALLBACK, Path(scratch)), unknown).headings
    return _object(path.stem, None, headings, path.stem, taken)


def _sheet_objects(path: Path, taken: set[str]) -> dict[str, ObjectSpec]:
    found: dict[str, ObjectSpec] = {}
    with Workbook(path, path.name) as book:
        visible = [sheet for sheet in book.sheets if not sheet.is_hidden]
        for sheet in visible:
            headings = _header(all_rows(book, sheet, HEADER_ROWS))
            title = path.stem if len(visible) == 1 else sheet.title
            found |= _object(path.stem, sheet.title, headings, title, taken | set(found))
    return found


def _header(rows: list[tuple[int, tuple[str, ...]]]) -> tuple[str, ...]:
    """The first row that is nearly as wide as the widest and repeats no text."""
    widest = max((sum(bool(cell.strip()) for cell in cells) for _, cells in rows), default=0)
    for _, cells in rows:
        filled = [cell.strip().casefold() for cell in cells if cell.strip()]
        if len(filled) >= _WIDE_ENOUGH * widest and len(set(filled)) == len(filled):
            return cells
    return ()


def _object(file: str, sheet: str | None, headings: tuple[str, ...], title: str, taken: set[str]) -> dict[str, ObjectSpec]:
    columns: dict[str, ColumnSpec] = {}
    seen: set[str] = set()
    for heading in map(tidy_heading, headings):
        if heading and normalise_heading(heading) not in seen:
            seen.add(normalise_heading(heading))
            columns[identifier(heading, set(columns))] = ColumnSpec(heading=heading, type="str" if columns else "key")
    if len(columns) < _LEAST_COLUMNS:
        return {}
    name = identifier(title, taken)
    return {name: ObjectSpec(label=title.replace("_", " ").strip(), file=file, sheet=sheet, key=next(iter(columns)), columns=columns)}
