"""What is sent together: blocks of a target with their fields on one destination, and what they bring along."""

from __future__ import annotations

from dataclasses import dataclass

from crm_pipeline.odoo.creating import Creation
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.resolved import ResolvedField, resolve_fields
from crm_pipeline.specs import Mapping, SourceBlock, TargetSpec
from crm_pipeline.specs.target import PartOf


@dataclass(frozen=True)
class Parts:
    """The target whose records are created together with another's, and its fields on this destination."""

    target: TargetSpec
    rule: PartOf
    fields: tuple[ResolvedField, ...]


@dataclass(frozen=True)
class Stream:
    """Records sent one after the other: blocks of a target, their fields on this destination, and what they bring along.

    ``batch`` is how many of them a call takes.
    """

    mapping: Mapping
    target: TargetSpec
    blocks: tuple[SourceBlock, ...]
    fields: tuple[ResolvedField, ...]
    parts: Parts | None
    batch: int
    creation: Creation | None = None

    @property
    def sent(self) -> list[ResolvedField]:
        """Fields that go into the call."""
        rule = self.target.load.create
        given = rule.given if rule is not None and self.creation is not None else ()
        return [f for f in self.fields if f.spec.is_sent or (f.name in given and f.spec.computed)]

    @property
    def by_default(self) -> list[ResolvedField]:
        """Fields that may be given as defaults of a call: single values of records that come without parts and files."""
        if self.creation is None or self.parts is not None or any(f.spec.file is not None for f in self.sent):
            return []
        return [f for f in self.sent if f.name in self.creation.by_default and f.schema.type in {"many2one", "boolean"}]


def open_stream(
    mapping: Mapping, target: TargetSpec, blocks: tuple[SourceBlock, ...], destination: Destination, creation: Creation | None = None
) -> Stream:
    """Resolve the fields of a stream and of its parts; raises ``FieldMissingError``."""
    fields = tuple(resolve_fields(target, target.as_one(blocks), destination.fields_get(target.model)))
    part_target = mapping.parts_of(target.model)
    parts = None
    if part_target is not None and part_target.part_of is not None:
        schema = destination.fields_get(part_target.model)
        found = resolve_fields(part_target, part_target.as_one(part_target.sources), schema)
        parts = Parts(
            part_target, part_target.part_of,
            tuple(f for f in found if f.spec.is_sent and f.name != part_target.part_of.link),
        )  # fmt: skip
    batch = max(target.load.batch, destination.batch_records or 0)
    return Stream(mapping, target, blocks, fields, parts, batch, creation)
