"""The invented world behind a sample: companies, people, leads and deals as numbers and words, before any export format.

All functions take row numbers and give a frame of the same length; what belongs together (a deal and its lead) is
computed from the same numbers, never stored.
"""

from __future__ import annotations

import re
import unicodedata

import polars as pl

from crm_pipeline.samples import vocabulary as words
from crm_pipeline.samples.draw import Draw

DAY = 86_400
#: Seconds since 1970 of the first record, and of the moment of the export (2019-01-01 and 2026-10-30, UTC).
FIRST, LAST = 1_546_300_800, 1_793_318_400

#: (pipeline, stage, probability, outcome), a stage's place in its pipeline is its place here.
STAGES = (
    ("New Business", "Prospecting", 10, "Open"),
    ("New Business", "Discovery", 25, "Open"),
    ("New Business", "Proposal Sent", 50, "Open"),
    ("New Business", "Negotiation", 75, "Open"),
    ("New Business", "Closed Won", 100, "Won"),
    ("New Business", "Closed Lost", 0, "Lost"),
    ("Renewals", "Renewal Due", 40, "Open"),
    ("Renewals", "Quoted", 60, "Open"),
    ("Renewals", "Verbal Yes", 85, "Open"),
    ("Renewals", "Renewed", 100, "Won"),
    ("Renewals", "Churned", 0, "Lost"),
)
#: Stages of deals, repeated by how often they occur.
DEAL_STAGES = (0, 1, 1, 2, 2, 3, 4, 4, 4, 5, 5, 6, 7, 8, 9, 9, 10)
#: (name, e-mail name, role, team, active)
USERS = (
    ("Asha Menon", "asha.menon", "Admin", "Sales West", True),
    ("Dev Khanna", "dev.khanna", "Manager", "Sales West", True),
    ("Laura Méndez", "laura.mendez", "Sales Rep", "Sales Europe", True),
    ("Tom Becker", "tom.becker", "Sales Rep", "Sales Europe", True),
    ("Nisha Rao", "nisha.rao", "Sales Rep", "Sales West", True),
    ("Zoé Laurent", "zoe.laurent", "Sales Rep", "Sales Europe", True),
    ("Imran Sheikh", "imran.sheikh", "Sales Rep", "Sales West", True),
    ("Grace O'Neill", "grace.oneill", "Sales Rep", "Sales Pacific", True),
    ("Peter Voss", "peter.voss", "Sales Rep", "Sales Europe", False),
)
USER_DOMAIN = "brightpath-demo.example"


def user_email(index: int) -> str:
    """E-mail address of a user of the CRM."""
    return f"{USERS[index][1]}@{USER_DOMAIN}"


