"""Read every loaded record back and compare every mapped field with what was meant.

The comparison is SQL over two tables of equal shape: the resolved staged rows and the records as Odoo returns them.
What Odoo is known to rewrite is compared after a stated normalisation (html, url); everything else must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_pipeline.odoo.comparison import equal_sql, fetch_records, is_normalised, text_sql
from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.matching import agree_sql
from crm_pipeline.odoo.paging import read_pages
from crm_pipeline.odoo.resolved import ResolvedField, resolve_fields, resolved_select, streams
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.staged import tolerance_column
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.verification.contents import compare_contents
from crm_pipeline.verification.identities import find_copies, find_moved_identities, identity_fields


@dataclass(frozen=True)
class VerifiedCounts:
    """What was compared: records, field values, findings but for rounding, records in Odoo, values left empty by field."""

    model: str
    records: int
    fields: int
    differences: int
    in_odoo: int
    blanked: dict[str, int]


#: What a finding of the comparison may be; ``normalised`` and ``rounded`` are expected and no error.
VALUE_CLASSES = ("normalised", "rounded", "truncated", "changed", "missing")


def verify_target(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, env: str,
    progress: Callable[[int, int], None] = lambda done, total: None, *, at_end: bool = False, contents: bool = False,
    written_by: str | None = None,
) -> VerifiedCounts:  # fmt: skip
    """Compare all records of one target; findings become rows of ``ops.difference``, counts rows of ``ops.verified_field``.

    Fields that loading later models completes are compared only ``at_end``. Records that could not be finished are
    listed as such; what Odoo computes of them is not compared again. With ``contents`` the bytes of files are read back
    too; without, the checksum that Odoo keeps of them is compared.

    Of records that were only linked, which are the customer's, the fields that made them match are compared. A field
    kept as a conflict is not compared; it waits in its queue. What people are known to have edited is theirs. With
    ``written_by`` only the records are looked at that a run wrote.

    Classes: ``missing`` (no such record, or no value), ``rounded`` (within the stated tolerance), ``truncated`` (Odoo
    holds the beginning), ``changed`` (anything else), ``identity_lost`` and ``identity_moved`` (the external id is gone,
    or leads to another record), ``copy`` (another record is the same thing).
    """
    here = [env, target.model]
    for table in ("verified", "verified_field"):
        store.execute(f"DELETE FROM ops.{table} WHERE env = ? AND model = ?", here)
    store.execute(
        """DELETE FROM ops.difference WHERE env = $1 AND model = $2 AND (class <> 'rounded' OR $3::VARCHAR IS NULL OR external_id IN (
               SELECT external_id FROM ops.ledger WHERE env = $1 AND model = $2 AND run_id = $3))""",
        [*here, written_by],
    )
    entries = store.frame("SELECT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND run_id = coalesce(?, run_id)", [*here, written_by])["odoo_id"]
    if entries.is_empty() and not store.value("SELECT EXISTS (SELECT 1 FROM ops.ledger WHERE env = ? AND model = ?)", here):
        store.execute("INSERT INTO ops.verified VALUES (?, ?, 0, 0, 0)", here)
        return VerifiedCounts(target.model, 0, 0, 0, 0, {})
    schema = destination.fields_get(target.model)
    every = [f for block in target.sources for f in resolve_fields(target, block, schema)]
    mapped = {f.name: f for f in every}
    copies, linked = identity_fields(target, mapped), _linked_by(target, mapped)
    needed = [f for f in every if _is_compared(f, at_end=at_end)] + [f for fields in (*copies, *linked) for f in fields]
    read = {f.found_as: schema[f.found_as] for f in needed}
    ids = entries.drop_nulls().unique().sort().to_list()
    if fetch_records(store, destination, target.model, read.values(), ids, "_read_back", progress) < len(ids):
        _find_missing(store, target, env, written_by)
    values = 0
    blanked: dict[str, int] = {}
    for blocks in streams(target):
        fields = resolve_fields(target, target.as_one(blocks), schema)
        checked = [f for f in fields if _is_compared(f, at_end=at_end)]
        links, records, blank = _collect_meant(store, resolved_select(mapping, target, blocks, fields, env), env, written_by)
        if linked and links:
            _compare_links(store, target, linked, env)
        _compare(store, target, checked, env, records)
        values += records * len(checked)
        blanked |= blank
    if written_by is None:
        find_moved_identities(store, destination, target, env, mapping.name)
        find_copies(store, destination, target, env, copies)
    for field in mapped.values():
        if contents and field.spec.file is not None:
            compare_contents(store, destination, target, env, field)
    differences, found = store.counts(
        [
            "FROM ops.difference WHERE env = $1 AND model = $2 AND class <> 'rounded'",
            f"""FROM {quote(f"staged.{target.table}")} JOIN ops.ledger AS entry USING (external_id)
                JOIN _read_back ON _read_back.id = entry.odoo_id WHERE entry.env = $1 AND entry.model = $2""",
        ],
        here,
    )
    if differences:
        _say_who(store, destination, target, env, schema)
    store.execute("INSERT INTO ops.verified VALUES (?, ?, ?, ?, ?)", [*here, len(entries), values, found])
    return VerifiedCounts(target.model, len(entries), values, differences, found, blanked)


def _find_missing(store: StagingStore, target: TargetSpec, env: str, written_by: str | None) -> None:
    """Ledger entries whose record is not there."""
    store.execute(
        f"""INSERT INTO ops.difference BY NAME
            SELECT entry.env, entry.model, entry.external_id, entry.odoo_id, 'id' AS field, entry.odoo_id::VARCHAR AS expected,
                   NULL AS actual, 'missing' AS class, staged._object AS source_object, staged._row_id AS source_row
            FROM ops.ledger AS entry LEFT JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
            WHERE entry.env = ? AND entry.model = ? AND entry.odoo_id IS NOT NULL AND entry.run_id = coalesce(?, entry.run_id)
            AND entry.odoo_id NOT IN (SELECT id FROM _read_back)""",
        [env, target.model, written_by],
    )


def _collect_meant(store: StagingStore, select: str, env: str, written_by: str | None) -> tuple[int, int, dict[str, int]]:
    """``_meant``: the linked rows of a stream, and the created ones to compare as they were loaded.

    Returns how many are linked, how many to compare, and in how many of these a field was left empty.
    """
    store.execute(
        f"""CREATE OR REPLACE TEMP TABLE _meant AS
            SELECT resolved.* EXCLUDE (_values), entry.odoo_id AS _odoo_id, entry.origin = 'linked' AS _linked
            FROM ({select}) AS resolved JOIN ops.ledger AS entry USING (external_id) WHERE entry.env = $1 AND (
                entry.origin = 'linked' OR (entry.origin = 'created' AND entry.row_hash = resolved._hash AND entry.run_id = coalesce($2, entry.run_id)))""",
        [env, written_by],
    )
    links = records = 0
    blanked: dict[str, int] = {}
    for is_link, blank, count in store.rows("SELECT _linked, _blanked, count(*) FROM _meant GROUP BY ALL ORDER BY 1, 2"):
        links, records = links + count * is_link, records + count * (not is_link)
        for name in () if is_link else blank:
            blanked[name] = blanked.get(name, 0) + count
    return links, records, dict(sorted(blanked.items()))


def _is_compared(field: ResolvedField, *, at_end: bool) -> bool:
    return field.spec.compare != "never" and not field.spec.awaited and (at_end or not field.spec.at_end)


def _linked_by(target: TargetSpec, mapped: dict[str, ResolvedField]) -> list[tuple[ResolvedField, ...]]:
    """The sets of fields of which one makes a record of Odoo the one that is meant.

    What people decided about (owners, products) need not match in anything.
    """
    if target.match.policy == "never" or target.match.queue is not None:
        return []
    return [tuple(mapped[name] for name in names) for names in (target.match.by, target.match.or_by) if names]


def _compare_links(store: StagingStore, target: TargetSpec, sets: list[tuple[ResolvedField, ...]], env: str) -> None:
    """Linked records that no longer match in any of the sets: a difference for each field of the first set that differs."""
    matches = " OR ".join("(" + " AND ".join(_agrees(field) for field in fields) + ")" for fields in sets)
    for field in sets[0]:
        store.execute(
            f"""INSERT INTO ops.difference BY NAME
                SELECT {literal(env)} AS env, {literal(target.model)} AS model, wanted.external_id, wanted._odoo_id AS odoo_id,
                       {literal(field.name)} AS field, ({text_sql(field, f"wanted.{quote(field.name)}")})::VARCHAR AS expected,
                       ({text_sql(field, f"existing.{quote(field.found_as)}")})::VARCHAR AS actual, 'changed' AS class,
                       staged._object AS source_object, staged._row_id AS source_row
                FROM _meant AS wanted JOIN _read_back AS existing ON existing.id = wanted._odoo_id
                JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
                WHERE wanted._linked AND NOT coalesce({matches}, FALSE) AND NOT coalesce({_agrees(field)}, FALSE)"""
        )


def _agrees(field: ResolvedField) -> str:
    """SQL that is true where a linked record still is what the match rule asked for."""
    if field.schema.type == "many2many":
        return f"list_has_all(existing.{quote(field.schema.name)}, wanted.{quote(field.name)})"
    if field.schema.type == "many2one":
        return f"wanted.{quote(field.name)}::BIGINT IS NOT DISTINCT FROM existing.{quote(field.schema.name)}"
    return agree_sql(field)


def _compare(store: StagingStore, target: TargetSpec, fields: list[ResolvedField], env: str, records: int) -> None:
    """Findings of all fields of the records to compare in ``_meant``, in one pass over them."""
    if not fields:
        return
    here = [env, target.model]
    counts = {field.name: dict.fromkeys(VALUE_CLASSES, 0) for field in fields}
    if records and _collect_findings(store, target, fields, here):
        for name, found, count in store.rows("SELECT field, class, count(*) FROM _finding GROUP BY ALL"):
            counts[name][found] = count
        store.execute("INSERT INTO ops.difference BY NAME SELECT ? AS env, ? AS model, * FROM _finding WHERE class <> 'normalised'", here)
    rows = ", ".join(f"(?, ?, ?, ?, {', '.join(map(str, (records, *counts[field.name].values())))})" for field in fields)
    names = f'env, model, field, found_as, "values", {", ".join(VALUE_CLASSES)}'
    store.execute(
        f"INSERT INTO ops.verified_field ({names}) VALUES {rows}", [text for field in fields for text in (*here, field.name, field.found_as)]
    )


def _collect_findings(store: StagingStore, target: TargetSpec, fields: list[ResolvedField], here: list[str]) -> bool:
    """``_finding``: what is to be said of values of records to compare, but for what is known of people's work; whether it is anything."""
    findings = ", ".join(_finding(target, field, here[0]) for field in fields)
    found = store.value(f"""
        CREATE OR REPLACE TEMP TABLE _finding AS SELECT external_id, odoo_id, source_object, source_row, differs.* FROM (
            SELECT meant.external_id, meant._odoo_id AS odoo_id, staged._object AS source_object, staged._row_id AS source_row,
                   unnest(list_filter([{findings}], lambda x: x IS NOT NULL)) AS differs
            FROM _meant AS meant JOIN _read_back AS found ON found.id = meant._odoo_id
            JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id) WHERE NOT meant._linked
        )""")
    if found:
        store.execute(
            """DELETE FROM _finding AS finding WHERE EXISTS (
                   SELECT 1 FROM ops.conflict AS kept WHERE kept.env = $1 AND kept.model = $2
                   AND kept.external_id = finding.external_id AND kept.field = finding.field)
               OR EXISTS (
                   SELECT 1 FROM ops.edit AS edited WHERE edited.env = $1 AND edited.model = $2 AND edited.external_id = finding.external_id
                   AND edited.field = finding.field AND edited.odoo_now IS NOT DISTINCT FROM finding.actual)""",
            here,
        )
    return bool(found)


