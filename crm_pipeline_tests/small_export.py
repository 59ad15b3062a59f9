"""A small Leadforce export as tables in Python, written as the real files it stands for; tests change what they are about."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]

TABLES = (
    "users", "pipeline_stages", "leads", "deals", "activities", "notes", "attachments", "proposals", "proposal_items",
    "invoices", "invoice_items", "custom_fields",
)  # fmt: skip

STAGES: Rows = [
    {"Stage ID": "S1", "Pipeline": "Sales Main", "Stage Name": "New Deal", "Order": 1, "Probability (%)": 10, "Is Won": "No", "Is Lost": "No"},
    {"Stage ID": "S2", "Pipeline": "Sales Main", "Stage Name": "Quote", "Order": 2, "Probability (%)": 50, "Is Won": "No", "Is Lost": "No"},
    {"Stage ID": "S3", "Pipeline": "Sales Main", "Stage Name": "Won", "Order": 3, "Probability (%)": 100, "Is Won": "Yes", "Is Lost": "No"},
    {"Stage ID": "S4", "Pipeline": "Sales Main", "Stage Name": "Lost", "Order": 4, "Probability (%)": 0, "Is Won": "No", "Is Lost": "Yes"},
]  # fmt: skip
USERS: Rows = [
    {"User ID": "U1", "Full Name": "Asha Rao", "Email": "Asha@corp.in", "Status": "Active"},
    {"User ID": "U2", "Full Name": "Bob Lee", "Email": "bob@corp.in", "Status": "Inactive"},
    {"User ID": "U3", "Full Name": "Idle Ira", "Email": "idle@corp.in", "Status": "Active"},
]


def lead(key: str, **values: Any) -> dict[str, Any]:
    """A lead with the columns given by their headings with underscores for spaces."""
    row = dict.fromkeys(
        ["Lead ID", "First Name", "Last Name", "Email", "Phone", "Mobile", "Job Title", "Company Name", "Industry", "Website",
         "Street", "City", "State", "Postcode", "Country", "Lead Source", "Lead Status", "Owner Email", "Estimated Value",
         "Currency", "Description", "Tags", "Created At", "Updated At"], "",
    )  # fmt: skip
    row |= {"Lead ID": key, "Lead Status": "New", "Created At": "2024-01-01 10:00"}
    return row | _headings(values)


def deal(key: str, **values: Any) -> dict[str, Any]:
    """A deal, open in stage Quote unless told otherwise."""
    row = dict.fromkeys(
        ["Deal ID", "Deal Name", "Lead ID", "Pipeline", "Deal Stage", "Deal Value", "Currency", "Probability",
         "Expected Close Date", "Closed At", "Status", "Lost Reason", "Owner Email", "Description", "Created At", "Updated At"], "",
    )  # fmt: skip
    row |= {
        "Deal ID": key, "Deal Name": f"Deal {key}", "Pipeline": "Sales Main", "Deal Stage": "Quote",
        "Created At": "2024-01-01 10:00", "Updated At": "2024-02-01 10:00",
    }  # fmt: skip
    return row | _headings(values)


def activity(key: str, to: str, **values: Any) -> dict[str, Any]:
    """A completed call on a lead or deal (``L…`` or ``D…``)."""
    row = dict.fromkeys(
        ["Activity ID", "Related To Type", "Related To ID", "Activity Type", "Subject", "Body", "Direction", "From", "To",
         "Activity Date", "Duration (min)", "Author Email", "Status", "Due Date"], "",
    )  # fmt: skip
    row |= {
        "Activity ID": key, "Related To Type": "Lead" if to.startswith("L") else "Deal", "Related To ID": to,
        "Activity Type": "Call", "Activity Date": "2024-01-05T10:00:00Z", "Status": "Completed",
    }  # fmt: skip
    return row | _headings(values)


def note(key: str, to: str, body: str, **values: Any) -> dict[str, Any]:
    """A note on a lead or deal."""
    row = {
        "Note ID": key, "Related To Type": "Lead" if to.startswith("L") else "Deal", "Related To ID": to, "Body": body,
        "Author Email": "", "Created At": "2024-01-06T10:00:00Z", "Attachment IDs": "",
    }  # fmt: skip
    return row | _headings(values)


def _headings(values: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", " "): value for name, value in values.items()}


@dataclass
class SmallExport:
    """The tables of one drop; ``write`` makes the files."""

    users: Rows = field(default_factory=lambda: [dict(row) for row in USERS])
    pipeline_stages: Rows = field(default_factory=lambda: [dict(row) for row in STAGES])
    leads: Rows = field(default_factory=list)
    deals: Rows = field(default_factory=list)
    activities: Rows = field(default_factory=list)
    notes: Rows = field(default_factory=list)
    attachments: Rows = field(default_factory=list)
    proposals: Rows = field(default_factory=list)
    proposal_items: Rows = field(default_factory=list)
    invoices: Rows = field(default_factory=list)
    invoice_items: Rows = field(default_factory=list)
    custom_fields: Rows = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, root: Path, drop: str = "2026-10-31-full") -> Path:
        """Write the drop under ``<root>/exports/leadforce`` with a manifest, and return its folder."""
        folder = root / "exports" / "leadforce" / drop
        folder.mkdir(parents=True, exist_ok=True)
        manifest: Rows = []
        for path, content in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        for name in TABLES:
            rows: Rows = getattr(self, name)
            if rows:
                write_csv(folder / f"{name}.csv", rows)
                manifest.append(
                    {"Object": name, "File": f"{name}.csv", "Part": 1, "Parts": 1, "Rows In File": len(rows),
                     "Records In UI": len(rows), "Row Cap": 5000, "Exported At": "2026-10-31 09:00",
                     "Time Zone": "Asia/Kolkata", "Date Format": "DD/MM/YYYY"}
                )  # fmt: skip
        write_csv(folder / "export_manifest.csv", manifest)
        return folder


def write_csv(file: Path, rows: Rows) -> None:
    """Write rows as UTF-8 CSV with the union of their keys as headings."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows(rows)


