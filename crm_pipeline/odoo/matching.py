"""Find records that exist in Odoo already, so that nothing is made twice and nothing of the customer's is overwritten."""

from __future__ import annotations

import json
from functools import partial

import polars as pl

from crm_pipeline.odoo.destination import QUIET, Destination, FieldSchema
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.paging import read_pages
from crm_pipeline.odoo.resolved import ResolvedField, resolve_fields, resolved_select, streams
from crm_pipeline.odoo.ripples import RippleWatch
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, quote


class ResolutionError(Exception):
    """A decision of a resolution file can't be carried out."""

    def __init__(self, file: str, value: str, reason: str) -> None:
        super().__init__(f"{file}: '{value}': {reason}")


def match_existing(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, ledger: Ledger,
    schema: dict[str, FieldSchema], fallback_login: str | None = None, retry: RetryPolicy | None = None,
) -> None:  # fmt: skip
    """Link staged rows to existing records by the target's match rule; rows in doubt are refused with a reason.

    A row that matches several records is never linked to one of them. For a target with a queue, what people decided
    in the resolution file comes first, then the match, then the gate's fallback user.
    """
    rule = target.match
    if rule.policy == "never":
        return
    by_fields = [*rule.by, *rule.or_by]
    store.execute(
        "CREATE OR REPLACE TEMP TABLE _match (external_id VARCHAR, block VARCHAR, row_hash VARCHAR, odoo_id BIGINT)"
    )
    for blocks in streams(target):
        fields = {f.name: f for f in resolve_fields(target, target.as_one(blocks), schema)}
        existing = fetch_existing(store, target, destination, ledger.env, [fields[name] for name in by_fields])
        select = resolved_select(mapping, target, blocks, [fields[name] for name in by_fields], ledger.env)
        wanted = store.value(f"""
            CREATE OR REPLACE TEMP TABLE _wanted AS SELECT * FROM ({select})
            WHERE external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = '{ledger.env}')
        """)
        for names in (rule.by, rule.or_by):
            if names and existing and wanted:
                store.execute(f"""
                    INSERT INTO _match SELECT DISTINCT wanted.external_id, wanted._block, wanted._hash, existing._id
                    FROM _wanted AS wanted JOIN _existing AS existing
                    ON {" AND ".join(agree_sql(fields[name]) for name in names)}
                    WHERE wanted.external_id NOT IN (SELECT external_id FROM _match)
                """)
        if not wanted:
            continue
        if rule.queue == "owners":
            _decide_owners(store, target, ledger, fallback_login)
        if existing:
            _keep_matches(store, target, ledger)
        _refuse_unmatched(store, target, ledger)
    if rule.ensure:
        _ensure(store, target, destination, ledger, retry or RetryPolicy())


def fetch_existing(
    store: StagingStore, target: TargetSpec, destination: Destination, env: str, fields: list[ResolvedField]
) -> int:
    """``_existing``: one row for each record that is not our own (and element of a many2many), ids as text; returns how many.

    Columns: ``_id`` and the fields by the destination's names.
    """
    names = list(dict.fromkeys(field.schema.name for field in fields))
    types = {name: pl.List(pl.Int64) if _is_many(fields, name) else pl.String for name in names}
    schema = {"_id": pl.Int64(), **types}
    store.execute(
        f"CREATE OR REPLACE TEMP TABLE _fetched (_id BIGINT, "
        f"{', '.join(quote(n) + (' BIGINT[]' if _is_many(fields, n) else ' VARCHAR') for n in names)})"
    )
    domain = list(target.match.within)
    if not target.match.archived and "active" in destination.fields_get(target.model):
        domain.append(("active", "=", True))
    for page in read_pages(destination, target.model, domain, names):
        columns = {"_id": [record["id"] for record in page]}
        for name in names:
            values = [record[name] for record in page]
            columns[name] = values if _is_many(fields, name) else [None if v is False else str(v) for v in values]
        store.insert("_fetched", pl.DataFrame(columns, schema=schema))
    select = ", ".join(
        f"unnest({quote(name)})::VARCHAR AS {quote(name)}" if _is_many(fields, name) else quote(name) for name in names
    )
    own = "SELECT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'created'"
    created = f"CREATE OR REPLACE TEMP TABLE _existing AS SELECT _id, {select} FROM _fetched WHERE _id NOT IN ({own})"
    return int(store.value(created, [env, target.model]))


def _is_many(fields: list[ResolvedField], name: str) -> bool:
    return any(field.schema.name == name and field.schema.type == "many2many" for field in fields)


def agree_sql(field: ResolvedField) -> str:
    """SQL that is true where a row ``wanted`` and a record ``existing`` agree in a field."""
    wanted, existing = f"wanted.{quote(field.name)}", f"existing.{quote(field.schema.name)}"
    if field.schema.type == "many2many":
        return f"list_contains({wanted}, {existing}::BIGINT)"
    if field.schema.type == "many2one":
        return f"{wanted}::VARCHAR IS NOT DISTINCT FROM {existing}"
    return f"fold({wanted}::VARCHAR) = fold({existing})"


