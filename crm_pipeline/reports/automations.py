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
    "ID": 10, "Name": 24, "About": 14, "Switched on": 12, "What the CRM says": 46, "In Odoo": 62, "What differs": 46, "Needs a person": 46, "Result": 18,
    "Status": 12, "Done by": 16, "Remark": 30, "Steps": 100, "No.": 6,
}  # fmt: skip


def write_automations(scope: Scope, folder: Path, now: datetime) -> dict[str, Path]:
    """Write ``automations.html`` and ``automations.xlsx``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = automation_kinds()
    version = kinds.known_version(scope.odoo_version)
    page = template("automations.html.j2").render(
        scope=scope, sheets=scope.automations, built_at=now, verdicts=VERDICTS, menu=kinds.menu, facts_version=version,
        counts={verdict: sum(s.verdict == verdict for s in scope.automations) for verdict in VERDICTS},
    )  # fmt: skip
    html, sheets = folder / AUTOMATIONS_FILE, folder / AUTOMATIONS_SHEETS
    html.write_text(page, encoding="utf-8")
    write_workbook(sheets, {"Automations": _overview(scope), "Steps": _steps(scope)}, SheetLayout(_WIDTHS, {"Status": STATUS}, wraps=True))
    return {"automations": html, "automations_sheets": sheets}


def rule_text(sheet: AutomationSheet) -> str:
    """The rule as lines."""
    said = [("Model", sheet.model), ("Trigger", f"{sheet.trigger_label} ({sheet.trigger})" if sheet.trigger else "none"), *sheet.settings]
    said += [("Apply on", sheet.domain if sheet.domain != "[]" else "all records")] if sheet.trigger else []
    said += [("Action", f"{action.label} ({action.state})") for action in sheet.actions]
    return "\n".join(f"{name}: {text or 'not known'}" for name, text in said)


def _overview(scope: Scope) -> pl.DataFrame:
    rows = [
        {
            "ID": s.key, "Name": s.name, "About": s.about, "Switched on": "yes" if s.is_active else "no",
            "What the CRM says": "\n".join(f"{heading}: {text}" for heading, text in s.source), "Result": VERDICTS[s.verdict],
            "In Odoo": rule_text(s), "What differs": "\n".join(s.differences),
            "Needs a person": "\n".join(f"“{words}”: {why}" for words, why in s.missing),
            "Status": STATUS[0], "Done by": "", "Remark": "",
        }
        for s in scope.automations
    ]  # fmt: skip
    headings = ("ID", "Name", "About", "Switched on", "What the CRM says", "Result", "In Odoo", "What differs", "Needs a person", "Status", "Done by", "Remark")
    return pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String))


def _steps(scope: Scope) -> pl.DataFrame:
    rows = [
        {"ID": s.key, "Name": s.name, "No.": number, "Steps": step, "Status": STATUS[0]}
        for s in scope.automations
        for number, step in enumerate([step for action in s.actions for step in action.steps], 1)
    ]
    schema: dict[str, type[pl.DataType]] = {"ID": pl.String, "Name": pl.String, "No.": pl.Int64, "Steps": pl.String, "Status": pl.String}
    return pl.DataFrame(rows, schema=schema)