def decide_owners(root: Path, decisions: Iterable[tuple[str, str, str]]) -> None:
    """Write owners.csv: (source_email, decision, odoo_login)."""
    folder = root / "resolutions" / "leadforce"
    folder.mkdir(parents=True, exist_ok=True)
    names = ("source_email", "decision", "odoo_login")
    write_csv(folder / "owners.csv", [dict(zip(names, decision, strict=True)) for decision in decisions])


def typical_export() -> SmallExport:
    """One of each thing: companies, people, merged and plain leads, open, won and lost deals, history, a planned task."""
    return SmallExport(
        leads=[
            lead("L1", First_Name="Amy", Last_Name="Ng", Email="amy@acme.com", Phone="+1 555 0100", Job_Title="CEO",
                 Company_Name="Acme Pvt Ltd", Industry="Retail", Website="https://www.acme.com/x", Street="1 Road", City="Pune",
                 State="Maharashtra", Postcode="411001", Country="India", Lead_Source="Web", Owner_Email="asha@CORP.in",
                 Estimated_Value="1.234,50 €", Description="Hello\n<b>x</b> & y", Tags="a; b", Updated_At="02/01/2024 11:00"),
            lead("L2", First_Name="Ben", Email="ben@acme.com", Mobile="99", Company_Name="Acme", Street="2 Other", City="Delhi",
                 Country="India", Lead_Source="web", Lead_Status="Qualified", Owner_Email="bob@corp.in", Estimated_Value="$500", Tags="B"),
            lead("L3", Company_Name="Solo", Lead_Status="Contacted", Owner_Email="Asha Rao"),
            lead("L4", First_Name="Zed", Last_Name="Q", Email="zed@gmail.com", Lead_Status="Converted", Owner_Email="asha@corp.in",
                 Estimated_Value="100", Currency="USD"),
            lead("L5", First_Name="Zed", Last_Name="Q", Email="ZED@gmail.com", Lead_Status="Unqualified", Estimated_Value="100"),
            lead("L6", First_Name="Odd", Lead_Status="Weird"),
        ],
        deals=[
            deal("D1", Deal_Name="Big deal", Lead_ID="L4", Deal_Stage="quote", Deal_Value="1,000.50", Currency="USD",
                 Probability="40%", Expected_Close_Date="31/12/2026", Status="Open", Owner_Email="asha@corp.in", Description="desc"),
            deal("D2", Deal_Name="Won deal", Lead_ID="L1", Deal_Stage="Won", Deal_Value="2000", Currency="EUR",
                 Closed_At="2024-03-01T10:05:00+05:30", Status="Won", Owner_Email="bob@corp.in"),
            deal("D3", Deal_Name="Lost deal", Deal_Stage="Lost", Deal_Value="3000", Currency="USD",
                 Closed_At="2024-03-01T10:05:00Z", Status="Lost", Lost_Reason="Wrong colour"),
            deal("D4", Lead_ID="L6"),
        ],
        activities=[
            activity("A1", "L1", Activity_Type="Email", Subject="Hi", Body="line1\nline2 <x>", Direction="Inbound",
                     From="Amy <amy@acme.com>", To="asha@corp.in", Activity_Date="2017-03-01T10:05:00+05:30", Author_Email="asha@corp.in"),
            activity("A2", "L2", Activity_Date="2017-03-01 00:05:00 -0500", **{"Duration_(min)": "15"}, Author_Email="bob@corp.in"),
            activity("A3", "D1", Activity_Type="Task", Subject="Do it", Activity_Date="01/03/2026 00:05", Status="Planned",
                     Due_Date="31/12/2026", Author_Email="asha@corp.in"),
        ],
        notes=[
            note("N1", "L1", '<p onclick="x()">Hello <script>alert(1)</script><b>there</b></p>', Author_Email="asha@corp.in",
                 Created_At="2016-03-01T10:05:00Z"),
            note("N2", "D2", "plain & simple", Author_Email="nobody@x.com"),
        ],
    )  # fmt: skip


#: Decisions that make the typical export loadable into any fresh Odoo.
TYPICAL_DECISIONS = (("asha@corp.in", "map", "admin"), ("bob@corp.in", "create_archived", ""))
