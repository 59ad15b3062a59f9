"""The scope document: what an export holds, how it lands in Odoo, what stands in the way, and what it takes."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from pathlib import Path

from crm_pipeline.discovery.scope import Scope
from crm_pipeline.reports.facts import InventoryFact, Verdict, duration_text
from crm_pipeline.reports.queues import SheetLayout, write_workbook
from crm_pipeline.reports.rendering import template
from crm_pipeline.reports.scope_sheets import WIDTHS, scope_sheets

SCOPE_FILE, SCOPE_SHEETS = "scope.html", "scope.xlsx"
#: Reasons of reading and checking, in words for people who don't know the pipeline; others are their own words.
_REASONS = {
    "blank_key": "no key", "duplicate_primary_key": "key used twice with different values", "identical_duplicate": "identical to another row",
    "malformed_row": "broken row (wrong number of cells)", "missing_value": "a required value is blank", "unknown_value": "a value that is not one of the known ones",
    "bad_value": "a required value can't be read", "orphan_parent": "names a record that is not in the export", "parent_quarantined": "belongs to a row that is set aside",
    "unknown_stage": "names a stage that is not in the list of stages", "file_missing": "its file is missing", "file_empty": "its file is empty",
    "file_outside_folder": "its path leads out of the export", "file_ambiguous": "several files could be meant", "file_too_large": "its file is too large",
    "url_not_http": "its web address is none", "no_file": "names no file", "no_customer": "no customer is named", "no_lines": "has no lines",
    "prefix_mismatch": "the file's name says another record", "no_date": "has no date", "no_text_file": "names no text file",
}  # fmt: skip
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
        scope=scope, lists=lists, set_aside=[(name, list(rows)) for name, rows in groupby(scope.set_aside, key=lambda each: each.object)],
        names={each.name: each.label for each in scope.objects}, verdict=scope_verdict(scope), built_at=now, shown=SHOWN,
        weeks=range_text(max(1, round(days[0] / 5)), max(1, -(-days[1] // 5)), "week"), load_time=seconds_text(seconds),
        range_text=range_text, reason_text=reason_text, seconds_text=seconds_text,
    )  # fmt: skip
    html, sheets = folder / SCOPE_FILE, folder / SCOPE_SHEETS
    html.write_text(page, encoding="utf-8")
    write_workbook(sheets, scope_sheets(scope, lists), SheetLayout(WIDTHS, wraps=True))
    return {"scope": html, "scope_sheets": sheets}


def scope_verdict(scope: Scope) -> Verdict:
    """Whether the migration can begin with this export."""
    count, noted = len(scope.blocking), len(scope.warnings)
    waiting = scope.rows_set_aside
    more = f" {waiting:,} {'row is' if waiting == 1 else 'rows are'} set aside by rule, each with its reason." if waiting else ""
    more += f" {noted:,} {'finding' if noted == 1 else 'findings'} to look at." if noted else ""
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


def reason_text(reason: str) -> str:
    """Why rows are set aside, as people say it."""
    return _REASONS.get(reason, reason.replace("_", " "))


def seconds_text(seconds: tuple[float, float]) -> str:
    """A range of seconds as people say it."""
    first, last = duration_text(seconds[0]), duration_text(seconds[1])
    if seconds[1] < 60:
        return "less than a minute"
    return first if first == last else f"{first} to {last}"
