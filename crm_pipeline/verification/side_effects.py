"""Proof that the load did nothing to anybody: no mail queued, no follower, notification or foreign message appeared."""

from __future__ import annotations

from dataclasses import dataclass

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.paging import column_pages, read_pages
from crm_pipeline.staging.store import StagingStore

#: Ids in one domain: long lists make slow queries.
_PART = 2000


@dataclass(frozen=True)
class Watch:
    """Highest ids of the watched models before a load and after it; what lies between appeared during the load.

    What people do later in Odoo has higher ids and is not the migration's doing.
    """

    highest: dict[str, int]
    until: dict[str, int]

    def domain(self, model: str) -> list[tuple[str, str, int]]:
        """Records of ``model`` that appeared during the load."""
        return [("id", ">", self.highest.get(model, 0)), *self.before(model)]

    def before(self, model: str) -> list[tuple[str, str, int]]:
        """Records of ``model`` that were there when the load ended."""
        return [("id", "<=", self.until[model])] if model in self.until else []


WATCHED = ("mail.mail", "mail.notification", "mail.followers", "mail.message")


def highest_ids(destination: Destination) -> dict[str, int]:
    """The highest id of each watched model; a model that is not installed is left out."""
    highest = {}
    for model in WATCHED:
        try:
            found = destination.search_read(model, [], [], limit=1, order="id desc")
        except CallError:
            continue
        highest[model] = found[0]["id"] if found else 0
    return highest


def begin_watch(store: StagingStore, destination: Destination, env: str, run_id: str) -> None:
    """Note the highest ids before the first load of a run."""
    if store.value("SELECT count(*) FROM ops.baseline WHERE env = ? AND run_id = ?", [env, run_id]):
        return
    store.execute("DELETE FROM ops.baseline WHERE env = ?", [env])
    for model, highest in highest_ids(destination).items():
        store.execute("INSERT INTO ops.baseline VALUES (?, ?, ?, NULL, ?)", [env, model, highest, run_id])


def end_watch(store: StagingStore, destination: Destination, env: str) -> Watch:
    """What was noted before the last load; the first time after it, the highest ids are noted as its end."""
    if store.value("SELECT bool_or(until IS NULL) FROM ops.baseline WHERE env = ?", [env]):
        for model, highest in highest_ids(destination).items():
            store.execute("UPDATE ops.baseline SET until = ? WHERE env = ? AND model = ?", [highest, env, model])
    rows = store.rows("SELECT model, highest, until FROM ops.baseline WHERE env = ?", [env])
    return Watch({model: highest for model, highest, _ in rows}, {model: until for model, _, until in rows if until is not None})


def queued_mails(destination: Destination, watch: Watch) -> int:
    """Mails that appeared in Odoo's outgoing queue during the load, in any state."""
    return _appeared(destination, watch, "mail.mail")


def notifications(destination: Destination, watch: Watch) -> int:
    """Notifications to users or partners that appeared during the load."""
    return _appeared(destination, watch, "mail.notification")


def _appeared(destination: Destination, watch: Watch, model: str) -> int:
    return destination.search_count(model, watch.domain(model)) if model in watch.highest else 0


def added_followers(store: StagingStore, destination: Destination, watch: Watch, env: str, model: str) -> list[int]:
    """Ids of loaded records of ``model`` that got a follower during the load.

    The assignee of an activity doesn't count: Odoo makes them follow the record whatever the context says (17, 18, 19).
    """
    domain = [("res_model", "=", model), *watch.domain("mail.followers")]
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


def foreign_messages(store: StagingStore, destination: Destination, watch: Watch, env: str, model: str) -> int:
    """Messages on our records, as of the load's end, that are not of ours: what tracking or automation wrote."""
    ours = {
        row[0] for row in store.rows("SELECT odoo_id FROM ops.ledger WHERE env = ? AND model = 'mail.message'", [env])
    }
    ids = [row[0] for row in store.rows(
        "SELECT DISTINCT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'created' ORDER BY 1", [env, model]
    )]  # fmt: skip
    count = 0
    for start in range(0, len(ids), _PART):
        domain = [("model", "=", model), ("res_id", "in", ids[start : start + _PART]), *watch.before("mail.message")]
        count += sum(
            odoo_id not in ours for page in column_pages(destination, "mail.message", domain, ["id"]) for odoo_id in page["id"]
        )
    return count
