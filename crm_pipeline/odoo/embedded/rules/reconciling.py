"""Reconciliation: what is open of journal items, payment states, and its undoing (ODOO_FACTS 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.chatter import add_notes
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY, Money
from crm_pipeline.odoo.embedded.rules.entries import LINE, SIGNS, Entry, read_entries, totals, write_raw
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

PARTIAL, FULL = "account.partial.reconcile", "account.full.reconcile"
_ALREADY = "You are trying to reconcile some entries that are already reconciled."
_RECONCILED = (
    "You cannot do this modification on a reconciled journal entry. You can just change some non legal fields or you must "
    "unreconcile first.\nJournal Entry (id): {name} ({key})"
)
_NOT_POSTED = "You can only reconcile posted entries."
_REVERSALS = {
    "out_invoice": {"out_refund"},
    "in_invoice": {"in_refund"},
    "out_receipt": {"out_refund"},
    "in_receipt": {"in_refund"},
}
Lines = dict[int, Doc]


def reconcile(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """``account.move.line.reconcile``."""
    del model, arguments, context
    reconcile_lines(orm, ids)


def remove_reconciliation(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """``account.move.line.remove_move_reconcile``."""
    del model, arguments, context
    unreconcile(orm, ids)


def reconcile_lines(orm: Orm, ids: Sequence[int]) -> None:
    """Match debits with credits, the earliest due first, as far as they go; raises DataError."""
    (refusal,) = reconcile_each(orm, [ids])
    if refusal is not None:
        raise DataError(refusal, call=LINE)


def reconcile_each(orm: Orm, groups: Sequence[Sequence[int]]) -> list[str | None]:
    """The lines of each group among themselves, in order; the words of each refusal, which leaves its lines as they were."""
    every = orm.store.get(LINE, {key for ids in groups for key in ids})
    money = Money(orm)
    refusals: list[str | None] = []
    partials: list[Doc] = []
    changed: Lines = {}
    for ids in groups:
        lines = {key: every[key] for key in ids if key in every}
        try:
            _check(orm, lines)
        except DataError as error:
            refusals.append(error.message)
            continue
        refusals.append(None)
        partials += _matches(money, lines)
        changed |= lines
    stamps = {"create_date": orm.stamp, "create_uid": 2, "write_date": orm.stamp, "write_uid": 2}
    made = {key: {**doc, **stamps} for key, doc in zip(orm.store.next_ids(PARTIAL, len(partials)), partials, strict=True)}
    orm.store.insert(PARTIAL, made.items())
    orm.touch(LINE, changed.items())
    _number_groups(orm, changed)
    refresh_payment_states(orm, read_entries(orm, {line["move_id"] for line in changed.values()}))
    return refusals


def _matches(money: Money, lines: Lines) -> list[Doc]:
    """Matches between lines, whose residuals change."""
    debits, credits_ = _sides(lines)
    partials: list[Doc] = []
    while debits and credits_:
        debit, credit = debits[0], credits_[0]
        partials.append(_match(money, (debit, lines[debit]), (credit, lines[credit])))
        for side, key in ((debits, debit), (credits_, credit)):
            if not lines[key]["amount_residual_currency"]:
                side.pop(0)
    return partials


def _check(orm: Orm, lines: Lines) -> None:
    if any(line.get("reconciled") for line in lines.values()):
        raise DataError(_ALREADY, call=LINE)
    if any(line.get("parent_state") != "posted" for line in lines.values()):
        if not orm.differences.reconciles_drafts:
            raise DataError(_NOT_POSTED, call=LINE)
        if len(lines) > 1:
            message = "the embedded destination does not know how drafts are reconciled"
            raise CallError(message, call=LINE)
    accounts = list(dict.fromkeys(line.get("account_id") or 0 for line in lines.values()))
    if len(accounts) > 1:
        docs = orm.store.get("account.account", accounts)
        codes = "code" if "code" in orm.registry.model("account.account").columns else "code_store"
        names = [
            f"{docs[key].get(codes)} {docs[key].get('name')}" if orm.differences.account_names_have_code else str(docs[key].get("name"))
            for key in accounts
        ]  # fmt: skip
        raise DataError(f"Entries are not from the same account: {', '.join(names)}", call=LINE)


def _sides(lines: Lines) -> tuple[list[int], list[int]]:
    def due(key: int) -> tuple[str, int, float]:
        line = lines[key]
        return (
            str(line.get("date_maturity") or line.get("date")),
            line["currency_id"],
            line.get("amount_currency") or 0.0,
        )

    keys = [key for key in lines if lines[key].get("amount_residual_currency") or lines[key].get("amount_residual")]
    debits = sorted((key for key in keys if lines[key].get("amount_residual_currency", 0.0) > 0), key=due)
    return debits, sorted((key for key in keys if key not in set(debits)), key=due)


def _match(money: Money, debit: tuple[int, Doc], credit: tuple[int, Doc]) -> Doc:
    """Take from both lines what the smaller leaves; in company currency when theirs differ."""
    sides = [(debit[1], 1.0), (credit[1], -1.0)]
    same = debit[1]["currency_id"] == credit[1]["currency_id"]
    measure = "amount_residual_currency" if same else "amount_residual"
    taken = min(sign * line[measure] for line, sign in sides)
    parts: list[tuple[float, float]] = []
    for line, sign in sides:
        if abs(sign * line[measure] - taken) < 10.0**-6:
            part = (sign * line["amount_residual_currency"], sign * line["amount_residual"])
        elif same:
            factor = (line.get("balance") or 0.0) / (line.get("amount_currency") or 1.0)
            part = (taken, money.rounded(taken * factor, money.currency))
        else:
            factor = (line.get("amount_currency") or 0.0) / (line.get("balance") or 1.0)
            part = (money.rounded(taken * factor, line["currency_id"]), taken)
        parts.append(part)
        _change_residual(line, -sign * part[0], -sign * part[1])
    (debit_currency, debit_company), (credit_currency, credit_company) = parts
    return {
        "debit_move_id": debit[0], "credit_move_id": credit[0], "company_id": COMPANY,
        "amount": min(debit_company, credit_company), "debit_amount_currency": debit_currency,
        "credit_amount_currency": credit_currency, "debit_currency_id": debit[1]["currency_id"],
        "credit_currency_id": credit[1]["currency_id"], "max_date": max(str(debit[1]["date"]), str(credit[1]["date"])),
        "#debit": debit_company, "#credit": credit_company,
    }  # fmt: skip


def _change_residual(line: Doc, currency: float, company: float) -> None:
    line["amount_residual_currency"] = round((line.get("amount_residual_currency") or 0.0) + currency, 6) or 0.0
    line["amount_residual"] = round((line.get("amount_residual") or 0.0) + company, 6) or 0.0
    line["reconciled"] = not line["amount_residual_currency"] and not line["amount_residual"]


def partials_of(orm: Orm, lines: Iterable[int]) -> Pairs:
    """The matches that any of the lines takes part in."""
    wanted = list(lines)
    found = dict(orm.store.find(PARTIAL, debit_move_id=wanted)) | dict(orm.store.find(PARTIAL, credit_move_id=wanted))
    return sorted(found.items())


def refuse_reconciled(orm: Orm, key: int, doc: Doc) -> None:
    """Raises DataError when lines of the entry are reconciled."""
    if partials_of(orm, [line for line, _ in orm.store.find(LINE, move_id=key)]):
        raise DataError(_RECONCILED.format(name=doc.get("name"), key=key), call="account.move")


def _number_groups(orm: Orm, lines: Iterable[int]) -> None:
    """Lines that hang together have a number: that of their full reconciliation, or ``P`` and the first match's."""
    edge = set(lines)
    known = set(edge)
    partials: dict[int, Doc] = {}
    while edge:
        partials |= dict(partials_of(orm, edge))
        edge = {end for doc in partials.values() for end in _ends(doc)} - known
        known |= edge
    docs = orm.store.get(LINE, known)
    groups = _hanging_together(known, partials)
    whole = [bool(matches) and all(docs[line].get("reconciled") for line in members if line in docs) for members, matches in groups]
    numbers = iter(orm.store.next_ids(FULL, sum(whole)))
    fulls = [next(numbers) if is_whole else None for is_whole in whole]
    stamps = {"create_date": orm.stamp, "write_date": orm.stamp}
    orm.store.insert(FULL, [(full, stamps) for full in fulls if full])
    named: list[tuple[int, Doc]] = []
    matched: list[tuple[int, Doc]] = []
    for (members, matches), full in zip(groups, fulls, strict=True):
        number = str(full) if full else f"P{min(matches)}" if matches else None
        named += [(key, {"matching_number": number, "full_reconcile_id": full}) for key in members]
        matched += [(key, {"full_reconcile_id": full}) for key in matches]
    write_raw(orm, LINE, named)
    write_raw(orm, PARTIAL, matched)


