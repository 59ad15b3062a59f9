"""sale.order and sale.order.line: totals, states and refusals (ODOO_FACTS 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.chatter import ADMIN, note
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY, Money
from crm_pipeline.odoo.embedded.rules.product import Products
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

_LINE_NEEDS_PRODUCT = "The operation cannot be completed: Missing required fields on accountable sale order line."
_DELETE = "You can not delete a sent quotation or a confirmed sales order. You must first cancel it."
_DELETE_LINE = "Once a sales order is confirmed, you can't remove one of its lines (we need to track if something gets invoiced or delivered).\nSet the quantity to 0 instead."
_FROM_ORDER = frozenset({"state", "pricelist_id", "partner_id", "user_id", "date_order"})
_FIRST_TEAM = 1


class OrderRule(Rule):
    """Quotations and orders: their totals are those of their lines."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Number, addresses, currency and what else is taken from partner, pricelist and company."""
        del context
        partners = _Partners(orm, {doc["partner_id"] for doc in docs if doc.get("partner_id")})
        (company,) = orm.store.get("res.company", [COMPANY]).values()
        money, pricelists = Money(orm), _pricelists(orm, docs)
        fallback = _first_pricelist(orm)
        for doc, names in zip(docs, given, strict=True):
            if "name" not in names or doc.get("name") == "New":
                doc["name"] = _next_number(orm)
            if doc.get("partner_id"):
                partners.fill(doc, names)
            if "validity_date" not in names and company.get("quotation_validity_days"):
                last = date.fromisoformat(orm.today) + timedelta(days=company["quotation_validity_days"])
                doc["validity_date"] = last.isoformat()
            if "pricelist_id" not in names:
                doc["pricelist_id"] = fallback
            if "team_id" not in names:
                doc["team_id"] = _FIRST_TEAM
            for name, source in (
                ("require_signature", "portal_confirmation_sign"),
                ("require_payment", "portal_confirmation_pay"),
                ("prepayment_percent", "prepayment_percent"),
            ):
                if name not in names and name in model.columns:
                    doc[name] = company.get(source)
            doc["invoice_status"] = "no"
            _set_currency(money, doc, pricelists)

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Another pricelist is another currency."""
        del model, given, context
        if not any(vals.keys() & {"pricelist_id", "currency_id", "date_order"} for _, vals in pairs):
            return
        money, pricelists = Money(orm), _pricelists(orm, [{**old[key], **vals} for key, vals in pairs])
        for key, vals in pairs:
            doc = {**old[key], **vals}
            _set_currency(money, doc, pricelists)
            vals |= {"currency_id": doc["currency_id"], "currency_rate": doc["currency_rate"]}

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
        """Lines follow their order."""
        del model, old, context
        changed = [key for (key, _), names in zip(pairs, given, strict=True) if names & _FROM_ORDER]
        if changed:
            refresh_orders(orm, changed, lines_too=True)
        del new

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Only quotations that were not sent, and cancelled ones."""
        del orm, context
        if any(doc.get("state") not in {"draft", "cancel"} for doc in old.values()):
            raise DataError(_DELETE, call=model.name)


