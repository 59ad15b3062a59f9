"""account.payment and reconciliation: journal entries, residuals and payment states (ODOO_FACTS 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY, Money
from crm_pipeline.odoo.embedded.rules.invoice import SIGNS, post_moves, receivable
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs


class PaymentRule(Rule):
    """Payments: drafts until they are posted."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Currency, accounts and the state they begin in."""
        del given, context
        money = Money(orm)
        for doc in docs:
            if "state" in model.columns:
                doc["state"] = "draft"
            doc["currency_id"] = doc.get("currency_id") or money.currency
            doc["destination_account_id"] = receivable(orm)
            doc["company_id"] = COMPANY
            if (doc.get("amount") or 0.0) < 0:
                raise DataError("The operation cannot be completed: The payment amount cannot be negative.", call=model.name)


def post_payments(orm: Orm, model: Model, ids: Sequence[int]) -> None:
    """Post payments: each gets its journal entry with an outstanding and a receivable line."""
    for key, payment in orm.store.get(model.name, ids).items():
        entry = _entry(orm, model, key, payment)
        (move,) = orm.store.get("account.move", [entry]).values()
        sign = 1.0 if payment.get("payment_type", "inbound") == "inbound" else -1.0
        amount = round(sign * (payment.get("amount") or 0.0), 2)
        rate = Money(orm).rate(payment["currency_id"], move["date"])
        (journal,) = orm.store.get("account.journal", [move["journal_id"]]).values()
        common = {
            "move_id": entry, "currency_id": payment["currency_id"], "journal_id": move["journal_id"], "date": move["date"],
            "partner_id": payment.get("partner_id"), "company_id": COMPANY, "parent_state": "posted", "payment_id": key,
            "quantity": 1.0, "price_unit": 0.0, "display_type": "product",
        }  # fmt: skip
        stamps = {"create_date": orm.stamp, "create_uid": 2, "write_date": orm.stamp, "write_uid": 2}
        rows = []
        for account, value in ((journal.get("default_account_id"), amount), (payment["destination_account_id"], -amount)):
            open_part = {"amount_residual": round(value / rate, 2), "amount_residual_currency": value} if value == -amount else {}
            rows.append({**common, "account_id": account, "amount_currency": value, "balance": round(value / rate, 2), **open_part, **stamps})
        orm.store.insert("account.move.line", list(zip(orm.store.next_ids("account.move.line", 2), rows, strict=True)))
        post_moves(orm, [entry])


def _entry(orm: Orm, model: Model, key: int, payment: Doc) -> int:
    """The payment's journal entry: 17.0 has it from the beginning, later series make it when posting."""
    if model.inherits is not None:
        entry: int = payment["move_id"]
        (state,) = (doc.get("state") for doc in orm.store.get("account.move", [entry]).values())
    else:
        state, entry = payment.get("state"), payment.get("move_id") or 0
    if state != "draft":
        raise DataError("The entry must be in draft.", call=model.name)
    if not entry:
        vals = {
            "move_type": "entry", "journal_id": payment["journal_id"], "date": payment["date"], "ref": payment.get("memo") or False,
            "partner_id": payment.get("partner_id") or False, "currency_id": payment["currency_id"],
        }  # fmt: skip
        (entry,) = orm.create("account.move", [vals], {"tracking_disable": True})
        orm.touch(model.name, [(key, {**payment, "move_id": entry, "state": "in_process"})])
    return entry


def reconcile(orm: Orm, ids: Sequence[int]) -> None:
    """Settle open lines of one account against each other, debits with credits in their order."""
    lines = orm.store.get("account.move.line", ids)
    if any(doc.get("reconciled") for doc in lines.values()):
        raise DataError("You are trying to reconcile some entries that are already reconciled.", call="account.move.line")
    if len({doc.get("account_id") for doc in lines.values()}) > 1:
        raise DataError("Entries are not from the same account.", call="account.move.line")
    debits = [key for key in ids if (lines[key].get("amount_residual_currency") or 0.0) > 0]
    credits_ = [key for key in ids if (lines[key].get("amount_residual_currency") or 0.0) < 0]
    made: Pairs = []
    for debit in debits:
        for credit in credits_:
            amount = round(min(lines[debit]["amount_residual_currency"], -lines[credit]["amount_residual_currency"]), 2)
            if amount > 0:
                _settle(lines[debit], -amount)
                _settle(lines[credit], amount)
                (key,) = orm.store.next_ids("account.partial.reconcile", 1)
                made.append((key, {"debit_move_id": debit, "credit_move_id": credit, "amount": amount, "company_id": COMPANY}))
    orm.store.insert("account.partial.reconcile", made)
    orm.touch("account.move.line", list(lines.items()))
    _refresh_documents(orm, {doc["move_id"] for doc in lines.values()})


def _settle(line: Doc, amount: float) -> None:
    rest = round(line["amount_residual_currency"] + amount, 2) + 0.0
    share = rest / line["amount_currency"] if line.get("amount_currency") else 0.0
    line |= {"amount_residual_currency": rest, "amount_residual": round(line["balance"] * share, 2) + 0.0, "reconciled": rest == 0}


def _refresh_documents(orm: Orm, keys: set[int]) -> None:
    """Residual and payment state of documents; from 19.0 on their payments are paid with them."""
    moves = orm.store.get("account.move", keys)
    documents = {key: doc for key, doc in moves.items() if doc.get("move_type") in SIGNS}
    settled: set[int] = set()
    for key, doc in documents.items():
        terms = [line for _, line in orm.store.find("account.move.line", move_id=key, display_type="payment_term")]
        rest = round(abs(sum(line.get("amount_residual_currency") or 0.0 for line in terms)), 2)
        state = "paid" if rest == 0 else "partial" if rest < (doc.get("amount_total") or 0.0) else "not_paid"
        sign = -SIGNS[doc["move_type"]]
        doc |= {"amount_residual": rest, "amount_residual_signed": round(sign * rest, 2) + 0.0, "payment_state": state}
        if state == "paid":
            settled.add(key)
    orm.touch("account.move", list(documents.items()))
    if orm.differences.payment_paid_with_document and settled:
        entries = [key for key in keys if key not in documents]
        paid = orm.store.find("account.payment", move_id=entries) if entries else []
        orm.touch("account.payment", [(key, {**doc, "state": "paid"}) for key, doc in paid])