def _ends(partial: Doc) -> tuple[int, int]:
    return partial["debit_move_id"], partial["credit_move_id"]


def _hanging_together(lines: Iterable[int], partials: Mapping[int, Doc]) -> list[tuple[list[int], list[int]]]:
    """Groups of lines that matches connect, each with its matches; a line without any is a group of its own."""
    above = {line: line for line in sorted(lines)}

    def top(line: int) -> int:
        while above[line] != line:
            above[line] = line = above[above[line]]
        return line

    for doc in partials.values():
        debit, credit = map(top, _ends(doc))
        above[max(debit, credit)] = min(debit, credit)
    groups: dict[int, tuple[list[int], list[int]]] = {}
    for line in above:
        groups.setdefault(top(line), ([], []))[0].append(line)
    for key, doc in partials.items():
        groups[top(doc["debit_move_id"])][1].append(key)
    return list(groups.values())


def unreconcile(orm: Orm, ids: Iterable[int]) -> None:
    """Undo all matches of some lines."""
    found = partials_of(orm, ids)
    if not found:
        return
    lines = orm.store.get(LINE, {end for _, doc in found for end in _ends(doc)})
    for _, doc in found:
        _change_residual(lines[doc["debit_move_id"]], doc["debit_amount_currency"], doc["#debit"])
        _change_residual(lines[doc["credit_move_id"]], -doc["credit_amount_currency"], -doc["#credit"])
    orm.touch(LINE, lines.items())
    orm.store.delete(PARTIAL, [key for key, _ in found])
    whole = sorted({doc["full_reconcile_id"] for _, doc in found if doc.get("full_reconcile_id")})
    orm.store.delete(FULL, whole)
    _number_groups(orm, lines | dict(orm.store.find(LINE, full_reconcile_id=whole)))
    refresh_payment_states(orm, read_entries(orm, {line["move_id"] for line in lines.values()}))


