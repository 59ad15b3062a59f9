"""A proposal as people review it and as ``confirm`` reads it: one entry for each proposed field, with all that speaks for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from crm_pipeline.proposals.confirmation import PROPOSAL_FILE
from crm_pipeline.proposals.drafting import FieldDraft, TargetDraft, flow
from crm_pipeline.proposals.proposal import Proposal


@dataclass(frozen=True)
class ReviewedField:
    """One proposed field.

    Attributes:
        name: model/block/field.
        table: label of the table its columns are in; empty for what no column gives.
        columns: headings.
        samples: values of the first column.
        origin: what the mapping says of it.
        alternatives: other fields the column may be, with confidence.
    """

    name: str
    model: str
    block: str
    field: str
    label: str
    table: str
    columns: tuple[str, ...]
    samples: tuple[str, ...]
    origin: str
    confidence: float
    reasons: tuple[str, ...]
    alternatives: tuple[tuple[str, float], ...]


def review(proposal: Proposal, labels: dict[tuple[str, str], str]) -> list[ReviewedField]:
    """All proposed fields, in the order of the files."""
    return [
        _entry(proposal, target, block.name, block.table, name, draft, labels)
        for target in proposal.targets for block in target.blocks for name, draft in block.fields.items()
    ]  # fmt: skip


def _entry(
    proposal: Proposal, target: TargetDraft, block: str, table: str | None, name: str, draft: FieldDraft, labels: dict[tuple[str, str], str]
) -> ReviewedField:
    known = proposal.understood.tables.get(table or "")
    return ReviewedField(
        f"{target.model}/{block}/{name}", target.model, block, name, labels.get((target.model, name), ""),
        known.label if known is not None and draft.columns else "", tuple(c.heading for c in draft.columns),
        draft.columns[0].profile.samples if draft.columns else (), flow(draft.origin), round(draft.confidence, 4), draft.reasons,
        tuple((c.says, round(c.confidence, 4)) for c in draft.alternatives),
    )  # fmt: skip


def write_review(folder: Path, fields: Iterable[ReviewedField]) -> Path:
    """Keep what ``confirm`` needs beside the specs; without values of the export."""
    file = folder / PROPOSAL_FILE
    entries = [{key: value for key, value in asdict(each).items() if key != "samples"} for each in fields]
    file.write_text(json.dumps({"fields": entries}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file
