"""Judge a destination before, during and after the load: the checks of an environment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.gates import waiting_in_queue, waiting_text
from crm_pipeline.odoo.preconditions import check_preconditions
from crm_pipeline.odoo.resolved import FieldMissingError, ResolvedField, resolve_fields
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.verification.accounting import FATES, account
from crm_pipeline.verification.checks import SHOWN_ROWS, CheckResult, CheckSpec
from crm_pipeline.verification.readback import VerifiedCounts
from crm_pipeline.verification.side_effects import (
    Baseline,
    added_followers,
    foreign_messages,
    notifications,
    queued_mails,
)
from crm_pipeline.verification.totals import ControlTotal

#: Fields that Odoo marks readonly for its own forms but keeps when they are given (ODOO_FACTS 4, 6; 17, 18, 19).
_READONLY_BUT_KEPT = {
    "crm.lead": {"date_closed", "date_open", "date_last_stage_update", "date_conversion"},
    "mail.activity": {"date_done", "res_model_id", "res_id"},
    "ir.attachment": {"res_model", "res_id"},
}


#: Models people follow and write about. Odoo 19 notes a payment's own change of state, which is no foreign message.
_FOLLOWED = ("res.partner", "crm.lead", "sale.order", "account.move", "account.payment")


def check_preflight(
    store: StagingStore, mapping: Mapping, destination: Destination, checks: dict[str, CheckSpec]
) -> list[CheckResult]:
    """Compare the mapping and the staged documents with the destination, before anything is written."""
    provided = {row["name"] for target in mapping.targets if target.model == "ir.model.fields"
                for block in target.sources for row in block.rows}  # fmt: skip
    absent: list[dict[str, Any]] = []
    wrong: list[dict[str, Any]] = []
    for target in mapping.targets:
        try:
            schema = destination.fields_get(target.model)
        except CallError:
            absent.append({"model": target.model, "problem": f"the app that brings {target.model} is not installed"})
            continue
        wrong += _wrong_fields(target, schema | {name: _coming(name) for name in provided if name not in schema})
    leads = _leads_enabled(destination)
    obstacles, doubts = check_preconditions(store, mapping, destination) if not absent else ((), ())
    return [
        CheckResult(
            checks["models_installed"], not absent,
            f"{len(mapping.targets) - len(absent)} of {len(mapping.targets)} models found", tuple(absent),
        ),
        CheckResult(
            checks["mapped_fields_exist"], not wrong,
            "all mapped fields exist" if not wrong else f"{wrong[0]['field']}: {wrong[0]['problem']}", tuple(wrong),
        ),
        CheckResult(
            checks["documents_can_be_loaded"], not obstacles, _problems(obstacles) or "ready", obstacles
        ),
        CheckResult(
            checks["amounts_can_be_kept"], not doubts, _problems(doubts) or "amounts fit", doubts
        ),
        CheckResult(
            checks["leads_feature_enabled"], leads,
            "enabled" if leads else "Leads are off: switch on CRM > Configuration > Settings > Leads, "
            "or records loaded as leads have no menu",
        ),
    ]  # fmt: skip


def _problems(findings: tuple[dict[str, Any], ...]) -> str:
    """Findings in sentences: what is wrong, and what to do."""
    return " ".join(f"{each['problem'][:1].upper()}{each['problem'][1:]}: {each['what_to_do']}." for each in findings)


def _coming(name: str) -> FieldSchema:
    """A custom field that the migration itself provisions before it is used."""
    return FieldSchema(name, "char", name, required=False, readonly=False, store=True)


def _wrong_fields(target: TargetSpec, schema: dict[str, FieldSchema]) -> list[dict[str, Any]]:
    wrong = []
    for block in target.sources:
        try:
            fields = resolve_fields(target, block, schema)
        except FieldMissingError as error:
            wrong.append({"field": f"{target.model}.{error.field}", "block": block.name, "problem": error.reason})
            continue
        wrong += [
            {"field": f"{target.model}.{f.name}", "block": block.name, "problem": problem}
            for f in fields if (problem := _misfit(target, f)) is not None
        ]  # fmt: skip
        mapped = {f.schema.name for f in fields}
        wrong += [
            {"field": f"{target.model}.{name}", "block": block.name, "problem": "required by Odoo and not mapped"}
            for name, field in schema.items()
            if field.required
            and not field.readonly
            and field.store
            and name not in mapped
            and name in _NO_DEFAULT.get(target.model, ())
        ]
    return wrong


#: Required fields that Odoo gives no default; the schema alone does not tell (17, 18, 19).
_NO_DEFAULT = {
    "res.partner": ("name",), "crm.lead": ("name",), "crm.team": ("name",), "crm.stage": ("name",), "crm.tag": ("name",),
    "crm.lost.reason": ("name",), "res.users": ("login", "name"), "ir.model.fields": ("name", "model_id", "ttype"),
    "mail.activity": ("res_model_id", "date_deadline"),
}  # fmt: skip


def _misfit(target: TargetSpec, field: ResolvedField) -> str | None:
    schema, spec = field.schema, field.spec
    kept = schema.name in _READONLY_BUT_KEPT.get(target.model, ())
    if spec.awaited:
        return None
    if schema.readonly and not spec.computed and not kept and not schema.store:
        return "is computed by Odoo and can't be written; mark it computed or map another field"
    links = bool(spec.links or spec.lookup or spec.xmlid)
    relational = schema.type in {"many2one", "many2many", "one2many", "many2one_reference"}
    if links and not relational:
        return f"is a link in the mapping, but has type {schema.type} in Odoo"
    if spec.const is not None and spec.is_sent and schema.type == "selection" and str(spec.const) not in schema.selection:
        return f"'{spec.const}' is not one of {', '.join(schema.selection)}"
    return None


def _leads_enabled(destination: Destination) -> bool:
    """Whether internal users have the group behind CRM's Leads setting (``crm.group_use_lead``)."""
    found = destination.search_read(
        "ir.model.data",
        [("module", "in", ["crm", "base"]), ("name", "in", ["group_use_lead", "group_user"])],
        ["name", "res_id"],
    )
    ids = {record["name"]: record["res_id"] for record in found}
    if "group_use_lead" not in ids:
        return False
    groups = destination.search_read("res.groups", [("id", "=", ids.get("group_user", 0))], ["implied_ids"])
    return bool(groups) and ids["group_use_lead"] in groups[0]["implied_ids"]


