"""The bytes of files in Odoo, read back and compared with the export's, not only the checksum Odoo keeps of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import polars as pl

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.resolved import ResolvedField
from crm_pipeline.specs import TargetSpec
from crm_pipeline.staging.staged import size_column
from crm_pipeline.staging.store import StagingStore, quote

#: Bytes of the files read in one call; one larger file comes alone.
_BYTES = 8_000_000
_FILES = 50


def compare_contents(store: StagingStore, destination: Destination, target: TargetSpec, env: str, field: ResolvedField) -> None:
    """Files of created records whose bytes in Odoo are not the export's become rows of ``ops.difference``.

    Memory holds the files of one call.
    """
    staged, digest = quote(f"staged.{target.table}"), quote(field.name)
    rows = store.rows(
        f"""SELECT entry.odoo_id, coalesce({quote(size_column(field.name))}, 0) FROM {staged}
            JOIN ops.ledger AS entry USING (external_id) WHERE entry.env = ? AND entry.model = ? AND entry.origin = 'created'
            AND {digest} IS NOT NULL ORDER BY 1""",
        [env, target.model],
    )
    store.execute("CREATE OR REPLACE TEMP TABLE _content (odoo_id BIGINT, sha1 VARCHAR)")
    for ids in _calls(rows):
        records = destination.search_read(target.model, [("id", "in", ids)], [field.schema.name], context={"active_test": False})
        digests = [hashlib.sha1(base64.b64decode(record[field.schema.name] or b""), usedforsecurity=False).hexdigest() for record in records]
        store.insert("_content", pl.DataFrame({"odoo_id": [record["id"] for record in records], "sha1": digests}))
    store.execute(
        f"""INSERT INTO ops.difference BY NAME
            SELECT entry.env, entry.model, external_id, entry.odoo_id, ? AS field, staged.{digest} AS expected, found.sha1 AS actual,
                   'changed' AS class, staged._object AS source_object, staged._row_id AS source_row
            FROM {staged} AS staged JOIN ops.ledger AS entry USING (external_id) JOIN _content AS found ON found.odoo_id = entry.odoo_id
            WHERE entry.env = ? AND entry.model = ? AND found.sha1 <> staged.{digest} AND NOT EXISTS (
                SELECT 1 FROM ops.difference AS said WHERE said.env = entry.env AND said.model = entry.model
                AND said.external_id = staged.external_id AND said.field = ?)""",
        [field.name, env, target.model, field.name],
    )


def _calls(rows: list[tuple[int, int]]) -> Iterator[list[int]]:
    part: list[int] = []
    size = 0
    for odoo_id, length in rows:
        if part and (size + length > _BYTES or len(part) == _FILES):
            yield part
            part, size = [], 0
        part.append(odoo_id)
        size += length
    if part:
        yield part
