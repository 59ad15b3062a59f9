"""Names: unique ones, numbered ones, and external ids (ODOO_FACTS 2, 3, 11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs


class UniqueRule(Rule):
    """Several fields together are unique among non-empty values, also among archived records."""

    def __init__(self, fields: tuple[str, ...], complaint: str) -> None:
        self._fields, self._complaint = fields, complaint

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Refuse a value that exists, or comes twice."""
        del given, context
        self._refuse(orm, model, [(0, doc) for doc in docs])

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Refuse a value another record has."""
        del given, context
        self._refuse(orm, model, [(key, {**old[key], **vals}) for key, vals in pairs])

    def _refuse(self, orm: Orm, model: Model, pairs: Pairs) -> None:
        seen: set[tuple[object, ...]] = set()
        for key, doc in pairs:
            values = {name: doc.get(name) for name in self._fields}
            if None in values.values():
                continue
            identity = tuple(values.values())
            if identity in seen or any(other != key for other, _ in orm.store.find(model.name, **values)):
                raise DataError(f"The operation cannot be completed: {self._complaint}", call=model.name)
            seen.add(identity)


class NumberedNameRule(Rule):
    """utm records: a name that exists gets a number, ``Mailing [2]`` (all versions); campaigns are named by title."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Name campaigns after their title, then make names unique."""
        del given, context
        for doc in docs:
            if "title" in model.columns:
                if doc.get("title") is None:
                    doc["title"] = doc.get("name")
                if doc.get("name") is None:
                    doc["name"] = doc.get("title")
        taken = {str(doc.get("name")) for _, doc in orm.store.find(model.name)}
        for doc in docs:
            name = doc.get("name")
            if name is None:
                continue
            base = re.sub(r" \[\d+\]$", "", name)
            number = 1
            while name in taken:
                number += 1
                name = f"{base} [{number}]"
            taken.add(name)
            doc["name"] = name


class TeamRule(Rule):
    """crm.team: use_leads follows the setting (ODOO_FACTS 4)."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Teams made while leads are enabled use them."""
        del model, context
        if orm.store.meta("use_leads"):
            for doc, names in zip(docs, given, strict=True):
                if "use_leads" not in names:
                    doc["use_leads"] = True


class DataRule(Rule):
    """ir.model.data: (module, name) is unique, a name holds no space (all versions)."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Refuse duplicates and spaces."""
        del given, context
        seen: set[tuple[str, str]] = set()
        by_module: dict[str, list[str]] = {}
        for doc in docs:
            doc["module"] = doc.get("module") or ""
            if " " in (doc.get("name") or ""):
                message = "The operation cannot be completed: External IDs cannot contain spaces"
                raise DataError(message, call=model.name)
            by_module.setdefault(doc["module"], []).append(doc.get("name") or "")
        for module, names in by_module.items():
            if orm.store.find(model.name, module=module, name=names):
                raise _not_unique(model)
            for name in names:
                if (module, name) in seen:
                    raise _not_unique(model)
                seen.add((module, name))

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Refuse a name another record has."""
        del given, context
        for key, vals in pairs:
            if vals.keys() & {"module", "name"}:
                doc = {**old[key], **vals}
                found = orm.store.find(model.name, module=doc.get("module"), name=doc.get("name"))
                if any(other != key for other, _ in found):
                    raise _not_unique(model)

    def read(self, orm: Orm, model: Model, name: str, key: int, doc: Doc) -> Any:
        """The whole external id."""
        del orm, model, key
        if name == "complete_name":
            return ".".join(part for part in (doc.get("module"), doc.get("name")) if part)
        return NotImplemented


def _not_unique(model: Model) -> DataError:
    message = "duplicate key value violates unique constraint ir_model_data_module_name_uniq_index"
    return DataError(f"The operation cannot be completed: {message}", call=model.name)
