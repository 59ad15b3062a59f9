"""calendar.event (ODOO_FACTS 10)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.chatter import ADMIN_PARTNER, note, queue_mail
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs


class EventRule(Rule):
    """Meetings."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Dates of all-day events, duration, organiser as attendee; a stop before the start is refused."""
        del model, context
        for doc, names in zip(docs, given, strict=True):
            if "stop" not in names:
                doc["stop"] = orm.now  # all versions: a missing stop becomes now, not start + 1 h
            if doc.get("allday"):
                if doc.get("start_date"):
                    doc["start"] = f"{doc['start_date']} 08:00:00"
                    doc["stop"] = f"{doc.get('stop_date') or doc['start_date']} 18:00:00"
                else:
                    doc["start_date"], doc["stop_date"] = (doc.get("start") or "")[:10], (doc.get("stop") or "")[:10]
            _check_times(doc)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """A note on the lead it is created with; attendees; invitations to the future."""
        del model, given
        for key, doc in pairs:
            if doc.get("opportunity_id"):
                note(orm, "crm.lead", doc["opportunity_id"], f"<p>Meeting scheduled at {doc.get('start')}</p>")
            if "activity_ids" in doc:
                continue
            partners = doc.get("partner_ids") or []
            rows: Pairs = [
                (attendee, {"event_id": key, "partner_id": partner, "state": "needsAction"})
                for attendee, partner in zip(
                    orm.store.next_ids("calendar.attendee", len(partners)), partners, strict=True
                )
            ]
            orm.store.insert("calendar.attendee", rows)
            if not context.get("no_mail_to_attendees") and (doc.get("start") or "") > orm.now:
                for partner in partners:
                    if partner != ADMIN_PARTNER:
                        queue_mail(orm, "calendar.event", key, partner, "Invitation")

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Refuse a stop before the start."""
        del orm, model, given, context
        for key, vals in pairs:
            if vals.keys() & {"start", "stop"}:
                doc = {**old[key], **vals}
                _check_times(doc)
                vals["duration"] = doc.get("duration")


def _check_times(doc: Doc) -> None:
    if not doc.get("start") or not doc.get("stop"):
        return
    start, stop = datetime.fromisoformat(doc["start"]), datetime.fromisoformat(doc["stop"])
    if stop < start:
        message = (
            f"The ending date and time cannot be earlier than the starting date and time.\nMeeting “{doc.get('name')}”"
        )
        raise DataError(message, call="calendar.event")
    doc["duration"] = round((stop - start).total_seconds() / 3600, 2) or None
