"""Reconcile payments with the documents they pay, so that Odoo itself works out residuals and payment states.

The payment state is never written: Odoo accepts that and the residual stays wrong (ODOO_FACTS 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crm_pipeline.odoo.destination import QUIET, Destination, Record

#: Payments for which is insisted together where each is a call: few enough that an unreliable network lets some of them through.
_TOGETHER = 10

#: Journal entries whose lines are read in one call: few lines of each are open.
_READ = 1000

Insist = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A payment's external id, its journal entry and the document it pays."""

    name: str
    entry: int
    paid: int | None


@dataclass(frozen=True, slots=True)
class _Open:
    """Lines of a pair that are not reconciled: the payment's, and the document's on the same accounts."""

    mine: list[Record]
    theirs: list[Record]


def settle_payments(
    destination: Destination, rows: Sequence[dict[str, Any]], document: str, insist: Insist
) -> Iterator[tuple[str, str, str]]:
    """Reconcile each payment with its document; gives (external id, reason, message) of those that can't be.

    Open lines are read before the calls, so repeating is safe: a payment without open lines is settled already. They are
    read for all payments together; payments of one document follow each other, each seeing what the one before left.

    Args:
        destination: where the payments and documents are, both posted.
        rows: external_id, odoo_id and the document's id under the name ``document``.
        document: see above.
        insist: repeats an attempt after time-outs and lost replies.
    """
    wanted = [("id", "in", [row["odoo_id"] for row in rows])]
    entries = dict(destination.search_columns("account.payment", wanted, ["move_id"]).rows()) if rows else {}
    rounds: list[list[_Pair]] = []
    seen: dict[int | None, int] = {None: -1}
    for row in rows:
        entry, paid = entries.get(row["odoo_id"]), row[document]
        if not entry:
            yield (
                row["external_id"], "no_journal_entry",
                "the payment has no journal entry: give its journal's payment methods an outstanding account in Odoo",
            )  # fmt: skip
            continue
        number = seen.get(paid, -1) + 1
        if paid is not None:
            seen[paid] = number
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(_Pair(row["external_id"], entry, paid))
    size = destination.batch_records or _TOGETHER
    for pairs in rounds:
        for start in range(0, len(pairs), size):
            for name, problem in _reconcile(destination, pairs[start : start + size], insist):
                yield name, "not_reconciled", problem


def _reconcile(destination: Destination, pairs: Sequence[_Pair], insist: Insist) -> Iterator[tuple[str, str]]:
    """Reconcile payments of different documents; gives the name and what stands in the way of each that can't be."""
    refused: dict[str, str] = {}

    def attempt() -> None:
        found = _open_lines(destination, [pair for pair in pairs if pair.name not in refused])
        groups = {name: [line["id"] for line in (*lines.theirs, *lines.mine)] for name, lines in found.items() if lines.mine and lines.theirs}
        if groups:
            answers = destination.call_each("account.move.line", "reconcile", list(groups.values()), context=QUIET)
            refused.update({name: message for name, message in zip(groups, answers, strict=True) if message is not None})

    insist(attempt)
    left = _open_lines(destination, pairs)
    unpaid = {name: lines.mine for name, lines in left.items() if lines.mine and not lines.theirs and name not in refused}
    untouched = _untouched(destination, unpaid)
    for name, lines in left.items():
        # a refusal may be the echo of our own earlier call, when its reply was lost
        if name in refused and lines.mine and lines.theirs:
            yield name, refused[name]
        elif name in untouched:
            yield name, "the document has nothing open that this payment could pay; was it paid in Odoo?"


def _open_lines(destination: Destination, pairs: Sequence[_Pair]) -> dict[str, _Open]:
    """The open lines of each pair, by the payment's external id."""
    moves = sorted({move for pair in pairs for move in (pair.entry, pair.paid) if move is not None})
    by_move: dict[int, list[Record]] = {move: [] for move in moves}
    for start in range(0, len(moves), _READ):
        domain = [
            ("move_id", "in", moves[start : start + _READ]), ("account_type", "in", ["asset_receivable", "liability_payable"]),
            ("reconciled", "=", False),
        ]  # fmt: skip
        for line in destination.search_columns("account.move.line", domain, ["move_id", "account_id"], order="id").to_dicts():
            by_move[line["move_id"]].append(line)
    found = {}
    for pair in pairs:
        mine, theirs = by_move[pair.entry], by_move[pair.paid] if pair.paid is not None else []
        accounts = {line["account_id"] for line in mine}
        found[pair.name] = _Open(mine, [line for line in theirs if line["account_id"] in accounts])
    return found


def _untouched(destination: Destination, unpaid: dict[str, list[Record]]) -> set[str]:
    """Payments of which no line is reconciled in part: an overpayment leaves a rest open, and that is right."""
    fields = ["matched_debit_ids", "matched_credit_ids"]
    ids = [line["id"] for lines in unpaid.values() for line in lines]
    found = destination.search_read("account.move.line", [("id", "in", ids)], fields) if ids else []
    matched = {record["id"] for record in found if any(record[field] for field in fields)}
    return {name for name, lines in unpaid.items() if not any(line["id"] in matched for line in lines)}
