"""The dirt of a Legrand sample: what real exports hold and clean ones do not, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from crm_pipeline.samples.dirt import PERIOD
from crm_pipeline.samples.legrand import FIRST_ID, Columns
from crm_pipeline.samples.workbook_sink import Cell, Formula, Layout, Serial


@dataclass(frozen=True)
class Fault:
    """One kind of fault; it comes back every ``PERIOD`` rows.

    Attributes:
        row: row number modulo ``PERIOD`` it falls on.
        changes: heading → new cell.
        repeats: whether the changed row comes in addition to the clean one, at the end.
    """

    what: str
    row: int
    changes: Mapping[str, Cell]
    repeats: bool = False


_UNKNOWN = FIRST_ID + 888_888

FAULTS: dict[str, Sequence[Fault]] = {
    "users": (Fault("e-mail in capitals", 1, {"Email": "MARCUS.LEE@SPARKRIGHT-DEMO.EXAMPLE"}),),
    "accounts": (
        Fault("blank key", 2, {"AccountID": "  "}),
        Fault("identical repeat", 3, {}, repeats=True),
        Fault("same key, older content", 5, {"Company Name": "Old name Pty Ltd", "Modified Date": date(2019, 1, 5)}, repeats=True),
        Fault("error value", 6, {"Industry": Formula("=VLOOKUP(A1,Z1:Z2,1,0)", "#N/A")}),
        Fault("formula never calculated", 7, {"Notes": Formula('=CONCATENATE("Since ",YEAR(TODAY()))', "")}),
        Fault("formula with its result", 8, {"Street": Formula('="12 "&"George Street"', "12 George Street")}),
        Fault("unknown type", 9, {"Account Type": "Competitor"}),
        Fault("owner by name only", 10, {"Owner Email": None, "Owner": "Raj Patel"}),
        Fault("owner who is no user", 11, {"Owner Email": "temp.staff@agency.example", "Owner": "Temp Staff"}),
        Fault("date that does not exist", 12, {"Created Date": "31/02/2023"}),
        Fault("date month first", 13, {"Created Date": "12/31/2023"}),
        Fault("year alone in a date column", 14, {"Modified Date": 2023}),
        Fault("date as a plain number", 15, {"Created Date": Serial(date(2024, 3, 1))}),
        Fault("blank row", 16, {"*": None}),
        Fault("error value as key", 17, {"AccountID": Formula("=A1/0", "#DIV/0!")}),
        Fault("blanks around", 18, {"Company Name": "  Harbourside Dental\u00a0"}),
    ),
    "contacts": (
        Fault("orphan", 1, {"AccountID": _UNKNOWN}),
        Fault("account that is quarantined", 4, {"AccountID": FIRST_ID + 7}),
        Fault("no name", 6, {"Full Name": None}),
        Fault("unreadable e-mail", 8, {"Email": "none@"}),
        Fault("option in another spelling", 9, {"Do Not Email": "yes"}),
        Fault("no company", 10, {"AccountID": None, "Company Name": None}),
        Fault("mobile as a number", 12, {"Mobile": 412_345_678}),
        Fault("birthday as a plain number", 13, {"Birthday": Serial(date(1980, 7, 14))}),
        Fault("birthday that is none", 14, {"Birthday": "unknown"}),
    ),
    "lead_inbox": (
        Fault("blank key", 3, {"LeadID": None}),
        Fault("score in words", 5, {"Lead Score": "hot"}),
        Fault("unreadable date", 7, {"Received Date": "last week"}),
        Fault("no owner", 9, {"Owner": None, "Owner Email": None}),
        Fault("formula-like text", 11, {"Message": '=HYPERLINK("https://evil.example")'}),
    ),
    "opportunities": (
        Fault("unknown stage", 2, {"Stage": "Awaiting council"}),
        Fault("stage in other spelling", 3, {"Pipeline": " sales ", "Stage": "NEGOTIATE  SALE"}),
        Fault("account that is not in the export", 4, {"AccountID": _UNKNOWN}),
        Fault("contact that is not in the export", 5, {"ContactID": _UNKNOWN}),
        Fault("fraction without percent format", 6, {"Probability (%)": 0.25}),
        Fault("percentage in words", 7, {"Probability (%)": "likely"}),
        Fault("amount with three decimals", 8, {"Value": 12.345}),
        Fault("negative amount", 9, {"Value": "(250.00)"}),
        Fault("unreadable amount", 10, {"Value": "POA"}),
        Fault("option that is none", 11, {"Building Class": "Class 10"}),
        Fault("option in other spelling", 12, {"Building Class": " class  5 "}),
        Fault("another currency", 13, {"Value": "US$ 4,000.00", "Currency": None}),
    ),
    "quotes": (
        Fault("subtotal is not the sum", 2, {"Subtotal": 999.5}),
        Fault("opportunity that is not in the export", 4, {"OpportunityID": _UNKNOWN}),
        Fault("unknown status", 5, {"Status": "On hold"}),
        Fault("same revision twice", 6, {"Quote Number": "Q-5000", "Revision": 1}),
    ),
    "quote_lines": (
        Fault("no quantity", 3, {"Quantity": None}),
        Fault("quote that is not in the export", 4, {"QuoteID": _UNKNOWN}),
        Fault("neither code nor name", 5, {"Product Code": None, "Product Name": None}),
        Fault("total never calculated", 6, {"Line Total": Formula("=G8*H8", "")}),
    ),
    "tickets": (
        Fault("no subject", 2, {"Subject": None}),
        Fault("asset that is not in the export", 3, {"AssetID": _UNKNOWN}),
        Fault("account that is not in the export", 5, {"AccountID": _UNKNOWN}),
    ),
    "ticket_comments": (
        Fault("ticket that is not in the export", 2, {"TicketID": _UNKNOWN}),
        Fault("ticket that is quarantined", 3, {"TicketID": FIRST_ID + 2}),
    ),
    "assets": (Fault("no name", 1, {"Asset Name": None}),),
    "asset_history": (Fault("asset that is not in the export", 1, {"AssetID": _UNKNOWN}),),
    "campaigns": (Fault("name that repeats", 1, {"Campaign Name": "Winter check 2021"}),),
    "campaign_members": (
        Fault("member that is not in the export", 2, {"Member ID": _UNKNOWN}),
        Fault("unknown kind of member", 3, {"Member Type": "Account"}),
    ),
    "documents": (
        Fault("prefix of another record", 1, {"Exported File": f"ACC{_UNKNOWN}__2_site photo.png"}),
        Fault("file that is missing", 2, {"Exported File": f"OPP{FIRST_ID}__99_lost.pdf"}),
        Fault("path that leads out", 3, {"Exported File": "../../etc/passwd"}),
        Fault("empty file", 4, {"Exported File": f"CON{FIRST_ID + 2}__5_empty.txt", "Parent Type": "Contact", "Parent ID": FIRST_ID + 2}),
        Fault("name without a prefix", 5, {"Exported File": "price list.txt"}),
    ),
    "activities": (
        Fault("parent that is not in the export", 2, {"Parent ID": _UNKNOWN}),
        Fault("unknown kind of parent", 4, {"Parent Type": "Invoice"}),
        Fault("company for account", 5, {"Parent Type": "Company", "Parent ID": FIRST_ID}),
        Fault("text file that is missing", 21, {"Text File": "not there.txt"}),
        Fault("text file that leads out", 31, {"Text File": "..\\..\\secret.txt"}),
        Fault("empty text file", 41, {"Text File": "empty.txt"}),
        Fault("e-mail without text file", 51, {"Text File": None}),
        Fault("no date", 7, {"Activity Date": None}),
    ),
    "calendar": (
        Fault("ends before it starts", 1, {"Start": date(2024, 5, 2), "End": date(2024, 5, 1)}),
        Fault("no start", 3, {"Start": None}),
    ),
}  # fmt: skip

#: How dirty workbooks are laid out, where not as clean ones.
LAYOUTS: dict[str, Layout] = {
    "accounts": Layout(" Companies ", ("Companies – all records", "Printed 31/10/2026 18:02 by Hannah Whitlam"), {"AccountID": "Company\nID", "Email": "E-mail"}),
    "contacts": Layout("contacts", (), {"AccountID": "Company ID", "Full Name": "Full  Name "}),
    "opportunities": Layout("Opportunities", ("Opportunities",), {"Probability (%)": "Probability %", "Expected Close Date": "expected_close_date"}),
    "tickets": Layout("Tickets", ("Service Desk", "All boards", "Printed 31/10/2026")),
}  # fmt: skip


def soiled(name: str, columns: Columns) -> Columns:
    """A table with its faults."""
    count = len(next(iter(columns.values()), []))
    found = {heading: list(cells) for heading, cells in columns.items()}
    for fault in FAULTS.get(name, ()):
        for row in range(fault.row, count, PERIOD):
            changes = dict.fromkeys(columns, fault.changes["*"]) if "*" in fault.changes else fault.changes
            changed = {heading: changes.get(heading, cells[row]) for heading, cells in columns.items()}
            for heading, cells in found.items():
                if fault.repeats:
                    cells.append(changed[heading])
                elif heading in changes:
                    cells[row] = changes[heading]
    return found