def _decide_owners(store: StagingStore, target: TargetSpec, ledger: Ledger, fallback_login: str | None) -> None:
    """Carry out the decisions of owners.csv over the match, and the fallback under it."""
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _decision AS
        SELECT DISTINCT external_id, wanted._block AS block, wanted._hash AS row_hash, wanted._values AS "values", decision.decision,
               decision.odoo_login, existing._id AS odoo_id
        FROM _wanted AS wanted JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
        JOIN ops.owner_decision AS decision ON fold(decision.source_email) IN (fold(staged.email), fold(staged.login), fold(staged.name))
        LEFT JOIN _existing AS existing ON decision.decision = 'map' AND fold(existing.login) = fold(decision.odoo_login)
    """)
    unknown = store.rows("SELECT odoo_login FROM _decision WHERE decision = 'map' AND odoo_id IS NULL ORDER BY 1 LIMIT 1")
    if unknown:
        raise ResolutionError("owners.csv", str(unknown[0][0]), "no Odoo user has this login; create it or correct the file")
    store.execute("DELETE FROM _match WHERE external_id IN (SELECT external_id FROM _decision WHERE decision IN ('map', 'unassign'))")
    store.execute("INSERT INTO _match SELECT DISTINCT external_id, block, row_hash, odoo_id FROM _decision WHERE decision = 'map'")
    if fallback_login is not None:
        store.execute(
            """INSERT INTO _match SELECT wanted.external_id, wanted._block, wanted._hash, _existing._id
               FROM _wanted AS wanted JOIN _existing ON fold(_existing.login) = fold(?)
               WHERE wanted.external_id NOT IN (SELECT external_id FROM _match)""",
            [fallback_login],
        )
    unassigned = store.frame("""SELECT DISTINCT external_id, odoo_id, block, row_hash, "values" FROM _decision WHERE decision = 'unassign'""")
    ledger.record(target.model, unassigned, origin="unassigned")


def _kind(target: TargetSpec) -> str:
    """What rows are that no single record matches: something people decide about, or held back."""
    return "queued" if target.match.queue else "held"


def _keep_matches(store: StagingStore, target: TargetSpec, ledger: Ledger) -> None:
    """Link the rows that one record matches; those that several match are refused."""
    matches = store.frame("""
        SELECT external_id, min(_match.odoo_id) AS odoo_id, any_value(_match.block) AS block, any_value(_match.row_hash) AS row_hash,
               any_value(wanted._values) AS "values", count(DISTINCT _match.odoo_id) AS several,
               string_agg(DISTINCT _match.odoo_id::VARCHAR, ', ') AS ids
        FROM _match JOIN _wanted AS wanted USING (external_id) GROUP BY 1
    """)
    clear = pl.lit(value=True) if target.match.several == "any" else pl.col("several") == 1
    ledger.record(target.model, matches.filter(clear).drop("several", "ids"), origin="linked")
    message = pl.format("matches {} records in Odoo: ids {}", "several", "ids")
    ambiguous = matches.filter(~clear).select(
        "external_id", "block", kind=pl.lit(_kind(target)), reason=pl.lit("ambiguous_match"), message=message
    )
    ledger.refuse(target.model, ambiguous)


def _refuse_unmatched(store: StagingStore, target: TargetSpec, ledger: Ledger) -> None:
    excused = "UNION SELECT external_id FROM _decision WHERE decision = 'create_archived'" if target.match.queue == "owners" else ""
    may_create = "staged._creatable" if target.match.create else "FALSE"
    ledger.refuse(
        target.model,
        store.frame(
            f"""SELECT external_id, wanted._block AS block, ? AS kind, 'no_match' AS reason,
                       'no record in Odoo matches; provision it, or decide in the resolution file' AS message
                FROM _wanted AS wanted JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
                WHERE NOT {may_create} AND external_id NOT IN (SELECT external_id FROM _match {excused})
                AND external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = '{ledger.env}')""",
            [_kind(target)],
        ),
    )


def _ensure(
    store: StagingStore, target: TargetSpec, destination: Destination, ledger: Ledger, retry: RetryPolicy
) -> None:
    """Give linked records the values the spec wants them to have; what they had is kept first, to be restored."""
    ids = [row[0] for row in store.rows(
        "SELECT DISTINCT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'linked' ORDER BY 1",
        [ledger.env, target.model],
    )]  # fmt: skip
    for field, wanted in target.match.ensure.items():
        found = destination.search_read(target.model, [("id", "in", ids)], [field], context={"active_test": False})
        other = [record for record in found if record[field] != wanted]
        if not other:
            continue
        frame = pl.DataFrame(
            {"odoo_id": [r["id"] for r in other], "before": [json.dumps(r[field]) for r in other]},
            schema={"odoo_id": pl.Int64, "before": pl.String},
        )
        store.insert(
            "ops.touched",
            frame.with_columns(
                env=pl.lit(ledger.env), model=pl.lit(target.model), field=pl.lit(field), after=pl.lit(json.dumps(wanted)),
                run_id=pl.lit(ledger.run_id), touched_at=pl.lit(ledger.now),
            ),
        )  # fmt: skip
        watch = RippleWatch(destination, ledger, target.model, field)
        # Writing the same value twice is harmless, so a doubtful write is simply repeated.
        changed = [record["id"] for record in other]
        retry.insist(
            target.model, partial(destination.write, target.model, changed, {field: wanted}, context=QUIET)
        )
        watch.note()
