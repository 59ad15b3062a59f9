"""Journal entries: tax and receivable lines of invoices, totals, and what lines copy from their entry (ODOO_FACTS 8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Record
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY, LineAmounts, Money, spread
from crm_pipeline.odoo.embedded.store import Doc

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

LINE = "account.move.line"
#: invoice types → sign of the amount_currency of their product lines
SIGNS = {
    "out_invoice": -1.0,
    "out_receipt": -1.0,
    "in_refund": -1.0,
    "out_refund": 1.0,
    "in_invoice": 1.0,
    "in_receipt": 1.0,
}
SALES = frozenset({"out_invoice", "out_refund", "out_receipt"})
INBOUND = frozenset({"out_invoice", "in_refund", "out_receipt"})
#: what was computed for a line when it was last set: while that stays, an amount written by hand does too
_COMPUTED = "#computed"
_TAX_SEQUENCE, _TERM_SEQUENCE = 10000, 12000


@dataclass(slots=True)
class Entry:
    """One entry with its lines, and what changed."""

    key: int
    doc: Doc
    lines: Pairs
    before: dict[int, Doc]
    gone: list[int] = field(default_factory=list)
    added: list[Doc] = field(default_factory=list)

    def of_type(self, *kinds: str) -> list[Doc]:
        """Lines by their display type."""
        return [line for _, line in self.lines if line.get("display_type") in kinds]


def read_entries(orm: Orm, keys: Iterable[int]) -> list[Entry]:
    """Entries with their lines, in one look-up each."""
    docs = orm.store.get("account.move", set(keys))
    lines: dict[int, Pairs] = {key: [] for key in docs}
    for key, line in orm.store.find(LINE, move_id=list(docs)):
        lines[line["move_id"]].append((key, line))
    return [Entry(key, doc, lines[key], {k: dict(line) for k, line in lines[key]}) for key, doc in docs.items()]


def refresh_entries(orm: Orm, keys: Iterable[int]) -> list[Entry]:
    """Bring the lines and totals of entries up to date; gives them as they are then."""
    entries = read_entries(orm, keys)
    before = {entry.key: dict(entry.doc) for entry in entries}
    sync = _Sync(orm)
    for entry in entries:
        if entry.doc.get("move_type") in SIGNS:
            sync.invoice(entry)
        sync.copy(entry)
    _store_lines(orm, entries)
    for entry in entries:
        entry.doc |= totals(sync.money, entry)
    kept = [(entry.key, {name: value for name, value in entry.doc.items() if value is not None}) for entry in entries]
    orm.touch("account.move", [(key, doc) for key, doc in kept if doc != before[key]])
    return entries


def _store_lines(orm: Orm, entries: Sequence[Entry]) -> None:
    changed: Pairs = []
    stamps = {"create_date": orm.stamp, "create_uid": 2, "write_date": orm.stamp, "write_uid": 2}
    for entry in entries:
        for key, line in entry.lines:
            for name in [name for name, value in line.items() if value is None]:
                del line[name]
            if line != entry.before[key]:
                changed.append((key, line))
    gone = [key for entry in entries for key in entry.gone]
    added = [(entry, line) for entry in entries for line in entry.added]
    orm.touch(LINE, changed)
    if gone:
        orm.store.delete(LINE, gone)
    made: Pairs = []
    for key, (entry, line) in zip(orm.store.next_ids(LINE, len(added)), added, strict=True):
        pair = (key, {name: value for name, value in {**line, **stamps}.items() if value is not None})
        made.append(pair)
        entry.lines.append(pair)
    orm.store.insert(LINE, made)


class _Sync:
    """The lines Odoo adds to an invoice, and the amounts of those it was given."""

    def __init__(self, orm: Orm) -> None:
        self._orm, self.money = orm, Money(orm)
        self._accounts = Accounts(orm)

    def invoice(self, entry: Entry) -> None:
        """Amounts of product lines, a line for each tax, a line with what is due."""
        doc = entry.doc
        currency = doc["currency_id"]
        rate = self.money.rate(currency, str(doc.get("invoice_date") or doc.get("date")))
        if "invoice_currency_rate" in self._orm.registry.model("account.move").columns:
            doc["invoice_currency_rate"] = rate
        sign = SIGNS[doc["move_type"]]
        products = entry.of_type("product")
        amounts = [
            self.money.line(
                line.get("quantity") or 0.0, line.get("price_unit") or 0.0, line.get("discount") or 0.0,
                line.get("tax_ids") or (), currency,
            )
            for line in products
        ]  # fmt: skip
        nets = self._nets(amounts, currency, rate)
        by_hand = self._orm.differences.invoice_line_amount_by_hand
        for line, amount, (net, balance) in zip(products, amounts, nets, strict=True):
            line["price_subtotal"] = amount.net
            line["price_total"] = self.money.rounded(amount.net + amount.tax, currency)
            _set_amount(line, sign * net, sign * balance, keep=by_hand)
        self._taxes(entry, products, amounts, sign, rate)
        self._term(entry)

    def _nets(self, amounts: Sequence[LineAmounts], currency: int, rate: float) -> list[tuple[float, float]]:
        """Net amounts of the lines in the invoice's and the company's currency."""
        money = self.money
        if not money.globally:
            return [(amount.net, money.rounded(amount.net / rate, money.currency)) for amount in amounts]
        columns = []
        for unit, factor in ((currency, 1.0), (money.currency, rate)):
            raw = [amount.raw / factor for amount in amounts]
            rounded = [money.rounded(value, unit) for value in raw]
            shares = spread(money.rounded(sum(raw), unit) - sum(rounded), raw, money.places(unit))
            columns.append([money.rounded(value + share, unit) for value, share in zip(rounded, shares, strict=True)])
        return list(zip(*columns, strict=True))

    def _taxes(
        self, entry: Entry, products: Sequence[Doc], amounts: Sequence[LineAmounts], sign: float, rate: float
    ) -> None:
        money, currency = self.money, entry.doc["currency_id"]
        due: dict[int, list[float]] = {}
        for line, amount in zip(products, amounts, strict=True):
            for tax, (share, rounded) in amount.taxes.items():
                sums = due.setdefault(tax, [0.0, 0.0, line.get("account_id") or 0])
                if money.globally:
                    sums[0] += amount.raw * share
                    sums[1] += amount.raw * share / rate
                else:
                    sums[0] += rounded
                    sums[1] += money.rounded(rounded / rate, money.currency)
        found = {line.get("tax_line_id"): (key, line) for key, line in entry.lines if line.get("display_type") == "tax"}
        for tax, (raised, raised_balance, account) in due.items():
            amount_due, balance = money.rounded(raised, currency), money.rounded(raised_balance, money.currency)
            if not self._orm.differences.tax_balance_by_line:
                balance = money.rounded(amount_due / rate, money.currency)
            _, line = found.pop(tax, (0, {}))
            if not line and not amount_due and not balance:
                continue
            if not line:
                line = {
                    "move_id": entry.key, "display_type": "tax", "tax_line_id": tax, "name": money.tax_name(tax),
                    "account_id": int(account) or None, "sequence": _TAX_SEQUENCE, "tax_group_id": money.tax_group(tax),
                }  # fmt: skip
                entry.added.append(line)
            _set_amount(line, sign * amount_due, sign * balance, keep=True)
        self._drop(entry, [key for key, _ in found.values()])

    def _term(self, entry: Entry) -> None:
        """The line with what is to be received or paid: what all others leave open."""
        terms = [(key, line) for key, line in entry.lines if line.get("display_type") == "payment_term"]
        others = [line for _, line in entry.lines if line.get("display_type") != "payment_term"] + entry.added
        if not entry.of_type("product"):
            self._drop(entry, [key for key, _ in terms])
            return
        places = self.money.places(entry.doc["currency_id"])
        amount = -round(sum(line.get("amount_currency") or 0.0 for line in others), places) or 0.0
        balance = (
            -round(sum(line.get("balance") or 0.0 for line in others), self.money.places(self.money.currency)) or 0.0
        )
        if terms:
            line = terms[0][1]
        else:
            line = {"move_id": entry.key, "display_type": "payment_term", "sequence": _TERM_SEQUENCE}
            entry.added.append(line)
        line["account_id"] = line.get("account_id") or self._accounts.due(entry.doc)
        line["date_maturity"] = entry.doc.get("invoice_date_due")
        line["name"] = entry.doc.get("payment_reference")
        _set_residual(line, amount, balance)
        line |= {"amount_currency": amount, "balance": balance}

    def _drop(self, entry: Entry, keys: Sequence[int]) -> None:
        entry.gone += keys
        entry.lines = [pair for pair in entry.lines if pair[0] not in set(keys)]

    def copy(self, entry: Entry) -> None:
        """What lines have from their entry."""
        doc = entry.doc
        shared = {
            "date": doc.get("date"), "journal_id": doc.get("journal_id"), "company_id": COMPANY,
            "company_currency_id": self.money.currency, "currency_id": doc.get("currency_id"), "ref": doc.get("ref"),
            "parent_state": doc.get("state"), "move_name": doc.get("name"), "invoice_date": doc.get("invoice_date"),
            "partner_id": doc.get("commercial_partner_id"),
        }  # fmt: skip
        for line in [*(line for _, line in entry.lines), *entry.added]:
            line.update(shared)
            balance = line.get("balance") or 0.0
            line["debit"], line["credit"] = max(balance, 0.0), max(-balance, 0.0)


def _set_amount(line: Doc, amount: float, balance: float, *, keep: bool) -> None:
    """Set what was computed, unless it is what was computed before and the line may keep another amount."""
    amount, balance = amount or 0.0, balance or 0.0  # no -0.0
    computed = [amount, balance]
    if keep and line.get(_COMPUTED) == computed:
        return
    line |= {_COMPUTED: computed, "amount_currency": amount, "balance": balance}


def _set_residual(line: Doc, amount: float, balance: float) -> None:
    """What is open changes as the amount does."""
    for name, now, residual in (
        ("amount_currency", amount, "amount_residual_currency"),
        ("balance", balance, "amount_residual"),
    ):
        line[residual] = round((line.get(residual) or 0.0) + now - (line.get(name) or 0.0), 6)
    line["reconciled"] = not line["amount_residual"] and not line["amount_residual_currency"]


class Accounts:
    """Accounts that documents need, found once in a call."""

    def __init__(self, orm: Orm) -> None:
        self._orm = orm
        self._named: dict[str, int | None] = {}
        self._partners: dict[int, Doc] = {}

    def named(self, name: str) -> int | None:
        """An account of the chart by its name there."""
        if name not in self._named:
            found = self._orm.store.find("ir.model.data", module="account", name=f"{COMPANY}_{name}")
            self._named[name] = found[0][1]["res_id"] if found else None
        return self._named[name]

    def due(self, doc: Doc) -> int | None:
        """The receivable or payable account of an invoice's partner."""
        return self.of_partner(doc.get("partner_id"), "receivable" if doc.get("move_type") in SALES else "payable")

    def of_partner(self, partner: int | None, kind: str) -> int | None:
        """The partner's ``receivable`` or ``payable`` account, the chart's without one."""
        if partner and partner not in self._partners:
            self._partners |= self._orm.store.get("res.partner", [partner])
        own: int | None = self._partners.get(partner or 0, {}).get(f"property_account_{kind}_id")
        return own or self.named(kind)


