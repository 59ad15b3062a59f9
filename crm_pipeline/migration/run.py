"""A whole migration in one call: read, stage, preflight, load and verify model after model, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_pipeline.exports import Drop
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.result import build_result
from crm_pipeline.migration.sign_off import keep_report
from crm_pipeline.migration.standing import Standing, last_run_stands
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.reports import build_preflight_page, build_report
from crm_pipeline.specs import TargetSpec
from crm_pipeline.verification.checks import CheckResult


@dataclass(frozen=True)
class RunOutcome:
    """What a run came to: the result document, the report's path, and the checks that stopped it."""

    result: dict[str, Any]
    report: Path | None
    stopped_by: tuple[CheckResult, ...]

    @property
    def ok(self) -> bool:
        """Whether every check of severity ERROR passed."""
        return bool(self.result["ok"])


def migrate(
    migration: Migration, env: str, *, drop_name: str | None = None, only: tuple[str, ...] = (), dry_run: bool = False
) -> RunOutcome:
    """Run the migration of one environment.

    Running again what was loaded and proven writes nothing, and reads back only the models of which anything was written
    in Odoo since.

    A model whose blocking check fails stops the models that depend on it; the others go on. What was loaded stays, and
    running again continues.

    Args:
        migration: the open migration.
        env: sandbox or production.
        drop_name: an export drop; the newest full one when not given.
        only: Odoo models to load; all when empty.
        dry_run: stop before anything is written.
    """
    unknown = [model for model in only if all(t.model != model for t in migration.mapping.targets)]
    if unknown:
        known = ", ".join(t.model for t in migration.mapping.targets)
        raise ValueError(f"--only: nothing is mapped to '{unknown[0]}'; the models are {known}")
    drop = migration.newest_drop(drop_name)
    if not dry_run:
        migration.refuse_older(env, drop.name)
    destination = migration.reach(env) if dry_run else migration.open(env)
    try:
        repeats = not dry_run and not only and migration.is_staged(drop) and last_run_stands(migration, env, destination)
        standing = Standing(migration, env, destination) if repeats else None
        stops = _prepare(migration, env, drop, destination, standing)
        if not stops and not dry_run:
            stops = _load_all(migration, env, destination, only, only_newer=repeats, standing=standing)
            stops += [r for r in migration.finish(env, destination, standing=standing) if r.stops]
        else:
            migration.account(env)
    finally:
        destination.close()
    return _outcome(migration, env, tuple(stops))


def delta(
    migration: Migration, env: str, *, drop_name: str | None = None, before_load: Callable[[], list[CheckResult]] = list,
    verify_all: bool = False,
) -> RunOutcome:
    """Apply a newer drop to an environment that was loaded before: what is new, what changed, what was deleted.

    Only what changed is sent, and only what was written is read back; totals, counts and side effects are checked over
    everything.

    Args:
        migration: the open migration.
        env: sandbox or production.
        drop_name: the drop; the newest one, full or delta, when not given.
        before_load: further checks once the export is staged and the destination examined.
        verify_all: read every record back, not only those that were written.

    Raises:
        MigrationError: nothing was loaded yet, or the drop is older than what was.
    """
    if migration.last_loaded(env) is None:
        raise MigrationError(f"nothing has been loaded into the {env} yet; run migrate first")
    drop = migration.newest_drop(drop_name, deltas=True)
    migration.refuse_older(env, drop.name)
    destination = migration.open(env)
    try:
        some = not verify_all
        standing = Standing(migration, env, destination) if some and last_run_stands(migration, env, destination) else None
        stops = _prepare(migration, env, drop, destination, standing)
        if not stops:
            stops = [r for r in before_load() if r.stops]
        if not stops:
            stops = _load_all(migration, env, destination, (), only_newer=some, only_written=some, standing=standing)
            stops += [r for r in migration.finish(env, destination, only_written=some, standing=standing) if r.stops]
        else:
            migration.account(env)
    finally:
        destination.close()
    return _outcome(migration, env, tuple(stops))


