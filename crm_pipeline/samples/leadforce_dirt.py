"""The dirt of a Leadforce sample, and the file formats its administrators happen to export in."""

from __future__ import annotations

import polars as pl

from crm_pipeline.samples.dirt import EVERY, Dirt
from crm_pipeline.samples.sink import Dialect
from crm_pipeline.samples.world import USERS, lead_id

_UNKNOWN_STATUS, _BLANK_KEY = 13, 3


def _lead(row: int) -> str:
    return str(lead_id(pl.Series([row]))[0])


def _none(*headings: str) -> dict[str, None]:
    return dict.fromkeys(headings)


DIRT: dict[str, tuple[Dirt, ...]] = {
    "users": (
        Dirt("user without e-mail", 7, {"Email": None}),
        Dirt("e-mail in capitals", 2, {"Email": pl.col("Email").str.to_uppercase()}),
    ),
    "leads": (
        Dirt("blank key", _BLANK_KEY, {"Lead ID": "  "}),
        Dirt("identical repeat", 5, {}, repeats=True),
        Dirt(
            "same key, older content",
            9,
            {"Updated At": "2018-01-01T10:00:00+05:30", "Job Title": "Intern", "Lead Status": "New"},
            repeats=True,
        ),
        Dirt("unknown status", _UNKNOWN_STATUS, {"Lead Status": "Nurturing"}),
        Dirt("status in other spelling", 15, {"Lead Status": " cOnTacted "}),
        Dirt("owner by name", 17, {"Owner Email": USERS[1][0]}),
        Dirt("owner who is no user", 19, {"Owner Email": "former.colleague@brightpath-demo.example"}),
        Dirt("no owner", 21, {"Owner Email": None}),
        Dirt("e-mail in mixed case", 23, {"Email": pl.col("Email").str.to_titlecase()}),
        Dirt("company by name only", 25, {"Company Name": "Lotus Craft Works", "Email": "lotus.craft@gmail.com", "Website": None}),
        Dirt("same name, one domain", 27, {"Company Name": "Summit Partners", "Email": "kim@summit-partners.com", "Website": None}),
        Dirt("same name, another domain", 28, {"Company Name": "Summit Partners", "Email": "lee@summitpartners.de", "Website": None}),
        Dirt("host with www", 30, {"Company Name": "Riverside Tools", "Website": "HTTP://WWW.riverside-tools.co.uk/shop?id=3", "Email": None}),
        Dirt("registrable domain of co.uk", 31, {"Company Name": "Riverside Tools Ltd", "Website": None, "Email": "ann@sales.riverside-tools.co.uk"}),
        Dirt("registrable domain of com.au", 32, {"Company Name": "Wattle Bakery", "Website": "shop.wattle-bakery.com.au:8080", "Email": "orders@wattle-bakery.com.au"}),
        Dirt("social website", 34, {"Company Name": "Mehndi by Rima", "Website": "https://www.facebook.com/mehndibyrima", "Email": "mehndi.rima@gmail.com"}),
        Dirt("company without a person", 36, {**_none("First Name", "Last Name", "Email", "Job Title"), "Company Name": "Banyan Printers"}),
        Dirt("unreadable e-mail", 38, {"Email": "not-an-email@"}),
        Dirt("date that does not exist", 40, {"Created At": "31/02/2024"}),
        Dirt("date in another order", 41, {"Created At": "12/31/2024"}),
        Dirt("negative amount", 42, {"Estimated Value": "(250.00)"}),
        Dirt("unreadable amount", 44, {"Estimated Value": "12k to 15k"}),
        Dirt("symbol without currency", 46, {"Estimated Value": "€ 1.500,00", "Currency": None}),
        Dirt("symbol against currency", 48, {"Estimated Value": "£2,400.00", "Currency": "USD"}),
        Dirt("ambiguous grouping", 50, {"Estimated Value": "1,23,45"}),
        Dirt("NUL character", 52, {"Description": "imported\x00 from the old system"}),
        Dirt("quotes and lines", 54, {"Description": 'First line, "quoted"\r\n\r\nthird; line\twith a tab'}),
        Dirt("no status", 56, {"Lead Status": None}),
        Dirt("no-break and zero-width spaces", 58, {"First Name": "\u00a0Anna\u200b", "City": "\u00a0", "State": "\u200b"}),
        Dirt("letters with combining marks", 60, {"Last Name": "Garci\u0301a Ibán\u0303ez"}),
        Dirt("formula-like text", 62, {"Description": '=HYPERLINK("https://evil.example")'}),
        Dirt("unreadable website", 64, {"Website": "n/a"}),
        Dirt("line of blanks", 66, {EVERY: None}, repeats=True),
    ),
    "deals": (
        Dirt("unknown stage", 4, {"Deal Stage": "Awaiting Board"}),
        Dirt("stage in other spelling", 6, {"Pipeline": " new  business", "Deal Stage": "NEGOTIATION", "Status": "Open"}),
        Dirt("lead that is not in the export", 8, {"Lead ID": "L999999X"}),
        Dirt("lead that is quarantined", 10, {"Lead ID": _lead(_UNKNOWN_STATUS)}),
        Dirt("status against stage", 14, {"Pipeline": "New Business", "Deal Stage": "Discovery", "Status": "Won"}),
        Dirt("unreadable amount", 16, {"Deal Value": "TBD"}),
        Dirt("percentage with a sign", 17, {"Probability": "75 %"}),
        Dirt("percentage in words", 18, {"Probability": "high"}),
        Dirt("same key, older content", 20, {"Updated At": "2018-02-01 09:00:00", "Deal Name": "Old name"}, repeats=True),
        Dirt("blank key", 22, {"Deal ID": None}),
        Dirt("unknown pipeline", 24, {"Pipeline": "Tenders"}),
        Dirt("no name", 26, {"Deal Name": None}),
        Dirt("owner who is no user", 28, {"Owner Email": "agency@partner.example"}),
    ),
    "activities": (
        Dirt("parent that is not in the export", 4, {"Related To Type": "Lead", "Related To ID": "L888888"}),
        Dirt("parent of an unknown kind", 6, {"Related To Type": "Company"}),
        Dirt("parent that is quarantined", 7, {"Related To Type": "Lead", "Related To ID": _lead(_UNKNOWN_STATUS)}),
        Dirt("unreadable date", 8, {"Activity Date": "yesterday"}),
        Dirt("kind in other spelling", 10, {"Related To Type": pl.col("Related To Type").str.to_lowercase(), "Activity Type": "call"}),
        Dirt("author by name", 12, {"Author Email": USERS[3][0]}),
        Dirt("identical repeat", 14, {}, repeats=True),
        Dirt("no parent", 16, {"Related To ID": None}),
        Dirt("unreadable duration", 18, {"Duration (min)": "half an hour"}),
    ),
    "notes": (
        Dirt("parent that is not in the export", 4, {"Related To Type": "Deal", "Related To ID": "D-00000000"}),
        Dirt("unreadable date", 6, {"Created At": "2024-13-45"}),
        Dirt("attachment that is not in the export", 8, {"Attachment IDs": "ATT99999; ATT00001"}),
        Dirt("no body", 10, {"Body": None}),
        Dirt("author who is no user", 12, {"Author Email": "intern.2019@brightpath-demo.example"}),
    ),
    "attachments": (
        Dirt("file that is missing", 1, {"File Path": "attachments/lost scan.pdf", "File Name": "lost scan.pdf"}),
        Dirt("path outside the folder", 2, {"File Path": "../../secrets.txt"}),
        Dirt("address that is not http", 3, {"File Path": None, "File URL": "file:///etc/passwd"}),
        Dirt("size that differs", 4, {"Size (bytes)": "123456"}),
        Dirt("MIME type that differs", 5, {"MIME Type": "image/jpeg"}),
        Dirt("parent that is not in the export", 6, {"Related To Type": "Lead", "Related To ID": "L777777"}),
        Dirt("file of a web address", 7, {"File Path": None, "File URL": "https://files.brightpath-demo.example/7"}),
        Dirt("empty file", 9, {"File Path": "attachments/empty.txt", "File Name": "empty.txt", "Size (bytes)": "0"}),
    ),
    "proposals": (
        Dirt("total that is not the sum", 3, {"Total": "99999.99"}),
        Dirt("deal that is not in the export", 5, {"Deal ID": "D-ZZZZZZZZ"}),
        Dirt("unknown status", 7, {"Status": "On hold"}),
        Dirt("amount with a symbol", 8, {"Total": "€ 1.234,00"}),
    ),
    "proposal_items": (
        Dirt("quantity with a comma", 3, {"Quantity": "2,5"}),
        Dirt("no product", 5, _none("SKU", "Product Name")),
        Dirt("proposal that is not in the export", 7, {"Proposal ID": "P99999"}),
        Dirt("percentages with a sign", 9, {"Discount %": "10 %", "Tax %": "18%"}),
        Dirt("product name run together", 11, {"SKU": None, "Product Name": "GTXPro"}),
    ),
    "invoices": (
        Dirt("subtotal that is not the sum of the lines", 3, {"Subtotal": "1.00"}),
        Dirt("total that is not the sum", 5, {"Total": "77777.00"}),
        Dirt("paid and balance that are not the total", 7, {"Amount Paid": "5.00", "Balance Due": "5.00"}),
        Dirt("paid too little", 9, {"Status": "Paid", "Amount Paid": "0.01"}),
        Dirt("number used before", 11, {"Invoice Number": "INV-2024-00001"}),
        Dirt("number used twice", 12, {"Invoice Number": "INV-2024-00001"}),
        Dirt("unreadable date", 13, {"Invoice Date": "32/01/2025"}),
        Dirt("original that is not in the export", 15, {"Type": "Credit Note", "Original Invoice ID": "I99999"}),
    ),
    "invoice_items": (
        Dirt("invoice that is not in the export", 4, {"Invoice ID": "I88888"}),
        Dirt("amount in European form", 6, {"Unit Price": "1.299,00"}),
    ),
}  # fmt: skip

