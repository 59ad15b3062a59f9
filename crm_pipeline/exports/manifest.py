"""The manifest an operator fills in beside the exported files: rows, parts, the account's time zone and date format."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm_pipeline.exports.conventions import read_date_order, read_time_zone
from crm_pipeline.exports.errors import ManifestError, UnreadableFileError
from crm_pipeline.exports.headings import normalise_heading, tidy_heading
from crm_pipeline.exports.names import fold_title, match_files
from crm_pipeline.exports.sheet_files import HEADER_ROWS, all_rows, find_sheet
from crm_pipeline.exports.workbooks import Workbook
from crm_pipeline.specs import ObjectSpec, SourceSpec
from crm_pipeline.specs.source import ManifestSpec

#: What a manifest may say of a file.
COLUMNS = ("object", "file", "sheet", "part", "parts", "rows_in_file", "records_in_ui", "row_cap", "exported_at",
           "time_zone", "date_format", "tier", "tier_limit", "storage_used", "storage_limit")  # fmt: skip


@dataclass(frozen=True)
class ManifestRow:
    """What the manifest says of one file; numbers are ``None`` where the cell is blank.

    Attributes:
        row: spreadsheet row, the heading's is 1.
        object: the spec's object it is about, ``None`` when none matches.
        tier_limit: records the account's tier allows.
        storage_used, storage_limit: of the account, in the unit of the list (megabytes).
    """

    row: int
    object: str | None
    object_text: str
    file: str
    part: int | None = None
    parts: int | None = None
    rows_in_file: int | None = None
    records_in_ui: int | None = None
    row_cap: int | None = None
    exported_at: str = ""
    sheet: str = ""
    tier: str = ""
    tier_limit: int | None = None
    storage_used: Decimal | None = None
    storage_limit: Decimal | None = None


@dataclass(frozen=True)
class Manifest:
    """A read manifest.

    Attributes:
        time_zone: IANA name or '+05:30'; ``None`` when the manifest is silent.
        date_order: 'dmy', 'mdy', 'ymd'; ``None`` when the manifest is silent.
    """

    file: str
    rows: tuple[ManifestRow, ...]
    time_zone: str | None
    date_order: str | None

    def rows_of(self, object_name: str) -> tuple[ManifestRow, ...]:
        """The rows about one object, in file order."""
        return tuple(row for row in self.rows if row.object == object_name)


def read_manifest(file: str, rows: Sequence[tuple[int, Sequence[str]]], spec: SourceSpec) -> Manifest:
    """Read a manifest.

    Args:
        file: the delivered file's name, for errors.
        rows: (spreadsheet row, cells) of the headings and everything below, from ``csv_rows_of`` or ``sheet_rows_of``.
        spec: says the manifest's headings, the objects it may name, and the account's own zone.

    Raises:
        ManifestError: an unreadable or contradicting cell.
        UnreadableFileError: no heading of it is known.
    """
    columns = {str(name): headings for name, headings in spec.manifest.columns.items()} if spec.manifest else {}
    positions, headings = _columns(columns, rows[0][1] if rows else [])
    if not {"object", "file"} & positions.keys():
        wanted = ", ".join(name[0] for name in columns.values())
        raise UnreadableFileError(file, f"has none of the headings Object and File. It needs: {wanted}.")
    reader = _RowReader(file, positions, headings, COLUMNS)
    result: list[ManifestRow] = []
    zones: list[tuple[int, str]] = []
    orders: list[tuple[int, str]] = []
    for number, cells in rows[1:]:
        row = reader.read(cells)
        if not any(row.values()):
            continue
        result.append(_manifest_row(reader, row, number, spec))
        if row["time_zone"]:
            zones.append((number, _zone(reader, number, row["time_zone"], spec.time_zone)))
        if row["date_format"]:
            orders.append((number, _order(reader, number, row["date_format"])))
    _refuse_contradictions(reader, result)
    return Manifest(
        file, tuple(result), _agreed(reader, "time_zone", zones), _agreed(reader, "date_format", orders)
    )


class _RowReader:
    """Cells of manifest rows by column name, and errors that name them."""

    def __init__(
        self, file: str, positions: Mapping[str, int], headings: Mapping[str, str], names: Sequence[str]
    ) -> None:
        self.file, self.positions, self.headings, self.names = file, positions, headings, names

    def read(self, cells: Sequence[str]) -> dict[str, str]:
        found = {name: cells[index].strip() if index < len(cells) else "" for name, index in self.positions.items()}
        return {name: found.get(name, "") for name in self.names}

    def error(self, number: int, column: str, value: str, reason: str) -> ManifestError:
        return ManifestError(self.file, number, self.headings.get(column, column), value, reason)

    def number(self, number: int, column: str, value: str) -> int | None:
        if not value:
            return None
        digits = re.sub(r"[,.\s\xa0'](?=\d{3}(?:\D|$))", "", value)
        if not re.fullmatch(r"\d{1,12}(?:\.0)?", digits):
            raise self.error(
                number, column, value, "is not a whole number. Write digits only, or leave the cell empty."
            )
        return int(digits.removesuffix(".0"))

    def size(self, number: int, column: str, value: str) -> Decimal | None:
        if not value:
            return None
        digits = re.sub(r"(?i)\s*mb$", "", value).replace(",", "")
        if not re.fullmatch(r"\d{1,12}(?:\.\d+)?", digits):
            raise self.error(number, column, value, "is no number. Write digits only, or leave the cell empty.")
        return Decimal(digits)


def sheet_rows_of(path: Path, spec: ManifestSpec, footer: str | None) -> list[tuple[int, Sequence[str]]]:
    """Rows of a manifest that is a workbook, from the row with most of its headings on.

    Raises:
        UnreadableFileError: the workbook, or its sheet, can't be read.
    """
    with Workbook(path, path.name) as book:
        sheet = find_sheet(book, spec.sheet or "", spec.sheet_aliases)
        rows = all_rows(book, sheet)
    columns = {str(name): headings for name, headings in spec.columns.items()}
    known = [len(_columns(columns, cells)[0]) for _, cells in rows[:HEADER_ROWS]]
    first = known.index(max(known)) if known else 0
    lines = (" ".join(cell.strip() for cell in cells if cell.strip()) for _, cells in rows)
    ends = [footer is not None and re.fullmatch(footer, line, re.IGNORECASE) is not None for line in lines]
    return [row for row, is_end in list(zip(rows, ends, strict=True))[first:] if not is_end]


def csv_rows_of(text: Path) -> list[tuple[int, Sequence[str]]]:
    """Rows of a manifest that is a CSV file (as UTF-8)."""
    with text.open(encoding="utf-8-sig", newline="") as file:
        sample = file.read(1 << 20)
    lines = sample.splitlines()
    marked = re.fullmatch(r"sep=(.)", lines[0].strip()) if lines else None
    head = lines[0] if lines else ""
    delimiter = marked.group(1) if marked else max(",;\t|", key=head.count)
    with text.open(encoding="utf-8-sig", newline="") as file:
        rows: list[tuple[int, Sequence[str]]] = list(enumerate(csv.reader(file, delimiter=delimiter), start=0 if marked else 1))
    return rows[1:] if marked else rows


def _columns(columns: Mapping[str, Sequence[str]], headings: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    positions: dict[str, int] = {}
    names: dict[str, str] = {}
    for name, known in columns.items():
        forms = {normalise_heading(heading) for heading in known}
        for index, heading in enumerate(headings):
            if normalise_heading(heading) in forms and name not in positions:
                positions[name], names[name] = index, tidy_heading(heading)
    return positions, names


def _manifest_row(reader: _RowReader, row: dict[str, str], number: int, spec: SourceSpec) -> ManifestRow:
    counts: dict[str, Any] = {
        name: reader.number(number, name, row[name])
        for name in ("part", "parts", "rows_in_file", "records_in_ui", "row_cap", "tier_limit")
    }
    sizes: dict[str, Any] = {name: reader.size(number, name, row[name]) for name in ("storage_used", "storage_limit")}
    texts: dict[str, Any] = {name: row[name] for name in ("exported_at", "sheet", "tier")}
    name = _object_named(spec, row["object"], row["file"], row["sheet"])
    return ManifestRow(number, name, row["object"], row["file"], **texts, **counts, **sizes)


def _object_named(spec: SourceSpec, text: str, file: str, sheet: str) -> str | None:
    candidates = [file] if "." in file else [f"{file}.csv", f"{file}.xlsx"]
    for found in (match_files(spec, each) for each in candidates) if file else ():
        objects = [name for name in (found[0] if found else ()) if _is_sheet(spec.objects[name], sheet)]
        if objects:
            return objects[0]
    if sheet:
        return None
    return object_named(spec, text)


def object_named(spec: SourceSpec, text: str) -> str | None:
    """The object that people call so: by its name, its label, or its file's name."""
    form = normalise_heading(text)
    for name, spec_object in spec.objects.items():
        names = {name, spec_object.label, spec_object.file, f"{spec_object.label}s"}
        if form and form in {normalise_heading(candidate) for candidate in names}:
            return name
    return None


