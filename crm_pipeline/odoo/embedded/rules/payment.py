"""account.payment: its journal entry, its states and its undoing (ODOO_FACTS 8, 14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY, Money
from crm_pipeline.odoo.embedded.rules.entries import LINE, Accounts, refresh_entries, write_raw
from crm_pipeline.odoo.embedded.rules.invoice import Journals
from crm_pipeline.odoo.embedded.rules.numbers import numbering
from crm_pipeline.odoo.embedded.rules.posting import draft_entries, post_entries
from crm_pipeline.odoo.embedded.rules.reconciling import refuse_reconciled, unreconcile
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

MODEL = "account.payment"
_NEGATIVE = "The operation cannot be completed: The payment amount cannot be negative."
_KEPT = "A payment with an outstanding account cannot be confirmed without having a journal entry."
_READONLY = "You cannot modify the following readonly fields on a posted move: partner_id, currency_id, partner_bank_id, line_ids"
_AMOUNTS = frozenset({"amount", "currency_id", "partner_id", "date", "journal_id", "payment_type", "partner_type"})


class PaymentRule(Rule):
    """Payments. In 17.0 one has its journal entry from the start, later when it is posted."""

    accepted = frozenset({"journal_id", "date"})

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """The first bank journal, and today."""
        del model, context
        if writing:
            return vals_list
        journals = Journals(orm)
        return [
            {
                **vals,
                "journal_id": vals.get("journal_id") or journals.first("bank"),
                "date": vals.get("date") or orm.today,
            }
            for vals in vals_list
        ]

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Method and accounts; negative amounts are refused."""
        del given, context
        parts = _Parts(orm)
        for doc in docs:
            if (doc.get("amount") or 0.0) < 0:
                raise DataError(_NEGATIVE, call=MODEL)
            if model.inherits is None:
                doc["company_id"] = COMPANY
            parts.fill(doc, _entry_of(orm, doc) if model.inherits else doc)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """17.0: the draft entry gets its lines."""
        del given, context
        if model.inherits:
            _write_entries(orm, [(key, doc, _entry_of(orm, doc)) for key, doc in pairs])

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """What is posted is protected."""
        del given, context
        parts = _Parts(orm)
        for key, vals in pairs:
            before = old[key]
            if not any(vals.get(name, before.get(name)) != before.get(name) for name in vals.keys() & _AMOUNTS):
                continue
            entry = _entry_of(orm, before)
            if entry.get("state") == "posted":
                if orm.differences.posted_payment_is_kept:
                    raise DataError(_READONLY, call=MODEL)
                if model.inherits:
                    refuse_reconciled(orm, before["move_id"], entry)
                message = "the embedded destination does not know what amounts written on a posted payment change"
                raise CallError(message, call=MODEL)
            doc = {**before, **vals}
            if (doc.get("amount") or 0.0) < 0:
                raise DataError(_NEGATIVE, call=MODEL)
            parts.fill(doc, {**entry, **vals} if model.inherits else doc)
            vals |= {name: value for name, value in doc.items() if value != before.get(name)}

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
        """A draft's entry follows."""
        del old, context
        changed = [
            (key, new[key], _entry_of(orm, new[key]) if model.inherits else new[key])
            for (key, _), names in zip(pairs, given, strict=True)
            if new[key].get("move_id") and names & _AMOUNTS
        ]
        if changed:
            _write_entries(orm, changed)

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """The entry goes with its payment; 18.0 refuses posted ones."""
        del model
        moves = [doc["move_id"] for doc in old.values() if doc.get("move_id")]
        entries = orm.store.get("account.move", moves)
        posted = [key for key, doc in entries.items() if doc.get("state") == "posted"]
        if posted and orm.differences.posted_payment_is_kept:
            raise DataError(_KEPT, call=MODEL)
        unreconcile(orm, [key for key, _ in orm.store.find(LINE, move_id=moves)])
        if posted:
            draft_entries(orm, posted)
        write_raw(orm, MODEL, [(key, {"move_id": None}) for key in old])
        if entries:
            orm.unlink("account.move", list(entries), context)


class _Parts:
    """Methods, accounts and the company's amount of payments, with what is read once for all."""

    def __init__(self, orm: Orm) -> None:
        self._orm, self._money, self._accounts = orm, Money(orm), Accounts(orm)
        methods = dict(orm.store.find("account.payment.method"))
        self._methods = [
            (key, doc, methods[doc["payment_method_id"]]) for key, doc in orm.store.find("account.payment.method.line")
        ]

    def fill(self, doc: Doc, entry: Doc) -> None:
        """Complete a payment; journal and date are its entry's."""
        doc["currency_id"] = doc.get("currency_id") or self._money.currency
        kind = doc.get("payment_type") or "inbound"
        chosen = next(
            (
                (key, line)
                for key, line, method in self._methods
                if line.get("journal_id") == entry.get("journal_id") and method.get("payment_type") == kind
            ),
            None,
        )
        if chosen is not None:
            doc["payment_method_line_id"], line = chosen
            doc["payment_method_id"] = line.get("payment_method_id")
            side = "debit" if kind == "inbound" else "credit"
            doc["outstanding_account_id"] = line.get("payment_account_id") or self._accounts.named(
                f"account_journal_payment_{side}_account_id"
            )
        owed = "payable" if doc.get("partner_type") == "supplier" else "receivable"
        doc["destination_account_id"] = self._accounts.of_partner(doc.get("partner_id"), owed)
        rate = self._money.rate(doc["currency_id"], str(entry.get("date")))
        amount = self._money.rounded((doc.get("amount") or 0.0) / rate, self._money.currency)
        doc["amount_company_currency_signed"] = amount if kind == "inbound" else -amount


