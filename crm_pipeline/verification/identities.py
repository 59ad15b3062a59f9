"""Every record is the one it should be, once: external ids still lead to the ledger's records, and nothing is a copy.

Neither is taken from what the load believed: external ids are read from Odoo again, and copies are looked for among all
records that are not ours and are younger than our first.
"""

from __future__ import annotations

import polars as pl

from crm_pipeline.odoo.comparison import fetch_records
from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.paging import column_pages
from crm_pipeline.odoo.resolved import ResolvedField
from crm_pipeline.specs import TargetSpec
from crm_pipeline.staging.store import StagingStore, quote

_CREATED = "env = ? AND model = ? AND origin = 'created'"


def find_moved_identities(store: StagingStore, destination: Destination, target: TargetSpec, env: str, module: str) -> None:
    """Ledger entries whose external id is not in Odoo, or leads to another record there: rows of ``ops.difference``.

    Records that are gone are not repeated here; the read-back lists them.
    """
    store.execute("CREATE OR REPLACE TEMP TABLE _identity (external_id VARCHAR, odoo_id BIGINT)")
    domain = [("module", "=", module), ("model", "=", target.model)]
    for page in column_pages(destination, "ir.model.data", domain, ["name", "res_id"]):
        store.insert("_identity", page.select(external_id="name", odoo_id="res_id"))
    store.execute(
        f"""INSERT INTO ops.difference BY NAME
            SELECT entry.env, entry.model, external_id, entry.odoo_id, 'external_id' AS field,
                   entry.odoo_id::VARCHAR AS expected, found.odoo_id::VARCHAR AS actual,
                   CASE WHEN found.odoo_id IS NULL THEN 'identity_lost' ELSE 'identity_moved' END AS class,
                   staged._object AS source_object, staged._row_id AS source_row
            FROM ops.ledger AS entry LEFT JOIN _identity AS found USING (external_id)
            LEFT JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
            WHERE entry.env = ? AND entry.model = ? AND entry.origin = 'created'
            AND found.odoo_id IS DISTINCT FROM entry.odoo_id AND entry.odoo_id IN (SELECT id FROM _read_back)""",
        [env, target.model],
    )


def identity_fields(target: TargetSpec, fields: dict[str, ResolvedField]) -> list[tuple[ResolvedField, ...]]:
    """The sets of fields copies are known by, as far as this destination has them."""
    return [tuple(fields[name] for name in names) for names in target.identities if all(name in fields for name in names)]


def find_copies(
    store: StagingStore, destination: Destination, target: TargetSpec, env: str, sets: list[tuple[ResolvedField, ...]]
) -> None:
    """Records that are not ours and equal one of ours in all fields of a set, the first not blank: rows of ``ops.difference``.

    ``_read_back`` must hold our records with these fields. Records older than our first one were there before, and the
    match rule has dealt with them.
    """
    first = store.value(f"SELECT min(odoo_id) FROM ops.ledger WHERE {_CREATED}", [env, target.model]) if sets else None
    if first is None:
        return
    since = [("id", ">", int(first) - 1)]
    ours = int(store.value("SELECT count(*) FROM _read_back WHERE id >= ?", [first]))
    if destination.search_count(target.model, since, context={"active_test": False}) == ours:
        return
    ids = list(column_pages(destination, target.model, since, ["id"]))
    store.connection.register("_ids", pl.concat(ids) if ids else pl.DataFrame(schema={"id": pl.Int64}))
    strangers = [row[0] for row in store.rows("SELECT id FROM _ids WHERE id NOT IN (SELECT id FROM _read_back) ORDER BY 1")]
    store.connection.unregister("_ids")
    read: dict[str, FieldSchema] = {f.found_as: _as_read(f) for fields in sets for f in fields}
    fetch_records(store, destination, target.model, read.values(), strangers, "_stranger")
    for fields in sets:
        same = " AND ".join(f"{_text('ours', f)} IS NOT DISTINCT FROM {_text('stranger', f)}" for f in fields)
        known = f"coalesce({_text('ours', fields[0])}, '') <> ''"
        store.execute(
            f"""INSERT INTO ops.difference BY NAME
                SELECT entry.env, entry.model, entry.external_id, entry.odoo_id, 'id' AS field, entry.odoo_id::VARCHAR AS expected,
                       string_agg(DISTINCT stranger.id::VARCHAR, ', ' ORDER BY stranger.id::VARCHAR) AS actual, 'copy' AS class,
                       any_value(staged._object) AS source_object, any_value(staged._row_id) AS source_row
                FROM _read_back AS ours JOIN _stranger AS stranger ON {same}
                JOIN ops.ledger AS entry ON entry.odoo_id = ours.id
                LEFT JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
                WHERE entry.env = ? AND entry.model = ? AND entry.origin = 'created' AND {known}
                AND NOT EXISTS (SELECT 1 FROM ops.difference AS said WHERE said.env = entry.env AND said.model = entry.model
                                AND said.external_id = entry.external_id AND said.class = 'copy')
                GROUP BY ALL""",
            [env, target.model],
        )


def _as_read(field: ResolvedField) -> FieldSchema:
    """The field that is read; a file is known by the checksum Odoo keeps of it."""
    if field.found_as == field.schema.name:
        return field.schema
    return FieldSchema(field.found_as, "char", field.found_as, required=False, readonly=True, store=True)


def _text(table: str, field: ResolvedField) -> str:
    """SQL for a value as it is compared: case and spacing of plain text aside."""
    column = f"{table}.{quote(field.found_as)}"
    if field.schema.type == "many2many":
        return f"array_to_string(list_sort({column}), ',')"
    return f"fold({column}::VARCHAR)" if field.schema.type in {"char", "text"} else f"{column}::VARCHAR"
