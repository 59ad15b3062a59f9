"""What the decisions about values and rows came to, once an export is read: warnings accepted, values still open, no use."""

from __future__ import annotations

from pathlib import Path

from crm_pipeline.specs import Mapping, SourceSpec
from crm_pipeline.specs.source import ReferenceSpec
from crm_pipeline.staging.decisions import ResolutionFileError
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Keys of another object that are listed as what a value may be.
_SHOWN = 30
#: Whether a decision to accept is about an issue: about all of the row, those of a column, or those with a reason.
_ABOUT = '(d."column" IS NULL OR i."column" IN (d."column", d.heading) OR i.reason = d."column")'
_NAMED = """ops.issue AS i JOIN ops.addressed_row AS a ON a.object = i.object AND a.row_id = i.row_id
            JOIN ops.row_decision AS d ON d.object = a.object AND d.decided_row = a.decided_row AND d.decision = 'accept'"""


def conclude_decisions(store: StagingStore, mapping: Mapping) -> None:
    """Accept warnings, and keep the values that are still open, after references and rules were checked.

    Raises:
        ResolutionFileError: where an error or something unknown was accepted, or a value was mapped to one that leads nowhere.
    """
    spec = mapping.source
    _refuse_unknown_warnings(store, mapping)
    _refuse_accepted_errors(store)
    for name, own in spec.objects.items():
        for reference in own.references:
            if reference.decided_by is not None:
                _refuse_lost_targets(store, spec, name, reference)
    accept_warnings(store)
    _keep_open_values(store, spec)


def accept_warnings(store: StagingStore) -> None:
    """Move warnings that people accepted from ``ops.issue`` to ``ops.decided``."""
    if not store.value("SELECT count(*) FROM ops.row_decision WHERE decision = 'accept'"):
        return
    store.execute(
        f"""CREATE OR REPLACE TEMP TABLE _accepted AS SELECT i.rowid AS issue, d.decided_in, d.decided_row
            FROM {_NAMED} WHERE i.severity = 'warning' AND {_ABOUT}"""
    )
    store.execute(
        """UPDATE ops.row_decision SET used = TRUE WHERE decision = 'accept'
           AND decided_row IN (SELECT decided_row FROM _accepted)"""
    )
    store.execute(
        """INSERT INTO ops.decided SELECT i.object, i.row_id, i.key, i.file, i."row", 'accept', i."column", i.value, NULL, i.reason,
                  i.message, a.decided_in, a.decided_row
           FROM ops.issue AS i JOIN (SELECT * FROM _accepted QUALIFY row_number() OVER (PARTITION BY issue ORDER BY decided_row) = 1) AS a
           ON a.issue = i.rowid ORDER BY i.rowid"""
    )
    store.execute("DELETE FROM ops.issue WHERE rowid IN (SELECT issue FROM _accepted)")
    store.execute("DROP TABLE _accepted")


def unused_decisions(store: StagingStore, *, accepts: bool) -> tuple[str, ...]:
    """Decisions that nothing in the export answers to, as sentences.

    Args:
        store: the staging store after reading.
        accepts: those that accept warnings, which are complete only after staging; else all others.
    """
    values = store.rows(
        """SELECT parse_filename(decided_in) || ', row ' || decided_row || ': no row of ' || object || ' has ' || "column" || ' ''' || source_value
                  || '''; the decision is not used' FROM ops.value_decision WHERE NOT used ORDER BY decided_row"""
    )
    rows = store.rows(
        """SELECT parse_filename(decided_in) || ', row ' || decided_row || ': ' || CASE
                  WHEN decision = 'accept' THEN 'there is no such warning of ' || object || ' ' || key || coalesce(' (' || "column" || ')', '')
                  WHEN regexp_matches(key, ':[0-9]+$') THEN object || ' has no row at ' || key || ' without a key of its own'
                  ELSE object || ' has no row with the key ' || key END || '; the decision is not used'
           FROM ops.row_decision WHERE NOT used AND (decision = 'accept') = ? ORDER BY decided_row""",
        [accepts],
    )
    return tuple(text for (text,) in ([] if accepts else values) + rows)


def decision_counts(store: StagingStore) -> dict[str, int]:
    """What the decisions about values and rows did to the export that was read last."""
    ((mapped, blanked, fixed, skipped, accepted),) = store.rows(
        """SELECT count(*) FILTER (decision = 'map'), count(*) FILTER (decision = 'blank'),
                  count(DISTINCT (object, row_id)) FILTER (decision = 'fix'), count(*) FILTER (decision IN ('skip', 'skip_row')),
                  count(*) FILTER (decision = 'accept') FROM ops.decided"""
    )
    unused = sum(store.value(f"SELECT count(*) FROM ops.{table} WHERE NOT used") for table in ("value_decision", "row_decision"))
    return {
        "values_mapped": mapped, "values_blanked": blanked, "rows_fixed": fixed, "rows_skipped": skipped,
        "warnings_accepted": accepted, "decisions_not_used": unused,
    }  # fmt: skip


