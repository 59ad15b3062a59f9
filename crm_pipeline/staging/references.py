"""References between objects: rows whose parent is missing or was rejected are rejected themselves (R-9)."""

from __future__ import annotations

from crm_pipeline.specs import SourceSpec
from crm_pipeline.specs.source import ReferenceSpec
from crm_pipeline.staging.aside import set_aside
from crm_pipeline.staging.kept import copy_as_read
from crm_pipeline.staging.orphans import decide_orphans
from crm_pipeline.staging.store import StagingStore, literal, quote


def check_references(store: StagingStore, spec: SourceSpec) -> dict[str, dict[str, int]]:
    """Reject rows of all typed tables whose references lead nowhere, until nothing changes.

    Returns:
        object → reason → rows rejected (or values blanked, reason 'blanked').
    """
    counts: dict[str, dict[str, int]] = {}
    with store.transaction():
        waiting, tables = dependency_order(spec), set(store.tables("typed"))
        while waiting:
            name = waiting.pop(0)
            removed = _check_object(store, spec, name, tables, counts)
            if removed:
                waiting += [child for child in children(spec, name) if child not in waiting]
    return counts


def parents(spec: SourceSpec, name: str) -> set[str]:
    """Objects that ``name`` refers to."""
    found: set[str] = set()
    for reference in spec.objects[name].references:
        found |= set(reference.to.values()) if isinstance(reference.to, dict) else {reference.to}
    return found


def children(spec: SourceSpec, name: str) -> list[str]:
    """Objects that refer to ``name``; itself when it refers to its own rows."""
    return [other for other in spec.objects if name in parents(spec, other)]


def dependency_order(spec: SourceSpec) -> list[str]:
    """All objects, parents first; where references go in a circle, in the spec's order."""
    ordered: list[str] = []
    left = list(spec.objects)
    while left:
        ready = [name for name in left if not (parents(spec, name) - {name}) & set(left)] or left[:1]
        ordered += ready
        left = [name for name in left if name not in ready]
    return ordered


def _check_object(store: StagingStore, spec: SourceSpec, name: str, tables: set[str], counts: dict[str, dict[str, int]]) -> int:
    removed = 0
    if name not in tables:
        return 0
    for reference in spec.objects[name].references:
        broken = _collect_broken(store, spec, name, reference, tables)
        if broken and decide_orphans(store, spec, name, reference):
            broken = _collect_broken(store, spec, name, reference, tables)
        tally = counts.setdefault(name, {}) if broken else {}
        for reason, count in broken:
            label = "blanked" if reference.on_missing == "blank" else reason
            tally[label] = tally.get(label, 0) + count
        if not broken:
            continue
        _report(store, spec, name, reference)
        if reference.on_missing == "blank":
            copy_as_read(store, name)
            store.execute(
                f"UPDATE {quote(f'typed.{name}')} SET {quote(reference.column)} = NULL "
                "WHERE _row_id IN (SELECT _row_id FROM _broken)"
            )
        else:
            _reject(store, name, spec.objects[name].key, waits=reference.on_missing == "queue")
            removed += sum(count for _, count in broken)
    store.execute("DROP TABLE IF EXISTS _broken")
    return removed


def _collect_broken(
    store: StagingStore, spec: SourceSpec, name: str, reference: ReferenceSpec, tables: set[str]
) -> list[tuple[str, int]]:
    """Temp table ``_broken``: row id, value, parent object, reason; returns how many there are of each reason."""
    column, targets = quote(reference.column), reference.to
    branches = []
    if isinstance(targets, dict):
        by = quote(str(reference.by))
        for value, target in targets.items():
            branches.append((f"fold({by}) = fold({literal(value)})", target))
        listed = ", ".join(f"fold({literal(value)})" for value in targets)
        unknown = f"({by} IS NULL OR fold({by}) NOT IN ({listed}))"
    else:
        branches, unknown = [("TRUE", targets)], "FALSE"
    unknown_kind = (
        f"SELECT _row_id, CAST({column} AS VARCHAR) AS value, NULL AS parent, {literal(reference.reason)} AS reason "
        f"FROM {quote(f'typed.{name}')} WHERE {column} IS NOT NULL AND {unknown}"
    )
    queries = [unknown_kind]
    for condition, target in branches:
        key = quote(reference.to_column or spec.objects[target].key)

        def held_by(table: str, key: str = key) -> str:
            there = f"EXISTS (SELECT 1 FROM {quote(f'typed.{table}')} AS p WHERE p.{key} = c.{column})"
            return there if table in tables else "FALSE"

        queries.append(
            f"SELECT _row_id, CAST({column} AS VARCHAR), {literal(target)}, "
            f"CASE WHEN {held_by(f'{target}__rejected')} THEN 'parent_quarantined' ELSE {literal(reference.reason)} END "
            f"FROM (SELECT * FROM {quote(f'typed.{name}')} WHERE {column} IS NOT NULL AND {condition}) AS c "
            f"WHERE NOT {held_by(target)}"
        )
    store.execute(f"CREATE OR REPLACE TEMP TABLE _broken AS {' UNION ALL '.join(queries)}")
    return store.rows("SELECT reason, count(*) FROM _broken GROUP BY ALL ORDER BY ALL")


def _report(store: StagingStore, spec: SourceSpec, name: str, reference: ReferenceSpec) -> None:
    object_spec = spec.objects[name]
    column = object_spec.columns.get(reference.decided_by or reference.column)
    heading = literal(column.heading if column else reference.column)
    blanks = reference.on_missing == "blank"
    waits = "the row waits in the queue 'orphans'" if reference.on_missing == "queue" else "the row is set aside"
    outcome = "it is left blank" if blanks else waits
    parent = "coalesce(b.parent, 'an object that is not known')"
    message = (
        f"t._file || ', row ' || t._row || ': column ''' || {heading} || ''' names ''' || b.value || ''' of ' || {parent} || "
        "CASE b.reason WHEN 'parent_quarantined' THEN ', a row that was set aside itself' "
        f"ELSE ', which is not in the export' END || {literal(f'; {outcome}. ')} || "
        "CASE b.reason WHEN 'parent_quarantined' THEN 'Correct that row first.' "
        f"ELSE 'Add it, or decide in {'values' if reference.decided_by else 'orphans'}.csv.' END"
    )
    store.execute(
        f"INSERT INTO ops.issue SELECT ?, t._row_id, t.{quote(object_spec.key)}, t._file, t._row, ?, b.value, b.reason, ?, "
        f"{message} FROM _broken AS b JOIN {quote(f'typed.{name}')} AS t USING (_row_id) ORDER BY t._row_id",
        [name, reference.column, "warning" if blanks else "error"],
    )


def _reject(store: StagingStore, name: str, key: str, *, waits: bool) -> None:
    """Set broken rows aside; an orphan that people decide about waits in its queue, unless its parent was set aside."""
    fate = "CASE WHEN b.reason <> 'parent_quarantined' THEN 'queued' ELSE 'quarantined' END" if waits else "'quarantined'"
    set_aside(store, name, key, f"SELECT _row_id, {fate}, reason, coalesce(b.parent || ' ', '') || b.value FROM _broken AS b")
