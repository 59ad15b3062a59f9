"""Bring records up to date whose source changed since they were loaded, without overwriting what people did in Odoo.

Three-way by field: what was loaded last, what Odoo holds now, what the source says now. Only fields whose source value
changed are sent, and only while Odoo still holds what was loaded; otherwise Odoo's value stays and the field goes to
the conflict queue with all three values.
"""

from __future__ import annotations

import polars as pl

from crm_pipeline.odoo.comparison import equal_sql, fetch_records, text_sql
from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.resolved import ResolvedField, load_cell, resolve_fields, resolved_select, streams
from crm_pipeline.odoo.sender import Batch, Sender
from crm_pipeline.specs import Mapping, SourceBlock, TargetSpec
from crm_pipeline.staging.staged import path_column, size_column
from crm_pipeline.staging.store import StagingStore, literal, quote


def update_changed(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, ledger: Ledger, sender: Sender,
    schema: dict[str, FieldSchema],
) -> int:  # fmt: skip
    """Send the changed fields of records that were loaded before; one call for each set of changed fields.

    Returns how many records were written. Conflicts are rows of ``ops.conflict``.
    """
    updated = 0
    for blocks in streams(target):
        fields = [f for f in resolve_fields(target, target.as_one(blocks), schema) if f.spec.is_sent]
        if _find_changed(store, mapping, target, blocks, fields, ledger.env):
            ids = [row[0] for row in store.rows("SELECT _odoo_id FROM _new ORDER BY 1")]
            fetch_records(store, destination, target.model, [schema[f.found_as] for f in fields], ids, "_now")
            updated += _send_changes(store, target, fields, ledger, sender)
    return updated


_CHANGED = """
    ops.ledger AS entry JOIN {table} AS staged USING (external_id)
    WHERE entry.env = {env} AND entry.origin = 'created' AND entry.row_hash <> staged._hash
"""


def _changed(target: TargetSpec, env: str) -> str:
    return _CHANGED.format(table=quote(f"staged.{target.table}"), env=literal(env))


def _find_changed(
    store: StagingStore, mapping: Mapping, target: TargetSpec, blocks: tuple[SourceBlock, ...],
    fields: list[ResolvedField], env: str,
) -> int:  # fmt: skip
    """``_new``: changed rows resolved, with their database id; ``_last``: the same rows as they were last loaded."""
    columns = store.columns(f"staged.{target.table}")
    last_values = ", ".join(
        f"(entry.\"values\" ->> {literal('$.' + f.name)})::{columns[f.name]} AS {quote(f.name)}"
        if not columns[f.name].endswith("[]")
        else f"(entry.\"values\" -> {literal('$.' + f.name)})::{columns[f.name]} AS {quote(f.name)}"
        for f in fields
    )
    last_values += "".join(
        f", NULL AS {quote(column(f.name))}" for f in fields if f.spec.file for column in (path_column, size_column)
    )
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _last_staged AS
        SELECT staged.external_id, staged._block, staged._order, staged._hash, staged._values, {last_values}
        FROM {_changed(target, env)}
    """)
    plain = tuple(block.model_copy(update={"fields": {f.name: f.spec for f in fields}}) for block in blocks)
    for name, relation in (("_new", None), ("_last", "_last_staged")):
        select = resolved_select(mapping, target, plain, fields, env, relation)
        store.execute(f"""
            CREATE OR REPLACE TEMP TABLE {name} AS SELECT resolved.*, entry.odoo_id AS _odoo_id
            FROM ({select}) AS resolved JOIN ops.ledger AS entry USING (external_id)
            WHERE entry.env = {literal(env)} AND entry.origin = 'created' AND entry.row_hash <> resolved._hash
            AND len(resolved._unresolved) = 0
        """)
    return int(store.value("SELECT count(*) FROM _new"))


def _send_changes(
    store: StagingStore, target: TargetSpec, fields: list[ResolvedField], ledger: Ledger, sender: Sender
) -> int:
    """Compare three ways, queue conflicts, and send what is left grouped by its set of fields."""
    changed: list[str] = []
    for field in fields:
        new, last, now = f"new.{quote(field.name)}", f"last.{quote(field.name)}", f"now.{quote(field.found_as)}"
        moved = f"NOT ({equal_sql(field, last, now)}) AND NOT ({equal_sql(field, new, now)})"
        store.execute(
            "DELETE FROM ops.conflict WHERE env = ? AND model = ? AND field = ? AND external_id IN (SELECT external_id FROM _new)",
            [ledger.env, target.model, field.name],
        )
        store.execute(
            f"""INSERT INTO ops.conflict BY NAME
                SELECT ? AS env, ? AS model, new.external_id, ? AS field, {text_sql(field, last)} AS last_loaded,
                       {text_sql(field, now)} AS odoo_now, {text_sql(field, new)} AS new_source
                FROM _new AS new JOIN _last AS last USING (external_id) JOIN _now AS now ON now.id = new._odoo_id
                WHERE NOT ({equal_sql(field, new, last)}) AND {moved}""",
            [ledger.env, target.model, field.name],
        )
        send = f"NOT ({equal_sql(field, new, last)}) AND {equal_sql(field, last, now)}"
        changed.append(f"CASE WHEN {send} THEN {literal(field.name)} END")
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _change AS
        SELECT new.external_id, concat_ws(' ', {", ".join(changed)}) AS fields
        FROM _new AS new JOIN _last AS last USING (external_id) JOIN _now AS now ON now.id = new._odoo_id
    """)
    by_name = {field.name: field for field in fields}
    refused: dict[str, str] = {}
    for (names,) in store.rows("SELECT DISTINCT fields FROM _change WHERE fields <> '' ORDER BY 1"):
        sent = [by_name[name] for name in names.split()]
        refused |= _send_group(store, target, sent, names, sender)
        resent = [f for f in fields if f.spec.resend]
        if resent:
            refused |= _send_group(store, target, resent, names, sender)
    _keep(store, target, ledger, refused)
    return int(store.value("SELECT count(*) FROM _change WHERE fields <> ''")) - len(refused)


def _send_group(
    store: StagingStore, target: TargetSpec, fields: list[ResolvedField], group: str, sender: Sender
) -> dict[str, str]:
    cells = ", ".join(load_cell(f, quote(f.name)) for f in fields)
    rows = store.rows(
        f"SELECT external_id, {cells} FROM _new JOIN _change USING (external_id) WHERE fields = ? ORDER BY _order", [group]
    )
    refused: dict[str, str] = {}
    for start in range(0, len(rows), target.load.batch):
        part = rows[start : start + target.load.batch]
        batch = Batch(
            target.model, tuple(f.column for f in fields), tuple(row[0] for row in part), tuple(row[1:] for row in part),
            files=tuple(position for position, f in enumerate(fields) if f.spec.file is not None),
            context=target.load.context,
        )  # fmt: skip
        refused |= sender.update(batch).refused
    return refused


def _keep(store: StagingStore, target: TargetSpec, ledger: Ledger, refused: dict[str, str]) -> None:
    loaded = store.frame('SELECT external_id, _odoo_id AS odoo_id, _block AS block, _hash AS row_hash, _values AS "values" FROM _new')
    ledger.record(target.model, loaded.filter(~pl.col("external_id").is_in(list(refused))))
    if refused:
        blocks = dict(store.rows("SELECT external_id, _block FROM _new"))
        ledger.refuse(
            target.model,
            pl.DataFrame(
                [
                    {"external_id": name, "block": blocks[name], "kind": "failed", "reason": "update_refused", "message": text}
                    for name, text in refused.items()
                ]
            ),
        )
