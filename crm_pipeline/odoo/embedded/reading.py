"""Reading records: stored values from their documents, the rest as far as it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from crm_pipeline.odoo.destination import Record
from crm_pipeline.odoo.embedded.registry import FILTERS, MAGIC, RELATED, Model, is_custom
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.embedded.values import empty_value
from crm_pipeline.odoo.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_pipeline.odoo.embedded.orm import Orm

STAMPS = {"create_date", "write_date"}


class Reader:
    """Reads the same fields of many records of one model."""

    def __init__(self, orm: Orm, model: Model, fields: Sequence[str]) -> None:
        self._orm, self._model = orm, model
        names = [name for name in (fields or list(model.fields)) if name != "id"]
        for name in names:
            if name not in model.fields:
                raise CallError(f"Invalid field {name!r} on {model.name!r}", call=f"{model.name}.search_read")
        self._names = names

    def read(self, rows: Sequence[tuple[int, str]]) -> list[Record]:
        """Records in the order of ``rows`` (id and JSON document)."""
        columns = self.columns(rows)
        names = list(columns)
        return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def columns(self, rows: Sequence[tuple[int, str]]) -> dict[str, list[Any]]:
        """``id`` and the values of each field, in the order of ``rows`` (id and JSON document)."""
        docs = [orjson.loads(doc) for _, doc in rows]
        found: dict[str, list[Any]] = {"id": [key for key, _ in rows]}
        other = []
        for name in self._names:
            if name in self._model.columns or name in {"create_uid", "write_uid"}:
                found[name] = self.filled(name, [doc.get(name) for doc in docs])
            elif name in STAMPS:
                found[name] = [doc[name][:19] if name in doc else False for doc in docs]
            else:
                other.append(name)
        pairs = list(zip(found["id"], docs, strict=True)) if other else []
        return found | {name: self._values(name, pairs) for name in other}

    def filled(self, name: str, values: list[Any]) -> list[Any]:
        """Stored values with what ``read`` gives for an empty field where there is none."""
        empty = empty_value(self._model.fields[name])
        if isinstance(empty, list):
            return [[] if value is None else value for value in values]
        return [empty if value is None else value for value in values]

    def _values(self, name: str, pairs: Sequence[tuple[int, Doc]]) -> list[Any]:
        """A field that is not in the documents, for all records."""
        orm, model = self._orm, self._model
        if name in model.one2many:
            return self._children(name, [key for key, _ in pairs])
        if name == "display_name":
            named = is_custom(model.name) and "x_name" not in model.columns
            return [f"{model.name},{key}" if named else display_name(doc) for key, doc in pairs]
        if name == "__last_update":
            return [doc.get("write_date", "")[:19] or False for _, doc in pairs]
        if (model.name, name) in RELATED:
            return self._related(RELATED[model.name, name], pairs)
        rule = orm.rules.get(model.name)
        if rule is not None:
            values = [rule.read(orm, model, name, key, doc) for key, doc in pairs]
            if NotImplemented not in values:
                return values
        if model.inherits and model.inherited(name):
            link, parent = model.inherits
            if name in orm.registry.model(parent).fields:
                reader = Reader(orm, orm.registry.model(parent), [name])
                found = orm.store.get(parent, {doc[link] for _, doc in pairs if link in doc})
                rows = reader.read([(key, orjson.dumps(doc).decode()) for key, doc in found.items()])
                by_id = {row["id"]: row[name] for row in rows}
                return [by_id.get(doc.get(link), False) for _, doc in pairs]
        empty = empty_value(model.fields[name]) if name not in MAGIC else False
        return [list(empty) if isinstance(empty, list) else empty for _ in pairs]

    def _related(self, path: str, pairs: Sequence[tuple[int, Doc]]) -> list[Any]:
        """A field of the record that a many2one points to, or another field of the record itself."""
        link, _, name = path.partition(".")
        if not name:
            empty = empty_value(self._model.fields[link]) if link in self._model.fields else False
            return [doc.get(link, empty) for _, doc in pairs]
        relation = self._orm.registry.model(self._model.many2one[link])
        found = self._orm.store.get(relation.name, {doc[link] for _, doc in pairs if link in doc})
        empty = empty_value(relation.fields[name])
        return [found.get(doc.get(link, 0), {}).get(name, empty) for _, doc in pairs]

    def _children(self, name: str, ids: list[int]) -> list[Any]:
        schema = self._model.fields[name]
        relation, inverse = schema.relation or "", schema.relation_field or ""
        if relation not in self._orm.registry or not inverse:
            return [[] for _ in ids]
        related = self._orm.registry.model(relation)
        domain: list[Any] = [[inverse, "in", ids]]
        domain += FILTERS.get((self._model.name, name), [])
        if inverse == "res_id":
            domain.append(["res_model" if "res_model" in related.columns else "model", "=", self._model.name])
        children: dict[int, list[int]] = {}
        for key, doc in self._orm.search_docs(related, domain, {}, 0, None, None):
            children.setdefault(orjson.loads(doc)[inverse], []).append(key)
        return [children.get(key, []) for key in ids]


def display_name(doc: Doc) -> Any:
    """A record's name for people."""
    for name in ("complete_name", "name", "x_name", "login", "model"):
        if doc.get(name):
            return doc[name]
    return False


