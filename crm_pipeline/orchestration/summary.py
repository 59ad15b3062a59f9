"""What the last assets of an environment show: fates, totals, differences, and the report's verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from crm_pipeline.migration.migration import Migration
from crm_pipeline.orchestration.metadata import Metadata, table
from crm_pipeline.verification.accounting import account


def verification_metadata(migration: Migration, env: str) -> Metadata:
    """Fates of the exported rows, control totals, and how much was compared."""
    store = migration.store
    fates = account(store, migration.mapping).drop("accounted").to_dicts()
    totals = store.frame(
        "SELECT name, currency, source, odoo, equal FROM ops.control_total WHERE env = ? ORDER BY ALL", [env]
    ).to_dicts()
    compared = store.rows(
        "SELECT coalesce(sum(records), 0), coalesce(sum(fields), 0) FROM ops.verified WHERE env = ?", [env]
    )
    return {
        "exported_rows": sum(int(row["exported"]) for row in fates),
        "records_compared": int(compared[0][0]),
        "values_compared": int(compared[0][1]),
        "differences": int(store.value("SELECT count(*) FROM ops.difference WHERE env = ?", [env])),
        "fates_of_exported_rows": table(fates),
        **({"control_totals": table(totals)} if totals else {}),
    }


def report_metadata(path: Path, result: dict[str, Any]) -> Metadata:
    """The verdict, and where the files are."""
    failed = [check for check in result["checks"] if not check["passed"]]
    errors = [check for check in failed if check["severity"] == "ERROR"]
    verdict = "every check of severity ERROR passed" if result["ok"] else f"{len(errors)} checks failed"
    return {
        "verdict": verdict,
        "report": dg.MetadataValue.path(str(path)),
        "folder": dg.MetadataValue.path(str(path.parent)),
        **{f"queue_{name}": int(count) for name, count in result["queues"].items() if count},
        **({"checks_not_green": table([_finding(check) for check in failed])} if failed else {}),
    }


def _finding(check: dict[str, Any]) -> dict[str, Any]:
    return {name: check[name] for name in ("asset", "check", "severity", "message")}
