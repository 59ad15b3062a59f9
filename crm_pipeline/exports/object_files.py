"""Reading the files of one object into its raw table: what was found in them, whatever a manifest says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_pipeline.exports.csv_files import CsvFile, append_file, inspect
from crm_pipeline.exports.drops import Drop, DropFile
from crm_pipeline.exports.encodings import open_text
from crm_pipeline.exports.errors import Problem, UnreadableFileError
from crm_pipeline.exports.names import fold_title
from crm_pipeline.exports.raw_tables import create_raw_table
from crm_pipeline.exports.sheet_files import MissingSheetError, SheetFile, SheetRead, append_sheet, inspect_sheet
from crm_pipeline.exports.sql import Database, literal, quote
from crm_pipeline.exports.values import register_values
from crm_pipeline.specs import ObjectSpec, SourceSpec


@dataclass(frozen=True)
class FileAudit:
    """One file as it was read; a workbook has the encoding 'xlsx' and its sheet's title in place of a delimiter."""

    name: str
    encoding: str
    delimiter: str
    rows: int


@dataclass(frozen=True)
class FilesRead:
    """What the files of one object hold; the fields are those of :class:`~crm_pipeline.exports.audit.ExportAudit`."""

    files: tuple[FileAudit, ...] = ()
    rows: int = 0
    unknown_columns: tuple[str, ...] = ()
    custom_columns: tuple[str, ...] = ()
    missing_optional: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def label_of(drop: Drop, layer: Drop, file: str) -> str:
    """How a file is called: those of a delta and of drops above the first are called ``<drop>/<file>``."""
    return file if layer is drop.layers[0] else f"{layer.name}/{file}"


def read_files(store: Database, spec: SourceSpec, object_name: str, drop: Drop) -> FilesRead:
    """Read all files of one object into ``raw.<object>`` (made anew).

    A delta's files follow those of the drops it is laid over. A file that can't be read is a problem; the others are read
    all the same.
    """
    object_spec = spec.objects[object_name]
    table = f"raw.{object_name}"
    register_values(store.connection, drop.time_zone, drop.date_order, spec.currency_symbols)
    create_raw_table(store, table, object_spec)
    reading = _Reading(store, spec, object_name)
    with tempfile.TemporaryDirectory(dir=store.path.parent) as scratch:
        for layer in drop.layers:
            for part in layer.files.get(object_name, ()):
                reading.read(layer, part, label_of(drop, layer, part.name), Path(scratch))
    found = reading.found
    unknown = _unknown_columns(store, table, found)
    return FilesRead(
        tuple(reading.files),
        reading.rows,
        unknown,
        _distinct(label for file in found for label in file.match.custom),
        tuple(name for name in object_spec.columns if found and all(name in f.match.missing_optional for f in found)),
        (*reading.problems, *_lacking_problems(object_spec, found)),
        tuple(reading.warnings),
    )


class _Reading:
    """One object's files while they are read into its raw table."""

    def __init__(self, store: Database, spec: SourceSpec, name: str) -> None:
        self._store, self._source, self._name, self._spec = store, spec, name, spec.objects[name]
        self._table = f"raw.{name}"
        self.files: list[FileAudit] = []
        self.found: list[CsvFile | SheetFile] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.rows = 0

    def read(self, layer: Drop, part: DropFile, label: str, scratch: Path) -> None:
        """Read one file of a drop."""
        try:
            if self._spec.sheet is not None:
                self._read_sheet(part, label)
            else:
                self._read_csv(part, label, scratch)
        except MissingSheetError as error:
            stated = self._spec.required or (layer.manifest and layer.manifest.rows_of(self._name))
            (self.problems if stated else self.warnings).append(Problem("missing_sheet", str(error), label))
        except UnreadableFileError as error:
            self.problems.append(Problem("unreadable_file", str(error), label))

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
