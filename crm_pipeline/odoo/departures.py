"""Loaded records that the newest export makes no more: they stay staged as they were last loaded, so that nothing is lost sight of.

Why an export makes a record no more: its row is ``absent`` (from a newer full export), ``merged`` into another record since,
was ``set_aside`` (it is exported, but in quarantine or excluded now), or is ``not_made`` (a company or contact that no row
names any more). Such a record is kept in Odoo and reported. A merged row's own record is archived, or its amount would
count twice, and that of an absent row where the mapping says ``archive_absent``. Nothing is unlinked.
"""

from __future__ import annotations

from collections.abc import Iterable

from crm_pipeline.specs import SourceBlock, TargetSpec
from crm_pipeline.specs.target import ACTIVE
from crm_pipeline.staging.staged import confirmed_fields, external_id_of
from crm_pipeline.staging.store import StagingStore, literal, quote


def stage_departed(store: StagingStore, target: TargetSpec, env: str) -> int:
    """Put the loaded records that are not staged into ``staged.<model>`` and ``ops.departed``; returns how many there are.

    They replace those of another environment.
    """
    table, here = quote(f"staged.{target.table}"), [env, target.model]
    gone = f"""SELECT external_id, odoo_id, block, "values", row_hash FROM ops.ledger
        WHERE env = $1 AND model = $2 AND origin = 'created' AND "values" IS NOT NULL
        AND external_id NOT IN (SELECT external_id FROM {table} WHERE NOT _departed)"""
    earlier, told, count = store.counts([f"FROM {table} WHERE _departed", "FROM ops.departed WHERE env = $1 AND model = $2", gone], here)
    if earlier:
        store.execute(f"DELETE FROM {table} WHERE _departed")
    if told:
        store.execute("DELETE FROM ops.departed WHERE env = ? AND model = ?", here)
    if count:
        store.execute(f"CREATE OR REPLACE TEMP TABLE _gone AS {gone}", here)
        _note_causes(store, target, env)
        _stage(store, target, table, env)
    return count


def last_values(columns: dict[str, str], names: Iterable[str], values: str = '"values"') -> str:
    """SQL for staged columns from the values that were last loaded.

    Args:
        columns: DuckDB types of the staged table's columns.
        names: the fields.
        values: SQL for the values as JSON.
    """
    return ", ".join(
        f"({values} {'->' if columns[name].endswith('[]') else '->>'} {literal('$.' + name)})::{columns[name]} AS {quote(name)}"
        for name in names
    )


def _note_causes(store: StagingStore, target: TargetSpec, env: str) -> None:
    for block in target.sources:
        cause = "'not_made'"
        if block.accounts_for is not None and block.accounts_for == block.object:
            merged = f"WHERE src._row_id IN (SELECT row_id FROM ops.fate WHERE object = {literal(block.object)} AND fate = 'merged')"
            cause = (
                f"CASE WHEN external_id IN ({_exported_ids(store, block, merged)}) THEN 'merged' "
                f"WHEN external_id IN ({_exported_ids(store, block)}) THEN 'set_aside' ELSE 'absent' END"
            )
        archived = [name for name, wanted in (("merged", ACTIVE in block.fields), ("absent", block.archive_absent)) if wanted]
        action = f"CASE WHEN list_contains([{', '.join(map(literal, archived))}]::VARCHAR[], {cause}) THEN 'archive' ELSE 'keep' END"
        store.execute(
            f"""INSERT INTO ops.departed SELECT ?, ?, external_id, odoo_id, {cause}, {action}
                FROM _gone WHERE block = ?""",
            [env, target.model, block.name],
        )
    known = [block.name for block in target.sources]
    store.execute(
        "INSERT INTO ops.departed SELECT ?, ?, external_id, odoo_id, 'not_made', 'keep' FROM _gone WHERE NOT coalesce(list_contains(?, block), FALSE)",
        [env, target.model, known],
    )


def _exported_ids(store: StagingStore, block: SourceBlock, where: str = "") -> str:
    """SQL for the external ids of all exported rows of a block's object, accepted or not."""
    tables = [name for name in (f"typed.{block.object}", f"typed.{block.object}__rejected") if store.has_table(name)]
    return " UNION ALL ".join(f"SELECT {external_id_of(block)} FROM {quote(name)} AS src {where}" for name in tables)


def _stage(store: StagingStore, target: TargetSpec, table: str, env: str) -> None:
    columns = store.columns(f"staged.{target.table}")
    sent = list(dict.fromkeys(n for b in target.sources for n, s in confirmed_fields(b).items() if not s.staged_only))
    archived = f"""departed.action = 'archive' AND coalesce(("values" ->> '$.{ACTIVE}')::BOOLEAN, TRUE)"""
    found = last_values(columns, (name for name in sent if name in columns))
    replaced = f" REPLACE (CASE WHEN _archived THEN FALSE ELSE {quote(ACTIVE)} END AS {quote(ACTIVE)})" if ACTIVE in sent else ""
    store.execute(
        f"""INSERT INTO {table} BY NAME
            SELECT * EXCLUDE (_archived){replaced} FROM (
                SELECT gone.external_id, block AS _block, NULL::VARCHAR AS _object, NULL::BIGINT AS _row_id,
                       9000000000000000 + row_number() OVER (ORDER BY gone.external_id) AS _order, FALSE AS _needed, FALSE AS _creatable,
                       FALSE AS _deleted, TRUE AS _departed, {archived} AS _archived, {found},
                       CASE WHEN {archived} THEN md5(row_hash || ' archived') ELSE row_hash END AS _hash
                FROM _gone AS gone JOIN ops.departed AS departed USING (external_id) WHERE departed.env = ? AND departed.model = ?
            )""",
        [env, target.model],
    )
