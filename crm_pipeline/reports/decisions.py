"""What people can decide about values and rows, as queues, and what they decided, with what the export said before."""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_pipeline.specs import Mapping
from crm_pipeline.staging.decision_outcomes import decision_counts
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Decisions shown in a report; ``decided.csv`` has all.
SHOWN = 25

VALUE_COLUMNS = ("object", "column", "source_value", "decision", "target_value", "rows", "reason", "allowed")
ROW_COLUMNS = ("object", "key", "decision", "column", "new_value", "file", "row", "severity", "reason", "value", "problem")
DECIDED_COLUMNS = ("object", "key", "file", "row", "decision", "column", "before", "after", "reason", "note", "decided_in")


def waiting_values(store: StagingStore) -> pl.DataFrame:
    """Values that are none of those they may be, each once: ``VALUE_COLUMNS``, by object and column, most rows first.

    The first five columns are those of the resolution file.
    """
    return store.frame("""
        SELECT object, "column", source_value, '' AS decision, '' AS target_value, "rows", reason, allowed FROM ops.open_value
        ORDER BY object, "column", "rows" DESC, source_value
    """)


def waiting_rows(store: StagingStore, mapping: Mapping) -> pl.DataFrame:
    """Rows in quarantine and open warnings, one line for each cell concerned: ``ROW_COLUMNS``, in order of the export.

    The first five columns are those of the resolution file. Warnings about no row are left out: nothing names them.
    """
    return store.frame(f"""
        WITH error AS (SELECT * FROM ops.issue WHERE severity = 'error'), found AS (
            SELECT fate.object, fate.row_id, {_cell(mapping)} AS "column", fate.file, fate."row", 'error' AS severity,
                   coalesce(error.reason, fate.reason) AS reason, error.value, coalesce(error.message, fate.detail) AS problem
            FROM ops.row_fate AS fate LEFT JOIN error ON error.object = fate.object AND error.row_id = fate.row_id
            WHERE fate.fate = 'quarantined'
            UNION ALL
            SELECT object, row_id, coalesce("column", reason), file, "row", severity, reason, value, message
            FROM ops.issue WHERE severity = 'warning' AND row_id IS NOT NULL
        )
        SELECT object, address.key, '' AS decision, "column", '' AS new_value, file, "row", severity, reason, value, problem
        FROM found JOIN ({_addresses(store, mapping)}) AS address USING (object, row_id) ORDER BY object, file, "row", severity, "column"
    """)


def applied_decisions(store: StagingStore) -> pl.DataFrame:
    """Every cell replaced, row skipped and warning accepted, with the exported text: ``DECIDED_COLUMNS``."""
    return store.frame("""
        SELECT object, key, file, "row", decision, "column", before, after, reason, note,
               parse_filename(decided_in) || ', row ' || decided_row AS decided_in
        FROM ops.decided ORDER BY object, file, "row", "column" NULLS FIRST
    """)


def decision_facts(store: StagingStore) -> dict[str, Any]:
    """For the report: how many of each kind, how many in all, and the first."""
    applied = applied_decisions(store)
    return {"counts": decision_counts(store), "count": applied.height, "first": applied.head(SHOWN).to_dicts()}


def _cell(mapping: Mapping) -> str:
    """SQL: the exported column an error is about; none where it is about one made of several that nobody can fix as such."""
    made = {
        (name, reference.column): reference.decided_by
        for name, spec in mapping.source.objects.items() for reference in spec.references if reference.decided_by is not None
    }  # fmt: skip
    made |= {(name, column): "" for name, spec in mapping.source.objects.items() for column in spec.further_columns if (name, column) not in made}
    cases = " ".join(
        f'WHEN fate.object = {literal(name)} AND error."column" = {literal(column)} THEN {literal(cell)}' for (name, column), cell in made.items()
    )
    return f"coalesce(CASE {cases} ELSE error.\"column\" END, '')" if cases else "coalesce(error.\"column\", '')"


def _addresses(store: StagingStore, mapping: Mapping) -> str:
    """SQL: object and row id → what names the row in ``rows.csv``: its key, or its place where it has none of its own."""
    selects = ["SELECT NULL::VARCHAR AS object, NULL::BIGINT AS row_id, NULL::VARCHAR AS key WHERE FALSE"]
    for (name,) in store.rows(
        "SELECT object FROM ops.row_fate WHERE fate = 'quarantined' UNION SELECT object FROM ops.issue WHERE row_id IS NOT NULL ORDER BY 1"
    ):
        spec = mapping.source.objects[name]
        key = f"{quote(spec.key)}::VARCHAR" if spec.key in spec.columns else "NULL::VARCHAR"
        tables = " UNION ALL ".join(
            f"SELECT _row_id AS row_id, _file || ':' || _row AS place, {key} AS key FROM {quote(f'typed.{name}{suffix}')}"
            for suffix in ("", "__rejected")
            if store.has_table(f"typed.{name}{suffix}")
        )
        copies = f"SELECT row_id FROM ops.fate WHERE object = {literal(name)} AND (fate = 'duplicate' OR reason = 'malformed_row')"
        # a row whose key was fixed is named as it was when it was fixed
        renamed = (
            f"SELECT d.row_id, any_value(m.key) AS key FROM ops.decided AS d JOIN ops.row_decision AS m USING (object, decided_row) "
            f"WHERE d.object = {literal(name)} AND d.decision = 'fix' AND d.\"column\" = {literal(spec.key)} GROUP BY d.row_id"
        )
        selects.append(
            f"""SELECT {literal(name)}, each.row_id, CASE WHEN renamed.key IS NOT NULL THEN renamed.key
                       WHEN each.key IS NULL OR own.key IS NULL OR each.row_id IN ({copies}) THEN place ELSE each.key END
                FROM ({tables}) AS each LEFT JOIN ({renamed}) AS renamed USING (row_id) LEFT JOIN (
                    SELECT key FROM ({tables}) WHERE row_id NOT IN ({copies}) GROUP BY key HAVING count(*) = 1
                ) AS own ON own.key = each.key"""
        )
    return " UNION ALL ".join(selects)
