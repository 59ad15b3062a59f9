"""How each object of a source CRM lands in Odoo, worked out from the mapping specs and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crm_pipeline.discovery.expressions import strings
from crm_pipeline.discovery.usage import KIND_FIELDS, ColumnUsage, blocks_of
from crm_pipeline.specs import Mapping, SourceBlock, TargetSpec
from crm_pipeline.specs.custom_fields import DEFINITIONS, OPTIONS

Relation = Literal["1:1", "1:many", "many:1", "documented", "none"]

#: Policies that take records of their own out of each row, beside the one the row becomes.
_SPLITTING = frozenset({"companies_by_domain", "people_by_email"})


@dataclass(frozen=True)
class ObjectMapping:
    """What becomes of one source object.

    Attributes:
        models: the Odoo models its rows become records of, main one first.
        relation: records for rows; 'documented' makes none on purpose, 'none' has no mapping.
        is_lossy: whether something of a row has no place in Odoo.
        why: what makes it other than 1:1, and what is lost; sentences.
        fields, confirmed: mapped fields of these models, and how many of them people confirmed.
        not_carried: headings of columns that are read and checked, and reach no record.
        apps: Odoo apps without which its records are left out or the load stops.
    """

    object: str
    label: str
    models: tuple[str, ...]
    relation: Relation
    is_lossy: bool
    why: tuple[str, ...]
    fields: int
    confirmed: int
    not_carried: tuple[str, ...]
    apps: tuple[str, ...]

    @property
    def is_direct(self) -> bool:
        """Whether each row becomes one record of one model."""
        return self.relation == "1:1"

    @property
    def status(self) -> str:
        """How far people have confirmed it."""
        if self.relation == "documented":
            return "documentation only"
        if self.relation == "none":
            return "not mapped"
        waiting = self.fields - self.confirmed
        return "confirmed" if not waiting else f"{waiting} of {self.fields} fields to confirm"


@dataclass(frozen=True)
class Compatibility:
    """All objects of a source CRM."""

    objects: tuple[ObjectMapping, ...]

    @property
    def direct(self) -> int:
        """Objects that map 1:1."""
        return sum(each.is_direct for each in self.objects)

    @property
    def sentence(self) -> str:
        """'N of M objects map 1:1'."""
        return f"{self.direct} of {len(self.objects)} objects map 1:1"


def compatibility(mapping: Mapping) -> Compatibility:
    """The compatibility table of a mapping, in the order of its source's objects."""
    usage = ColumnUsage(mapping)
    return Compatibility(tuple(_object(mapping, usage, name) for name in mapping.source.objects))


def _object(mapping: Mapping, usage: ColumnUsage, name: str) -> ObjectMapping:
    spec = mapping.source.objects[name]
    if spec.scope == "documented":
        why = ("Nothing of it runs in Odoo by itself: it is documented for the admin to rebuild.",)
        return ObjectMapping(name, spec.label, (), "documented", True, why, 0, 0, (), ())
    direct = _blocks(mapping, name)
    if not direct:
        return ObjectMapping(name, spec.label, (), "none", True, ("Nothing is mapped to it.",), 0, 0, (), ())
    own = [each for each in direct if each[1].accounts_for == name] or direct
    split = [
        (t, b) for t in mapping.targets for b in t.sources
        if b.object in mapping.source.derived and mapping.source.derived[str(b.object)].policy in _SPLITTING
        and name in strings(mapping.source.derived[str(b.object)].options) and not b.one_per
    ]  # fmt: skip
    mains = {target.model for target, _ in own}
    others = [each for each in direct + split if each not in own and not each[1].one_per and each[0].model not in mains]
    relation, reasons = _relation(own, others)
    lost = _left_out(mapping, name, own)
    unused = tuple(spec.columns[column].heading for column in usage.unused(name))
    if unused:
        lost.append(f"Not carried over: {', '.join(unused)}.")
    used = own + others + [each for each in direct if each not in own and each not in others]
    fields = [f for _, block in used for f in block.fields.values() if f.status != "ignored"]
    apps = dict.fromkeys(" or ".join(target.apps) for target, _ in own if target.when_missing == "skip" and target.apps)
    notes = [_matching(target) for target, block in own if target.match.policy == "link" and not target.match.create]
    notes += [f"Left out where the app {app} is not installed." for app in apps]
    models = tuple(dict.fromkeys(target.model for target, _ in own + others))
    return ObjectMapping(
        name, spec.label, models, relation, bool(lost), tuple(dict.fromkeys([*reasons, *notes, *lost])), len(fields),
        sum(f.status == "confirmed" for f in fields), unused, tuple(apps),
    )  # fmt: skip


def _blocks(mapping: Mapping, name: str) -> list[tuple[TargetSpec, SourceBlock]]:
    custom = mapping.source.custom_fields
    if custom is not None and name == custom.inventory:
        return [(t, b) for t in mapping.targets for b in t.sources if b.object in {DEFINITIONS, OPTIONS} and t.model.startswith("ir.model.f")]
    found = blocks_of(mapping, name)
    if found:
        return found
    made = [derived for derived, spec in mapping.source.derived.items() if spec.policy == "owners" and name in strings(spec.options.get("users"))]
    return [(t, b) for t in mapping.targets for b in t.sources if b.object in made]


def _relation(own: list[tuple[TargetSpec, SourceBlock]], others: list[tuple[TargetSpec, SourceBlock]]) -> tuple[Relation, list[str]]:
    why: list[str] = []
    kinds = list(dict.fromkeys(target.title for target, _ in own))
    further = list(dict.fromkeys(target.title for target, _ in others))
    if len(kinds) > 1:
        why.append(f"What a row becomes depends on its values: {_listed(kinds)}.")
    elif _has_kinds(own):
        why.append(f"A row becomes one of several kinds of {kinds[0].lower()}, by its values.")
    if further:
        why.append(f"A row also makes records of {_listed(further)}.")
    merged = [d for _, block in own for d in block.divert if d.fate == "merged"]
    why += [f"Some rows are merged into another record ({d.reason.replace('_', ' ')})." for d in merged]
    why += ["Rows with the same value become one record." for _, block in own if block.one_per]
    if len(kinds) > 1 or further or _has_kinds(own):
        return "1:many", why
    return ("many:1" if merged or any(block.one_per for _, block in own) else "1:1"), why


def _has_kinds(own: list[tuple[TargetSpec, SourceBlock]]) -> bool:
    """Whether the kind of record is decided row by row."""
    specs = [block.fields[KIND_FIELDS[t.model]] for t, block in own if KIND_FIELDS.get(t.model) in block.fields]
    return any(spec.sql is not None or spec.map is not None for spec in specs)


def _left_out(mapping: Mapping, name: str, own: list[tuple[TargetSpec, SourceBlock]]) -> list[str]:
    excluded = [each.reason for each in mapping.source.objects[name].exclude]
    excluded += [d.reason for _, block in own for d in block.divert if d.fate == "excluded"]
    return [f"Some rows make no record ({reason.replace('_', ' ')})." for reason in dict.fromkeys(excluded)]


def _matching(target: TargetSpec) -> str:
    return f"Matched with existing records by {' and '.join(target.match.by)}; what matches none waits for a decision."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
