"""The review table of a proposed mapping: every column with its values, what it would become, how sure and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crm_pipeline.proposals.proposal import Understood
from crm_pipeline.proposals.review import ReviewedField
from crm_pipeline.reports.facts import Verdict
from crm_pipeline.reports.rendering import template

PROPOSAL_PAGE = "proposal.html"
#: From here on a reading is marked sure, and below the other one as a guess.
SURE, GUESS = 0.9, 0.6


@dataclass(frozen=True)
class ReviewPage:
    """What the page shows beside the fields.

    Attributes:
        verb: what the proposal is for: 'new' for a source nobody mapped, 'more' for what a mapping lacks.
        folder: where the specs are.
        left: table → headings of columns that became nothing.
    """

    label: str
    source: str
    verb: str
    odoo_version: str
    folder: str
    problems: Sequence[str]
    left: Mapping[str, Sequence[str]]


def build_proposal_page(
    page: ReviewPage, understood: Understood, fields: Sequence[ReviewedField], out_folder: Path, now: datetime
) -> Path:
    """Write ``proposal.html``; it holds sample values of the export, as the other reports do.

    Args:
        page: what it is about.
        understood: the tables.
        fields: the proposed fields.
        out_folder: where the file goes; made when missing.
        now: time of building, UTC.
    """
    sections = []
    for name, table in understood.tables.items():
        of_table = [f for f in fields if f.table == table.label and f.columns]
        sections.append({
            "name": name, "label": table.label, "kind": table.kind, "confidence": table.confidence, "reasons": table.reasons,
            "rows": table.columns[0].profile.rows if table.columns else 0, "key": understood.keys.get(name), "fields": of_table,
            "models": sorted({f.model for f in of_table}),
        })  # fmt: skip
    from_columns = [f for f in fields if f.columns]
    counts = {
        "fields": len(fields), "columns": sum(len(table.columns) for table in understood.tables.values()),
        "sure": sum(f.confidence > SURE for f in fields), "guesses": sum(f.confidence < GUESS for f in fields),
    }  # fmt: skip
    html = template("proposal.html.j2").render(
        page=page, built_at=now, sections=sections, structural=[f for f in fields if not f.columns], counts=counts, verdict=_verdict(page, counts),
        conventions=understood.conventions, skipped=understood.skipped, sure=SURE, guess=GUESS, from_columns=from_columns,
    )  # fmt: skip
    out_folder.mkdir(parents=True, exist_ok=True)
    path = out_folder / PROPOSAL_PAGE
    path.write_text(html, encoding="utf-8")
    return path


def _verdict(page: ReviewPage, counts: Mapping[str, int]) -> Verdict:
    if not counts["fields"]:
        return Verdict("good", "Nothing to add", "Every column of the export is mapped already.")
    told = f"{counts['sure']} of {counts['fields']} fields are more than {SURE:.0%} sure, {counts['guesses']} are guesses to look at first."
    where = "Nothing of it is loaded before somebody confirms it." if page.verb == "new" else "The mapping in force was not changed."
    return Verdict("open", "To be confirmed", f"{told} {where}")