def _is_sheet(spec: ObjectSpec, title: str) -> bool:
    """Whether an object is a sheet of this title; without a title any is meant."""
    known = [] if spec.sheet is None else [spec.sheet, *spec.sheet_aliases]
    return not title.strip() or not known or fold_title(title) in map(fold_title, known)


def _zone(reader: _RowReader, number: int, value: str, account: str) -> str:
    zone = read_time_zone(value, account)
    if zone is None:
        reason = "is no time zone we know for certain. Write an IANA name such as Asia/Kolkata."
        raise reader.error(number, "time_zone", value, reason)
    return zone


def _order(reader: _RowReader, number: int, value: str) -> str:
    order = read_date_order(value)
    if order is None:
        reason = "is no date format we know. Write for instance DD/MM/YYYY."
        raise reader.error(number, "date_format", value, reason)
    return order


def _agreed(reader: _RowReader, column: str, found: list[tuple[int, str]]) -> str | None:
    for number, value in found:
        if value != found[0][1]:
            reason = (
                f"contradicts row {found[0][0]}, which says {found[0][1]}. One export has one; correct the wrong row."
            )
            raise reader.error(number, column, value, reason)
    return found[0][1] if found else None


def _refuse_contradictions(reader: _RowReader, rows: list[ManifestRow]) -> None:
    by_file: dict[str, ManifestRow] = {}
    totals: dict[str, ManifestRow] = {}
    for row in rows:
        if row.file:
            first = by_file.setdefault(normalise_heading(f"{row.file}|{row.sheet}"), row)
            if first.rows_in_file != row.rows_in_file:
                reason = f"contradicts row {first.row}, which says {first.rows_in_file} for the same file."
                raise reader.error(row.row, "rows_in_file", str(row.rows_in_file), reason)
        if row.object and row.records_in_ui is not None:
            first = totals.setdefault(row.object, row)
            if first.records_in_ui != row.records_in_ui:
                reason = f"contradicts row {first.row}, which says {first.records_in_ui} for the same object."
                raise reader.error(row.row, "records_in_ui", str(row.records_in_ui), reason)
