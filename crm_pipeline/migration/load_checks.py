"""Judge a destination before, during and after the load: the checks of an environment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.gates import waiting_in_queue, waiting_text
from crm_pipeline.odoo.preflight import Examination, Verdict
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.specs.target import ACTIVE
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.verification.accounting import FATES, account
from crm_pipeline.verification.checks import SHOWN_ROWS, CheckResult, CheckSpec
from crm_pipeline.verification.readback import VerifiedCounts
from crm_pipeline.verification.side_effects import (
    added_followers,
    end_watch,
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
    found = f"SELECT external_id, odoo_id, field, expected, actual, class, changed_by, changed_at FROM ops.difference WHERE {where}"
    differences, rounded = f"{found} AND class IN ('truncated', 'changed', 'missing')", f"{found} AND class = 'rounded'"
    moved, copies = f"{found} AND class IN ('identity_lost', 'identity_moved')", f"{found} AND class = 'copy'"
    refusals = f"""
        SELECT external_id, refusal.kind, refusal.reason, refusal.message
        FROM ops.refusal AS refusal JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
        WHERE refusal.{where.replace(" AND model", " AND refusal.model")} AND (refusal.kind <> 'queued' OR staged._needed)
    """
    conflicts = f"SELECT external_id, field, last_loaded, odoo_now, new_source FROM ops.conflict WHERE {where}"
    left = f"SELECT external_id, odoo_id, reason, message FROM ops.unfinished WHERE {where}"
    departed = f"""
        SELECT external_id, odoo_id, cause FROM ops.departed WHERE {where} AND action = 'keep'
        UNION ALL SELECT external_id, entry.odoo_id, 'deleted_in_source' FROM {quote(f"staged.{target.table}")} AS staged
        JOIN ops.ledger AS entry USING (external_id)
        WHERE entry.{where.replace(" AND model", " AND entry.model")} AND _deleted{" AND staged.active" if ACTIVE in target.field_specs else ""}
    """
    empty = [f"{name} left empty in {count} records: not found in Odoo" for name, count in verified.blanked.items()]
    compared = f"{verified.fields} values of {verified.records} records compared"
    listed = {
        "row_accounting": (lost, f"{verified.in_odoo} records in Odoo", "staged records are nowhere"),
        "fields_equal": (differences, f"{compared}, 0 differ", f"of {compared} differ"),
        "identities_hold": (moved, f"{verified.records} external ids lead where they should", "external ids are gone or lead elsewhere"),
        "no_copies": (copies, "no record is a copy of a loaded one", "loaded records have a copy in Odoo"),
        "records_accepted": (refusals, "every record is in Odoo", "records are not in Odoo"),
        "no_conflicts": (conflicts, "nothing was changed on both sides", "fields were changed on both sides; Odoo's values are kept"),
        "records_finished": (left, "all records are finished", "records are not finished"),
        "records_still_exported": (departed, "every record is still exported", "records are in Odoo that the source has no more; they were kept"),
        "amounts_unrounded": (rounded, "no amount was rounded", "amounts differ by Odoo's rounding"),
    }
    results = _empty(store, {checks[name]: told for name, told in listed.items() if name in checks})
    results.append(CheckResult(checks["values_found"], not empty, "; ".join(empty) or "all values were found"))
    if target.match.queue is not None:
        waiting = waiting_in_queue(store, mapping, target.match.queue, env)
        results.append(
            CheckResult(
                checks[f"{target.match.queue}_resolved"], not waiting,
                waiting_text(target.match.queue, waiting) if waiting else "nothing waits",
                tuple({"waits": name} for name in waiting[:SHOWN_ROWS]),
            )
        )  # fmt: skip
    return results


def _empty(store: StagingStore, told: dict[CheckSpec, tuple[str, str, str]]) -> list[CheckResult]:
    """Checks that are green when a query gives nothing: query, what is said when green, what follows the number of its rows when red."""
    counts = store.counts([query for query, _, _ in told.values()])
    return [
        CheckResult(
            spec, count == 0, f"{count} {red}" if count else green,
            tuple(store.frame(f"{query} LIMIT {SHOWN_ROWS}").to_dicts()) if count else (), query,
        )
        for (spec, (query, green, red)), count in zip(told.items(), counts, strict=True)
    ]  # fmt: skip


def check_environment(
    store: StagingStore, mapping: Mapping, destination: Destination, env: str, checks: dict[str, CheckSpec],
    totals: list[ControlTotal],
) -> list[CheckResult]:  # fmt: skip
    """The checks of an environment as a whole, after all models."""
    table = account(store, mapping)
    broken = table.filter(
        (pl.col("exported") != pl.sum_horizontal(FATES)) | (pl.col("exported") != pl.col("accounted"))
    )
    watch = end_watch(store, destination, env)
    mails, notes = queued_mails(destination, watch), notifications(destination, watch)
    models = [t.model for t in mapping.targets if t.model in _FOLLOWED]
    followed = {m: added_followers(store, destination, watch, env, m) for m in models}
    foreign = {m: foreign_messages(store, destination, watch, env, m) for m in models if m != "account.payment"}
    disorder = _messages_out_of_order(store, mapping, env)
    amounts, drift = _empty(store, {
        checks["exported_amounts_accounted"]: (
            f'SELECT object, "column", rows, amount AS exported, staged FROM ops.exported_amount WHERE env = {literal(env)} AND amount <> staged',
            "the amounts of loaded rows are the amounts of their records", "columns whose loaded rows hold another amount than their records",
        ),
        checks["no_drift"]: (
            f"SELECT model, external_id, odoo_id, field, last_loaded, odoo_now, noticed_at FROM ops.edit WHERE env = {literal(env)}",
            "no value was changed", "values were changed by people in Odoo; they are kept",
        ),
    })  # fmt: skip
    return [
        CheckResult(
            checks["every_row_accounted"], broken.is_empty(),
            f"{table['exported'].sum()} exported rows accounted for" if broken.is_empty()
            else f"{broken['object'][0]}: {broken['exported'][0]} exported, {broken['accounted'][0]} accounted for",
            tuple(broken.to_dicts()),
        ),
        check_totals(checks["control_totals_equal"], totals),
        amounts,
        CheckResult(checks["no_mail_queued"], mails + notes == 0, f"{mails} mails, {notes} notifications during the load"),
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
        drift,
    ]  # fmt: skip


def check_totals(spec: CheckSpec, totals: list[ControlTotal]) -> CheckResult:
    """Whether all sums and counts are the same on both sides."""
    unequal = [t for t in totals if not t.equal]
    return CheckResult(
        spec, not unequal,
        f"{len(totals)} totals equal{_rounding(totals)}" if not unequal
        else f"{unequal[0].name} {unequal[0].currency}: {unequal[0].source} staged, {unequal[0].odoo} in Odoo",
        tuple(
            {"total": t.name, "currency": t.currency, "source": t.source, "odoo": t.odoo, "rounding": t.rounding} for t in unequal
        ),
    )  # fmt: skip


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
