"""Reconciliation queues that must be empty before a model is loaded."""

from __future__ import annotations

from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, quote

#: Names shown in a message; the queue's file has all.
_SHOWN = 5


class GateClosedError(Exception):
    """A reconciliation queue is not empty, so the model must not be loaded yet.

    Args:
        model: the gated model.
        queue: the queue's name.
        waiting: what is in it, for the message.
    """

    def __init__(self, model: str, queue: str, waiting: list[str]) -> None:
        self.model, self.queue, self.waiting = model, queue, waiting
        super().__init__(f"{model} is not loaded. {waiting_text(queue, waiting)}")


#: What people can do about what waits in a queue.
_ADVICE = {
    "owners": "Create them in Odoo, decide in resolutions/owners.csv (map, unassign, create_archived), or name a fallback "
    "user in the spec.",
    "products": "Create them in Odoo, or decide in resolutions/products.csv (map, create, fallback).",
}


def waiting_text(queue: str, waiting: list[str]) -> str:
    """What waits in a queue and what to do about it, in two sentences."""
    shown = ", ".join(waiting[:_SHOWN]) + (f" and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else "")
    return f"{len(waiting)} wait in the queue '{queue}': {shown}. {_ADVICE[queue]}"


def is_blocking(mapping: Mapping, queue: str) -> bool:
    """Whether some model is not loaded at all before the queue is empty."""
    return any(t.gate is not None and t.gate.queue == queue and t.gate.policy == "block" for t in mapping.targets)


def check_gate(store: StagingStore, mapping: Mapping, target: TargetSpec, env: str) -> None:
    """Raise ``GateClosedError`` when the target's queue is not empty and its policy is to block."""
    gate = target.gate
    if gate is None or gate.policy != "block":
        return
    waiting = waiting_in_queue(store, mapping, gate.queue, env)
    if waiting:
        raise GateClosedError(target.model, gate.queue, waiting)


def waiting_in_queue(store: StagingStore, mapping: Mapping, queue: str, env: str) -> list[str]:
    """Names of what waits in a queue and is needed by records to come."""
    names: list[str] = []
    for target in mapping.targets:
        if target.match.queue == queue and store.has_table(f"staged.{target.table}"):
            names += [
                str(row[0])
                for row in store.rows(
                    f"""SELECT coalesce(staged._label, refusal.external_id) FROM ops.refusal AS refusal
                        JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
                        WHERE refusal.env = ? AND refusal.model = ? AND refusal.kind = 'queued' AND staged._needed
                        ORDER BY 1""",
                    [env, target.model],
                )
            ]
    return names
