"""Domains and orders as sqlite conditions over the stored documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.embedded.registry import RELATED, Model, Registry
from crm_pipeline.odoo.embedded.store import Store, table_of, value_of
from crm_pipeline.odoo.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_pipeline.odoo.destination import FieldSchema

_COMPARE = {"<", ">", "<=", ">="}
_NEGATED = {"!=": "=", "<>": "=", "not in": "in", "not like": "like", "not ilike": "ilike", "not =like": "=like"}
_LIKES = {"like", "ilike", "=like", "=ilike"}
_HIERARCHY = {"child_of", "parent_of"}
_TERM = 3  # field, operator, value
_NUMBERS = {"integer", "float", "monetary"}
_STAMPS = {"create_date", "write_date"}

Sql = tuple[str, list[Any]]


class Search:
    """Compiles domains for one registry."""

    def __init__(self, registry: Registry, store: Store, *, stamps_in_seconds: bool) -> None:
        self._registry, self._store, self._stamps_in_seconds = registry, store, stamps_in_seconds

    def where(self, model: Model, domain: Sequence[Any], *, active_test: bool = True) -> Sql:
        """The condition of a domain in prefix notation; archived records are left out as Odoo does."""
        terms = list(domain)
        names = {term[0] for term in terms if isinstance(term, (list, tuple)) and term}
        if active_test and model.has_active and "active" not in names:
            terms = [*self._conjunction(terms), ["active", "=", True]]
        parts: list[Sql] = []
        for term in reversed(terms):
            if isinstance(term, str) and term in {"&", "|"}:
                if len(parts) <= 1:
                    raise CallError(f"Invalid domain: {list(domain)!r}", call=model.name)
                left, right = parts.pop(), parts.pop()
                word = "AND" if term == "&" else "OR"
                parts.append((f"({left[0]} {word} {right[0]})", left[1] + right[1]))
            elif term == "!":
                if not parts:
                    raise CallError(f"Invalid domain: {list(domain)!r}", call=model.name)
                inner = parts.pop()
                parts.append((f"NOT coalesce({inner[0]}, 0)", inner[1]))
            else:
                parts.append(self._leaf(model, term))
        parts.reverse()  # terms without an operator between them are joined by &
        return " AND ".join(part[0] for part in parts) or "1", [value for part in parts for value in part[1]]

    def order(self, model: Model, order: str | None) -> str:
        """The ORDER BY of ``name desc, id``; empty values come last ascending, as in PostgreSQL."""
        parts = []
        for item in (order or model.order).split(","):
            words = item.split()
            if not words:
                raise CallError(f"Invalid order {order!r}", call=model.name)
            direction = words[1].upper() if len(words) > 1 else "ASC"
            if direction not in {"ASC", "DESC"}:
                raise CallError(f"Invalid order {order!r}", call=model.name)
            if words[0] == "id":
                parts.append(f"id {direction}")
                continue
            schema = model.schema(words[0])
            expression = value_of(model.name, words[0]) if words[0] in model.columns or words[0] in _STAMPS else "NULL"
            if schema.type in _NUMBERS or schema.type == "boolean":
                expression = f"coalesce({expression}, 0)"
            parts.append(f"{expression} {direction} NULLS {'LAST' if direction == 'ASC' else 'FIRST'}")
        return ", ".join(parts)

    def _conjunction(self, terms: list[Any]) -> list[Any]:
        return ["&", *self._joined(terms)] if terms else []

    def _joined(self, terms: list[Any]) -> list[Any]:
        """A normalised domain: explicit & for every implicit one."""
        expected = 1
        result: list[Any] = []
        for term in terms:
            if expected == 0:
                result.insert(0, "&")
                expected = 1
            if isinstance(term, str) and term in {"&", "|"}:
                expected += 1
            elif term != "!":
                expected -= 1
            result.append(term)
        return result

    def _leaf(self, model: Model, term: Any) -> Sql:
        if isinstance(term, bool):
            return ("1" if term else "0"), []
        if not isinstance(term, (list, tuple)) or len(term) != _TERM:
            raise CallError(f"Invalid domain term {term!r}", call=model.name)
        name, operator, value = term
        if isinstance(name, int) and isinstance(value, int):  # (1, '=', 1), (0, '=', 1)
            return ("1" if name == value else "0"), []
        operator = str(operator).lower()
        if operator in _NEGATED:
            condition, parameters = self._positive(model, name, _NEGATED[operator], value)
            return f"NOT coalesce({condition}, 0)", parameters
        return self._positive(model, name, operator, value)

    def _positive(self, model: Model, path: str, operator: str, value: Any) -> Sql:
        """A condition without negation."""
        name, _, rest = str(path).partition(".")
        if name == "id" and not rest:
            return self._by_id(model, operator, value)
        schema = model.schema(name)
        if name not in model.columns and (model.name, name) in RELATED:
            path = RELATED[model.name, name] + (f".{rest}" if rest else "")
            return self._positive(model, path, operator, value)
        if rest:
            return self._related(model, schema, [[rest, operator, value]])
        if operator in {"any", "any!"}:
            return self._related(model, schema, value)
        if schema.type in {"one2many", "many2many"}:
            return self._x2many(model, schema, operator, value)
        if model.inherited(name) and model.inherits:
            return self._related(model, model.schema(model.inherits[0]), [[name, operator, value]])
        if schema.type == "many2one":
            return self._many2one(model, schema, operator, value)
        return self._stored(model, schema, operator, value)

    def _by_id(self, model: Model, operator: str, value: Any) -> Sql:
        if operator in _HIERARCHY:
            return self._hierarchy(model, model.schema("parent_id"), operator, value)
        return self._scalar("id", operator, value, "id", model)

    def _many2one(self, model: Model, schema: FieldSchema, operator: str, value: Any) -> Sql:
        if operator in _HIERARCHY:
            return self._hierarchy(model, schema, operator, value)
        if operator in _LIKES or (operator == "=" and isinstance(value, str)):
            return self._related(model, schema, [["display_name", operator, value]])
        return self._stored(model, schema, operator, value)

    def _stored(self, model: Model, schema: FieldSchema, operator: str, value: Any) -> Sql:
        """A condition on a value that is in the document."""
        name = schema.name
        if name == "display_name":
            return self._scalar(value_of(model.name, _name_field(model)), operator, value, name, model)
        if name not in model.columns and name not in _STAMPS | {"create_uid", "write_uid"}:
            message = f"the embedded destination cannot search {model.name}.{name}: Odoo computes it"
            raise CallError(message, call=model.name)
        expression = value_of(model.name, name)
        if schema.type in _NUMBERS:
            expression = f"coalesce({expression}, 0)"
        elif schema.type == "boolean":
            expression = f"coalesce({expression}, 0)"
            value = [int(bool(item)) for item in value] if isinstance(value, (list, tuple)) else int(bool(value))
        elif name in _STAMPS and self._stamps_in_seconds:
            expression = f"substr({expression}, 1, 19)"
        return self._scalar(expression, operator, value, name, model)

    def _scalar(self, expression: str, operator: str, value: Any, path: str, model: Model) -> Sql:
        if operator in {"=", "=="}:
            if isinstance(value, (list, tuple)):
                operator = "in"
            elif value is False or value is None:
                return f"{expression} IS NULL", []
            else:
                return f"{expression} = ?", [value]
        if operator == "in":
            items = list(value) if isinstance(value, (list, tuple, set)) else [value]
            known = [item for item in items if item is not False and item is not None]
            condition = f"{expression} IN (SELECT value FROM json_each(?))"
            if len(known) < len(items):
                return f"({expression} IS NULL OR {condition})", [json.dumps(known)]
            return condition, [json.dumps(known)]
        if operator in _COMPARE:
            return f"{expression} {operator} ?", [value]
        if operator in _LIKES:
            pattern = str(value) if operator.startswith("=") else f"%{value}%"
            return f"pg_like({expression}, ?, ?)", [pattern, int(operator.endswith("ilike"))]
        raise CallError(f"Invalid operator {operator!r} in domain term {[path, operator, value]!r}", call=model.name)

    def _related(self, model: Model, schema: FieldSchema, domain: Sequence[Any]) -> Sql:
        relation = schema.relation or ""
        if relation not in self._registry:
            message = f"the embedded destination does not have {relation}, which {model.name}.{schema.name} points to"
            raise CallError(message, call=model.name)
        related = self._registry.model(relation)
        condition, parameters = self.where(related, domain, active_test=False)
        found = f"(SELECT id FROM {self._store.ensure(relation)} WHERE {condition})"
        if schema.type == "one2many":
            inverse = value_of(relation, schema.relation_field or "res_id")
            outer = self._store.ensure(model.name)
            filters = _thread_filter(related, schema, model)
            sub = f"SELECT {inverse} FROM {table_of(relation)} WHERE id IN {found} AND {inverse} IS NOT NULL{filters}"
            return f"{outer}.id IN ({sub})", parameters
        if schema.type == "many2many":
            return f"EXISTS (SELECT 1 FROM json_each({value_of(model.name, schema.name)}) WHERE value IN {found})", parameters
        return f"{value_of(model.name, schema.name)} IN {found}", parameters

    def _x2many(self, model: Model, schema: FieldSchema, operator: str, value: Any) -> Sql:
        if operator in _LIKES or isinstance(value, str):
            return self._related(model, schema, [["display_name", operator, value]])
        if value is False or value is None:
            if schema.type == "many2many":
                return f"{value_of(model.name, schema.name)} IS NULL", []
            condition, parameters = self._related(model, schema, [])
            return f"NOT {condition}", parameters
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        return self._related(model, schema, [["id", "in", items]])

    def _hierarchy(self, model: Model, schema: FieldSchema, operator: str, value: Any) -> Sql:
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        relation = schema.relation or model.name
        table, parent = self._store.ensure(relation), value_of(relation, "parent_id", "t")
        step = (
            f"SELECT t.id FROM {table} t JOIN tree ON {parent} = tree.id"
            if operator == "child_of"
            else f"SELECT {parent} FROM {table} t JOIN tree ON t.id = tree.id"
        )
        tree = f"WITH RECURSIVE tree(id) AS (SELECT value FROM json_each(?) UNION {step}) SELECT id FROM tree"
        column = "id" if schema.name in {"id", "parent_id"} else value_of(model.name, schema.name)
        return f"{column} IN ({tree})", [json.dumps(items)]


def _name_field(model: Model) -> str:
    for name in ("complete_name", "name", "login", "x_name"):
        if name in model.columns:
            return name
    return "id"


def _thread_filter(related: Model, schema: FieldSchema, model: Model) -> str:
    """A one2many over ``res_id`` also compares the model's name."""
    if (schema.relation_field or "res_id") != "res_id":
        return ""
    column = "res_model" if "res_model" in related.columns else "model"
    return f" AND {value_of(related.name, column)} = '{model.name}'"
