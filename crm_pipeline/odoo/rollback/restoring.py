"""Values that the migration changed on records it did not create (or, going back to a run, that later runs changed).

The changes of a field are undone from the newest back, as long as each found what the one before it left. A value that a
person set since, or in between, stays; of a list only the migration's own additions and removals are undone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crm_pipeline.odoo.destination import QUIET, Destination, FieldSchema
from crm_pipeline.odoo.errors import CallError, DataError
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.normal import html_text
from crm_pipeline.odoo.rollback.relations import Item, parts
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore

_HALF_CENT = 0.005
_TINY = 1e-6


@dataclass(frozen=True)
class Restoration:
    """One field of one record.

    Attributes:
        before: the value to restore, as Odoo has it.
        after: the value the migration left.
        now: what Odoo holds.
        state: ``restore``; ``restored`` already; ``changed`` by a person since; ``gone``; ``in_use``; ``refused``.
        remark: Odoo's words, or what uses it.
    """

    model: str
    odoo_id: int
    field: str
    before: Any
    after: Any
    now: Any
    state: str
    remark: str = ""


def plan_restorations(
    store: StagingStore, destination: Destination, env: str, going: set[Item], runs: Sequence[str] | None
) -> list[Restoration]:
    """What there is to restore.

    Args:
        store: the staging store, with ``ops.touched``.
        destination: the database.
        env: environment.
        going: records that are deleted, so that their values don't matter.
        runs: only changes of these runs; all when None.
    """
    chains: dict[tuple[str, int, str], list[tuple[Any, Any]]] = {}
    for model, odoo_id, field, before, after in store.rows(
        f"""SELECT model, odoo_id, field, before, after FROM ops.touched WHERE env = ?
            {"AND list_contains(?, run_id)" if runs is not None else ""} ORDER BY touched_at DESC, rowid DESC""",
        [env, list(runs)] if runs is not None else [env],
    ):
        if (model, odoo_id) not in going:
            chains.setdefault((model, odoo_id, field), []).append((json.loads(before or "false"), json.loads(after or "false")))
    found: list[Restoration] = []
    for model in sorted({key[0] for key in chains}):
        mine = {key: chain for key, chain in chains.items() if key[0] == model}
        now, schema = _read(destination, model, mine)
        found += [_weigh(key, chain, now.get(key[1]), schema) for key, chain in sorted(mine.items(), key=lambda each: each[0])]
    return found


def touched_fields(store: StagingStore, env: str, runs: Sequence[str] | None) -> set[tuple[str, int, str]]:
    """(model, id, field) of the changes."""
    rows = store.rows("SELECT DISTINCT model, odoo_id, field, run_id FROM ops.touched WHERE env = ?", [env])
    return {(model, odoo_id, field) for model, odoo_id, field, run in rows if runs is None or run in runs}


def _read(
    destination: Destination, model: str, keys: Iterable[tuple[str, int, str]]
) -> tuple[dict[int, dict[str, Any]], dict[str, FieldSchema]]:
    wanted = list(keys)
    try:
        schema = destination.fields_get(model)
    except CallError:  # the model went with its app, or with an earlier rollback
        return {}, {}
    fields = sorted({key[2] for key in wanted} & set(schema))
    now: dict[int, dict[str, Any]] = {}
    for some in parts({key[1] for key in wanted}):
        # read, not search_read: that leaves archived records out of a many2many
        found = destination.search_read(model, [("id", "in", some)], ["id"], context={"active_test": False})
        there = [record["id"] for record in found]
        if there:
            for record in destination.call(model, "read", there, fields=fields, context={"active_test": False}):
                now[record["id"]] = {name: plain(record[name], schema[name]) for name in fields}
    return now, schema


def plain(value: Any, schema: FieldSchema) -> Any:
    """A many2one as its id, whichever way it was read."""
    return value[0] if schema.type == "many2one" and isinstance(value, (list, tuple)) and value else value


def _weigh(
    key: tuple[str, int, str], chain: list[tuple[Any, Any]], now: dict[str, Any] | None, schema: dict[str, FieldSchema]
) -> Restoration:
    model, odoo_id, field = key
    newest_after, oldest_before = chain[0][1], chain[-1][0]
    if now is not None and field in now and schema[field].type == "many2many":
        return _weigh_list(key, chain, now[field], newest_after)
    if now is None or field not in now:
        return Restoration(model, odoo_id, field, oldest_before, newest_after, None, "gone")
    held, reached = now[field], None
    for before, after in chain:
        if not is_same(after, held if reached is None else reached[0], schema[field]):
            break
        reached = (before,)
    if reached is None:
        state = "restored" if is_same(oldest_before, held, schema[field]) else "changed"
        return Restoration(model, odoo_id, field, oldest_before, newest_after, held, state)
    state = "restored" if is_same(reached[0], held, schema[field]) else "restore"
    return Restoration(model, odoo_id, field, reached[0], newest_after, held, state)


def _weigh_list(key: tuple[str, int, str], chain: list[tuple[Any, Any]], now: list[int], newest_after: Any) -> Restoration:
    """Of a list only what the migration added goes and what it removed comes back; what others did to it stays."""
    value = set(now)
    for before, after in chain:
        value = (value - (set(after or []) - set(before or []))) | (set(before or []) - set(after or []))
    return Restoration(*key, sorted(value), newest_after, now, "restored" if value == set(now) else "restore")


def is_same(one: Any, other: Any, schema: FieldSchema) -> bool:
    """Whether two values of a field say the same, as Odoo may have rewritten either."""
    one, other = one or False, other or False
    if schema.type == "html":
        return html_text(str(one or "")) == html_text(str(other or ""))
    if schema.type in {"float", "monetary"}:
        return abs(float(one) - float(other)) < (_HALF_CENT if schema.type == "monetary" else _TINY)
    if isinstance(one, list) or isinstance(other, list):
        return sorted(one or []) == sorted(other or [])
    return bool(one == other)


def restore(
    destination: Destination, plan: Sequence[Restoration], retry: RetryPolicy, resend: Callable[[str], Sequence[str]]
) -> list[Restoration]:
    """Write the values back, those that are the same in one call; returns the restorations with their new state.

    Args:
        destination: the database.
        plan: what there is to restore.
        retry: how long to insist.
        resend: fields of a model that Odoo changes when others are written; they are written again as they were.
    """
    done = [each for each in plan if each.state != "restore"]
    groups: dict[tuple[str, str, str], list[Restoration]] = {}
    for each in plan:
        if each.state == "restore":
            groups.setdefault((each.model, each.field, json.dumps(each.before)), []).append(each)
    for (model, field, _), group in groups.items():
        schema = destination.fields_get(model)
        for some in parts({each.odoo_id for each in group}, 500):
            members = [each for each in group if each.odoo_id in set(some)]
            kept = [name for name in resend(model) if name in schema and name != field]
            done += _restore_group(destination, members, schema[field], kept, retry)
    return done


def _restore_group(
    destination: Destination, group: list[Restoration], schema: FieldSchema, kept: list[str], retry: RetryPolicy
) -> list[Restoration]:
    model, ids = group[0].model, [each.odoo_id for each in group]
    value = group[0].before
    sent: Any = [(6, 0, value or [])] if schema.type == "many2many" else value
    as_was = {r["id"]: {name: r[name] for name in kept} for r in destination.search_read(
        model, [("id", "in", ids)], kept, context={"active_test": False}
    )} if kept else {}  # fmt: skip

    def attempt() -> None:
        destination.write(model, ids, {schema.name: sent}, context={**QUIET, "active_test": False})
        for odoo_id, values in as_was.items():
            destination.write(model, [odoo_id], values, context=QUIET)

    try:
        retry.insist(model, attempt)  # writing the same value twice is harmless
    except DataError as error:
        if len(group) == 1:
            return [replace(group[0], state="refused", remark=error.message)]
        middle = len(group) // 2
        halves = (group[:middle], group[middle:])
        return [each for half in halves for each in _restore_group(destination, half, schema, kept, retry)]
    return [replace(each, state="restored") for each in group]


def forget_touched(store: StagingStore, env: str, restored: Sequence[Restoration], deleted: Iterable[Item], runs: Sequence[str] | None) -> None:
    """Drop the notes of changes that are undone, and of those on records that are gone."""
    settled = [f"{r.model} {r.odoo_id} {r.field}" for r in restored if r.state in {"restored", "gone"}]
    gone = [f"{model} {odoo_id}" for model, odoo_id in deleted]
    of_runs, values = ("AND list_contains(?, run_id)", [list(runs)]) if runs is not None else ("", [])
    store.execute(
        f"""DELETE FROM ops.touched WHERE env = ? {of_runs} AND (
                list_contains(?, model || ' ' || odoo_id || ' ' || field) OR list_contains(?, model || ' ' || odoo_id))""",
        [env, *values, settled, gone],
    )


def set_back_ledger(store: StagingStore, mapping: Mapping, destination: Destination, env: str, restored: Sequence[Restoration]) -> None:
    """Let the ledger say what records of the migration hold again, so that a later delta sends the newer values anew.

    Links become external ids where the ledger knows the record; a value it can't express is left as it was.
    """
    for each in restored:
        names = [
            name for target in mapping.targets if target.model == each.model for block in target.sources
            for name, spec in block.fields.items() if each.field in {name, spec.or_field}
        ]  # fmt: skip
        entry = store.rows(
            """SELECT external_id, "values" FROM ops.ledger WHERE env = ? AND model = ? AND odoo_id = ? AND origin = 'created'""",
            [env, each.model, each.odoo_id],
        )
        if each.state != "restored" or not names or not entry or entry[0][1] is None:
            continue
        schema = destination.fields_get(each.model)[each.field]
        value = _as_staged(store, env, each.before, schema)
        values = json.loads(entry[0][1]) | dict.fromkeys(names, value)
        store.execute(
            """UPDATE ops.ledger SET "values" = ?, row_hash = 'set back' WHERE env = ? AND model = ? AND external_id = ?""",
            [json.dumps(values, ensure_ascii=False), env, each.model, entry[0][0]],
        )


def _as_staged(store: StagingStore, env: str, value: Any, schema: FieldSchema) -> Any:
    """An Odoo value as staging writes it."""
    if schema.type in {"many2one", "many2many"}:
        ids = value if isinstance(value, list) else [value] if value else []
        rows = store.rows(
            "SELECT min(external_id) FROM ops.ledger WHERE env = ? AND model = ? AND list_contains(?, odoo_id) GROUP BY odoo_id",
            [env, schema.relation, ids],
        )
        names = sorted(name for (name,) in rows)
        return names if schema.type == "many2many" else next(iter(names), None)
    return value if value or schema.type in {"boolean", "integer", "float", "monetary"} else None
