"""Load one staged target into a destination: match, send in batches over a few lanes, keep the ledger.

What is sent is decided by comparing staged rows with the ledger: a row whose hash is the one last loaded is not
touched, so a re-run writes nothing and overwrites nobody's work.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from crm_pipeline.odoo.creating import Creation, creation_of
from crm_pipeline.odoo.departures import stage_departed
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.errors import AccessRightsError
from crm_pipeline.odoo.finishing import finish_records
from crm_pipeline.odoo.gates import check_gate
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.matching import match_existing
from crm_pipeline.odoo.paging import read_pages
from crm_pipeline.odoo.pending import LoadRun, Progress, has_new, hold_orphans, prepare_pending, send_pending
from crm_pipeline.odoo.references import fetch_reference
from crm_pipeline.odoo.resolved import streams
from crm_pipeline.odoo.sender import Sender
from crm_pipeline.odoo.stream import open_stream
from crm_pipeline.odoo.updates import update_changed
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadCounts:
    """Records of one target after its load."""

    model: str
    staged: int
    created: int
    updated: int
    unchanged: int
    linked: int
    failed: int
    held: int


def load_target(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, ledger: Ledger, sender: Sender,
    progress: Progress = lambda done, total: None, *, only_newer: bool = False,
) -> LoadCounts:  # fmt: skip
    """Bring every staged row of ``target`` into the destination that is not there yet, and those up to date that changed.

    With ``only_newer`` the ledger is trusted for what earlier runs saw, so that the cost follows what changed.

    Raises:
        GateClosedError: when the target's queue is not empty and its policy is to block.
        FieldMissingError: when a mapped field does not exist in the destination.
        DestinationError: when the destination stays out of reach or refuses the calls themselves.
    """
    ledger.take_arrived()
    ledger.forget_refusals(target.model)
    if ledger.is_empty(target):
        return LoadCounts(target.model, 0, 0, 0, 0, 0, 0, 0)
    schema = destination.fields_get(target.model)
    stage_departed(store, target, ledger.env)
    adopted = ledger.sync(destination, target, only_newer=only_newer)
    for needed in (target, mapping.parts_of(target.model)):
        if needed is not None:
            _fetch_references(store, needed, destination, ledger.env)
    check_gate(store, mapping, target, ledger.env)
    fallback = next(
        (t.gate.fallback_login for t in mapping.targets if t.gate and t.gate.queue == target.match.queue), None
    )
    match_existing(store, mapping, target, destination, ledger, schema, fallback, sender.retry)
    run = LoadRun(created=adopted if _came_with_its_whole(store, target, ledger) else 0)
    creation = _creation(target, destination, ledger, sender.retry)
    for blocks in streams(target):
        stream = open_stream(mapping, target, blocks, destination, creation)
        if (only_newer or creation is not None) and not has_new(store, stream, ledger):
            continue
        if creation is not None and not creation.fence.is_open:
            creation = creation if _stands(creation, looks_up=only_newer) else None
            stream = replace(stream, creation=creation)
            # what was read before the fence stood may be out of date
            if creation is not None and not only_newer:
                ledger.sync(destination, target)
        prepare_pending(store, stream, ledger)
        hold_orphans(store, stream, destination, ledger)
        run.total = run.done + int(store.value("SELECT count(*) FROM ops.pending"))
        send_pending(store, stream, ledger, sender, run, progress)
    if creation is not None and creation.fence.is_open:
        creation.fence.close()
    run.updated = update_changed(store, mapping, target, destination, ledger, sender, schema)
    if target.finishing is not None:
        finish_records(store, mapping, target, destination, ledger, sender)
    _fetch_via(store, mapping, target, destination, ledger.env)
    return _counts(store, target, ledger, run)


def models_loaded_as_staged(store: StagingStore, targets: Sequence[TargetSpec], env: str) -> frozenset[str]:
    """Models of which every staged row was last loaded just as it is, nothing was loaded that is staged no more, and no conflict is decided.

    One statement for all targets.
    """
    if not targets:
        return frozenset()
    rows = " UNION ALL ".join(
        f"SELECT {literal(t.model)} AS model, external_id, _hash FROM {quote(f'staged.{t.table}')} WHERE NOT _departed" for t in targets
    )
    differing = store.rows(
        f"""SELECT DISTINCT model FROM (
                SELECT * FROM ({rows}) WHERE external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = $1)
            ) AS staged FULL JOIN (SELECT model, external_id, row_hash FROM ops.ledger WHERE env = $1) AS entry USING (model, external_id)
            WHERE entry.row_hash IS DISTINCT FROM staged._hash
            UNION SELECT model FROM ops.conflict_decision""",
        [env],
    )
    return frozenset(t.model for t in targets) - {model for (model,) in differing}


def _creation(target: TargetSpec, destination: Destination, ledger: Ledger, retry: RetryPolicy) -> Creation | None:
    """How new rows are created, what earlier runs left of it removed; None where they go by ``load``."""
    creation = creation_of(target, destination, ledger.module, ledger.run_id, retry)
    try:
        if creation is not None:
            creation.fence.clear()
    except AccessRightsError as error:
        log.warning("%s: %s; new records go by load, which takes longer", target.model, error)
        return None
    return creation


def _stands(creation: Creation, *, looks_up: bool) -> bool:
    """Open the fence; False where the user may not."""
    try:
        creation.fence.open(looks_up=looks_up)
    except AccessRightsError as error:
        log.warning("%s: %s; new records go by load, which takes longer", creation.fence.model, error)
        return False
    return True


def _came_with_its_whole(store: StagingStore, target: TargetSpec, ledger: Ledger) -> bool:
    """Whether records of the model these are part of were created in this run; else what was adopted is older."""
    if target.part_of is None:
        return False
    found = "SELECT created FROM ops.load_count WHERE env = ? AND model = ?"
    return bool(store.value(found, [ledger.env, target.part_of.model]))


def _fetch_references(store: StagingStore, target: TargetSpec, destination: Destination, env: str) -> None:
    """Read the reference data the target's lookups need; the texts looked up narrow what is read."""
    looked_up = [
        f"SELECT {literal(reference)}, {quote(name)}::VARCHAR FROM {quote(f'staged.{target.table}')} WHERE {quote(name)} IS NOT NULL AND _block = {literal(block.name)}"
        for block in target.sources for name, spec in block.fields.items()
        if (reference := spec.looked_up_in) is not None and spec.status == "confirmed"
    ]  # fmt: skip
    wanted: dict[str, list[str]] = {}
    for reference, text in store.rows(f"SELECT * FROM ({' UNION '.join(looked_up)}) ORDER BY ALL") if looked_up else ():
        wanted.setdefault(reference, []).append(text)
    for reference, texts in wanted.items():
        fetch_reference(store, destination, env, reference, texts)


