"""New records on their way: cut into batches, sent over lanes that keep their order, noted in the ledger as they arrive.

Records that are part of another (a document's lines) are created in the same call, so a document is in Odoo with all its
lines or not at all. Their ledger entries follow when their own model is loaded, from Odoo's external ids.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain
from typing import Any

import polars as pl

from crm_pipeline.odoo.creating import value_of
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.paging import PAGE
from crm_pipeline.odoo.resolved import load_cell, resolved_select
from crm_pipeline.odoo.sender import Batch, Outcome, Sender
from crm_pipeline.odoo.stream import Parts, Stream
from crm_pipeline.specs import SourceBlock, TargetSpec
from crm_pipeline.staging.staged import size_column
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Called after each batch with (rows done, rows in total).
Progress = Callable[[int, int], None]

#: Batches under way for each lane: one at the server, one ready to follow it.
_IN_FLIGHT = 2
#: Lane of rows that may go by any.
_ANY = -1


@dataclass
class LoadRun:
    """Running totals of one load."""

    done: int = 0
    total: int = 0
    created: int = 0
    updated: int = 0


def has_new(store: StagingStore, stream: Stream, ledger: Ledger) -> bool:
    """Whether rows of a stream are staged that are neither in Odoo nor refused."""
    target, env, names = stream.target, literal(ledger.env), ", ".join(literal(block.name) for block in stream.blocks)
    return bool(store.value(f"""
        SELECT EXISTS (
            SELECT 1 FROM {quote(f"staged.{target.table}")} WHERE _block IN ({names}) AND {_is_new(target, env)}
        )
    """))  # fmt: skip


def _is_new(target: TargetSpec, env: str) -> str:
    return f"""external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = {env})
        AND external_id NOT IN (SELECT external_id FROM ops.refusal WHERE env = {env} AND model = {literal(target.model)})
        AND external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = {env})"""


def prepare_pending(store: StagingStore, stream: Stream, ledger: Ledger) -> None:
    """``_pending``: the new rows of a stream with cells as ``load`` takes them, numbered by lane and batch.

    ``_pending_part``: the rows of their parts. A row with an unresolved link, or with a part that has one, is held.
    ``ops.pending``: what the rows are made of, which outlives a run that is ended; the cells need not be kept.
    """
    target, env = stream.target, literal(ledger.env)
    select = resolved_select(stream.mapping, target, stream.blocks, list(stream.fields), ledger.env)
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _resolved AS SELECT * FROM ({select}) AS resolved WHERE {_is_new(target, env)}
    """)
    _prepare_parts(store, stream, ledger)
    ledger.refuse(
        target.model,
        store.frame("""
            SELECT external_id, _block AS block, 'held' AS kind, 'unresolved_link' AS reason,
                   'not in Odoo yet: ' || array_to_string(_unresolved, ', ') AS message
            FROM _resolved WHERE len(_unresolved) > 0
        """),
    )
    # Rows are numbered before their cells are written: windows over whole rows would hold all of them several times.
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _numbered AS
        SELECT _at, _lane, _omitted, _position,
               dense_rank() OVER (PARTITION BY _lane, _omitted ORDER BY _number, _window) - 1 AS _batch
        FROM (
            SELECT *, (row_number() OVER in_lane - 1) // {stream.batch} AS _number, {_window(stream)} AS _window
            FROM ({_places(stream)}) WINDOW in_lane AS (PARTITION BY _lane, _omitted ORDER BY _position)
        )
    """)
    cells = ", ".join(f"{load_cell(f, quote(f.name))} AS {quote('cell ' + f.name)}" for f in stream.sent)
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _pending AS
        SELECT external_id, _block, _lane, _omitted, _batch, _position, {cells}
        FROM _resolved JOIN _numbered ON _numbered._at = _resolved.rowid ORDER BY _lane, _omitted, _batch, _position
    """)
    store.execute("CREATE OR REPLACE TABLE ops.pending AS SELECT external_id, _block, _hash, _values FROM _resolved WHERE len(_unresolved) = 0")
    store.execute("DROP TABLE _numbered")
    store.execute("DROP TABLE _resolved")


def _places(stream: Stream) -> str:
    """SQL for the rows that can be sent: where they are in ``_resolved``, their lane, position and size."""
    order = ", ".join([*(quote(name) for name in stream.target.load.order_by), "_order"])
    omitted = [
        f"CASE WHEN {f'len({quote(f.name)}) = 0' if f.spec.refs is not None else f'{quote(f.name)} IS NULL'} THEN {literal(f.name)} END"
        for f in stream.sent if f.spec.when_blank == "omit"
    ]  # fmt: skip
    omitted += _defaults(stream)
    signature = f"concat_ws(' ', {', '.join(omitted)})" if omitted else "''"
    sizes = [f"coalesce({quote(size_column(f.name))}, 0)" for f in stream.sent if f.spec.file is not None]
    return f"""
        SELECT rowid AS _at, {_lane(stream.target, stream.blocks)} AS _lane, {signature} AS _omitted,
               row_number() OVER (ORDER BY {order}) AS _position, ({" + ".join(sizes) or "0"})::BIGINT AS _bytes
        FROM _resolved WHERE len(_unresolved) = 0
    """


