"""What an audit finds: what blocks the migration, and what somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from crm_pipeline.discovery.profile import ColumnProfile, ObjectProfile
from crm_pipeline.exports import Drop, ExportAudit, Problem
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, quote

#: Days that systems write for 'none', and the day before which nothing is meant.
_PLACEHOLDERS = frozenset({"1970-01-01", "1970-01-02", "1980-01-01"})
_EARLIEST = "1905-01-01"
#: Years after the export from which a date is one nobody meant.
_YEARS_AHEAD = 15
_DAY_FIRST, _MONTH_FIRST = "31/12/2024, day first", "12/31/2024, month first"


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        about: the object's label, or what else it is about.
        code: its kind.
        message: what is wrong and what to do; sentences.
        file: the file concerned.
    """

    is_blocking: bool
    about: str
    code: str
    message: str
    file: str = ""


def export_findings(mapping: Mapping, drop: Drop, audits: dict[str, ExportAudit]) -> list[Finding]:
    """What is wrong with the delivered files, what blocks first."""
    objects = mapping.source.objects
    found = [_finding(objects[name].label, problem, is_blocking=True) for name, audit in audits.items() for problem in audit.problems]
    if drop.manifest is None and mapping.source.manifest is not None:
        what = mapping.source.manifest.file
        message = f"The list of record counts ({what}) is not in the export, so nothing proves that it is complete. Add it and run discovery again."
        found.append(Finding(is_blocking=False, about="Export", code="no_manifest", message=message))
    for name, audit in audits.items():
        kept = [problem for problem in audit.warnings if problem.code not in {"unmapped_column", "no_manifest"}]
        found += [_finding(objects[name].label, problem, is_blocking=False) for problem in kept]
    for name, audit in audits.items():
        spec = objects[name]
        if not (name in drop.files or spec.listed_in or drop.is_delta or audit.problems or any(w.code != "no_manifest" for w in audit.warnings)):
            message = f"{spec.file_name} is not in the export, so nothing of {spec.label} is migrated. Add it if the CRM has any."
            found.append(Finding(is_blocking=False, about=spec.label, code="optional_file_missing", message=message))
    for file in drop.unrecognised:
        message = f"{file} belongs to no object that is migrated. It is not read."
        found.append(Finding(is_blocking=False, about="Export", code="unrecognised_file", message=message, file=file))
    return found


def _finding(about: str, problem: Problem, *, is_blocking: bool) -> Finding:
    return Finding(is_blocking, about, problem.code, problem.message, problem.file or "")


def cut_files(store: StagingStore, mapping: Mapping, counted: set[str]) -> list[Finding]:
    """Files with broken rows; one whose last row is broken may have been cut, unless the rows of its object were counted."""
    found = []
    for name, spec in mapping.source.objects.items():
        if not store.has_table(f"raw.{name}"):
            continue
        rows = store.rows(
            f"""SELECT file, count(*), max(fate."row") = any_value(last) FROM ops.fate AS fate
                JOIN (SELECT _file, max(_row) AS last FROM {quote(f"raw.{name}")} GROUP BY _file) AS ends ON ends._file = fate.file
                WHERE object = ? AND reason = 'malformed_row' GROUP BY file ORDER BY file""",
            [name],
        )
        for file, count, is_last in rows:
            rows_text = "1 row has" if count == 1 else f"{count:,} rows have"
            message = f"{file}: {rows_text} another number of cells than there are headings."
            is_cut = is_last and name not in counted
            if is_cut:
                message += " The last row of the file is one of them, so the file was probably cut. Export it again."
            found.append(Finding(is_blocking=False, about=spec.label, code="file_cut" if is_cut else "broken_rows", message=message, file=file))
    return found


def data_findings(profiles: dict[str, ObjectProfile], mapping: Mapping, exported_at: datetime | None) -> list[Finding]:
    """What is odd about the values of whole columns."""
    latest = f"{(exported_at or datetime(2100, 1, 1)).year + _YEARS_AHEAD}-12-31"  # noqa: DTZ001 - only its year
    return [
        Finding(is_blocking=False, about=mapping.source.objects[name].label, code=code, message=message)
        for name, profile in profiles.items()
        for column in profile.columns
        for code, message in _column(column, profile.rows, latest)
    ]


def _column(column: ColumnProfile, rows: int, latest: str) -> Iterator[tuple[str, str]]:
    formats = dict(column.formats)
    if column.type in {"date", "dt"}:
        if _DAY_FIRST in formats and _MONTH_FIRST in formats:
            yield "both_date_orders", (
                f"Column '{column.heading}' has dates that can only be day first ({formats[_DAY_FIRST]:,}) and dates that can only be month "
                f"first ({formats[_MONTH_FIRST]:,}). Dates that could be either are read in the export's order; check some of them."
            )
        if column.first is not None and (column.first < _EARLIEST or column.first in _PLACEHOLDERS):
            yield "early_date", f"Column '{column.heading}' begins on {column.first}, which is usually a placeholder for no date."
        if column.last is not None and column.last > latest:
            yield "late_date", f"Column '{column.heading}' goes on until {column.last}. Check whether that is meant."
    if column.state == "contract" and rows and not column.filled:
        yield "empty_column", f"Column '{column.heading}' is in the files, and empty in all {rows:,} rows. Check that the export included it."