def _fetch_via(store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, env: str) -> None:
    """Read the fields of just loaded records through which other targets link (a user's partner)."""
    own_blocks = {block.name for block in target.sources}
    fields = {
        link.via
        for other in mapping.targets for block in other.sources for spec in block.fields.values() for link in spec.links
        if link.via is not None and link.to in own_blocks
    }  # fmt: skip
    if not fields:
        return
    ids = [row[0] for row in store.rows(
        "SELECT DISTINCT odoo_id FROM ops.ledger WHERE env = ? AND model = ? AND odoo_id IS NOT NULL", [env, target.model]
    )]  # fmt: skip
    for via in sorted(fields):
        store.execute("DELETE FROM ops.via WHERE env = ? AND model = ? AND field = ?", [env, target.model, via])
        for page in read_pages(destination, target.model, [("id", "in", ids)], [via]):
            frame = pl.DataFrame(
                {"odoo_id": [r["id"] for r in page], "linked_id": [r[via] or None for r in page]},
                schema={"odoo_id": pl.Int64, "linked_id": pl.Int64},
            )
            store.insert("ops.via", frame.with_columns(env=pl.lit(env), model=pl.lit(target.model), field=pl.lit(via)))


def _counts(store: StagingStore, target: TargetSpec, ledger: Ledger, run: LoadRun) -> LoadCounts:
    """Counts such that staged = created + updated + unchanged + linked + failed + held.

    Rows that are left out for want of an app, or of a queue that nothing needs (users who own nothing and whom Odoo
    doesn't have), are not counted as staged.
    """
    table = quote(f"staged.{target.table}")
    refused = f"FROM ops.refusal AS refusal JOIN {table} AS staged USING (external_id) WHERE refusal.env = $1 AND refusal.model = $2 AND kind"
    staged, failed, held, not_needed, linked = store.counts(
        [
            f"FROM {table} WHERE external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = $1)",
            f"{refused} = 'failed'",
            f"{refused} <> 'failed' AND (kind = 'held' OR staged._needed)",
            f"{refused} = 'queued' AND NOT staged._needed",
            f"FROM {table} JOIN ops.ledger AS entry USING (external_id) WHERE entry.env = $1 AND entry.model = $2 AND entry.origin <> 'created'",
        ],
        [ledger.env, target.model],
    )
    staged -= not_needed
    return LoadCounts(
        model=target.model,
        staged=staged,
        created=run.created,
        updated=run.updated,
        unchanged=staged - run.created - run.updated - failed - held - linked,
        linked=linked,
        failed=failed,
        held=held,
    )
