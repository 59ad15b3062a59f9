"""Rows that the CRM deleted since they were exported: marked, so that their records are archived and none is made (R-16).

A marked row stays among the accepted ones: what refers to it still finds it, and its record keeps all values but
``active``. Nothing is ever unlinked because of it.
"""

from __future__ import annotations

import polars as pl

from crm_pipeline.exports import Drop
from crm_pipeline.exports.deletions import read_deletions
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.kept import copy_as_read
from crm_pipeline.staging.rejections import layer_of
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.staging.typed import DELETED

_COLUMNS = ("object", "object_text", "key", "deleted_at", "deleted_by", "file", "row")


def mark_deletions(store: StagingStore, spec: SourceSpec, drop: Drop) -> None:
    """Fill ``ops.deleted_row`` from the lists of a delta and those below it, and mark the rows they name.

    A row that is newer than its deletion, or came with a later drop, was made again and is not marked. Entries that name
    no row become warnings.

    Raises:
        UnreadableFileError: a list can't be read.
    """
    store.execute("DELETE FROM ops.deleted_row")
    store.execute("DELETE FROM ops.issue WHERE reason = 'unknown_deleted'")
    found = read_deletions(spec, drop)
    if not found:
        return
    deltas = [layer.name for layer in drop.layers[1:]] or [drop.name]
    frame = pl.DataFrame(
        [tuple(getattr(each, name) for name in _COLUMNS) for each in found],
        schema=dict.fromkeys(_COLUMNS, pl.String) | {"row": pl.Int64}, orient="row",
    )  # fmt: skip
    store.connection.register("_deletions", frame)
    store.execute(
        f"""INSERT INTO ops.deleted_row BY NAME
            SELECT object, object_text, key, parse_dt(deleted_at) AS deleted_at, nullif(deleted_by, '') AS deleted_by, file, "row",
                   {layer_of("file", deltas)} AS layer, FALSE AS known, FALSE AS made_again FROM _deletions"""
    )
    store.connection.unregister("_deletions")
    for name in sorted({each.object for each in found if each.object is not None}):
        if store.has_table(f"typed.{name}"):
            _mark(store, spec, name, deltas)
    store.execute(
        """INSERT INTO ops.issue BY NAME
           SELECT coalesce(object, object_text) AS object, NULL AS row_id, key, file, "row", 'Record ID' AS "column", key AS value,
                  'unknown_deleted' AS reason, 'warning' AS severity,
                  file || ', row ' || "row" || ': ' || CASE WHEN object IS NULL THEN '"' || object_text || '" is no object of the export'
                  WHEN key = '' THEN 'the Record ID is blank' ELSE object || ' "' || key || '" is in no export that was read' END
                  || '; nothing is done about it.' AS message
           FROM ops.deleted_row WHERE NOT known"""
    )


def _mark(store: StagingStore, spec: SourceSpec, name: str, deltas: list[str]) -> None:
    copy_as_read(store, name)
    object_spec = spec.objects[name]
    key, typed = quote(object_spec.key), quote(f"typed.{name}")
    newer = f"coalesce(t.{quote(object_spec.newest_by)} > gone.deleted_at, FALSE)" if object_spec.newest_by else "FALSE"
    again = f"({layer_of('t._file', deltas)} > gone.layer OR {newer})"
    same = f"gone.object = {literal(name)} AND gone.key = t.{key}::VARCHAR"
    for table in (typed, quote(f"typed.{name}__rejected")):
        store.execute(f"UPDATE ops.deleted_row AS gone SET known = TRUE FROM {table} AS t WHERE {same}")
    store.execute(f"UPDATE ops.deleted_row AS gone SET made_again = TRUE FROM {typed} AS t WHERE {same} AND {again}")
    store.execute(f"UPDATE {typed} AS t SET {DELETED} = TRUE FROM ops.deleted_row AS gone WHERE {same} AND NOT gone.made_again")
