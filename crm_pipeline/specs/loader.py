"""Read mapping specs from YAML; a bad spec is refused with file, key path and reason."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from crm_pipeline.specs.automations import AutomationsSpec
from crm_pipeline.specs.custom_fields import DEFINITIONS, OPTIONS
from crm_pipeline.specs.discovery import DiscoverySpec
from crm_pipeline.specs.documents import read_yaml
from crm_pipeline.specs.source import SourceSpec
from crm_pipeline.specs.target import SourceBlock, TargetSpec

SOURCE_FILE = "source.yaml"
AUTOMATIONS_FILE, DISCOVERY_FILE, CONFIRMATION_FILE = "automations.yaml", "discovery.yaml", "confirmation.yaml"
#: Files beside the targets; what is documented, audited and confirmed by them changes no record, so they are no part of the hash.
_NO_TARGETS = frozenset({SOURCE_FILE, AUTOMATIONS_FILE, DISCOVERY_FILE, CONFIRMATION_FILE})


class SpecError(Exception):
    """A mapping spec that can't be used.

    Args:
        file: the YAML file.
        path: where in the file, as dotted keys; empty for the whole file.
        reason: what is wrong and what would be right.
    """

    def __init__(self, file: Path, path: str, reason: str) -> None:
        self.file, self.path, self.reason = file, path, reason
        super().__init__(f"{file}{': ' + path if path else ''}: {reason}")


@dataclass(frozen=True)
class Mapping:
    """All specs of one source CRM, checked against each other."""

    source: SourceSpec
    targets: tuple[TargetSpec, ...]
    #: What people confirmed, where this one has an export's custom fields beside it.
    confirmed: Mapping | None = None

    @property
    def name(self) -> str:
        """The source's name, which is also the module of its external ids."""
        return self.source.source

    @cached_property
    def blocks(self) -> dict[str, tuple[TargetSpec, SourceBlock]]:
        """Source blocks by name; names are unique over all targets."""
        return {block.name: (target, block) for target in self.targets for block in target.sources}

    def parts_of(self, model: str) -> TargetSpec | None:
        """The target whose records are created together with those of ``model``."""
        return next((t for t in self.targets if t.part_of is not None and t.part_of.model == model), None)

    def target(self, model: str) -> TargetSpec:
        """The target of an Odoo model; raises ``KeyError`` when nothing is mapped to it."""
        for target in self.targets:
            if target.model == model:
                return target
        raise KeyError(model)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the meaning of all specs: changes when a mapping changes, not when a comment does."""
        return _digest([self.source, *self.targets]) if self.confirmed is None else self.confirmed.hash

    def target_hash(self, model: str) -> str:
        """SHA-256 over one target and the source contract it builds on."""
        return _digest([self.source, self.target(model)]) if self.confirmed is None else self.confirmed.target_hash(model)


def _digest(specs: list[BaseModel]) -> str:
    data = [spec.model_dump(mode="json", by_alias=True, exclude={"operations"}) for spec in specs]
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def list_sources(specs_root: Path) -> list[str]:
    """Names of the folders of ``specs_root`` that hold a source spec, sorted."""
    return sorted(path.parent.name for path in specs_root.glob(f"*/{SOURCE_FILE}"))


def load_mapping(folder: Path) -> Mapping:
    """Load and cross-check all specs of one source.

    Args:
        folder: ``mapping_specs/<source>``; every ``*.yaml`` directly in it is a target, except ``source.yaml``, ``automations.yaml``,
            ``discovery.yaml`` and ``confirmation.yaml``.

    Raises:
        SpecError: naming file, key path and reason of the first fault.
    """
    source_file = folder / SOURCE_FILE
    source = _read(source_file, SourceSpec)
    if source.source != folder.name:
        raise SpecError(source_file, "source", f"must equal the folder's name '{folder.name}', not '{source.source}'")
    files = {file: _read(file, TargetSpec) for file in sorted(folder.glob("*.yaml")) if file.name not in _NO_TARGETS}
    ordered = sorted(((file, target) for file, target in files.items() if target.enabled), key=lambda item: (item[1].phase, item[1].model))
    _cross_check(source, dict(ordered))
    return Mapping(source, tuple(target for _, target in ordered))


def load_discovery(folder: Path) -> DiscoverySpec:
    """What discovery is to know of one source beside its contract; the defaults where it has no ``discovery.yaml``."""
    file = folder / DISCOVERY_FILE
    return _read(file, DiscoverySpec) if file.is_file() else DiscoverySpec()


def load_automations(folder: Path, mapping: Mapping) -> AutomationsSpec | None:
    """What the words of one source's automations mean; ``None`` where it has no ``automations.yaml``.

    Raises:
        SpecError: it names an object, a column or a block that the mapping doesn't have.
    """
    file = folder / AUTOMATIONS_FILE
    if not file.is_file():
        return None
    spec = _read(file, AutomationsSpec)
    listed = mapping.source.objects.get(spec.object)
    if listed is None:
        raise SpecError(file, "object", f"no source object '{spec.object}'")
    for role, column in spec.columns.items():
        if column not in listed.columns:
            raise SpecError(file, f"columns.{role}", f"no column '{column}' in {spec.object}")
    named = [(f"objects.{word}.block", about.block) for word, about in spec.objects.items()]
    named += [(f"events.{number}.block", word.block) for number, word in enumerate(spec.events) if word.block]
    for path, block in named:
        if block not in mapping.blocks:
            raise SpecError(file, path, f"no target has a block '{block}'")
    return spec


SpecT = TypeVar("SpecT", bound=BaseModel)


def _read(file: Path, model: type[SpecT]) -> SpecT:
    try:
        data: Any = read_yaml(file)
    except FileNotFoundError:
        raise SpecError(file, "", "file not found; a source needs a source.yaml and one YAML per Odoo model") from None
    except yaml.YAMLError as error:
        raise SpecError(file, "", f"not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise SpecError(file, "", "must be a mapping of keys at the top")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise SpecError(file, path, f"{first['msg']}{more}") from error


def _cross_check(source: SourceSpec, targets: dict[Path, TargetSpec]) -> None:
    tables = set(source.objects) | set(source.derived) | {f"{name}_members" for name in source.derived}
    tables |= {DEFINITIONS, OPTIONS} if source.custom_fields is not None else set()
    models: dict[str, Path] = {}
    blocks: dict[str, int] = {}
    for file, target in targets.items():
        if target.model in models:
            raise SpecError(file, "model", f"'{target.model}' has a spec already: {models[target.model]}")
        models[target.model] = file
        for index, block in enumerate(target.sources):
            if block.name in blocks:
                raise SpecError(file, f"sources.{index}.name", f"'{block.name}' is used twice; names are unique")
            blocks[block.name] = target.phase
    for file, target in targets.items():
        for index, block in enumerate(target.sources):
            at = f"sources.{index}"
            for where, table in [("object", block.object), *((f"join.{j.as_}", j.table) for j in block.join)]:
                if table is not None and table not in tables:
                    raise SpecError(file, f"{at}.{where}", f"'{table}' is neither a source object nor derived")
            _check_custom_fields(file, at, source, target, block, blocks)
            if block.accounts_for is not None and block.accounts_for not in source.objects:
                raise SpecError(file, f"{at}.accounts_for", f"no source object '{block.accounts_for}'")
            _check_links(file, at, target, block, blocks)
        _check_named_fields(file, target)
        _check_parts(file, target, targets)
        _check_create(file, target)
        if target.load.order_by or target.part_of is not None:
            _check_together(file, target)


def _check_custom_fields(
    file: Path, at: str, source: SourceSpec, target: TargetSpec, block: SourceBlock, blocks: dict[str, int]
) -> None:
    for number, taken in enumerate(block.custom_fields):
        where = f"{at}.custom_fields.{number}"
        if source.custom_fields is None or taken.object not in source.custom_fields.objects.values():
            raise SpecError(file, f"{where}.object", f"'{taken.object}' has no custom fields in source.yaml")
        if taken.table not in {"src", *(join.as_ for join in block.join)}:
            raise SpecError(file, f"{where}.table", f"the block joins nothing as '{taken.table}'")
        if taken.tags is None:
            if source.custom_fields.makes_tags(taken.object):
                reason = f"source.yaml makes tags of multiselect fields of {taken.object}; say {{field: …, to: …}} for them"
                raise SpecError(file, f"{where}.tags", reason)
            continue
        if blocks.get(taken.tags.to, target.phase + 1) > target.phase:
            raise SpecError(file, f"{where}.tags.to", f"'{taken.tags.to}' must be a block that is loaded before")
        mapped = block.fields.get(taken.tags.field)
        if mapped is not None and mapped.refs is None:
            raise SpecError(file, f"{where}.tags.field", f"'{taken.tags.field}' is mapped, but not to several links ('refs')")


def _check_links(file: Path, at: str, target: TargetSpec, block: SourceBlock, blocks: dict[str, int]) -> None:
    for name, spec in block.fields.items():
        other = block.fields.get(spec.named_for_model) if spec.named_for_model is not None else spec
        if other is None or (other is not spec and not other.links):
            raise SpecError(file, f"{at}.fields.{name}", f"takes the model of '{spec.named_for_model}', which is no link of this block")
        for link in spec.links:
            if link.to not in blocks:
                raise SpecError(file, f"{at}.fields.{name}", f"links to '{link.to}', which no target loads")
            if blocks[link.to] > target.phase:
                raise SpecError(file, f"{at}.fields.{name}", f"links to '{link.to}', which is loaded later")


def _check_named_fields(file: Path, target: TargetSpec) -> None:
    """What verification counts and compares by must be mapped."""
    mapped = {name for block in target.sources for name in block.fields}
    named = [(f"counts.{number}.by", count.by) for number, count in enumerate(target.counts)]
    named += [(f"unique_by.{number}", name) for number, names in enumerate(target.unique_by) for name in names]
    for at, name in named:
        if name not in mapped:
            raise SpecError(file, at, f"'{name}' is not mapped; the fields are {', '.join(sorted(mapped))}")
    for number, count in enumerate(target.counts):
        if target.field_specs[count.by].compare in {"given", "never"}:
            raise SpecError(file, f"counts.{number}.by", f"'{count.by}' is not compared in every record, so it can't be counted by")


def _check_together(file: Path, target: TargetSpec) -> None:
    """Rows of several blocks in one call must mean the same by a field."""
    merged = target.field_specs
    for index, block in enumerate(target.sources):
        for name, spec in block.fields.items():
            if spec.status == "confirmed" and not spec.is_blank and not merged[name].is_blank:
                same = (spec.is_resolved, spec.refs is None, spec.looked_up_in, spec.is_sent, spec.when_blank)
                other = merged[name]
                if same != (other.is_resolved, other.refs is None, other.looked_up_in, other.is_sent, other.when_blank):
                    reason = "the blocks are sent together, so they must agree on whether this is a link, a lookup or a value"
                    raise SpecError(file, f"sources.{index}.fields.{name}", reason)


def _check_parts(file: Path, target: TargetSpec, targets: dict[Path, TargetSpec]) -> None:
    part = target.part_of
    if part is None:
        return
    whole = next((other for other in targets.values() if other.model == part.model), None)
    if whole is None:
        raise SpecError(file, "part_of.model", f"nothing is mapped to '{part.model}'")
    if sum(other.part_of is not None and other.part_of.model == part.model for other in targets.values()) > 1:
        raise SpecError(file, "part_of.model", f"'{part.model}' has parts in another spec already; one is possible")
    if (target.phase, target.model) < (whole.phase, whole.model):
        raise SpecError(file, "phase", f"must not be before that of {whole.model}, which its records are part of")
    for index, block in enumerate(target.sources):
        link = block.fields.get(part.link)
        if link is None or not link.links:
            raise SpecError(file, f"sources.{index}.fields.{part.link}", f"must link to {whole.model} ('part_of.link')")


def _check_create(file: Path, target: TargetSpec) -> None:
    """What keeps late calls out takes the place of a single link; it can only be added to several."""
    rule = target.load.create
    if rule is None:
        return
    taken = [block.fields[rule.fence] for block in target.sources if rule.fence in block.fields]
    if any(spec.refs is None and not spec.is_blank for spec in taken):
        raise SpecError(file, "load.create.fence", f"'{rule.fence}' is mapped as a single link; name a field that is not, or one with 'refs'")
    computed = {name for block in target.sources for name, spec in block.fields.items() if spec.computed}
    for name in rule.given:
        if name not in computed:
            raise SpecError(file, "load.create.given", f"'{name}' is not mapped as 'computed', so it is sent anyway")
