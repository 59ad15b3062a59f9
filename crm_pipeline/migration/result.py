"""The result file: what a run did, in the form the command-line contract states; built from the staging store alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crm_pipeline.migration import records
from crm_pipeline.odoo.gates import waiting_in_queue
from crm_pipeline.reports.decisions import waiting_rows, waiting_values
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.decision_outcomes import decision_counts
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.verification.accounting import account, delta_rows, reasons


def build_result(
    store: StagingStore, mapping: Mapping, env: str, run_id: str, report: Path | None, root: Path
) -> dict[str, Any]:
    """The result of the newest run of an environment.

    ``ok`` is true when no check of severity ERROR failed.
    """
    run = _one(store, "SELECT * FROM ops.run WHERE run_id = ?", [run_id])
    checks = _all(
        store,
        'SELECT asset, "check", passed, severity, blocking, message FROM ops.check_result WHERE env IN (?, ?) ORDER BY rowid',
        [records.STAGING, env],
    )
    objects: dict[str, Any] = {}
    own = delta_rows(store)
    why = reasons(store, own)
    for row in account(store, mapping, own).to_dicts():
        row.pop("accounted")
        row["duplicates"] = row.pop("duplicate")
        name = row.pop("object")
        objects[name] = {**row, "reasons": why.get(name, {})}
    return {
        "source": mapping.name,
        "env": env,
        "drop": run.get("drop"),
        "run_id": run_id,
        "ok": all(c["passed"] or c["severity"] != "ERROR" for c in checks),
        "odoo": {"kind": run.get("odoo_kind"), "version": run.get("odoo_version")},
        "mapping_hash": run.get("mapping_hash"),
        "objects": objects,
        "targets": _targets(store, mapping, env),
        "control_totals": _all(
            store, "SELECT name, currency, source, odoo, rounding, edited, kind, equal FROM ops.control_total WHERE env = ? ORDER BY kind DESC, name, currency", [env]
        ),
        "verification": _verification(store, env),
        "checks": checks,
        "queues": _queues(store, mapping, env),
        "edits": _count(store, "edit", env),
        "departed": _count(store, "departed", env),
        "deleted": int(store.value("SELECT count(*) FROM ops.deleted_row WHERE known AND NOT made_again")),
        "decisions": decision_counts(store),
        "report": str(report.relative_to(root)) if report is not None else None,
    }


def _all(store: StagingStore, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    return store.frame(sql, parameters).to_dicts()


def _one(store: StagingStore, sql: str, parameters: list[Any]) -> dict[str, Any]:
    found = _all(store, sql, parameters)
    return found[0] if found else {}


def _count(store: StagingStore, table: str, env: str) -> int:
    return int(store.value(f"SELECT count(*) FROM ops.{table} WHERE env = ?", [env]))


def _targets(store: StagingStore, mapping: Mapping, env: str) -> dict[str, Any]:
    counts = {
        row["model"]: row for row in _all(store, "SELECT * EXCLUDE (env) FROM ops.load_count WHERE env = ?", [env])
    }
    in_odoo = dict(store.rows("SELECT model, in_odoo FROM ops.verified WHERE env = ?", [env]))
    names = ("staged", "created", "updated", "unchanged", "linked", "failed", "held")
    return {
        target.model: {name: counts.get(target.model, {}).get(name, 0) for name in names}
        | {"in_odoo": in_odoo.get(target.model, 0)}
        for target in mapping.targets
    }


def _verification(store: StagingStore, env: str) -> dict[str, int]:
    found = store.rows(
        "SELECT coalesce(sum(records), 0), coalesce(sum(fields), 0) FROM ops.verified WHERE env = ?", [env]
    )[0]
    differences = store.value("SELECT count(*) FROM ops.difference WHERE env = ? AND class <> 'rounded'", [env])
    return {"records": int(found[0]), "fields": int(found[1]), "differences": int(differences)}


def _queues(store: StagingStore, mapping: Mapping, env: str) -> dict[str, int]:
    queues = {"owners": 0, "orphans": 0, "products": 0, "conflicts": 0, "quarantine": 0}
    queues["quarantine"] = int(store.value("SELECT count(*) FROM ops.row_fate WHERE fate = 'quarantined'"))
    queues["orphans"] = int(store.value("SELECT count(*) FROM ops.fate WHERE fate = 'queued'"))
    queues["conflicts"] = int(store.value("SELECT count(*) FROM ops.conflict WHERE env = ?", [env]))
    queues |= {"values": waiting_values(store).height, "rows": waiting_rows(store, mapping).height}
    for target in mapping.targets:
        if target.match.queue is not None:
            queues[target.match.queue] += len(waiting_in_queue(store, mapping, target.match.queue, env))
    return queues
