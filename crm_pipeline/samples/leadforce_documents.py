"""Proposals and invoices of a Leadforce export with their items; totals are the exact sums of the items."""

from __future__ import annotations

import polars as pl

from crm_pipeline.samples import vocabulary as words
from crm_pipeline.samples.formats import amounts, constant, dates
from crm_pipeline.samples.leadforce import Tables
from crm_pipeline.samples.world import DAY, NO_LEAD, lead_id

#: A document has at most so many items; item ids are made of the document's row and this.
_LINES = 4


def proposals(tables: Tables, rows: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(proposals, proposal items) for row numbers of proposals."""
    draw = tables.draw
    deal = tables.world.deal(_deal_rows(tables, "proposal", rows))
    items, totals = _items(tables, "proposal", rows)
    issued = deal["created"] + draw.below("proposal.issued", rows, 20 * DAY)
    documents = pl.DataFrame(
        {
            "Proposal ID": _id("P", rows),
            "Proposal Number": "PR-" + dates(issued, "%Y") + "-" + (rows + 1).cast(pl.String).str.zfill(4),
            "Deal ID": deal["id"],
            "Status": draw.pick(
                "proposal.status", rows, ("Draft", "Sent", "Sent", "Accepted", "Accepted", "Rejected", "Expired")
            ),
            "Issue Date": dates(issued),
            "Valid Until": dates(issued + 30 * DAY),
            "Currency": deal["currency"],
            "Subtotal": amounts(totals["net"]),
            "Tax Amount": amounts(totals["tax"]),
            "Total": amounts(totals["net"] + totals["tax"]),
            "Terms": draw.pick("proposal.terms", rows, words.TERMS),
            "Owner Email": tables.owners(deal["owner"]),
            "Created At": tables.times("proposal.created", rows, issued),
            "Updated At": tables.times("proposal.updated", rows, issued + DAY),
        }
    )
    return documents, items.rename({"document": "Proposal ID"}).with_columns(_prefixed("Proposal ID", "P", "PL"))


def invoices(tables: Tables, rows: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(invoices, invoice items) for row numbers of invoices; every 25th is a credit note on the one before it."""
    draw = tables.draw
    credit = rows % 25 == 24
    original = rows - credit.cast(pl.Int64)
    deal = tables.world.deal(_deal_rows(tables, "invoice", original))
    items, totals = _items(tables, "invoice", rows)
    total = totals["net"] + totals["tax"]
    issued = deal["created"] + 20 * DAY + draw.below("invoice.issued", original, 40 * DAY) + DAY * credit.cast(pl.Int64)
    status = draw.pick(
        "invoice.status", rows, ("Draft", "Sent", "Paid", "Paid", "Paid", "Partially Paid", "Overdue", "Void")
    )
    paid = total.zip_with(status == "Paid", (total // 2).zip_with(status == "Partially Paid", total * 0))
    balance = (total - paid).zip_with(status != "Void", total * 0)
    none = constant(None, rows)
    documents = pl.DataFrame(
        {
            "Invoice ID": _id("I", rows),
            "Invoice Number": "INV-" + dates(issued, "%Y") + "-" + (rows + 1).cast(pl.String).str.zfill(5),
            "Type": constant("Credit Note", rows).zip_with(credit, constant("Invoice", rows)),
            "Deal ID": deal["id"],
            "Lead ID": lead_id(deal["lead"]),
            "Status": status,
            "Invoice Date": dates(issued),
            "Due Date": dates(issued + 30 * DAY),
            "Currency": deal["currency"],
            "Subtotal": amounts(totals["net"]),
            "Tax Amount": amounts(totals["tax"]),
            "Total": amounts(total),
            "Amount Paid": amounts(paid),
            "Balance Due": amounts(balance),
            "Original Invoice ID": _id("I", original).zip_with(credit, none),
            "Paid At": tables.times("invoice.paid", rows, issued + 12 * DAY).zip_with(status == "Paid", none),
            "Updated At": tables.times("invoice.updated", rows, issued + 13 * DAY),
        }
    )
    return documents, items.rename({"document": "Invoice ID"}).with_columns(_prefixed("Invoice ID", "I", "IL"))


def _deal_rows(tables: Tables, name: str, rows: pl.Series) -> pl.Series:
    """Deals that have a lead, which is the customer."""
    deals = tables.draw.below(f"{name}.deal", rows, max(tables.world.deals, 1))
    return deals - (deals % 16 == NO_LEAD).cast(pl.Int64)


def _id(letter: str, rows: pl.Series) -> pl.Series:
    return letter + (rows + 1).cast(pl.String).str.zfill(5)


def _prefixed(column: str, letter: str, line: str) -> list[pl.Expr]:
    return [(pl.lit(letter) + pl.col(column)).alias(column), (pl.lit(line) + pl.col("Line ID")).alias("Line ID")]


def _items(tables: Tables, name: str, rows: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items (``document`` and 'Line ID' without their letters), and ``net, tax`` in hundredths for each document."""
    draw = tables.draw
    counts = draw.below(f"{name}.lines", rows, _LINES) + 1
    flat = (
        pl.DataFrame({"row": rows, "count": counts})
        .with_columns(line=pl.int_ranges(pl.lit(0), pl.col("count")))
        .explode("line")
    )
    row, line = flat["row"], flat["line"].cast(pl.Int64)
    item = row * _LINES + line
    product = draw.below(f"{name}.product", item, len(words.PRODUCTS))
    sku, product_name, price = (pl.Series(column).gather(product) for column in zip(*words.PRODUCTS, strict=True))
    halves = (draw.below(f"{name}.quantity", item, 20) + 1) * 2 - (draw.below(f"{name}.half", item, 10) == 0).cast(
        pl.Int64
    )
    discount = pl.Series([0, 0, 0, 5, 10]).gather(draw.below(f"{name}.discount", item, 5))
    rate = pl.Series([18, 18, 20, 0]).gather(draw.below(f"{name}.tax", row, 4))
    net = (price * halves * (100 - discount) + 100) // 200
    tax = (net * rate + 50) // 100
    halved = (halves // 2).cast(pl.String)
    totals = (
        pl.DataFrame({"row": row, "net": net, "tax": tax})
        .group_by("row", maintain_order=True)
        .agg(pl.col("net", "tax").sum())
    )
    items = pl.DataFrame(
        {
            "Line ID": (item + 1).cast(pl.String).str.zfill(6),
            "document": (row + 1).cast(pl.String).str.zfill(5),
            "Line No": (line + 1).cast(pl.String),
            "SKU": sku,
            "Product Name": product_name,
            "Description": constant("as agreed", row).zip_with(line == 1, constant(None, row)),
            "Quantity": (halved + ".5").zip_with(halves % 2 == 1, halved),
            "Unit Price": amounts(price),
            "Discount %": discount.cast(pl.String),
            "Tax %": rate.cast(pl.String),
            "Line Total": amounts(net),
        }
    )
    return items, totals
