"""Tables of a Leadforce export, chunk by chunk; headings as in the contract (shared/contracts/source_contracts.md)."""

from __future__ import annotations

import polars as pl

from crm_pipeline.samples import vocabulary as words
from crm_pipeline.samples.attachments import FILES
from crm_pipeline.samples.draw import shuffled
from crm_pipeline.samples.formats import CLEAN_TIMES, DIRTY_TIMES, amounts, constant, dates, dressed_amounts, times
from crm_pipeline.samples.world import DAY, LAST, STAGES, USERS, World, lead_id, user_email


class Tables:
    """Frames of text, ready to be written; ``rows`` are row numbers of the object (Int64)."""

    def __init__(self, world: World, *, clean: bool) -> None:
        self.world, self.draw, self.clean = world, world.draw, clean
        self._styles = CLEAN_TIMES if clean else DIRTY_TIMES
        scale = world.scale
        #: Rows of each object before dirt is added.
        self.sizes = {
            "leads": scale,
            "deals": world.deals,
            "activities": scale * 2,
            "notes": round(scale * 0.8),
            "attachments": round(scale * 0.1),
            "proposals": round(scale * 0.2),
            "invoices": round(scale * 0.15),
        }

    def times(self, name: str, rows: pl.Series, seconds: pl.Series) -> pl.Series:
        """Moments as text in the export's mix of styles."""
        return times(self.draw, name, rows, seconds, self._styles)

    def _money(self, name: str, rows: pl.Series, cents: pl.Series, currency: pl.Series) -> pl.Series:
        return amounts(cents) if self.clean else dressed_amounts(self.draw, name, rows, cents, currency)

    def owners(self, index: pl.Series) -> pl.Series:
        """E-mail addresses of users by index."""
        return pl.Series([user_email(number) for number in range(len(USERS))]).gather(index)

    def users(self) -> pl.DataFrame:
        """The CRM's users, one of them inactive."""
        return pl.DataFrame(
            [
                {
                    "User ID": f"U{number + 1:03d}",
                    "Full Name": name,
                    "Email": user_email(number),
                    "Role": role,
                    "Team": team,
                    "Status": "Active" if active else "Inactive",
                    "Created At": f"2018-0{number + 1}-15T09:30:00+05:30",
                }
                for number, (name, _, role, team, active) in enumerate(USERS)
            ]
        )

    def pipeline_stages(self) -> pl.DataFrame:
        """Stages of both pipelines."""
        return pl.DataFrame(
            [
                {
                    "Stage ID": f"S{number + 1:02d}",
                    "Pipeline": pipeline,
                    "Stage Name": stage,
                    "Order": str(number + 1 if number < 6 else number - 5),
                    "Probability (%)": str(probability),
                    "Is Won": "Yes" if outcome == "Won" else "No",
                    "Is Lost": "Yes" if outcome == "Lost" else "No",
                }
                for number, (pipeline, stage, probability, outcome) in enumerate(STAGES)
            ]
        )

    def leads(self, rows: pl.Series) -> pl.DataFrame:
        """Leads with their companies, several to a company; 18 % are people with free mail."""
        draw = self.draw
        lead = self.world.lead(rows)
        company = lead["has_company"]
        website = ("https://www." + lead["company.domain"]).zip_with(
            draw.chance("lead.scheme", rows, 60), lead["company.domain"]
        )
        local = draw.below("lead.phone", rows, 9_000_000) + 1_000_000
        phone = (
            lead["company.prefix"]
            + " "
            + (local // 1000).cast(pl.String)
            + " "
            + (local % 1000).cast(pl.String).str.zfill(3)
        )
        address = {
            heading: lead[f"company.{name}"]
            for heading, name in (("Street", "street"), ("City", "city"), ("State", "state"), ("Postcode", "postcode"),
                                  ("Country", "country"))
        }  # fmt: skip
        none = constant(None, rows)
        return pl.DataFrame(
            {
                "Lead ID": lead_id(rows),
                "First Name": lead["first"],
                "Last Name": lead["last"],
                "Email": lead["email"],
                "Phone": phone.zip_with(draw.chance("lead.has_phone", rows, 80), none),
                "Mobile": ("+91 98" + (local * 7 % 90_000_000 + 10_000_000).cast(pl.String)).zip_with(
                    draw.chance("lead.has_mobile", rows, 50), none
                ),
                "Job Title": draw.pick("lead.title", rows, words.JOB_TITLES),
                "Company Name": lead["company.name"].zip_with(company, none),
                "Industry": lead["company.industry"].zip_with(company, none),
                "Website": website.zip_with(company & ~lead["free_mail"], none),
                **address,
                "Lead Source": draw.pick("lead.source", rows, words.LEAD_SOURCES),
                "Lead Status": lead["status"],
                "Owner Email": self.owners(lead["owner"]),
                "Estimated Value": self._money("lead.value", rows, lead["cents"], lead["currency"]).zip_with(
                    draw.chance("lead.has_value", rows, 85), none
                ),
                "Currency": lead["currency"],
                "Description": draw.pick("lead.text", rows, words.LEAD_TEXTS),
                "Tags": draw.pick("lead.tags", rows, words.TAGS),
                "Created At": self.times("lead.created", rows, lead["created"]),
                "Updated At": self.times("lead.updated", rows, lead["updated"]),
                "CF: Budget Range": draw.pick("lead.cf.budget", rows, (None, "< 10k", "10k - 50k", "> 50k")),
                "CF: Employees": (draw.below("lead.cf.employees", rows, 900) + 3).cast(pl.String),
                "CF: Newsletter": draw.pick("lead.cf.newsletter", rows, ("Yes", "No", None)),
            }
        )

    def deals(self, rows: pl.Series) -> pl.DataFrame:
        """Open, won and lost deals of two pipelines; most belong to a lead."""
        draw = self.draw
        deal = self.world.deal(rows)
        pipeline, stage, probability, outcome = (pl.Series(c).gather(deal["stage"]) for c in zip(*STAGES, strict=True))
        none = constant(None, rows)
        product = pl.Series([name for _, name, _ in words.PRODUCTS]).gather(
            draw.below("deal.product", rows, len(words.PRODUCTS))
        )
        expected = deal["created"] + 30 * DAY + draw.below("deal.expected", rows, 120 * DAY)
        return pl.DataFrame(
            {
                "Deal ID": deal["id"],
                "Deal Name": deal["company"] + " – " + product,
                "Lead ID": lead_id(deal["lead"]),
                "Pipeline": pipeline,
                "Deal Stage": stage,
                "Deal Value": self._money("deal.value", rows, deal["cents"], deal["currency"]),
                "Currency": deal["currency"],
                "Probability": probability.cast(pl.String),
                "Expected Close Date": dates(expected, "%Y-%m-%d" if self.clean else "%d/%m/%Y"),
                "Closed At": self.times("deal.closed", rows, deal["closed"]),
                "Status": outcome,
                "Lost Reason": draw.pick("deal.reason", rows, words.LOST_REASONS).zip_with(outcome == "Lost", none),
                "Owner Email": self.owners(deal["owner"]),
                "Description": draw.pick("deal.text", rows, words.DEAL_TEXTS),
                "Created At": self.times("deal.created", rows, deal["created"]),
                "Updated At": self.times("deal.updated", rows, deal["updated"]),
                "CF: Contract Months": draw.pick("deal.cf.months", rows, ("12", "24", "36", None)),
            }
        )

    def _related(self, name: str, rows: pl.Series) -> pl.DataFrame:
        """``type, id, since, email, owner`` of the lead or deal a row belongs to."""
        lead_rows = self.draw.below(f"{name}.lead", rows, self.world.scale)
        deal_rows = self.draw.below(f"{name}.deal", rows, max(self.world.deals, 1))
        of_deal = self.draw.chance(f"{name}.of_deal", rows, 45) & (self.world.deals > 0)
        lead, deal = self.world.lead(lead_rows), self.world.deal(deal_rows)
        columns = {"id": deal["id"].zip_with(of_deal, lead_id(lead_rows))}
        for column, source in (("since", "created"), ("email", "email"), ("owner", "owner")):
            columns[column] = deal[source].zip_with(of_deal, lead[source])
        kind = constant("Deal", rows).zip_with(of_deal, constant("Lead", rows))
        return pl.DataFrame({"type": kind, **columns})

    def activities(self, rows: pl.Series) -> pl.DataFrame:
        """Calls, mails, meetings and tasks in no order of time; an eighth is planned after the export."""
        draw = self.draw
        rows = shuffled(rows, self.sizes["activities"])
        parent = self._related("activity", rows)
        kind = draw.pick("activity.type", rows, ("Call", "Call", "Email", "Email", "Email", "Meeting", "Task"))
        planned = draw.chance("activity.planned", rows, 18) & (kind != "Email")
        moment = parent["since"] + draw.below("activity.date", rows, 90 * DAY)
        future = LAST + DAY + draw.below("activity.future", rows, 40 * DAY)
        moment = future.zip_with(planned, moment)
        subject = constant(None, rows)
        for name, subjects in words.SUBJECTS.items():
            subject = draw.pick("activity.subject", rows, subjects).zip_with(kind == name, subject)
        incoming = draw.chance("activity.incoming", rows, 40)
        talk = kind.is_in(["Call", "Email"])
        mail = kind == "Email"
        user, none = self.owners(parent["owner"]), constant(None, rows)
        direction = constant("Incoming", rows).zip_with(incoming, constant("Outgoing", rows))
        length = draw.pick("activity.length", rows, ("5", "15", "30", "45", "60", "12.5"))
        return pl.DataFrame(
            {
                "Activity ID": "A" + (rows + 1).cast(pl.String).str.zfill(7),
                "Related To Type": parent["type"],
                "Related To ID": parent["id"],
                "Activity Type": kind,
                "Subject": subject,
                "Body": draw.pick("activity.body", rows, words.BODIES),
                "Direction": direction.zip_with(talk, none),
                "From": parent["email"].zip_with(incoming, user).zip_with(mail, none),
                "To": user.zip_with(incoming, parent["email"]).zip_with(mail, none),
                "Activity Date": self.times("activity.date", rows, moment),
                "Duration (min)": length.zip_with(kind.is_in(["Call", "Meeting"]), none),
                "Author Email": user,
                "Status": constant("Planned", rows).zip_with(planned, constant("Completed", rows)),
                "Due Date": dates(moment).zip_with(planned, none),
            }
        )

    def notes(self, rows: pl.Series) -> pl.DataFrame:
        """HTML notes, harmless and malicious; the first ones carry the attachments."""
        rows = shuffled(rows, self.sizes["notes"])
        attached = rows < self.sizes["attachments"]
        of_attachment, own = self._related("attachment", rows), self._related("note", rows)
        parent = {name: of_attachment[name].zip_with(attached, own[name]) for name in own.columns}
        moment = parent["since"] + self.draw.below("note.date", rows, 60 * DAY)
        return pl.DataFrame(
            {
                "Note ID": "N" + (rows + 1).cast(pl.String).str.zfill(6),
                "Related To Type": parent["type"],
                "Related To ID": parent["id"],
                "Body": self.draw.pick("note.body", rows, words.NOTES),
                "Author Email": self.owners(parent["owner"]),
                "Created At": self.times("note.date", rows, moment),
                "Attachment IDs": attachment_id(rows).zip_with(attached, constant(None, rows)),
            }
        )

    def attachments(self, rows: pl.Series) -> pl.DataFrame:
        """Every row names one of a few files."""
        parent = self._related("attachment", rows)
        which = rows % len(FILES)
        names, mimes, contents = zip(*FILES, strict=True)
        name = pl.Series(names).gather(which)
        moment = parent["since"] + self.draw.below("attachment.date", rows, 60 * DAY)
        return pl.DataFrame(
            {
                "Attachment ID": attachment_id(rows),
                "Related To Type": parent["type"],
                "Related To ID": parent["id"],
                "File Name": name,
                "File Path": "attachments/" + name,
                "File URL": constant(None, rows),
                "MIME Type": pl.Series(mimes).gather(which),
                "Size (bytes)": pl.Series([str(len(content)) for content in contents]).gather(which),
                "Uploaded By": self.owners(parent["owner"]),
                "Uploaded At": self.times("attachment.date", rows, moment),
            }
        )


def attachment_id(rows: pl.Series) -> pl.Series:
    """'ATT00001' for row 0."""
    return "ATT" + (rows + 1).cast(pl.String).str.zfill(5)
