"""account.move and account.move.line: totals, states, numbers and refusals of customer documents (ODOO_FACTS 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY, Money, spread
from crm_pipeline.odoo.embedded.rules.product import Products
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError
from crm_pipeline.odoo.numbering import number_fits

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

#: Customer documents and the sign of their lines' amounts: income is a credit.
SIGNS = {"out_invoice": -1.0, "out_refund": 1.0}
_COMPUTED = frozenset({"payment_state", "amount_residual", "amount_untaxed", "amount_tax", "amount_total"})
_ENTERED = frozenset({"quantity", "price_unit", "discount", "tax_ids", "product_id"})
_FIXED = ("invoice_line_ids", "line_ids", "invoice_date", "date", "partner_id", "currency_id", "journal_id")
_SEQUENCE = re.compile(r"^(.*?)(\d*)(\D*)$")


class MoveRule(Rule):
    """Invoices and credit notes: made as drafts, posted by method."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Dates, currency, journal and the state every document begins in."""
        del given, context
        money = Money(orm)
        journals = sorted(key for key, doc in orm.store.find("account.journal", type="sale"))
        for doc in docs:
            if doc.get("state") not in {None, "draft"}:
                raise DataError("You cannot create a move already in the posted state. Please create a draft move and post it after.", call=model.name)
            for name in _COMPUTED:
                doc.pop(name, None)
            doc["state"] = "draft"
            doc.setdefault("move_type", "entry")
            if not doc.get("journal_id"):
                if not journals:
                    raise DataError("No journal could be found in company My Company for any of those types: sale", call=model.name)
                doc["journal_id"] = journals[0]
            doc["company_id"] = COMPANY
            doc["date"] = doc.get("date") or doc.get("invoice_date") or orm.today
            if doc.get("invoice_date"):
                doc["date"] = doc["invoice_date"]
            doc["currency_id"] = doc.get("currency_id") or money.currency
            doc |= {"payment_state": "not_paid", "amount_untaxed": 0.0, "amount_tax": 0.0, "amount_total": 0.0, "amount_residual": 0.0}
            if doc.get("partner_id"):
                (partner,) = orm.store.get("res.partner", [doc["partner_id"]]).values() or ({},)
                doc.setdefault("commercial_partner_id", partner.get("commercial_partner_id") or doc["partner_id"])

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """What is posted stays, but for its names and links; the accounting date follows the invoice's."""
        del orm, context
        for (key, vals), names in zip(pairs, given, strict=True):
            changed = [name for name in _FIXED if name in names and vals.get(name) != old[key].get(name)]
            if old[key].get("state") == "posted" and changed:
                message = f"You cannot modify the following readonly fields on a posted move: {', '.join(changed)}"
                raise DataError(message, call=model.name)
            if "invoice_date" in names and vals.get("invoice_date"):
                vals["date"] = vals["invoice_date"]

    def after_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], new: dict[int, Doc], given: Given, context: Context
    ) -> None:  # fmt: skip
        """Another currency or kind of document is another set of amounts."""
        del model, pairs, given, context
        changed = [key for key, doc in new.items() if any(doc.get(n) != old[key].get(n) for n in ("currency_id", "move_type", "date"))]
        refresh_moves(orm, changed)

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Posted documents stay."""
        del orm, context
        if any(doc.get("state") == "posted" for doc in old.values()):
            raise DataError("You cannot delete an entry which has been posted once.", call=model.name)


class MoveLineRule(Rule):
    """Lines of documents; tax and receivable lines are made from them."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """What a line takes from its product and its document."""
        del model, context
        moves = orm.store.get("account.move", {doc["move_id"] for doc in docs if doc.get("move_id")})
        products, journals = Products(orm, docs), dict(orm.store.find("account.journal"))
        for doc, names in zip(docs, given, strict=True):
            move = moves.get(doc.get("move_id") or 0, {})
            doc.setdefault("display_type", "product")
            doc["display_type"] = doc["display_type"] or "product"
            if "quantity" not in names:
                doc["quantity"] = 1.0
            if doc.get("product_id"):
                if "tax_ids" not in names:
                    doc["tax_ids"] = products.value(doc["product_id"], "taxes_id")
                if "price_unit" not in names:
                    doc["price_unit"] = products.value(doc["product_id"], "list_price")
                if "name" not in names:
                    doc["name"] = products.name(doc["product_id"])
            if not doc.get("account_id") and doc["display_type"] == "product":
                doc["account_id"] = journals.get(move.get("journal_id") or 0, {}).get("default_account_id") or _income(orm)
            doc["currency_id"] = doc.get("currency_id") or move.get("currency_id") or Money(orm).currency
            doc |= {"company_id": COMPANY, "journal_id": move.get("journal_id"), "date": move.get("date"), "parent_state": move.get("state")}

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """Totals of the documents."""
        del model, given, context
        refresh_moves(orm, {doc["move_id"] for _, doc in pairs if doc.get("display_type") == "product"})

    def after_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], new: dict[int, Doc], given: Given, context: Context
    ) -> None:  # fmt: skip
        """An entered amount makes the document's totals anew; a corrected one only adds up again."""
        del model, old, context
        entered = {new[key]["move_id"] for (key, _), names in zip(pairs, given, strict=True) if names & _ENTERED}
        refresh_moves(orm, entered)
        corrected = {new[key]["move_id"] for (key, _), names in zip(pairs, given, strict=True) if "amount_currency" in names}
        _add_up(orm, corrected - entered)

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Totals without them."""
        del model, context
        refresh_moves(orm, {doc["move_id"] for doc in old.values() if doc.get("display_type") == "product"})


def refresh_moves(orm: Orm, keys: Iterable[int]) -> None:
    """Amounts of the lines of draft customer documents, their tax lines, their receivable line and totals."""
    moves = {k: d for k, d in orm.store.get("account.move", set(keys)).items() if d.get("state") == "draft" and d.get("move_type") in SIGNS}
    if not moves:
        return
    money = Money(orm)
    lines: dict[int, list[tuple[int, Doc]]] = {key: [] for key in moves}
    for key, doc in orm.store.find("account.move.line", move_id=list(moves)):
        lines[doc["move_id"]].append((key, doc))
    changed: Pairs = []
    created: list[Doc] = []
    gone: list[int] = []
    for key, move in moves.items():
        billed = [(k, d) for k, d in lines[key] if d.get("display_type") == "product"]
        sign, currency = SIGNS[move["move_type"]], move["currency_id"]
        places, rate = money.places(currency), money.rate(currency, move["date"])
        amounts = [
            money.line(d.get("quantity") or 0.0, d.get("price_unit") or 0.0, d.get("discount") or 0.0, d.get("tax_ids") or (), currency)
            for _, d in billed
        ]
        nets = [a.net for a in amounts]
        if money.globally and amounts:
            missing = round(money.rounded(sum(a.raw for a in amounts), currency) - sum(nets), places)
            nets = [round(net + share, places) for net, share in zip(nets, spread(missing, nets, places), strict=True)]
        taxes: dict[int, float] = {}
        for each in amounts:
            for tax, (share, amount) in each.taxes.items():
                taxes[tax] = taxes.get(tax, 0.0) + (each.raw * share if money.globally else amount)
        for (line_key, doc), each, net in zip(billed, amounts, nets, strict=True):
            doc |= {
                "price_subtotal": each.net, "price_total": round(each.net + each.tax, places),
                "currency_id": currency, "amount_currency": round(sign * net, places), "balance": round(sign * net / rate, 2),
            }  # fmt: skip
            changed.append((line_key, doc))
        known = {d.get("tax_line_id"): (k, d) for k, d in lines[key] if d.get("display_type") == "tax"}
        for tax, amount in taxes.items():
            value = round(sign * money.rounded(amount, currency), places)
            vals = {"amount_currency": value, "balance": round(value / rate, 2)}
            if tax in known:
                changed.append((known[tax][0], {**known[tax][1], **vals}))
            elif value:
                created.append(_line(move, key, "tax", money.tax_name(tax), vals | {"tax_line_id": tax, "account_id": _income(orm)}))
        gone += [k for tax, (k, _) in known.items() if tax not in taxes]
    if changed:
        orm.touch("account.move.line", changed)
    if gone:
        orm.store.delete("account.move.line", gone)
    _insert(orm, created)
    _add_up(orm, moves)


def _add_up(orm: Orm, keys: Iterable[int]) -> None:
    """Totals of documents from their lines, and the receivable line that balances them."""
    moves = {k: d for k, d in orm.store.get("account.move", set(keys)).items() if d.get("move_type") in SIGNS}
    if not moves:
        return
    lines: dict[int, list[tuple[int, Doc]]] = {key: [] for key in moves}
    for key, doc in orm.store.find("account.move.line", move_id=list(moves)):
        lines[doc["move_id"]].append((key, doc))
    touched: Pairs = []
    changed: Pairs = []
    created: list[Doc] = []
    money = Money(orm)
    for key, move in moves.items():
        sign = SIGNS[move["move_type"]]
        rate = money.rate(move["currency_id"], move["date"])
        net = sum(d.get("amount_currency") or 0.0 for _, d in lines[key] if d.get("display_type") == "product")
        tax = sum(d.get("amount_currency") or 0.0 for _, d in lines[key] if d.get("display_type") == "tax")
        total = round(sign * (net + tax), 2)
        move |= {"amount_untaxed": round(sign * net, 2) + 0.0, "amount_tax": round(sign * tax, 2) + 0.0, "amount_total": total + 0.0, "amount_residual": total + 0.0}
        move["amount_residual_signed"] = round(-sign * total / rate, 2) + 0.0
        touched.append((key, move))
        owed = round(-(net + tax), 2)
        vals = {
            "amount_currency": owed, "balance": round(owed / rate, 2), "amount_residual": round(owed / rate, 2),
            "amount_residual_currency": owed, "date_maturity": move.get("invoice_date_due") or move["date"], "currency_id": move["currency_id"],
        }  # fmt: skip
        terms = [(k, d) for k, d in lines[key] if d.get("display_type") == "payment_term"]
        if terms:
            changed.append((terms[0][0], {**terms[0][1], **vals}))
        else:
            created.append(_line(move, key, "payment_term", move.get("payment_reference"), vals | {"account_id": receivable(orm)}))
    orm.touch("account.move", touched)
    if changed:
        orm.touch("account.move.line", changed)
    _insert(orm, created)


def _line(move: Doc, key: int, kind: str, name: str | None, vals: Doc) -> Doc:
    return {
        "move_id": key, "display_type": kind, "name": name, "currency_id": move["currency_id"], "journal_id": move["journal_id"],
        "date": move["date"], "partner_id": move.get("partner_id"), "company_id": COMPANY, "parent_state": move.get("state"),
        "quantity": 0.0, "price_unit": 0.0, **vals,
    }  # fmt: skip


def _insert(orm: Orm, docs: Sequence[Doc]) -> None:
    """Lines Odoo makes itself, without the rules of entered ones."""
    if docs:
        stamps = {"create_date": orm.stamp, "create_uid": 2, "write_date": orm.stamp, "write_uid": 2}
        keys = orm.store.next_ids("account.move.line", len(docs))
        rows = [{name: value for name, value in doc.items() if value is not None} | stamps for doc in docs]
        orm.store.insert("account.move.line", list(zip(keys, rows, strict=True)))


def _account(orm: Orm, kind: str) -> int:
    found = sorted((doc.get("code") or str(doc.get("code_store") or ""), key) for key, doc in orm.store.find("account.account", account_type=kind))
    return found[-1][1] if kind == "asset_receivable" else found[0][1]


def receivable(orm: Orm) -> int:
    """The account customers owe on."""
    return _account(orm, "asset_receivable")


def _income(orm: Orm) -> int:
    return _account(orm, "income")


# -- methods ---------------------------------------------------------------------------------------------------------


def post_moves(orm: Orm, ids: Sequence[int]) -> None:
    """Post drafts: checked as Odoo checks, numbered where they have no name."""
    moves = orm.store.get("account.move", ids)
    journals = dict(orm.store.find("account.journal"))
    for key in ids:
        move = moves[key]
        _check_postable(orm, key, move)
        if not move.get("name"):
            move["name"] = _next_name(orm, move, journals[move["journal_id"]])
        same = orm.store.find("account.move", name=move["name"], journal_id=move["journal_id"], state="posted")
        if any(other != key for other, _ in same):
            raise DataError("Another entry with the same name already exists.", call="account.move")
        move["state"] = "posted"
        if not move.get("amount_total"):
            move["payment_state"] = "paid"
        orm.touch("account.move", [(key, move)])
        lines = orm.store.find("account.move.line", move_id=key)
        settled = [(k, {**d, "parent_state": "posted"} | ({"reconciled": True} if d.get("display_type") == "payment_term" and not d.get("amount_currency") else {})) for k, d in lines]
        orm.store.update("account.move.line", settled)
    if orm.differences.posting_adds_follower:
        _follow(orm, moves)


def _check_postable(orm: Orm, key: int, move: Doc) -> None:
    def refuse(message: str) -> None:
        raise DataError(message, call="account.move")

    if move.get("state") != "draft":
        refuse(f"The entry {move.get('name')} (id {key}) must be in draft.")
    lines = orm.store.find("account.move.line", move_id=key)
    if not any(doc.get("display_type") == "product" for _, doc in lines) and move["move_type"] in SIGNS:
        refuse("You need to add a line before posting.")
    if not move.get("partner_id") and move["move_type"] in SIGNS:
        refuse("The field 'Customer' is required, please complete it to validate the Customer Invoice.")
    if (move.get("amount_total") or 0.0) < 0:
        refuse("You cannot validate an invoice with a negative total amount. You should create a credit note instead.")
    (currency,) = orm.store.get("res.currency", [move["currency_id"]]).values()
    if not currency.get("active"):
        refuse(f"You cannot validate a document with an inactive currency: {currency.get('name')}")
    if move.get("name") and not number_fits(move["name"], date.fromisoformat(move["date"])):
        refuse(orm.differences.number_contradicts_date.format(date=move["date"], number=move["name"]))


def _next_name(orm: Orm, move: Doc, journal: Doc) -> str:
    """The number after the journal's highest of the year, or its first one."""
    year = move["date"][:4]
    names = [str(d["name"]) for _, d in orm.store.find("account.move", journal_id=move["journal_id"], state="posted") if d.get("name")]
    prefix = f"{'P' if journal.get('type') in {'bank', 'cash'} and journal.get('payment_sequence') else ''}{journal.get('code')}/{year}/"
    numbers = [int(match[2]) for name in names if name.startswith(prefix) and (match := _SEQUENCE.match(name)) and match[2]]
    return f"{prefix}{max(numbers, default=0) + 1:05d}"


def _follow(orm: Orm, moves: dict[int, Doc]) -> None:
    wanted = [(key, doc["partner_id"]) for key, doc in moves.items() if doc.get("partner_id")]
    keys = orm.store.next_ids("mail.followers", len(wanted))
    rows = [{"res_model": "account.move", "res_id": move, "partner_id": partner} for move, partner in wanted]
    orm.store.insert("mail.followers", list(zip(keys, rows, strict=True)))


def cancel_moves(orm: Orm, ids: Sequence[int]) -> None:
    """Cancel drafts and posted documents; their number stays."""
    moves = orm.store.get("account.move", ids)
    changed = [(k, {**d, "state": "cancel", "payment_state": "not_paid", "amount_residual": d.get("amount_total") or 0.0}) for k, d in moves.items()]
    orm.touch("account.move", changed)
    for key in ids:
        lines = orm.store.find("account.move.line", move_id=key)
        orm.store.update("account.move.line", [(k, {**d, "parent_state": "cancel"}) for k, d in lines])
