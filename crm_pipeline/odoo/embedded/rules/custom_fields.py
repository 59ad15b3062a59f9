"""Custom fields and the options of custom selections (ODOO_FACTS 9, measured on 17.0-19.0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.rules.views import refuse_shown
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

OPTIONS = "ir.model.fields.selection"
_NAME = re.compile(r"[A-Za-z0-9_]{1,63}\Z")
_RELATIONS = {"many2one", "many2many", "one2many"}
_ALTERABLE = {"field_description", "help"}  # of a field that a module brought
_BAD_PREFIX = "The operation cannot be completed: Custom fields must have a name that starts with 'x_'!"
_BAD_NAME = "Field names can only contain characters, digits and underscores (up to 63)."
_NOT_UNIQUE = "The operation cannot be completed: Field names must be unique per model."
_BASE_FIELD = (
    "Properties of base fields cannot be altered in this manner! Please modify them through Python code, preferably "
    "through a custom addon!"
)


def refresh_registry(orm: Orm) -> None:
    """Models and fields are read again at the next call."""
    orm.store.set_meta("registry", int(orm.store.meta("registry") or 0) + 1)


class CustomFieldRule(Rule):
    """``ir.model.fields``: an x_ field exists once its row does."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Check name, type and relation."""
        del context
        models = {key: doc["model"] for key, doc in orm.store.find("ir.model")}
        seen: set[tuple[Any, Any]] = set()
        for doc, names in zip(docs, given, strict=True):
            doc["model"] = models.get(doc.get("model_id") or 0, "")
            if not doc["model"] or doc.get("ttype") is None:
                continue  # refused as a missing value
            _check_name(orm, model, 0, doc, seen)
            _check_relation(orm, model, doc)
            if "copied" not in names:
                doc["copied"] = (doc.get("state") == "manual" and doc["ttype"] != "one2many") or None
            if doc["ttype"] not in _RELATIONS - {"one2many"} and "domain" not in names:
                doc["domain"] = None
            if doc["ttype"] != "many2one":
                doc["on_delete"] = None
            elif doc.get("required") and doc.get("on_delete") == "set null":
                message = (
                    f"The m2o field {doc['name']} is required but declares its ondelete policy as being 'set null'. Only "
                    "'restrict' and 'cascade' make sense."
                )
                raise DataError(message, call=model.name)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The field exists from the next call on, its options as rows."""
        del model, given
        for key, doc in pairs:
            if doc.get("selection"):
                options = _options(doc["selection"], str(doc["name"]))
                rows = [
                    {"field_id": key, "value": value, "name": label, "sequence": number}
                    for number, (value, label) in enumerate(options)
                ]
                orm.create(OPTIONS, rows, context)
        refresh_registry(orm)

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Type and model stay, core fields stay as they are, a name stays usable."""
        del given, context
        for key, vals in pairs:
            before = old[key]
            changed = {name for name, value in vals.items() if value != before.get(name)}
            if "ttype" in changed:
                message = "Changing the type of a field is not yet supported. Please drop it and create it again!"
                raise DataError(message, call=model.name)
            if changed & {"model", "model_id"}:
                raise DataError("Changing the model of a field is forbidden!", call=model.name)
            if before.get("state") != "manual" and changed - _ALTERABLE:
                raise DataError(_BASE_FIELD, call=model.name)
            if "name" in changed:
                _check_name(orm, model, key, {**before, **vals}, set())
                refuse_shown(orm, [(before["model"], before["name"])])
            if "relation" in changed:
                _check_relation(orm, model, {**before, **vals})

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
        """A renamed field keeps its values; the fields are read again."""
        del model, pairs, given, context
        for key, doc in new.items():
            before, after = old[key]["name"], doc["name"]
            if before != after:
                found = [(row, values) for row, values in orm.store.find(doc["model"]) if before in values]
                orm.store.update(doc["model"], [(row, {**values, after: values.pop(before)}) for row, values in found])
        refresh_registry(orm)

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Core fields stay, and those that a view shows. Options go with their field, their external ids stay."""
        del context
        if any(doc.get("state") != "manual" for doc in old.values()):
            message = "This column contains module data and cannot be removed!"
            raise DataError(message, call=model.name)
        refuse_shown(orm, [(doc["model"], doc["name"]) for doc in old.values()])

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Dropping a field drops its values."""
        del model, context
        for doc in old.values():
            name = doc["name"]
            found = orm.store.find(doc["model"])
            changed = [(key, {k: v for k, v in row.items() if k != name}) for key, row in found if name in row]
            orm.store.update(doc["model"], changed)
        refresh_registry(orm)


