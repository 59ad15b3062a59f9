"""account.move and account.move.line: what is taken from elsewhere, and what may be changed when (ODOO_FACTS 8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.chatter import ADMIN
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY, Money
from crm_pipeline.odoo.embedded.rules.entries import LINE, SALES, SIGNS, refresh_entries
from crm_pipeline.odoo.embedded.rules.numbers import Numbers, has_name, numbering
from crm_pipeline.odoo.embedded.rules.product import Products
from crm_pipeline.odoo.embedded.rules.reconciling import refuse_reconciled, unreconcile
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.embedded.subrows import SUB_ROWS
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

_POSTED = "You cannot create a move already in the posted state. Please create a draft move and post it after."
_READONLY = "You cannot modify the following readonly fields on a posted move: {}"
_DELETE = (
    "You can't delete a posted journal item. Don’t play games with your accounting records; reset the journal entry to "
    "draft before deleting it."
)
#: fields of an entry that its lines copy or its amounts follow
_FOLLOWED = frozenset(
    {
        "name", "date", "ref", "journal_id", "partner_id", "state", "invoice_date", "invoice_date_due", "currency_id",
        "move_type", "payment_reference",
    }
)  # fmt: skip
_LEGAL = frozenset({"date", "invoice_date", "partner_id", "currency_id", "journal_id"})
_AMOUNTS = frozenset({"price_unit", "quantity", "discount", "amount_currency", "balance", "tax_ids"})
_BILLED = "product"
_SEQUENCE = 100


class MoveRule(Rule):
    """Journal entries, mostly invoices."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Journal, currency, dates, and for 17.0 the number of the first draft of a journal."""
        del context
        money, numbers, journals = Money(orm), Numbers(orm), Journals(orm)
        partners = orm.store.get("res.partner", {doc["partner_id"] for doc in docs if doc.get("partner_id")})
        seen: set[tuple[int, str]] = set()
        for doc, names in zip(docs, given, strict=True):
            if doc.get("state") == "posted":
                raise DataError(_POSTED, call=model.name)
            journals.fill(doc, names)
            doc["company_id"] = COMPANY
            doc["payment_state"] = "not_paid"
            doc["currency_id"] = doc.get("currency_id") or journals.currency(doc) or money.currency
            partner = partners.get(doc.get("partner_id") or 0)
            if partner is not None:
                doc["commercial_partner_id"] = partner.get("commercial_partner_id", doc["partner_id"])
                doc["invoice_partner_display_name"] = partner.get("complete_name")
            if doc.get("move_type") in SIGNS:
                _fill_invoice(orm, doc, names)
            doc["date"] = doc.get("date") or orm.today
            if orm.differences.draft_has_name and not has_name(doc):
                place = (doc["journal_id"], str(doc["date"])[:7])
                first = place not in seen and numbers.is_first(doc)
                doc["name"] = numbers.next(doc) if first else "/"
                seen.add(place)
            doc.update(numbering(doc))

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Posted entries are protected; a name and a date must go together."""
        del context
        numbers, differences = Numbers(orm), orm.differences
        partners = orm.store.get("res.partner", {vals["partner_id"] for _, vals in pairs if vals.get("partner_id")})
        for (key, vals), names in zip(pairs, given, strict=True):
            before = old[key]
            if before.get("state") == "posted" and vals.get("state", "posted") == "posted":
                readonly = [name for name in vals if name in differences.posted_readonly]
                if readonly:
                    raise DataError(_READONLY.format(", ".join(readonly)), call=model.name)
                if any(vals[name] != before.get(name) for name in names & _LEGAL):
                    refuse_reconciled(orm, key, before)
            if "partner_id" in vals:
                partner = partners.get(vals["partner_id"] or 0, {})
                vals["commercial_partner_id"] = partner.get("commercial_partner_id", vals["partner_id"])
                vals["invoice_partner_display_name"] = partner.get("complete_name")
            if vals.get("invoice_date") and before.get("move_type") in SALES:
                vals["date"] = vals["invoice_date"]
            if "name" in vals and vals["name"] is None and differences.draft_has_name:
                vals["name"] = "/"
            doc = {**before, **vals}
            if vals.keys() & {"name", "date"}:
                vals.update(numbering(doc))
            if doc.get("state") == "posted" and has_name(doc) and vals.keys() & {"name", "date", "journal_id", "state"}:
                numbers.check_date(doc)
                numbers.check_unique([(key, doc)])

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
        """Lines and totals follow."""
        del model, old, new, context
        changed = [key for (key, _), names in zip(pairs, given, strict=True) if names & _FOLLOWED]
        if changed:
            refresh_entries(orm, changed)

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Posted entries stay; lines go with theirs, external ids included."""
        if any(doc.get("state") == "posted" for doc in old.values()):
            raise DataError(_DELETE, call=model.name)
        lines = [key for key, _ in orm.store.find(LINE, move_id=list(old))]
        if lines:
            unreconcile(orm, lines)
            orm.unlink(LINE, lines, {**context, "#entry_too": True})


