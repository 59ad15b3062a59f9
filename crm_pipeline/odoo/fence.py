"""Keep late calls out, so that records may be created by ``create``, which does not ask whether an external id is taken.

``create`` with ``_import_current_module`` in its context writes the external id given as ``id`` in the transaction of the
record (17, 18, 19), at a half to a fifth of what ``load`` costs the server. But where the id exists already, it makes a
second record and moves the id to it. So a create whose reply was lost must be over before its names are looked up, and
one that has not started must never succeed. A foreign key does both: the first record of every call refers to a *token*,
a record that exists for this only. PostgreSQL lets nobody delete the token before every transaction that refers to it
has ended, and nobody refer to it afterwards. Once the token is gone, what the calls with it wrote is there to be seen,
and nothing will be added.

Only one run at a time has a token for a model: an external id that only one can have is claimed for it. A run that
starts deletes the token it finds, which ends the earlier run's creating, and the earlier run notices.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from crm_pipeline.odoo.destination import QUIET, Destination, FieldSchema
from crm_pipeline.odoo.errors import AccessRightsError, DataError, TerminalError
from crm_pipeline.odoo.insisting import RetryPolicy

log = logging.getLogger(__name__)


class FenceLostError(TerminalError):
    """Another run has begun to load the same model into the same database."""

    def __init__(self, model: str, module: str) -> None:
        super().__init__(
            f"another run of {module} is loading {model} into this database; this one stops, so that nothing is created twice. "
            "Start it again when the other has ended",
            call=f"{model}.create",
        )


@dataclass(frozen=True, slots=True)
class Token:
    """The record that calls refer to, and whether names must be looked up before they are created under it."""

    odoo_id: int
    looks_up: bool


class Fence:
    """The fence of one model; safe to use from several threads.

    Args:
        destination: the database.
        module: module of the external ids of the records.
        model: the model whose records are created.
        field: its many2one or many2many to a model whose records need a ``name`` only.
        run_id: makes the token's name its own.
        retry: how long to insist.
    """

    def __init__(
        self, destination: Destination, module: str, model: str, field: FieldSchema, run_id: str, retry: RetryPolicy | None = None
    ) -> None:
        self.model, self.field, self.module = model, field, module
        self._destination, self._retry = destination, retry or RetryPolicy()
        self._tokens = str(field.relation)
        self._prefix = f"{module}: loading {model} "
        self._run_id, self._number = run_id, 0
        self._claim = {"module": f"{module}_fence", "name": f"loading_{model.replace('.', '_')}"}
        self._lock = threading.Lock()
        self._token: Token | None = None

    def clear(self) -> None:
        """Delete tokens that earlier runs left; when none is left, no call of theirs can add anything."""
        self._dispose(self._left())

    @property
    def is_open(self) -> bool:
        """Whether there is a token to refer to."""
        return self._token is not None

    def open(self, *, looks_up: bool) -> None:
        """Take the only token.

        Args:
            looks_up: whether names are looked up before they are created; without, the caller reads what exists after this
                and before the first record is created.

        Raises:
            FenceLostError: when another run takes one at the same moment.
        """
        with self._lock:
            self.clear()
            self._token = Token(self._take(), looks_up=looks_up)

    def close(self) -> None:
        """Delete the token; to be called when nothing is under way."""
        with self._lock:
            self._token = None
            self.clear()

    @property
    def token(self) -> Token:
        """The token to refer to now."""
        with self._lock:
            if self._token is None:
                raise FenceLostError(self.model, self.module)
            return self._token

    def renew(self, used: Token) -> None:
        """Outwait, and shut out, all calls that refer to a token; names are looked up before they are created from now on.

        Between two tokens another run may have come and gone, hence the looking up.

        Raises:
            FenceLostError: when another run has a token.
        """
        with self._lock:
            if self._token is None or self._token.odoo_id != used.odoo_id:
                return
            self._token = None
            self._dispose([used.odoo_id])
            self._token = Token(self._take(), looks_up=True)

    def stands(self, used: Token) -> bool:
        """Whether a token is still there; False when it was renewed meanwhile.

        Raises:
            FenceLostError: when another run deleted it.
        """
        if self._exists([used.odoo_id]):
            return True
        if self.token.odoo_id == used.odoo_id:
            raise FenceLostError(self.model, self.module)
        return False

    # -- parts

    def _left(self) -> list[int]:
        named = self._destination.search_read(self._tokens, [("name", "=like", f"{self._prefix}%")], ["id"])
        claims = self._destination.search_read("ir.model.data", self._claimed, ["res_id"])
        return sorted({record["id"] for record in named} | {claim["res_id"] for claim in claims})

    @property
    def _claimed(self) -> list[tuple[str, str, str]]:
        return [(name, "=", value) for name, value in self._claim.items()]

    def _exists(self, ids: list[int]) -> list[int]:
        found = self._destination.search_read(self._tokens, [("id", "in", ids)], ["id"], context={"active_test": False})
        return [record["id"] for record in found]

    def _dispose(self, ids: list[int]) -> None:
        """Delete tokens, their claim with them; returns when none exists."""

        def attempt() -> None:
            left = self._exists(ids)
            try:
                if left:
                    self._destination.unlink(self._tokens, left)
            except DataError:
                if self._exists(left) == left:  # not gone by another's hand
                    raise

        if ids:
            self._retry.insist(f"fence of {self.model}", attempt)

    def _take(self) -> int:
        """Make a token and claim it as the only one."""
        self._number += 1
        name = f"{self._prefix}({self._run_id}-{self._number})"
        taken: list[int] = []

        def make() -> None:
            found = self._destination.search_read(self._tokens, [("name", "=", name)], ["id"], order="id")
            taken[:] = [record["id"] for record in found[:1]] or self._destination.create(self._tokens, [{"name": name}], context=QUIET)

        def claim() -> None:
            found = self._destination.search_read("ir.model.data", self._claimed, ["res_id"])
            if not found:
                values = {**self._claim, "model": self._tokens, "res_id": taken[0]}
                try:
                    self._destination.create("ir.model.data", [values])
                except DataError:  # an index lets only one have it
                    found = self._destination.search_read("ir.model.data", self._claimed, ["res_id"])
                else:
                    return
            if [record["res_id"] for record in found] != taken:
                self._dispose(taken)
                raise FenceLostError(self.model, self.module)

        self._retry.insist(f"fence of {self.model}", make)
        try:
            self._retry.insist(f"fence of {self.model}", claim)
        except AccessRightsError:
            self._dispose(taken)
            raise
        return taken[0]
