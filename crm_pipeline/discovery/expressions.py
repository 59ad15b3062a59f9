"""The columns that expressions of the mapping specs speak of, found by DuckDB's own parser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import duckdb

from crm_pipeline.specs import FieldSpec


class ExpressionReader:
    """Reads column references of DuckDB expressions; each expression is parsed once in a process."""

    _known: ClassVar[dict[str, tuple[tuple[str, ...], ...]]] = {}

    def __init__(self) -> None:
        self._parser = duckdb.connect()

    def references(self, expression: str) -> tuple[tuple[str, ...], ...]:
        """Column references as their parts, ``("src", "name")`` or ``("name",)``; parameters of lambdas are none.

        What is no expression has none.
        """
        if expression not in self._known:
            rows = self._parser.execute("SELECT json_serialize_sql(?)", [f"SELECT {expression}"]).fetchall()
            found: list[tuple[str, ...]] = []
            bound: set[str] = set()
            _walk(json.loads(rows[0][0]), found, bound)
            self._known[expression] = tuple(dict.fromkeys(names for names in found if names[0] not in bound))
        return self._known[expression]


def _walk(node: Any, found: list[tuple[str, ...]], bound: set[str]) -> None:
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            found.append(tuple(node["column_names"]))
        if node.get("class") == "LAMBDA":
            parameters: list[tuple[str, ...]] = []
            _walk(node.get("lhs"), parameters, bound)
            bound.update(names[0] for names in parameters)
        for value in node.values():
            _walk(value, found, bound)
    elif isinstance(node, list):
        for value in node:
            _walk(value, found, bound)


def strings(value: object) -> Iterator[str]:
    """All texts of nested options."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def expressions_of(spec: FieldSpec) -> Iterator[str]:
    """The SQL a field's value is computed from."""
    if spec.from_ is not None:
        yield f'src."{spec.from_}"'
    if spec.file is not None:
        yield f'src."{spec.file.digest}"'
    if spec.map is not None:
        yield f'src."{spec.map.column}"'
    if spec.sql is not None:
        yield spec.sql
    if spec.lookup is not None and spec.lookup.key is not None:
        yield spec.lookup.key
    for link in spec.links:
        yield from link.key
        if link.when:
            yield link.when


def placeholders(pattern: str) -> list[str]:
    """The expressions in a pattern of external ids."""
    return [part.split("}")[0] for part in pattern.split("{")[1:]]
