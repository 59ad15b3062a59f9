"""The models and fields an embedded database has: the bundled schema of its version plus custom ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.odoo.embedded.differences import DIFFERENCES
from crm_pipeline.odoo.embedded.markup import Markup
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.embedded.values import Converter, converter
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.schemas import field_schema, load_attributes

MAGIC = frozenset({"id", "create_date", "create_uid", "write_date", "write_uid", "display_name", "__last_update"})

#: model → (many2one, parent model): reading and writing the parent's fields through it
INHERITS: dict[str, tuple[str, str]] = {
    "res.users": ("partner_id", "res.partner"),
    "product.product": ("product_tmpl_id", "product.template"),
    "mail.mail": ("mail_message_id", "mail.message"),
    "account.payment": ("move_id", "account.move"),  # 17.0
}
#: fields that are not stored but another record's: the path to the value
RELATED: dict[tuple[str, str], str] = {
    ("account.account", "code"): "code_store",
    ("account.move", "company_currency_id"): "company_id.currency_id",
    ("account.move.line", "account_type"): "account_id.account_type",
    ("account.move.line", "move_type"): "move_id.move_type",
    ("account.payment", "company_currency_id"): "company_id.currency_id",
    ("account.payment.method.line", "code"): "payment_method_id.code",
    ("account.payment.method.line", "payment_type"): "payment_method_id.payment_type",
    ("res.company", "country_id"): "partner_id.country_id",
}
_BILLED = ["product", "line_section", "line_subsection", "line_note"]
#: one2many fields that show a part of the records pointing here
FILTERS: dict[tuple[str, str], list[Any]] = {
    ("account.journal", "inbound_payment_method_line_ids"): [["payment_type", "=", "inbound"]],
    ("account.journal", "outbound_payment_method_line_ids"): [["payment_type", "=", "outbound"]],
    ("account.move", "invoice_line_ids"): [["display_type", "in", _BILLED]],
}
#: decimal accuracy → the numbers kept with its digits; the unit of measure has two names
_QUANTITIES = (
    ("account.move.line", "quantity"), ("sale.order.line", "product_uom_qty"), ("sale.order.line", "qty_delivered"),
    ("sale.order.line", "qty_invoiced"), ("sale.order.line", "qty_to_invoice"),
)  # fmt: skip
_PRECISE: dict[str, tuple[tuple[str, str], ...]] = {
    "Discount": (("account.move.line", "discount"), ("sale.order.line", "discount")),
    "Product Price": (
        ("account.move.line", "price_unit"), ("product.product", "lst_price"), ("product.template", "list_price"),
        ("sale.order.line", "price_unit"),
    ),
    "Product Unit": _QUANTITIES,
    "Product Unit of Measure": _QUANTITIES,
}  # fmt: skip
#: model → its order, where it is not by id (Odoo's ``_order``; 17.0-19.0)
ORDERS: dict[str, str] = {
    "mail.message": "id desc",
    "crm.stage": "sequence, name, id",
    "crm.lead": "priority desc, id desc",
    "crm.team": "sequence, create_date desc, id desc",
    "res.partner": "complete_name, id desc",
    "res.users": "login",
    "res.country": "name",
    "res.country.state": "code",
    "res.currency": "active desc, name",
    "crm.tag": "name",
    "utm.source": "id",
    "mail.activity.type": "sequence, id",
    "account.account": "id",
    "account.journal": "sequence, type, code",
    "account.move": "date desc, name desc, invoice_date desc, id desc",
    "account.move.line": "date desc, move_name desc, id",
    "account.payment": "id desc",
    "product.pricelist": "sequence, id desc",
    "res.currency.rate": "name desc, id",
    "sale.order": "date_order desc, id desc",
    "sale.order.line": "order_id, sequence, id",
    "ir.attachment": "id desc",
    "calendar.event": "start desc",
    "mail.activity": "date_deadline, id",
    "res.partner.category": "name, id",
    "ir.model": "model",
    "ir.model.access": "model_id, group_id, name, id",
    "ir.model.data": "module, model, name",
    "ir.model.fields": "name",
    "ir.model.fields.selection": "sequence, id",
    "ir.ui.view": "priority, name, id",
}


def is_custom(model: str) -> bool:
    """Whether a model was made in the database and not by a module."""
    return model.startswith("x_")


def _parent(name: str, fields: Mapping[str, FieldSchema]) -> tuple[str, str] | None:
    """The many2one and the model of a parent (``_inherits``); in 18.0 payments stopped to have one."""
    found = INHERITS.get(name)
    return found if found is not None and fields[found[0]].required else None


@dataclass(slots=True)
class Model:
    """One model: its fields sorted by how they are kept."""

    name: str
    fields: dict[str, FieldSchema]
    labels: dict[str, dict[str, str]]
    defaults: dict[str, Any]
    markup: Markup
    unchecked: frozenset[str]
    columns: dict[str, FieldSchema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    many2one: dict[str, str] = field(default_factory=dict)
    many2many: dict[str, str] = field(default_factory=dict)
    one2many: dict[str, str] = field(default_factory=dict)
    inherits: tuple[str, str] | None = None
    order: str = "id"
    has_active: bool = False
    is_thread: bool = False
    _converters: dict[str, Converter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, schema in self.fields.items():
            if name in MAGIC:
                continue
            if schema.type == "one2many":
                self.one2many[name] = schema.relation or ""
            elif schema.store:
                self.columns[name] = schema
                if schema.type == "many2one":
                    self.many2one[name] = schema.relation or ""
                elif schema.type == "many2many":
                    self.many2many[name] = schema.relation or ""
        self.required = tuple(name for name, schema in self.columns.items() if schema.required)
        self.inherits = _parent(self.name, self.fields)
        self.order = ORDERS.get(self.name, self.order)
        self.has_active = "active" in self.columns
        self.is_thread = "message_follower_ids" in self.fields and "message_ids" in self.fields

    def schema(self, name: str) -> FieldSchema:
        """The field; raises CallError with Odoo's words when there is none."""
        try:
            return self.fields[name]
        except KeyError:
            raise CallError(f"Invalid field {name!r} in {self.name!r}", call=self.name) from None

    def converter(self, name: str) -> Converter:
        """How a value for ``create`` and ``write`` is checked."""
        found = self._converters.get(name)
        if found is None:
            schema = self.fields[name]
            if f"{self.name}.{name}" in self.unchecked:
                schema = replace(schema, type="char")
            found = self._converters[name] = converter(self.name, schema, self.markup)
        return found

    def inherited(self, name: str) -> bool:
        """Whether the field is the parent's, seen through ``_inherits``."""
        return self.inherits is not None and name not in self.columns and not self.fields[name].store


