"""The plan of a rollback: what would be deleted in which order, what stays and why, what is restored, what can't be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.rollback.authorship import Stamp, read_authorship
from crm_pipeline.odoo.rollback.census import grouped, take_census
from crm_pipeline.odoo.rollback.companions import adopt_companions
from crm_pipeline.odoo.rollback.keeping import Keeper, Reason
from crm_pipeline.odoo.rollback.relations import Item, Relations, parts
from crm_pipeline.odoo.rollback.restoring import Restoration, plan_restorations, touched_fields
from crm_pipeline.odoo.rollback.rules import NotUndone, UndoRules, load_rules
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore


@dataclass(frozen=True)
class KeptRecord:
    """A record of the migration that stays.

    Attributes:
        name: its external id without module.
        label: its name in Odoo.
        kind: see :class:`~crm_pipeline.odoo.rollback.keeping.Reason`.
        reason: a sentence.
    """

    model: str
    odoo_id: int
    name: str
    label: str
    kind: str
    reason: str


@dataclass
class RollbackPlan:
    """What a rollback comes to.

    Attributes:
        found: model → records of the migration that are there and in question.
        steps: model and ids, in the order they are deleted.
        kept: records that stay.
        edited: records that go although people changed values of theirs.
        restorations: values of records that were there before.
        dangling: ids of ``ir.model.data`` rows whose record is gone already.
        not_undone: what stays in any case.
        unreadable: models the user may not read, so that nobody knows whether their records depend on something.
        runs: the runs that are undone; None for all.
        told_apart: whether people's work with the migration's own login can be told from the migration's.
    """

    found: dict[str, int]
    steps: list[tuple[str, list[int]]]
    kept: list[KeptRecord]
    edited: list[KeptRecord]
    restorations: list[Restoration]
    dangling: list[int]
    not_undone: list[NotUndone]
    unreadable: list[str]
    told_apart: bool
    runs: Sequence[str] | None
    keeper: Keeper = field(repr=False)

    @property
    def deleted(self) -> int:
        """How many records are to be deleted."""
        return sum(len(ids) for _, ids in self.steps)

    @property
    def to_restore(self) -> int:
        """How many values are to be restored."""
        return sum(each.state == "restore" for each in self.restorations)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.deleted and not self.to_restore and not self.dangling


class UnknownRunError(Exception):
    """The run to go back to is not known here."""

    def __init__(self, run_id: str, env: str, known: Sequence[str]) -> None:
        runs = ", ".join(known) or "none; without the local store only the whole migration can be undone"
        super().__init__(f"--to: the {env} has no run '{run_id}'; known are {runs}")


def make_plan(
    store: StagingStore, mapping: Mapping, destination: Destination, env: str, *, to: str | None = None, force: bool = False,
    keep_edited: bool = False, adopt: RetryPolicy | None = None,
) -> RollbackPlan:  # fmt: skip
    """Look at everything and change no record.

    Args:
        store: the staging store.
        mapping: the mapping; its name is the module of the external ids, its targets give the order.
        destination: the database.
        env: environment.
        to: undo only what later runs than this one did; everything when None.
        force, keep_edited: see :meth:`Keeper.find`.
        adopt: give what Odoo made along with ours an external id of ours, so that it is found again after an interruption.

    Raises:
        UnknownRunError: for a run that is not in the store.
        DestinationError: when the destination is out of reach or the user may not read what it takes.
    """
    later = _runs_after(store, env, to) if to is not None else None
    rules = _with_parts(load_rules(), mapping)
    relations = Relations(destination)
    census = take_census(destination, mapping.name, relations.models)
    authorship = read_authorship(store, destination, env, census.earliest)
    adopt_companions(destination, mapping.name, rules, relations, census, adopt)
    if to is not None:
        census.limit(_Later(store, env, later or []).is_later)
    keeper = Keeper(destination, rules, relations, census, authorship, touched_fields(store, env, later))
    keeper.find(force=force, keep_edited=keep_edited)
    return replan(store, mapping, env, keeper, later)


def replan(store: StagingStore, mapping: Mapping, env: str, keeper: Keeper, runs: Sequence[str] | None) -> RollbackPlan:
    """The plan as the keeper sees it now."""
    census, rules = keeper.census, keeper.rules
    going = census.scope - set(keeper.kept)
    restorations = plan_restorations(store, keeper.destination, env, going, runs)
    models = {model for model, _ in going}
    return RollbackPlan(
        found={model: len(ids) for model, ids in sorted(census.by_model().items())},
        steps=_in_order(mapping, rules, keeper, grouped(going)),
        kept=_records(keeper, {item: reason for item, reason in keeper.kept.items() if item in census.scope}),
        edited=_records(keeper, {item: reason for item, reason in keeper.edited.items() if item in going}),
        restorations=[_unless_used(each, keeper.needed) for each in restorations],
        dangling=census.dangling,
        not_undone=[fact for fact in rules.not_undone if (models.intersection(fact.models) if fact.models else models)],
        unreadable=sorted(keeper.relations.unreadable),
        told_apart=keeper.authorship.periods is not None,
        runs=runs,
        keeper=keeper,
    )


def _runs_after(store: StagingStore, env: str, run_id: str) -> list[str]:
    runs = store.rows("SELECT run_id, started_at FROM ops.run WHERE env = ? ORDER BY started_at, run_id", [env])
    known = [run for run, _ in runs]
    if run_id not in known:
        raise UnknownRunError(run_id, env, known)
    return known[known.index(run_id) + 1 :]


class _Later:
    """Tells which records later runs made: by the ledger, else by Odoo's own creation time."""

    def __init__(self, store: StagingStore, env: str, later: list[str]) -> None:
        rows = store.rows("SELECT model, external_id, created_run FROM ops.ledger WHERE env = ? AND created_run IS NOT NULL", [env])
        self._made_in = {(model, name): run for model, name, run in rows}
        self._later = set(later)
        self._known = {run for (run,) in store.rows("SELECT run_id FROM ops.run WHERE env = ?", [env])}
        self._next = store.value("SELECT min(started_at) FROM ops.run WHERE env = ? AND list_contains(?, run_id)", [env, later])

    def is_later(self, item: Item, name: str, stamp: Stamp) -> bool:
        """See :data:`~crm_pipeline.odoo.rollback.census.InScope`."""
        run = self._made_in.get((item[0], name))
        if run in self._known:
            return run in self._later
        return self._next is not None and stamp.create_date >= f"{self._next:%Y-%m-%d %H:%M:%S}"


