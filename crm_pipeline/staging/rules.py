"""Rules over whole objects: what a row's own cells can't say, once all objects are read and references are checked.

A document's lines must add up to it, a customer must be there (R-12). ``details`` give an object columns from the rows
that belong to it, ``rules`` set rows aside or warn about them.
"""

from __future__ import annotations

from collections.abc import Sequence

from crm_pipeline.specs import ObjectSpec, SourceSpec
from crm_pipeline.specs.source import RuleSpec
from crm_pipeline.staging.aside import set_aside
from crm_pipeline.staging.kept import copy_as_read
from crm_pipeline.staging.references import dependency_order
from crm_pipeline.staging.store import StagingStore, literal, quote


def apply_rules(store: StagingStore, spec: SourceSpec) -> int:
    """Add detail columns to all objects, then apply their rules; returns how many rows were set aside.

    The first rule that is broken decides a row's fate. Rows that belong to one set aside are left to the references.
    """
    rejected = 0
    with store.transaction():
        for name in dependency_order(spec):
            if store.has_table(f"typed.{name}"):
                _add_details(store, spec, name)
        for name in dependency_order(spec):
            if store.has_table(f"typed.{name}"):
                rejected += sum(_apply(store, name, spec.objects[name], rule) for rule in _broken(store, name, spec.objects[name].rules))
    return rejected


def _broken(store: StagingStore, name: str, rules: Sequence[RuleSpec]) -> Sequence[RuleSpec]:
    """The rules, unless no row breaks any."""
    if not rules:
        return ()
    found = store.rows(f"SELECT 1 FROM {quote(f'typed.{name}')} WHERE {' OR '.join(f'({rule.when})' for rule in rules)} LIMIT 1")
    return rules if found else ()


def _add_details(store: StagingStore, spec: SourceSpec, name: str) -> None:
    table, key = quote(f"typed.{name}"), quote(spec.objects[name].key)
    for detail in spec.objects[name].details:
        copy_as_read(store, name)
        sums = ", ".join(f"{sql} AS {quote(column)}" for column, sql in detail.columns.items())
        store.execute(f"""
            CREATE OR REPLACE TABLE {table} AS
            SELECT src.*, {", ".join(f"detail.{quote(column)}" for column in detail.columns)}
            FROM {table} AS src LEFT JOIN (
                SELECT {quote(detail.link)} AS _link, {sums} FROM {quote(f"typed.{detail.object}")} GROUP BY 1
            ) AS detail ON detail._link = src.{key} ORDER BY src._row_id
        """)
        types = store.columns(f"typed.{name}")
        for column in detail.columns:
            store.execute(
                f"ALTER TABLE {quote(f'typed.{name}__rejected')} ADD COLUMN {quote(column)} {types[column]}"
            )


def _apply(store: StagingStore, name: str, spec: ObjectSpec, rule: RuleSpec) -> int:
    table, key = quote(f"typed.{name}"), quote(spec.key)
    store.execute(f"CREATE OR REPLACE TEMP TABLE _ruled AS SELECT _row_id FROM {table} WHERE ({rule.when})")
    count = int(store.value("SELECT count(*) FROM _ruled"))
    if count:
        column = spec.columns.get(rule.column) if rule.column else None
        heading = column.heading if column else rule.column
        value = f"t.{quote(rule.column)}::VARCHAR" if rule.column else "NULL"
        shown = f" || {literal(f', {heading} ')} || coalesce({value}, 'blank')" if rule.column else ""
        message = f"t._file || ', row ' || t._row{shown} || {literal(': ' + rule.message)}"
        among = f"{table} AS t WHERE t._row_id IN (SELECT _row_id FROM _ruled) ORDER BY t._row_id"
        severity = "error" if rule.fate == "quarantine" else "warning"
        store.execute(
            f"INSERT INTO ops.issue SELECT {literal(name)}, t._row_id, t.{key}::VARCHAR, t._file, t._row, "
            f"{literal(rule.column)}, {value}, {literal(rule.reason)}, {literal(severity)}, {message} FROM {among}"
        )
        if rule.fate == "quarantine":
            set_aside(store, name, spec.key, f"SELECT t._row_id, 'quarantined', {literal(rule.reason)}, {message} FROM {among}")
    store.execute("DROP TABLE _ruled")
    return count if rule.fate == "quarantine" else 0
