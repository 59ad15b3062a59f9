"""Delete records of one model in batches: the steps that must come before, the deletion, and what Odoo refuses.

Before each call it is read which records are still there and which still need the step, so that a lost reply, a kill or a
second run just go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import AccessRightsError, CallError, DataError
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.rollback.relations import parts
from crm_pipeline.odoo.rollback.rules import Released, UndoRule, UndoStep

_EVERY = {"active_test": False}

#: Called with (records done, records in total).
Progress = Callable[[int, int], None]


class Undo:
    """Deletes records of one model.

    Attributes:
        refused: id → Odoo's words.
    """

    def __init__(self, destination: Destination, model: str, rule: UndoRule, retry: RetryPolicy) -> None:
        self.destination, self.model, self.rule, self.retry = destination, model, rule, retry
        self.refused: dict[int, str] = {}

    def run(self, ids: Iterable[int], progress: Progress = lambda done, total: None) -> None:
        """Delete ``ids``; those that are gone already are fine.

        Raises:
            DestinationError: when the destination stays out of reach or the user lacks rights; a later run goes on.
        """
        wanted, done = set(ids), 0
        if not self._exists():
            return
        for some in parts(wanted, self.rule.batch):
            self._undo(some)
            done += len(some)
            progress(done, len(wanted))

    def _exists(self) -> bool:
        try:
            self.destination.fields_get(self.model)
        except CallError:  # a custom model that is gone took its records along
            return False
        return True

    def _undo(self, ids: list[int]) -> None:
        for released in self.rule.release:
            self._release(released, ids)
        for step in self.rule.before:
            self._halving(ids, lambda some, step=step: self._step(step, some))  # type: ignore[misc]
        self._halving([odoo_id for odoo_id in ids if odoo_id not in self.refused], self._unlink)
        if self.rule.on_refusal == "archive":
            self._archive([odoo_id for odoo_id in ids if odoo_id in self.refused])

    def _there(self, ids: Sequence[int], fields: Sequence[str] = ("id",)) -> list[dict[str, object]]:
        return self.destination.search_read(self.model, [("id", "in", list(ids))], list(fields), context=_EVERY)

    def _step(self, step: UndoStep, ids: Sequence[int]) -> None:
        schema = self.destination.fields_get(self.model)
        if not all(name in schema for name in step.when):
            return
        need = [r["id"] for r in self._there(ids, list(step.when)) if all(r[name] in values for name, values in step.when.items())]
        if need:
            self.destination.call(self.model, step.call, need, context={**QUIET, **step.context})  # type: ignore[arg-type]

    def _unlink(self, ids: Sequence[int]) -> None:
        there = [int(str(record["id"])) for record in self._there(ids)]
        if there:
            self.destination.unlink(self.model, there, context={**QUIET, **_EVERY, **self.rule.context})

    def _release(self, released: Released, ids: Sequence[int]) -> None:
        def attempt() -> None:
            domain = [(released.field, "in", list(ids))]
            rows = [record["id"] for record in self.destination.search_read(released.model, domain, ["id"])]
            if rows:
                self.destination.write(released.model, rows, {released.field: False}, context=QUIET)

        try:
            self.retry.insist(released.model, attempt)
        except (CallError, AccessRightsError, DataError):
            return  # not installed, or no row of ours: the deletion says it where it matters

    def _archive(self, ids: list[int]) -> None:
        if ids and "active" in self.destination.fields_get(self.model):
            self.retry.insist(self.model, lambda: self.destination.write(self.model, ids, {"active": False}, context=QUIET))

    def _halving(self, ids: list[int], act: Callable[[Sequence[int]], None]) -> None:
        """Act on records that were not refused; a refused call is halved until those to blame are found."""
        if not ids:
            return
        try:
            self.retry.insist(self.model, lambda: act(ids))
        except DataError as error:
            if len(ids) == 1:
                self.refused[ids[0]] = " ".join(error.message.split())
                return
            middle = len(ids) // 2
            self._halving(ids[:middle], act)
            self._halving(ids[middle:], act)
