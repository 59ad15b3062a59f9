"""Take a migration back: plan, delete and restore, and prove that the environment is as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crm_pipeline.migration import records
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.system_of_record import reopen_undone
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.rollback.carrying_out import Done, carry_out
from crm_pipeline.odoo.rollback.plan import RollbackPlan, make_plan
from crm_pipeline.odoo.rollback.proof import read_kept, values_changed
from crm_pipeline.odoo.rollback.restoring import Restoration
from crm_pipeline.reports.rollback import write_rollback_report
from crm_pipeline.verification.checks import SHOWN_ROWS, CheckResult


@dataclass(frozen=True)
class RollbackOutcome:
    """What a rollback, or its plan, came to.

    Attributes:
        plan: what was found at the beginning.
        left: what is left after it was applied; None for a dry run.
        results: the checks made afterwards; empty for a dry run.
        report: the page for people.
        result: the result document.
    """

    plan: RollbackPlan
    left: RollbackPlan | None
    results: tuple[CheckResult, ...]
    report: Path
    result: dict[str, Any]

    @property
    def lines(self) -> list[str]:
        """What to say beside the tables."""
        result = self.result
        values = sum(each["state"] == "restore" for each in result["restorations"])
        edits = [f"{len(self.plan.edited)} of the records hold values that people changed; --keep-edited keeps these records."] if self.plan.edited else []
        said = [*result["notes"], *edits, *(f"Can't be undone: {fact['text']}" for fact in result["not_undone"])]
        if self.left is None:
            said.append(f"Plan: {self.plan.deleted} records would be deleted, {values} values restored, {len(self.plan.kept)} records stay.")
            said.append("Nothing was written to Odoo. With --apply it is done.")
        else:
            proof = "proven" if self.ok else "not complete; apply again when the cause is gone"
            said.append(f"{result['deleted']} records were deleted, {len(result['kept'])} stay: {proof}.")
        return [*said, f"Report: {self.report}"]

    @property
    def ok(self) -> bool:
        """Whether no check of severity ERROR failed."""
        return bool(self.result["ok"])


def rollback(
    migration: Migration, env: str, *, to: str | None = None, apply: bool = False, force: bool = False,
    keep_edited: bool = False, retry: RetryPolicy | None = None,
) -> RollbackOutcome:  # fmt: skip
    """Plan a rollback, and with ``apply`` carry it out.

    It may be interrupted at any point: what is left is seen in Odoo, and applying again goes on.

    Args:
        migration: the open migration.
        env: the environment.
        to: undo only what later runs than this one did; everything when None.
        apply: write to Odoo; else only look.
        force: people's messages, activities and files on a record don't keep it; their documents still do.
        keep_edited: values that people changed on a record keep it; else they go with it, and are listed.
        retry: how long to insist after time-outs and lost replies.

    Raises:
        UnknownRunError: for a run that is not known.
        DestinationError: when the destination stays out of reach.
    """
    destination = migration.reach(env)
    try:
        migration.bind(env, destination)
        insisting = retry or RetryPolicy()
        plan = make_plan(migration.store, migration.mapping, destination, env, to=to, force=force, keep_edited=keep_edited, adopt=insisting if apply else None)
        if not apply:
            return _conclude(migration, env, destination, plan, None, plan.restorations, (), to)
        return _apply(migration, env, destination, plan, to, insisting, force=force, keep_edited=keep_edited)
    finally:
        destination.close()


def _apply(
    migration: Migration, env: str, destination: Destination, plan: RollbackPlan, to: str | None, retry: RetryPolicy,
    *, force: bool, keep_edited: bool,
) -> RollbackOutcome:  # fmt: skip
    store = migration.store
    store.execute(
        "INSERT INTO ops.rollback BY NAME SELECT ? AS env, ? AS run_id, ? AS to_run, ? AS started_at, ? AS started_by",
        [env, migration.run_id, to, migration.clock(), migration.started_by],
    )
    kept = [(each.model, each.odoo_id) for each in plan.kept]
    before = read_kept(migration.mapping, destination, kept)
    done = carry_out(
        migration.mapping, destination, migration.ledger(env), plan, retry,
        lambda model, count, total: migration.progress(f"undo {model}", count, total),
    )  # fmt: skip
    migration.ledger(env).forget_findings(of_people=to is None)
    if env == "production":
        reopen_undone(store, destination, migration.mapping.name, migration.started_by, migration.clock())
    left = make_plan(store, migration.mapping, destination, env, to=to, force=force, keep_edited=keep_edited)
    restored = {(each.model, each.odoo_id) for each in done.restorations if each.state == "restored"}
    changed = values_changed(before, read_kept(migration.mapping, destination, kept), restored)
    results = _check(migration, env, done, left, changed)
    records.keep_checks(store, env, migration.run_id, results)
    outcome = _conclude(migration, env, destination, plan, left, done.restorations, tuple(results), to)
    store.execute(
        "UPDATE ops.rollback SET ended_at = ?, ok = ?, deleted = ?, kept = ? WHERE env = ? AND run_id = ?",
        [migration.clock(), outcome.ok, done.deleted, len(left.kept), env, migration.run_id],
    )
    return outcome


def _check(migration: Migration, env: str, done: Done, left: RollbackPlan, changed: Sequence[dict[str, Any]]) -> list[CheckResult]:
    specs = migration.catalogue.rollback_checks(env)
    remaining = [{"model": model, "odoo_id": odoo_id, "why": done.refused.get((model, odoo_id), "")} for model, ids in left.steps for odoo_id in ids]
    remaining += [{"model": "ir.model.data", "odoo_id": odoo_id, "why": "its record is gone"} for odoo_id in left.dangling]
    unrestored = [
        {"model": r.model, "odoo_id": r.odoo_id, "field": r.field, "before": r.before, "now": r.now, "why": r.remark or r.state}
        for r in done.restorations if r.state in {"refused", "restore"}
    ]  # fmt: skip
    stays = [{"model": r.model, "odoo_id": r.odoo_id, "external_id": r.name, "label": r.label, "why": r.reason} for r in left.kept]
    stays += [
        {"model": r.model, "odoo_id": r.odoo_id, "field": r.field, "before": r.before, "now": r.now, "why": r.remark or "a person changed it since"}
        for r in done.restorations if r.state in {"changed", "in_use"}
    ]  # fmt: skip
    found: dict[str, tuple[Sequence[dict[str, Any]], str, str]] = {
        "nothing_left": (remaining, "every record is gone from Odoo, or kept for a reason", "records are still in Odoo"),
        "changes_restored": (unrestored, "every value is back", "values could not be restored"),
        "kept_records_unchanged": (changed, "what stays holds what it held", "values of records that stay are others than before"),
        "nothing_kept": (stays, "nothing had to stay", "records or values stay, because people made or changed something that depends on them"),
    }
    return [
        CheckResult(specs[name], passed=not rows, message=f"{len(rows)} {bad}" if rows else good, rows=tuple(rows[:SHOWN_ROWS]))
        for name, (rows, good, bad) in found.items()
    ]


def _conclude(
    migration: Migration, env: str, destination: Destination, plan: RollbackPlan, left: RollbackPlan | None,
    restorations: Sequence[Restoration], results: tuple[CheckResult, ...], to: str | None,
) -> RollbackOutcome:  # fmt: skip
    content = _document(migration, env, destination, plan, left, results, to)
    content["restorations"] = [asdict(each) for each in restorations]
    data = migration.settings.data
    folder = data.reports(migration.mapping.name, env)
    path = write_rollback_report(folder, content, migration.mapping.source.label, migration.clock())
    content["report"] = str(path.relative_to(data.path))
    path.with_suffix(".json").write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    return RollbackOutcome(plan, left, results, path, content)


def _document(
    migration: Migration, env: str, destination: Destination, plan: RollbackPlan, left: RollbackPlan | None,
    results: tuple[CheckResult, ...], to: str | None,
) -> dict[str, Any]:  # fmt: skip
    going: dict[str, int] = {}
    for model, ids in plan.steps:
        going[model] = going.get(model, 0) + len(ids)
    seen = left or plan
    staying: dict[str, int] = {}
    for each in plan.kept:
        staying[each.model] = staying.get(each.model, 0) + 1
    order = list(dict.fromkeys([*(model for model, _ in plan.steps), *plan.found]))
    return {
        "source": migration.mapping.name, "env": env, "run_id": migration.run_id, "to": to, "applied": left is not None,
        "ok": all(r.passed or r.spec.severity != "ERROR" for r in results),
        "odoo": {"kind": destination.kind, "version": destination.version, "database": destination.database},
        "models": [
            {"model": model, "found": plan.found.get(model, 0), "delete": going.get(model, 0), "keep": staying.get(model, 0)}
            for model in order
        ],
        "deleted": 0 if left is None else plan.deleted - left.deleted,
        "kept": [{"model": r.model, "odoo_id": r.odoo_id, "external_id": r.name, "label": r.label, "kind": r.kind, "why": r.reason} for r in seen.kept],
        "edited": [{"model": r.model, "odoo_id": r.odoo_id, "external_id": r.name, "label": r.label, "why": r.reason} for r in plan.edited],
        "dangling": len(plan.dangling),
        "not_undone": [{"what": fact.what, "text": fact.text} for fact in plan.not_undone],
        "notes": _notes(plan),
        "checks": [
            {"check": r.spec.name, "passed": r.passed, "severity": r.spec.severity, "message": r.message, "description": r.spec.description, "rows": r.rows}
            for r in results
        ],
    }  # fmt: skip


def _notes(plan: RollbackPlan) -> list[str]:
    """What limits the plan's sight."""
    notes = []
    if not plan.told_apart:
        notes.append(
            "The runs of this migration are not all known here (the local store is younger than its records), so what people did "
            "with the migration's own login counts as the migration's."
        )
    if plan.unreadable:
        notes.append(f"The user may not read {', '.join(plan.unreadable)}: whether something there depends on a record is not known.")
    return notes