def refresh_payment_states(orm: Orm, entries: Sequence[Entry]) -> None:
    """Residuals and payment states of entries, then the states of the payments among and behind them."""
    money = Money(orm)
    lines = {key: line for entry in entries for key, line in entry.lines}
    partials = partials_of(orm, lines)
    others = {end for _, doc in partials for end in _ends(doc)} - lines.keys()
    lines |= orm.store.get(LINE, others)
    types = {
        key: doc.get("move_type")
        for key, doc in orm.store.get("account.move", {line["move_id"] for line in lines.values()}).items()
    }
    against: dict[int, set[Any]] = {entry.key: set() for entry in entries}
    for _, doc in partials:
        ends = [lines[end]["move_id"] for end in _ends(doc)]
        for mine, theirs in (ends, reversed(ends)):
            if mine in against:
                against[mine].add(types[theirs])
    changes: list[tuple[int, Doc]] = []
    for entry in entries:
        if entry.doc.get("move_type") in SIGNS:
            entry.doc |= totals(money, entry)
            residual = {
                "amount_residual": entry.doc["amount_residual"],
                "amount_residual_signed": entry.doc["amount_residual_signed"],
            }
            changes.append((entry.key, {**residual, "payment_state": _payment_state(entry.doc, against[entry.key])}))
    write_raw(orm, "account.move", changes)
    refresh_payments(orm, {line["move_id"] for line in lines.values()})


def _payment_state(doc: Doc, against: set[Any]) -> str:
    if doc.get("state") == "cancel" or (doc.get("state") == "draft" and not against):
        return "not_paid"
    if doc["amount_residual"]:
        return "partial" if against else "not_paid"
    reversal = _REVERSALS.get(doc["move_type"], set())
    return "reversed" if against and against <= reversal else "paid"


def refresh_payments(orm: Orm, moves: Iterable[int]) -> None:
    """Whether payments are reconciled; in 19.0 one is ``paid`` when all it pays is."""
    payments = orm.store.find("account.payment", move_id=sorted(moves))
    if not payments:
        return
    by_move = {doc["move_id"]: key for key, doc in payments}
    docs = dict(payments)
    due: dict[int, dict[int, Doc]] = {}
    for key, line in orm.store.find(LINE, move_id=list(by_move)):
        payment = by_move[line["move_id"]]
        if line.get("account_id") == docs[payment].get("destination_account_id"):
            due.setdefault(payment, {})[key] = line
    changes: dict[int, Doc] = {key: {"is_reconciled": bool(next(iter(lines.values())).get("reconciled")) or None} for key, lines in due.items()}
    if orm.differences.payment_follows_invoices:
        followed = {key: list(lines) for key, lines in due.items() if docs[key].get("state") in {"in_process", "paid"}}
        for payment, paid in _pay_all(orm, followed).items():
            changes[payment]["state"] = "paid" if paid else "in_process"
        moved = [key for key in followed if changes[key]["state"] != docs[key]["state"]]
        add_notes(orm, "account.payment", [(key, "") for key in moved])  # the change is tracked, whatever the context says
    write_raw(orm, "account.payment", changes.items())


def _pay_all(orm: Orm, payments: Mapping[int, Sequence[int]]) -> dict[int, bool]:
    """Whether all invoices that the lines of a payment are matched with are paid, by payment."""
    of_line = {line: payment for payment, lines in payments.items() for line in lines}
    against: dict[int, set[int]] = {payment: set() for payment in payments}
    for _, doc in partials_of(orm, of_line):
        for mine, theirs in (_ends(doc), _ends(doc)[::-1]):
            if mine in of_line:
                against[of_line[mine]].add(theirs)
    others = {payment: ends - set(payments[payment]) for payment, ends in against.items()}
    lines = orm.store.get(LINE, set().union(*others.values()))
    moves = orm.store.get("account.move", {line["move_id"] for line in lines.values()})
    found = {}
    for payment, ends in others.items():
        paid = [moves[lines[end]["move_id"]] for end in ends]
        invoices = [doc for doc in paid if doc.get("move_type") in SIGNS]
        found[payment] = bool(invoices) and all(doc.get("payment_state") in {"paid", "reversed"} for doc in invoices)
    return found
