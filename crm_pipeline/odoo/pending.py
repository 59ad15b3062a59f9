"""New rows on their way: cut into batches, sent over lanes that keep their order, noted in the ledger as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import polars as pl

from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.resolved import ResolvedField, load_cell
from crm_pipeline.odoo.sender import Batch, Outcome, Sender
from crm_pipeline.specs import SourceBlock, TargetSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Called after each batch with (rows done, rows in total).
Progress = Callable[[int, int], None]

#: Batches under way for each lane: one at the server, one ready to follow it.
_IN_FLIGHT = 2


@dataclass
class LoadRun:
    """Running totals of one load."""

    done: int = 0
    total: int = 0
    created: int = 0
    updated: int = 0


def _lane(target: TargetSpec, blocks: tuple[SourceBlock, ...]) -> str:
    """SQL for a row's lane; rows of blocks without the partition field are spread evenly."""
    rule = target.load
    if rule.lanes == 1:
        return "0"
    known = rule.lane_by is not None and all(rule.lane_by in block.fields for block in blocks)
    key = f"coalesce({quote(str(rule.lane_by))}::VARCHAR, external_id)" if known else "external_id"
    return f"(hash({key}) % {rule.lanes})::INTEGER"


def prepare_pending(
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


def send_pending(
    store: StagingStore, target: TargetSpec, fields: list[ResolvedField], ledger: Ledger, sender: Sender, run: LoadRun, progress: Progress,
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
        block = dict(store.rows(f"SELECT external_id, _block FROM ops.pending WHERE {_where(lane, omitted, number)}"))
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
