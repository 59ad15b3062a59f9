"""Row accounting: every exported row ends in exactly one fate, and every staged record is somewhere.

The law: exported = loaded + merged + excluded + quarantined + queued + duplicates, for each object.
"""

from __future__ import annotations

import polars as pl

from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, literal, quote

FATES = ("loaded", "merged", "excluded", "quarantined", "queued", "duplicate")


def record_documented(store: StagingStore, mapping: Mapping) -> None:
    """Give accepted rows of objects that are documented only, or excluded by rule, their fate."""
    for name, spec in mapping.source.objects.items():
        if spec.scope == "documented":
            store.execute(
                f"""INSERT INTO ops.fate BY NAME
                    SELECT ? AS object, _row_id AS row_id, {quote(spec.key)}::VARCHAR AS key, _file AS file, _row AS "row",
                           'excluded' AS fate, 'documented' AS reason, 'read and reported; not loaded' AS detail
                    FROM {quote(f"typed.{name}")}""",
                [name],
            )


def environment_fates(store: StagingStore, mapping: Mapping, env: str) -> None:
    """Build ``ops.row_fate``: every exported row with its fate in this environment.

    Columns: object, row_id, key, file, row, fate, reason, detail. Fates decided in staging (duplicate, quarantined,
    merged, excluded) hold everywhere; the others depend on what the destination has.
    """
    selects = ['SELECT object, row_id, key, file, "row", fate, reason, detail FROM ops.fate']
    for name, spec in mapping.source.objects.items():
        if spec.scope == "documented" or not store.has_table(f"typed.{name}"):
            continue
        selects.append(_loadable_rows(store, mapping, name, spec.key, env))
    store.execute(f"CREATE OR REPLACE TABLE ops.row_fate AS {' UNION ALL '.join(selects)}")


def _loadable_rows(store: StagingStore, mapping: Mapping, name: str, key: str, env: str) -> str:
    staged = [
        f"SELECT _row_id, external_id, _needed, {literal(target.model)} AS model FROM {quote(f'staged.{target.table}')} "
        f"WHERE _block = {literal(block.name)}"
        for target in mapping.targets
        for block in target.sources
        if block.accounts_for == name and store.has_table(f"staged.{target.table}")
    ]
    records = " UNION ALL ".join(staged) or (
        "SELECT NULL::BIGINT AS _row_id, NULL AS external_id, NULL::BOOLEAN AS _needed, NULL AS model WHERE FALSE"
    )
    return f"""
        SELECT {literal(name)} AS object, src._row_id AS row_id, src.{quote(key)}::VARCHAR AS key, src._file AS file,
               src._row AS "row",
               CASE WHEN entry.origin = 'unassigned' THEN 'excluded' WHEN entry.origin IS NOT NULL THEN 'loaded'
                    WHEN left_out.reason IS NOT NULL THEN 'excluded'
                    WHEN refusal.kind = 'failed' THEN 'quarantined'
                    WHEN refusal.kind = 'queued' AND NOT record._needed THEN 'excluded' ELSE 'queued' END AS fate,
               CASE WHEN entry.origin = 'unassigned' THEN 'unassigned_by_decision'
                    WHEN entry.origin = 'linked' THEN 'linked_to_existing' WHEN entry.origin IS NOT NULL THEN NULL
                    WHEN left_out.reason IS NOT NULL THEN left_out.reason
                    WHEN refusal.kind = 'queued' AND NOT record._needed THEN 'not_needed'
                    WHEN refusal.reason IS NOT NULL THEN refusal.reason
                    WHEN record.external_id IS NULL THEN 'no_record_staged' ELSE 'not_loaded_yet' END AS reason,
               coalesce(left_out.message, refusal.message, record.external_id) AS detail
        FROM {quote(f"typed.{name}")} AS src LEFT JOIN ({records}) AS record ON record._row_id = src._row_id
        LEFT JOIN ops.ledger AS entry ON entry.env = {literal(env)} AND entry.external_id = record.external_id
        LEFT JOIN ops.refusal AS refusal ON refusal.env = {literal(env)} AND refusal.external_id = record.external_id
            AND refusal.model = record.model
        LEFT JOIN ops.left_out AS left_out ON left_out.env = {literal(env)} AND left_out.external_id = record.external_id
        WHERE src._row_id NOT IN (SELECT row_id FROM ops.fate WHERE object = {literal(name)})
    """


def delta_rows(store: StagingStore) -> str | None:
    """How the names of files begin that the drop read last brought itself, when it is a delta."""
    found = store.rows('SELECT "drop" FROM ops.reading WHERE len(layers) > 1')
    return f"{found[0][0]}/" if found else None


def account(store: StagingStore, mapping: Mapping, files: str | None = None) -> pl.DataFrame:
    """One row for each object: exported, one count for each fate, ``accounted`` (rows with exactly one fate).

    With ``files`` only rows of files whose names begin so are counted. Reads ``ops.row_fate``; call :func:`environment_fates` first.
    """
    own, told = (f"WHERE starts_with({column}, {literal(files)})" if files else "" for column in ("_file", "file"))
    exported = " UNION ALL ".join(
        f"SELECT {number} AS position, {literal(name)} AS object, count(*) AS exported FROM {quote(f'raw.{name}')} {own}"
        for number, name in enumerate(mapping.source.objects)
    )
    counts = ", ".join(f"count(*) FILTER (fate = {literal(fate)}) AS {fate}" for fate in FATES)
    columns = ", ".join(f"coalesce({fate}, 0) AS {fate}" for fate in FATES)
    return store.frame(f"""
        WITH fates AS (
            SELECT object, {counts} FROM ops.row_fate {told} GROUP BY object
        ), single AS (
            SELECT object, count(*) AS accounted FROM (
                SELECT object, row_id FROM ops.row_fate {told} GROUP BY ALL HAVING count(*) = 1
            ) GROUP BY object
        )
        SELECT objects.object, exported, {columns}, coalesce(accounted, 0) AS accounted
        FROM ({exported}) AS objects LEFT JOIN fates USING (object) LEFT JOIN single USING (object) ORDER BY position
    """)


def reasons(store: StagingStore, files: str | None = None) -> dict[str, dict[str, int]]:
    """For each object the rows that are not simply loaded, by reason; with ``files`` as :func:`account`."""
    found: dict[str, dict[str, int]] = {}
    for name, reason, count in store.rows(
        """SELECT object, reason, count(*) FROM ops.row_fate WHERE reason IS NOT NULL AND starts_with(file, ?)
           GROUP BY 1, 2 ORDER BY 1, 2""",
        [files or ""],
    ):
        found.setdefault(name, {})[reason] = count
    return found
