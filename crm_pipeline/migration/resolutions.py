"""What people decided about queued items: CSV files in ``<data>/resolutions/<source>/``, or sheets of one workbook."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from crm_pipeline.reports.queues import meant
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.decisions import ResolutionFileError
from crm_pipeline.staging.store import StagingStore, quote

__all__ = [
    "Decisions", "ResolutionFile", "ResolutionFileError", "read_orphan_decisions", "read_owner_decisions",
    "read_product_decisions", "read_row_decisions", "read_value_decisions", "unused_orphan_decisions",
]  # fmt: skip

#: The columns of a row that decides something, with blanks as ''.
Row = dict[str, str]


@dataclass(frozen=True)
class ResolutionFile:
    """One kind of decisions.

    Attributes:
        name: file name without ending, and name of the sheet.
        keys: columns that say what is decided about; at least one must be given.
        argument: the column that goes with the decisions of ``needs_argument``, and with no other; empty where none needs one.
        details: further columns that may go with it.
        remarks: what the exported queue says beside them; may stay in the file.
        all_keys: every one of ``keys`` must be given.
        told_apart_by: details in which several decisions about one thing may differ.
        fault: what else can be wrong with a row: the column, and what would be right.
    """

    name: str
    keys: tuple[str, ...]
    decisions: tuple[str, ...]
    argument: str
    needs_argument: tuple[str, ...]
    argument_is: str
    remarks: tuple[str, ...]
    details: tuple[str, ...] = ()
    all_keys: bool = False
    told_apart_by: tuple[str, ...] = ()
    fault: Callable[[Row], tuple[str, str] | None] = lambda row: None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns a file must have."""
        return (*self.keys, "decision", *self.details, *([self.argument] if self.argument else []))


OWNERS = ResolutionFile(
    "owners", ("source_email",), ("map", "unassign", "create_archived"), "odoo_login", ("map",), "the login of an Odoo user",
    ("name", "records", "why"),
)  # fmt: skip
PRODUCTS = ResolutionFile(
    "products", ("source_sku", "source_name"), ("map", "create", "fallback"), "odoo_default_code", ("map",),
    "the internal reference of an Odoo product", ("lines", "why"),
)  # fmt: skip
CONFLICTS = ResolutionFile(
    "conflicts", ("model", "external_id", "field"), ("keep_odoo", "take_source"), "", (), "", ("last_loaded", "odoo_now", "new_source"),
)  # fmt: skip
ORPHANS = ResolutionFile(
    "orphans", ("object", "key"), ("attach", "detach", "skip"), "parent_key", ("attach",), "the key of a row of the export",
    ("file", "row", "why"), details=("parent_object",),
)  # fmt: skip


def _row_fault(row: Row) -> tuple[str, str] | None:
    if row["decision"] == "fix" and not row["column"]:
        return "column", "is blank; say which cell is to be replaced"
    if row["decision"] == "skip" and row["column"]:
        return "column", "skip is about the whole row and takes no column"
    return None


VALUES = ResolutionFile(
    "values", ("object", "column", "source_value"), ("map", "blank", "skip_row"), "target_value", ("map",),
    "the value to take instead", ("rows", "reason", "allowed"), all_keys=True,
)  # fmt: skip
ROWS = ResolutionFile(
    "rows", ("object", "key"), ("fix", "accept", "skip"), "new_value", ("fix", "skip"),
    "a new_value (for fix what the cell is to hold, for skip the reason)",
    ("file", "row", "severity", "reason", "value", "problem"), details=("column",), all_keys=True, told_apart_by=("column",),
    fault=_row_fault,
)  # fmt: skip


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
    return _read_into(store, "ops.orphan_decision", ORPHANS, folder, objects)


def read_value_decisions(store: StagingStore, folder: Path, objects: Collection[str]) -> int:
    """Read and check the decisions about values into ``ops.value_decision``, replacing those of an earlier run.

    Columns and values are checked when their object is typed (``crm_pipeline.staging.decisions``).

    Raises:
        ResolutionFileError: as :func:`read_owner_decisions`.
    """
    return _read_into(store, "ops.value_decision", VALUES, folder, objects)


