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

_STAMPS = {"create_date", "write_date"}


class Reader:
    """Reads the same fields of many records of one model."""

    def __init__(self, orm: Orm, model: Model, fields: Sequence[str]) -> None:
        self._orm, self._model = orm, model
        names = [name for name in (fields or list(model.fields)) if name != "id"]
        for name in names:
            if name not in model.fields:
                raise CallError(f"Invalid field {name!r} on {model.name!r}", call=f"{model.name}.search_read")
        self._plain = [
            (name, empty_value(model.fields[name]))
            for name in names
            if name in model.columns or name in {"create_uid", "write_uid"}
        ]
        self._stamps = [name for name in names if name in _STAMPS]
        known = {name for name, _ in self._plain} | _STAMPS
        self._other = [name for name in names if name not in known]

    def read(self, rows: Sequence[tuple[int, str]]) -> list[Record]:
        """Records in the order of ``rows`` (id and JSON document)."""
        loads, plain = orjson.loads, self._plain
        docs = [loads(doc) for _, doc in rows]
        records: list[Record] = []
        for (key, _), doc in zip(rows, docs, strict=True):
            get = doc.get
            record: Record = {"id": key}
            for name, empty in plain:
                value = get(name)
                record[name] = (list(empty) if empty == [] else empty) if value is None else value
            records.append(record)
        for name in self._stamps:
            for record, doc in zip(records, docs, strict=True):
                record[name] = doc[name][:19] if name in doc else False
        for name in self._other:
            pairs = [(key, doc) for (key, _), doc in zip(rows, docs, strict=True)]
            for record, value in zip(records, self._values(name, pairs), strict=True):
                record[name] = value
        return records

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
