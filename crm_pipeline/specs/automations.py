"""What a source CRM's words for automations mean (``mapping_specs/<source>/automations.yaml``).

Words are patterns (Python regular expressions of the whole text; case and spacing don't matter). What no pattern fits has
no equivalent: nothing is guessed.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from crm_pipeline.specs.source import Identifier, SpecModel

Role = Literal["name", "object", "kind", "event", "condition", "action", "details", "active", "last_run"]


class WordSpec(SpecModel):
    """A wording, and what it means or why nothing in Odoo means it."""

    pattern: str = Field(description="regular expression of the whole text; its named groups fill the placeholders of Odoo's steps")
    means: Identifier | None = Field(default=None, description="a meaning of crm_pipeline/odoo/automation_kinds.yaml")
    block: Identifier | None = Field(default=None, description="the source block it is about, where that is not the one of its object")
    none: str = Field(default="", description="why there is no equivalent; a sentence")
    differs: str = Field(default="", description="how Odoo's equivalent differs from the CRM's; a sentence")

    @field_validator("pattern")
    @classmethod
    def _is_expression(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _means_or_not(self) -> WordSpec:
        if (self.means is None) != bool(self.none):
            raise ValueError("say what the words mean ('means'), or why nothing in Odoo does ('none')")
        return self

    def read(self, text: str) -> dict[str, str] | None:
        """The named groups of a text that is worded so; ``None`` of any other."""
        found = re.fullmatch(self.pattern, " ".join(text.split()), re.IGNORECASE)
        return {name: value for name, value in found.groupdict().items() if value} if found else None


class AboutSpec(SpecModel):
    """What an automation is about, by the CRM's name for it."""

    block: Identifier = Field(description="the source block whose records it is about")
    fields: dict[str, str] = Field(
        default_factory=dict, description="heading of the CRM → field of Odoo that a condition compares, where it is not the mapped field itself"
    )


class AutomationsSpec(SpecModel):
    """Where a CRM lists its automations, and what its words mean."""

    object: Identifier = Field(description="the source object that lists them")
    columns: dict[Role, Identifier] = Field(description="which column says what; one column may say several things")
    objects: dict[str, AboutSpec]
    events: tuple[WordSpec, ...] = ()
    operators: dict[str, Literal["=", "!=", ">", ">=", "<", "<=", "ilike", "not ilike", "set", "not set"]] = Field(
        default_factory=dict, description="the CRM's word between a heading and a value → the comparison"
    )
    joined_by: tuple[str, ...] = Field(default=("and",), description="words between conditions that must all hold")
    conditions: tuple[WordSpec, ...] = Field(default=(), description="conditions that are no comparison of a column")
    actions: tuple[WordSpec, ...] = ()
    details: tuple[WordSpec, ...] = Field(default=(), description="parts of an action's details, joined by 'joined_by'")

    @model_validator(mode="after")
    def _says_enough(self) -> AutomationsSpec:
        missing = {"name", "object", "event", "action"} - set(self.columns)
        if missing:
            raise ValueError(f"columns: say which column holds {', '.join(sorted(missing))}")
        return self

    def about(self, word: str) -> AboutSpec | None:
        """What an automation is about that the CRM calls so."""
        return next((each for name, each in self.objects.items() if name.casefold() == " ".join(word.split()).casefold()), None)