def read_row_decisions(store: StagingStore, folder: Path, objects: Collection[str]) -> int:
    """Read and check the decisions about rows into ``ops.row_decision``, replacing those of an earlier run.

    Raises:
        ResolutionFileError: as :func:`read_owner_decisions`; also where a row is skipped and something else is said of it.
    """
    count = _read_into(store, "ops.row_decision", ROWS, folder, objects)
    several = store.rows("""
        SELECT decided_in, decided_row, key FROM ops.row_decision
        QUALIFY decision = 'skip' AND count(*) OVER (PARTITION BY object, key) > 1 ORDER BY decided_row LIMIT 1
    """)
    for file, row, key in several:
        raise ResolutionFileError(Path(file), row, "key", key, "is skipped here, and other lines decide about it too; keep one")
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


def _read_into(store: StagingStore, table: str, kind: ResolutionFile, folder: Path, objects: Collection[str] = ()) -> int:
    """Replace a table of decisions; it may have columns for the file and the row they stand in."""
    store.execute(f"DELETE FROM {table}")
    found = _sheet(folder, kind)
    if found is None:
        return 0
    schema: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(kind.columns, pl.String)
    schema |= {"decided_in": pl.String, "decided_row": pl.Int64}
    rows = [
        {name: value or None for name, value in row.items()} | {"decided_in": str(found[0]), "decided_row": number}
        for number, row in _checked(*found, kind, objects)
    ]
    if rows:
        store.insert(table, pl.DataFrame(rows, schema=schema).select([name for name in store.columns(table) if name in schema]))
    return len(rows)


def _checked(file: Path, frame: pl.DataFrame, kind: ResolutionFile, objects: Collection[str]) -> Iterator[tuple[int, Row]]:
    """The rows that decide something, with their number in the file."""
    unknown = [name for name in frame.columns if name not in (*kind.columns, *kind.remarks)]
    missing = [name for name in kind.columns if name not in frame.columns]
    if unknown or missing:
        said = f"unknown column '{unknown[0]}'" if unknown else f"column '{missing[0]}' is missing"
        raise ResolutionFileError(file, 1, "", "", f"{said}; the columns are {', '.join(kind.columns)}")
    seen: dict[tuple[str, ...], int] = {}
    for number, record in enumerate(frame.iter_rows(named=True), 2):
        row = {name: meant(record[name] or "").strip() for name in kind.columns}
        decision, argument = row["decision"], row.get(kind.argument, "")
        key = tuple(row[name] if name == "key" else row[name].casefold() for name in (*kind.keys, *kind.told_apart_by))
        if not (decision or argument):
            continue  # not decided yet
        blank = [name for name in kind.keys if not row[name]]
        if blank and (kind.all_keys or len(blank) == len(kind.keys)):
            raise ResolutionFileError(file, number, blank[0], "", "is blank; say what this decides about")
        for column in ("object", "parent_object"):
            if row.get(column) and row[column] not in objects:
                reason = f"is no object of the export; there are {', '.join(objects)}"
                raise ResolutionFileError(file, number, column, row[column], reason)
        if decision not in kind.decisions:
            raise ResolutionFileError(file, number, "decision", decision, f"say one of {', '.join(kind.decisions)}")
        needs = decision in kind.needs_argument
        if needs != bool(argument):
            reason = f"{decision} needs {kind.argument_is}" if needs else f"{decision} takes no {kind.argument}"
            raise ResolutionFileError(file, number, kind.argument, argument, reason)
        fault = kind.fault(row)
        if fault is not None:
            raise ResolutionFileError(file, number, fault[0], row[fault[0]], fault[1])
        if key in seen:
            told = kind.keys[-1] if kind.all_keys else kind.keys[0]
            raise ResolutionFileError(file, number, told, row[told], f"was decided in row {seen[key]} already")
        seen[key] = number
        yield number, row


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
