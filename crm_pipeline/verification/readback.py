"""Read every loaded record back and compare every mapped field with what was meant.

The comparison is SQL over two tables of equal shape: the resolved staged rows and the records as Odoo returns them.
What Odoo is known to rewrite is compared after a stated normalisation (html, url); everything else must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_pipeline.odoo.destination import Destination, Record
from crm_pipeline.odoo.resolved import ResolvedField, resolve_fields, resolved_select, streams
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Records for each read: replies stay small and a prefork server's limits are kept.
PAGE = 1000


@dataclass(frozen=True)
class VerifiedCounts:
    """What was compared: records, field values, differences, and records found in Odoo."""

    model: str
    records: int
    fields: int
    differences: int
    in_odoo: int


def verify_target(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, env: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> VerifiedCounts:  # fmt: skip
    """Compare all records of one target; differences become rows of ``ops.difference``.

    Records that were only linked are checked to exist, not compared: they are the customer's.

    Classes: ``missing`` (no such record), ``truncated`` (Odoo holds the beginning), ``changed`` (anything else).
    """
    here = [env, target.model]
    store.execute("DELETE FROM ops.difference WHERE env = ? AND model = ?", here)
    store.execute("DELETE FROM ops.verified WHERE env = ? AND model = ?", here)
    schema = destination.fields_get(target.model)
    fields = _fields_of(target, {b.name: resolve_fields(target, b, schema) for b in target.sources})
    ids = [row[0] for row in store.rows(
        "SELECT DISTINCT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND odoo_id IS NOT NULL ORDER BY 1", here
    )]  # fmt: skip
    _fetch(store, destination, target.model, list(fields.values()), ids, progress)
    compared = _find_missing(store, target, env)
    values = 0
    for blocks in streams(target):
        mapped = resolve_fields(target, blocks[0], schema)
        select = resolved_select(store, mapping, target, blocks, mapped, env)
        store.execute(f"""
            CREATE OR REPLACE TEMP TABLE _meant AS SELECT resolved.*, entry.odoo_id AS _odoo_id
            FROM ({select}) AS resolved JOIN ops.ledger AS entry USING (external_id)
            WHERE entry.env = {literal(env)} AND entry.origin = 'created' AND entry.row_hash = resolved._hash
        """)
        checked = [f for f in mapped if f.spec.compare != "never"]
        for field in checked:
            _compare(store, target, field, env)
        values += int(store.value("SELECT count(*) FROM _meant")) * len(checked)
    found = int(store.value("SELECT count(*) FROM _read_back"))
    differences = int(store.value("SELECT count(*) FROM ops.difference WHERE env = ? AND model = ?", here))
    store.execute("INSERT INTO ops.verified VALUES (?, ?, ?, ?, ?)", [*here, compared, values, found])
    return VerifiedCounts(target.model, compared, values, differences, found)


def _fields_of(target: TargetSpec, by_block: dict[str, list[ResolvedField]]) -> dict[str, ResolvedField]:
    """The destination's fields to read, once each."""
    fields: dict[str, ResolvedField] = {}
    for block in target.sources:
        for field in by_block[block.name]:
            if field.spec.compare != "never":
                fields.setdefault(field.schema.name, field)
    return fields


_DUCKDB_TYPES: dict[str, str] = {
    "boolean": "BOOLEAN", "integer": "DOUBLE", "float": "DOUBLE", "monetary": "DOUBLE", "many2one": "BIGINT",
    "many2one_reference": "BIGINT", "many2many": "BIGINT[]", "one2many": "BIGINT[]",
}  # fmt: skip
_POLARS_TYPES: dict[str, Any] = {
    "VARCHAR": pl.String, "BOOLEAN": pl.Boolean, "DOUBLE": pl.Float64, "BIGINT": pl.Int64, "BIGINT[]": pl.List(pl.Int64),
}  # fmt: skip


