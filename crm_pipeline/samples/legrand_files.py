"""The files of a Legrand sample: workbooks, texts of e-mails, documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from crm_pipeline.samples.attachments import FILES
from crm_pipeline.samples.australia import SUBJECTS
from crm_pipeline.samples.legrand import FIRST_ID, Columns, Tables, automations, custom_fields, user_email
from crm_pipeline.samples.legrand_dirt import LAYOUTS, soiled
from crm_pipeline.samples.workbook_sink import Cell, Layout, WorkbookSink

_PRINTED = ("Internal Comments – supplemental report", "Printed 31/10/2026 18:04")
#: Object → workbook and layout of its sheet.
_SHEETS: Mapping[str, tuple[str, Layout]] = {
    "users": ("Users", Layout("Users")),
    "stages": ("PipelineStages", Layout("Pipeline Stages")),
    "accounts": ("Accounts", Layout("Accounts")),
    "contacts": ("Contacts", Layout("Contacts")),
    "lead_inbox": ("LeadInbox", Layout("Lead Inbox")),
    "opportunities": ("Opportunities", Layout("Opportunities")),
    "quotes": ("Quotes", Layout("Quotes")),
    "quote_lines": ("Quotes", Layout("Quote Lines")),
    "tickets": ("ServiceDesk", Layout("Tickets")),
    "ticket_comments": ("ServiceDeskComments", Layout("Internal Comments", _PRINTED)),
    "assets": ("Assets", Layout("Assets")),
    "asset_history": ("Assets", Layout("Service History")),
    "campaigns": ("Campaigns", Layout("Campaigns")),
    "campaign_members": ("Campaigns", Layout("Campaign Members")),
    "documents": ("Documents", Layout("Documents")),
    "activities": ("Activities", Layout("Activities")),
    "calendar": ("Calendar", Layout("Calendar")),
    "custom_fields": ("CustomFields", Layout("Custom Fields", footer=False)),
    "automations": ("Automations", Layout("Automations", footer=False)),
}
_BODIES = (
    "Hi team,\n\nplease find the drawings attached.\n\nRegards",
    "Thanks for the quick visit – café on the corner was lovely.\nSee you Thursday.",
    "G'day,\n\nThe price is fine: go ahead.\n-- \nSent from my phone",
)
_FIXTURES: dict[str, bytes] = {
    "empty.txt": b"",
    "not indexed.txt": b"From: nobody@example.org\nSubject: lost\n\nNo row of the list names this file.\n",
}


def write_legrand(out: Path, *, scale: int, seed: int, clean: bool) -> dict[str, int]:
    """Write all files of an export of ``scale`` leads; returns object → data rows."""
    out.mkdir(parents=True, exist_ok=True)
    tables = Tables(scale, seed, clean=clean)
    contents = _contents(tables)
    activities, documents = contents["activities"], contents["documents"]
    if not clean:
        contents = {name: soiled(name, columns) for name, columns in contents.items()}
    written: list[tuple[str, str, str, int]] = []
    for workbook in dict.fromkeys(file for file, _ in _SHEETS.values()):
        names = [name for name, (file, _) in _SHEETS.items() if file == workbook]
        parts = _parts(contents[names[0]]) if workbook == "Contacts" and not clean else None
        for number, part in enumerate(parts or (None,), start=1):
            file = f"{workbook}{f'_part{number}' if number > 1 else ''}.xlsx"
            with WorkbookSink(out / file, meta=True) as sink:
                for name in names:
                    layout = _SHEETS[name][1] if clean else LAYOUTS.get(name, _SHEETS[name][1])
                    rows = sink.write_sheet(layout, part or contents[name])
                    written.append((name, file, layout.title.strip(), rows))
    _write_log(out, written, clean=clean)
    _write_texts(out / "activities", activities, clean=clean)
    _write_documents(out / "documents", documents if clean else contents["documents"], clean=clean)
    totals: dict[str, int] = {}
    for name, _, _, rows in written:
        totals[name] = totals.get(name, 0) + rows
    return totals


def _contents(tables: Tables) -> dict[str, Columns]:
    quotes, lines = tables.quotes()
    assets, history = tables.assets()
    campaigns, members = tables.campaigns()
    return {
        "users": tables.users(), "stages": tables.stages(), "accounts": tables.accounts(), "contacts": tables.contacts(),
        "lead_inbox": tables.lead_inbox(), "opportunities": tables.opportunities(), "quotes": quotes, "quote_lines": lines,
        "tickets": tables.tickets(), "ticket_comments": tables.ticket_comments(), "assets": assets, "asset_history": history,
        "campaigns": campaigns, "campaign_members": members, "documents": tables.documents(), "activities": tables.activities(),
        "calendar": tables.calendar(), "custom_fields": custom_fields(), "automations": automations(),
    }  # fmt: skip


def _parts(columns: Columns) -> list[Columns]:
    count = len(next(iter(columns.values())))
    cut = count * 3 // 5
    return [{h: cells[first:last] for h, cells in columns.items()} for first, last in ((0, cut), (cut, count))]


def _write_log(out: Path, written: list[tuple[str, str, str, int]], *, clean: bool) -> None:
    """The export log: true for the files written; a dirty account is over its limits."""
    totals: dict[str, int] = {}
    for name, _, _, rows in written:
        totals[name] = totals.get(name, 0) + rows
    count = len(written)
    tier, limit = ("Professional", 10_000_000) if clean else ("Starter", max(2, totals["lead_inbox"] // 2))
    columns: Columns = {
        "File": [file for _, file, _, _ in written], "Sheet": [title for _, _, title, _ in written],
        "Records In Module": [totals[name] for name, *_ in written], "Records Exported": [rows for *_, rows in written],
        "Exported At": [datetime(2026, 10, 31, 18)] * count, "Tier": [tier] * count,  # noqa: DTZ001 - a cell has no zone
        "Tier Record Limit": [limit] * count, "Storage Used MB": [812.5] * count,
        "Storage Limit MB": [5000 if clean else 500] * count,
    }  # fmt: skip
    with WorkbookSink(out / "ExportLog.xlsx", meta=True) as sink:
        sink.write_sheet(Layout("Export Log", footer=False), columns)


def _texts(columns: Columns) -> Iterator[tuple[int, str, dict[str, Cell]]]:
    for row, name in enumerate(columns["Text File"]):
        if isinstance(name, str):
            yield row, name, {heading: cells[row] for heading, cells in columns.items()}


def _write_texts(folder: Path, columns: Columns, *, clean: bool) -> None:
    (folder / "attachments").mkdir(parents=True, exist_ok=True)
    skipped = {21, 31, 41, 51}  # rows whose file is another one, or none, in dirty samples
    for row, name, cells in _texts(columns):
        if not clean and row % 1009 in skipped:
            continue
        sent = datetime(2022, 3, 7, 9) + timedelta(hours=row)  # noqa: DTZ001 - the offset is written after it
        files = [FILES[row // 10 % len(FILES)], FILES[(row // 10 + 2) % len(FILES)]] if row % 20 == 1 else []
        parent = str(cells["Parent ID"]).strip().removesuffix(".0").lstrip("0")
        lines = [
            f"From: {user_email(row % 6)}", f"To: Client Contact <client{row}@customer-demo.example>",
            f"Date: {sent:%a, %d %b %Y %H:%M:%S} +1100", f"Subject: Re: {SUBJECTS[row % len(SUBJECTS)]}",
            f"Record: {cells['Parent Type']} {parent}",
        ]  # fmt: skip
        if files:
            lines.append("Attachments: " + "; ".join(file for file, _, _ in files))
        if row % 30 == 1:
            lines += [f"Message-ID: <{row}@mail.sparkright-demo.example>", f"In-Reply-To: <{row - 10}@mail.sparkright-demo.example>"]
        if not clean and row % 1009 == 11:
            lines[3] = "Subject: Re: A subject that is so long that\n it goes on in the next line"
        if not clean and row % 1009 == 61:
            lines = [line for line in lines if not line.startswith("Attachments")] + ["Attachments: not there.pdf; ../../secret.txt"]
        if not clean and row % 1009 == 71:
            lines[2] = "Date: sometime in March"
        text = "\n".join(lines) + "\n\n" + _BODIES[row % len(_BODIES)] + "\n"
        encoding, line_end = ("cp1252", "\r\n") if not clean and row % 20 == 11 else ("utf-8", "\n")
        (folder / name).write_bytes(text.replace("\n", line_end).encode(encoding))
        for file, _, content in files:
            (folder / "attachments" / file).write_bytes(content)
    for name, content in () if clean else _FIXTURES.items():
        (folder / name).write_bytes(content)


def _write_documents(folder: Path, columns: Columns, *, clean: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name.rpartition(".")[2]: content for name, _, content in FILES}
    for row, name in enumerate(columns["Exported File"]):
        if name is not None and (clean or row % 1009 not in {2, 3, 4, 5}):
            (folder / str(name)).write_bytes(contents[str(name).rpartition(".")[2]])
    if not clean:
        (folder / f"CON{FIRST_ID + 2}__5_empty.txt").write_bytes(b"")
        (folder / "price list.txt").write_bytes(b"LED panel 89.00\n")
        (folder / f"ACC{FIRST_ID}__77_not indexed.pdf").write_bytes(contents["pdf"])
