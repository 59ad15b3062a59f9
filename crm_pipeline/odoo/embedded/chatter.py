"""What Odoo leaves in a record's chatter by itself: followers, notes, queued mail (ODOO_FACTS 0).

A context that is quiet leaves none of it; what is left proves that a context was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

ADMIN = 2  # base.user_admin, who makes every call
ADMIN_PARTNER = 3  # base.partner_admin


def log_creation(orm: Orm, model: Model, pairs: Pairs, context: Context) -> None:
    """A note, the creator as follower, and a mail to a new owner, as far as the context allows each."""
    for key, doc in pairs:
        owner = doc.get("user_id")
        followers = [] if context.get("mail_create_nosubscribe") else [ADMIN_PARTNER]
        if owner and owner != ADMIN and "user_id" in model.many2one:
            (user,) = orm.store.get("res.users", [owner]).values()
            followers.append(user["partner_id"])
            if not context.get("mail_auto_subscribe_no_notify"):
                queue_mail(orm, model.name, key, user["partner_id"], "You have been assigned")
        if not context.get("mail_create_nolog"):
            note(orm, model.name, key, "<p>created</p>")
        follow(orm, model.name, [(key, partner) for partner in followers])


def follow(orm: Orm, model: str, followers: Sequence[tuple[int, int]]) -> None:
    """Partners follow records of a model, each once; as record and partner."""
    wanted = dict.fromkeys(followers)
    known = orm.store.find("mail.followers", res_model=model, res_id=list({res_id for res_id, _ in wanted})) if wanted else []
    for _, doc in known:
        wanted.pop((doc["res_id"], doc["partner_id"]), None)
    rows: Pairs = [
        (key, {"res_model": model, "res_id": res_id, "partner_id": partner})
        for key, (res_id, partner) in zip(orm.store.next_ids("mail.followers", len(wanted)), wanted, strict=True)
    ]
    orm.store.insert("mail.followers", rows)


def note(orm: Orm, model: str, res_id: int, body: str) -> int:
    """A message Odoo itself writes; its id."""
    (key,) = add_notes(orm, model, [(res_id, body)])
    return key


def add_notes(orm: Orm, model: str, notes: Sequence[tuple[int, str]]) -> list[int]:
    """Messages Odoo itself writes, as record and body; their ids."""
    keys = list(orm.store.next_ids("mail.message", len(notes)))
    shared = {
        "model": model, "message_type": "notification", "subtype_id": 2, "author_id": ADMIN_PARTNER, "date": orm.now,
        "create_date": orm.stamp, "write_date": orm.stamp,
    }  # fmt: skip
    orm.store.insert("mail.message", [(key, {**shared, "res_id": res_id, "body": body}) for key, (res_id, body) in zip(keys, notes, strict=True)])
    return keys


def queue_mail(orm: Orm, model: str, res_id: int, partner: int, subject: str) -> None:
    """A mail that Odoo would have sent."""
    message = note(orm, model, res_id, f"<p>{subject}</p>")
    stamps = {"create_date": orm.stamp, "write_date": orm.stamp}
    (key,) = orm.store.next_ids("mail.mail", 1)
    mail = {"mail_message_id": message, "state": "outgoing", "recipient_ids": [partner], **stamps}
    orm.store.insert("mail.mail", [(key, mail)])
    (key,) = orm.store.next_ids("mail.notification", 1)
    told = {"mail_message_id": message, "res_partner_id": partner, "notification_type": "email", **stamps}
    orm.store.insert("mail.notification", [(key, told)])
