"""Proofs that stand: a model that was read back in full and of which nothing was written since need not be read again.

Odoo stamps every write with ``write_date`` (its own clock), and deletes an external id with its record. So a model is as it
was proven while it has as many external ids of ours, and the records written at or after the newest stamp of then are
the same ones with the same stamps. What changes without a stamp (a sum Odoo computes anew) shows in the control totals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.grouping import count_by
from crm_pipeline.odoo.lanes import together
from crm_pipeline.odoo.ledger import read_pages
from crm_pipeline.staging.store import StagingStore

_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class State:
    """A stamp, and a digest of what was written at or after it and of how many external ids of ours there are."""

    stamp: str
    digest: str


def take_state(destination: Destination, module: str, model: str) -> State | None:
    """The state of a model now, from its newest stamp on; ``None`` for a model without stamps or records.

    Args:
        destination: where the records are.
        module: module of the external ids.
        model: the model.
    """
    if "write_date" not in destination.fields_get(model):
        return None
    # records that Odoo makes by SQL (of ir.model, for one) have no stamp, and PostgreSQL puts these first
    newest = destination.search_read(
        model, [("write_date", "!=", False)], ["write_date"], limit=1, order="write_date desc, id desc", context={"active_test": False}
    )
    if not newest:
        return None
    stamp = str(newest[0]["write_date"])[:19]
    names = destination.search_count("ir.model.data", [("module", "=", module), ("model", "=", model)])
    return _state(stamp, names, _written(destination, model, stamp))


def keep_proof(store: StagingStore, env: str, model: str, state: State | None) -> None:
    """Note the state of which a model was proven, or that there is none."""
    store.execute("DELETE FROM ops.proof WHERE env = ? AND model = ?", [env, model])
    if state is not None:
        store.execute("INSERT INTO ops.proof VALUES (?, ?, ?, ?)", [env, model, state.stamp, state.digest])


def proven_models(
    store: StagingStore, destination: Destination, module: str, env: str, models: Iterable[str], last_run_ended: datetime | None
) -> frozenset[str]:
    """Those of some models whose last full read-back still holds; all are looked at together."""
    kept = {model: State(*state) for model, *state in store.rows("SELECT model, stamp, digest FROM ops.proof WHERE env = ?", [env])}
    asked = [model for model in models if model in kept]
    if not asked or last_run_ended is None:
        return frozenset()
    names = count_by(destination, "ir.model.data", [("module", "=", module), ("model", "in", asked)], ["model"])
    looks = together(partial(_written, destination, model, kept[model].stamp) for model in asked)
    # a write within the second of the newest stamp has the same stamp
    late = f"{last_run_ended:{_STAMP}}"
    return frozenset(
        model for model, written in zip(asked, looks, strict=True)
        if _state(kept[model].stamp, names.get((model,), 0), written) == kept[model] and all(stamp < late for _, stamp in written)
    )  # fmt: skip


def _written(destination: Destination, model: str, since: str) -> list[tuple[int, str]]:
    """Id and stamp of the records written at or after a stamp, by id."""
    pages = read_pages(destination, model, [("write_date", ">=", since)], ["write_date"])
    return [(record["id"], str(record["write_date"])) for page in pages for record in page]


def _state(stamp: str, names: int, written: list[tuple[int, str]]) -> State:
    digest = hashlib.sha256(str(names).encode())
    for odoo_id, at in written:
        digest.update(f" {odoo_id} {at}".encode())
    return State(stamp, digest.hexdigest())