def _defaults(stream: Stream) -> list[str]:
    """SQL for the values that rows are given as defaults of their call, ``field=value``; NULL for rows that are given them themselves."""
    rule = {f: stream.creation.by_default[f.name] for f in stream.by_default} if stream.creation is not None else {}
    may = [f"coalesce({quote(f.name)} NOT IN ({', '.join(map(str, excepted))}), TRUE)" for f, excepted in rule.items() if excepted]
    return [
        f"CASE WHEN {' AND '.join(may) or 'TRUE'} THEN {literal(f.name + '=')} || {load_cell(f, quote(f.name))} END" for f in rule
    ]


def _window(stream: Stream) -> str:
    """SQL that parts a lane where the bytes of its files reach the limit of one call."""
    limit = stream.target.load.batch_bytes
    if limit is None:
        return "0"
    return f"((sum(_bytes) OVER (in_lane ROWS UNBOUNDED PRECEDING) - _bytes) // {limit})::BIGINT"


def _lane(target: TargetSpec, blocks: tuple[SourceBlock, ...]) -> str:
    """SQL for a row's lane; rows that have nothing in the field that parts them may go by any."""
    rule = target.load
    if rule.lanes == 1:
        return "0"
    if rule.lane_by is None or any(rule.lane_by not in block.fields for block in blocks):
        return str(_ANY)
    key = quote(rule.lane_by)
    return f"CASE WHEN {key} IS NULL THEN {_ANY} ELSE (hash({key}::VARCHAR) % {rule.lanes})::INTEGER END"


