"""Tables of a Legrand export; headings as in the contract (shared/contracts/source_contracts.md).

Every table is a mapping heading → cells for row numbers from 0; what belongs together is computed from the same numbers.
Record numbers of all modules begin at ``FIRST_ID``, so that they overlap.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from crm_pipeline.samples import australia as words
from crm_pipeline.samples.draw import Draw
from crm_pipeline.samples.workbook_sink import Cell, Formula, Percent, Serial

FIRST_ID = 100_001
_DAY_ONE = datetime(2021, 2, 1, 9)  # noqa: DTZ001 - a spreadsheet knows no zones
_PREFIXES = (("Account", "ACC", "accounts"), ("Contact", "CON", "contacts"), ("Opportunity", "OPP", "opportunities"),
             ("Ticket", "TKT", "tickets"))  # fmt: skip

Columns = dict[str, list[Cell]]


class Tables:
    """Tables of a sample of ``scale`` leads."""

    def __init__(self, scale: int, seed: int, *, clean: bool) -> None:
        self.clean, self.draw = clean, Draw(seed)
        share = {"accounts": 0.35, "contacts": 0.9, "lead_inbox": 1, "opportunities": 0.6, "quotes": 0.2, "tickets": 0.3,
                 "ticket_comments": 0.4, "assets": 0.2, "asset_history": 0.2, "campaign_members": 0.5, "activities": 2,
                 "calendar": 0.2}  # fmt: skip
        #: Rows of each object before dirt is added.
        self.sizes = {name: max(2, round(scale * part)) for name, part in share.items()}
        self.sizes |= {"campaigns": min(40, max(2, scale // 50)), "documents": min(1000, max(2, scale // 8))}

    # -- cells -------------------------------------------------------------------------------------------------------

    def below(self, name: str, count: int, bound: int) -> list[int]:
        """Whole numbers from 0 to ``bound`` - 1."""
        return self.draw.below(name, pl.int_range(count, eager=True), bound).to_list()

    def pick(self, name: str, count: int, choice: Sequence[str | None]) -> list[Cell]:
        """One of the words for each row."""
        return [choice[index] for index in self.below(name, count, len(choice))]

    def ids(self, name: str, rows: Sequence[int | None]) -> list[Cell]:
        """Record numbers: numbers, and in dirty samples texts in all spellings too."""
        style = self.below(f"{name}.id", len(rows), 8)
        forms = ("{}", "{}", " {} ", "{}.0", "00{}")
        return [
            None if row is None else FIRST_ID + row if self.clean or kind >= len(forms) else forms[kind].format(FIRST_ID + row)
            for row, kind in zip(rows, style, strict=True)
        ]

    def days(self, name: str, moments: Sequence[datetime | None]) -> list[Cell]:
        """Days: date cells, and in dirty samples texts and plain numbers too."""
        style = self.below(f"{name}.form", len(moments), 6)
        return [None if m is None else self._form(m.date(), kind) for m, kind in zip(moments, style, strict=True)]

    def times(self, name: str, moments: Sequence[datetime | None]) -> list[Cell]:
        """The same with times."""
        style = self.below(f"{name}.form", len(moments), 6)
        return [None if m is None else self._form(m, kind) for m, kind in zip(moments, style, strict=True)]

    def _form(self, moment: date, kind: int) -> Cell:
        if self.clean or kind >= 3:
            return moment
        clock = " %H:%M" if isinstance(moment, datetime) else ""
        return (f"{moment:%d/%m/%Y{clock}}", Serial(moment), f"{moment:%Y-%m-%d{clock}}")[kind]

    def percents(self, name: str, values: Sequence[int]) -> list[Cell]:
        """Percentages: 25, and in dirty samples '25%' and 0.25 shown as 25 % too."""
        style = self.below(f"{name}.form", len(values), 3)
        return [
            value if self.clean or kind == 0 else f"{value}%" if kind == 1 else Percent(value / 100)
            for value, kind in zip(values, style, strict=True)
        ]

    def moments(self, name: str, count: int, days: int = 1900) -> list[datetime]:
        """Working hours of about five years."""
        day, minute = self.below(f"{name}.day", count, days), self.below(f"{name}.minute", count, 480)
        return [_DAY_ONE + timedelta(days=d, minutes=m) for d, m in zip(day, minute, strict=True)]

    def _owners(self, name: str, count: int) -> tuple[list[Cell], list[Cell]]:
        owner = self.below(f"{name}.owner", count, len(words.USERS))
        return [words.USERS[o][0] for o in owner], [user_email(o) for o in owner]

    def _lost_zero(self, name: str, values: Sequence[str | None]) -> list[Cell]:
        """Texts of digits; in dirty samples some as numbers, which lose their leading 0."""
        style = self.below(f"{name}.number", len(values), 3)
        return [
            int(value) if value and value.isdigit() and kind == 0 and not self.clean else value
            for value, kind in zip(values, style, strict=True)
        ]

    # -- who belongs to whom -----------------------------------------------------------------------------------------

    def links(self, name: str, to: str) -> list[int]:
        """For each row of an object, the row of another one it belongs to."""
        return self.below(f"{name}.{to}", self.sizes[name], self.sizes[to])

    def customers(self, name: str) -> tuple[list[int], list[int]]:
        """For each row the account and one of its contacts."""
        contact, account = self.links(name, "contacts"), self.links("contacts", "accounts")
        return [account[c] for c in contact], contact

    def company(self, row: int) -> tuple[str, str, str]:
        """Name, domain and industry of an account."""
        first, (second, industry) = words.COMPANY_FIRST[row % 16], words.COMPANY_SECOND[(row // 16 + row) % 9]
        rounds = "" if row < 144 else f" {row // 144}"
        return f"{first} {second}{rounds} Pty Ltd", f"{slug(first + second + rounds)}.com.au", industry

    def person(self, row: int) -> str:
        """A contact's full name."""
        return f"{words.FIRST_NAMES[row * 7 % 16]} {words.LAST_NAMES[(row // 16 + row * 5) % 16]}"

    # -- tables ------------------------------------------------------------------------------------------------------

    def users(self) -> Columns:
        """The CRM's users, one of them inactive."""
        users = list(enumerate(words.USERS))
        return {
            "UserID": [FIRST_ID + n for n, _ in users], "Full Name": [u[0] for _, u in users],
            "Email": [user_email(n) for n, _ in users], "Role": [u[2] for _, u in users], "Active": [u[3] for _, u in users],
        }  # fmt: skip

    def stages(self) -> Columns:
        """Stages of both pipelines."""
        names = [s[0] for s in words.STAGES]
        return {
            "Pipeline": list(names), "Stage Order": [names[:n].count(name) + 1 for n, name in enumerate(names)],
            "Stage Name": [s[1] for s in words.STAGES], "Probability (%)": self.percents("stage", [s[2] for s in words.STAGES]),
            "Outcome": [s[3] for s in words.STAGES],
        }  # fmt: skip

    def accounts(self) -> Columns:
        """Companies."""
        count = self.sizes["accounts"]
        facts = [self.company(row) for row in range(count)]
        places = [words.PLACES[p] for p in self.below("account.place", count, len(words.PLACES))]
        numbers = self.below("account.phone", count, 90_000_000)
        owner, email = self._owners("account", count)
        created = self.moments("account", count)
        return {
            "AccountID": self.ids("account", range(count)), "Company Name": [f[0] for f in facts],
            "Account Type": self.pick("account.type", count, ("Customer", "Customer", "Prospect", "Partner", "Supplier")),
            "Phone": self._lost_zero("account", [f"{p[3]}{n + 10_000_000:08d}" for p, n in zip(places, numbers, strict=True)]),
            "Email": [f"office@{f[1]}" for f in facts], "Website": [f"www.{f[1]}" for f in facts],
            "Street": [f"{n % 200 + 1} {words.STREETS[n % 6]}" for n in numbers], "Suburb": [p[0] for p in places],
            "State": [p[1] for p in places], "Postcode": self._lost_zero("account.post", [p[2] for p in places]),
            "Country": ["Australia"] * count, "Industry": [f[2] for f in facts], "Tags": self.pick("account.tags", count, words.TAGS),
            "Owner": owner, "Owner Email": email,
            "Notes": self.pick("account.notes", count, (None, "Prefers invoices by e-mail.", "Gate code 4711#\nDog on site")),
            "Created Date": self.times("account.created", created),
            "Modified Date": self.times("account.modified", [m + timedelta(days=20) for m in created]),
            "Site Access": self.pick("account.access", count, ("Business hours", "24/7", None)),
            "Licence Expiry": self.days("account.licence", [m + timedelta(days=900) if n % 3 else None for n, m in enumerate(created)]),
        }  # fmt: skip

    def contacts(self) -> Columns:
        """People of companies."""
        count = self.sizes["contacts"]
        account = self.links("contacts", "accounts")
        facts = [self.company(a) for a in account]
        places = [words.PLACES[p] for p in self.below("contact.place", count, len(words.PLACES))]
        numbers = self.below("contact.phone", count, 90_000_000)
        owner, email = self._owners("contact", count)
        created = self.moments("contact", count)
        return {
            "ContactID": self.ids("contact", range(count)), "AccountID": self.ids("contact.account", account),
            "Company Name": [f[0] for f in facts], "Title": self.pick("contact.title", count, ("Mr", "Ms", "Dr", None)),
            "Full Name": [self.person(row) for row in range(count)], "Job Title": self.pick("contact.job", count, words.JOB_TITLES),
            "Role": ["Primary" if n % 5 else "Accounting" for n in range(count)],
            "Email": [f"{slug(self.person(n))}{n}@{f[1]}" for n, f in enumerate(facts)],
            "Phone": [f"({p[3]}) {n % 9000 + 1000} {n % 8999 + 1000}" for p, n in zip(places, numbers, strict=True)],
            "Mobile": self._lost_zero("contact.mobile", [f"04{n:08d}" for n in numbers]), "Suburb": [p[0] for p in places],
            "State": [p[1] for p in places], "Postcode": self._lost_zero("contact.post", [p[2] for p in places]),
            "Tags": self.pick("contact.tags", count, words.TAGS), "Do Not Email": [n % 11 == 0 for n in range(count)],
            "Owner": owner, "Owner Email": email, "Created Date": self.times("contact.created", created),
            "Modified Date": self.times("contact.modified", [m + timedelta(days=9) for m in created]),
            "Birthday": self.days("contact.birthday", [datetime(1960 + n % 40, n % 12 + 1, n % 28 + 1) if n % 4 else None for n in numbers]),  # noqa: DTZ001
        }  # fmt: skip

    def lead_inbox(self) -> Columns:
        """Leads that came in."""
        count = self.sizes["lead_inbox"]
        numbers = self.below("lead.number", count, 90_000_000)
        owner, email = self._owners("lead", count)
        received = self.moments("lead", count)
        return {
            "LeadID": self.ids("lead", range(count)), "Name": [self.person(n % 997) for n in numbers],
            "Company": [self.company(n % 1440)[0] if n % 3 else None for n in numbers],
            "Email": [f"{slug(self.person(n % 997))}.{row}@bigpond-demo.example" for row, n in enumerate(numbers)],
            "Phone": self._lost_zero("lead.phone", [f"04{n:08d}" for n in numbers]), "Source": self.pick("lead.source", count, words.SOURCES),
            "Status": self.pick("lead.status", count, ("New", "Contacted", "Nurture", "Disqualified")),
            "Lead Score": [n % 101 for n in numbers], "Owner": owner, "Owner Email": email,
            "Message": self.pick("lead.message", count, ("Please call me back.", "Need a quote – 12 downlights & a fan", None)),
            "Received Date": self.times("lead.received", received),
            "Modified Date": self.times("lead.modified", [m + timedelta(hours=30) for m in received]),
        }  # fmt: skip

    def opportunities(self) -> Columns:
        """Opportunities with an account and one of its contacts."""
        count = self.sizes["opportunities"]
        account, contact = self.customers("opportunities")
        stages = [words.STAGES[s] for s in self.below("opportunity.stage", count, len(words.STAGES))]
        values = [(n + 4) * 50 for n in self.below("opportunity.value", count, 2000)]
        campaign = self.links("opportunities", "campaigns")
        owner, email = self._owners("opportunity", count)
        created = self.moments("opportunity", count)
        return {
            "OpportunityID": self.ids("opportunity", range(count)),
            "Opportunity Name": [f"{self.company(a)[0].removesuffix(' Pty Ltd')} – {words.PRODUCTS[n % 6][1]}" for n, a in enumerate(account)],
            "AccountID": self.ids("opportunity.account", account), "ContactID": self.ids("opportunity.contact", contact),
            "Pipeline": [s[0] for s in stages], "Stage": [s[1] for s in stages],
            "Probability (%)": self.percents("opportunity", [s[2] for s in stages]), "Value": self._amounts("opportunity", values),
            "Currency": ["AUD"] * count,
            "Expected Close Date": self.days("opportunity.close", [m + timedelta(days=60) for m in created]),
            "Status": [s[3] for s in stages],
            "Outcome Reason": ["Price" if s[3] == "Lost" else None for s in stages],
            "CampaignID": self.ids("opportunity.campaign", [c if n % 3 == 0 else None for n, c in enumerate(campaign)]),
            "Owner": owner, "Owner Email": email,
            "Description": self.pick("opportunity.text", count, (None, "Two stages, second one next year.")),
            "Created Date": self.times("opportunity.created", created),
            "Modified Date": self.times("opportunity.modified", [m + timedelta(days=14) for m in created]),
            "Building Class": self.pick("opportunity.class", count, ("Class 1", "Class 5", "Class 9b", None)),
        }  # fmt: skip

    def _amounts(self, name: str, dollars: Sequence[int]) -> list[Cell]:
        style = self.below(f"{name}.amount", len(dollars), 4)
        return [
            f"${value:,}.00" if kind == 0 and not self.clean else f"A$ {value}.00" if kind == 1 and not self.clean else value
            for value, kind in zip(dollars, style, strict=True)
        ]

    def quotes(self) -> tuple[Columns, Columns]:
        """Quotes, every fourth one a second revision of the one before it, and their lines."""
        count = self.sizes["quotes"]
        base = [row - 1 if row % 4 == 3 else row for row in range(count)]
        opportunity = [self.links("quotes", "opportunities")[b] for b in base]
        accounts, contacts = self.customers("opportunities")
        lines: list[list[Cell]] = []
        nets: list[int] = []
        for row in range(count):
            net = 0
            for place in range(row % 3 + 1):
                code, name, price = words.PRODUCTS[(row + place) % 6]
                quantity, discount = (row + place) % 5 + 1, 10 if (row + place) % 4 == 0 else 0
                total = price * quantity * (100 - discount) / 100
                net += price * quantity * (100 - discount)
                number = len(lines) + 2
                result: Cell = Formula(f"=G{number}*H{number}*(1-I{number})", total) if discount == 0 else total
                lines.append([FIRST_ID + len(lines), FIRST_ID + row, place + 1, code, name, None, quantity, price, Percent(discount / 100), Percent(0.1), result])
            nets.append(net)
        dates = self.moments("quote", count)
        headings = ("QuoteLineID", "QuoteID", "Line No", "Product Code", "Product Name", "Description", "Quantity", "Unit Price",
                    "Discount %", "Tax Rate %", "Line Total")  # fmt: skip
        table: Columns = {
            "QuoteID": self.ids("quote", range(count)), "Quote Number": [f"Q-{5000 + b}" for b in base],
            "Revision": [2 if row % 4 == 3 else 1 for row in range(count)],
            "AccountID": self.ids("quote.account", [accounts[o] for o in opportunity]),
            "ContactID": self.ids("quote.contact", [contacts[o] for o in opportunity]),
            "OpportunityID": self.ids("quote.opportunity", opportunity), "Quote Date": self.days("quote.date", dates),
            "Valid Until": self.days("quote.until", [m + timedelta(days=30) for m in dates]),
            "Payment Terms": self.pick("quote.terms", count, ("Net 14 days", "Net 30 days", None)),
            "Customer Reference": [f"PO {n}" if n % 3 == 0 else None for n in range(count)],
            "Status": self.pick("quote.status", count, ("Draft", "Sent", "Accepted", "Rejected")), "Currency": ["AUD"] * count,
            "Subtotal": [net / 100 for net in nets], "GST": [net // 10 / 100 for net in nets],
            "Total": [(net + net // 10) / 100 for net in nets],
            "Sales Order No": [f"SO{7000 + n}" if n % 5 == 0 else None for n in range(count)],
            "Owner Email": self._owners("quote", count)[1],
        }  # fmt: skip
        return table, {heading: [line[n] for line in lines] for n, heading in enumerate(headings)}

    def assets(self) -> tuple[Columns, Columns]:
        """Assets and their service history."""
        count, history = self.sizes["assets"], self.sizes["asset_history"]
        account, contact = self.customers("assets")
        bought = self.moments("asset", count)
        table: Columns = {
            "AssetID": self.ids("asset", range(count)), "Asset Name": [f"{words.PRODUCTS[n % 6][1]} #{n + 1}" for n in range(count)],
            "Serial Number": [f"SN{n:05d}" for n in range(count)], "Model": [words.PRODUCTS[n % 6][0] for n in range(count)],
            "AccountID": self.ids("asset.account", account), "ContactID": self.ids("asset.contact", contact),
            "Status": self.pick("asset.status", count, ("In service", "In service", "Retired")),
            "Purchase Date": self.days("asset.bought", bought),
            "Warranty Expiry": self.days("asset.warranty", [m + timedelta(days=730) for m in bought]),
            "Location": self.pick("asset.location", count, ("Level 1", "Plant room", None)), "Owner Email": self._owners("asset", count)[1],
        }  # fmt: skip
        tickets = self.links("asset_history", "tickets")
        return table, {
            "HistoryID": self.ids("history", range(history)), "AssetID": self.ids("history.asset", self.links("asset_history", "assets")),
            "Service Date": self.days("history.date", self.moments("history", history)),
            "Technician": self.pick("history.technician", history, ("Wiremu Parata", "Kylie Sanders")),
            "Work Done": self.pick("history.work", history, ("Thermal scan, no findings", "Replaced RCD; tested & tagged")),
            "TicketID": self.ids("history.ticket", [t if n % 2 else None for n, t in enumerate(tickets)]),
        }  # fmt: skip

    def tickets(self) -> Columns:
        """Tickets of accounts."""
        count = self.sizes["tickets"]
        account, contact = self.customers("tickets")
        asset = self.links("tickets", "assets")
        opened = self.moments("ticket", count)
        status = self.pick("ticket.status", count, words.TICKET_STATUSES)
        owner, email = self._owners("ticket", count)
        done = {"Resolved", "Closed"}
        return {
            "TicketID": self.ids("ticket", range(count)), "Board": self.pick("ticket.board", count, words.BOARDS),
            "Subject": self.pick("ticket.subject", count, words.SUBJECTS), "Description": self.pick("ticket.text", count, words.TICKET_TEXTS),
            "Status": status, "Priority": self.pick("ticket.priority", count, words.PRIORITIES),
            "AccountID": self.ids("ticket.account", account), "ContactID": self.ids("ticket.contact", contact),
            "AssetID": self.ids("ticket.asset", [a if n % 2 else None for n, a in enumerate(asset)]),
            "Owner": owner, "Owner Email": email, "Age (days)": [n % 40 for n in range(count)],
            "Opened Date": self.times("ticket.opened", opened),
            "Closed Date": self.times("ticket.closed", [m + timedelta(days=3) if s in done else None for m, s in zip(opened, status, strict=True)]),
            "Modified Date": self.times("ticket.modified", [m + timedelta(days=4) for m in opened]),
        }  # fmt: skip

    def ticket_comments(self) -> Columns:
        """Internal comments."""
        count = self.sizes["ticket_comments"]
        owner, email = self._owners("comment", count)
        return {
            "CommentID": self.ids("comment", range(count)), "TicketID": self.ids("comment.ticket", self.links("ticket_comments", "tickets")),
            "Author": owner, "Author Email": email,
            "Comment": self.pick("comment.text", count, ("Parts ordered.", "Customer rang – not home before 4 pm.", "Waiting on <b>approval</b>")),
            "Comment Date": self.times("comment.date", self.moments("comment", count)),
        }  # fmt: skip

    def campaigns(self) -> tuple[Columns, Columns]:
        """Campaigns and their members."""
        count, members = self.sizes["campaigns"], self.sizes["campaign_members"]
        start = self.moments("campaign", count)
        table: Columns = {
            "CampaignID": self.ids("campaign", range(count)), "Campaign Name": [f"Winter check {2021 + n}" for n in range(count)],
            "Type": self.pick("campaign.type", count, ("Email", "Event")), "Status": self.pick("campaign.status", count, ("Planned", "Completed")),
            "Start Date": self.days("campaign.start", start), "End Date": self.days("campaign.end", [m + timedelta(days=30) for m in start]),
            "Target Member Count": [50 + n for n in range(count)], "Owner Email": self._owners("campaign", count)[1],
        }  # fmt: skip
        kinds = ["Contact" if n % 2 else "Lead" for n in range(members)]
        sizes = {"Contact": self.sizes["contacts"], "Lead": self.sizes["lead_inbox"]}
        # members are counted through, so that nobody is twice in one campaign
        who = [n // 2 % sizes[kind] for n, kind in enumerate(kinds)]
        rounds = [n // 2 // sizes[kind] for n, kind in enumerate(kinds)]
        return table, {
            "CampaignID": self.ids("member.campaign", [(n + r) % count for n, r in enumerate(rounds)]), "Member Type": list(kinds),
            "Member ID": self.ids("member", who), "Member Status": self.pick("member.status", members, ("Sent", "Responded")),
            "Date Added": self.times("member.added", self.moments("member", members)),
        }  # fmt: skip

    def parents(self, name: str, count: int, kinds: Sequence[tuple[str, str]]) -> tuple[list[str], list[int]]:
        """For each row the kind of record it belongs to, and that record's row."""
        kind = [kinds[k] for k in self.below(f"{name}.kind", count, len(kinds))]
        number = self.below(f"{name}.parent", count, 1 << 30)
        return [k[0] for k in kind], [n % self.sizes[k[1]] for k, n in zip(kind, number, strict=True)]

    def documents(self) -> Columns:
        """The list of documents."""
        count = self.sizes["documents"]
        kinds, rows = self.parents("document", count, [(kind, name) for kind, _, name in _PREFIXES])
        prefix = {kind: letters for kind, letters, _ in _PREFIXES}
        names = [("quote.pdf", "site photo.png", "Prüfbericht.txt")[n % 3] for n in range(count)]
        files = [f"{prefix[k]}{FIRST_ID + r}__{n + 1}_{name}" for n, (k, r, name) in enumerate(zip(kinds, rows, names, strict=True))]
        return {
            "DocumentID": self.ids("document", range(count)), "File Name": list(names), "Exported File": list(files),
            "Parent Type": list(kinds), "Parent ID": self.ids("document.parent", rows),
            "Folder": self.pick("document.folder", count, ("Quotes", "Compliance", None)), "Uploaded By": self._owners("document", count)[0],
            "Uploaded Date": self.times("document.date", self.moments("document", count)), "Size KB": [1] * count,
        }  # fmt: skip

    def activities(self) -> Columns:
        """Activities; every tenth is an e-mail with a text file."""
        count = self.sizes["activities"]
        kinds = [*((kind, name) for kind, _, name in _PREFIXES), ("Lead", "lead_inbox")]
        parent, rows = self.parents("activity", count, kinds)
        # every tenth one is an e-mail, at most 2,000 files
        texts = [f"{FIRST_ID + n}.txt" if n % 10 == 1 and n < 20_000 else None for n in range(count)]
        other = self.pick("activity.type", count, ("Note", "Call", "Task", "Meeting"))
        return {
            "ActivityID": self.ids("activity", range(count)), "Type": ["Email" if t else o for t, o in zip(texts, other, strict=True)],
            "Parent Type": list(parent), "Parent ID": self.ids("activity.parent", rows),
            "Subject": self.pick("activity.subject", count, words.SUBJECTS), "Text File": list(texts),
            "Activity Date": self.times("activity.date", self.moments("activity", count)), "Owner Email": self._owners("activity", count)[1],
        }  # fmt: skip

    def calendar(self) -> Columns:
        """Events."""
        count = self.sizes["calendar"]
        kinds, rows = self.parents("event", count, [(kind, name) for kind, _, name in _PREFIXES])
        start = self.moments("event", count)
        return {
            "EventID": self.ids("event", range(count)), "Event Type": self.pick("event.type", count, ("Meeting", "Site visit")),
            "Subject": self.pick("event.subject", count, words.SUBJECTS), "Start": self.times("event.start", start),
            "End": self.times("event.end", [m + timedelta(hours=1) for m in start]), "All Day": [n % 9 == 0 for n in range(count)],
            "Location": self.pick("event.place", count, ("On site", "Office", None)),
            "Attendees": [f"{user_email(n % 6)}; {slug(self.person(n))}@{self.company(n)[1]}" for n in range(count)],
            "Parent Type": list(kinds), "Parent ID": self.ids("event.parent", rows), "Owner Email": self._owners("event", count)[1],
            "Description": self.pick("event.text", count, (None, "Bring the test certificates.")),
        }  # fmt: skip


def user_email(number: int) -> str:
    """E-mail address of a user of the CRM."""
    return f"{words.USERS[number][1]}@{words.USER_DOMAIN}"


def slug(text: str) -> str:
    """Lower-case ASCII letters and digits of a text."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", plain.lower())


def custom_fields() -> Columns:
    """The custom fields of the account."""
    rows = [("Accounts", "Site Access", "Drop-down", "Business hours|24/7", False), ("Accounts", "Licence Expiry", "Calendar", None, False),
            ("Contacts", "Birthday", "Calendar", None, False), ("Opportunities", "Building Class", "Drop-down", "Class 1|Class 5|Class 9b", True)]  # fmt: skip
    return {h: [row[n] for row in rows] for n, h in enumerate(("Module", "Field Name", "Field Type", "Options", "Required"))}


def automations() -> Columns:
    """What the CRM does by itself."""
    rows = [(FIRST_ID, "Lead Inbox", "Thank you mail", "Automation", "Lead received", "Send e-mail 'Thanks'", True),
            (FIRST_ID + 1, "Service Desk", "Escalate", "Workflow", "Priority = Urgent and age > 1 day", "Notify Manager", True),
            (FIRST_ID + 2, "Campaigns", "Winter check", "Sequence", "Member added", "3 e-mails over 14 days", False)]  # fmt: skip
    return {h: [row[n] for row in rows] for n, h in enumerate(("AutomationID", "Module", "Name", "Kind", "Trigger", "Action", "Active"))}