def _finding(target: TargetSpec, field: ResolvedField, env: str) -> str:
    """SQL for what is to be said of one field's value as a struct, NULL when it is to the letter what was meant."""
    meant, found = f"meant.{quote(field.name)}", f"found.{quote(field.found_as)}"
    rounded = "FALSE"
    if field.spec.tolerance is not None:
        off = f"abs(coalesce({meant}, 0) - coalesce({found}, 0))"
        rounded = f"{off} <= staged.{quote(tolerance_column(field.name))} + 0.000001"
    conditions = [f"NOT ({equal_sql(field, meant, found)})"]
    if field.spec.compare == "given":
        conditions.append(f"len({meant}) > 0" if field.spec.refs is not None else f"{meant} IS NOT NULL")
    if field.spec.computed and target.finish is not None:
        conditions.append(
            f"meant.external_id NOT IN (SELECT external_id FROM ops.unfinished WHERE env = {literal(env)} "
            f"AND model = {literal(target.model)})"
        )
    expected, actual = f"({text_sql(field, meant)})::VARCHAR", f"({text_sql(field, found)})::VARCHAR"
    read = ("html_text({})" if field.schema.type == "html" else "{}").format
    differs = f"""WHEN {" AND ".join(conditions)} THEN struct_pack(
        field := {literal(field.name)}, expected := {expected}, actual := {actual},
        class := CASE WHEN {rounded} THEN 'rounded' WHEN coalesce({actual}, '') = '' THEN 'missing'
                      WHEN starts_with({read(expected)}, {read(actual)}) THEN 'truncated' ELSE 'changed' END)"""
    rewritten = f"""WHEN coalesce({expected}, '') <> coalesce({actual}, '') THEN struct_pack(
        field := {literal(field.name)}, expected := NULL::VARCHAR, actual := NULL::VARCHAR, class := 'normalised')"""
    return f"CASE {differs} {rewritten if is_normalised(field) else ''} END"