def _prepare(migration: Migration, env: str, drop: Drop, destination: Destination, standing: Standing | None) -> list[CheckResult]:
    """Start a run, read, stage and examine; returns what stops it."""
    migration.start(env, drop, destination, keep=standing is not None)
    stops = [r for r in migration.read(drop) if r.stops]
    if not stops:
        stops = [r for r in migration.stage() if r.stops]
    if not stops:
        stops = [r for r in migration.preflight(env, destination, standing) if r.stops]
    return stops


def preflight(migration: Migration, env: str, *, drop_name: str | None = None) -> tuple[RunOutcome, Path | None]:
    """Read, stage and examine the destination without writing to it; returns the preflight page beside the outcome.

    There is no page when the export itself stopped the run.
    """
    outcome = migrate(migration, env, drop_name=drop_name, dry_run=True)
    return outcome, preflight_page(migration, env)


def preflight_page(migration: Migration, env: str) -> Path | None:
    """Build the preflight page of an environment from the staging store."""
    folder = migration.settings.data.reports(migration.mapping.name, env)
    return build_preflight_page(migration.store, migration.mapping, env, folder, migration.clock())


def verify(migration: Migration, env: str, *, edits_are_drift: bool = False) -> RunOutcome:
    """Read everything back, the bytes of files too, and compare again without loading.

    With ``edits_are_drift`` what people changed in Odoo since the last load is reported as theirs; else every difference
    is an error.
    """
    destination = migration.reach(env)
    try:
        migration.start(env, None, destination)
        stops: list[CheckResult] = []
        for target in migration.mapping.targets if edits_are_drift else ():
            migration.notice_edits(env, destination, target)
        for target in migration.mapping.targets:
            stops += [r for r in migration.verify(env, destination, target, contents=True) if r.stops]
        stops += [r for r in migration.finish(env, destination, contents=True) if r.stops]
    finally:
        destination.close()
    return _outcome(migration, env, tuple(stops))


def redacted_report(migration: Migration, env: str) -> Path:
    """Build the copy of the report that holds no personal data."""
    data = migration.settings.data
    folder = data.reports(migration.mapping.name, env)
    return build_report(migration.store, migration.mapping, env, folder, migration.clock(), data.path, without_personal_data=True)


def report(migration: Migration, env: str) -> Path:
    """Build the report of an environment, with the spot check and the queues beside it, from the staging store."""
    data, now = migration.settings.data, migration.clock()
    path = build_report(migration.store, migration.mapping, env, data.reports(migration.mapping.name, env), now, data.path)
    keep_report(migration.store, data, env, migration.run_id, path, now)
    return path


def _load_all(
    migration: Migration, env: str, destination: Destination, only: tuple[str, ...], *, only_newer: bool = False, only_written: bool = False,
    standing: Standing | None = None,
) -> list[CheckResult]:  # fmt: skip
    stops: list[CheckResult] = []
    blocked: set[str] = set()
    for target in migration.mapping.targets:
        if only and target.model not in only:
            continue
        if _waits_for(migration, target, blocked):
            blocked.add(target.model)
            migration.hold(env, target)
            continue
        kept = standing.keep(target) if standing is not None else None
        if kept is not None:
            stops += [r for r in kept if r.stops]
            continue
        counts, results = migration.load(env, destination, target, only_newer=only_newer)
        results += migration.verify(env, destination, target, only_written=only_written) if counts is not None else []
        found = [r for r in results if r.stops]
        if found:
            blocked.add(target.model)
            stops += found
    return stops


def _waits_for(migration: Migration, target: TargetSpec, blocked: set[str]) -> bool:
    return any(other.model in blocked for other in migration.catalogue.depends_on(target))


def _outcome(migration: Migration, env: str, stops: tuple[CheckResult, ...]) -> RunOutcome:
    data = migration.settings.data
    path = report(migration, env)
    result = build_result(migration.store, migration.mapping, env, migration.run_id, path, data.path)
    migration.end(ok=result["ok"])
    return RunOutcome(result, path, stops)
