"""Proofs that stand: a model that was read back in full and of which nothing was written since need not be read again.

Odoo stamps every write with ``write_date`` (its own clock), and deletes an external id with its record. So a model is as it
was proven while it has as many external ids of ours, and the records written at or after the newest stamp of then are
the same ones with the same stamps. What changes without a stamp (a sum Odoo computes anew) shows in the control totals.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.ledger import read_pages
from crm_pipeline.staging.store import StagingStore

_STAMP = "%Y-%m-%d %H:%M:%S"


def take_state(destination: Destination, module: str, model: str, since: str | None = None) -> tuple[str, str] | None:
    """A stamp and a digest of what was written at or after it; ``None`` for a model without stamps or records.

    Args:
        destination: where the records are.
        module: module of the external ids.
        model: the model.
        since: the stamp of an earlier state to compare with; the newest one of now when not given.
    """
    if "write_date" not in destination.fields_get(model):
        return None
    every = {"active_test": False}
    if since is None:
        newest = destination.search_read(model, [], ["write_date"], limit=1, order="write_date desc, id desc", context=every)
        if not newest or not newest[0]["write_date"]:
            return None
        since = str(newest[0]["write_date"])[:19]
    digest = hashlib.sha256(str(destination.search_count("ir.model.data", [("module", "=", module), ("model", "=", model)])).encode())
    for page in read_pages(destination, model, [("write_date", ">=", since)], ["write_date"]):
        digest.update("".join(f" {record['id']} {record['write_date']}" for record in page).encode())
    return since, digest.hexdigest()


def keep_proof(store: StagingStore, env: str, model: str, state: tuple[str, str] | None) -> None:
    """Note the state of which a model was proven, or that there is none."""
    store.execute("DELETE FROM ops.proof WHERE env = ? AND model = ?", [env, model])
    if state is not None:
        store.execute("INSERT INTO ops.proof VALUES (?, ?, ?, ?)", [env, model, *state])


def is_proven(store: StagingStore, destination: Destination, module: str, env: str, model: str, last_run_ended: datetime | None) -> bool:
    """Whether the last full read-back of a model still holds."""
    kept = store.rows("SELECT stamp, digest FROM ops.proof WHERE env = ? AND model = ?", [env, model])
    if not kept or last_run_ended is None or take_state(destination, module, model, kept[0][0]) != kept[0]:
        return False
    # a write within the second of the newest stamp has the same stamp
    later = [("write_date", ">=", f"{last_run_ended:{_STAMP}}")]
    return destination.search_count(model, later, context={"active_test": False}) == 0