def check_loaded(
    store: StagingStore, mapping: Mapping, target: TargetSpec, env: str, checks: dict[str, CheckSpec],
    verified: VerifiedCounts,
) -> list[CheckResult]:  # fmt: skip
    """The checks of one model after its load and read-back."""
    where = f"env = {literal(env)} AND model = {literal(target.model)}"
    lost = f"""
        SELECT external_id FROM {quote(f"staged.{target.table}")}
        WHERE external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = {literal(env)})
        AND external_id NOT IN (SELECT external_id FROM ops.refusal WHERE {where})
    """
    found = f"SELECT external_id, odoo_id, field, expected, actual, class FROM ops.difference WHERE {where}"
    differences, rounded = f"{found} AND class <> 'rounded'", f"{found} AND class = 'rounded'"
    refusals = f"""
        SELECT external_id, refusal.kind, refusal.reason, refusal.message
        FROM ops.refusal AS refusal JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
        WHERE refusal.{where.replace(" AND model", " AND refusal.model")} AND (refusal.kind <> 'queued' OR staged._needed)
    """
    conflicts = f"SELECT external_id, field, last_loaded, odoo_now, new_source FROM ops.conflict WHERE {where}"
    conflict_count = int(store.value(f"SELECT count(*) FROM ({conflicts})"))
    empty = [f"{name} left empty in {count} records: not found in Odoo" for name, count in verified.blanked.items()]
    lost_count = int(store.value(f"SELECT count(*) FROM ({lost})"))
    refused = int(store.value(f"SELECT count(*) FROM ({refusals})"))
    results = [
        CheckResult(
            checks["row_accounting"], lost_count == 0,
            f"{verified.in_odoo} records in Odoo" if lost_count == 0 else f"{lost_count} staged records are nowhere",
            _first(store, lost, lost_count), lost,
        ),
        CheckResult(
            checks["fields_equal"], verified.differences == 0,
            f"{verified.fields} values of {verified.records} records compared, {verified.differences} differ",
            _first(store, differences, verified.differences), differences,
        ),
        CheckResult(
            checks["records_accepted"], refused == 0, f"{refused} records are not in Odoo", _first(store, refusals, refused), refusals
        ),
        CheckResult(checks["values_found"], not empty, "; ".join(empty) or "all values were found"),
        CheckResult(
            checks["no_conflicts"], conflict_count == 0, f"{conflict_count} fields were changed on both sides; Odoo's values are kept",
            _first(store, conflicts, conflict_count), conflicts,
        ),
    ]  # fmt: skip
    if target.match.queue is not None:
        waiting = waiting_in_queue(store, mapping, target.match.queue, env)
        results.append(
            CheckResult(
                checks[f"{target.match.queue}_resolved"], not waiting,
                waiting_text(target.match.queue, waiting) if waiting else "nothing waits",
                tuple({"waits": name} for name in waiting[:SHOWN_ROWS]),
            )
        )  # fmt: skip
    if "records_finished" in checks:
        left = f"SELECT external_id, odoo_id, reason, message FROM ops.unfinished WHERE {where}"
        count = int(store.value(f"SELECT count(*) FROM ({left})"))
        message = f"{count} records are not finished" if count else "all records are finished"
        results.append(CheckResult(checks["records_finished"], count == 0, message, _first(store, left, count), left))
    if "amounts_unrounded" in checks:
        count = int(store.value(f"SELECT count(*) FROM ({rounded})"))
        message = f"{count} amounts differ by Odoo's rounding" if count else "no amount was rounded"
        results.append(CheckResult(checks["amounts_unrounded"], count == 0, message, _first(store, rounded, count), rounded))
    return results


