"""Proof that the load did nothing to anybody: no mail queued, no follower, notification or foreign message appeared."""

from __future__ import annotations

from dataclasses import dataclass

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.ledger import read_pages
from crm_pipeline.staging.store import StagingStore

#: Ids in one domain: long lists make slow queries.
_PART = 2000


@dataclass(frozen=True)
class Baseline:
    """Highest ids before the load, by model; what is above it appeared since."""

    highest: dict[str, int]


WATCHED = ("mail.mail", "mail.notification", "mail.followers")


def take_baseline(destination: Destination) -> Baseline:
    """Note the highest id of each watched model; a model that is not installed counts as empty."""
    highest = {}
    for model in WATCHED:
        try:
            found = destination.search_read(model, [], [], limit=1, order="id desc")
        except CallError:
            continue
        highest[model] = found[0]["id"] if found else 0
    return Baseline(highest)


def queued_mails(destination: Destination, baseline: Baseline) -> int:
    """Mails that appeared in Odoo's outgoing queue since the baseline, in any state."""
    if "mail.mail" not in baseline.highest:
        return 0
    return destination.search_count("mail.mail", [("id", ">", baseline.highest["mail.mail"])])


def notifications(destination: Destination, baseline: Baseline) -> int:
    """Notifications to users or partners that appeared since the baseline."""
    if "mail.notification" not in baseline.highest:
        return 0
    return destination.search_count("mail.notification", [("id", ">", baseline.highest["mail.notification"])])


def added_followers(store: StagingStore, destination: Destination, baseline: Baseline, env: str, model: str) -> list[int]:
    """Ids of loaded records of ``model`` that got a follower since the baseline.

    The assignee of an activity doesn't count: Odoo makes them follow the record whatever the context says (17, 18, 19).
    """
    above = baseline.highest.get("mail.followers", 0)
    domain = [("res_model", "=", model), ("id", ">", above)]
    followers = {
        (r["res_id"], r["partner_id"])
        for page in read_pages(destination, "mail.followers", domain, ["res_id", "partner_id"]) for r in page
    }  # fmt: skip
    loaded = store.rows(
        "SELECT DISTINCT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'created'", [env, model]
    )
    unexpected = followers - _assignees(destination, model) if followers else followers
    return sorted({res_id for res_id, _ in unexpected} & {row[0] for row in loaded})


def _assignees(destination: Destination, model: str) -> set[tuple[int, int]]:
    """(record, partner of the assigned user) of every activity on ``model``."""
    activities = [
        r for page in read_pages(destination, "mail.activity", [("res_model", "=", model)], ["res_id", "user_id"]) for r in page
    ]
    users = sorted({r["user_id"] for r in activities if r["user_id"]})
    partners = {
        r["id"]: r["partner_id"]
        for page in read_pages(destination, "res.users", [("id", "in", users)], ["partner_id"]) for r in page
    }  # fmt: skip
    return {(r["res_id"], partners[r["user_id"]]) for r in activities if r["user_id"] in partners}


def foreign_messages(store: StagingStore, destination: Destination, env: str, model: str) -> int:
    """Messages on our records that are not of ours: what tracking or automation wrote."""
    ours = {
        row[0] for row in store.rows("SELECT odoo_id FROM ops.ledger WHERE env = ? AND model = 'mail.message'", [env])
    }
    ids = [row[0] for row in store.rows(
        "SELECT DISTINCT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'created' ORDER BY 1", [env, model]
    )]  # fmt: skip
    count = 0
    for start in range(0, len(ids), _PART):
        domain = [("model", "=", model), ("res_id", "in", ids[start : start + _PART])]
        count += sum(
            r["id"] not in ours for page in read_pages(destination, "mail.message", domain, ["id"]) for r in page
        )
    return count
