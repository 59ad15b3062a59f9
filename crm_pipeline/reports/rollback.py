"""The rollback page: what would be taken back, or was, what stays and why; one HTML file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from crm_pipeline.reports.facts import Verdict
from crm_pipeline.reports.rendering import template

ROLLBACK_FILE, PLAN_FILE = "rollback.html", "rollback_plan.html"


def write_rollback_report(folder: Path, content: dict[str, Any], label: str, now: datetime) -> Path:
    """Write the page of a rollback that was applied, or of its plan; returns its path.

    Args:
        folder: where the file goes; made when missing.
        content: the result document of the rollback.
        label: the source CRM's name.
        now: time of building, UTC.
    """
    page = template("rollback.html.j2").render(content=content, label=label, built_at=now, verdict=_verdict(content))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (ROLLBACK_FILE if content["applied"] else PLAN_FILE)
    path.write_text(page, encoding="utf-8")
    return path


def _verdict(content: dict[str, Any]) -> Verdict:
    kept = len(content["kept"])
    stays = f" {kept:,} {'record stays' if kept == 1 else 'records stay'}; the list says why." if kept else ""
    if not content["applied"]:
        count = sum(model["delete"] for model in content["models"])
        values = sum(each["state"] == "restore" for each in content["restorations"])
        return Verdict(
            "open",
            "This is a plan",
            f"{count:,} records would be deleted and {values:,} values restored.{stays} Nothing was written to Odoo.",
        )
    if not content["ok"]:
        return Verdict(
            "bad",
            "The rollback is not complete",
            f"{content['deleted']:,} records were deleted.{stays} Apply it again when the cause is gone.",
        )
    return Verdict(
        "good", "The rollback is complete and proven", f"{content['deleted']:,} records were deleted.{stays}"
    )
