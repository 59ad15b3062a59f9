"""What is known of an export while its specs are drafted, and what the drafts ask of its source spec."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.exports.sql import literal
from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.proposals.drafting import BlockDraft
from crm_pipeline.proposals.relations import Link, link_of
from crm_pipeline.proposals.table import ColumnReading, TableReading
from crm_pipeline.proposals.terms import identifier

#: Odoo types of custom fields by the type of the column.
_TTYPES = {
    "text": "text", "html": "html", "int": "integer", "dec": "float", "money": "float", "pct": "float", "bool": "boolean", "date": "date",
    "dt": "datetime",
}  # fmt: skip
_LONGEST_NAME = 63


@dataclass
class Export:
    """An export that is being drafted.

    Attributes:
        tables: name → reading, of all tables.
        keys: table → the column that tells its rows apart.
        links: (table, column) → what its values lead to.
        schema: the destination's models.
        values: words that values use ('won', 'lost', 'done' …).
        types: (table, column) → type in the source spec, where the draft needs another than the values show.
        derive, derived: further columns and tables of the source spec.
        owners: (table, column, whether it owns) of all columns that name users.
        custom: (model, field) → (label, ttype) of fields Odoo lacks.
        named: model → block name → (table, expression) of records that are known by their name alone.
    """

    name: str
    label: str
    tables: Mapping[str, TableReading]
    keys: Mapping[str, str]
    links: Mapping[tuple[str, str], tuple[Link, ...]]
    schema: Mapping[str, Mapping[str, FieldSchema]]
    values: Mapping[str, Collection[str]]
    types: dict[tuple[str, str], str] = field(default_factory=dict)
    derive: dict[str, dict[str, str]] = field(default_factory=dict)
    derived: dict[str, dict[str, Any]] = field(default_factory=dict)
    references: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: list[tuple[str, str, bool]] = field(default_factory=list)
    custom: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    named: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str | None]:
        """Table → kind, of tables whose rows can be told apart."""
        return {name: table.kind for name, table in self.tables.items() if name in self.keys}

    def of_kind(self, *kinds: str) -> list[TableReading]:
        """The tables of some kinds, in order."""
        return [table for name, table in self.tables.items() if self.kinds.get(name) in kinds]

    def has(self, model: str, name: str) -> bool:
        """Whether the destination has a field."""
        return name in self.schema.get(model, {})

    def link(self, table: str, column: str, kinds: Iterable[str]) -> Link | None:
        """Where a column leads, to a table of one of the kinds."""
        return link_of(self.links.get((table, column), ()), self.kinds, kinds)

    def link_key(self, block: BlockDraft, link: Link, column: str) -> str:
        """The expression for the other row's key in a block; a join is added where the column holds its name."""
        if link.by_key:
            self.types[str(block.table), column] = "key"
            return f"src.{column}"
        table = f"{link.to}_by_{link.to_column}"
        self.derived.setdefault(
            table,
            {"policy": "one_per_value", "description": f"{link.to} by {link.to_column}, where only one has it.",
             "options": {"object": link.to, "value": f"fold({link.to_column})", "several": "none"}},
        )  # fmt: skip
        alias = f"{column}_row"
        join = {"table": table, "as": alias, "on": {"by_value": f"fold(src.{column})"}}
        joins = block.head.setdefault("join", [])
        if join not in joins:
            joins.append(join)
        return f"{alias}.{self.keys[link.to]}"

    def refer(self, table: str, column: str, to: str) -> None:
        """State in the source spec that a column names rows of another table by their keys."""
        self.types[table, column] = "key"
        self.references.setdefault(table, {})[column] = to

    def flag(self, table: str, name: str, columns: Iterable[ColumnReading], words: str) -> list[str]:
        """A derived yes-or-no column: whether one of the columns has a value that is among the words; the values found."""
        found, parts = [], []
        for column in columns:
            hits = [value for value in column.profile.choices if self.says(value, words)]
            found += hits
            self.types[table, column.name] = "str"
            if hits:
                parts.append(f"coalesce(fold({column.name}) IN ({', '.join(f'fold({literal(hit)})' for hit in hits)}), false)")
        self.derive.setdefault(table, {})[name] = " OR ".join(parts) or "false"
        return found

    def says(self, value: str, words: str) -> bool:
        """Whether a value is one of the words of a meaning, or ends with one ('6 - Closed Won')."""
        plain = " ".join(value.casefold().replace("-", " ").replace("_", " ").split())
        return any(plain == word or (len(word) > 3 and plain.endswith(f" {word}")) for word in map(str, self.values[words]))

    def custom_field(self, model: str, column: ColumnReading, kind: str) -> str:
        """The name of the field that keeps a column Odoo has no field for; columns of one name and type share it."""
        ttype = _TTYPES.get(kind, "char")
        base = f"x_{identifier(self.name)}_{identifier(column.heading)}"[:_LONGEST_NAME]
        name, number = base, 2
        while (model, name) in self.custom and self.custom[model, name][1] != ttype:
            name, number = f"{base[: _LONGEST_NAME - 3]}_{number}", number + 1
        self.custom[model, name] = (f"{self.label} {column.heading.casefold()}"[:_LONGEST_NAME], ttype)
        return name