def _prepare_parts(store: StagingStore, stream: Stream, ledger: Ledger) -> None:
    if stream.parts is None:
        return
    target, rule = stream.parts.target, stream.parts.rule
    fields = list(stream.parts.fields)
    select = resolved_select(stream.mapping, target, target.sources, fields, ledger.env)
    cells = ", ".join(f"{load_cell(f, quote(f.name))} AS {quote('cell ' + f.name)}" for f in fields)
    order = ", ".join([*(quote(name) for name in target.load.order_by), "_order"])
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _pending_part AS
        SELECT staged.{quote(rule.link)} AS _whole, part.external_id, part._unresolved,
               row_number() OVER (PARTITION BY staged.{quote(rule.link)} ORDER BY {order}) AS _position, {cells}
        FROM ({select}) AS part JOIN (
            SELECT external_id, {quote(rule.link)} FROM {quote(f"staged.{target.table}")}
        ) AS staged USING (external_id)
        WHERE staged.{quote(rule.link)} IN (SELECT external_id FROM _resolved) ORDER BY ALL
    """)
    store.execute("""
        UPDATE _resolved SET _unresolved = list_concat(_resolved._unresolved, part.missing) FROM (
            SELECT _whole, list(array_to_string(_unresolved, ', ') || ' of ' || external_id ORDER BY _position) AS missing
            FROM _pending_part WHERE len(_unresolved) > 0 GROUP BY _whole
        ) AS part WHERE part._whole = _resolved.external_id
    """)


def hold_orphans(store: StagingStore, stream: Stream, destination: Destination, ledger: Ledger) -> None:
    """Hold pending rows whose document was deleted in Odoo since it was loaded.

    Odoo 17 and 18 accept a file for a record that is not there, and then nobody can read or delete it (ODOO_FACTS 6).
    """
    for field in stream.sent:
        if field.schema.type != "many2one_reference" or not field.spec.links:
            continue
        wanted = store.rows(
            f"""SELECT DISTINCT entry.model, entry.odoo_id FROM _pending JOIN {quote(f"staged.{stream.target.table}")} AS staged
                USING (external_id) JOIN ops.ledger AS entry ON entry.env = ? AND entry.external_id = staged.{quote(field.name)}""",
            [ledger.env],
        )
        gone: list[str] = []
        for model in sorted({model for model, _ in wanted}):
            ids = sorted(odoo_id for other, odoo_id in wanted if other == model)
            for start in range(0, len(ids), PAGE):
                part = ids[start : start + PAGE]
                found = destination.search_columns(model, [("id", "in", part)], ["id"], context={"active_test": False})
                gone += [str(odoo_id) for odoo_id in sorted(set(part).difference(found["id"]))]
        if gone:
            cell = quote("cell " + field.name)
            ledger.refuse(
                stream.target.model,
                store.frame(
                    f"""SELECT external_id, _block AS block, 'held' AS kind, 'document_deleted' AS reason,
                               'the record it belongs to was deleted in Odoo (id ' || {cell} || ')' AS message
                        FROM _pending WHERE list_contains(?, {cell})""",
                    [gone],
                ),
            )
            store.execute(f"DELETE FROM ops.pending WHERE external_id IN (SELECT external_id FROM _pending WHERE list_contains(?, {cell}))", [gone])
            store.execute(f"DELETE FROM _pending WHERE list_contains(?, {cell})", [gone])


def send_pending(store: StagingStore, stream: Stream, ledger: Ledger, sender: Sender, run: LoadRun, progress: Progress) -> None:
    """Send ``_pending``; each lane keeps its order and takes of the rows for any when its own are sent.

    The main thread alone touches the store.
    """
    # At 16 MB, DuckDB's default, the end of the ledger is compressed and written anew every few batches
    store.execute("SET checkpoint_threshold = '256MB'")
    plan = store.rows("SELECT _lane, _omitted, _batch FROM _pending GROUP BY ALL ORDER BY _lane, min(_position)")
    by_any = iter([batch for batch in plan if batch[0] == _ANY])
    queues = {lane: chain([batch for batch in plan if batch[0] == lane], by_any) for lane in range(stream.target.load.lanes)}
    running: dict[Future[Outcome], tuple[int, pl.DataFrame]] = {}
    pools = {lane: ThreadPoolExecutor(1, thread_name_prefix=f"{stream.target.table}-{lane}") for lane in queues}

    def submit(lane: int) -> None:
        following = next(queues[lane], None)
        if following is not None:
            batch, names = _batch(store, stream, *following)
            running[pools[lane].submit(sender.send, batch)] = (lane, names)

    try:
        for lane in queues:
            for _ in range(_IN_FLIGHT):
                submit(lane)
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                lane, names = running.pop(future)
                outcome = future.result()
                _keep(stream.target, ledger, outcome, names)
                run.created += len(outcome.ids)
                run.done += len(outcome.ids) + len(outcome.refused)
                progress(run.done, run.total)
                submit(lane)
    finally:
        for pool in pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        ledger.take_arrived()


def _batch(store: StagingStore, stream: Stream, lane: int, omitted: str, number: int) -> tuple[Batch, pl.DataFrame]:
    """A batch, and its records' external_id and block."""
    given = dict(part.split("=", 1) for part in omitted.split() if "=" in part)
    left_out = {*omitted.split(), *given}
    fields = [f for f in stream.sent if f.name not in left_out]
    cells = [f"cell {f.name}" for f in fields]
    where = f"_lane = {lane} AND _omitted = {literal(omitted)} AND _batch = {number}"
    selected = "".join(f", {quote(cell)}" for cell in cells)
    # the table is in this order nearly always: sorting here costs a third of what the database takes
    records = store.frame(f"SELECT external_id, _block AS block, _position{selected} FROM _pending WHERE {where}").sort("_position")
    names = tuple(records["external_id"])
    rows = records.select(cells).rows() if cells else [()] * len(names)
    columns = [f.column for f in fields]
    kinds = [f.schema.type for f in fields]
    more: tuple[tuple[tuple[Any, ...], ...], ...] = ()
    if stream.parts is not None:
        parts = _part_rows(store, stream.parts, where)
        columns += [f"{stream.parts.rule.field}/id", *(f"{stream.parts.rule.field}/{f.column}" for f in stream.parts.fields)]
        blank, empty = ("",) * len(fields), ("",) * (len(stream.parts.fields) + 1)
        mine = [
            [(f"{stream.mapping.name}.{part[0]}", *part[1:]) for part in parts.get(name, ())] or [empty] for name in names
        ]
        rows = [(*row, *own[0]) for row, own in zip(rows, mine, strict=True)]
        more = tuple(tuple((*blank, *part) for part in own[1:]) for own in mine)
    batch = Batch(
        model=stream.target.model,
        fields=tuple(columns),
        names=names,
        rows=tuple(rows),
        more_rows=more,
        files=tuple(position for position, f in enumerate(fields) if f.spec.file is not None),
        context=stream.target.load.context,
        kinds=tuple(kinds),
        creation=stream.creation if not more and not any(f.spec.file for f in fields) else None,
        defaults={f"default_{f.schema.name}": value_of(f.schema.type, given[f.name]) for f in stream.by_default if f.name in given},
    )
    return batch, records.select("external_id", "block")


def _part_rows(store: StagingStore, parts: Parts, where: str) -> dict[str, list[tuple[Any, ...]]]:
    """External id and cells of the parts of a batch's records, by their record, in order."""
    cells = ", ".join(f"part.{quote('cell ' + f.name)}" for f in parts.fields)
    found: dict[str, list[tuple[Any, ...]]] = {}
    for whole, *row in store.rows(
        f"""SELECT part._whole, part.external_id, {cells} FROM _pending_part AS part
            JOIN (SELECT external_id FROM _pending WHERE {where}) AS whole ON whole.external_id = part._whole
            ORDER BY part._whole, part._position"""
    ):
        found.setdefault(whole, []).append(tuple(row))
    return found


def _keep(target: TargetSpec, ledger: Ledger, outcome: Outcome, names: pl.DataFrame) -> None:
    """Write a batch's outcome to the ledger before anything else happens."""
    ledger.note_arrived(target.model, outcome.ids)
    if outcome.refused:
        messages = [outcome.refused.get(name) for name in names["external_id"]]
        refused = names.with_columns(pl.Series("message", messages, dtype=pl.String)).drop_nulls("message")
        ledger.refuse(target.model, refused.with_columns(kind=pl.lit("failed"), reason=pl.lit("refused_by_odoo")))
