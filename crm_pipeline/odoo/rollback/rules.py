"""How records are undone, read from ``undoing.yaml``: steps before a deletion, what goes along, what can't be undone."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

_FILE = Path(__file__).with_name("undoing.yaml")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UndoStep(_Data):
    """A method called on records before they are deleted.

    Attributes:
        call: the method.
        when: the records that need it, by the values of one field (of all fields named); a field that a version doesn't have
            makes the step unnecessary.
        context: beside the quiet one.
    """

    call: str
    when: dict[str, tuple[Any, ...]]
    context: dict[str, Any] = Field(default_factory=dict)


class Released(_Data):
    """A field of other records that is emptied first, because it would stand in the way."""

    model: str
    field: str


class UndoRule(_Data):
    """How records of one model are undone.

    Attributes:
        leaves: model of a record that stays behind when this one is deleted → the field that leads to it. It goes too when it
            is the migration's, or when Odoo made it in the same transaction.
        on_refusal: what is done with a record that Odoo refuses to delete.
        batch: records for each call.
    """

    before: tuple[UndoStep, ...] = ()
    release: tuple[Released, ...] = ()
    leaves: dict[str, str] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)
    on_refusal: Literal["keep", "archive"] = "keep"
    batch: int = 200


class NotUndone(_Data):
    """A fact about what stays after a rollback that undoes records of these models (of any, when none is named)."""

    models: tuple[str, ...]
    what: str
    text: str


class UndoRules(_Data):
    """All of it; see the file."""

    models: dict[str, UndoRule]
    belongs: dict[str, tuple[str, ...]]
    attached: dict[str, tuple[str, str]]
    not_undone: tuple[NotUndone, ...]

    def of(self, model: str) -> UndoRule:
        """The rule of a model; deleting and nothing else when none is stated."""
        return self.models.get(model, UndoRule())


@lru_cache(maxsize=1)
def load_rules() -> UndoRules:
    """The rules of the package."""
    return UndoRules.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))