def _with_parts(rules: UndoRules, mapping: Mapping) -> UndoRules:
    """The rules with the parts the mapping itself states."""
    belongs = dict(rules.belongs)
    for target in mapping.targets:
        if target.part_of is not None:
            belongs[target.model] = tuple(dict.fromkeys((*belongs.get(target.model, ()), target.part_of.link)))
    return rules.model_copy(update={"belongs": belongs})


def _in_order(mapping: Mapping, rules: UndoRules, keeper: Keeper, going: dict[str, set[int]]) -> list[tuple[str, list[int]]]:
    """The reverse of the order of loading; parts after what they are part of, what a deletion leaves behind after it."""
    wholes = {target.model: target.part_of.model for target in mapping.targets if target.part_of is not None}
    order: list[str] = []
    for target in reversed(mapping.targets):
        if target.model not in wholes:
            order += [target.model, *(part for part, whole in wholes.items() if whole == target.model)]
    order += sorted(set(going) - set(order))
    left = {model: _left_behind(keeper, rules, model, going) for model in going}
    waiting: dict[str, set[int]] = {}
    for found in left.values():
        for other, ids in found.items():
            waiting.setdefault(other, set()).update(ids)
    steps: list[tuple[str, list[int]]] = []
    for model in order:
        ids = going.get(model, set()) - waiting.get(model, set())
        if ids:
            steps.append((model, sorted(ids)))
        for other, rest in left.get(model, {}).items():
            if rest:
                steps.append((other, sorted(rest)))
    return steps


def _left_behind(keeper: Keeper, rules: UndoRules, model: str, going: dict[str, set[int]]) -> dict[str, set[int]]:
    """Records of ours that others of ours leave behind: a user's partner, a product's template."""
    leaves = {other: name for other, name in rules.of(model).leaves.items() if going.get(other)}
    found: dict[str, set[int]] = {other: set() for other in leaves}
    for some in parts(going[model]) if leaves else ():
        for record in keeper.relations.read(model, [("id", "in", some)], leaves.values()):
            for other, name in leaves.items():
                if record[name] in going[other]:
                    found[other].add(record[name])
    return found


def _unless_used(each: Restoration, needed: set[Item]) -> Restoration:
    """A record that is kept in use by what stays is not archived."""
    if each.state == "restore" and each.field == "active" and not each.before and (each.model, each.odoo_id) in needed:
        return Restoration(
            each.model, each.odoo_id, each.field, each.before, each.after, each.now, "in_use", "records that stay refer to it"
        )
    return each


def _records(keeper: Keeper, named: dict[Item, Reason]) -> list[KeptRecord]:
    """Records with their names and the reasons in words."""
    by = {reason.by for reason in named.values() if reason.by is not None}
    labels = _labels(keeper, set(named) | by)
    return [
        KeptRecord(model, odoo_id, keeper.census.names[model][odoo_id], labels.get((model, odoo_id), ""), reason.kind, _words(reason, labels))
        for (model, odoo_id), reason in sorted(named.items())
    ]


def _labels(keeper: Keeper, items: set[Item]) -> dict[Item, str]:
    found: dict[Item, str] = {}
    for model, ids in grouped(items).items():
        for some in parts(ids):
            for record in keeper.relations.read(model, [("id", "in", some)], ["display_name"]):
                found[model, record["id"]] = str(record["display_name"] or "")
    return found


def _words(reason: Reason, labels: dict[Item, str]) -> str:
    by = f"{reason.by[0]} {reason.by[1]}" if reason.by is not None else ""
    label = labels.get(reason.by, "") if reason.by is not None else ""
    who = f"{by} ({label})" if label else by
    return {
        "edited": f"changed by {label or by} at {reason.detail} UTC",
        "referenced": f"{who} refers to it ({reason.detail})",
        "attached": f"{who} of {reason.detail} UTC is attached to it, and was not made by the migration",
        "needed": f"{who} needs it, and stays",
        "refused": f"Odoo refuses: {reason.detail}",
    }[reason.kind]
