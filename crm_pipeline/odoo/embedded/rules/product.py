"""Products, read for the lines of documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Rule
from crm_pipeline.odoo.embedded.store import Doc

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm


class ProductRule(Rule):
    """``product.product``: a variant of a template."""

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """The template goes with its last variant."""
        templates = {doc["product_tmpl_id"] for doc in old.values()}
        left = {doc["product_tmpl_id"] for _, doc in orm.store.find(model.name, product_tmpl_id=sorted(templates))}
        gone = sorted((templates - left) & set(orm.store.get("product.template", templates)))
        if gone:
            orm.unlink("product.template", gone, context)


class Products:
    """The products of some lines with their templates, read once."""

    def __init__(self, orm: Orm, lines: Iterable[Doc]) -> None:
        self._products = orm.store.get("product.product", {doc["product_id"] for doc in lines if doc.get("product_id")})
        templates = {doc["product_tmpl_id"] for doc in self._products.values()}
        self._templates = orm.store.get("product.template", templates)

    def value(self, product: int, name: str) -> Any:
        """A field of the product's template, None when empty."""
        doc = self._products.get(product, {})
        return self._templates.get(doc.get("product_tmpl_id", 0), {}).get(name)

    def name(self, product: int) -> str:
        """The product's name for people: ``[code] name``."""
        code, name = self._products.get(product, {}).get("default_code"), self.value(product, "name")
        return f"[{code}] {name}" if code else str(name)
