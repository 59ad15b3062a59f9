"""A small Leadforce export about files and money: one of each state, and the roundings that other systems do otherwise."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from crm_pipeline_tests.small_export import Rows, SmallExport, deal, lead, note, write_csv

CENT = Decimal("0.01")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def item(key: str, document: str, quantity: str, price: str, **values: Any) -> dict[str, Any]:
    """A line of a proposal (``P…``) or invoice (``I…``); the total is quantity times price less discount."""
    owner = "Proposal ID" if document.startswith("P") else "Invoice ID"
    row = {
        "Line ID": key, owner: document, "Line No": "", "SKU": "GTX-1", "Product Name": "GTX Pro", "Description": "",
        "Quantity": quantity, "Unit Price": price, "Discount %": "", "Tax %": "", "Line Total": "",
    }  # fmt: skip
    row |= {name.replace("_pct", " %").replace("_", " "): value for name, value in values.items()}
    if not row["Line Total"]:
        net = Decimal(quantity) * Decimal(price) * (100 - Decimal(row["Discount %"] or 0)) / 100
        row["Line Total"] = str(net.quantize(CENT, ROUND_HALF_UP))
    return row


def proposal(key: str, deal_id: str, status: str, lines: Rows, **values: Any) -> dict[str, Any]:
    """A proposal whose totals are the sums of its lines, tax to the cent for each line."""
    net, tax = _sums(lines, by_line=True)
    row = {
        "Proposal ID": key, "Proposal Number": f"PR-{key}", "Deal ID": deal_id, "Status": status, "Issue Date": "05/03/2024",
        "Valid Until": "04/04/2024", "Currency": "USD", "Subtotal": str(net), "Tax Amount": str(tax), "Total": str(net + tax),
        "Terms": "50 % <now>\nrest later", "Owner Email": "asha@corp.in", "Created At": "2024-03-05 09:00", "Updated At": "2024-03-06 09:00",
    }  # fmt: skip
    return row | {name.replace("_", " "): value for name, value in values.items()}


def invoice(key: str, status: str, lines: Rows, *, by_line: bool = True, paid: str = "0", **values: Any) -> dict[str, Any]:
    """An invoice to lead L1 whose totals are those of its lines; tax is rounded by line or for the document."""
    net, tax = _sums(lines, by_line=by_line)
    row = {
        "Invoice ID": key, "Invoice Number": f"LF-{key}", "Type": "Invoice", "Deal ID": "D2", "Lead ID": "L1", "Status": status,
        "Invoice Date": "10/04/2024", "Due Date": "10/05/2024", "Currency": "USD", "Subtotal": str(net), "Tax Amount": str(tax),
        "Total": str(net + tax), "Amount Paid": paid, "Balance Due": str(net + tax - Decimal(paid)), "Original Invoice ID": "",
        "Paid At": "2024-04-20 23:30" if Decimal(paid) else "", "Updated At": "2024-04-21 09:00",
    }  # fmt: skip
    return row | {name.replace("_", " "): value for name, value in values.items()}


def _sums(lines: Rows, *, by_line: bool) -> tuple[Decimal, Decimal]:
    nets = [(Decimal(line["Line Total"]), Decimal(line["Tax %"] or 0)) for line in lines]
    taxes = [net * rate / 100 for net, rate in nets]
    if by_line:
        taxes = [tax.quantize(CENT, ROUND_HALF_UP) for tax in taxes]
    return sum((net for net, _ in nets), Decimal(0)), sum(taxes, Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def document_export() -> SmallExport:
    """Files on a lead and a merged one, proposals of every status, invoices of every status and kind of trouble."""
    export = SmallExport(
        leads=[
            lead("L1", First_Name="Amy", Last_Name="Ng", Email="amy@acme.com", Company_Name="Acme Ltd", Owner_Email="asha@corp.in"),
            lead("L2", First_Name="Ben", Email="ben@beta.io", Company_Name="Beta", Owner_Email="asha@corp.in"),
        ],
        deals=[
            deal("D1", Lead_ID="L2", Deal_Value="1000", Currency="EUR", Status="Open", Owner_Email="asha@corp.in"),
            deal("D2", Lead_ID="L2", Deal_Stage="Won", Deal_Value="2000", Currency="USD", Status="Won", Closed_At="2024-03-10 10:00",
                 Owner_Email="asha@corp.in", Created_At="2023-01-01 10:00"),
            deal("D3", Deal_Value="5", Currency="USD", Status="Open", Owner_Email="asha@corp.in"),
        ],
        notes=[note("N1", "L1", "see the files", Attachment_IDs="F1; F3; F99")],
        attachments=[
            _file("F1", "L1", "offer.pdf", "attachments/offer.pdf"), _file("F2", "L2", 'logo: "new".png', "attachments/logo.png"),
            _file("F3", "D1", "same offer.pdf", "attachments/offer.pdf"), _file("F4", "D1", "lost.pdf", "attachments/lost.pdf"),
            _file("F5", "L1", "site", "") | {"File URL": "https://files.example.com/x"},
        ],
        files={"attachments/offer.pdf": b"%PDF-1.4 offer", "attachments/logo.png": PNG},
    )  # fmt: skip
    _add_proposals(export)
    _add_invoices(export)
    return export


def _file(key: str, to: str, name: str, path: str) -> dict[str, Any]:
    return {
        "Attachment ID": key, "Related To Type": "Lead" if to.startswith("L") else "Deal", "Related To ID": to, "File Name": name,
        "File Path": path, "File URL": "", "MIME Type": "", "Size (bytes)": "", "Uploaded By": "asha@corp.in",
        "Uploaded At": "2024-01-02 10:00",
    }  # fmt: skip


def _add_proposals(export: SmallExport) -> None:
    for number, status in enumerate(("Draft", "Sent", "Accepted", "Rejected", "Expired"), 1):
        key = f"P{number}"
        lines = [
            item(f"PL{number}a", key, "3", "33.33", Discount_pct="10", Tax_pct="18"),
            item(f"PL{number}b", key, "1.5", "-10.25", SKU="SRV", Product_Name="Service day", Tax_pct="7.5"),
        ]
        export.proposal_items += lines
        export.proposals.append(proposal(key, "D2", status, lines, Currency="EUR" if number == 3 else "USD"))
    fine = [item("PL6a", "P6", "1000", "0.125", Tax_pct="18")]
    export.proposal_items += fine
    export.proposals.append(proposal("P6", "D1", "Sent", fine))
    export.proposal_items.append(item("PL7a", "P7", "1", "5"))
    export.proposals.append(proposal("P7", "D3", "Sent", export.proposal_items[-1:]))
    unknown = [item("PL8a", "P8", "1", "5"), item("PL8b", "P8", "2", "7", SKU="", Product_Name="GTXPro")]
    export.proposal_items += unknown
    export.proposals.append(proposal("P8", "D2", "Draft", unknown))


def _add_invoices(export: SmallExport) -> None:
    def add(key: str, status: str, lines: Rows, **values: Any) -> None:
        export.invoice_items.extend(lines)
        export.invoices.append(invoice(key, status, lines, **values))

    def two(key: str) -> Rows:
        return [item(f"{key}a", key, "3", "33.33", Tax_pct="18"), item(f"{key}b", key, "2", "50.25", Discount_pct="10")]

    add("I01", "Draft", two("I01"))
    add("I02", "Sent", two("I02"))
    add("I03", "Paid", two("I03"), paid="208.44")
    add("I04", "Partially Paid", two("I04"), paid="100.10", Currency="EUR")
    add("I05", "Overdue", two("I05"), Currency="INR")
    add("I06", "Void", two("I06"), Balance_Due="0")
    add("I07", "Sent", two("I07"), Invoice_Number="2019-0007")
    thirds = [item(f"I08{n}", "I08", "1", "0.30", Tax_pct="18") for n in "abcde"]
    add("I08", "Sent", thirds, by_line=False)
    add("I09", "Sent", [item("I09a", "I09", "3", "33.33", Line_Total="100.00", Tax_pct="18")])
    add("I10", "Sent", two("I10"), Type="Credit Note", Original_Invoice_ID="I02")
    add("I11", "Paid", two("I11"), paid="208.44", Type="Credit Note", Original_Invoice_ID="I03")
    negative = [item("I12a", "I12", "-1", "80", Tax_pct="18")]
    add("I12", "Sent", negative, Type="Credit Note", Balance_Due="(94.40)")
    add("I13", "Paid", two("I13"), paid="300", Balance_Due="-91.56")
    add("I14", "Sent", [item("I14a", "I14", "1", "0", Tax_pct="18")])
    add("I15", "Paid", two("I15"), paid="208.44", Balance_Due="0", Paid_At="", Lead_ID="")
    add("I20", "Sent", two("I20"), Subtotal="1.00")
    add("I21", "Sent", two("I21"), Total="999.00")
    add("I22", "Paid", two("I22"), paid="1")
    add("I23", "Sent", [])
    add("I24", "Sent", two("I24"), Invoice_Number="LF-I02")
    add("I25", "Sent", two("I25"), Tax_Amount="20.00", Total="210.44", Balance_Due="210.44")
    add("I26", "Sent", two("I26"), Type="Credit Note", Original_Invoice_ID="I20")
    add("I27", "Sent", [item("I27a", "I27", "1", "-10")])


def decide_products(root: Any, decisions: list[tuple[str, str, str, str]]) -> None:
    """Write products.csv: (source_sku, source_name, decision, odoo_default_code)."""
    folder = root / "resolutions" / "leadforce"
    folder.mkdir(parents=True, exist_ok=True)
    names = ("source_sku", "source_name", "decision", "odoo_default_code")
    write_csv(folder / "products.csv", [dict(zip(names, decision, strict=True)) for decision in decisions])
