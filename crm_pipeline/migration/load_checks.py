"""Judge a destination before, during and after the load: the checks of an environment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.gates import waiting_in_queue, waiting_text
from crm_pipeline.odoo.preflight import Examination, Verdict
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

#: Findings that a check's message says; its rows have all.
_SAID = 3

#: Models people follow and write about. Odoo 19 notes a payment's own change of state, which is no foreign message.
_FOLLOWED = (
    "res.partner", "crm.lead", "sale.order", "account.move", "account.payment", "calendar.event", "helpdesk.ticket",
    "maintenance.equipment", "maintenance.request",
)  # fmt: skip


def check_preflight(examination: Examination, checks: dict[str, CheckSpec]) -> list[CheckResult]:
    """The outcome of every check made before the first write."""
    return [_preflight_result(spec, examination.verdicts[name]) for name, spec in checks.items()]


def _preflight_result(spec: CheckSpec, verdict: Verdict) -> CheckResult:
    findings = verdict.findings
    more = f" And {len(findings) - _SAID} more." if len(findings) > _SAID else ""
    message = " ".join(finding.sentence for finding in findings[:_SAID]) + more
    return CheckResult(spec, verdict.passed, message or verdict.when_green, tuple(finding.as_row() for finding in findings))


def left_out(checks: dict[str, CheckSpec]) -> list[CheckResult]:
    """The checks of a model that the environment does without."""
    return [CheckResult(spec, passed=True, message="left out: the app is not installed") for spec in checks.values()]


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
        AND external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = {literal(env)})
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
