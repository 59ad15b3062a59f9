"""What automation rules and server actions of each Odoo version can do: facts of ``automation_kinds.yaml``, typed."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VersionKinds(_Fact):
    """Selection values of one Odoo version with their labels: of ``base.automation.trigger`` and ``ir.actions.server.state``."""

    triggers: dict[str, str]
    deprecated: tuple[str, ...]
    actions: dict[str, str]


class TriggerKind(_Fact):
    """A trigger that means something.

    Attributes:
        versions: of Odoo; all where there are none.
        before_update: domain of the rule's Before Update Domain.
        field: the field Odoo watches for it; the model must have it.
        setting: what is chosen beside it, and must be taken out of the conditions.
        delay: whether it waits for a time.
        note: what differs, a sentence.
    """

    trigger: str
    versions: tuple[str, ...] = ()
    before_update: str = ""
    field: str = ""
    setting: str = ""
    delay: bool = False
    note: str = ""


class ActionKind(_Fact):
    """A server action that means something, and how it is set up; steps have placeholders in braces.

    Attributes:
        decide: what a person must decide before it can be set up; empty where nothing is open.
    """

    state: str
    decide: str = ""
    steps: tuple[str, ...]


class AutomationKinds(_Fact):
    """All of it."""

    versions: dict[str, VersionKinds]
    menu: str
    triggers: dict[str, tuple[TriggerKind, ...]]
    actions: dict[str, ActionKind]

    def known_version(self, version: str) -> str:
        """The version whose facts hold for a version: itself, or the newest one known."""
        return version if version in self.versions else max(self.versions, key=float)

    def trigger(self, meaning: str, version: str) -> TriggerKind | None:
        """The trigger that means this in a known version."""
        found = self.triggers.get(meaning, ())
        return next((each for each in found if not each.versions or version in each.versions), None)


@cache
def automation_kinds() -> AutomationKinds:
    """The facts."""
    text = (resources.files(__package__ or __name__) / "automation_kinds.yaml").read_text(encoding="utf-8")
    return AutomationKinds.model_validate(yaml.safe_load(text))