def _fetch(
    store: StagingStore, destination: Destination, model: str, fields: list[ResolvedField], ids: list[int],
    progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    types = {f.schema.name: _DUCKDB_TYPES.get(f.schema.type, "VARCHAR") for f in fields}
    columns = "".join(f", {quote(name)} {dtype}" for name, dtype in types.items())
    store.execute(f"CREATE OR REPLACE TEMP TABLE _read_back (id BIGINT{columns})")
    schema = {"id": pl.Int64, **{name: _POLARS_TYPES[dtype] for name, dtype in types.items()}}
    for start in range(0, len(ids), PAGE):
        part = ids[start : start + PAGE]
        records = destination.search_read(model, [("id", "in", part)], list(types), context={"active_test": False})
        if records:
            store.insert("_read_back", pl.DataFrame(_columns(records, types), schema=schema))
        progress(start + len(part), len(ids))


def _columns(records: list[Record], types: dict[str, str]) -> dict[str, list[Any]]:
    """Odoo's ``False`` for empty becomes NULL, except where it is a boolean's value."""
    columns: dict[str, list[Any]] = {"id": [record["id"] for record in records]}
    for name, dtype in types.items():
        values = [record[name] for record in records]
        if dtype == "VARCHAR":
            columns[name] = [None if v is False else str(v) for v in values]
        elif dtype == "BOOLEAN":
            columns[name] = [bool(v) for v in values]
        elif dtype == "BIGINT[]":
            columns[name] = values
        else:
            columns[name] = [None if v is False else v for v in values]
    return columns


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


def _compare(store: StagingStore, target: TargetSpec, field: ResolvedField, env: str) -> None:
    meant, found = f"meant.{quote(field.name)}", f"found.{quote(field.schema.name)}"
    as_text = "array_to_string(list_sort({}), ',')" if field.schema.type == "many2many" else "{}::VARCHAR"
    store.execute(
        f"""INSERT INTO ops.difference BY NAME
            SELECT ? AS env, ? AS model, meant.external_id, meant._odoo_id AS odoo_id, ? AS field,
                   {as_text.format(meant)} AS expected, {as_text.format(found)} AS actual,
                   CASE WHEN len({found}::VARCHAR) > 0 AND starts_with({meant}::VARCHAR, {found}::VARCHAR)
                        THEN 'truncated' ELSE 'changed' END AS class,
                   staged._object AS source_object, staged._row_id AS source_row
            FROM _meant AS meant JOIN _read_back AS found ON found.id = meant._odoo_id
            JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
            WHERE NOT ({equal_sql(field, meant, found)})""",
        [env, target.model, field.name],
    )


def equal_sql(field: ResolvedField, meant: str, found: str) -> str:
    """SQL that is true when a read-back value says the same as what was meant.

    Numbers are equal within half a cent (monetary) or 1e-6; empty and absent text are one; html is compared as its
    text with its structure (Odoo's sanitiser rewrites markup); urls without scheme and trailing slash.
    """
    kind = field.schema.type
    if kind == "html" or field.spec.compare == "html":
        same = f"coalesce({meant}, '') = coalesce({found}, '')"
        return (
            f"CASE WHEN {same} THEN TRUE ELSE coalesce(html_text({meant}), '') = coalesce(html_text({found}), '') END"
        )
    if field.spec.compare == "url":
        return f"coalesce(plain_url({meant}), '') = coalesce(plain_url({found}), '')"
    if kind == "monetary":
        return f"abs(coalesce({meant}, 0) - coalesce({found}, 0)) < 0.005000001"
    if kind in {"float", "integer"}:
        return f"abs(coalesce({meant}, 0) - coalesce({found}, 0)) < 0.000001"
    if kind == "boolean":
        return f"coalesce({meant}, FALSE) = coalesce({found}, FALSE)"
    if kind in {"many2many", "one2many"}:
        return f"list_sort(coalesce({meant}, [])) = list_sort(coalesce({found}, []))"
    if kind in {"many2one", "many2one_reference"}:
        return f"{meant}::BIGINT IS NOT DISTINCT FROM nullif({found}::BIGINT, 0)"
    return f"coalesce({meant}::VARCHAR, '') = coalesce({found}::VARCHAR, '')"
