"""Conditions of automations, as far as they compare a column with a value: as leaves of Odoo's domains."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_pipeline.discovery.usage import ColumnUsage
from crm_pipeline.exports.headings import normalise_heading
from crm_pipeline.specs import Mapping, SourceBlock
from crm_pipeline.specs.automations import AutomationsSpec
from crm_pipeline.specs.source import folded

_NUMBERS = frozenset({"money", "dec", "int", "pct"})
_WITHOUT_VALUE = {"set": ("!=", False), "not set": ("=", False)}


@dataclass(frozen=True)
class Comparison:
    """One condition that could be translated.

    Attributes:
        said: the CRM's words.
        heading: the column it compares.
        field: the field of Odoo, or the path to it.
        how: why it is this field.
        caveat: what is not the same; empty where nothing is.
    """

    said: str
    heading: str
    field: str
    operator: str
    value: Any
    how: str
    caveat: str = ""

    @property
    def leaf(self) -> tuple[str, str, Any]:
        """As a domain has it."""
        return (self.field, self.operator, self.value)


class Comparisons:
    """Reads conditions about the records of one source block."""

    def __init__(
        self, spec: AutomationsSpec, mapping: Mapping, usage: ColumnUsage, block: SourceBlock, named: dict[str, str],
        counted: Callable[[str, str, str], int],
    ) -> None:  # fmt: skip
        self._spec, self._usage, self._block, self._counted = spec, usage, block, counted
        self._object = str(block.object)
        self._columns = mapping.source.objects[self._object].columns
        self._named = {folded(heading): field for heading, field in named.items()}
        words = sorted(spec.operators, key=len, reverse=True)
        self._pattern = re.compile(rf"(.+?)\s*(?:\b|\s|(?<=\s))({'|'.join(map(_bounded, words))})(?:\s*(.*))", re.IGNORECASE)

    def read(self, said: str) -> Comparison | str:
        """A comparison, or why it is none; sentences."""
        found = self._pattern.fullmatch(said)
        if found is None:
            return "This compares no column with a value in words that are known; say in automations.yaml what it means."
        heading, word, text = found[1].strip(), found[2], found[3].strip().strip("'\"“”„")
        operator = next(op for known, op in self._spec.operators.items() if known.casefold() == word.casefold())
        column = self._column(heading)
        if column is None:
            return f"The export has no column '{heading}' for these records."
        field = self._field(column, heading)
        if field is None:
            return f"The mapping carries '{heading}' into no field of these records, so there is nothing to compare."
        if operator in _WITHOUT_VALUE:
            return Comparison(said, heading, field[0], *_WITHOUT_VALUE[operator], field[1])
        value = self._value(column, field[0], text)
        if value is None:
            return f"'{text}' can't be compared with the field {field[0]} for certain."
        return Comparison(said, heading, field[0], operator, value, field[1], self._caveat(column, text, field[0]))

    def _column(self, heading: str) -> str | None:
        form = normalise_heading(heading)
        return next(
            (name for name, c in self._columns.items() if form in {normalise_heading(each) for each in (c.heading, *c.aliases)}), None
        )

    def _field(self, column: str, heading: str) -> tuple[str, str] | None:
        fields = self._usage.fields_from(self._block, column)
        stated = self._named.get(folded(self._columns[column].heading)) or self._named.get(folded(heading))
        if stated is not None and stated.split(".")[0] in fields:
            return stated, "the mapping links it by this column"
        if fields and column in self._origins(fields[0]):
            return fields[0], "the mapping takes it from this column"
        return None

    def _origins(self, field: str) -> tuple[str | None, str | None]:
        spec = self._block.fields[field]
        return spec.from_, spec.map.column if spec.map else None

    def _value(self, column: str, field: str, text: str) -> Any:
        spec = self._block.fields.get(field)
        if spec is not None and spec.map is not None:
            return next((to for word, to in spec.map.values.items() if folded(word) == folded(text)), None)
        if self._columns[column].type in _NUMBERS:
            return _number(text)
        if self._columns[column].type == "bool":
            return {"yes": True, "true": True, "no": False, "false": False}.get(text.casefold())
        return None if self._columns[column].type in {"date", "dt"} or not text else text

    def _caveat(self, column: str, text: str, field: str) -> str:
        if self._columns[column].type == "money":
            return f"Odoo compares the number in {field} without its currency; records in another currency are compared as if it were the same."
        if self._columns[column].type in _NUMBERS or self._counted(self._object, column, text):
            return ""
        return f"No record of the export has '{text}' in {self._columns[column].heading}; check the spelling in Odoo."


def split_parts(text: str, words: tuple[str, ...]) -> list[str]:
    """A text's parts between joining words."""
    pattern = "|".join(rf"\s+{re.escape(word)}\s+" for word in words)
    return [part.strip() for part in (re.split(pattern, text, flags=re.IGNORECASE) if pattern else [text]) if part.strip()]


def _bounded(word: str) -> str:
    return rf"\b{re.escape(word)}\b" if word[0].isalpha() else re.escape(word)


def _number(text: str) -> int | float | None:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return int(number) if number == number.to_integral_value() else float(number)
