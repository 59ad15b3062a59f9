"""Load one staged target into a destination: match, send in batches over a few lanes, keep the ledger.

What is sent is decided by comparing staged rows with the ledger: a row whose hash is the one last loaded is not
touched, so a re-run writes nothing and overwrites nobody's work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import polars as pl

from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.ledger import Ledger, read_pages
from crm_pipeline.odoo.matching import match_existing
from crm_pipeline.odoo.references import fetch_reference
from crm_pipeline.odoo.resolved import ResolvedField, load_cell, resolve_fields, resolved_select, streams
from crm_pipeline.odoo.sender import Batch, Outcome, Sender
from crm_pipeline.odoo.updates import update_changed
from crm_pipeline.specs import Mapping, SourceBlock, TargetSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

logger = logging.getLogger(__name__)

#: Called after each batch with (rows done, rows in total).
Progress = Callable[[int, int], None]

#: Batches under way for each lane: one at the server, one ready to follow it.
_IN_FLIGHT = 2


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


def waiting_text(queue: str, waiting: list[str]) -> str:
    """What waits in a queue and what to do about it, in two sentences."""
    shown = ", ".join(waiting[:5]) + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")
    return (
        f"{len(waiting)} wait in the queue '{queue}': {shown}. Create them in Odoo, decide in resolutions/{queue}.csv "
        "(map, unassign, create_archived), or name a fallback user in the spec."
    )


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
    adopted: int = 0


@dataclass
class _Run:
    """Running totals of one load."""

    done: int = 0
    total: int = 0
    created: int = 0
    updated: int = 0


def load_target(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, ledger: Ledger, sender: Sender,
    progress: Progress = lambda done, total: None,
) -> LoadCounts:  # fmt: skip
    """Bring every staged row of ``target`` into the destination that is not there yet.

    Raises:
        GateClosedError: when the target's queue is not empty and its policy is to block.
        FieldMissingError: when a mapped field does not exist in the destination.
        DestinationError: when the destination stays out of reach or refuses the calls themselves.
    """
    schema = destination.fields_get(target.model)
    ledger.forget_refusals(target.model)
    synced = ledger.sync(destination, target.model, quote(f"staged.{target.table}"))
    _fetch_references(store, target, destination, ledger.env)
    _check_gate(store, mapping, target, ledger)
    fallback = next(
        (t.gate.fallback_login for t in mapping.targets if t.gate and t.gate.queue == target.match.queue), None
    )
    match_existing(store, mapping, target, destination, ledger, schema, fallback)
    run = _Run()
    for blocks in streams(target):
        fields = [f for f in resolve_fields(target, blocks[0], schema)]
        select = resolved_select(mapping, target, blocks, fields, ledger.env)
        _prepare(store, target, blocks, ledger, select, fields)
        run.total = run.done + int(store.value("SELECT count(*) FROM ops.pending"))
        _send_new(store, target, blocks, fields, ledger, sender, run, progress)
    run.updated = update_changed(store, mapping, target, destination, ledger, sender, schema)
    _fetch_via(store, mapping, target, destination, ledger.env)
    return _counts(store, target, ledger, run, synced.adopted)


def _check_gate(store: StagingStore, mapping: Mapping, target: TargetSpec, ledger: Ledger) -> None:
    gate = target.gate
    if gate is None or gate.policy != "block":
        return
    waiting = waiting_in_queue(store, mapping, gate.queue, ledger.env)
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
                    f"""SELECT coalesce(staged.email, staged.name) FROM ops.refusal AS refusal
                        JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
                        WHERE refusal.env = ? AND refusal.model = ? AND refusal.kind = 'queued' AND staged._needed
                        ORDER BY 1""",
                    [env, target.model],
                )
            ]
    return names


def _fetch_references(store: StagingStore, target: TargetSpec, destination: Destination, env: str) -> None:
    """Read the reference data the target's lookups need; the texts looked up narrow what is read."""
    wanted: dict[str, set[str]] = {}
    for block in target.sources:
        for name, spec in block.fields.items():
            reference = "xmlid" if spec.xmlid else spec.lookup.reference if spec.lookup else None
            if reference is not None and spec.status == "confirmed":
                texts = store.rows(
                    f"SELECT DISTINCT {quote(name)} FROM {quote(f'staged.{target.table}')} "
                    f"WHERE {quote(name)} IS NOT NULL AND _block = ?",
                    [block.name],
                )
                wanted.setdefault(reference, set()).update(str(text) for (text,) in texts)
    for reference, texts_ in wanted.items():
        fetch_reference(store, destination, env, reference, sorted(texts_))


