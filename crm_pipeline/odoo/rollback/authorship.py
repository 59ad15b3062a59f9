"""Who made or changed a record: the migration (or Odoo in its wake), or a person.

With a migration user of its own, the user says it. Where people work with the migration's login, only times can tell: what
was written outside the migration's own runs was a person's. When the runs are not all known (the local store was lost),
whatever that login wrote is taken to be the migration's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.staging.store import StagingStore

_ODOOBOT = 1
_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Stamp:
    """Who created and last wrote a record, and when: user ids, and times as Odoo gives them (UTC, to the second)."""

    create_uid: int
    create_date: str
    write_uid: int
    write_date: str

    @classmethod
    def of(cls, record: dict[str, Any]) -> Stamp:
        """From a record that was read."""
        return cls(
            record.get("create_uid") or 0, str(record.get("create_date") or "")[:19],
            record.get("write_uid") or 0, str(record.get("write_date") or "")[:19],
        )  # fmt: skip


STAMPS = ("create_uid", "create_date", "write_uid", "write_date")


@dataclass(frozen=True)
class Authorship:
    """Tells people's work from the migration's.

    Attributes:
        me: the migration's user.
        periods: first and last second of each of its runs; None when they are not all known.
    """

    me: int
    periods: tuple[tuple[str, str], ...] | None

    def is_person(self, uid: int, at: str) -> bool:
        """Whether ``uid`` wrote at ``at`` as a person."""
        if uid in {0, _ODOOBOT}:
            return False
        if uid != self.me:
            return True
        return self.periods is not None and not any(start <= at <= end for start, end in self.periods)

    def made_by_person(self, stamp: Stamp) -> bool:
        """Whether a person created the record."""
        return self.is_person(stamp.create_uid, stamp.create_date)

    def changed_by_person(self, stamp: Stamp) -> bool:
        """Whether a person wrote it last."""
        return self.is_person(stamp.write_uid, stamp.write_date)


def read_authorship(store: StagingStore, destination: Destination, env: str, earliest: str | None) -> Authorship:
    """The migration's user and its periods.

    Args:
        store: the staging store.
        destination: the database.
        env: environment.
        earliest: when the first record of ours was created; runs known only from later on are not all there were.
    """
    me = int(destination.call("res.users", "context_get").get("uid") or 0)
    rows = store.rows(
        """SELECT started_at, ended_at FROM ops.run WHERE env = ?
           UNION ALL SELECT started_at, ended_at FROM ops.rollback WHERE env = ? ORDER BY 1""",
        [env, env],
    )
    periods = tuple(_periods(rows))
    if not periods or (earliest is not None and earliest < periods[0][0]):
        return Authorship(me, None)
    return Authorship(me, periods)


def _periods(rows: list[tuple[datetime, datetime | None]]) -> list[tuple[str, str]]:
    """Periods as text; one that was killed lasts until the end of the next that ended, or is still open."""
    periods = []
    for number, (start, end) in enumerate(rows):
        later = end or next((e for _, e in rows[number + 1 :] if e is not None), None)
        periods.append((start.strftime(_STAMP), later.strftime(_STAMP) if later else "9999"))
    return periods