class OptionRule(Rule):
    """``ir.model.fields.selection``: the options of a custom selection are its rows."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Only custom fields get options, each value once."""
        del given, context
        self._check(orm, model, [(0, doc) for doc in docs])

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The field has the new options."""
        del model, given, context
        _show_options(orm, {doc["field_id"] for _, doc in pairs})

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """As on creation."""
        del given, context
        if any(vals.get(name) != old[key].get(name) for key, vals in pairs for name in vals):
            self._check(orm, model, [(key, {**old[key], **vals}) for key, vals in pairs])

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
        """Records that have a renamed value keep it under its new name."""
        del model, pairs, given, context
        for key, doc in new.items():
            if doc["value"] != old[key]["value"]:
                _replace_value(orm, old[key], doc["value"])
        _show_options(orm, {doc["field_id"] for doc in [*old.values(), *new.values()]})

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Options of core fields stay."""
        del context
        self._refuse_base(orm, model, old.values())

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Records that have a deleted value are emptied."""
        del model, context
        for doc in old.values():
            _replace_value(orm, doc, None)
        _show_options(orm, {doc["field_id"] for doc in old.values()})

    def _check(self, orm: Orm, model: Model, pairs: Pairs) -> None:
        self._refuse_base(orm, model, [doc for _, doc in pairs])
        seen: set[tuple[Any, Any]] = set()
        for key, doc in pairs:
            identity = (doc.get("field_id"), doc.get("value"))
            if None in identity:
                continue
            found = orm.store.find(OPTIONS, field_id=identity[0], value=identity[1])
            if identity in seen or any(other != key for other, _ in found):
                message = "The operation cannot be completed: Selections values must be unique per field"
                raise DataError(message, call=model.name)
            seen.add(identity)

    def _refuse_base(self, orm: Orm, model: Model, docs: Iterable[Doc]) -> None:
        fields = orm.store.get("ir.model.fields", {doc["field_id"] for doc in docs if doc.get("field_id")})
        if any(field.get("state") != "manual" for field in fields.values()):
            raise DataError(_BASE_FIELD, call=model.name)


def _check_name(orm: Orm, model: Model, key: int, doc: Doc, seen: set[tuple[Any, Any]]) -> None:
    """A field's name: ``x_``, at most 63 plain characters, once per model; ``seen`` are those of the same call."""
    name, owner = doc.get("name") or "", doc["model"]
    if not _NAME.match(name):
        raise DataError(_BAD_NAME, call=model.name)
    if doc.get("state") == "manual" and not name.startswith("x_"):
        raise DataError(_BAD_PREFIX, call=model.name)
    if (owner, name) in seen or any(other != key for other, _ in orm.store.find(model.name, model=owner, name=name)):
        raise DataError(_NOT_UNIQUE, call=model.name)
    seen.add((owner, name))


def _check_relation(orm: Orm, model: Model, doc: Doc) -> None:
    """The model a relation points to. Without one Odoo accepts the field and breaks later (see ``limits``)."""
    if doc["ttype"] not in _RELATIONS:
        return
    relation = doc.get("relation")
    if not relation:
        message = f"{doc['name']} needs the model it points to (Related Model)"
        raise DataError(message, call=model.name)
    if relation not in orm.registry and not orm.store.find("ir.model", model=relation):
        raise DataError(f"Unknown model name '{relation}' in Related Model", call=model.name)


def _show_options(orm: Orm, fields: set[int]) -> None:
    """A field's ``selection`` follows its rows."""
    changed: Pairs = []
    for key, doc in orm.store.get("ir.model.fields", fields).items():
        rows = sorted(orm.store.find(OPTIONS, field_id=key), key=lambda row: (row[1].get("sequence", 0), row[0]))
        if doc.get("write_date") == orm.stamp:  # written with its options: Odoo counts them from 0
            orm.store.update(OPTIONS, [(option, {**row, "sequence": at}) for at, (option, row) in enumerate(rows)])
        options = [[row["value"], row["name"]] for _, row in rows]
        text = str([(value, label) for value, label in options])
        changed.append((key, {**doc, "selection": text, "selection_values": options}))
    orm.store.update("ir.model.fields", changed)
    refresh_registry(orm)


def _replace_value(orm: Orm, option: Doc, value: str | None) -> None:
    """Another value, or none, in the records that have an option's."""
    for field in orm.store.get("ir.model.fields", [option["field_id"]]).values():
        found = orm.store.find(field["model"], **{field["name"]: option["value"]})
        kept: Sequence[tuple[int, Doc]] = [
            (key, {name: item for name, item in {**doc, field["name"]: value}.items() if item is not None})
            for key, doc in found
        ]
        orm.store.update(field["model"], kept)


def _options(text: str, name: str) -> list[list[str]]:
    """Options of ``selection`` text: a Python list of pairs."""
    found = re.findall(r"\(\s*(['\"])(.*?)\1\s*,\s*(['\"])(.*?)\3\s*\)", text)
    if not found:
        raise DataError(f"The selection of {name} must be a list of ('value', 'label') pairs", call="ir.model.fields")
    return [[value, label] for _, value, _, label in found]
