"""Tax of a draft invoice to the cent: Odoo rounds tax for each line, other systems for the document.

Where both agree but for rounding, the tax line takes the document's own amount, as an accountant would correct it by
hand. Writing ``amount_currency`` of the tax line moves the receivable line with it (17, 18, 19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_pipeline.odoo.destination import QUIET, Destination, Record

_HALF_CENT = 0.005


def adjust_taxes(
    destination: Destination, found: Mapping[int, Record], rows: Sequence[Mapping[str, Any]], tolerance: str
) -> None:
    """Correct the tax of drafts whose net amount is right and whose tax is off by a rounding difference.

    Args:
        destination: where the invoices are.
        found: id → record with state, amount_untaxed and amount_tax as Odoo has them.
        rows: external_id, odoo_id, amount_untaxed and amount_tax as meant, and the field named by ``tolerance``.
        tolerance: name of the field with the greatest correction.
    """
    corrections: dict[int, float] = {}
    for row in rows:
        record = found.get(row["odoo_id"])
        if record is None or record["state"] != "draft" or row["amount_tax"] is None or row["amount_untaxed"] is None:
            continue
        off = round(float(row["amount_tax"]) - record["amount_tax"], 2)
        net_is_right = abs(float(row["amount_untaxed"]) - record["amount_untaxed"]) < _HALF_CENT
        if net_is_right and _HALF_CENT < abs(off) <= float(row[tolerance] or 0) + _HALF_CENT:
            corrections[row["odoo_id"]] = off
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
            vals = {"amount_currency": round(amount, 2)}
            destination.write("account.move.line", [tax["id"]], vals, context=QUIET)
