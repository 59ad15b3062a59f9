"""Reconcile payments with the documents they pay, so that Odoo itself works out residuals and payment states.

The payment state is never written: Odoo accepts that and the residual stays wrong (ODOO_FACTS 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.odoo.errors import DataError


def settle_payments(
    destination: Destination, rows: Sequence[dict[str, Any]], document: str, insist: Callable[[Callable[[], None]], None]
) -> Iterator[tuple[str, str, str]]:
    """Reconcile each payment with its document; gives (external id, reason, message) of those that can't be.

    Open lines are read before each call, so repeating is safe: a payment without open lines is settled already.

    Args:
        destination: where the payments and documents are, both posted.
        rows: external_id, odoo_id and the document's id under the name ``document``.
        document: see above.
        insist: repeats an attempt after time-outs and lost replies.
    """
    entries = {
        record["id"]: record["move_id"]
        for record in destination.search_read("account.payment", [("id", "in", [r["odoo_id"] for r in rows])], ["move_id"])
    } if rows else {}  # fmt: skip
    for row in rows:
        entry, paid = entries.get(row["odoo_id"]), row[document]
        if not entry:
            yield (
                row["external_id"], "no_journal_entry",
                "the payment has no journal entry: give its journal's payment methods an outstanding account in Odoo",
            )  # fmt: skip
            continue
        problem = _reconcile(destination, entry, paid, insist)
        if problem is not None:
            yield row["external_id"], "not_reconciled", problem


def _reconcile(destination: Destination, entry: int, paid: int, insist: Callable[[Callable[[], None]], None]) -> str | None:
    """Reconcile one payment's journal entry with the document; gives what stands in the way, if anything does."""

    def open_lines() -> tuple[list[Record], list[Record]]:
        domain = [
            ("move_id", "in", [entry, paid]), ("account_type", "in", ["asset_receivable", "liability_payable"]),
            ("reconciled", "=", False),
        ]  # fmt: skip
        lines = destination.search_read("account.move.line", domain, ["move_id", "account_id"])
        mine = [line for line in lines if line["move_id"] == entry]
        accounts = {line["account_id"] for line in mine}
        return mine, [line for line in lines if line["move_id"] == paid and line["account_id"] in accounts]

    def attempt() -> None:
        mine, theirs = open_lines()
        if mine and theirs:
            destination.call("account.move.line", "reconcile", [line["id"] for line in (*theirs, *mine)], context=QUIET)

    try:
        insist(attempt)
    except DataError as error:  # also the echo of our own earlier call, when its reply was lost
        return error.message if all(open_lines()) else None
    mine, theirs = open_lines()
    if mine and not theirs and _is_untouched(destination, mine):
        return "the document has nothing open that this payment could pay; was it paid in Odoo?"
    return None


def _is_untouched(destination: Destination, lines: Sequence[Record]) -> bool:
    """Whether none of the lines is reconciled in part: an overpayment leaves a rest open, and that is right."""
    fields = ["matched_debit_ids", "matched_credit_ids"]
    found = destination.search_read("account.move.line", [("id", "in", [line["id"] for line in lines])], fields)
    return not any(record[field] for record in found for field in fields)
