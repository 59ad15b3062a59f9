"""Finish records that are created with all their parts: prove their totals, bring them into their state, settle them.

Nothing is taken for done because a call was made: after each step the state is read back, and a record is marked finished
in the ledger only when Odoo shows it. So a kill, a time-out or a lost reply at any point is answered by reading again, and
a step is never taken twice. What can't be finished stays as it is and is listed with its reason in ``ops.unfinished``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from crm_pipeline.odoo.amount_adjustment import adjust_amounts
from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.odoo.errors import DataError
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.pending import Progress
from crm_pipeline.odoo.resolved import ResolvedField, load_cell, resolve_fields, resolved_select, streams
from crm_pipeline.odoo.sender import Batch, Sender
from crm_pipeline.odoo.settlement import settle_payments
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.specs.target import Finish, Step
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Records finished together where the destination has limits; progress is kept after each such page.
PAGE = 100

_HALF_CENT = 0.005


@dataclass(frozen=True)
class Unfinished:
    """A record that is in Odoo and could not be finished."""

    name: str
    reason: str
    message: str


def finish_records(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, ledger: Ledger, sender: Sender,
    progress: Progress = lambda done, total: None,
) -> None:  # fmt: skip
    """Take the finishing steps of all records of ``target`` that are in Odoo and not finished.

    Raises:
        DestinationError: when the destination stays out of reach; the next run goes on where this one ended.
    """
    store.execute("DELETE FROM ops.unfinished WHERE env = ? AND model = ?", [ledger.env, target.model])
    schema = destination.fields_get(target.model)
    for blocks in streams(target):
        fields = {f.name: f for f in resolve_fields(target, target.as_one(blocks), schema)}
        _Finisher(store, mapping, target, fields, destination, ledger, sender).run(blocks, progress)


class _Finisher:
    """The finishing of one stream of a target."""

    def __init__(
        self, store: StagingStore, mapping: Mapping, target: TargetSpec, fields: dict[str, ResolvedField],
        destination: Destination, ledger: Ledger, sender: Sender,
    ) -> None:  # fmt: skip
        assert target.finishing is not None  # noqa: S101 - the caller's condition
        self.store, self.mapping, self.target, self.fields = store, mapping, target, fields
        self.destination, self.ledger, self.sender = destination, ledger, sender
        self.rule: Finish = target.finishing
        self.late = [field for field in fields.values() if field.spec.late]

    def run(self, blocks: Sequence[Any], progress: Progress) -> None:
        """Page by page over the records that are not finished."""
        self._collect(tuple(blocks))
        total = int(self.store.value("SELECT count(*) FROM _to_finish"))
        page = self.destination.batch_records or PAGE
        for start in range(0, total, page):
            rows = self.store.frame(f"SELECT * FROM _to_finish ORDER BY odoo_id LIMIT {page} OFFSET {start}").to_dicts()
            self._keep(rows, self._finish(rows))
            progress(min(start + page, total), total)

    def _collect(self, blocks: tuple[Any, ...]) -> None:
        """``_to_finish``: external_id, odoo_id, the state meant, the amounts that must be equal, late cells."""
        rule = self.rule
        names = [*self._state, *rule.equal_before, *(f.name for f in self.late)]
        names += [rule.settle.document] if rule.settle else []
        wanted = [self.fields[name] for name in dict.fromkeys(names)]
        select = resolved_select(self.mapping, self.target, blocks, wanted, self.ledger.env)
        late = "".join(f", {load_cell(f, quote(f.name))} AS {quote('cell ' + f.name)}" for f in self.late)
        self.store.execute(f"""
            CREATE OR REPLACE TEMP TABLE _to_finish AS
            SELECT resolved.* EXCLUDE (_order, _hash, _values, _unresolved, _blanked), entry.odoo_id{late}
            FROM ({select}) AS resolved JOIN ops.ledger AS entry USING (external_id)
            WHERE entry.env = {literal(self.ledger.env)} AND entry.origin = 'created' AND entry.row_hash = resolved._hash
            AND entry.finished IS NOT TRUE{self._only_late()}
        """)

    @property
    def _state(self) -> list[str]:
        """The state field, where records have one."""
        return [self.rule.state] if self.rule.state is not None else []

    def _only_late(self) -> str:
        """SQL: without a state, only records with a late value need anything."""
        if self.rule.state is not None or self.rule.settle is not None or self.rule.quiet:
            return ""
        return f" AND ({' OR '.join(f'resolved.{quote(f.name)} IS NOT NULL' for f in self.late) or 'FALSE'})"

    def _finish(self, rows: list[dict[str, Any]]) -> list[Unfinished]:
        problems: dict[str, Unfinished] = {}

        def left(found: Sequence[Unfinished]) -> list[dict[str, Any]]:
            problems.update({p.name: p for p in found})
            return [row for row in rows if row["external_id"] not in problems]

        states = self._states(rows)
        gone = [
            Unfinished(r["external_id"], "missing", "the record was deleted in Odoo")
            for r in rows if r["odoo_id"] not in states
        ]  # fmt: skip
        rows = left(gone)
        # what is meant to stay as it begins, a draft, is to have the right amounts too
        open_rows = [r for r in rows if self._begins(r) or not self._is_reached(r, states[r["odoo_id"]])]
        if self.rule.adjust_by is not None:
            field = self.rule.adjust_by
            self._insist(lambda: adjust_amounts(self.destination, self._read, open_rows, field))
        rows = left(self._unequal(open_rows))
        for value, step in self.rule.steps.items():
            group = [r for r in rows if r[str(self.rule.state)] == value and not self._is_reached(r, states[r["odoo_id"]])]
            rows = left(self._take(step, group))
        if self.rule.quiet and rows:
            self._quieten(rows)
        rows = left(self._send_late(rows))
        if self.rule.settle is not None:
            found = settle_payments(self.destination, rows, self.rule.settle.document, self._insist)
            rows = left([Unfinished(name, reason, message) for name, reason, message in found])
        return list(problems.values())

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self, rows: Sequence[dict[str, Any]]) -> dict[int, Record]:
        names = [self.fields[name].schema.name for name in (*self._state, *self.rule.equal_before)] or ["id"]
        ids = [row["odoo_id"] for row in rows]
        domain = [("id", "in", ids)]
        if not ids:
            return {}
        found = self.destination.search_columns(self.target.model, domain, names, context={"active_test": False})
        return {record["id"]: record for record in found.to_dicts()}

    def _states(self, rows: Sequence[dict[str, Any]]) -> dict[int, str]:
        field = self.fields[self.rule.state].schema.name if self.rule.state is not None else "id"
        return {odoo_id: record[field] for odoo_id, record in self._read(rows).items()}

    def _begins(self, row: dict[str, Any]) -> bool:
        """Whether the state meant is the one records begin in: no step leads there."""
        return self.rule.state is not None and row[self.rule.state] not in self.rule.steps

    def _is_reached(self, row: dict[str, Any], state: str) -> bool:
        """Whether the state meant is there; a state without step is where records begin."""
        if self.rule.state is None:
            return True
        step = self.rule.steps.get(row[self.rule.state])
        return state in step.reached if step is not None else state == row[self.rule.state]

    def _unequal(self, rows: Sequence[dict[str, Any]]) -> list[Unfinished]:
        """Records whose amounts in Odoo are not the mapping's, to half a cent."""
        if not self.rule.equal_before:
            return []
        found = self._read(rows)
        problems = []
        for row in rows:
            differs = [
                f"{name} is {found[row['odoo_id']][name]:.2f} in Odoo and {float(row[name]):.2f} in the export"
                for name in self.rule.equal_before
                if row[name] is not None and abs(float(row[name]) - float(found[row["odoo_id"]][name] or 0)) >= _HALF_CENT
            ]
            if differs:
                message = f"{'; '.join(differs)}. It stays as it is; look at taxes, prices with many decimals and currency"
                problems.append(Unfinished(row["external_id"], "totals_differ", message))
        return problems

    # -- steps -------------------------------------------------------------------------------------------------------

    def _take(self, step: Step, rows: Sequence[dict[str, Any]]) -> list[Unfinished]:
        if not rows:
            return []
        refused: dict[int, str] = {}
        self._call(step, [row["odoo_id"] for row in rows], refused)
        states = self._states(rows)
        return [
            Unfinished(
                row["external_id"], "refused_by_odoo",
                refused.get(row["odoo_id"], f"{step.call} left it in state '{states.get(row['odoo_id'])}'"),
            )
            for row in rows if states.get(row["odoo_id"]) not in step.reached
        ]  # fmt: skip

    def _call(self, step: Step, ids: list[int], refused: dict[int, str]) -> None:
        """Call the method on records that need it; a refused call is halved until the records to blame are found."""

        def attempt() -> None:
            states = self._states([{"odoo_id": odoo_id} for odoo_id in ids])
            todo = [odoo_id for odoo_id in ids if states.get(odoo_id) not in step.reached]
            if todo:
                self.destination.call(self.target.model, step.call, todo, context=QUIET)

        try:
            self._insist(attempt)
        except DataError as error:
            if len(ids) == 1:
                refused[ids[0]] = error.message
                return
            middle = len(ids) // 2
            self._call(step, ids[:middle], refused)
            self._call(step, ids[middle:], refused)

    def _insist(self, attempt: Callable[[], None]) -> None:
        self.sender.retry.insist(self.target.model, attempt)

    def _quieten(self, rows: Sequence[dict[str, Any]]) -> None:
        """Remove what a step added of its own accord, whatever the context of the call says.

        Odoo 17 and 18 subscribe the customer of a posted document. Computed fields that are left to the end of a request
        are tracked in the context of any environment of that request, so that now and then a tracking note appears.
        """
        ids = [row["odoo_id"] for row in rows]
        documents = {self.target.model: ids}
        if "move_id" in self.destination.fields_get(self.target.model):
            entries = self.destination.search_read(self.target.model, [("id", "in", ids)], ["move_id"])
            documents["account.move"] = [record["move_id"] for record in entries if record["move_id"]]
        for model, res_ids in documents.items():
            self._insist(partial(_remove_followers, self.destination, model, res_ids))
            self._insist(partial(_remove_tracking_notes, self.destination, model, res_ids))

    def _send_late(self, rows: Sequence[dict[str, Any]]) -> list[Unfinished]:
        """Write the fields that were kept back, where Odoo doesn't have them yet."""
        problems: list[Unfinished] = []
        for field in self.late:
            ids = [row["odoo_id"] for row in rows]
            domain = [("id", "in", ids)]
            now = dict(self.destination.search_columns(self.target.model, domain, [field.schema.name]).rows())
            todo = [row for row in rows if row[field.name] is not None and row[field.name] != now.get(row["odoo_id"])]
            for start in range(0, len(todo), self.target.load.batch):
                part = todo[start : start + self.target.load.batch]
                outcome = self.sender.update(
                    Batch(
                        self.target.model, (field.column,), tuple(row["external_id"] for row in part),
                        tuple((row[f"cell {field.name}"],) for row in part), context=self.target.load.context,
                    )
                )  # fmt: skip
                problems += [
                    Unfinished(name, "refused_by_odoo", f"{field.name}: {text}") for name, text in outcome.refused.items()
                ]
        return problems

    # -- keeping -----------------------------------------------------------------------------------------------------

    def _keep(self, rows: Sequence[dict[str, Any]], problems: Sequence[Unfinished]) -> None:
        names = {row["external_id"]: row["odoo_id"] for row in rows}
        failed = {problem.name for problem in problems}
        self.ledger.mark_finished(self.target.model, [name for name in names if name not in failed])
        if problems:
            frame = pl.DataFrame(
                {
                    "external_id": [p.name for p in problems], "odoo_id": [names[p.name] for p in problems],
                    "reason": [p.reason for p in problems], "message": [p.message for p in problems],
                },
                schema={"external_id": pl.String, "odoo_id": pl.Int64, "reason": pl.String, "message": pl.String},
            )  # fmt: skip
            self.store.insert("ops.unfinished", frame.with_columns(env=pl.lit(self.ledger.env), model=pl.lit(self.target.model)))


def _remove_followers(destination: Destination, model: str, ids: Sequence[int]) -> None:
    domain = [("res_model", "=", model), ("res_id", "in", list(ids))]
    followers = [record["id"] for record in destination.search_read("mail.followers", domain, ["id"])]
    if followers:
        destination.unlink("mail.followers", followers, context=QUIET)


def _remove_tracking_notes(destination: Destination, model: str, ids: Sequence[int]) -> None:
    """Unlink notes of changed values (they have no text) that our own calls made; a person's notes and changes stay."""
    user = destination.call("res.users", "context_get").get("uid")
    domain = [
        ("model", "=", model), ("res_id", "in", list(ids)), ("message_type", "=", "notification"),
        ("create_uid", "=", user),
    ]  # fmt: skip
    notes = [record["id"] for record in destination.search_read("mail.message", domain, ["body"]) if not record["body"]]
    if notes:
        destination.unlink("mail.message", notes, context=QUIET)
