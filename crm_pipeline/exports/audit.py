"""One object of a drop, read into its raw table, with an audit of what was delivered against what the manifests say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crm_pipeline.exports.drops import Drop, DropFile
from crm_pipeline.exports.errors import Problem
from crm_pipeline.exports.manifest import Manifest, ManifestRow
from crm_pipeline.exports.names import fold_name
from crm_pipeline.exports.object_files import FileAudit, FilesRead, label_of, read_files
from crm_pipeline.exports.sql import Database
from crm_pipeline.exports.values import DateOrder
from crm_pipeline.specs import ObjectSpec, SourceSpec

__all__ = ["ExportAudit", "FileAudit", "FilesRead", "audit_object", "read_files", "read_object"]


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
    """Read all files of one object into ``raw.<object>`` (made anew), and compare them with the manifests."""
    return audit_object(spec, object_name, drop, read_files(store, spec, object_name, drop))


def audit_object(spec: SourceSpec, object_name: str, drop: Drop, read: FilesRead) -> ExportAudit:
    """Compare what the files of one object hold with the manifest of each drop; an object listed in another one's rows has none."""
    problems, warnings = list(read.problems), list(read.warnings)
    problems += _convention_problems(drop, object_name)
    if read.unknown_columns:
        message = f"{object_name}: no column of the spec is meant by {', '.join(read.unknown_columns)}; kept as text, not migrated."
        warnings.append(Problem("unmapped_column", message))
    for layer in drop.layers if spec.objects[object_name].listed_in is None else ():
        labels = {label_of(drop, layer, part.name): part.name for part in layer.files.get(object_name, ())}
        own = [replace(file, name=labels[file.name]) for file in read.files if file.name in labels]
        found = _count_problems(spec, object_name, layer, own)
        problems += found[0]
        warnings += found[1]
    return ExportAudit(
        object_name, read.files, read.rows, read.unknown_columns, read.custom_columns, read.missing_optional, tuple(problems),
        tuple(warnings), drop.time_zone, drop.date_order, _deltas(drop, object_name),
    )  # fmt: skip


def _deltas(drop: Drop, object_name: str) -> tuple[str, ...]:
    """The deltas that were read; none where none of them has the object, which then is as the full export has it."""
    deltas = drop.layers[1:]
    return tuple(layer.name for layer in deltas) if any(object_name in layer.files for layer in deltas) else ()


def _convention_problems(drop: Drop, object_name: str) -> list[Problem]:
    """One object's values are read in one way, so the drops that hold it must agree on it."""
    holding = [layer for layer in drop.layers if object_name in layer.files]
    stated = {(layer.time_zone, layer.date_order): layer.name for layer in reversed(holding)}
    if len(stated) < 2:
        return []
    listed = "; ".join(f"{name}: {zone}, {order}" for (zone, order), name in stated.items())
    message = f"{object_name}: the drops state different time zones or date formats ({listed}). Export them alike, or correct a manifest."
    return [Problem("conventions_differ", message)]


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
