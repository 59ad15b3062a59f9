"""Send one batch so that every row is in Odoo exactly once or refused with a reason, whatever the network does.

``load`` writes a record and its external id in one transaction, and Odoo's unique index on external ids refuses a
second one. So after any doubt it is enough to look up which external ids exist, and to send the rest again. Where a
target's rows are sent by ``create``, a fence makes that so (see :mod:`crm_pipeline.odoo.fence`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_pipeline.odoo.creating import Creation, values_of
from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.odoo.errors import DataError, InDoubtError, TransientError
from crm_pipeline.odoo.fence import Token
from crm_pipeline.odoo.files import FileContentError, read_content
from crm_pipeline.odoo.insisting import RetryPolicy

logger = logging.getLogger(__name__)

Row = Sequence[Any]


@dataclass(frozen=True)
class Batch:
    """Records for one ``load`` call.

    Attributes:
        names: external ids without module, one for each record.
        rows: a record's cells after the id.
        more_rows: for each record its further rows, which hold cells of its parts only; empty when there are no parts.
        files: positions of cells that name a file (see :mod:`crm_pipeline.odoo.files`).
        kinds: the fields' types; needed where there is a ``creation``.
        creation: how the records are created by ``create``; by ``load`` without.
        defaults: fields all rows of a ``creation`` agree in, which are none of ``fields``: ``default_<field>`` → value.
    """

    model: str
    fields: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    more_rows: tuple[tuple[Row, ...], ...] = ()
    files: tuple[int, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    creation: Creation | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """What became of a batch: database id by name, and the reason of each refused name."""

    ids: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Sender:
    """Sends batches to one destination under one module of external ids; safe to use from several threads.

    Args:
        destination: where to.
        module: module of the external ids.
        retry: how long to insist.
        files: folder of the drop, for records with files.
    """

    def __init__(
        self, destination: Destination, module: str, retry: RetryPolicy | None = None, files: Path | None = None
    ) -> None:
        self.destination, self.module, self.retry, self.files = destination, module, retry or RetryPolicy(), files
        #: rows of one call, by model, once a call's answer did not come
        self._sizes: dict[str, int] = {}

    def send(self, batch: Batch) -> Outcome:
        """Create the rows of a batch, or name the reason for each row Odoo refuses.

        Raises:
            TransientError: when the destination stays out of reach; what was written is found by the next run.
            TerminalError: when the call itself is wrong (rights, configuration, unknown field).
        """
        return self._send(batch, known_new=True)

    def update(self, batch: Batch) -> Outcome:
        """Write the given fields on records that exist; repeating it is harmless."""
        return self._send(batch, known_new=False)

    def _send(self, batch: Batch, *, known_new: bool) -> Outcome:
        outcome = Outcome()
        pending = list(range(len(batch.names)))
        attempt = 0
        while pending:
            some = pending[: self._sizes.get(batch.model, len(pending))]
            try:
                if known_new and batch.creation is not None:
                    self._create(batch, batch.creation, some, outcome)
                else:
                    self._load_once(batch, some, outcome)
            except TransientError as error:
                attempt += 1
                if attempt >= self.retry.attempts:
                    raise
                if isinstance(error, InDoubtError):  # a server that ends long calls would end the same one again
                    self._sizes[batch.model] = max(1, len(some) // 2)
                logger.warning("%s: %s; looking up what was written (attempt %d)", batch.model, error, attempt + 1)
                self.retry.wait(attempt)
                if known_new:
                    self._adopt(batch, some, outcome)
                pending = [i for i in pending if not self._settled(batch.names[i], outcome)]
            else:
                attempt, pending = 0, pending[len(some) :]
        if known_new and outcome.refused:
            # A refusal may be the echo of our own earlier, delayed write: what exists is not refused.
            self._adopt(batch, [i for i, name in enumerate(batch.names) if name in outcome.refused], outcome)
        return outcome

    @staticmethod
    def _settled(name: str, outcome: Outcome) -> bool:
        return name in outcome.ids or name in outcome.refused

    def _adopt(self, batch: Batch, indexes: Sequence[int], outcome: Outcome) -> None:
        names = [batch.names[i] for i in indexes]
        domain = [("module", "=", self.module), ("model", "=", batch.model), ("name", "in", names)]
        for record in self.destination.search_read("ir.model.data", domain, ["name", "res_id"]):
            outcome.ids[record["name"]] = record["res_id"]
            outcome.refused.pop(record["name"], None)

    def _create(self, batch: Batch, creation: Creation, indexes: Sequence[int], outcome: Outcome) -> None:
        """The rows by ``create``, in one call once enough were accepted."""
        pieces: list[Sequence[int]] = [indexes]
        while pieces:
            token = creation.fence.token
            piece = pieces.pop()
            size = creation.size  # other lanes change it
            if len(piece) > size:
                pieces.append(piece[size:])
                piece = piece[:size]
            if token.looks_up:
                self._adopt(batch, piece, outcome)
                piece = [i for i in piece if not self._settled(batch.names[i], outcome)]
            if not piece:
                continue
            names = [f"{self.module}.{batch.names[i]}" for i in piece]
            rows = values_of(batch.fields, batch.kinds, [batch.rows[i] for i in piece], names)
            try:
                ids = self._call(batch, creation, token, rows)
            except DataError as error:
                if len(piece) == 1:
                    outcome.refused[batch.names[piece[0]]] = error.message
                else:
                    pieces += creation.cut(piece, rows, error)[::-1]
                continue
            if ids is None:
                pieces.append(piece)
                continue
            creation.since_refusal += len(piece)
            outcome.ids.update(zip((batch.names[i] for i in piece), ids, strict=True))

    def _call(self, batch: Batch, creation: Creation, token: Token, rows: list[Record]) -> list[int] | None:
        """One call when its turn comes; None when the token was renewed until then, nothing was done."""

        def call() -> list[int] | None:
            if creation.fence.token != token:
                return None
            return creation.call(self.destination, batch.model, rows, self.module, token, batch.defaults)

        return creation.turns.take(len(rows), call) if creation.turns is not None else call()

    def _load_once(self, batch: Batch, indexes: Sequence[int], outcome: Outcome) -> None:
        """One ``load``; on refusals the named records are set aside and the rest goes again, unnamed ones are halved."""
        rows, records = self._rows(batch, indexes, outcome)
        indexes = list(dict.fromkeys(records))
        if not rows:
            return
        context = {**QUIET, **batch.context}
        try:
            result = self.destination.load(batch.model, ["id", *batch.fields], rows, context=context)
        except DataError as error:
            self._halve(batch, indexes, outcome, error.message)
            return
        if result.ids is not None and len(result.ids) == len(indexes):
            for message in result.messages:
                logger.warning("%s: Odoo warns: %s", batch.model, message.message)
            outcome.ids.update({batch.names[i]: odoo_id for i, odoo_id in zip(indexes, result.ids, strict=True)})
            return
        named = {
            records[m.row]: m
            for m in result.messages
            if m.row is not None and m.severity == "error" and m.row < len(records)
        }
        if not named:
            reasons = (
                "; ".join(dict.fromkeys(m.message for m in result.messages)) or "Odoo refused the rows without a reason"
            )
            self._halve(batch, indexes, outcome, reasons)
            return
        for record, message in named.items():
            at = f"{message.field}: " if message.field else ""
            outcome.refused[batch.names[record]] = f"{at}{message.message}"
        rest = [i for i in indexes if i not in named]
        if rest:
            self._load_once(batch, rest, outcome)

    def _rows(self, batch: Batch, indexes: Sequence[int], outcome: Outcome) -> tuple[list[list[Any]], list[int]]:
        """The call's rows, files read, and for each row the record it belongs to; a file that can't be read refuses it."""
        rows: list[list[Any]] = []
        records: list[int] = []
        for i in indexes:
            cells = list(batch.rows[i])
            try:
                for position in batch.files:
                    cells[position] = read_content(self.files, cells[position])
            except FileContentError as error:
                outcome.refused[batch.names[i]] = str(error)
                continue
            further = batch.more_rows[i] if batch.more_rows else ()
            rows += [[f"{self.module}.{batch.names[i]}", *cells], *(["", *row] for row in further)]
            records += [i] * (1 + len(further))
        return rows, records

    def _halve(self, batch: Batch, indexes: Sequence[int], outcome: Outcome, reason: str) -> None:
        if len(indexes) == 1:
            outcome.refused[batch.names[indexes[0]]] = reason
            return
        middle = len(indexes) // 2
        self._load_once(batch, indexes[:middle], outcome)
        self._load_once(batch, indexes[middle:], outcome)
