"""Keys listed in one cell, as far as they lead to rows that were accepted."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote


class KeysOf(SpecModel):
    """The object the keys belong to.

    Attributes:
        key: the column that is listed.
        gives: the column to give for it where exactly one row has it; the listed column itself when not said.
    """

    object: Identifier
    key: Identifier
    gives: Identifier | None = None


class ListedKeysOptions(SpecModel):
    """Whose rows list keys, in which column, and of what."""

    object: Identifier
    key: Identifier
    list: Identifier
    of: KeysOf


def listed_keys(store: StagingStore, name: str, options: ListedKeysOptions) -> None:
    """Writes ``derived.<name>``: ``key`` of each row that lists accepted ones, and these as ``keys`` in their order.

    ``found`` is what was listed of them, which differs where another column is given for it.
    """
    o = options
    gives = quote(o.of.gives or o.of.key)
    once = f"WHERE TRUE QUALIFY count(*) OVER (PARTITION BY {quote(o.of.key)}) = 1" if o.of.gives else ""
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT listing.key, list(found.given ORDER BY listing.place) AS keys, list(wanted ORDER BY listing.place) AS found,
               min(listing._row_id) AS _row_id
        FROM (
            SELECT {quote(o.key)} AS key, unnest({quote(o.list)}) AS wanted,
                   generate_subscripts({quote(o.list)}, 1) AS place, _row_id
            FROM {quote(f"typed.{o.object}")}
        ) AS listing JOIN (
            SELECT {quote(o.of.key)} AS wanted, {gives} AS given FROM {quote(f"typed.{o.of.object}")} {once}
        ) AS found USING (wanted)
        GROUP BY listing.key
    """)