def _fetch_via(store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, env: str) -> None:
    """Read the fields of just loaded records through which other targets link (a user's partner)."""
    own_blocks = {block.name for block in target.sources}
    fields = {
        link.via
        for other in mapping.targets for block in other.sources for spec in block.fields.values() for link in spec.links
        if link.via is not None and link.to in own_blocks
    }  # fmt: skip
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


def _lane(target: TargetSpec, blocks: tuple[SourceBlock, ...]) -> str:
    """SQL for a row's lane; rows of blocks without the partition field are spread evenly."""
    rule = target.load
    if rule.lanes == 1:
        return "0"
    known = rule.lane_by is not None and all(rule.lane_by in block.fields for block in blocks)
    key = f"coalesce({quote(str(rule.lane_by))}::VARCHAR, external_id)" if known else "external_id"
    return f"(hash({key}) % {rule.lanes})::INTEGER"


def _prepare(
    store: StagingStore,
    target: TargetSpec,
    blocks: tuple[SourceBlock, ...],
    ledger: Ledger,
    select: str,
    fields: list[ResolvedField],
) -> None:
    """``ops.pending``: the new rows of a stream with cells as ``load`` takes them, numbered by lane and batch."""
    lane = _lane(target, blocks)
    order = ", ".join([*(quote(name) for name in target.load.order_by), "_order"])
    sent = [f for f in fields if not f.spec.computed]
    cells = ", ".join(f"{load_cell(f, quote(f.name))} AS {quote('cell ' + f.name)}" for f in sent)
    omitted = [
        f"CASE WHEN {quote(f.name)} IS NULL THEN {literal(f.name)} END" for f in sent if f.spec.when_blank == "omit"
    ]
    signature = f"concat_ws(' ', {', '.join(omitted)})" if omitted else "''"
    env = literal(ledger.env)
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _resolved AS SELECT * FROM ({select}) AS resolved
        WHERE external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = {env})
        AND external_id NOT IN (SELECT external_id FROM ops.refusal WHERE env = {env} AND model = {literal(target.model)})
    """)
    ledger.refuse(
        target.model,
        store.frame("""
            SELECT external_id, _block AS block, 'held' AS kind, 'unresolved_link' AS reason,
                   'not in Odoo yet: ' || array_to_string(_unresolved, ', ') AS message
            FROM _resolved WHERE len(_unresolved) > 0
        """),
    )
    store.execute(f"""
        CREATE OR REPLACE TABLE ops.pending AS
        SELECT *, (row_number() OVER (PARTITION BY _lane, _omitted ORDER BY _position) - 1) // {target.load.batch} AS _batch
        FROM (
            SELECT external_id, _block, _hash, _values, {lane} AS _lane, {signature} AS _omitted,
                   row_number() OVER (ORDER BY {order}) AS _position, {cells}
            FROM _resolved WHERE len(_unresolved) = 0
        ) ORDER BY _lane, _omitted, _batch, _position
    """)
    store.execute("DROP TABLE _resolved")


def _send_new(
    store: StagingStore, target: TargetSpec, blocks: tuple[SourceBlock, ...], fields: list[ResolvedField],
    ledger: Ledger, sender: Sender, run: _Run, progress: Progress,
) -> None:  # fmt: skip
    """Send ``ops.pending``; each lane keeps its order, the main thread alone touches the store."""
    sent = [f for f in fields if not f.spec.computed]
    plan = store.rows("SELECT _lane, _omitted, _batch FROM ops.pending GROUP BY ALL ORDER BY _lane, min(_position)")
    queues: dict[int, Iterator[tuple[str, int]]] = {
        lane: iter([(omitted, number) for other, omitted, number in plan if other == lane])
        for lane in {p[0] for p in plan}
    }
    running: dict[Future[Outcome], tuple[int, str, int]] = {}
    pools = {lane: ThreadPoolExecutor(1, thread_name_prefix=f"{target.table}-{lane}") for lane in queues}

    def submit(lane: int) -> None:
        following = next(queues[lane], None)
        if following is not None:
            omitted, number = following
            batch = _batch(store, target, sent, lane, omitted, number)
            running[pools[lane].submit(sender.send, batch)] = (lane, omitted, number)

    try:
        for lane in queues:
            for _ in range(_IN_FLIGHT):
                submit(lane)
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                lane, omitted, number = running.pop(future)
                outcome = future.result()
                _keep(store, target, ledger, outcome, lane, omitted, number)
                run.created += len(outcome.ids)
                run.done += len(outcome.ids) + len(outcome.refused)
                progress(run.done, run.total)
                submit(lane)
    finally:
        for pool in pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


def _where(lane: int, omitted: str, number: int) -> str:
    return f"_lane = {lane} AND _omitted = {literal(omitted)} AND _batch = {number}"


def _batch(
    store: StagingStore, target: TargetSpec, sent: list[ResolvedField], lane: int, omitted: str, number: int
) -> Batch:
    left_out = set(omitted.split())
    fields = [f for f in sent if f.name not in left_out]
    cells = ", ".join(quote("cell " + f.name) for f in fields)
    rows = store.rows(
        f"SELECT external_id, {cells} FROM ops.pending WHERE {_where(lane, omitted, number)} ORDER BY _position"
    )
    return Batch(
        model=target.model,
        fields=tuple(f.column for f in fields),
        names=tuple(row[0] for row in rows),
        rows=tuple(row[1:] for row in rows),
        context=target.load.context,
    )


def _keep(
    store: StagingStore, target: TargetSpec, ledger: Ledger, outcome: Outcome, lane: int, omitted: str, number: int
) -> None:
    """Write a batch's outcome to the ledger before anything else happens."""
    ids = pl.DataFrame(
        {"external_id": list(outcome.ids), "odoo_id": list(outcome.ids.values())},
        schema={"external_id": pl.String, "odoo_id": pl.Int64},
    )
    store.connection.register("_ids", ids)
    loaded = store.frame(f"""
        SELECT external_id, odoo_id, _block AS block, _hash AS row_hash, _values AS "values"
        FROM ops.pending JOIN _ids USING (external_id) WHERE {_where(lane, omitted, number)}
    """)
    store.connection.unregister("_ids")
    ledger.record(target.model, loaded)
    if outcome.refused:
        block = {
            name: b
            for name, b in store.rows(
                f"SELECT external_id, _block FROM ops.pending WHERE {_where(lane, omitted, number)}"
            )
        }
        ledger.refuse(
            target.model,
            pl.DataFrame(
                [
                    {
                        "external_id": name,
                        "block": block[name],
                        "kind": "failed",
                        "reason": "refused_by_odoo",
                        "message": text,
                    }
                    for name, text in outcome.refused.items()
                ]
            ),
        )


