"""What the user may do: create, write and read every model of the mapping, and unlink for a rollback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from crm_pipeline.odoo.errors import AccessRightsError, CallError
from crm_pipeline.odoo.preflight.findings import Finding, Verdict
from crm_pipeline.odoo.preflight.subject import Subject
from crm_pipeline.specs import TargetSpec

_FILE = Path(__file__).with_name("rights.yaml")
_GROUP = re.compile(r"^\s*-\s+(?P<name>.+?)\s*$", re.MULTILINE)
#: What people call Odoo's operations.
_SAID = {"write": "change", "unlink": "delete"}
_FIELDS_MODEL = "ir.model.fields"
_ADDON = (
    "let a user with these rights do it, or install the fields as an addon: crm-pipeline addon {source} --out DIR, then hand "
    "the folder to whoever deploys addons"
)


class _Asking(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    ask: str
    arguments: dict[str, Any] = {}
    of_records: bool
    refuse: str | None = None


class _Rights(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    asked_by: dict[int, _Asking]
    beside: dict[str, tuple[str, ...]]
    groups: dict[str, tuple[str, ...]]

    def asking(self, major: int) -> _Asking:
        known = [series for series in self.asked_by if series <= major]
        return self.asked_by[max(known) if known else min(self.asked_by)]


@lru_cache(maxsize=1)
def _rights() -> _Rights:
    return _Rights.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def access_granted(subject: Subject) -> Verdict:
    """The user may do all that the load does."""
    wanted = {model: operations for model, operations in _rights().beside.items() if subject.fields(model) is not None}
    for target in _loaded(subject):
        wanted[target.model] = tuple(dict.fromkeys([*wanted.get(target.model, ()), *_needed(subject, target)]))
    findings = tuple(_lacking(subject, wanted))
    return Verdict(findings, f"the user may do what the load does with {len(wanted)} models")


def rollback_granted(subject: Subject) -> Verdict:
    """The user may delete what was loaded, so that a rollback is possible."""
    wanted: dict[str, tuple[str, ...]] = {target.model: ("unlink",) for target in _loaded(subject) if target.match.create}
    findings = tuple(_lacking(subject, wanted))
    return Verdict(findings, f"the user may delete records of {len(wanted)} models")


def _loaded(subject: Subject) -> list[TargetSpec]:
    """Targets whose model is there and that have rows; what the migration itself makes comes with rights."""
    return [t for t in subject.present if subject.fields(t.model) is not None and subject.staged(t)]


def _needed(subject: Subject, target: TargetSpec) -> tuple[str, ...]:
    if target.match.create:
        return ("read",) if _all_there(subject, target) else ("read", "create", "write")
    decided = target.match.queue == "owners" and subject.store.value(
        "SELECT count(*) FROM ops.owner_decision WHERE decision = 'create_archived'"
    )
    return ("read", *(("create",) if decided else ()), *(("write",) if target.match.ensure else ()))


def _all_there(subject: Subject, target: TargetSpec) -> bool:
    """Whether every custom field exists already, for instance by an addon."""
    if not target.model.startswith("ir.model"):
        return False
    fields = {model: subject.fields(model) or {} for model in subject.provided}
    return all(name in fields[model] for model, names in subject.provided.items() for name in names)


def _lacking(subject: Subject, wanted: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    """One finding for all models that the same group would give the same rights on."""
    asking = _rights().asking(subject.major)
    granted = subject.granted
    asked = [(model, operation) for model, operations in wanted.items() for operation in operations if (model, operation) not in granted]
    answers = subject.together(partial(_may, subject, asking, model, operation) for model, operation in asked)
    refused = [question for question, may in zip(asked, answers, strict=True) if not may]
    alike: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for model in dict.fromkeys(model for model, _ in refused):
        lacking = tuple(operation for other, operation in refused if other == model)
        alike.setdefault((lacking, _advice(subject, asking, model, lacking)), []).append(model)
    for (lacking, advice), models in alike.items():
        yield Finding(", ".join(models), f"the user may not {_words(lacking)} such records", advice)


def _words(operations: tuple[str, ...]) -> str:
    """``read, create and write``."""
    said = [_SAID.get(operation, operation) for operation in operations]
    return " and ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]


def _may(subject: Subject, asking: _Asking, model: str, operation: str) -> bool:
    ids: list[int] | None = [] if asking.of_records else None
    try:
        return bool(subject.destination.call(model, asking.ask, ids, operation=operation, **asking.arguments))
    except AccessRightsError:
        return False


def _advice(subject: Subject, asking: _Asking, model: str, lacking: tuple[str, ...]) -> str:
    groups = _groups(subject, asking, model, lacking)
    add = f"add the user to the group {' or '.join(groups)}" if groups else "give the user a group that has these rights"
    if model == _FIELDS_MODEL and "create" in lacking:
        return f"{add}; or {_ADDON.format(source=subject.mapping.name)}"
    return f"{add} (Settings > Users & Companies > Users)"


def _groups(subject: Subject, asking: _Asking, model: str, lacking: tuple[str, ...]) -> list[str]:
    """The groups that have all the lacking rights, as the server names them, else those of a fresh database."""
    found: list[set[str]] = []
    for operation in lacking if asking.refuse else ():
        try:
            ids: list[int] | None = [] if asking.of_records else None
            subject.destination.call(model, str(asking.refuse), ids, operation=operation, context={"lang": "en_US"})
        except AccessRightsError as error:
            found.append({match["name"] for match in _GROUP.finditer(error.message)})
        except CallError:
            break
    all_of_them = set.intersection(*found) if found else set()
    return sorted(all_of_them) or sorted(
        {name for names in found for name in names} or {name for name, models in _rights().groups.items() if model in models}
    )
