"""The automation inventory: a specification sheet for each of the CRM's automations, for whoever rebuilds them in Odoo."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from crm_pipeline.discovery.automations import AutomationSheet
from crm_pipeline.discovery.scope import Scope
from crm_pipeline.odoo.automation_kinds import automation_kinds
from crm_pipeline.reports.queues import SheetLayout, write_workbook
from crm_pipeline.reports.rendering import template

AUTOMATIONS_FILE, AUTOMATIONS_SHEETS = "automations.html", "automations.xlsx"
#: What the admin writes into the column Status.
STATUS = ("to do", "rebuilt", "tested", "not needed")
VERDICTS = {"equivalent": "has an equivalent", "nearest": "nearest equivalent", "person": "needs a person"}
_WIDTHS = {
    "Name": 26, "About": 16, "What the CRM says": 56, "Odoo model": 22, "Trigger": 34, "Settings": 52, "Apply on": 52, "Actions": 60, "What differs": 60,
    "No equivalent": 60, "Result": 20, "Status": 14, "Done by": 20, "Remark": 40, "Steps": 100, "No.": 6,
}  # fmt: skip


def write_automations(scope: Scope, folder: Path, now: datetime) -> dict[str, Path]:
    """Write ``automations.html`` and ``automations.xlsx``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = automation_kinds()
    version = kinds.known_version(scope.odoo_version)
    page = template("automations.html.j2").render(
        scope=scope, sheets=scope.automations, built_at=now, verdicts=VERDICTS, menu=kinds.menu, facts_version=version,
        counts={verdict: sum(s.verdict == verdict for s in scope.automations) for verdict in VERDICTS}, apply_text=apply_text,
    )  # fmt: skip
    html, sheets = folder / AUTOMATIONS_FILE, folder / AUTOMATIONS_SHEETS
    html.write_text(page, encoding="utf-8")
    write_workbook(sheets, {"Automations": _overview(scope), "Steps": _steps(scope)}, SheetLayout(_WIDTHS, {"Status": STATUS}, wraps=True))
    return {"automations": html, "automations_sheets": sheets}


def apply_text(sheet: AutomationSheet) -> str:
    """The domain, or that there is none."""
    return sheet.domain if sheet.domain != "[]" else "all records"


def _overview(scope: Scope) -> pl.DataFrame:
    rows = [
        {
            "ID": s.key, "Name": s.name, "About": s.about, "Switched on": "yes" if s.is_active else "no",
            "What the CRM says": "\n".join(f"{heading}: {text}" for heading, text in s.source), "Result": VERDICTS[s.verdict],
            "Odoo model": s.model, "Trigger": f"{s.trigger_label} ({s.trigger})" if s.trigger else "", "Settings": "\n".join(f"{k}: {v}" for k, v in s.settings),
            "Apply on": apply_text(s) if s.trigger else "", "Actions": "\n".join(f"{a.label} ({a.state})" for a in s.actions),
            "What differs": "\n".join(s.differences), "No equivalent": "\n".join(f"“{words}”: {why}" for words, why in s.missing),
            "Status": STATUS[0], "Done by": "", "Remark": "",
        }
        for s in scope.automations
    ]  # fmt: skip
    headings = ("ID", "Name", "About", "Switched on", "What the CRM says", "Result", "Odoo model", "Trigger", "Settings", "Apply on", "Actions", "What differs",
                "No equivalent", "Status", "Done by", "Remark")  # fmt: skip
    return pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String))


def _steps(scope: Scope) -> pl.DataFrame:
    rows = [
        {"ID": s.key, "Name": s.name, "No.": number, "Steps": step, "Status": STATUS[0]}
        for s in scope.automations
        for number, step in enumerate([step for action in s.actions for step in action.steps], 1)
    ]
    schema: dict[str, type[pl.DataType]] = {"ID": pl.String, "Name": pl.String, "No.": pl.Int64, "Steps": pl.String, "Status": pl.String}
    return pl.DataFrame(rows, schema=schema)
