"""create, write, unlink and read on the embedded store: the generic half of Odoo's ORM.

What a model does beyond that is in :mod:`crm_pipeline.odoo.embedded.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded import access
from crm_pipeline.odoo.embedded.chatter import ADMIN, log_creation
from crm_pipeline.odoo.embedded.conversion import Children, documents
from crm_pipeline.odoo.embedded.differences import Differences
from crm_pipeline.odoo.embedded.identities import set_external_ids
from crm_pipeline.odoo.embedded.registry import Model, Registry
from crm_pipeline.odoo.embedded.relations import (
    check_references,
    delete_attached,
    linked,
    release_references,
    write_children,
)
from crm_pipeline.odoo.embedded.search import Search
from crm_pipeline.odoo.embedded.store import Doc, Store, page_hint
from crm_pipeline.odoo.embedded.values import apply_commands
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.rules.rule import Given, Rule

_NEVER_EMPTY = frozenset({"boolean", "integer", "float", "monetary", "many2one_reference"})
Pairs = list[tuple[int, Doc]]


class Orm:
    """The models of one transaction's moment: ``now`` is the same for everything a call writes, as in Odoo."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        differences: Differences,
        rules: Mapping[str, Rule],
        now: datetime,
    ) -> None:
        self.store, self.registry, self.differences, self.rules = store, registry, differences, rules
        self.search = Search(registry, store, stamps_in_seconds=differences.stamps_compare_in_seconds)
        self.now = now.strftime("%Y-%m-%d %H:%M:%S")
        self.today = self.now[:10]
        self.stamp = now.strftime("%Y-%m-%d %H:%M:%S.%f")

    # -- reading

    def search_ids(
        self,
        model: Model,
        domain: Sequence[Any],
        context: Context,
        *,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
    ) -> list[int]:
        """Ids of the matching records."""
        return [key for key, _ in self.select(model, "id, 0", domain, context, offset, limit, order)]

    def search_docs(
        self, model: Model, domain: Sequence[Any], context: Context, offset: int, limit: int | None, order: str | None
    ) -> list[tuple[int, str]]:
        """Ids and JSON documents of the matching records."""
        return self.select(model, "id, doc", domain, context, offset, limit, order)

    def explain(self, model: Model, domain: Sequence[Any], context: Context) -> str:
        """The store's plan of a search, a line per step."""
        condition, parameters = self.search.where(model, domain, active_test=_active_test(context))
        table = self.store.ensure(model.name)
        steps = self.store.execute(f"EXPLAIN QUERY PLAN SELECT id FROM {table} WHERE {condition}", parameters)
        return "\n".join(step[3] for step in steps)

    def count(self, model: Model, domain: Sequence[Any], context: Context) -> int:
        """How many records match."""
        access.check(self, model.name, "read")
        condition, parameters = self.search.where(model, domain, active_test=_active_test(context))
        table = self.store.ensure(model.name)
        return int(self.store.execute(f"SELECT count(*) FROM {table} WHERE {condition}", parameters)[0][0])

    def count_groups(self, model: Model, columns: Sequence[str], domain: Sequence[Any], context: Context) -> list[tuple[Any, ...]]:
        """The different values of SQL columns among the matching records, and how many have them."""
        access.check(self, model.name, "read")
        condition, parameters = self.search.where(model, domain, active_test=_active_test(context))
        listed = ", ".join(columns)
        return self.store.execute(
            f"SELECT {listed}, count(*) FROM {self.store.ensure(model.name)} WHERE {condition} GROUP BY {listed} ORDER BY {listed}", parameters
        )

    def select(
        self,
        model: Model,
        columns: str,
        domain: Sequence[Any],
        context: Context,
        offset: int,
        limit: int | None,
        order: str | None,
    ) -> list[tuple[Any, ...]]:
        """SQL columns of the matching records."""
        access.check(self, model.name, "read")
        condition, parameters = self.search.where(model, domain, active_test=_active_test(context))
        table = self.store.ensure(model.name)
        if limit is not None and order == "id" and any(list(term[:2]) == ["id", ">"] for term in domain):
            hint, more = page_hint(model.name, domain)
            table, condition = table + hint, condition + more
        sql = f"SELECT {columns} FROM {table} WHERE {condition} ORDER BY {self.search.order(model, order)}"
        return self.store.execute(sql + " LIMIT ? OFFSET ?", [*parameters, -1 if limit is None else limit, offset])

    # -- writing

    def create(self, name: str, vals_list: Sequence[Record], context: Context) -> list[int]:
        """Create records as ``create`` does; see :class:`Destination`."""
        model = self.registry.model(name)
        rule = self.rules.get(name)
        given = {key.removeprefix("default_"): value for key, value in context.items() if key.startswith("default_")}
        if defaults := {field: value for field, value in given.items() if field in model.fields}:
            vals_list = [{**defaults, **vals} for vals in vals_list]
        if rule is not None:
            vals_list = rule.accept(self, model, vals_list, context)
        docs, parents, children = documents(model, vals_list)
        self._create_parents(model, docs, parents, context)
        ids = self.create_converted(model, docs, children, context)
        if context.get("_import_current_module"):
            set_external_ids(self, name, [(str(v["id"]), key) for v, key in zip(vals_list, ids, strict=True) if v.get("id")], context)
        return ids

    def create_converted(
        self, model: Model, docs: list[Doc], children: Children, context: Context
    ) -> list[int]:
        """Create records from checked values; a key that is present was given, None means given empty.

        ``docs`` stay as they are.
        """
        access.check(self, model.name, "create")
        rule = self.rules.get(model.name)
        given = _names(docs)
        docs = self._with_defaults(model, docs, given, context)
        if rule is not None:
            rule.prepare_create(self, model, docs, given, context)
        self._check_required(model, docs)
        check_references(self, model, docs)
        ids = list(self.store.next_ids(model.name, len(docs)))
        pairs = [(key, {name: value for name, value in doc.items() if value is not None}) for key, doc in zip(ids, docs, strict=True)]
        if rule is not None:
            rule.complete(self, model, pairs)
        self.store.insert(model.name, pairs)
        for index, field, commands in children:
            write_children(self, model, ids[index], field, commands, context)
        if rule is not None:
            rule.after_create(self, model, pairs, given, context)
        if model.is_thread and not context.get("tracking_disable"):
            log_creation(self, model, pairs, context)
        return ids

    def write(self, name: str, ids: Sequence[int], vals: Record, context: Context) -> None:
        """Write the same values on all ids."""
        model = self.registry.model(name)
        rule = self.rules.get(name)
        if rule is not None:
            (vals,) = rule.accept(self, model, [vals], context, writing=True)
        docs, parents, children = documents(model, [vals])
        if parents[0] and model.inherits:
            link, parent = model.inherits
            found = self.store.get(name, ids)
            self.write(parent, [doc[link] for doc in found.values() if link in doc], parents[0], context)
        commands = [(field, items) for _, field, items in children]
        self.write_converted(model, [(key, dict(docs[0])) for key in ids], context)
        for field, items in commands:
            for key in ids:
                write_children(self, model, key, field, items, context)

    def write_converted(self, model: Model, pairs: Pairs, context: Context) -> None:
        """Write checked values, each record its own; None empties a field."""
        access.check(self, model.name, "write")
        old = self._existing(model, [key for key, _ in pairs])
        self._apply_many2many(model, [doc for _, doc in pairs], [old[key] for key, _ in pairs], context)
        rule = self.rules.get(model.name)
        given = _names([doc for _, doc in pairs]) if rule is not None else []
        if rule is not None:
            rule.prepare_write(self, model, pairs, old, given, context)
        for _, vals in pairs:
            for name in model.required:
                if name in vals and vals[name] is None and model.columns[name].type != "boolean":
                    raise self._required_error(model, name)
        check_references(self, model, [vals for _, vals in pairs])
        merged: dict[int, Doc] = {}
        for key, vals in pairs:
            doc = merged.get(key) or old[key]
            doc = {**doc, **vals, "write_date": self.stamp, "write_uid": ADMIN}
            merged[key] = {name: value for name, value in doc.items() if value is not None}
        self.store.update(model.name, merged.items())
        if rule is not None:
            rule.after_write(self, model, pairs, old, merged, given, context)

    def touch(self, model: str, docs: Iterable[tuple[int, Doc]]) -> None:
        """Store changed documents with a new write_date, without the model's rules."""
        self.store.update(model, [(key, {**doc, "write_date": self.stamp, "write_uid": ADMIN}) for key, doc in docs])

    def unlink(self, name: str, ids: Sequence[int], context: Context) -> None:
        """Delete records with their external ids, messages, activities, followers and attachments."""
        model = self.registry.model(name)
        access.check(self, name, "unlink")
        old = self._existing(model, ids)
        rule = self.rules.get(name)
        if rule is not None:
            rule.before_unlink(self, model, old, context)
        wanted = list(old)
        release_references(self, name, wanted, context)
        self.store.delete(name, wanted)
        delete_attached(self, model, wanted)
        if rule is not None:
            rule.after_unlink(self, model, old, context)

    # -- parts

    def _create_parents(self, model: Model, docs: list[Doc], parents: list[Record], context: Context) -> None:
        if model.inherits is None:
            return
        link, parent = model.inherits
        for doc, vals in zip(docs, parents, strict=True):
            if doc.get(link):
                if vals:
                    self.write(parent, [doc[link]], vals, context)
            else:
                (doc[link],) = self.create(parent, [vals], context)

    def _with_defaults(self, model: Model, docs: Sequence[Doc], given: Given, context: Context) -> list[Doc]:
        """New documents with stamps, defaults under what was given, and ids for the commands of many2many."""
        stamps = {"@now": self.now, "@today": self.today}
        defaults = {
            name: stamps.get(value, value) if isinstance(value, str) else value
            for name, value in model.defaults.items()
            if name in model.columns
        }
        for key, value in context.items():
            name = key.removeprefix("default_")
            if key.startswith("default_") and name in model.columns:
                defaults[name] = model.converter(name)(value)
        for name in model.many2many:
            value = defaults.get(name)
            if isinstance(value, list) and value and isinstance(value[0], tuple):
                defaults[name] = apply_commands([], value)
        defaults |= {"create_date": self.stamp, "create_uid": ADMIN, "write_date": self.stamp, "write_uid": ADMIN}
        complete = [{**defaults, **doc} for doc in docs]
        for name in model.many2many.keys() & set().union(*set(given)):
            for doc, before in zip(complete, docs, strict=True):
                if name in before:
                    doc[name] = linked(self, model, name, [], before[name] or [], context)
        return complete

    def _apply_many2many(self, model: Model, docs: list[Doc], old: list[Doc], context: Context) -> None:
        """Replace commands by the ids that result from them."""
        for vals, before in zip(docs, old, strict=True):
            for name in vals.keys() & model.many2many.keys():
                vals[name] = linked(self, model, name, before.get(name) or [], vals[name] or [], context)

    def _check_required(self, model: Model, docs: list[Doc]) -> None:
        for name in model.required:
            kind = model.columns[name].type
            for doc in docs:
                if doc.get(name) is None:
                    if kind in _NEVER_EMPTY or (kind == "many2one" and model.many2one[name] not in self.registry):
                        continue  # Odoo makes records of other models itself, such as a team's mail.alias
                    raise self._required_error(model, name)

    def _required_error(self, model: Model, name: str) -> DataError:
        label = model.columns[name].string
        message = (
            f"The operation cannot be completed: Missing required value for the field '{label}' ({name}).\n"
            f"Model: ({model.name})\n- create/update: a mandatory field is not set"
        )
        return DataError(message, call=model.name)

    def _existing(self, model: Model, ids: Sequence[int]) -> dict[int, Doc]:
        found = self.store.get(model.name, ids)
        missing = [key for key in ids if key not in found]
        if missing:
            records = ", ".join(map(str, missing))
            message = f"Record does not exist or has been deleted.\n(Record: {model.name}({records},), User: {ADMIN})"
            raise DataError(message, call=model.name)
        return found


def _active_test(context: Context) -> bool:
    return bool(context.get("active_test", True))


def _names(docs: Iterable[Doc]) -> list[frozenset[str]]:
    """The names of each document's values; documents of one load share them."""
    shared: dict[tuple[str, ...], frozenset[str]] = {}
    return [shared.get(names) or shared.setdefault(names, frozenset(names)) for names in map(tuple, docs)]
