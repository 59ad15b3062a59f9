"""What people decided about queued items: CSV files in ``<data>/resolutions/<source>/``, or sheets of one workbook."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, quote


@dataclass(frozen=True)
class ResolutionFile:
    """One kind of decisions.

    Attributes:
        name: file name without ending, and name of the sheet.
        keys: columns that say what is decided about; at least one must be given.
        argument: the column that goes with ``needs_argument``, and with no other decision; empty where none needs one.
        details: further columns that may go with it.
        remarks: what the exported queue says beside them; may stay in the file.
    """

    name: str
    keys: tuple[str, ...]
    decisions: tuple[str, ...]
    argument: str
    needs_argument: str
    argument_is: str
    remarks: tuple[str, ...]
    details: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns a file must have."""
        return (*self.keys, "decision", *self.details, *([self.argument] if self.argument else []))


OWNERS = ResolutionFile(
    "owners", ("source_email",), ("map", "unassign", "create_archived"), "odoo_login", "map", "the login of an Odoo user",
    ("name", "records", "why"),
)  # fmt: skip
PRODUCTS = ResolutionFile(
    "products", ("source_sku", "source_name"), ("map", "create", "fallback"), "odoo_default_code", "map",
    "the internal reference of an Odoo product", ("lines", "why"),
)  # fmt: skip
CONFLICTS = ResolutionFile(
    "conflicts", ("model", "external_id", "field"), ("keep_odoo", "take_source"), "", "", "", ("last_loaded", "odoo_now", "new_source"),
)  # fmt: skip
ORPHANS = ResolutionFile(
    "orphans", ("object", "key"), ("attach", "detach", "skip"), "parent_key", "attach", "the key of a row of the export",
    ("file", "row", "why"), details=("parent_object",),
)  # fmt: skip


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
class Decisions:
    """How many decisions were read, and those about something the export doesn't have."""

    decisions: int
    unused: tuple[str, ...]


def read_owner_decisions(store: StagingStore, mapping: Mapping, folder: Path) -> Decisions:
    """Read and check the owners' decisions into ``ops.owner_decision``, replacing those of an earlier run.

    Raises:
        ResolutionFileError: for unknown columns or decisions, a map without login, or two decisions for one owner.
    """
    count = _read_into(store, "ops.owner_decision", OWNERS, folder)
    known = " UNION ALL ".join(
        f"SELECT unnest([fold(email), fold(login), fold(name)]) AS called FROM {quote(f'staged.{target.table}')}"
        for target in mapping.targets if target.match.queue == "owners"
    )  # fmt: skip
    unused = store.rows(f"""
        SELECT source_email FROM ops.owner_decision WHERE fold(source_email) NOT IN (
            SELECT called FROM ({known or "SELECT NULL AS called"}) WHERE called IS NOT NULL) ORDER BY 1
    """)
    return Decisions(count, tuple(row[0] for row in unused))


def read_product_decisions(store: StagingStore, folder: Path) -> int:
    """Read and check the products' decisions into ``ops.product_decision``, replacing those of an earlier run.

    Raises:
        ResolutionFileError: as :func:`read_owner_decisions`.
    """
    return _read_into(store, "ops.product_decision", PRODUCTS, folder)


def read_orphan_decisions(store: StagingStore, folder: Path, objects: Collection[str]) -> int:
    """Read and check the decisions about rows without parent into ``ops.orphan_decision``, replacing those of an earlier run.

    Raises:
        ResolutionFileError: as :func:`read_owner_decisions`.
    """
    count = _read_into(store, "ops.orphan_decision", ORPHANS, folder)
    for column in ("object", "parent_object"):
        for (name,) in store.rows(f"SELECT DISTINCT {column} FROM ops.orphan_decision WHERE {column} IS NOT NULL ORDER BY 1"):
            if name not in objects:
                reason = f"is no object of the export; there are {', '.join(objects)}"
                raise ResolutionFileError(folder / "orphans.csv", 0, column, name, reason)
    return count