def totals(money: Money, entry: Entry) -> Doc:
    """Totals of an entry from its lines."""
    doc = entry.doc
    places, company = money.places(doc["currency_id"]), money.places(money.currency)

    found: dict[str, Any]
    if doc.get("move_type") not in SIGNS:
        debit = sum(max(line.get("amount_currency") or 0.0, 0.0) for _, line in entry.lines)
        signed = sum(max(line.get("balance") or 0.0, 0.0) for _, line in entry.lines)
        return {
            "amount_total": round(debit, places), "amount_total_in_currency_signed": round(debit, places),
            "amount_total_signed": round(signed, company),
        }  # fmt: skip
    sign = SIGNS[doc["move_type"]]
    by_kind: dict[Any, list[Doc]] = {}
    for _, line in entry.lines:
        by_kind.setdefault(line.get("display_type"), []).append(line)

    def total(name: str, kind: str) -> float:
        return sum([line.get(name) or 0.0 for line in by_kind.get(kind, ())])

    untaxed, tax = (sign * total("amount_currency", kind) for kind in ("product", "tax"))
    open_amount = -sign * total("amount_residual_currency", "payment_term")
    signed = {"product": -total("balance", "product"), "tax": -total("balance", "tax")}
    found = {
        "amount_untaxed": round(untaxed, places), "amount_tax": round(tax, places),
        "amount_total": round(untaxed + tax, places), "amount_residual": round(open_amount, places),
        "amount_untaxed_signed": round(signed["product"], company), "amount_tax_signed": round(signed["tax"], company),
        "amount_total_signed": round(sum(signed.values()), company),
        "amount_residual_signed": round(total("amount_residual", "payment_term"), company),
        "amount_total_in_currency_signed": round(-sign * (untaxed + tax), places),
        "amount_untaxed_in_currency_signed": round(-sign * untaxed, places),
    }  # fmt: skip
    return {name: value or 0.0 for name, value in found.items()}


def write_raw(orm: Orm, model: str, pairs: Iterable[tuple[int, Record]]) -> None:
    """Write values on records without their model's rules."""
    changes = dict(pairs)
    docs = orm.store.get(model, changes)
    merged = [
        (key, {name: value for name, value in {**doc, **changes[key]}.items() if value is not None})
        for key, doc in docs.items()
    ]
    orm.touch(model, [(key, doc) for key, doc in merged if doc != docs[key]])