def action_cancel(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> Any:
    """Cancel orders; a locked one must be unlocked first, and 17.0 and 18.0 ask about a confirmed one unless the context says not to."""
    del arguments
    found = orm.store.get(model.name, ids)
    if any(doc.get("locked") for doc in found.values()):
        raise DataError("You cannot cancel a locked order. Please unlock it first.", call=model.name)
    asks = orm.differences.cancelling_orders_asks and not context.get("disable_cancel_warning")
    if asks and any(doc.get("state") != "draft" for doc in found.values()):
        return {"type": "ir.actions.act_window", "res_model": "sale.order.cancel", "target": "new"}
    orm.write(model.name, ids, {"state": "cancel"}, context)
    return True


def action_lock(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """Lock orders."""
    del arguments
    orm.write(model.name, ids, {"locked": True}, context)


def action_unlock(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """Unlock orders."""
    del arguments
    orm.write(model.name, ids, {"locked": False}, context)


class OrderLineRule(Rule):
    """Lines of quotations and orders."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """What a line takes from product and order, and its amounts."""
        del context
        orders = orm.store.get("sale.order", {doc["order_id"] for doc in docs if doc.get("order_id")})
        products, lines = Products(orm, docs), _Lines(orm, model)
        for doc, names in zip(docs, given, strict=True):
            order = orders.get(doc.get("order_id") or 0, {})
            lines.fill(doc, names, products)
            lines.check(doc)
            lines.follow(doc, order)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The orders' totals, and a note on confirmed ones unless the context says no."""
        del model, given
        orders = refresh_orders(orm, {doc["order_id"] for _, doc in pairs})
        if context.get("sale_no_log_for_new_lines"):
            return
        products = Products(orm, [doc for _, doc in pairs])
        for _, doc in pairs:
            if doc.get("product_id") and orders[doc["order_id"]].get("state") == "sale":
                note(orm, "sale.order", doc["order_id"], f"Extra line with {products.name(doc['product_id'])}")

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """The line's amounts."""
        del given, context
        after = {key: {**old[key], **vals} for key, vals in pairs}
        orders = orm.store.get("sale.order", {doc["order_id"] for doc in after.values() if doc.get("order_id")})
        lines = _Lines(orm, model)
        for key, vals in pairs:
            doc = after[key]
            lines.check(doc)
            lines.follow(doc, orders.get(doc.get("order_id") or 0, {}))
            vals |= {name: value for name, value in doc.items() if value != old[key].get(name)}

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
        """The totals of the orders the lines are in now and were in before."""
        del model, given, context
        refresh_orders(orm, {doc["order_id"] for key, _ in pairs for doc in (old[key], new[key])})

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Lines of a confirmed order stay."""
        del orm, context
        if any(doc.get("state") == "sale" and not doc.get("display_type") for doc in old.values()):
            raise DataError(_DELETE_LINE, call=model.name)

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """The totals without them."""
        del model, context
        refresh_orders(orm, {doc["order_id"] for doc in old.values()})


class _Lines:
    """Values of order lines, with what is read once for all of them."""

    def __init__(self, orm: Orm, model: Model) -> None:
        self._differences, self._model, self.money = orm.differences, model, Money(orm)
        self._taxes, self._unit = orm.differences.order_line_taxes, orm.differences.order_line_unit

    def fill(self, doc: Doc, given: frozenset[str], products: Products) -> None:
        """What was not given comes from the product."""
        doc.setdefault("customer_lead", 0.0)
        if doc.get("display_type"):
            doc["product_uom_qty"] = None
            return
        product = doc.get("product_id")
        doc.setdefault("qty_delivered_method", "manual")
        if product:
            if "name" not in given:
                doc["name"] = products.name(product)
            if self._unit not in given:
                doc[self._unit] = products.value(product, "uom_id")
            if self._taxes not in given:
                doc[self._taxes] = products.value(product, "taxes_id")
            if "price_unit" not in given:
                doc["price_unit"] = products.value(product, "list_price")
        if "technical_price_unit" in self._model.columns:
            doc.setdefault("technical_price_unit", doc.get("price_unit"))

    def check(self, doc: Doc) -> None:
        """17.0 has no line without a product."""
        needed = self._differences.order_line_needs_product and not doc.get("display_type")
        if needed and not (doc.get("product_id") and doc.get(self._unit)):
            raise DataError(_LINE_NEEDS_PRODUCT, call="sale.order.line")

    def follow(self, doc: Doc, order: Doc) -> None:
        """What a line has from its order, and its amounts in the order's currency."""
        currency = order.get("currency_id") or self.money.currency
        doc |= {
            "company_id": COMPANY, "currency_id": currency, "order_partner_id": order.get("partner_id"),
            "salesman_id": order.get("user_id"), "state": order.get("state") or "draft",
        }  # fmt: skip
        if doc.get("display_type"):
            doc["invoice_status"] = "no"
            return
        quantity = doc.get("product_uom_qty") or 0.0
        amounts = self.money.line(
            quantity, doc.get("price_unit") or 0.0, doc.get("discount") or 0.0, doc.get(self._taxes) or (), currency
        )
        places = self.money.places(currency)
        total = round(amounts.net + amounts.tax, places)
        doc |= {"price_subtotal": amounts.net, "price_total": total, "price_tax": round(total - amounts.net, places)}
        doc["price_reduce_taxexcl"] = self.money.rounded(amounts.net / quantity, currency) if quantity else 0.0
        doc["price_reduce_taxinc"] = self.money.rounded(total / quantity, currency) if quantity else 0.0
        confirmed = order.get("state") == "sale"
        doc["qty_to_invoice"] = quantity if confirmed else 0.0
        doc["untaxed_amount_to_invoice"] = amounts.net if confirmed else 0.0
        doc["invoice_status"] = "to invoice" if confirmed and quantity else "no"


def refresh_orders(orm: Orm, keys: Iterable[int], *, lines_too: bool = False) -> dict[int, Doc]:
    """Totals and invoice states of orders from their lines; with ``lines_too`` the lines follow their order first."""
    orders = orm.store.get("sale.order", set(keys))
    model = orm.registry.model("sale.order.line")
    parts = _Lines(orm, model)
    by_order: dict[int, list[Doc]] = {key: [] for key in orders}
    changed: Pairs = []
    for key, doc in orm.store.find(model.name, order_id=list(orders)):
        if lines_too:
            before = dict(doc)
            parts.follow(doc, orders[doc["order_id"]])
            kept = {name: value for name, value in doc.items() if value is not None}
            if kept != before:
                changed.append((key, kept))
        by_order[doc["order_id"]].append(doc)
    if changed:
        orm.touch(model.name, changed)
    touched: Pairs = []
    for key, doc in orders.items():
        before = dict(doc)
        doc.update(_totals(parts.money, doc, by_order[key], orm.differences.order_line_taxes))
        if "amount_to_invoice" in orm.registry.model("sale.order").columns:
            doc["amount_to_invoice"] = doc["amount_total"]
        if doc != before:
            touched.append((key, doc))
    orm.touch("sale.order", touched)
    return orders


def _totals(money: Money, order: Doc, lines: Sequence[Doc], taxes: str) -> Doc:
    currency = order["currency_id"]
    billed = [line for line in lines if not line.get("display_type")]
    if money.globally:
        net = 0.0
        tax: dict[int, float] = {}
        for line in billed:
            amounts = money.line(
                line.get("product_uom_qty") or 0.0, line.get("price_unit") or 0.0, line.get("discount") or 0.0,
                line.get(taxes) or (), currency,
            )  # fmt: skip
            net += amounts.raw
            for key, (rate, _) in amounts.taxes.items():
                tax[key] = tax.get(key, 0.0) + amounts.raw * rate
        untaxed = money.rounded(net, currency)
        taxed = sum(money.rounded(amount, currency) for amount in tax.values())
    else:
        untaxed = sum(line.get("price_subtotal") or 0.0 for line in billed)
        taxed = sum(line.get("price_tax") or 0.0 for line in billed)
    places = money.places(currency)
    statuses = {line.get("invoice_status") for line in billed}
    return {
        "amount_untaxed": round(untaxed, places), "amount_tax": round(taxed, places),
        "amount_total": round(untaxed + taxed, places),
        "invoice_status": "to invoice" if order.get("state") == "sale" and "to invoice" in statuses else "no",
    }  # fmt: skip


class _Partners:
    """Addresses and salespeople of customers."""

    def __init__(self, orm: Orm, keys: set[int]) -> None:
        found = orm.store.get("res.partner", keys)
        commercial = {doc.get("commercial_partner_id", key) for key, doc in found.items()}
        self._docs = found | orm.store.get("res.partner", commercial - found.keys())
        self._addresses: dict[tuple[int, str], int] = {}
        for key, doc in orm.store.find("res.partner", parent_id=sorted(keys)):
            if doc.get("active") and doc.get("type") in {"invoice", "delivery"}:
                self._addresses.setdefault((doc["parent_id"], doc["type"]), key)

    def fill(self, doc: Doc, given: frozenset[str]) -> None:
        """Invoice and delivery address, salesperson and payment terms that were not given."""
        key = doc["partner_id"]
        partner = self._docs.get(key, {})
        commercial = self._docs.get(partner.get("commercial_partner_id") or key, {})
        for name, kind in (("partner_invoice_id", "invoice"), ("partner_shipping_id", "delivery")):
            if name not in given:
                doc[name] = self._addresses.get((key, kind), key)
        if "user_id" not in given:
            doc["user_id"] = partner.get("user_id") or commercial.get("user_id") or ADMIN
        if "payment_term_id" not in given:
            doc["payment_term_id"] = partner.get("property_payment_term_id")


def _pricelists(orm: Orm, docs: Sequence[Doc]) -> dict[int, Doc]:
    wanted = {doc["pricelist_id"] for doc in docs if doc.get("pricelist_id")}
    first = _first_pricelist(orm)
    return orm.store.get("product.pricelist", wanted | ({first} if first else set()))


def _first_pricelist(orm: Orm) -> int | None:
    """The pricelist of an order that names none; 19.0 leaves it empty."""
    if not orm.differences.order_takes_pricelist:
        return None
    found = [(doc.get("sequence", 0), key) for key, doc in orm.store.find("product.pricelist") if doc.get("active")]
    return min(found)[1] if found else None


def _set_currency(money: Money, doc: Doc, pricelists: Mapping[int, Doc]) -> None:
    pricelist = pricelists.get(doc.get("pricelist_id") or 0, {})
    doc["currency_id"] = pricelist.get("currency_id") or money.currency
    doc["currency_rate"] = money.rate(doc["currency_id"], str(doc.get("date_order") or "")[:10])


def _next_number(orm: Orm) -> str:
    number = int(orm.store.meta("sequence sale.order") or 0) + 1
    orm.store.set_meta("sequence sale.order", number)
    return f"S{number:05d}"
