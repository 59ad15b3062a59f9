"""Custom models (ODOO_FACTS 9, measured on 17.0-19.0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import MAGIC, Model
from crm_pipeline.odoo.embedded.rules.custom_fields import refresh_registry
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.rules.views import refuse_shown
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

_NAME = re.compile(r"[a-z0-9_.]+\Z")
_LONGEST = 63  # characters of a table's name
_FIXED = {"model": "Model", "state": "Type"}
_NAME_FIELD = {"name": "x_name", "field_description": "Name", "ttype": "char", "state": "manual"}


class CustomModelRule(Rule):
    """``ir.model``: a custom model exists once its row does, with its fields and access rows in the same call."""

    accepted = frozenset({"model"})

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """Without fields of its own a model gets ``x_name``, but not from ``load`` before 19.0."""
        if writing or (context.get("install_mode") and not orm.differences.loaded_models_have_name):
            return vals_list
        for vals in vals_list:
            if "model" not in vals:
                raise CallError("model", call=f"{model.name}.create")
        return [{"field_id": [(0, 0, dict(_NAME_FIELD))], **vals} for vals in vals_list]

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Custom models are named ``x_…``."""
        del given, context
        seen: set[str] = set()
        for doc in docs:
            name = doc.get("model") or ""
            if not name.startswith("x_"):
                raise DataError("The model name must start with 'x_'.", call=model.name)
            if not _NAME.match(name):
                message = "The model name can only contain lowercase characters, digits, underscores and dots."
                raise DataError(message, call=model.name)
            if len(name) > _LONGEST:
                raise DataError(f"Table name {name!r} is too long", call=model.name)
            if name in seen or orm.store.find(model.name, model=name):
                message = "The operation cannot be completed: Each model must have a unique name."
                raise DataError(message, call=model.name)
            seen.add(name)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The model exists from the next call on, with the fields every model has."""
        del model, given, context
        common = orm.registry.model("crm.tag").fields
        names = sorted(MAGIC & common.keys())
        for key, doc in pairs:
            rows = [
                (
                    field,
                    {
                        "model": doc["model"], "model_id": key, "name": name, "ttype": common[name].type, "state": "base",
                        "field_description": common[name].string, "readonly": True, "create_date": orm.stamp,
                        "write_date": orm.stamp, **({"store": True} if common[name].store else {}),
                    },
                )
                for field, name in zip(orm.store.next_ids("ir.model.fields", len(names)), names, strict=True)
            ]  # fmt: skip
            orm.store.insert("ir.model.fields", rows)
        refresh_registry(orm)

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Name and type stay; a model is ordered by fields it has."""
        del given, context
        quote = orm.differences.fixed_field_quote
        for key, vals in pairs:
            for name, label in _FIXED.items():
                if name in vals and vals[name] != old[key].get(name):
                    raise DataError(f"Field {quote}{label}{quote} cannot be modified on models.", call=model.name)
            known = orm.registry.model(old[key]["model"]) if old[key]["model"] in orm.registry else None
            for item in str(vals.get("order") or "").split(","):
                field = item.split()[0] if item.split() else "id"
                if known is not None and field not in MAGIC and field not in known.columns:
                    message = (
                        f"Unable to order by {field}: fields used for ordering must be present on the model and stored."
                    )
                    raise DataError(message, call=model.name)

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
        """Read the models again."""
        del model, pairs, old, new, given, context
        refresh_registry(orm)

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Core models stay; records, access rows, and fields of and to a custom model go with it.

        The external ids of access rows stay (all versions).
        """
        if any(doc.get("state") != "manual" for doc in old.values()):
            raise DataError("This column contains module data and cannot be removed!", call=model.name)
        names = [doc["model"] for doc in old.values()]
        fields = {key: doc for key, doc in orm.store.find("ir.model.fields") if _of(doc, names)}
        for own in (True, False):
            refuse_shown(
                orm,
                [
                    (doc["model"], doc["name"])
                    for doc in fields.values()
                    if (doc["model"] in names) is own and _manual(doc)
                ],
            )
        orm.store.delete("ir.model.fields", [key for key, doc in fields.items() if not _manual(doc)])
        manual = [key for key, doc in fields.items() if _manual(doc)]
        if manual:
            orm.unlink("ir.model.fields", manual, context)
        for name in names:
            orm.store.delete(name, [key for key, _ in orm.store.find(name)])
            if orm.differences.dropped_models_lose_external_ids:
                orm.store.delete("ir.model.data", [key for key, _ in orm.store.find("ir.model.data", model=name)])
        refresh_registry(orm)


def _of(field: Doc, models: list[str]) -> bool:
    return field["model"] in models or (_manual(field) and field.get("relation") in models)


def _manual(field: Doc) -> bool:
    return field.get("state") == "manual"