def _counts(store: StagingStore, target: TargetSpec, ledger: Ledger, run: _Run, adopted: int) -> LoadCounts:
    """Counts such that staged = created + updated + unchanged + linked + failed + held.

    Rows of a queue that nothing needs (users who own nothing and whom Odoo doesn't have) are not counted as staged.
    """
    table, here = quote(f"staged.{target.table}"), [ledger.env, target.model]
    staged = int(store.value(f"SELECT count(*) FROM {table}"))
    refused = dict(
        store.rows(
            f"""SELECT CASE WHEN refusal.kind = 'queued' AND NOT staged._needed THEN 'not needed' ELSE refusal.kind END, count(*)
                FROM ops.refusal AS refusal JOIN {table} AS staged USING (external_id)
                WHERE refusal.env = ? AND refusal.model = ? GROUP BY 1""",
            here,
        )
    )
    failed, held = refused.get("failed", 0), refused.get("held", 0) + refused.get("queued", 0)
    staged -= refused.get("not needed", 0)
    linked = int(
        store.value(
            f"SELECT count(*) FROM {table} JOIN ops.ledger AS entry USING (external_id) "
            "WHERE entry.env = ? AND entry.model = ? AND entry.origin <> 'created'",
            here,
        )
    )
    return LoadCounts(
        model=target.model,
        staged=staged,
        created=run.created,
        updated=run.updated,
        unchanged=staged - run.created - run.updated - failed - held - linked,
        linked=linked,
        failed=failed,
        held=held,
        adopted=adopted,
    )
