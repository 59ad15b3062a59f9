"""What the last run of an environment left that still holds, so that the next run need not do it again."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from crm_pipeline.migration import records
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.loader import LoadCounts, models_loaded_as_staged
from crm_pipeline.odoo.preflight.subject import UNREADABLE
from crm_pipeline.specs import TargetSpec
from crm_pipeline.verification.checks import CheckResult, CheckSpec
from crm_pipeline.verification.standing import proven_models

if TYPE_CHECKING:
    from crm_pipeline.migration.migration import Migration


def last_run_stands(migration: Migration, env: str, destination: Destination) -> bool:
    """Whether the last run loaded this very database completely, by this mapping, so that what it proved may still hold."""
    store = migration.store
    last = store.rows("SELECT ok, mapping_hash, kind FROM ops.run WHERE env = ? ORDER BY started_at DESC, run_id DESC LIMIT 1", [env])
    return (
        last == [(True, migration.mapping.hash, "load")]
        and migration.last_loaded(env) is not None
        and store.value("SELECT database_uuid FROM ops.environment WHERE env = ?", [env]) == migration.database_uuid(destination)
    )


class Standing:
    """The models of which the last run did all there is to do, as far as Odoo's stamps say that nobody touched them since.

    Odoo is asked for all models at once, and again after this run loaded one, which may write to records of others. Use it for a run that began after :func:`last_run_stands`, when everything is staged.
    """

    def __init__(self, migration: Migration, env: str, destination: Destination) -> None:
        self._migration, self._env, self._destination = migration, env, destination
        self._looks: dict[frozenset[str], frozenset[str]] = {}
        self._counts_as_load = False

    @cached_property
    def models(self) -> frozenset[str]:
        """Models with nothing left to do, when first asked: loaded just as they are staged, nothing refused, and as proven."""
        complete = {model for model, count in self._counts.items() if not (count.failed or count.held)}
        same = self._loaded_as_staged() & complete
        decided = frozenset() if self._decisions_are_the_same() else {t.model for t in self._targets if t.match.queue is not None}
        return (same & (self._proven() | self._empty)) - decided

    def keep(self, target: TargetSpec) -> list[CheckResult] | None:
        """The outcomes of a model's checks as the last run left them, where nothing is left to do for the model; else ``None``.

        A run that finds nothing to do for a model counts as one that loaded.
        """
        if not self._is_left_out(target) and not (target.model in self._kept and self.holds(target)):
            return None
        if not self._counts_as_load:
            records.note_load(self._migration.store, self._migration.run_id, self._env)
            self._counts_as_load = True
        records.keep_unchanged(self._migration.store, self._env, target.model)
        return [self._outcomes[spec] for spec in self._migration.catalogue.loaded_checks(self._env, target).values() if spec in self._outcomes]

    def holds(self, target: TargetSpec) -> bool:
        """Whether the last full read-back of a model still holds."""
        return target.model in self._empty or target.model in self._proven()

    @property
    def is_whole(self) -> bool:
        """Whether there was nothing to do for any model, so that findings about the environment as a whole hold too."""
        return not self._migration.loaded_models(self._env) and {t.model for t in self._migration.in_force(self._env).targets} <= self._kept

    # -- parts

    @cached_property
    def _targets(self) -> tuple[TargetSpec, ...]:
        return self._migration.in_force(self._env).targets

    @cached_property
    def _kept(self) -> frozenset[str]:
        """The models that stand still when their turn comes: preflight, in between, says anew which rows are left out."""
        return self.models & self._loaded_as_staged()

    @cached_property
    def _counts(self) -> dict[str, LoadCounts]:
        return records.kept_counts(self._migration.store, self._env)

    def _proven(self) -> frozenset[str]:
        """Models whose proof holds, as Odoo said after the last load of this run; none where it does not let us look."""
        loaded = frozenset(self._migration.loaded_models(self._env))
        if loaded not in self._looks:
            ended = self._migration.ledger(self._env).last_run_ended()
            try:
                found = proven_models(self._migration.store, self._migration.mapping, self._destination, self._env, self._targets, ended)
            except UNREADABLE:  # preflight says what is missing
                found = frozenset()
            self._looks[loaded] = found
        return self._looks[loaded]

    @cached_property
    def _empty(self) -> frozenset[str]:
        """Models of which nothing is staged and nothing was ever loaded: there is nothing to prove."""
        ledger = self._migration.ledger(self._env)
        unused = {model for model, count in self._counts.items() if not count.staged}
        return frozenset(t.model for t in self._targets if t.model in unused and ledger.is_empty(t))

    @cached_property
    def _outcomes(self) -> dict[CheckSpec, CheckResult]:
        specs = [s for t in self._migration.mapping.targets for s in self._migration.catalogue.loaded_checks(self._env, t).values()]
        return {result.spec: result for result in records.kept_checks(self._migration.store, self._env, specs)}

    def _loaded_as_staged(self) -> frozenset[str]:
        return models_loaded_as_staged(self._migration.store, self._targets, self._env)

    def _is_left_out(self, target: TargetSpec) -> bool:
        """Whether the environment does without a model, as in the last run."""
        known = self._counts.get(target.model)
        return known is not None and not known.staged and target.model in self._migration.without_app(self._env)

    def _decisions_are_the_same(self) -> bool:
        """Whether the last two runs, this one and the one before, followed the same decisions of people."""
        last = self._migration.store.rows("SELECT decisions FROM ops.run WHERE env = ? ORDER BY started_at DESC, run_id DESC LIMIT 2", [self._env])
        return len(last) == 2 and last[0] == last[1]
