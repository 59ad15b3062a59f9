"""The spot check for people: the drawn records side by side, as a page to read and a workbook to mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from crm_pipeline.odoo.normal import html_text
from crm_pipeline.reports.facts import newest_run
from crm_pipeline.reports.rendering import template
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, quote

PAGE_FILE, WORKBOOK_FILE = "spot_check.html", "spot_check.xlsx"
#: Columns of the workbook; the first four are those of the resolution file.
MARK_COLUMNS = ("object", "external_id", "decision", "remark", "key", "file", "row", "model", "odoo_id", "link")
_WIDTHS = {"external_id": 34, "remark": 50, "key": 22, "file": 22, "link": 60, "model": 18}
MARKS = ("ok", "wrong")


@dataclass(frozen=True)
class SpotCheck:
    """How far people are: records drawn, looked at, and found wrong."""

    drawn: int
    looked_at: int
    wrong: int


def spot_check_state(store: StagingStore, env: str) -> SpotCheck:
    """Marks of the drawn records, as read from the resolution file last."""
    row = store.rows(
        """SELECT count(*), count(mark.decision), count(*) FILTER (mark.decision = 'wrong')
           FROM ops.sample AS drawn LEFT JOIN ops.sample_mark AS mark USING (object, external_id) WHERE drawn.env = ?""",
        [env],
    )[0]
    return SpotCheck(*(int(value) for value in row))


def record_link(base_url: str | None, model: str, odoo_id: int) -> str | None:
    """The form of a record in Odoo's own web client; none for the embedded destination."""
    return f"{base_url}/web#id={odoo_id}&model={model}&view_type=form" if base_url else None


def write_spot_check(store: StagingStore, mapping: Mapping, env: str, folder: Path, now: datetime) -> SpotCheck:
    """Write ``spot_check.html`` and ``spot_check.xlsx``; nothing when no sample was drawn."""
    state = spot_check_state(store, env)
    if not state.drawn:
        return state
    run = newest_run(store, env)
    drawn = store.frame(
        """SELECT drawn.*, mark.decision, mark.remark FROM ops.sample AS drawn
           LEFT JOIN ops.sample_mark AS mark USING (object, external_id) WHERE drawn.env = ? ORDER BY object, position""",
        [env],
    )
    shown = _odoo_values(store, env)
    objects: list[dict[str, Any]] = []
    sheet: list[dict[str, Any]] = []
    for name, spec in mapping.source.objects.items():
        records = drawn.filter(pl.col("object") == name).to_dicts()
        if records:
            cells = _exported_cells(store, mapping, name, [record["row_id"] for record in records])
            for record in records:
                record["exported"] = cells.get(record["row_id"], [])
                record["shown"] = shown.get((record["model"], record["odoo_id"]), [])
                record["link"] = record_link(run.get("odoo_url"), record["model"], record["odoo_id"])
            objects.append({"name": name, "label": spec.label, "records": records})
            sheet += records
    page = template("spot_check.html.j2").render(
        label=mapping.source.label, env=env, built_at=now, objects=objects, state=state, odoo_version=run.get("odoo_version"),
        rehearsal=run.get("odoo_kind") == "embedded", seed=drawn["seed"][0],
    )  # fmt: skip
    (folder / PAGE_FILE).write_text(page, encoding="utf-8")
    _write_workbook(folder / WORKBOOK_FILE, sheet)
    return state


def _odoo_values(store: StagingStore, env: str) -> dict[tuple[str, int], list[tuple[str, str]]]:
    found: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for model, odoo_id, label, value in store.rows(
        "SELECT model, odoo_id, label, value FROM ops.sample_value WHERE env = ? AND value IS NOT NULL ORDER BY model, odoo_id, position", [env]
    ):
        text = html_text(value) if value.lstrip().startswith("<") else value
        found.setdefault((model, odoo_id), []).append((label, text))
    return found


def _exported_cells(store: StagingStore, mapping: Mapping, name: str, rows: list[int]) -> dict[int, list[tuple[str, str]]]:
    """Row id → heading and text of every cell that is not blank, as exported."""
    columns = mapping.source.objects[name].columns
    delivered = store.columns(f"raw.{name}")
    names = [column for column in columns if column in delivered]
    picked = ", ".join(quote(column) for column in names)
    found = {}
    for row_id, extra, *cells in store.rows(
        f"SELECT _row_id, _extra, {picked} FROM {quote(f'raw.{name}')} WHERE list_contains(?, _row_id)", [rows]
    ):
        own = [(columns[column].heading, text) for column, text in zip(names, cells, strict=True) if text]
        found[row_id] = own + [(heading, text) for heading, text in (extra or {}).items() if text]
    return found


def _write_workbook(file: Path, records: list[dict[str, Any]]) -> None:
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("spot_check")
        head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "border": 1, "border_color": "#C5CFDA"})
        fill = book.add_format({"bg_color": "#FFF9E5", "border": 1, "border_color": "#E4DDC4"})
        for index, column in enumerate(MARK_COLUMNS):
            sheet.write_string(0, index, column, head)
            sheet.set_column(index, index, _WIDTHS.get(column, 14))
        for number, record in enumerate(records, 1):
            for index, column in enumerate(MARK_COLUMNS):
                value = record[column]
                form = fill if column in {"decision", "remark"} else None
                if isinstance(value, int):
                    sheet.write_number(number, index, value, form)
                else:
                    sheet.write_string(number, index, str(value or ""), form)
        decision = MARK_COLUMNS.index("decision")
        sheet.data_validation(
            1, decision, max(1, len(records)), decision,
            {"validate": "list", "source": list(MARKS), "error_title": "ok or wrong", "error_message": "Say ok or wrong; a remark goes beside it."},
        )
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(records)), len(MARK_COLUMNS) - 1)
