"""Keys listed in one cell, as far as they lead to rows that were accepted."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote


class KeysOf(SpecModel):
    """The object the keys belong to."""

    object: Identifier
    key: Identifier


class ListedKeysOptions(SpecModel):
    """Whose rows list keys, in which column, and of what."""

    object: Identifier
    key: Identifier
    list: Identifier
    of: KeysOf


def listed_keys(store: StagingStore, name: str, options: ListedKeysOptions) -> None:
    """Writes ``derived.<name>``: ``key`` of each row that lists accepted ones, and these as ``keys`` in their order."""
    o = options
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT listing.key, list(listing.wanted ORDER BY listing.place) AS keys, min(listing._row_id) AS _row_id
        FROM (
            SELECT {quote(o.key)} AS key, unnest({quote(o.list)}) AS wanted,
                   generate_subscripts({quote(o.list)}, 1) AS place, _row_id
            FROM {quote(f"typed.{o.object}")}
        ) AS listing JOIN {quote(f"typed.{o.of.object}")} AS found ON found.{quote(o.of.key)} = listing.wanted
        GROUP BY listing.key
    """)
