"""Specs in the making: targets, blocks and fields with the confidence of each, and the YAML they are written as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from crm_pipeline.proposals.table import Candidate, ColumnReading

_WIDE = 1_000_000
#: What follows from the kind of a table and from nothing else is as sure as the kind.
FOLLOWS = "follows from what the table is"


@dataclass(frozen=True)
class FieldDraft:
    """A proposed field.

    Attributes:
        origin: what the mapping language says of it, without status and note.
        columns: the columns it is made of.
    """

    origin: Mapping[str, Any]
    confidence: float
    reasons: tuple[str, ...]
    columns: tuple[ColumnReading, ...] = ()
    alternatives: tuple[Candidate, ...] = ()

    @property
    def text(self) -> str:
        """As it stands in the YAML."""
        note = f"{self.confidence:.0%} sure: {self.reasons[0]}" if self.reasons else f"{self.confidence:.0%} sure"
        return flow({**self.origin, "status": "proposed", "note": note})


@dataclass
class BlockDraft:
    """A source block: its lines but for the fields, and the fields."""

    name: str
    table: str | None
    head: dict[str, Any]
    fields: dict[str, FieldDraft] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The block's YAML."""
        found = [f"  - name: {self.name}", *(f"    {key}: {flow(value)}" for key, value in self.head.items()), "    fields:"]
        return [*found, *(f"      {name}: {draft.text}" for name, draft in self.fields.items())]


@dataclass
class TargetDraft:
    """A target spec."""

    model: str
    head: dict[str, Any]
    blocks: list[BlockDraft] = field(default_factory=list)

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.model.replace('.', '_')}.yaml"

    def text(self) -> str:
        """The file."""
        lines = [f"model: {self.model}", *(f"{key}: {flow(value)}" for key, value in self.head.items()), "sources:"]
        return "\n".join([*lines, *(line for block in self.blocks for line in block.lines())]) + "\n"


def flow(value: object) -> str:
    """A value in one line of YAML."""
    if isinstance(value, (dict, list, tuple, Mapping)):
        return str(yaml.safe_dump(_plain(value), default_flow_style=True, sort_keys=False, allow_unicode=True, width=_WIDE)).strip()
    text = str(yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=_WIDE)).strip()
    return text[1:-1]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def from_columns(origin: Mapping[str, Any], columns: Iterable[ColumnReading], more: str = "", factor: float = 1.0) -> FieldDraft:
    """A field made of columns: as sure as the least sure of them."""
    used = tuple(columns)
    confidence = min((column.best.confidence for column in used), default=0.9) * factor
    reasons = tuple(dict.fromkeys(reason for column in used for reason in column.best.reasons))
    others = tuple(c for column in used[:1] for c in column.candidates[1:3])
    return FieldDraft(origin, confidence, (*((more,) if more else ()), *reasons), used, others)


def structural(origin: Mapping[str, Any], confidence: float, reason: str = FOLLOWS) -> FieldDraft:
    """A field that no column gives."""
    return FieldDraft(origin, confidence, (reason,))