class MoveLineRule(Rule):
    """Lines of journal entries."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """What a line takes from its product and its entry."""
        del model
        moves = orm.store.get("account.move", {doc["move_id"] for doc in docs if doc.get("move_id")})
        products, income = Products(orm, docs), _Income(orm)
        for doc, names in zip(docs, given, strict=True):
            move = moves.get(doc.get("move_id") or 0, {})
            if move.get("state") == "posted":
                _refuse_posted(orm, context)
            doc["display_type"] = doc.get("display_type") or _BILLED
            doc["currency_id"] = move.get("currency_id")
            if "sequence" not in names:
                doc["sequence"] = _SEQUENCE
            if doc["display_type"] != _BILLED:
                continue
            if move.get("move_type") not in SIGNS:
                _set_balance(doc)
                continue
            if "quantity" not in names:
                doc["quantity"] = 1.0
            product = doc.get("product_id")
            if product:
                _from_product(doc, names, products, product)
            if not doc.get("account_id"):
                doc["account_id"] = income.of(move, products.value(product, "categ_id") if product else None)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """Taxes, what is due, and totals."""
        del model, given, context
        refresh_entries(orm, {doc["move_id"] for _, doc in pairs if doc.get("move_id")})

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """An amount written by hand is an amount in company currency too."""
        del model
        money = Money(orm)
        for (key, vals), names in zip(pairs, given, strict=True):
            before = old[key]
            changed = any(vals[name] != before.get(name) for name in names & _AMOUNTS)
            protected = SUB_ROWS in context and "invoice_line_ids" in orm.differences.posted_readonly
            if before.get("parent_state") == "posted" and (changed or protected):
                _refuse_posted(orm, context)
            if "amount_currency" in vals and "balance" not in vals:
                doc = {**before, **vals}
                day = str(doc.get("invoice_date") or doc.get("date"))
                rate = money.rate(doc["currency_id"], day)
                vals["balance"] = money.rounded((vals["amount_currency"] or 0.0) / rate, money.currency)

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
        """What is due, and totals."""
        del model, given, context
        refresh_entries(orm, {doc["move_id"] for key, _ in pairs for doc in (old[key], new[key])})

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Lines of posted entries stay."""
        del orm, context
        if any(doc.get("parent_state") == "posted" for doc in old.values()):
            raise DataError(_DELETE, call=model.name)

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Taxes, what is due, and totals without them."""
        del model
        if not context.get("#entry_too"):
            refresh_entries(orm, {doc["move_id"] for doc in old.values()})


def _refuse_posted(orm: Orm, context: Context) -> None:
    """Lines of a posted entry: refused as a part of it (18.0, 19.0); alone Odoo takes them, with odd results."""
    if SUB_ROWS in context and "invoice_line_ids" in orm.differences.posted_readonly:
        raise DataError(_READONLY.format("invoice_line_ids"), call="account.move")
    message = "the embedded destination does not know what amounts written on lines of a posted entry change"
    raise CallError(message, call=LINE)


class Journals:
    """The journals of some documents, read once."""

    def __init__(self, orm: Orm) -> None:
        self._docs = dict(orm.store.find("account.journal"))

    def fill(self, doc: Doc, given: frozenset[str]) -> None:
        """The journal of a document's type, when none is given; one of another type is refused."""
        kind = doc.get("move_type")
        wanted = "sale" if kind in SALES else "purchase" if kind in SIGNS else "general"
        journal = doc.get("journal_id")
        if journal is None and "journal_id" not in given:
            doc["journal_id"] = self.first(wanted)
        elif journal in self._docs and kind in SIGNS and self._docs[journal].get("type") != wanted:
            message = f"Cannot create an invoice of type {kind} with a journal having {self._docs[journal].get('type')} as type."
            raise DataError(message, call="account.move")

    def first(self, kind: str) -> int:
        """The first journal of a type; raises DataError when there is none."""
        found = [
            (doc.get("sequence", 0), key)
            for key, doc in self._docs.items()
            if doc.get("type") == kind and doc.get("active")
        ]
        if not found:
            message = f"No journal could be found in company My Company for any of those types: {kind}"
            raise DataError(message, call="account.move")
        return min(found)[1]

    def currency(self, doc: Doc) -> int | None:
        """The journal's own currency."""
        currency: int | None = self._docs.get(doc.get("journal_id") or 0, {}).get("currency_id")
        return currency


