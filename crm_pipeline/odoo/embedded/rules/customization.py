"""Custom fields and models, and the settings (ODOO_FACTS 4, 9)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

_NAME = re.compile(r"[A-Za-z0-9_]{1,63}\Z")
_TYPES = frozenset(
    {
        "char", "text", "html", "selection", "many2one", "many2many", "one2many", "boolean", "date", "datetime",
        "float", "integer", "monetary", "binary", "reference",
    }
)  # fmt: skip


def refresh_registry(orm: Orm) -> None:
    """Models and fields are read again at the next call."""
    orm.store.set_meta("registry", int(orm.store.meta("registry") or 0) + 1)


class CustomFieldRule(Rule):
    """``ir.model.fields``: an x_ field exists once its row does."""

    accepted = frozenset({"selection_ids", "selection"})

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """Options may come as ``selection_ids`` commands or as ``selection`` text."""
        del model, context, writing
        accepted = []
        for vals in vals_list:
            kept = dict(vals)
            options = [command[2] for command in kept.pop("selection_ids", None) or () if command[0] == 0]
            if options:
                kept["selection"] = str([(item["value"], item.get("name", item["value"])) for item in options])
            accepted.append(kept)
        del orm
        return accepted

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Check name, type and relation."""
        del given, context
        models = {key: doc["model"] for key, doc in orm.store.find("ir.model")}
        for doc in docs:
            doc["model"] = models.get(doc.get("model_id") or 0)
            doc.pop("selection_ids", None)
            name = doc.get("name") or ""
            if doc.get("state") == "manual" and not name.startswith("x_"):
                message = "The operation cannot be completed: Custom fields must have a name that starts with 'x_'!"
                raise DataError(message, call=model.name)
            if not _NAME.match(name):
                message = f"Field name {name!r}: only letters, digits and _, at most 63 characters"
                raise DataError(message, call=model.name)
            if doc.get("ttype") not in _TYPES:
                raise DataError(f"Wrong value for ir.model.fields.ttype: {doc.get('ttype')!r}", call=model.name)
            if doc["ttype"] in {"many2one", "many2many", "one2many"} and str(doc.get("relation")) not in orm.registry:
                message = f"Model {doc.get('relation')!r} does not exist: field {name} needs the model it points to"
                raise DataError(message, call=model.name)
            if orm.store.find(model.name, model=doc["model"], name=name):
                message = (
                    f"The operation cannot be completed: Field names must be unique per model ({doc['model']}.{name})"
                )
                raise DataError(message, call=model.name)
            if doc.get("selection"):
                doc["selection_values"] = _options(doc["selection"], name)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The field exists from the next call on, its options as rows."""
        del model, given, context
        for key, doc in pairs:
            _store_options(orm, key, doc.get("selection_values") or [])
        refresh_registry(orm)

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """The type stays; core fields stay as they are."""
        del given, context, orm
        for key, vals in pairs:
            if "ttype" in vals and vals["ttype"] != old[key].get("ttype"):
                message = "Changing the type of a field is not yet supported. Please drop it and create it again!"
                raise DataError(message, call=model.name)
            if old[key].get("state") != "manual" and vals.keys() - {"field_description", "help"}:
                message = "Properties of base fields cannot be altered in this manner!"
                raise DataError(message, call=model.name)
            if vals.get("selection"):
                vals["selection_values"] = _options(vals["selection"], str(old[key].get("name")))

    def after_write(
        self,
        orm: Orm,
        model: Model,
        pairs: Pairs,
        old: dict[int, Doc],
        new: dict[int, Doc],
        given: Given,
        context: Context,
    ) -> None:
        """Read the fields again."""
        del model, pairs, old, new, given, context
        refresh_registry(orm)

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Core fields stay."""
        del orm, context
        if any(doc.get("state") != "manual" for doc in old.values()):
            message = "This column contains module data and cannot be removed!"
            raise DataError(message, call=model.name)

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Dropping a field drops its values."""
        del model, context
        for doc in old.values():
            name = doc["name"]
            found = orm.store.find(doc["model"])
            changed = [(key, {k: v for k, v in row.items() if k != name}) for key, row in found if name in row]
            orm.store.update(doc["model"], changed)
        refresh_registry(orm)


class CustomModelRule(Rule):
    """``ir.model``: a custom model with its fields in one call."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Custom models are named ``x_…``."""
        del given, context
        for doc in docs:
            name = doc.get("model") or ""
            if not name.startswith("x_"):
                raise DataError("The model name must start with 'x_'.", call=model.name)
            if orm.store.find(model.name, model=name):
                raise DataError(f"Model {name!r} already exists", call=model.name)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The model exists from the next call on."""
        del model, pairs, given, context
        refresh_registry(orm)

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Core models stay; fields of and to a custom model go with it."""
        if any(doc.get("state") != "manual" for doc in old.values()):
            raise DataError(f"Model {min(old)} contains module data and cannot be removed!", call=model.name)
        names = [doc["model"] for doc in old.values()]
        found = orm.store.find("ir.model.fields", state="manual")
        ids = [key for key, doc in found if doc["model"] in names or doc.get("relation") in names]
        if ids:
            orm.unlink("ir.model.fields", ids, context)
        refresh_registry(orm)


class SettingsRule(Rule):
    """``res.config.settings``: what is created is applied by ``execute``."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """A setting that is not given stays as it is."""
        del model, context
        for doc, names in zip(docs, given, strict=True):
            if "group_use_lead" not in names:
                doc["group_use_lead"] = bool(orm.store.meta("use_leads")) or None


def _store_options(orm: Orm, field_id: int, options: list[list[str]]) -> None:
    rows: Pairs = [
        (key, {"field_id": field_id, "value": value, "name": label, "sequence": number})
        for number, (key, (value, label)) in enumerate(
            zip(orm.store.next_ids("ir.model.fields.selection", len(options)), options, strict=True)
        )
    ]
    orm.store.insert("ir.model.fields.selection", rows)


def _options(text: str, name: str) -> list[list[str]]:
    """Options of ``selection`` text: a Python list of pairs."""
    found = re.findall(r"\(\s*(['\"])(.*?)\1\s*,\s*(['\"])(.*?)\3\s*\)", text)
    if not found:
        raise DataError(f"The selection of {name} must be a list of ('value', 'label') pairs", call="ir.model.fields")
    return [[value, label] for _, value, _, label in found]