def read_conflict_decisions(store: StagingStore, folder: Path, mapping: Mapping) -> tuple[str, ...]:
    """Read and check the decisions about conflicts into ``ops.conflict_decision``, replacing those of an earlier run.

    Returns those about records that no environment has, as 'model external id field'.

    Raises:
        ResolutionFileError: as :func:`read_owner_decisions`, and for models and fields that the mapping doesn't have.
    """
    _read_into(store, "ops.conflict_decision", CONFLICTS, folder)
    prefix = f"{mapping.name}."
    store.execute(
        "UPDATE ops.conflict_decision SET external_id = substr(external_id, ?) WHERE starts_with(external_id, ?)", [len(prefix) + 1, prefix]
    )
    known = {target.model: set(target.field_specs) for target in mapping.targets}
    for model, field in store.rows("SELECT DISTINCT model, field FROM ops.conflict_decision ORDER BY ALL"):
        if model not in known:
            raise ResolutionFileError(folder / "conflicts.csv", 0, "model", model, f"nothing is mapped to it; there are {', '.join(known)}")
        if field not in known[model]:
            reason = f"{model} has no such field in the mapping; there are {', '.join(sorted(known[model]))}"
            raise ResolutionFileError(folder / "conflicts.csv", 0, "field", field, reason)
    return tuple(
        " ".join(row)
        for row in store.rows(
            """SELECT model, external_id, field FROM ops.conflict_decision
               WHERE external_id NOT IN (SELECT external_id FROM ops.ledger) ORDER BY ALL"""
        )
    )


def unused_orphan_decisions(store: StagingStore) -> tuple[str, ...]:
    """Decisions about rows that are no orphans, as 'object key'; known once references were checked."""
    return tuple(
        row[0] for row in store.rows("SELECT object || ' ' || key FROM ops.orphan_decision WHERE NOT used ORDER BY object, key")
    )


def _read_into(store: StagingStore, table: str, kind: ResolutionFile, folder: Path) -> int:
    store.execute(f"DELETE FROM {table}")
    found = _sheet(folder, kind)
    if found is None:
        return 0
    rows = list(_checked(*found, kind))
    if rows:
        store.insert(table, pl.DataFrame(rows, schema=dict.fromkeys(kind.columns, pl.String)))
    return len(rows)


def _checked(file: Path, frame: pl.DataFrame, kind: ResolutionFile) -> Iterator[dict[str, str | None]]:
    """The rows that decide something."""
    unknown = [name for name in frame.columns if name not in (*kind.columns, *kind.remarks)]
    missing = [name for name in kind.columns if name not in frame.columns]
    if unknown or missing:
        said = f"unknown column '{unknown[0]}'" if unknown else f"column '{missing[0]}' is missing"
        raise ResolutionFileError(file, 1, "", "", f"{said}; the columns are {', '.join(kind.columns)}")
    seen: dict[tuple[str, ...], int] = {}
    for number, record in enumerate(frame.iter_rows(named=True), 2):
        row = {name: (record[name] or "").strip() for name in kind.columns}
        decision, argument = row["decision"], row.get(kind.argument, "")
        key = tuple(row[name].casefold() for name in kind.keys)
        if not (decision or argument):
            continue  # not decided yet
        if not any(key):
            raise ResolutionFileError(file, number, kind.keys[0], "", "is blank; say what this decides about")
        if decision not in kind.decisions:
            raise ResolutionFileError(file, number, "decision", decision, f"say one of {', '.join(kind.decisions)}")
        if (decision == kind.needs_argument) != bool(argument):
            needs = decision == kind.needs_argument
            reason = f"{decision} needs {kind.argument_is}" if needs else f"{decision} takes no {kind.argument}"
            raise ResolutionFileError(file, number, kind.argument, argument, reason)
        if key in seen:
            raise ResolutionFileError(file, number, kind.keys[0], row[kind.keys[0]], f"was decided in row {seen[key]} already")
        seen[key] = number
        yield {name: value or None for name, value in row.items()}


def _sheet(folder: Path, kind: ResolutionFile) -> tuple[Path, pl.DataFrame] | None:
    csv_file = folder / f"{kind.name}.csv"
    if csv_file.exists():
        try:
            return csv_file, pl.read_csv(csv_file, infer_schema=False, encoding="utf8")
        except pl.exceptions.PolarsError as error:
            raise ResolutionFileError(csv_file, 0, "", "", f"can't be read as UTF-8 CSV: {error}") from error
    for workbook in sorted(folder.glob("*.xlsx")):
        sheets = pl.read_excel(workbook, sheet_id=0, infer_schema_length=0)
        if kind.name in sheets:
            return workbook, sheets[kind.name].cast(pl.String)
    return None