def _entry_of(orm: Orm, doc: Doc) -> Doc:
    return orm.store.get("account.move", [doc["move_id"]])[doc["move_id"]] if doc.get("move_id") else {}


def _write_entries(orm: Orm, payments: Sequence[tuple[int, Doc, Doc]]) -> None:
    """The two lines of payments' entries, from (id, payment, record with journal, date and memo)."""
    partners = orm.store.get("res.partner", {doc["partner_id"] for _, doc, _ in payments if doc.get("partner_id")})
    moves = [doc["move_id"] for _, doc, _ in payments]
    orm.store.delete(LINE, [key for key, _ in orm.store.find(LINE, move_id=moves)])
    link = orm.differences.entry_payment
    heads: list[tuple[int, Record]] = []
    entries = orm.store.get("account.move", moves)
    lines: list[Doc] = []
    for key, doc, source in payments:
        partner = partners.get(doc.get("partner_id") or 0, {})
        heads.append(
            (
                doc["move_id"],
                {
                    "currency_id": doc["currency_id"], "partner_id": doc.get("partner_id"), link: key,
                    "commercial_partner_id": partner.get("commercial_partner_id", doc.get("partner_id")),
                    "date": source.get("date"), "journal_id": source.get("journal_id"), "ref": _memo(orm, doc, source),
                },
            )
        )  # fmt: skip
        heads[-1][1].update(numbering({**entries[doc["move_id"]], **heads[-1][1]}))
        sign = 1.0 if doc.get("payment_type") == "inbound" else -1.0
        balance = doc.get("amount_company_currency_signed") or 0.0
        for account, factor in (("outstanding_account_id", 1.0), ("destination_account_id", -1.0)):
            amount = factor * sign * (doc.get("amount") or 0.0)
            lines.append(
                {
                    "move_id": doc["move_id"], "display_type": "product", "account_id": doc.get(account),
                    "amount_currency": amount, "balance": factor * balance, "amount_residual": factor * balance,
                    "amount_residual_currency": amount, "reconciled": not amount or None, "payment_id": key,
                    "date_maturity": source.get("date"), "quantity": 1.0, "sequence": 100,
                    "name": ": ".join(filter(None, ["Manual Payment", _memo(orm, doc, source)])),
                    "create_date": orm.stamp, "write_date": orm.stamp, "create_uid": 2, "write_uid": 2,
                }
            )  # fmt: skip
    write_raw(orm, "account.move", heads)
    kept = [{name: value for name, value in line.items() if value is not None} for line in lines]
    orm.store.insert(LINE, list(zip(orm.store.next_ids(LINE, len(kept)), kept, strict=True)))
    refresh_entries(orm, moves)


def _memo(orm: Orm, doc: Doc, source: Doc) -> str | None:
    memo: str | None = (doc if "memo" in orm.registry.model(MODEL).columns else source).get(
        "memo" if "memo" in orm.registry.model(MODEL).columns else "ref"
    )
    return memo


def action_post(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """``account.payment.action_post``: posted in 17.0, in process later."""
    del arguments
    docs = orm.store.get(MODEL, ids)
    if model.inherits:
        post_entries(orm, [docs[key]["move_id"] for key in ids])
        return
    todo = [key for key in ids if docs[key].get("state") == "draft"]
    new = [key for key in todo if not docs[key].get("move_id")]
    vals = [{"move_type": "entry", "journal_id": docs[key]["journal_id"], "date": docs[key]["date"]} for key in new]
    for key, move in zip(new, orm.create("account.move", vals, context), strict=True):
        docs[key]["move_id"] = move
    _write_entries(orm, [(key, docs[key], docs[key]) for key in new])
    write_raw(orm, MODEL, [(key, {"move_id": docs[key]["move_id"], "state": "in_process"}) for key in todo])
    post_entries(orm, [docs[key]["move_id"] for key in todo])
    names = orm.store.get("account.move", [docs[key]["move_id"] for key in todo])
    write_raw(orm, MODEL, [(key, {"name": names[docs[key]["move_id"]]["name"]}) for key in todo])


def action_draft(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """``account.payment.action_draft``."""
    del arguments, context
    docs = orm.store.get(MODEL, ids)
    draft_entries(orm, [doc["move_id"] for doc in docs.values() if doc.get("move_id")])
    if not model.inherits:
        write_raw(orm, MODEL, [(key, {"state": "draft"}) for key in ids])