def _first(store: StagingStore, query: str, count: int) -> tuple[dict[str, Any], ...]:
    return tuple(store.frame(f"{query} LIMIT {SHOWN_ROWS}").to_dicts()) if count else ()


def check_environment(
    store: StagingStore, mapping: Mapping, destination: Destination, env: str, checks: dict[str, CheckSpec],
    totals: list[ControlTotal],
) -> list[CheckResult]:  # fmt: skip
    """The checks of an environment as a whole, after all models."""
    table = account(store, mapping)
    broken = table.filter(
        (pl.col("exported") != pl.sum_horizontal(FATES)) | (pl.col("exported") != pl.col("accounted"))
    )
    unequal = [t for t in totals if not t.equal]
    baseline = Baseline(dict(store.rows("SELECT model, highest FROM ops.baseline WHERE env = ?", [env])))
    mails, notes = queued_mails(destination, baseline), notifications(destination, baseline)
    models = [t.model for t in mapping.targets if t.model in _FOLLOWED]
    followed = {m: added_followers(store, destination, baseline, env, m) for m in models}
    foreign = {m: foreign_messages(store, destination, env, m) for m in models if m != "account.payment"}
    disorder = _messages_out_of_order(store, mapping, env)
    return [
        CheckResult(
            checks["every_row_accounted"], broken.is_empty(),
            f"{table['exported'].sum()} exported rows accounted for" if broken.is_empty()
            else f"{broken['object'][0]}: {broken['exported'][0]} exported, {broken['accounted'][0]} accounted for",
            tuple(broken.to_dicts()),
        ),
        CheckResult(
            checks["control_totals_equal"], not unequal,
            f"{len(totals)} totals equal{_rounding(totals)}" if not unequal
            else f"{unequal[0].name} {unequal[0].currency}: {unequal[0].source} staged, {unequal[0].odoo} in Odoo",
            tuple(
                {"total": t.name, "currency": t.currency, "source": t.source, "odoo": t.odoo, "rounding": t.rounding} for t in unequal
            ),
        ),
        CheckResult(checks["no_mail_queued"], mails + notes == 0, f"{mails} mails, {notes} notifications since the run began"),
        CheckResult(
            checks["no_followers_added"], not any(followed.values()),
            ", ".join(f"{model}: {len(ids)}" for model, ids in followed.items()),
            tuple({"model": model, "odoo_id": i} for model, ids in followed.items() for i in ids[:SHOWN_ROWS]),
        ),
        CheckResult(
            checks["no_foreign_messages"], not any(foreign.values()),
            ", ".join(f"{model}: {count}" for model, count in foreign.items()),
        ),
        CheckResult(
            checks["messages_in_order"], not disorder, f"{len(disorder)} records with messages out of order", disorder
        ),
    ]  # fmt: skip


def _rounding(totals: list[ControlTotal]) -> str:
    count = sum(Decimal(total.rounding) != 0 for total in totals)
    return f", {count} of them but for rounding that is listed line by line" if count else ""


def _messages_out_of_order(store: StagingStore, mapping: Mapping, env: str) -> tuple[dict[str, Any], ...]:
    """Records whose messages' ids do not follow their dates; Odoo shows the chatter by id."""
    target = next((t for t in mapping.targets if t.model == "mail.message"), None)
    if target is None:
        return ()
    frame = store.frame(f"""
        SELECT DISTINCT res_id AS record FROM (
            SELECT staged.res_id, staged.date < lag(staged.date) OVER (PARTITION BY staged.res_id ORDER BY entry.odoo_id) AS late
            FROM {quote(f"staged.{target.table}")} AS staged JOIN ops.ledger AS entry USING (external_id)
            WHERE entry.env = {literal(env)}
        ) WHERE late LIMIT {SHOWN_ROWS}
    """)
    return tuple(frame.to_dicts())
