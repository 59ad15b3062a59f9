"""The scope document: what an export holds, how it lands in Odoo, what stands in the way, and what it takes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from crm_pipeline.discovery.scope import Scope
from crm_pipeline.reports.facts import InventoryFact, Verdict, duration_text
from crm_pipeline.reports.queues import SheetLayout, write_workbook
from crm_pipeline.reports.rendering import template
from crm_pipeline.reports.scope_sheets import WIDTHS, scope_sheets

SCOPE_FILE, SCOPE_SHEETS = "scope.html", "scope.xlsx"
#: Rows of one list in the document; the workbook beside it holds all.
SHOWN = 60


def write_scope(scope: Scope, lists: list[InventoryFact], folder: Path, now: datetime) -> dict[str, Path]:
    """Write ``scope.html`` and ``scope.xlsx``; returns their paths.

    Args:
        scope: the facts.
        lists: the source's own lists, for instance of its stages.
        folder: where the files go; made when missing.
        now: time of building, UTC.
    """
    folder.mkdir(parents=True, exist_ok=True)
    days, seconds = scope.effort.days, scope.effort.load_seconds
    page = template("scope.html.j2").render(
        scope=scope, lists=lists, verdict=scope_verdict(scope), built_at=now, shown=SHOWN,
        weeks=range_text(max(1, round(days[0] / 5)), max(1, -(-days[1] // 5)), "week"), load_time=seconds_text(seconds),
        range_text=range_text, seconds_text=seconds_text,
    )  # fmt: skip
    html, sheets = folder / SCOPE_FILE, folder / SCOPE_SHEETS
    html.write_text(page, encoding="utf-8")
    write_workbook(sheets, scope_sheets(scope, lists), SheetLayout(WIDTHS, wraps=True))
    return {"scope": html, "scope_sheets": sheets}


def scope_verdict(scope: Scope) -> Verdict:
    """Whether the migration can begin with this export."""
    count, noted = len(scope.blocking), len(scope.warnings)
    more = f" {noted:,} {'finding' if noted == 1 else 'findings'} to look at." if noted else ""
    if count:
        what = "1 problem" if count == 1 else f"{count:,} problems"
        text = f"{what} in the export must be mended first; the numbers below are those of what could be read.{more}"
        return Verdict("bad", "The migration can't begin with this export", text)
    if any(each.count_state == "not stated" and each.rows for each in scope.objects):
        text = f"No problem was found. For some objects no list says how many records there are, so it is not proven that all were exported.{more}"
        return Verdict("open", "The export can be migrated, but is not proven complete", text)
    return Verdict("good", "The export is complete and can be migrated", f"All row counts agree with the export's own list.{more}")


def range_text(first: float, last: float, unit: str) -> str:
    """'3 to 5 weeks'."""
    if first == last:
        return f"{first:g} {unit}{'' if first == 1 else 's'}"
    return f"{first:g} to {last:g} {unit}s"


def seconds_text(seconds: tuple[float, float]) -> str:
    """A range of seconds as people say it."""
    first, last = duration_text(seconds[0]), duration_text(seconds[1])
    if seconds[1] < 60:
        return "less than a minute"
    return first if first == last else f"{first} to {last}"