#: Columns no contract knows, with the text in all rows.
UNKNOWN_COLUMNS = {"leads": {"Legacy Ref": "imported 2019"}, "deals": {"Forecast Category": "commit"}}

#: Rows that are no proper CSV, put at the end of a file; each counts as one row of it.
MALFORMED = {"deals_part2": ("D-TOOFEW\tonly two", 'D-QUOTE\t"never closed\tL000001\tNew Business\tDiscovery')}

CLEAN_DIALECTS: dict[str, Dialect] = {"proposals": Dialect(delimiter=";"), "proposal_items": Dialect(delimiter=";")}

DIALECTS: dict[str, Dialect] = {
    "users": Dialect("cp1252", line_end="\r\n"),
    "pipeline_stages": Dialect(delimiter=";", headings={"Stage Name": "dealstage", "Probability (%)": "Probability %"}),
    "leads": Dialect(
        "utf-8-sig",
        line_end="\r\n",
        headings={
            "Lead ID": "lead_id",
            "Email": "E-mail",
            "Company Name": "COMPANY  NAME",
            "Lead Status": "Lead-Status",
            "Owner Email": "Owner\nEmail",
            "Created At": " Created At ",
        },
    ),
    "deals": Dialect(headings={"Deal Stage": "dealstage"}),
    "deals_part2": Dialect("utf-16-le", "\t"),
    "activities": Dialect("cp1252", ";"),
    "attachments": Dialect(line_end="\r"),
    "proposals": Dialect("cp1252", ";", "\r\n"),
    "proposal_items": Dialect("cp1252", ";"),
    "invoices": Dialect("utf-8-sig"),
    "custom_fields": Dialect(delimiter=";", sep_line=True),
    "auto_triggers": Dialect("utf-16-be", "\t", "\r\n"),
}