def _say_who(
    store: StagingStore, destination: Destination, target: TargetSpec, env: str, schema: dict[str, FieldSchema]
) -> None:
    """Note who wrote the differing records last, and when, where Odoo keeps that."""
    if not {"write_uid", "write_date"} <= set(schema):
        return
    ids = [row[0] for row in store.rows(
        "SELECT DISTINCT odoo_id FROM ops.difference WHERE env = ? AND model = ? AND class <> 'rounded' AND odoo_id IS NOT NULL",
        [env, target.model],
    )]  # fmt: skip
    written: list[dict[str, Any]] = []
    for page in read_pages(destination, target.model, [("id", "in", ids)], ["write_uid", "write_date"]):
        written += page
    users = sorted({record["write_uid"] for record in written if record["write_uid"]})
    names = {
        user["id"]: user["login"]
        for page in read_pages(destination, "res.users", [("id", "in", users)], ["login"]) for user in page
    }  # fmt: skip
    frame = pl.DataFrame(
        {
            "odoo_id": [record["id"] for record in written],
            "changed_by": [names.get(record["write_uid"]) for record in written],
            "changed_at": [record["write_date"] or None for record in written],
        },
        schema={"odoo_id": pl.Int64, "changed_by": pl.String, "changed_at": pl.String},
    )
    store.connection.register("_written", frame)
    store.execute(
        """UPDATE ops.difference AS told SET changed_by = _written.changed_by, changed_at = _written.changed_at::TIMESTAMP
           FROM _written WHERE told.odoo_id = _written.odoo_id AND told.env = ? AND told.model = ?""",
        [env, target.model],
    )
    store.connection.unregister("_written")