def slug(text: str) -> str:
    """Lower-case ASCII letters and digits of a text."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", ascii_text.lower())


#: Deals whose row number modulo 16 is this have no lead.
NO_LEAD = 5


class World:
    """Facts about a sample of ``scale`` leads."""

    def __init__(self, scale: int, seed: int) -> None:
        self.scale = scale
        self.deals = round(scale * 0.6)
        self.companies = max(3, round(scale * 0.35))
        self.draw = Draw(seed)

    def company(self, rows: pl.Series) -> pl.DataFrame:
        """``name, domain, industry, street, city, state, postcode, country, prefix``."""
        first, second = len(words.COMPANY_FIRST), len(words.COMPANY_SECOND)
        base = pl.Series(words.COMPANY_FIRST).gather(rows % first)
        sector = pl.Series([name for name, _ in words.COMPANY_SECOND]).gather((rows // first + rows) % second)
        industry = pl.Series([industry for _, industry in words.COMPANY_SECOND]).gather((rows // first + rows) % second)
        # Together with its rest, the number of rounds makes every name and domain the company's own.
        rounds = (rows // (first * second)).cast(pl.String).replace("0", "")
        place = self.draw.below("company.place", rows, len(words.PLACES))
        city, state, postcode, country, prefix, tld, legal = (
            pl.Series(column, dtype=pl.String).gather(place) for column in zip(*words.PLACES, strict=True)
        )
        slugs = pl.Series([slug(name) for name in words.COMPANY_FIRST]).gather(rows % first)
        sectors = sector.str.to_lowercase()
        number = self.draw.below("company.number", rows, 180) + 1
        street = number.cast(pl.String) + " " + self.draw.pick("company.street", rows, words.STREETS)
        spaced = pl.Series([" "]).gather(rows * 0) + rounds
        return pl.DataFrame(
            {
                "name": (base + " " + sector + spaced).str.strip_chars() + " " + legal,
                "domain": slugs + "-" + sectors + rounds + "." + tld,
                "industry": industry,
                "street": street,
                "city": city,
                "state": state.replace("", None),
                "postcode": postcode,
                "country": country,
                "prefix": prefix,
            }
        )

    def lead(self, rows: pl.Series) -> pl.DataFrame:
        """Facts of leads, with their company's as ``company.<name>``; times in seconds since 1970, UTC.

        Columns: ``row, person, free_mail, has_company, first, last, email, created, updated, status, owner, currency,
        cents``.
        """
        draw = self.draw
        # Every 15th lead is the same person's as the one before it.
        again = (rows % 15 == 14).cast(pl.Int64)
        person = rows - again
        company = self.company(draw.below("person.company", person, self.companies)).rename(
            lambda name: f"company.{name}"
        )
        group = draw.below("person.group", person, len(words.NAMES))
        first = group * 8 + draw.below("person.first", person, 8)
        last = group * 8 + draw.below("person.last", person, 8)
        firsts = [name for names, _ in words.NAMES for name in names]
        lasts = [name for _, names in words.NAMES for name in names]
        mailbox = _gather(firsts, first, 1) + "." + _gather(lasts, last, 1)
        free = draw.chance("person.free", person, 18)
        number = (person % 9000 + 10).cast(pl.String)
        free_mail = mailbox + number + "@" + draw.pick("person.mail", person, words.FREE_MAIL)
        company_mail = mailbox + pl.Series(["", "2", "3"]).gather(draw.below("person.nth", person, 3)) + "@"
        created = FIRST + draw.below("lead.created", rows, LAST - FIRST - 200 * DAY) + 180
        frame = pl.DataFrame(
            {
                "row": rows,
                "person": person,
                "free_mail": free,
                "has_company": ~free | draw.chance("person.named", person, 30),
                "first": _gather(firsts, first, 0),
                "last": _gather(lasts, last, 0),
                "email": free_mail.zip_with(free, company_mail + company["company.domain"]),
                "created": created,
                "updated": created + DAY + draw.below("lead.updated", rows, 180 * DAY),
                "status": draw.pick("lead.status", rows, words.STATUSES),
                "owner": draw.below("lead.owner", rows, len(USERS)),
                "currency": draw.pick("lead.currency", rows, ("USD", "USD", "USD", "EUR", "INR")),
                "cents": (draw.below("lead.value", rows, 90_000) + 100) * 50,
            }
        )
        return frame.hstack(company)

    def deal(self, rows: pl.Series) -> pl.DataFrame:
        """Facts of deals; times in seconds since 1970, UTC.

        Columns: ``row, id, lead`` (NULL for 6 %), ``stage`` (index of STAGES), ``created, closed`` (NULL while open),
        ``updated, owner, currency, cents, company, email``.
        """
        draw = self.draw
        lead = draw.below("deal.lead", rows, self.scale)
        facts = self.lead(lead)
        stage = pl.Series(DEAL_STAGES).gather(draw.below("deal.stage", rows, len(DEAL_STAGES)))
        open_ = pl.Series([outcome == "Open" for *_, outcome in STAGES]).gather(stage)
        created = facts["created"] + draw.below("deal.created", rows, 30 * DAY)
        closed = created + DAY + draw.below("deal.closed", rows, 90 * DAY)
        end = closed.zip_with(~open_, created + draw.below("deal.updated", rows, 60 * DAY))
        none = pl.Series([None], dtype=pl.Int64).gather(rows * 0)
        return pl.DataFrame(
            {
                "row": rows,
                "id": self.deal_id(rows),
                "lead": none.zip_with(rows % 16 == NO_LEAD, lead),
                "stage": stage,
                "created": created,
                "closed": none.zip_with(open_, closed),
                "updated": end + draw.below("deal.later", rows, 2 * DAY),
                "owner": facts["owner"],
                "currency": facts["currency"],
                "cents": (draw.below("deal.value", rows, 400_000) + 500) * 25,
                "company": facts["company.name"],
                "email": facts["email"],
            }
        )

    def deal_id(self, rows: pl.Series) -> pl.Series:
        """'D-' and eight characters; no two rows have the same (multiplication by an odd number modulo 2³²)."""
        scrambled = (rows * 2_654_435_761 + 97) % (1 << 32)
        letters = pl.Series(list("0123456789ABCDEFGHJKLMNPQRSTUVWX"))
        text = pl.Series(["D-1"]).gather(rows * 0)
        for place in range(6, -1, -1):
            text = text + letters.gather((scrambled // (1 << (5 * place))) % 32)
        return text


def lead_id(rows: pl.Series) -> pl.Series:
    """'L000001' for row 0."""
    return "L" + (rows + 1).cast(pl.String).str.zfill(6)


def _gather(names: list[tuple[str, str]], rows: pl.Series, form: int) -> pl.Series:
    return pl.Series([name[form] for name in names]).gather(rows)
