"""What people decided about queued items: ``<data>/resolutions/<source>/owners.csv``, or the same sheet in a workbook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from crm_pipeline.staging.store import StagingStore

OWNER_DECISIONS = ("map", "unassign", "create_archived")
_OWNER_COLUMNS = ("source_email", "decision", "odoo_login")
#: What the exported queue says beside them; it may stay in the file.
_REMARKS = ("name", "records", "why")


class ResolutionFileError(Exception):
    """A resolution file can't be used as it is.

    Args:
        file: the file.
        row: row as a spreadsheet counts it, 0 for the file as a whole.
        column: heading concerned, empty for the whole row.
        value: the text found.
        reason: what is wrong and what would be right.
    """

    def __init__(self, file: Path, row: int, column: str, value: str, reason: str) -> None:
        where = f", row {row}" if row else ""
        what = f", {column} '{value}'" if column else ""
        super().__init__(f"{file}{where}{what}: {reason}")


@dataclass(frozen=True)
class OwnerResolutions:
    """How many decisions were read, and those whose e-mail nobody in the export has."""

    decisions: int
    unused: tuple[str, ...]


def read_owner_decisions(store: StagingStore, folder: Path) -> OwnerResolutions:
    """Read and check the owners' decisions into ``ops.owner_decision``, replacing those of an earlier run.

    Raises:
        ResolutionFileError: for unknown columns or decisions, a map without login, or two decisions for one owner.
    """
    store.execute("DELETE FROM ops.owner_decision")
    found = _owner_sheet(folder)
    if found is None:
        return OwnerResolutions(0, ())
    file, frame = found
    unknown = [name for name in frame.columns if name not in (*_OWNER_COLUMNS, *_REMARKS)]
    missing = [name for name in _OWNER_COLUMNS if name not in frame.columns]
    if unknown or missing:
        said = f"unknown column '{unknown[0]}'" if unknown else f"column '{missing[0]}' is missing"
        raise ResolutionFileError(file, 1, "", "", f"{said}; the columns are {', '.join(_OWNER_COLUMNS)}")
    seen: dict[str, int] = {}
    rows: list[dict[str, str | None]] = []
    for number, record in enumerate(frame.iter_rows(named=True), 2):
        email, decision, login = ((record[name] or "").strip() for name in _OWNER_COLUMNS)
        if not (decision or login):
            continue  # not decided yet
        if not email:
            raise ResolutionFileError(
                file, number, "source_email", "", "is blank; say whose records this decides about"
            )
        if decision not in OWNER_DECISIONS:
            raise ResolutionFileError(file, number, "decision", decision, f"say one of {', '.join(OWNER_DECISIONS)}")
        if (decision == "map") != bool(login):
            reason = "map needs the login of an Odoo user" if decision == "map" else f"{decision} takes no odoo_login"
            raise ResolutionFileError(file, number, "odoo_login", login, reason)
        if email.casefold() in seen:
            raise ResolutionFileError(
                file, number, "source_email", email, f"was decided in row {seen[email.casefold()]} already"
            )
        seen[email.casefold()] = number
        rows.append({"source_email": email, "decision": decision, "odoo_login": login or None})
    if rows:
        store.insert("ops.owner_decision", pl.DataFrame(rows, schema=dict.fromkeys(_OWNER_COLUMNS, pl.String)))
    unused = store.rows("""
        SELECT source_email FROM ops.owner_decision AS decision WHERE NOT EXISTS (
            SELECT 1 FROM derived.owners AS owner
            WHERE fold(decision.source_email) IN (fold(owner.email), fold(owner.name), fold(owner.owner_key)))
        ORDER BY 1
    """)
    return OwnerResolutions(len(rows), tuple(row[0] for row in unused))


def _owner_sheet(folder: Path) -> tuple[Path, pl.DataFrame] | None:
    csv_file = folder / "owners.csv"
    if csv_file.exists():
        try:
            return csv_file, pl.read_csv(csv_file, infer_schema=False, encoding="utf8")
        except pl.exceptions.PolarsError as error:
            raise ResolutionFileError(csv_file, 0, "", "", f"can't be read as UTF-8 CSV: {error}") from error
    for workbook in sorted(folder.glob("*.xlsx")):
        sheets = pl.read_excel(workbook, sheet_id=0, infer_schema_length=0)
        if "owners" in sheets:
            return workbook, sheets["owners"].cast(pl.String)
    return None
