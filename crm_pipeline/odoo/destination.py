"""The one interface to an Odoo database, real or embedded, with Odoo's own method names.

Values are what Odoo's external API takes and gives: dates ``YYYY-MM-DD``, datetimes ``YYYY-MM-DD HH:MM:SS`` in UTC,
``False`` for empty, many2one as a database id (``search_read`` is always asked for plain ids, never ``[id, name]``),
x2many as a list of ids, domains in prefix notation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import polars as pl

from crm_pipeline.odoo.errors import DataError

Domain = Sequence[Any]
Record = dict[str, Any]
Context = Mapping[str, Any]

#: ODOO_FACTS 0: nothing is mailed, logged, subscribed or tracked; datetimes given to ``load`` are UTC.
QUIET: Context = {
    "tracking_disable": True,
    "mail_create_nosubscribe": True,
    "mail_create_nolog": True,
    "mail_notrack": True,
    "mail_auto_subscribe_no_notify": True,
    "mail_activity_quick_update": True,
    "no_mail_to_attendees": True,
    "no_reset_password": True,
    "tz": "UTC",
    "lang": "en_US",
}


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field as ``fields_get`` describes it (source: Odoo's ``ir.model.fields``)."""

    name: str
    type: str
    string: str
    required: bool
    readonly: bool
    store: bool
    relation: str | None = None
    relation_field: str | None = None
    selection: tuple[str, ...] = ()
    size: int | None = None
    digits: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class LoadMessage:
    """One complaint of ``load``: ``row`` is the 0-based row in the batch, ``None`` when Odoo named none."""

    row: int | None
    field: str | None
    message: str
    severity: Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Outcome of ``load``: database ids in row order, or ``None`` when nothing at all was written."""

    ids: list[int] | None
    messages: tuple[LoadMessage, ...] = ()


class Destination(Protocol):
    """An Odoo database. Implementations are safe to use from several threads.

    Every method raises :mod:`crm_pipeline.odoo.errors`. Each call is one transaction. Reads are repeated by the
    implementation after transient errors (exponential backoff with jitter); writes are repeated only after
    ``NotSentError`` and ``ConcurrencyError``. ``InDoubtError`` of a write reaches the caller, who looks up by
    identity before writing again.
    """

    @property
    def kind(self) -> Literal["embedded", "server"]:
        """``server`` for a real Odoo, ``embedded`` for the rehearsal store."""

    @property
    def version(self) -> str:
        """Odoo series, for example ``18.0``."""

    @property
    def database(self) -> str:
        """A name for people: database and host, or the embedded store's file. Never holds a secret."""

    @property
    def base_url(self) -> str | None:
        """The server's URL for links to records; ``None`` when embedded."""

    @property
    def batch_records(self) -> int | None:
        """Records of a call where no limit of time or size applies; ``None``: the mapping's batches are right."""

    def fields_get(self, model: str) -> dict[str, FieldSchema]:
        """The live schema of ``model``; raises ``CallError`` when the model is not installed."""

    def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
        context: Context | None = None,
    ) -> list[Record]:
        """Matching records with ``id`` and ``fields``. Ask for at most 5,000 records a call."""

    def search_columns(
        self, model: str, domain: Domain, fields: Sequence[str], *, limit: int | None = None, order: str | None = None,
        context: Context | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """As :meth:`search_read`, one typed column for ``id`` and each field, NULL where it is empty; many2many hold archived records too.

        Types: see :func:`crm_pipeline.odoo.columns.column_type`.
        """

    def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        """How many records match."""

    def create(self, model: str, vals_list: Sequence[Record], *, context: Context | None = None) -> list[int]:
        """Create records in one transaction; ids in the order given."""

    def write(self, model: str, ids: Sequence[int], vals: Record, *, context: Context | None = None) -> None:
        """Write the same values on all ``ids``."""

    def load(
        self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]], *, context: Context | None = None
    ) -> LoadResult:
        """Odoo's import: all rows or none, identified by external id in the column ``id``.

        Columns are field names, ``field/.id`` for a many2one or many2many by database ids (comma separated) and
        ``field/id`` for external ids. Cells are strings or numbers, ``''`` clears. A warning counts as a failure
        for the caller. A serialization failure that Odoo reports as a message is raised as ``ConcurrencyError``.
        """

    def unlink(self, model: str, ids: Sequence[int], *, context: Context | None = None) -> None:
        """Delete records."""

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **kwargs: Any) -> Any:
        """Any other public method, arguments by their Odoo names (JSON-2 takes no positional ones)."""

    def call_each(
        self, model: str, method: str, groups: Sequence[Sequence[int]], *, context: Context | None = None
    ) -> list[str | None]:
        """A public method that changes records, once for each group of ids in order: the words of each refusal, None without.

        A refused group changes nothing and the others go on. After a ``TransientError`` some groups may be done.
        """

    def close(self) -> None:
        """Release connections and files."""


def call_each_alone(
    destination: Destination, model: str, method: str, groups: Sequence[Sequence[int]], context: Context | None
) -> list[str | None]:
    """``call_each`` of a destination that has no call for several groups: a call for each."""
    refusals: list[str | None] = []
    for ids in groups:
        try:
            destination.call(model, method, ids, context=dict(context or {}))
        except DataError as error:
            refusals.append(error.message)
        else:
            refusals.append(None)
    return refusals
