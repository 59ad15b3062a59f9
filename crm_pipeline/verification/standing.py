"""Proofs that stand: a model that was read back in full and of which nothing was written since need not be read again.

Odoo stamps every write with ``write_date`` (its own clock), and deletes an external id with its record. So a model is as it
was proven while it has as many external ids of ours, and the records written at or after the newest stamp of then are
the same ones with the same stamps. What changes without a stamp (a sum Odoo computes anew) shows in the control totals.

Records that are not ours may have come since where none of them can be mistaken for one of ours: no row of the model is
linked by a match, and none of them may be a copy.
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
from crm_pipeline.odoo.paging import read_pages
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.verification.strangers import may_be_copies

_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class State:
    """What was written of a model at or after a stamp.

    Attributes:
        stamp: the newest when the state was taken.
        ours: digest of our records' stamps, and of how many external ids of ours there are.
        others: digest of the stamps of all other records.
    """

    stamp: str
    ours: str
    others: str


def take_state(store: StagingStore, destination: Destination, module: str, env: str, model: str) -> State | None:
    """The state of a model now, from its newest stamp on; ``None`` for a model without stamps or records.

    Args:
        store: the staging store, whose ledger says which records are ours.
        destination: where the records are.
        module: module of the external ids.
        env: environment.
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
    written = _written(destination, model, stamp)
    return _state(stamp, names, written, _ours(store, env, {model: written})[model])


def forget_proof(store: StagingStore, env: str, model: str) -> None:
    """Drop the state of which a model was proven."""
    store.execute("DELETE FROM ops.proof WHERE env = ? AND model = ?", [env, model])


def keep_proof(store: StagingStore, env: str, model: str, state: State) -> None:
    """Note the state of which a model was proven, after :func:`forget_proof`."""
    store.execute(
        "INSERT INTO ops.proof (env, model, stamp, digest, others) VALUES (?, ?, ?, ?, ?)", [env, model, state.stamp, state.ours, state.others]
    )


def proven_models(
    store: StagingStore, mapping: Mapping, destination: Destination, env: str, targets: Iterable[TargetSpec], last_run_ended: datetime | None
) -> frozenset[str]:
    """The models of those targets whose last full read-back still holds; all are looked at together."""
    kept = {model: State(*state) for model, *state in store.rows("SELECT model, stamp, digest, others FROM ops.proof WHERE env = ?", [env])}
    asked = [target for target in targets if target.model in kept]
    if not asked or last_run_ended is None:
        return frozenset()
    models = [target.model for target in asked]
    names = count_by(destination, "ir.model.data", [("module", "=", mapping.name), ("model", "in", models)], ["model"])
    looks = together(partial(_written, destination, model, kept[model].stamp) for model in models)
    late = f"{last_run_ended:{_STAMP}}"
    written_of = dict(zip(models, looks, strict=True))
    ours_of = _ours(store, env, written_of)
    found = set()
    for target in asked:
        then, ours, written = kept[target.model], ours_of[target.model], written_of[target.model]
        now = _state(then.stamp, names.get((target.model,), 0), written, ours)
        # a write within the second of the newest stamp has the same stamp
        newer = {odoo_id for odoo_id, stamp in written if stamp >= late}
        if now.ours != then.ours or newer & ours:
            continue
        others = [odoo_id for odoo_id, _ in written if odoo_id not in ours]
        if (now.others == then.others and not newer) or _are_harmless(store, mapping, destination, env, target, others):
            found.add(target.model)
    return frozenset(found)


def _are_harmless(
    store: StagingStore, mapping: Mapping, destination: Destination, env: str, target: TargetSpec, others: list[int]
) -> bool:
    """Whether records that are not ours change nothing that was proven of ours."""
    here = [env, target.model]
    if store.value("SELECT EXISTS (SELECT 1 FROM ops.ledger WHERE env = ? AND model = ? AND origin <> 'created')", here):
        return False
    return not may_be_copies(store, mapping, target, destination, env, others)


def _ours(store: StagingStore, env: str, written: dict[str, list[tuple[int, str]]]) -> dict[str, set[int]]:
    """Which of the written records of each model are ours."""
    ids = sorted({odoo_id for records in written.values() for odoo_id, _ in records})
    ours: dict[str, set[int]] = {model: set() for model in written}
    for model, odoo_id in store.rows("SELECT model, odoo_id FROM ops.ledger WHERE env = ? AND odoo_id IN (SELECT unnest(?::BIGINT[]))", [env, ids]):
        if model in ours:
            ours[model].add(odoo_id)
    return ours


def _written(destination: Destination, model: str, since: str) -> list[tuple[int, str]]:
    """Id and stamp of the records written at or after a stamp, by id."""
    pages = read_pages(destination, model, [("write_date", ">=", since)], ["write_date"])
    return [(record["id"], str(record["write_date"])) for page in pages for record in page]


def _state(stamp: str, names: int, written: list[tuple[int, str]], ours: set[int]) -> State:
    own, others = hashlib.sha256(str(names).encode()), hashlib.sha256()
    for odoo_id, at in written:
        (own if odoo_id in ours else others).update(f" {odoo_id} {at}".encode())
    return State(stamp, own.hexdigest(), others.hexdigest())
