"""The PostgreSQL database that keeps shared catalogs: how it is reached, and who may write to a source.

Whoever writes holds two advisory locks of a source on a session of its own: ``run`` for as long as the run lasts, ``step``
while the store is open. A process that dies loses its session and with it the locks, wherever it ran; there is nothing to
clean up. The session's name says who it is, so that whoever is refused is told by whom.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.staging.places import StoreInUseError, Turn

try:
    import psycopg2
except ImportError:  # the extra 'cluster' brings it
    psycopg2 = None

#: Seconds between two looks of a step that waits for another step of its run.
_LOOK = 0.2
#: Seconds until a lock whose holder's machine vanished is free: idle, then three unanswered probes.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_NAMESPACE = "crm_pipeline"
_HOLDER = """SELECT activity.application_name FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
             WHERE locktype = 'advisory' AND granted AND objsubid = 2
             AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND classid::BIGINT = %s AND objid::BIGINT = %s"""


class CatalogError(Exception):
    """The shared catalog can't be used; the message never holds its password."""


@dataclass(frozen=True)
class PostgresCatalog:
    """Where the catalog's database is.

    Attributes:
        password: never in a repr; libpq's own means (``PGPASSWORD``, ``~/.pgpass``) apply when it is ``None``.
    """

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """As people may see it."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"

    def without_secret(self, text: str) -> str:
        """A message of a driver, in one line, with the password blotted out."""
        text = text.replace(self.password, "***") if self.password else text
        return re.sub(r"(password\s*=\s*)\S+", r"\1***", " ".join(text.split()), flags=re.IGNORECASE)

    def session(self, name: str) -> Any:
        """A session that commits at once.

        Raises:
            CatalogError: the driver is not installed, or the database can't be reached.
        """
        if psycopg2 is None:
            raise CatalogError("a shared catalog needs the extra 'cluster': pip install 'crm-pipeline[cluster]'")
        parameters = {
            "host": self.host, "port": self.port, "dbname": self.database, "user": self.user, "password": self.password,
            "application_name": name, "connect_timeout": 10, **_KEEPALIVE,
        }  # fmt: skip
        try:
            session = psycopg2.connect(**{key: value for key, value in parameters.items() if value is not None})
        except psycopg2.OperationalError as error:
            raise CatalogError(f"the catalog {self} can't be reached: {self.without_secret(str(error))}") from None
        session.autocommit = True
        return session


class SourceLocks:
    """The advisory locks of one source, on a session of their own; closing it frees them.

    Args:
        catalog: the database.
        source: name of the source CRM.
        run_id: who asks.
    """

    def __init__(self, catalog: PostgresCatalog, source: str, run_id: str) -> None:
        self._place, self._source, self._run_id = f"'{source}' in {catalog}", source, run_id
        self._session = catalog.session(f"{run_id} {os.getpid()}@{socket.gethostname()}"[:63])

    def take(self, turn: Turn) -> None:
        """Take what a turn needs: the source and the store, or, for a step of a run that holds the source, the store.

        Raises:
            StoreInUseError: another run has it, or the run of this step has ended.
        """
        try:
            if turn.is_step:
                self._take_step_when_free()
            else:
                self.take_run()
                self._take_step_now()
        except BaseException:
            self.close()
            raise

    def take_run(self) -> None:
        """Take the source for a run.

        Raises:
            StoreInUseError: another run has it.
        """
        if not self._try("run"):
            holder = self._holder("run")
            self.close()
            raise StoreInUseError(self._place, holder)

    def close(self) -> None:
        """Free them."""
        self._session.close()

    def _take_step_now(self) -> None:
        if not self._try("step"):
            raise StoreInUseError(self._place, f"a step of an earlier run: {self._holder('step')}")

    def _take_step_when_free(self) -> None:
        while not self._try("step"):
            self._require_own_run()
            time.sleep(_LOOK)
        self._require_own_run()

    def _require_own_run(self) -> None:
        """What a step of a dead run would write could meet what a newer run writes."""
        holder = self._holder("run")
        if not holder.startswith(f"run {self._run_id} "):
            raise StoreInUseError(self._place, f"{holder}; run {self._run_id}, of which this is a step, has ended")

    def _try(self, what: str) -> bool:
        return bool(self._rows("SELECT pg_try_advisory_lock(%s, %s)", what, signed=True)[0][0])

    def _holder(self, what: str) -> str:
        rows = self._rows(_HOLDER, what, signed=False)
        return f"run {rows[0][0].replace(' ', ' (process ', 1)})" if rows else "nobody"

    def _rows(self, sql: str, what: str, *, signed: bool) -> list[tuple[Any, ...]]:
        numbers = [_number(_NAMESPACE), _number(f"{self._source}/{what}")]
        with self._session.cursor() as cursor:
            cursor.execute(sql, [number - (1 << 32 if signed and number >> 31 else 0) for number in numbers])
            return list(cursor.fetchall())


def hold_source(catalog: PostgresCatalog, source: str, run_id: str) -> Callable[[], None]:
    """Take a source for a run whose steps open the store themselves; returns what frees it.

    Raises:
        StoreInUseError: another run has it.
    """
    locks = SourceLocks(catalog, source, run_id)
    locks.take_run()
    return locks.close


def _number(text: str) -> int:
    """A lock's 32-bit number, unsigned as ``pg_locks`` shows it."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
