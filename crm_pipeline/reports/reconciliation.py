"""The reconciliation report: one HTML file a customer can be sent, with the queues beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.reports import facts
from crm_pipeline.reports.decisions import applied_decisions, decision_facts
from crm_pipeline.reports.pictures import FATE_MEANINGS
from crm_pipeline.reports.preflight import preflight_facts
from crm_pipeline.reports.provenance import handling_text, origin_text, rows_text
from crm_pipeline.reports.queues import open_queues, write_queues
from crm_pipeline.reports.redaction import redact
from crm_pipeline.reports.rendering import template
from crm_pipeline.reports.spot_check import spot_check_state, write_spot_check
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore

REPORT_FILE, REDACTED_FILE = "report.html", "report-redacted.html"
#: Owners listed in the report; the files beside it hold all.
SHOWN_OWNERS = 50


def build_report(
    store: StagingStore, mapping: Mapping, env: str, out_folder: Path, now: datetime, data_root: Path, *, without_personal_data: bool = False
) -> Path:
    """Write ``report.html`` and the queues beside it as CSV and ``queues.xlsx``; returns the report's path.

    Reads only the staging store, so it can be built at any time, also after a run that stopped early. The HTML needs no
    network and no script.

    Args:
        store: the staging store.
        mapping: the mapping in force.
        env: sandbox or production.
        out_folder: where the files go; made when missing.
        now: time of building, UTC.
        data_root: paths in the report are told from here.
        without_personal_data: write ``report-redacted.html`` instead, with masked values and without any file beside it.
    """
    out_folder.mkdir(parents=True, exist_ok=True)
    content = _content(store, mapping, env, now)
    queues = open_queues(store, mapping, env)
    if without_personal_data:
        spot_check = spot_check_state(store, env)
    else:
        write_queues(out_folder, queues | {"differences": differences(store, env), "decided": applied_decisions(store)})
        spot_check = write_spot_check(store, mapping, env, out_folder, now)
    resolutions = (data_root / "resolutions" / mapping.name).relative_to(data_root.parent)
    shown = {
        name: {"count": frame.height, "first": frame.head(facts.SHOWN_DIFFERENCES).to_dicts()}
        for name, frame in queues.items()
    }
    content |= {
        "quarantine": facts.quarantine_facts(queues["quarantine"]), "owners": queues["owners"].head(SHOWN_OWNERS).to_dicts(),
        "owner_count": queues["owners"].height, "queues": shown, "resolutions": str(resolutions), "spot_check": spot_check,
        "redacted": without_personal_data, "decisions": decision_facts(store),
    }  # fmt: skip
    page = template("reconciliation.html.j2").render(redact(content) if without_personal_data else content)
    path = out_folder / (REDACTED_FILE if without_personal_data else REPORT_FILE)
    path.write_text(page, encoding="utf-8")
    return path


def _content(store: StagingStore, mapping: Mapping, env: str, now: datetime) -> dict[str, Any]:
    run = facts.newest_run(store, env)
    objects = facts.object_facts(store, mapping, env)
    checks = facts.check_facts(store, env)
    differences, first_differences = facts.difference_facts(store, env)
    targets = facts.target_facts(store, mapping, env)
    sums = _sums(objects)
    compared = [target["verified"] for target in targets if target["verified"]]
    return {
        "label": mapping.source.label, "env": env, "built_at": now,
        "rehearsal": run.get("odoo_kind") == "embedded", "odoo_version": run.get("odoo_version"),
        "limits": EmbeddedOdoo.limits() if run.get("odoo_kind") == "embedded" else (),
        "run_facts": facts.run_facts(run, now), "verdict": facts.verdict(run, checks, differences, sums["quarantined"] + sums["queued"]),
        "objects": objects, "sums": sums, "targets": targets, "totals": facts.total_facts(store, env),
        "counts": facts.count_facts(store, env), "exported_amounts": facts.exported_amount_facts(store, env),
        "fields": facts.field_facts(store, mapping, env), "history": facts.run_history(store, mapping),
        "records_compared": sum(row["records"] for row in compared),
        "values_compared": sum(row["fields"] for row in compared),
        "differences": differences, "first_differences": first_differences,
        "failed": [c for c in checks if c.failed], "warnings": [c for c in checks if not c.passed and not c.failed],
        "phases": [(phase, [c for c in checks if c.phase == phase]) for phase in facts.PHASES],
        "inventories": facts.inventory_facts(store, mapping), "preflight": preflight_facts(store, env), "mapping": _mapping_tables(mapping),
    }  # fmt: skip


def differences(store: StagingStore, env: str) -> pl.DataFrame:
    """Every value that is not what was meant, and every record that is missing, moved or there twice."""
    return store.frame(
        """SELECT model, external_id, odoo_id, field, class, expected, actual, source_object, source_row, changed_by,
                  changed_at::VARCHAR AS changed_at FROM ops.difference WHERE env = ? AND class <> 'rounded'
           ORDER BY model, external_id, field""",
        [env],
    )


def _sums(objects: list[facts.ObjectFact]) -> dict[str, int]:
    sums = {"exported": sum(each.exported for each in objects)}
    for fate in FATE_MEANINGS:
        sums[fate] = sum(each.fates[fate] for each in objects)
    return sums


def _mapping_tables(mapping: Mapping) -> list[dict[str, Any]]:
    return [
        {
            "target": target,
            "blocks": [
                {
                    "name": block.name, "rows": rows_text(block), "external_id": block.external_id,
                    "diversions": block.divert,
                    "fields": [(name, origin_text(spec), handling_text(spec)) for name, spec in block.fields.items()],
                }
                for block in target.sources
            ],
        }
        for target in mapping.targets
    ]  # fmt: skip
