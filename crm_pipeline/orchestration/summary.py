"""What the last assets of an environment show: fates, totals, differences, and the report's verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.run import preflight_page
from crm_pipeline.orchestration.metadata import FINDING_TEXT, Metadata, table
from crm_pipeline.reports.facts import check_facts, newest_run, verdict
from crm_pipeline.reports.preflight import preflight_facts
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.verification.accounting import account


def preflight_metadata(migration: Migration, env: str) -> Metadata:
    """What the destination is, what it has already, and the page that says so."""
    found = preflight_facts(migration.store, env)
    page = preflight_page(migration, env)
    models = [
        {"model": m["model"], "in_odoo": m["in_odoo"], "others": m["foreign"], "staged": m["staged"], "would_match": m["linked"],
         "new": m["created"], "wait": m["waiting"], "left_out": m["left_out"]}
        for m in found.models
    ]  # fmt: skip
    facts = [{"topic": topic, "fact": name, "value": value} for topic, lines in found.topics.items() for name, value in lines]
    return {
        **{f"{topic}: {name}": value for topic in ("Server", "Company") for name, value in found.topics.get(topic, ())},
        "facts": table(facts, longest=FINDING_TEXT),
        "what_is_there": table(models),
        **({"report": dg.MetadataValue.path(str(page))} if page is not None else {}),
    }


def verification_metadata(migration: Migration, env: str) -> Metadata:
    """Fates of the exported rows, control totals, and how much was compared."""
    store = migration.store
    fates = account(store, migration.mapping).drop("accounted").filter(pl.col("exported") > 0).to_dicts()
    totals = store.frame(
        "SELECT name, currency, source, odoo, equal FROM ops.control_total WHERE env = ? AND (kind = 'sum' OR NOT equal) ORDER BY ALL", [env]
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


def report_metadata(store: StagingStore, env: str, path: Path, result: dict[str, Any]) -> Metadata:
    """The verdict, and where the files are."""
    failed = [check for check in result["checks"] if not check["passed"]]
    waiting = sum(each["quarantined"] + each["queued"] for each in result["objects"].values())
    differences = int(result["verification"]["differences"])
    concluded = verdict(newest_run(store, env), check_facts(store, env), differences, waiting)
    return {
        "verdict": f"{concluded.title}. {concluded.text}",
        "report": dg.MetadataValue.path(str(path)),
        "folder": dg.MetadataValue.path(str(path.parent)),
        **{f"queue_{name}": int(count) for name, count in result["queues"].items() if count},
        **({"checks_not_green": table([_finding(check) for check in failed], longest=FINDING_TEXT)} if failed else {}),
    }


def _finding(check: dict[str, Any]) -> dict[str, Any]:
    return {name: check[name] for name in ("asset", "check", "severity", "message")}
