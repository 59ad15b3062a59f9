"""Products, read for the lines of documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.embedded.store import Doc

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm


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