class Registry:
    """All models of one embedded database."""

    def __init__(
        self,
        version: str,
        custom: Iterable[tuple[int, Doc]],
        custom_models: Iterable[Doc],
        precisions: Iterable[Doc] = (),
    ) -> None:
        differences = DIFFERENCES[version]
        self.version = version
        self._unchecked, self._no_model = differences.unchecked_selections, differences.no_model
        self._markup = Markup(differences.html_keeps_outer_div, differences.html_keeps_data_attributes)
        attributes: dict[str, Mapping[str, Mapping[str, Any]]] = dict(load_attributes(version))
        magic = {name: attributes["crm.tag"][name] for name in sorted(MAGIC) if name in attributes["crm.tag"]}
        # Odoo computes the text from the option rows; here it is what the options are made from
        kept = {"selection": {**attributes["ir.model.fields"]["selection"], "store": True}}
        attributes["ir.model.fields"] = {**attributes["ir.model.fields"], **kept}
        attributes["res.config.settings"] = {**magic, "group_use_lead": {"type": "boolean"}}
        for doc in precisions:
            _set_digits(attributes, str(doc.get("name")), int(doc.get("digits") or 0))
        self._orders: dict[str, str] = {}
        for doc in custom_models:
            attributes.setdefault(doc["model"], magic)
            self._orders[doc["model"]] = doc.get("order") or "id"
        for _key, doc in custom:
            fields = dict(attributes.get(doc["model"], magic))
            fields[doc["name"]] = _custom(doc)
            attributes[doc["model"]] = fields
        self._attributes = attributes
        self._models: dict[str, Model] = {}
        self._references: dict[str, list[tuple[str, str, str]]] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._attributes

    def references_to(self, name: str) -> list[tuple[str, str, str]]:
        """``(model, many2one, ondelete)`` of every stored many2one to a model; ``set null`` unless said otherwise."""
        if self._references is None:
            self._references = {}
            for model, fields in self._attributes.items():
                for key, value in fields.items():
                    if value["type"] == "many2one" and value.get("store", True) and value.get("relation"):
                        found = self._references.setdefault(value["relation"], [])
                        found.append((model, key, value.get("ondelete", "set null")))
        return self._references.get(name, [])

    def ondelete(self, model: str, name: str) -> str:
        """What deleting the record a many2one points to does: ``set null``, ``restrict`` or ``cascade``."""
        return str(self._attributes[model].get(name, {}).get("ondelete", "set null"))

    def many2many_to(self, name: str) -> list[tuple[str, str]]:
        """``(model, field)`` of every stored many2many to a model."""
        return [
            (model, key)
            for model, fields in self._attributes.items()
            for key, value in fields.items()
            if value["type"] == "many2many" and value.get("relation") == name and value.get("store", True)
        ]

    def attributes(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """The fields' attributes as the schema files have them; raises CallError when there is no such model."""
        self.model(name)
        return self._attributes[name]

    def names(self) -> list[str]:
        """All model names."""
        return list(self._attributes)

    def model(self, name: str) -> Model:
        """The model; raises CallError with Odoo's words when it is not there."""
        found = self._models.get(name)
        if found is None:
            if name not in self._attributes:
                raise CallError(self._no_model.format(name=name), call=name)
            order = self._orders.get(name, "id")
            found = self._models[name] = _model(name, self._attributes[name], self._markup, self._unchecked, order)
        return found


def _model(
    name: str, attributes: Mapping[str, Mapping[str, Any]], markup: Markup, unchecked: frozenset[str], order: str
) -> Model:
    return Model(
        name=name,
        order=order,
        fields={key: field_schema(key, value) for key, value in attributes.items()},
        labels={
            key: {str(item): str(label) for item, label in value["selection"]}
            for key, value in attributes.items()
            if value.get("selection")
        },
        markup=markup,
        unchecked=unchecked,
        defaults={key: value["default"] for key, value in attributes.items() if "default" in value},
    )


def _set_digits(attributes: dict[str, Mapping[str, Mapping[str, Any]]], precision: str, digits: int) -> None:
    for model, name in _PRECISE.get(precision, ()):
        fields = attributes[model]
        if "digits" in fields.get(name, {}):
            attributes[model] = {**fields, name: {**fields[name], "digits": [fields[name]["digits"][0], digits]}}


def _custom(doc: Doc) -> dict[str, Any]:
    """``fields_get`` attributes of a custom field from its ``ir.model.fields`` record."""
    return {
        "type": doc["ttype"],
        "string": doc.get("field_description") or doc["name"],
        "required": bool(doc.get("required")),
        "readonly": bool(doc.get("readonly")),
        "store": True,
        "relation": doc.get("relation"),
        "relation_field": doc.get("relation_field"),
        "size": doc.get("size"),
        "selection": doc.get("selection_values"),
        "help": doc.get("help"),
        "domain": doc.get("domain"),
        "ondelete": doc.get("on_delete") or "set null",
        "manual": True,
    }
