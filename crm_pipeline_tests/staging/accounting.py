"""Row accounting: every exported row is accepted or has a fate, never both, never neither."""

from __future__ import annotations

import polars as pl

from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore, quote

FATES = ("loaded", "merged", "excluded", "quarantined", "queued", "duplicate")


def accounting(store: StagingStore, spec: SourceSpec) -> pl.DataFrame:
    """One row for each object that was read.

    Columns: ``object``, ``exported`` (rows of the raw table), ``accepted`` (rows of the typed table), one count for each
    fate of rows that were not accepted, ``balanced`` (each row counts exactly once).
    """
    rows = [_of_object(store, name) for name in spec.objects if store.has_table(f"raw.{name}")]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "object": pl.String,
        "exported": pl.Int64,
        "accepted": pl.Int64,
    }
    schema |= dict.fromkeys(FATES, pl.Int64) | {"balanced": pl.Boolean}
    return pl.DataFrame(rows, schema=schema)


def _of_object(store: StagingStore, name: str) -> dict[str, object]:
    raw, typed = quote(f"raw.{name}"), quote(f"typed.{name}")
    exported = store.value(f"SELECT count(*) FROM {raw}")
    if not store.has_table(f"typed.{name}"):
        return {
            "object": name,
            "exported": exported,
            "accepted": 0,
            **dict.fromkeys(FATES, 0),
            "balanced": not exported,
        }
    accepted = store.value(f"SELECT count(*) FROM {typed}")
    outside = (
        f"FROM ops.fate AS f WHERE object = ? AND NOT EXISTS (SELECT 1 FROM {typed} AS t WHERE t._row_id = f.row_id)"
    )
    fates = dict(store.rows(f"SELECT fate, count(*) {outside} GROUP BY ALL", [name]))
    once = store.value(
        f"SELECT count(*) FROM (SELECT _row_id FROM {typed} UNION SELECT row_id {outside}) AS u "
        f"JOIN {raw} AS r USING (_row_id)",
        [name],
    )
    balanced = exported == accepted + sum(fates.values()) == once
    counts = {fate: fates.get(fate, 0) for fate in FATES}
    return {"object": name, "exported": exported, "accepted": accepted, **counts, "balanced": balanced}
