"""The certificate of a cutover, and the runbook that leads to it: pages to print, made from the staging store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_pipeline.reports import facts
from crm_pipeline.reports.queues import open_queues
from crm_pipeline.reports.rendering import template
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.runs import last_load
from crm_pipeline.staging.store import StagingStore

CUTOVER_FOLDER = "cutover"
CERTIFICATE_FILE = "certificate.html"
RUNBOOK_FILE = "runbook.html"
_NOT_SAID = "not named yet"


@dataclass(frozen=True)
class Step:
    """One step of the runbook.

    Attributes:
        done: when it was done and what came of it, ``None`` while it is to do.
        takes: minutes it took last time, where that is known.
    """

    title: str
    text: str
    command: str
    responsible: str
    done: str | None
    takes: int | None = None


def build_certificate(
    store: StagingStore, mapping: Mapping, cutover: dict[str, Any], signed: dict[str, Any], report: Path, folder: Path
) -> Path:
    """Write ``certificate.html`` and the same as JSON; returns the page's path.

    Args:
        store: the staging store.
        mapping: the mapping in force.
        cutover: columns of ``ops.cutover``.
        signed: the sandbox's sign-off.
        report: the report of the run that cut over; a copy is kept beside the certificate.
        folder: where the files go; made when missing.
    """
    env = cutover["env"]
    run = facts.newest_run(store, env)
    queues = {name: frame.height for name, frame in open_queues(store, mapping, env).items() if frame.height}
    said = {
        "edits": int(store.value("SELECT count(*) FROM ops.edit WHERE env = ?", [env])),
        "conflicts": int(store.value("SELECT count(*) FROM ops.conflict WHERE env = ?", [env])),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"report-{cutover['report_sha256'][:12]}.html").write_bytes(report.read_bytes())
    content = {"cutover": cutover, "sign_off": signed, "queues": queues, **said}
    (folder / "certificate.json").write_text(json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n", encoding="utf-8")
    verified = store.rows("SELECT coalesce(sum(records), 0), coalesce(sum(fields), 0) FROM ops.verified WHERE env = ?", [env])[0]
    page = template("certificate.html.j2").render(
        label=mapping.source.label, cutover=cutover, signed=signed, run=run, objects=facts.object_facts(store, mapping, env),
        totals=facts.total_facts(store, env), records=int(verified[0]), values=int(verified[1]), queues=queues, said=said,
        rehearsal=run.get("odoo_kind") == "embedded",
    )  # fmt: skip
    path = folder / CERTIFICATE_FILE
    path.write_text(page, encoding="utf-8")
    return path


def build_runbook(store: StagingStore, mapping: Mapping, folder: Path, now: datetime) -> Path:
    """Write ``runbook.html``: every step with who does it, how long it takes and whether it is done; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = template("runbook.html.j2").render(
        label=mapping.source.label, source=mapping.name, steps=runbook_steps(store, mapping), built_at=now,
        zone=mapping.source.time_zone, mapping_hash=mapping.hash,
    )  # fmt: skip
    path = folder / RUNBOOK_FILE
    path.write_text(page, encoding="utf-8")
    return path


def runbook_steps(store: StagingStore, mapping: Mapping) -> list[Step]:
    """The steps of a cutover in their order, as far as they are done."""
    name, who = mapping.name, mapping.source.operations.responsible
    sandbox, production = last_load(store, "sandbox"), last_load(store, "production")
    signed = store.rows("SELECT signed_by, signed_at FROM ops.sign_off WHERE mapping_hash = ? ORDER BY signed_at DESC LIMIT 1", [mapping.hash])
    cutover = store.rows("SELECT cut_over_by, cut_over_at FROM ops.cutover WHERE reopened_at IS NULL ORDER BY cut_over_at DESC LIMIT 1")
    by = {step: who.get(step, _NOT_SAID) for step in ("export", "freeze", "delta", "verification", "decision", "communication", "hypercare")}
    over = f"{cutover[0][1]:%Y-%m-%d %H:%M} UTC, {cutover[0][0]}" if cutover else None
    return [
        Step("Migrate the sandbox", "The whole export, every field read back.", f"crm-pipeline migrate {name} --env sandbox", by["delta"], _said(sandbox), _minutes(sandbox)),
        Step("Sign the sandbox off", "Read the report, look at the spot check, work off the queues.", f'crm-pipeline sign-off {name} --env sandbox --by "Name <mail>"',
             by["verification"], f"{signed[0][1]:%Y-%m-%d %H:%M} UTC, {signed[0][0]}" if signed else None),
        Step("Load production", "The same mapping, days before the cutover.", f"crm-pipeline migrate {name} --env production", by["delta"], _said(production), _minutes(production)),
        Step("Refresh until the freeze", "Each new export is applied as a delta; the schedule in the Dagster UI does it.", f"crm-pipeline delta {name} --env production", by["delta"], None, _minutes(production)),
        Step("Freeze the source", f"Nobody works in {mapping.source.label} from here on. Write down the time.", "", by["freeze"], over),
        Step("Export the last time", "All objects, or what changed since the last export with the list of deleted records.", "", by["export"], over),
        Step("Cut over", "The final delta, everything verified, the certificate. Production is closed to the migration after it.",
             f'crm-pipeline cutover {name} --freeze TIME --by "Name <mail>"', by["verification"], over, _minutes(production)),
        Step("Decide", "Go, with the certificate in hand; or go back: the plan first, then --apply.", f"crm-pipeline rollback {name} --env production", by["decision"], over),
        Step("Tell everybody", "Where to work from now on, and whom to ask.", "", by["communication"], None),
        Step("Hypercare", f"{mapping.source.operations.hypercare_days} business days: drift, conflicts and open queues, every morning.", f"crm-pipeline hypercare {name} --env production",
             by["hypercare"], None),
    ]  # fmt: skip


def _said(run: dict[str, Any]) -> str | None:
    if not run:
        return None
    return f"{run['ended_at']:%Y-%m-%d %H:%M} UTC, export {run['drop']}, {'proven' if run['ok'] else 'not complete'}"


def _minutes(run: dict[str, Any]) -> int | None:
    return max(1, round((run["ended_at"] - run["started_at"]).total_seconds() / 60)) if run else None
