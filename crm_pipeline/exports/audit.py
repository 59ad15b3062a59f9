"""Reading one object of a drop into its raw table, with an audit of what was delivered."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crm_pipeline.exports.csv_files import CsvFile, append_file, inspect
from crm_pipeline.exports.drops import Drop, DropFile
from crm_pipeline.exports.encodings import open_text
from crm_pipeline.exports.errors import Problem, UnreadableFileError
from crm_pipeline.exports.manifest import Manifest, ManifestRow
from crm_pipeline.exports.names import fold_name, fold_title
from crm_pipeline.exports.raw_tables import create_raw_table
from crm_pipeline.exports.sheet_files import MissingSheetError, SheetFile, SheetRead, append_sheet, inspect_sheet
from crm_pipeline.exports.sql import Database, literal, quote
from crm_pipeline.exports.values import DateOrder, register_values
from crm_pipeline.specs import ObjectSpec, SourceSpec


@dataclass(frozen=True)
class FileAudit:
    """One file as it was read; a workbook has the encoding 'xlsx' and its sheet's title in place of a delimiter."""

    name: str
    encoding: str
    delimiter: str
    rows: int


@dataclass(frozen=True)
class ExportAudit:
    """What was delivered for one object.

    Attributes:
        rows: data rows of all files together, malformed ones included.
        unknown_columns: labels of columns the spec does not have (kept in ``_extra``).
        custom_columns: labels of custom-field columns (kept in ``_extra``).
        missing_optional: spec columns no file has.
        problems: what blocks the object.
        warnings: what does not.
        time_zone, date_order: what the object's values are read with.
        deltas: names of the drops that were read over the first one; names of their files begin with it and '/'.
    """

    object: str
    files: tuple[FileAudit, ...]
    rows: int
    unknown_columns: tuple[str, ...]
    custom_columns: tuple[str, ...]
    missing_optional: tuple[str, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    time_zone: str
    date_order: DateOrder
    deltas: tuple[str, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Whether later phases must wait."""
        return bool(self.problems)


def read_object(store: Database, spec: SourceSpec, object_name: str, drop: Drop) -> ExportAudit:
    """Read all files of one object into ``raw.<object>`` (made anew), and compare them with the manifest.

    A delta's files follow those of the drops it is laid over, and are called ``<drop>/<file>``. A file that can't be read
    is a problem of the audit; the others are read all the same.
    """
    object_spec = spec.objects[object_name]
    table = f"raw.{object_name}"
    register_values(store.connection, drop.time_zone, drop.date_order, spec.currency_symbols)
    create_raw_table(store, table, object_spec)
    reading = _Reading(store, spec, object_name)
    with tempfile.TemporaryDirectory(dir=store.path.parent) as scratch:
        for layer in drop.layers:
            reading.read_layer(layer, Path(scratch), prefix="" if layer is drop.layers[0] else f"{layer.name}/")
    reading.problems += _convention_problems(drop, object_name)
    reading.problems += _lacking_problems(object_spec, reading.found)
    files, found, rows = reading.files, reading.found, reading.rows
    problems, warnings = reading.problems, reading.warnings
    custom = _distinct(label for file in found for label in file.match.custom)
    unknown = _unknown_columns(store, table, found)
    if unknown:
        message = f"{object_name}: no column of the spec is meant by {', '.join(unknown)}; kept as text, not migrated."
        warnings.append(Problem("unmapped_column", message))
    return ExportAudit(
        object_name,
        tuple(files),
        rows,
        unknown,
        custom,
        tuple(name for name in object_spec.columns if found and all(name in f.match.missing_optional for f in found)),
        tuple(problems + reading.count_problems),
        tuple(warnings + reading.count_warnings),
        drop.time_zone,
        drop.date_order,
        _deltas(drop, object_name),
    )


def _deltas(drop: Drop, object_name: str) -> tuple[str, ...]:
    """The deltas that were read; none where none of them has the object, which then is as the full export has it."""
    deltas = drop.layers[1:]
    return tuple(layer.name for layer in deltas) if any(object_name in layer.files for layer in deltas) else ()


class _Reading:
    """One object's files while they are read into its raw table."""

    def __init__(self, store: Database, spec: SourceSpec, name: str) -> None:
        self._store, self._source, self._name, self._spec = store, spec, name, spec.objects[name]
        self._table = f"raw.{name}"
        self.files: list[FileAudit] = []
        self.found: list[CsvFile | SheetFile] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.count_problems: list[Problem] = []
        self.count_warnings: list[Problem] = []
        self.rows = 0

    def read_layer(self, drop: Drop, scratch: Path, prefix: str) -> None:
        """Read the files of one drop and compare them with its manifest; ``prefix`` goes before the names of its files."""
        before = len(self.files)
        for part in drop.files.get(self._name, ()):
            label = prefix + part.name
            try:
                if self._spec.sheet is not None:
                    self._read_sheet(part, label)
                else:
                    self._read_csv(part, label, scratch)
            except MissingSheetError as error:
                stated = self._spec.required or (drop.manifest and drop.manifest.rows_of(self._name))
                (self.problems if stated else self.warnings).append(Problem("missing_sheet", str(error), label))
            except UnreadableFileError as error:
                self.problems.append(Problem("unreadable_file", str(error), label))
        own = [replace(file, name=file.name.removeprefix(prefix)) for file in self.files[before:]]
        problems, warnings = _count_problems(self._source, self._name, drop, own)
        self.count_problems += problems
        self.count_warnings += warnings

    def _read_csv(self, part: DropFile, label: str, scratch: Path) -> None:
        text = open_text(part.path, self._source.fallback_encoding, scratch)
        file = inspect(label, text, self._spec)
        count = append_file(self._store, self._table, self._spec, file, self.rows)
        if text.path != part.path:
            text.path.unlink()
        self._take(file, FileAudit(label, text.encoding, file.shape.delimiter, count))
        if text.nul_characters:
            message = f"{label} held {text.nul_characters} NUL characters; they were left out."
            self.warnings.append(Problem("nul_characters", message, label))

    def _read_sheet(self, part: DropFile, label: str) -> None:
        file = inspect_sheet(label, part.path, self._spec)
        read = append_sheet(self._store, self._table, self._spec, file, self.rows, self._source.footer)
        self._take(file, FileAudit(label, "xlsx", file.sheet.title, read.rows))
        self.warnings += _sheet_warnings(self._spec, file, read)

    def _take(self, file: CsvFile | SheetFile, audit: FileAudit) -> None:
        self.found.append(file)
        self.files.append(audit)
        self.problems += _column_problems(self._store, self._table, file, self.rows)
        self.rows += audit.rows


def _convention_problems(drop: Drop, object_name: str) -> list[Problem]:
    """One object's values are read in one way, so the drops that hold it must agree on it."""
    holding = [layer for layer in drop.layers if object_name in layer.files]
    stated = {(layer.time_zone, layer.date_order): layer.name for layer in reversed(holding)}
    if len(stated) < 2:
        return []
    listed = "; ".join(f"{name}: {zone}, {order}" for (zone, order), name in stated.items())
    message = f"{object_name}: the drops state different time zones or date formats ({listed}). Export them alike, or correct a manifest."
    return [Problem("conventions_differ", message)]


def _lacking_problems(spec: ObjectSpec, found: Sequence[CsvFile | SheetFile]) -> list[Problem]:
    """A delta's file without a column that an earlier drop has would empty that column in all its rows."""
    problems, known = [], dict[str, str]()
    for file in found:
        columns = {spec.columns[name].heading for name in file.match.positions} | set(file.match.extra)
        lacking = [name for name in known if name not in columns]
        if "/" in file.name and lacking:
            message = (
                f"{file.name} has no column {', '.join(lacking)}, which {known[lacking[0]]} has; its rows would be emptied there. Export it "
                "with the same columns."
            )
            problems.append(Problem("missing_column", message, file.name))
        known |= {name: file.name for name in columns if name not in known}
    return problems


def _sheet_warnings(spec: ObjectSpec, file: SheetFile, read: SheetRead) -> list[Problem]:
    found = []
    if fold_title(file.sheet.title) not in {fold_title(title) for title in (spec.sheet or "", *spec.sheet_aliases)}:
        message = (
            f"{file.name} has no sheet '{spec.sheet}'; its only sheet '{file.sheet.title}' has the columns and was read. Check "
            "that it is the right one, or add the title to the source's spec."
        )
        found.append(Problem("sheet_title_differs", message, file.name))
    if read.cells_without_heading:
        places = ", ".join(read.without_heading) + (" and more" if read.cells_without_heading > 3 else "")
        message = (
            f"{file.label} has {read.cells_without_heading} values in columns without a heading ({places}); they are not "
            "migrated. Give the column a heading, or remove them."
        )
        found.append(Problem("value_without_heading", message, file.name))
    for stated in dict.fromkeys(read.stated):
        if stated != read.rows:
            message = f"{file.label} holds {read.rows} rows, its last line says {stated}. Export it again, and compare."
            found.append(Problem("footer_differs", message, file.name))
    return found


def _distinct(labels: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(labels))  # type: ignore[call-overload]


def _unknown_columns(store: Database, table: str, files: list[CsvFile | SheetFile]) -> tuple[str, ...]:
    """Labels of unknown columns; those without a heading only when some cell has a value."""
    labels = _distinct(label for file in files for label in file.match.extra if label not in file.match.custom)
    nameless = [label for label in labels if label.startswith("(column ")]
    used = {
        label
        for label in nameless
        if store.value(f"SELECT count(*) FROM {quote(table)} WHERE trim(_extra[{literal(label)}]) <> ''")
    }
    return tuple(label for label in labels if label not in nameless or label in used)


def _column_problems(store: Database, table: str, file: CsvFile | SheetFile, rows_before: int) -> list[Problem]:
    problems: list[Problem] = []
    if file.match.missing_required:
        names = ", ".join(f"'{heading}'" for heading in file.match.missing_required)
        message = (
            f"{file.name} has no column {names}. Export it again with all columns, "
            "or add its heading as an alias to the source's spec."
        )
        problems.append(Problem("missing_required_column", message, file.name))
    columns = {index: quote(name) for name, index in file.match.positions.items()}
    columns |= {index: f"_extra[{literal(label)}]" for label, index in file.match.extra.items()}
    for label, first in file.match.repeats.items():
        differing = store.value(
            f"SELECT count(*) FROM {quote(table)} WHERE _row_id > {rows_before} "
            f"AND {columns[first]} IS DISTINCT FROM _extra[{literal(label)}]"
        )
        if differing:
            message = (
                f"{file.name} has the heading '{file.headings[first].strip()}' twice, with different values in "
                f"{differing} rows. Remove or rename the wrong column."
            )
            problems.append(Problem("duplicate_heading", message, file.name))
    return problems


def _count_problems(
    spec: SourceSpec, object_name: str, drop: Drop, files: list[FileAudit]
) -> tuple[list[Problem], list[Problem]]:
    parts = drop.files.get(object_name, ())
    object_spec = spec.objects[object_name]
    problems = _part_problems(object_spec, parts, is_delta=drop.is_delta)
    warnings: list[Problem] = []
    if not parts and not object_spec.required and object_spec.sheet is not None and not drop.is_delta:
        message = f"{object_spec.file_name} is not in {drop.name}; nothing is migrated of {object_spec.label}."
        warnings.append(Problem("optional_file_missing", message))
    stated: tuple[ManifestRow, ...] = ()
    if drop.manifest is None:
        message = f"{object_name}: no manifest, so nothing proves that the export is complete. Fill one in."
        warnings.append(Problem("no_manifest", message))
    else:
        stated = drop.manifest.rows_of(object_name)
        for row in stated:
            problems += _stated_problems(row, drop.manifest.file, drop, object_name, files)
        warnings += _limit_warnings(drop.manifest, object_name)
        if parts and not stated:
            message = f"{drop.manifest.file} does not mention {object_name}, so nothing proves that it is complete."
            warnings.append(Problem("not_in_manifest", message))
    problems += _total_problems(spec, object_name, stated, files, drop)
    return problems, warnings


def _part_problems(spec: ObjectSpec, parts: tuple[DropFile, ...], *, is_delta: bool) -> list[Problem]:
    if not parts:
        if not spec.required or is_delta:
            return []
        return [Problem("missing_file", f"{spec.file_name} is missing. Export {spec.label} and add the file.")]
    numbers = [part.part for part in parts]
    problems = []
    for number in sorted(set(range(1, max(numbers) + 1)) - set(numbers)):
        message = f"{spec.file}: part {number} of {max(numbers)} is missing. Export it again and add the file."
        problems.append(Problem("missing_file", message))
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        names = " and ".join(part.name for part in parts if part.part == number)
        problems.append(Problem("duplicate_part", f"{names} are both part {number}. Keep one, or number them anew."))
    return problems


def _stated_problems(
    row: ManifestRow, manifest: str, drop: Drop, object_name: str, files: list[FileAudit]
) -> list[Problem]:
    """What one row of the manifest says against the file it is about."""
    where = f"{manifest}, row {row.row}"
    parts = drop.files.get(object_name, ())
    part = _file_of(row, parts)
    if part is None:
        if row.rows_in_file == 0 or (row.rows_in_file is None and not row.file):
            return []
        name = row.file or f"part {row.part or 1} of {object_name}"
        return [Problem("missing_file", f"{where} lists {name}, which is not in {drop.name}. Add the file.", name)]
    problems = []
    read = {file.name: file.rows for file in files}.get(part.name)
    if read is not None and row.rows_in_file is not None and read != row.rows_in_file:
        message = (
            f"{part.name} holds {read} rows, {where} says {row.rows_in_file}. Export it again, or correct the manifest."
        )
        problems.append(Problem("row_count_mismatch", message, part.name))
    highest = max(other.part for other in parts)
    if row.parts is not None and highest < row.parts and part.part == highest:
        message = f"{where} says {row.parts} parts, {drop.name} has {highest}. Add the missing files."
        problems.append(Problem("missing_file", message, part.name))
    return problems


def _file_of(row: ManifestRow, parts: tuple[DropFile, ...]) -> DropFile | None:
    for part in parts:
        same = fold_name(part.name) in (fold_name(row.file), fold_name(f"{row.file}.csv"), fold_name(f"{row.file}.xlsx"))
        if row.file and same:
            return part
    if row.file:
        return None
    return next((part for part in parts if part.part == (row.part or 1)), None)


def _limit_warnings(manifest: Manifest, object_name: str) -> list[Problem]:
    """More records than the account's tier allows, or more storage used than it has."""
    found = []
    for row in manifest.rows_of(object_name):
        where = f"{manifest.file}, row {row.row}"
        records = row.records_in_ui if row.records_in_ui is not None else row.rows_in_file
        if row.tier_limit is not None and records is not None and records > row.tier_limit:
            tier = f"tier {row.tier}" if row.tier else "account's tier"
            message = (
                f"{where}: {object_name} has {records} records, the {tier} allows {row.tier_limit}. Check in the CRM that the "
                "export holds the records beyond the limit too."
            )
            found.append(Problem("tier_limit_exceeded", message, row.file or None))
            break
    full = [row for row in manifest.rows if (row.storage_used or 0) > (row.storage_limit or row.storage_used or 0)]
    if full and full[0].object == object_name:
        message = (
            f"{manifest.file}, row {full[0].row}: the account uses {full[0].storage_used} MB of storage, its limit is "
            f"{full[0].storage_limit} MB. Check that no file is missing from the export."
        )
        found.append(Problem("storage_limit_exceeded", message))
    return found


def _is_capped(files: list[FileAudit], stated: tuple[ManifestRow, ...]) -> bool:
    """Whether a file holds as many rows as the manifest says that one may hold."""
    caps = {row.row_cap for row in stated}
    return any(file.rows in caps for file in files)


def _total_problems(
    spec: SourceSpec, object_name: str, stated: tuple[ManifestRow, ...], files: list[FileAudit], drop: Drop
) -> list[Problem]:
    total = sum(file.rows for file in files)
    shown = next((row.records_in_ui for row in stated if row.records_in_ui is not None), None)
    if shown is not None and files:
        if total == shown:
            return []
        where = drop.manifest.file if drop.manifest else ""
        compared = f"{object_name}: the files hold {total} rows, the CRM's screen showed {shown} ({where})."
        if total < shown and drop.is_delta and not _is_capped(files, stated):
            return []  # a delta's screen may have shown all records, not those that changed
        if total < shown:
            return [Problem("export_truncated", f"{compared} Export the rest as further parts.")]
        message = f"{compared} Look for a file that was added twice, or correct the manifest."
        return [Problem("row_count_mismatch", message)]
    problems = []
    caps = {fold_name(row.file): row.row_cap for row in stated if row.file and row.row_cap is not None}
    common = next((row.row_cap for row in stated if row.row_cap is not None), spec.row_cap)
    for file in files[-1:]:  # a full part before one that is not full is complete
        if file.rows and file.rows == caps.get(fold_name(file.name), common):
            message = (
                f"{file.name} holds exactly {file.rows} rows, as many as one export can have, and the manifest does not "
                "say how many records there are. Export the rest, or write Records In UI into the manifest."
            )
            problems.append(Problem("export_truncated", message, file.name))
    return problems
