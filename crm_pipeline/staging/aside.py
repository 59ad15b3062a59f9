"""Setting rows aside: out of the typed table, into the rejected one, with their fate. One place for every rule that does."""

from __future__ import annotations

from crm_pipeline.staging.kept import copy_as_read
from crm_pipeline.staging.store import StagingStore, literal, quote


def set_aside(store: StagingStore, object_name: str, key: str, rows: str) -> None:
    """Give accepted rows of ``typed.<object>`` a fate and move them to ``typed.<object>__rejected``.

    Args:
        store: the staging store.
        object_name: the source object.
        key: its key column.
        rows: SQL for the rows: ``_row_id``, fate, reason and detail, in this order.
    """
    typed, rejected = quote(f"typed.{object_name}"), quote(f"typed.{object_name}__rejected")
    copy_as_read(store, object_name)
    store.execute(f"CREATE OR REPLACE TEMP TABLE _aside AS SELECT * FROM ({rows}) AS found(_row_id, fate, reason, detail)")
    store.execute(
        f"INSERT INTO ops.fate SELECT {literal(object_name)}, t._row_id, t.{quote(key)}::VARCHAR, t._file, t._row, a.fate, "
        f"a.reason, a.detail FROM _aside AS a JOIN {typed} AS t USING (_row_id) ORDER BY t._row_id"
    )
    among = "_row_id IN (SELECT _row_id FROM _aside)"
    store.execute(f"INSERT INTO {rejected} BY NAME SELECT * FROM {typed} WHERE {among} ORDER BY _row_id")
    store.execute(f"DELETE FROM {typed} WHERE {among}")
    store.execute("DROP TABLE _aside")
