"""Read every loaded record back and compare every mapped field with what was meant.

The comparison is SQL over two tables of equal shape: the resolved staged rows and the records as Odoo returns them.
What Odoo is known to rewrite is compared after a stated normalisation (html, url); everything else must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm_pipeline.odoo.comparison import equal_sql, fetch_records, text_sql
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.resolved import ResolvedField, resolve_fields, resolved_select, streams
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.staged import tolerance_column
from crm_pipeline.staging.store import StagingStore, literal, quote


@dataclass(frozen=True)
class VerifiedCounts:
    """What was compared: records, field values, differences but for rounding, records in Odoo, values left empty by field."""

    model: str
    records: int
    fields: int
    differences: int
    in_odoo: int
    blanked: dict[str, int]


def verify_target(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, env: str,
    progress: Callable[[int, int], None] = lambda done, total: None, *, at_end: bool = False,
) -> VerifiedCounts:  # fmt: skip
    """Compare all records of one target; differences become rows of ``ops.difference``.

    Fields that loading later models completes are compared only ``at_end``. Records that could not be finished are
    listed as such; what Odoo computes of them is not compared again.

    Records that were only linked are checked to exist, not compared: they are the customer's. A field kept as a conflict
    is not compared either; it waits in its queue.

    Classes: ``missing`` (no such record), ``rounded`` (within the stated tolerance), ``truncated`` (Odoo holds the
    beginning), ``changed`` (anything else).
    """
    here = [env, target.model]
    store.execute("DELETE FROM ops.difference WHERE env = ? AND model = ?", here)
    store.execute("DELETE FROM ops.verified WHERE env = ? AND model = ?", here)
    schema = destination.fields_get(target.model)
    fields = {
        f.found_as: schema[f.found_as]
        for b in target.sources for f in resolve_fields(target, b, schema) if _is_compared(f, at_end=at_end)
    }  # fmt: skip
    ids = [row[0] for row in store.rows(
        "SELECT DISTINCT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND odoo_id IS NOT NULL ORDER BY 1", here
    )]  # fmt: skip
    fetch_records(store, destination, target.model, fields.values(), ids, "_read_back", progress)
    compared = _find_missing(store, target, env)
    values = 0
    blanked: dict[str, int] = {}
    for blocks in streams(target):
        mapped = resolve_fields(target, target.as_one(blocks), schema)
        select = resolved_select(mapping, target, blocks, mapped, env)
        store.execute(f"""
            CREATE OR REPLACE TEMP TABLE _meant AS SELECT resolved.*, entry.odoo_id AS _odoo_id
            FROM ({select}) AS resolved JOIN ops.ledger AS entry USING (external_id)
            WHERE entry.env = {literal(env)} AND entry.origin = 'created' AND entry.row_hash = resolved._hash
        """)
        checked = [f for f in mapped if _is_compared(f, at_end=at_end)]
        _compare(store, target, checked, env)
        values += int(store.value("SELECT count(*) FROM _meant")) * len(checked)
        blanked |= dict(store.rows("SELECT field, count(*) FROM (SELECT unnest(_blanked) AS field FROM _meant) GROUP BY 1 ORDER BY 1"))
    found = int(
        store.value(
            f"""SELECT count(*) FROM {quote(f"staged.{target.table}")} JOIN ops.ledger AS entry USING (external_id)
                JOIN _read_back ON _read_back.id = entry.odoo_id WHERE entry.env = ? AND entry.model = ?""",
            here,
        )
    )
    differences = int(
        store.value("SELECT count(*) FROM ops.difference WHERE env = ? AND model = ? AND class <> 'rounded'", here)
    )
    store.execute("INSERT INTO ops.verified VALUES (?, ?, ?, ?, ?)", [*here, compared, values, found])
    return VerifiedCounts(target.model, compared, values, differences, found, blanked)


def _find_missing(store: StagingStore, target: TargetSpec, env: str) -> int:
    """Ledger entries whose record is not there; returns how many records were looked for."""
    store.execute(
        f"""INSERT INTO ops.difference BY NAME
            SELECT entry.env, entry.model, entry.external_id, entry.odoo_id, 'id' AS field, entry.odoo_id::VARCHAR AS expected,
                   NULL AS actual, 'missing' AS class, staged._object AS source_object, staged._row_id AS source_row
            FROM ops.ledger AS entry LEFT JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
            WHERE entry.env = ? AND entry.model = ? AND entry.odoo_id IS NOT NULL
            AND entry.odoo_id NOT IN (SELECT id FROM _read_back)""",
        [env, target.model],
    )
    return int(store.value("SELECT count(*) FROM ops.ledger WHERE env = ? AND model = ?", [env, target.model]))


def _is_compared(field: ResolvedField, *, at_end: bool) -> bool:
    return field.spec.compare != "never" and not field.spec.awaited and (at_end or not field.spec.at_end)


def _compare(store: StagingStore, target: TargetSpec, fields: list[ResolvedField], env: str) -> None:
    """Differences of all fields of the records in ``_meant``, in one pass over them."""
    if not fields:
        return
    found = ", ".join(_difference(target, field, env) for field in fields)
    store.execute(
        f"""INSERT INTO ops.difference BY NAME
            SELECT ? AS env, ? AS model, external_id, odoo_id, differs.field, differs.expected, differs.actual,
                   differs.class, source_object, source_row
            FROM (
                SELECT meant.external_id, meant._odoo_id AS odoo_id, staged._object AS source_object, staged._row_id AS source_row,
                       unnest(list_filter([{found}], lambda x: x IS NOT NULL)) AS differs
                FROM _meant AS meant JOIN _read_back AS found ON found.id = meant._odoo_id
                JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
            ) AS difference WHERE NOT EXISTS (
                SELECT 1 FROM ops.conflict AS kept WHERE kept.env = ? AND kept.model = ?
                AND kept.external_id = difference.external_id AND kept.field = difference.differs.field)""",
        [env, target.model, env, target.model],
    )


def _difference(target: TargetSpec, field: ResolvedField, env: str) -> str:
    """SQL for one field's difference as a struct, NULL when there is none."""
    meant, found = f"meant.{quote(field.name)}", f"found.{quote(field.found_as)}"
    rounded = "FALSE"
    if field.spec.tolerance is not None:
        off = f"abs(coalesce({meant}, 0) - coalesce({found}, 0))"
        rounded = f"{off} <= staged.{quote(tolerance_column(field.name))} + 0.000001"
    conditions = [f"NOT ({equal_sql(field, meant, found)})"]
    if field.spec.compare == "given":
        conditions.append(f"len({meant}) > 0" if field.spec.refs is not None else f"{meant} IS NOT NULL")
    if field.spec.computed and target.finish is not None:
        conditions.append(
            f"meant.external_id NOT IN (SELECT external_id FROM ops.unfinished WHERE env = {literal(env)} "
            f"AND model = {literal(target.model)})"
        )
    return f"""CASE WHEN {" AND ".join(conditions)} THEN struct_pack(
        field := {literal(field.name)}, expected := ({text_sql(field, meant)})::VARCHAR, actual := ({text_sql(field, found)})::VARCHAR,
        class := CASE WHEN {rounded} THEN 'rounded'
                      WHEN len({found}::VARCHAR) > 0 AND starts_with({meant}::VARCHAR, {found}::VARCHAR)
                      THEN 'truncated' ELSE 'changed' END) END"""
