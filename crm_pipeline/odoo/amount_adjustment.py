"""Net and tax of a draft invoice to the cent, where Odoo rounds otherwise than the system the invoice was made in.

Tax is rounded for each line or for the document, and Odoo 19 by default spreads the cents of a document's rounding over
its lines. Where both sides agree but for such cents, the draft takes the document's own amounts, as an accountant would
correct it by hand: a line's amount is its subtotal, the tax line holds the stated tax. Writing ``amount_currency`` moves
the receivable line with it and survives posting (17, 18, 19).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm_pipeline.odoo.destination import QUIET, Destination, Record

_HALF_CENT = 0.005

#: Reads state, amount_untaxed and amount_tax of rows as Odoo has them now, by id.
Read = Callable[[Sequence[dict[str, Any]]], dict[int, Record]]


def adjust_amounts(destination: Destination, read: Read, rows: Sequence[dict[str, Any]], tolerance: str) -> None:
    """Correct drafts whose net amount or tax is off by a rounding difference; others are left as they are.

    Args:
        destination: where the invoices are.
        read: see :data:`Read`.
        rows: external_id, odoo_id, amount_untaxed and amount_tax as meant, and the field named by ``tolerance``.
        tolerance: name of the field with the greatest correction of each amount.
    """
    net = _off(rows, read(rows), "amount_untaxed", tolerance)
    if net:
        _take_subtotals(destination, sorted(net))
    found = read(rows)
    right = [row for row in rows if not _differs(row, found, "amount_untaxed")]
    _correct_tax(destination, _off(right, found, "amount_tax", tolerance))


def _differs(row: Mapping[str, Any], found: Mapping[int, Record], field: str) -> float:
    """What is missing in Odoo, 0 when equal, when nothing is stated or when the record is no draft any more."""
    record = found.get(row["odoo_id"])
    if record is None or record["state"] != "draft" or row[field] is None:
        return 0.0
    off = round(float(row[field]) - float(record[field]), 2)
    return off if abs(off) > _HALF_CENT else 0.0


def _off(
    rows: Sequence[Mapping[str, Any]], found: Mapping[int, Record], field: str, tolerance: str
) -> dict[int, float]:
    """Id → what is missing, for rows that are off by no more than rounding."""
    differences = {row["odoo_id"]: (_differs(row, found, field), float(row[tolerance] or 0)) for row in rows}
    return {odoo_id: off for odoo_id, (off, most) in differences.items() if off and abs(off) <= most + _HALF_CENT}


def _take_subtotals(destination: Destination, ids: list[int]) -> None:
    domain = [("move_id", "in", ids), ("display_type", "=", "product")]
    for line in destination.search_read("account.move.line", domain, ["amount_currency", "price_subtotal"]):
        amount = line["price_subtotal"] if line["amount_currency"] > 0 else -line["price_subtotal"]
        if abs(abs(line["amount_currency"]) - abs(amount)) > _HALF_CENT:
            destination.write("account.move.line", [line["id"]], {"amount_currency": round(amount, 2)}, context=QUIET)


def _correct_tax(destination: Destination, corrections: Mapping[int, float]) -> None:
    if not corrections:
        return
    domain = [("move_id", "in", sorted(corrections)), ("display_type", "=", "tax")]
    lines: dict[int, Record] = {}
    for line in destination.search_read("account.move.line", domain, ["move_id", "amount_currency"]):
        largest = lines.setdefault(line["move_id"], line)
        if abs(line["amount_currency"]) > abs(largest["amount_currency"]):
            lines[line["move_id"]] = line
    for odoo_id, off in corrections.items():
        tax = lines.get(odoo_id)
        if tax is not None:
            amount = tax["amount_currency"] + (off if tax["amount_currency"] > 0 else -off)
            destination.write("account.move.line", [tax["id"]], {"amount_currency": round(amount, 2)}, context=QUIET)