def _refuse_unknown_warnings(store: StagingStore, mapping: Mapping) -> None:
    """What is accepted must be a column's warnings, or those of a reason that there is."""
    for file, row, name, said in store.rows(
        """SELECT decided_in, decided_row, object, "column" FROM ops.row_decision
           WHERE decision = 'accept' AND "column" IS NOT NULL ORDER BY decided_row"""
    ):
        spec = mapping.source.objects[name]
        reasons = {rule.reason for rule in spec.rules} | {reference.reason for reference in spec.references}
        reasons |= {w.reason for target in mapping.targets for b in target.sources if b.accounts_for == name for w in b.warn}
        reasons |= {reason for (reason,) in store.rows("SELECT DISTINCT reason FROM ops.issue WHERE object = ?", [name])}
        if said not in {*spec.columns, *spec.further_columns, *reasons}:
            known = ", ".join(column.heading for column in spec.columns.values())
            raise ResolutionFileError(
                Path(file), row, "column", said, f"is no column of {name}, nor the reason of a warning; it has {known}; reasons are {', '.join(sorted(reasons))}"
            )


def _refuse_accepted_errors(store: StagingStore) -> None:
    found = store.rows(
        f"""SELECT any_value(d.decided_in), d.decided_row, any_value(d.key), first(i.message ORDER BY i.rowid)
            FROM {_NAMED} WHERE {_ABOUT} GROUP BY d.decided_row HAVING bool_and(i.severity = 'error') ORDER BY 2 LIMIT 1"""
    )
    for file, row, key, message in found:
        reason = f"has an error, which can't be accepted; fix it or skip the row. {message}"
        raise ResolutionFileError(Path(file), row, "key", key, reason)


def _refuse_lost_targets(store: StagingStore, spec: SourceSpec, name: str, reference: ReferenceSpec) -> None:
    """A value that was mapped to one with which none of its rows finds its parent."""
    targets = reference.to.values() if isinstance(reference.to, dict) else [reference.to]
    parents = " UNION ".join(
        f"SELECT {quote(reference.to_column or spec.objects[target].key)}::VARCHAR AS value FROM {quote(f'typed.{target}{suffix}')}"
        for target in targets for suffix in ("", "__rejected")
    )  # fmt: skip
    children = " UNION ALL ".join(
        f"SELECT _row_id, {quote(reference.column)}::VARCHAR AS value FROM {quote(f'typed.{name}{suffix}')}" for suffix in ("", "__rejected")
    )
    found = store.rows(
        f"""SELECT e.decided_in, e.decided_row, e.decision, any_value(e.after)
            FROM ops.decided AS e JOIN ({children}) AS child ON child._row_id = e.row_id LEFT JOIN ({parents}) AS parent USING (value)
            WHERE e.object = ? AND e."column" = ? AND e.decision IN ('map', 'fix') AND child.value IS NOT NULL
            GROUP BY e.decided_in, e.decided_row, e.decision HAVING count(parent.value) = 0 ORDER BY 2 LIMIT 1""",
        [name, reference.decided_by],
    )
    for file, row, decision, said in found:
        column = "target_value" if decision == "map" else "new_value"
        raise ResolutionFileError(Path(file), row, column, said, f"leads nowhere; there are {_parents(store, spec, reference)}")


def _parents(store: StagingStore, spec: SourceSpec, reference: ReferenceSpec) -> str:
    """The keys a reference may lead to, as text."""
    targets = reference.to.values() if isinstance(reference.to, dict) else [reference.to]
    keys: list[str] = []
    for target in targets:
        key = quote(reference.to_column or spec.objects[target].key)
        rows = store.rows(f"SELECT {key}::VARCHAR FROM {quote(f'typed.{target}')} GROUP BY 1 ORDER BY min(_row_id) LIMIT {_SHOWN + 1}")
        keys += [key for (key,) in rows]
    return ", ".join(keys[:_SHOWN]) + (" and more" if len(keys) > _SHOWN else "") or "none"


def _keep_open_values(store: StagingStore, spec: SourceSpec) -> None:
    """``ops.open_value``: what the queue of values lists, each value once in its most common spelling."""
    store.execute("DELETE FROM ops.open_value")
    for name, column in store.rows("SELECT DISTINCT object, \"column\" FROM ops.issue WHERE reason = 'unknown_value' ORDER BY ALL"):
        own = spec.objects[name].columns[column]
        options = ", ".join(f"_fold({literal(value)})" for value in own.values)
        value = f"unnest(list_filter(_listed(value), lambda part: _fold(part) NOT IN ({options})))" if own.type == "enums" else "value"
        cells = f'SELECT row_id, {value} AS value FROM ops.issue WHERE object = {literal(name)} AND "column" = {literal(column)} AND reason = \'unknown_value\''
        _keep(store, name, column, cells, "unknown_value", ", ".join(own.values))
    for name, own_spec in spec.objects.items():
        for reference in own_spec.references:
            if reference.decided_by is not None:
                cells = (
                    f"SELECT i.row_id, blank(r.{quote(reference.decided_by)}) AS value FROM ops.issue AS i "
                    f"JOIN {quote(f'raw.{name}')} AS r ON r._row_id = i.row_id "
                    f'WHERE i.object = {literal(name)} AND i."column" = {literal(reference.column)} AND i.reason = {literal(reference.reason)}'
                )
                _keep(store, name, reference.decided_by, cells, reference.reason, _parents(store, spec, reference))


def _keep(store: StagingStore, name: str, column: str, cells: str, reason: str, allowed: str) -> None:
    store.execute(
        f"""INSERT INTO ops.open_value SELECT ?, ?, mode(value ORDER BY value), count(DISTINCT row_id), ?, ?
            FROM ({cells}) WHERE value IS NOT NULL GROUP BY fold(value) ORDER BY count(DISTINCT row_id) DESC, 3""",
        [name, column, reason, allowed],
    )