class _Income:
    """The income account of an invoice line: the product category's, the journal's, the first sales journal's."""

    def __init__(self, orm: Orm) -> None:
        self._categories = dict(orm.store.find("product.category"))
        self._journals = dict(orm.store.find("account.journal"))

    def of(self, move: Doc, category: int | None) -> int | None:
        """The account."""
        kind = "income" if move.get("move_type") in SALES else "expense"
        own: int | None = self._categories.get(category or 0, {}).get(f"property_account_{kind}_categ_id")
        journal: int | None = self._journals.get(move.get("journal_id") or 0, {}).get("default_account_id")
        wanted = "sale" if kind == "income" else "purchase"
        others: Iterable[Doc] = (doc for doc in self._journals.values() if doc.get("type") == wanted)
        return (
            own or journal or next((doc["default_account_id"] for doc in others if doc.get("default_account_id")), None)
        )


def _fill_invoice(orm: Orm, doc: Doc, given: frozenset[str]) -> None:
    doc["date"] = (doc.get("date") if "date" in given else None) or doc.get("invoice_date")
    doc["invoice_date_due"] = doc.get("invoice_date_due") or orm.today
    if "invoice_user_id" not in given:
        doc["invoice_user_id"] = ADMIN
    if "partner_shipping_id" not in given and doc.get("move_type") in SALES:
        doc["partner_shipping_id"] = doc.get("partner_id")


def _from_product(doc: Doc, given: frozenset[str], products: Products, product: int) -> None:
    if "name" not in given:
        doc["name"] = products.name(product)
    if "price_unit" not in given:
        doc["price_unit"] = products.value(product, "list_price")
    if "tax_ids" not in given:
        doc["tax_ids"] = products.value(product, "taxes_id")
    if "product_uom_id" not in given:
        doc["product_uom_id"] = products.value(product, "uom_id")


def _set_balance(doc: Doc) -> None:
    """A line of a plain entry is given by debit and credit, or by its balance."""
    if doc.get("balance") is None:
        doc["balance"] = (doc.get("debit") or 0.0) - (doc.get("credit") or 0.0)
    if doc.get("amount_currency") is None:
        doc["amount_currency"] = doc["balance"]
