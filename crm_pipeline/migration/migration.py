"""The migration of one source CRM: the operations the command line and Dagster both call.

The order is read, stage, preflight, load (model after model), verify. Each operation leaves its findings in the
staging store and returns its check results; nothing is kept in memory between them.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from crm_pipeline.exports import ExportAudit
from crm_pipeline.exports.drops import Drop, list_drops, open_drop, open_with_base
from crm_pipeline.exports.values import DateOrder, register_values
from crm_pipeline.migration import records
from crm_pipeline.migration.catalogue import Catalogue
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.export_checks import check_object, check_staged, read_objects
from crm_pipeline.migration.inputs import inputs_of
from crm_pipeline.migration.load_checks import check_environment, check_loaded, check_preflight, left_out
from crm_pipeline.migration.readiness import unconfirmed_needs
from crm_pipeline.migration.resolutions import (
    read_conflict_decisions,
    read_orphan_decisions,
    read_owner_decisions,
    read_product_decisions,
    read_row_decisions,
    read_value_decisions,
    unused_orphan_decisions,
)
from crm_pipeline.migration.sign_off import missing_for_production
from crm_pipeline.migration.system_of_record import CutOverError, require_open
from crm_pipeline.odoo.departures import stage_departed
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.environments import open_destination
from crm_pipeline.odoo.errors import AccessRightsError
from crm_pipeline.odoo.gates import GateClosedError
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.loader import LoadCounts, is_loaded_as_staged, load_target
from crm_pipeline.odoo.normal import register_normal_forms
from crm_pipeline.odoo.numbering import register_numbering
from crm_pipeline.odoo.preflight import examine
from crm_pipeline.odoo.sender import Sender
from crm_pipeline.odoo.updates import update_changed
from crm_pipeline.settings import ENVIRONMENTS, Settings
from crm_pipeline.specs import Mapping, TargetSpec, load_mapping
from crm_pipeline.staging.custom_fields import mapping_in_force
from crm_pipeline.staging.decision_outcomes import accept_warnings, decision_counts, unused_decisions
from crm_pipeline.staging.places import Turn
from crm_pipeline.staging.staged import forget_staging, stage_target
from crm_pipeline.staging.store import StagingStore, quote
from crm_pipeline.transforms.functions import register_functions
from crm_pipeline.transforms.policies import build_derived, check_policies
from crm_pipeline.verification.accounting import environment_fates, record_documented
from crm_pipeline.verification.checks import CheckResult
from crm_pipeline.verification.readback import verify_target
from crm_pipeline.verification.sample import draw_sample, read_sample
from crm_pipeline.verification.side_effects import begin_watch
from crm_pipeline.verification.standing import is_proven, keep_proof, take_state
from crm_pipeline.verification.totals import control_totals, exported_amounts, record_counts

logger = logging.getLogger(__name__)

#: Called with (phase, rows done, rows in total).
Progress = Callable[[str, int, int], None]
P = ParamSpec("P")
R = TypeVar("R")


def _kept_together(operation: Callable[Concatenate[Migration, P], R]) -> Callable[Concatenate[Migration, P], R]:
    """An operation whose findings are kept when it ends: what it writes can be derived again, and nothing of it is in Odoo."""

    @functools.wraps(operation)
    def kept(migration: Migration, /, *args: P.args, **options: P.kwargs) -> R:
        with migration.store.together():
            return operation(migration, *args, **options)

    return kept


class ProductionLockedError(MigrationError):
    """Production was asked for and may not be written to yet; the message says what is missing."""

    def __init__(self, source: str, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(f"production is locked for '{source}': {'; '.join(missing)}.")


class Migration:
    """An open migration; close it to free the staging store.

    Args:
        settings: data root, specs and environments.
        source: name of the source CRM.
        progress: called while rows are loaded and read back.
        clock: current time, UTC.
        store_path: a staging store of its own, for what must not touch the source's.
        turn: the run this is part of; a run of its own when not given.

    Attributes:
        confirmed: the mapping of the specs.
        audits: what was delivered of each object, once an export was read.
        mapping: the mapping in force: with the custom fields of the export that was read last.
    """

    def __init__(
        self, settings: Settings, source: str, *, progress: Progress = lambda phase, done, total: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC).replace(tzinfo=None), store_path: Path | None = None,
        turn: Turn | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.progress, self.clock = settings, progress, clock
        self.confirmed: Mapping = load_mapping(settings.specs_root / source)
        check_policies(self.confirmed.source)
        self.catalogue = Catalogue(self.confirmed)
        self.started_by = settings.user
        turn = turn or Turn(f"{clock():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}")
        self.run_id = turn.run_id
        self.store = StagingStore(store_path or settings.store(source), turn=turn)
        self.mapping = mapping_in_force(self.store, self.confirmed)
        self.audits: dict[str, ExportAudit] = {}
        self._is_staged = False
        spec = self.mapping.source
        register_values(self.store.connection, *self._conventions(), spec.currency_symbols)
        register_functions(self.store.connection, account_currency=spec.account_currency)
        register_normal_forms(self.store.connection)
        register_numbering(self.store.connection)
        self.store.execute("CREATE OR REPLACE TEMP MACRO export_time() AS (SELECT max(exported_at) FROM ops.reading)")

    # -- export and staging ------------------------------------------------------------------------------------------

    def newest_drop(self, name: str | None = None, *, deltas: bool = False) -> Drop:
        """Open a drop by name, or the newest one; a delta together with what it is laid over.

        Args:
            name: name of its folder.
            deltas: whether the newest may be a delta. Without, it is the newest full one, or the last one that was loaded
                anywhere where that is newer: what a delta brought is never taken back.

        Raises:
            MigrationError: there is no such drop.
        """
        folder = self.settings.data.exports(self.mapping.name)
        names = list_drops(folder)
        if name is not None and name not in names:
            raise MigrationError(f"no drop '{name}' in {folder}; there are: {', '.join(names) or 'none'}")
        loaded = max((found for env in ENVIRONMENTS if (found := self.last_loaded(env)) is not None), default="")
        for candidate in [name] if name else reversed(names):
            drop = open_drop(self.mapping.source, folder / str(candidate))
            if name or deltas or not drop.is_delta or drop.name <= loaded:
                return open_with_base(self.mapping.source, folder, drop.name) if drop.is_delta else drop
        raise MigrationError(f"no export found: put the files of one full export into {folder}/<drop name>/")

    def last_loaded(self, env: str) -> str | None:
        """The newest drop that was loaded into an environment since it was last rolled back."""
        found: str | None = self.store.value(
            """SELECT max("drop") FROM ops.run AS run WHERE env = ? AND kind = 'load' AND NOT EXISTS (
                   SELECT 1 FROM ops.rollback AS undone LEFT JOIN ops.run AS kept ON kept.run_id = undone.to_run AND kept.env = undone.env
                   WHERE undone.env = run.env AND undone.started_at > run.started_at
                   AND (undone.to_run IS NULL OR run.started_at > kept.started_at))""",
            [env],
        )
        return found

    def refuse_older(self, env: str, drop: str | None = None) -> None:
        """Raise ``MigrationError`` when a drop, or what is staged, is older than what an environment holds."""
        name, loaded = drop or self.store.value('SELECT "drop" FROM ops.reading'), self.last_loaded(env)
        if name is not None and loaded is not None and name < loaded:
            raise MigrationError(
                f"drop '{name}' is older than '{loaded}', which was loaded into the {env} already; loading it would put older values "
                f"over newer ones. Load '{loaded}' or a newer drop, or roll the {env} back first"
            )

    @_kept_together
    def read(self, drop: Drop, *, only_changes: bool = False, again: bool = False) -> list[CheckResult]:
        """Read and type every object of the drop.

        Nothing is done, by :meth:`stage` neither, while the same files, specs and decisions are staged already, unless
        ``again`` asks for it; the outcomes of the checks are those that were kept. With ``only_changes`` it is noted that
        this run sends and reads back what changed, and nothing else.
        """
        data, spec = self.settings.data, self.confirmed.source
        inputs = inputs_of(drop, self.confirmed, data.resolutions(self.confirmed.name))
        self._is_staged = not again and self._stands_staged(inputs)
        if self._is_staged:
            self.store.execute("UPDATE ops.reading SET run_id = ?, only_changes = ?", [self.run_id, only_changes])
            logger.info("the export, the mapping and the decisions are those that are staged; nothing is read again")
            return records.kept_checks(self.store, records.STAGING, (c for n in spec.objects for c in self.catalogue.source_checks(n).values()))
        for table in self.store.tables("staged"):
            self.store.execute(f"DROP TABLE {quote(f'staged.{table}')}")
        self.store.execute("DELETE FROM ops.reading")
        self.store.execute(
            """INSERT INTO ops.reading ("drop", fingerprint, read_at, exported_at, layers, time_zone, date_order, run_id, only_changes, inputs,
                                        staged) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE)""",
            [drop.name, drop.fingerprint, self.clock(), self._exported_at(drop), [layer.name for layer in drop.layers],
             drop.time_zone, drop.date_order, self.run_id, only_changes, inputs],
        )  # fmt: skip
        for read_decisions in (read_orphan_decisions, read_value_decisions, read_row_decisions):
            read_decisions(self.store, data.resolutions(self.confirmed.name), spec.objects)
        self.audits, self.mapping = read_objects(self.store, self.confirmed, drop)
        for unused in unused_orphan_decisions(self.store):
            logger.warning("orphans.csv: %s has its parent, or is not in the export; the decision is not used", unused)
        for unused in unused_decisions(self.store, accepts=False):
            logger.warning("%s", unused)
        record_documented(self.store, self.mapping)
        results = [
            result
            for name in self.mapping.source.objects
            for result in check_object(
                self.store, self.mapping.source, self.catalogue.source_checks(name), self.audits[name]
            )
        ]
        records.keep_checks(self.store, records.STAGING, self.run_id, results)
        return results

    def sends_only_changes(self) -> bool:
        """Whether this run read a drop to send only what changed."""
        return bool(self.store.value("SELECT only_changes FROM ops.reading WHERE run_id = ?", [self.run_id]))

    def loaded_models(self, env: str) -> set[str]:
        """Odoo models this run loaded into an environment."""
        return {model for (model,) in self.store.rows("SELECT model FROM ops.loaded_model WHERE env = ? AND run_id = ?", [env, self.run_id])}

    def owed_reports(self) -> list[str]:
        """Environments this run began with whose report is still to be written."""
        sql = "SELECT env FROM ops.run WHERE run_id = ? AND owes_report AND ended_at IS NULL ORDER BY env"
        return [env for (env,) in self.store.rows(sql, [self.run_id])]

    def _conventions(self) -> tuple[str, DateOrder]:
        """Time zone and date order that what is staged was read with; the spec's when nothing is."""
        spec = self.confirmed.source
        found = self.store.rows("SELECT time_zone, date_order FROM ops.reading WHERE time_zone IS NOT NULL")
        return found[0] if found else (spec.time_zone, spec.date_order)

    def _exported_at(self, drop: Drop) -> datetime:
        """When the drop was exported, UTC: the latest time its manifest states, else that of its newest file."""
        spec = self.confirmed.source
        register_values(self.store.connection, drop.time_zone, drop.date_order, spec.currency_symbols)
        stated = [row.exported_at for layer in drop.layers if layer.manifest is not None for row in layer.manifest.rows]
        found: datetime | None = self.store.value("SELECT max(parse_dt(said)) FROM unnest(?::VARCHAR[]) AS t(said)", [stated])
        newest = max((f.path.stat().st_mtime for layer in drop.layers for files in layer.files.values() for f in files), default=0.0)
        return found or datetime.fromtimestamp(newest, UTC).replace(tzinfo=None)

    @_kept_together
    def stage(self) -> list[CheckResult]:
        """Build derived and target-shaped tables, following what people decided.

        Raises:
            MigrationError: too little of the mapping is confirmed.
        """
        if self._is_staged:
            checks = (c for target in self.mapping.targets for c in self.catalogue.staged_checks(target).values())
            return records.kept_checks(self.store, records.STAGING, checks)
        needs = unconfirmed_needs(self.confirmed)
        if needs:
            shown = "; ".join(needs[:3]) + (f"; and {len(needs) - 3} more" if len(needs) > 3 else "")
            raise MigrationError(f"{shown}. Confirm it (crm-pipeline confirm {self.confirmed.name}), or set 'enabled: false' in its YAML")
        read_product_decisions(self.store, self.settings.data.resolutions(self.mapping.name))
        build_derived(self.store, self.mapping.source)
        forget_staging(self.store, self.mapping)
        results = []
        for target in self.mapping.targets:
            counts = stage_target(self.store, self.mapping, target)
            accept_warnings(self.store)
            results += check_staged(self.store, target, self.catalogue.staged_checks(target), counts.rows)
        for unused in unused_decisions(self.store, accepts=True):
            logger.warning("%s", unused)
        if done := [f"{count} {what.replace('_', ' ')}" for what, count in decision_counts(self.store).items() if count]:
            logger.info("decisions of values.csv and rows.csv: %s", ", ".join(done))
        records.keep_checks(self.store, records.STAGING, self.run_id, results)
        if not any(result.stops for result in results):
            self.store.execute("UPDATE ops.reading SET staged = TRUE")
        return results

    def _stands_staged(self, inputs: str) -> bool:
        """Whether all tables before the load are there, made of these inputs."""
        return bool(self.store.value("SELECT staged AND inputs = ? FROM ops.reading", [inputs]))

    # -- destination -------------------------------------------------------------------------------------------------

    def open(self, env: str) -> Destination:
        """Open the destination of an environment for a migration.

        Raises:
            ProductionLockedError: when production is asked for without a valid sign-off of the sandbox.
            CutOverError: when Odoo is the system of record already.
        """
        self._require_sign_off(env)
        require_open(self.store, self.mapping.name, env)
        destination = self.reach(env)
        try:
            self._require_sign_off(env, destination.version)
            require_open(self.store, self.mapping.name, env, destination)
        except (ProductionLockedError, CutOverError):
            destination.close()
            raise
        return destination

    def reach(self, env: str) -> Destination:
        """Open the destination of an environment for what no sign-off is needed for: to look, or to undo."""
        return open_destination(self.settings.environment(env, self.mapping.name))

    def _require_sign_off(self, env: str, version: str | None = None) -> None:
        if env == "production":
            real = not self.settings.environment(env, self.mapping.name).is_embedded
            missing = missing_for_production(self.store, self.confirmed, real_server=real, version=version)
            if missing:
                raise ProductionLockedError(self.mapping.name, missing)

    def ledger(self, env: str) -> Ledger:
        """The ledger of an environment, for this run."""
        return Ledger(self.store, env, self.mapping.name, self.run_id, self.clock())

    @_kept_together
    def preflight(self, env: str, destination: Destination) -> list[CheckResult]:
        """Check the destination before anything is written, and tie the ledger to it.

        A user without the rights to read what it takes gets a check that says so, and nothing is tied.
        """
        decisions = read_owner_decisions(self.store, self.mapping, self.settings.data.resolutions(self.mapping.name))
        for unused in decisions.unused:
            logger.warning("owners.csv: nobody in the export is called '%s'; the decision is not used", unused)
        for unknown in read_conflict_decisions(self.store, self.settings.data.resolutions(self.mapping.name), self.mapping):
            logger.warning("conflicts.csv: %s was never loaded; the decision is not used", unknown)
        with contextlib.suppress(AccessRightsError):
            self.bind(env, destination)
        examination = examine(self.store, self.mapping, destination, env)
        records.keep_examination(self.store, env, examination)
        results = check_preflight(examination, self.catalogue.preflight_checks(env))
        records.keep_checks(self.store, env, self.run_id, results)
        return results

    def bind(self, env: str, destination: Destination) -> None:
        """Tie the ledger to the database."""
        found = self._database_uuid(destination)
        if found is not None and self.ledger(env).bind(found):
            logger.warning("%s is another database than before; its ledger starts anew from Odoo's external ids", env)

    @staticmethod
    def _database_uuid(destination: Destination) -> str | None:
        found = destination.search_read("ir.config_parameter", [("key", "=", "database.uuid")], ["value"])
        return str(found[0]["value"]) if found else None

    def in_force(self, env: str) -> Mapping:
        """The mapping without the targets that preflight left out, because the app that brings them is not installed."""
        gone = self._without_app(env)
        return replace(self.mapping, targets=tuple(t for t in self.mapping.targets if t.model not in gone)) if gone else self.mapping

    def _without_app(self, env: str) -> set[str]:
        rows = self.store.rows("SELECT model FROM ops.preflight_model WHERE env = ? AND skipped", [env])
        return {model for (model,) in rows}

    def load(
        self, env: str, destination: Destination, target: TargetSpec, *, only_newer: bool = False
    ) -> tuple[LoadCounts | None, list[CheckResult]]:
        """Load one model; returns its counts, or ``None`` with a failed check when its gate is closed.

        With ``only_newer`` the ledger is trusted for what earlier runs saw.

        Raises:
            ProductionLockedError: production is not signed off for.
            MigrationError: what is staged is older than what was loaded.
        """
        self._require_sign_off(env, destination.version)
        require_open(self.store, self.mapping.name, env)
        self.refuse_older(env)
        records.note_load(self.store, self.run_id, env)
        started, target = time.monotonic(), self.mapping.target(target.model)
        specs = self.catalogue.loaded_checks(env, target)
        if target.model in self._without_app(env):
            counts = LoadCounts(target.model, 0, 0, 0, 0, 0, 0, 0)
            records.keep_counts(self.store, env, counts, 0.0)
            records.note_loaded(self.store, self.run_id, env, target.model)
            return counts, []
        begin_watch(self.store, destination, env, self.run_id)
        try:
            counts = load_target(
                self.store, self.mapping, target, destination, self.ledger(env), self._sender(destination),
                lambda done, total: self.progress(f"load {target.model}", done, total), only_newer=only_newer,
            )  # fmt: skip
        except GateClosedError as closed:
            results = [CheckResult(specs["row_accounting"], passed=False, message=str(closed))]
            records.keep_checks(self.store, env, self.run_id, results)
            self.hold(env, target)
            return None, results
        records.keep_counts(self.store, env, counts, time.monotonic() - started)
        records.note_loaded(self.store, self.run_id, env, target.model)
        return counts, []

    def notice_edits(self, env: str, destination: Destination, target: TargetSpec) -> None:
        """Note what people changed in Odoo since the last load; nothing is written to it."""
        target = self.mapping.target(target.model)
        if target.model not in self._without_app(env):
            stage_departed(self.store, target, env)
            schema = destination.fields_get(target.model)
            update_changed(self.store, self.mapping, target, destination, self.ledger(env), None, schema)

    def _sender(self, destination: Destination) -> Sender:
        """Sends what was read last; files come from that drop's folder."""
        drop = self.store.value('SELECT "drop" FROM ops.reading')
        files = self.settings.data.exports(self.mapping.name) / drop if drop else None
        return Sender(destination, self.mapping.name, files=files)

    @_kept_together
    def hold(self, env: str, target: TargetSpec) -> None:
        """Note that a model was not loaded in this run: what is not in Odoo from earlier runs is held back."""
        ledger = self.ledger(env)
        ledger.forget_refusals(target.model)
        records.forget_checks(self.store, env, self.catalogue.loaded_checks(env, target).values())
        ledger.refuse(
            target.model,
            self.store.frame(
                f"""SELECT external_id, _block AS block, 'held' AS kind, 'model_not_loaded' AS reason,
                           'a check of an earlier model failed, so this one was not loaded' AS message
                    FROM {quote(f"staged.{target.table}")}
                    WHERE external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = ?)
                    AND external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = ?)""",
                [env, env],
            ),
        )
        staged = int(
            self.store.value(
                f"SELECT count(*) FROM {quote(f'staged.{target.table}')} "
                "WHERE external_id NOT IN (SELECT external_id FROM ops.left_out WHERE env = ?)",
                [env],
            )
        )
        here = int(
            self.store.value(
                f"SELECT count(*) FROM {quote(f'staged.{target.table}')} JOIN ops.ledger AS entry USING (external_id) "
                "WHERE entry.env = ? AND entry.model = ?",
                [env, target.model],
            )
        )
        records.keep_counts(self.store, env, LoadCounts(target.model, staged, 0, 0, here, 0, 0, staged - here), 0.0)

    @_kept_together
    def verify(
        self, env: str, destination: Destination, target: TargetSpec, *, at_end: bool = False, contents: bool = False,
        only_written: bool = False,
    ) -> list[CheckResult]:  # fmt: skip
        """Read one model back, compare every field (with ``contents`` also the bytes of files), and account for its records.

        With ``only_written`` the records are read that this run wrote.
        """
        target = self.mapping.target(target.model)
        stage_departed(self.store, target, env)
        keep_proof(self.store, env, target.model, None)
        if target.model in self._without_app(env):
            results = left_out(self.catalogue.loaded_checks(env, target))
            records.keep_checks(self.store, env, self.run_id, results)
            return results
        state = None if only_written else take_state(destination, self.mapping.name, target.model)
        verified = verify_target(
            self.store, self.mapping, target, destination, env,
            lambda done, total: self.progress(f"verify {target.model}", done, total), at_end=at_end, contents=contents,
            written_by=self.run_id if only_written else None,
        )  # fmt: skip
        specs = self.catalogue.loaded_checks(env, target)
        results = check_loaded(
            self.store, self.mapping, target, env, specs, verified
        )
        records.keep_checks(self.store, env, self.run_id, results)
        if not any(result.stops for result in results):
            keep_proof(self.store, env, target.model, state)
        return results

    def is_as_proven(self, env: str, destination: Destination, target: TargetSpec) -> bool:
        """Whether what the last run proved of a model still holds, so that it need not be read back again."""
        return is_proven(self.store, destination, self.mapping.name, env, target.model, self.ledger(env).last_run_ended())

    def keep_loaded(self, env: str, destination: Destination, target: TargetSpec) -> list[CheckResult] | None:
        """The outcomes of a model's checks as the last run left them, where nothing is left to do for the model; else ``None``.

        The last run must be one that this :meth:`continues`.
        """
        last = records.kept_counts(self.store, env, target.model)
        if last is None or last.failed or last.held or not is_loaded_as_staged(self.store, target, env):
            return None
        if not self.is_as_proven(env, destination, target):
            return None
        unchanged = replace(last, created=0, updated=0, unchanged=last.created + last.updated + last.unchanged)
        records.keep_counts(self.store, env, unchanged, 0.0)
        return records.kept_checks(self.store, env, self.catalogue.loaded_checks(env, target).values())

    @_kept_together
    def account(self, env: str) -> None:
        """Give every exported row its fate as far as the run came."""
        environment_fates(self.store, self.mapping, env)

    @_kept_together
    def finish(
        self, env: str, destination: Destination, *, contents: bool = False, only_written: bool = False, keep_proven: bool = False
    ) -> list[CheckResult]:
        """Account for every exported row, compare control totals and prove the absence of side effects.

        Models that later loads can write to are read back once more; with ``keep_proven`` not those whose proof holds.
        """
        mapping = self.in_force(env)
        again = [
            r for t in mapping.targets if t.verify_again
            if not (keep_proven and self.is_as_proven(env, destination, t))
            for r in self.verify(env, destination, t, at_end=True, contents=contents, only_written=only_written)
        ]  # fmt: skip
        self.account(env)
        totals = control_totals(self.store, mapping, destination, env) + record_counts(self.store, mapping, destination, env)
        records.keep_totals(self.store, env, totals)
        records.keep_exported_amounts(self.store, env, exported_amounts(self.store, mapping))
        draw_sample(self.store, mapping, env, seed=mapping.name)
        read_sample(self.store, mapping, destination, env)
        results = check_environment(
            self.store, mapping, destination, env, self.catalogue.verification_checks(env), totals
        )
        records.keep_checks(self.store, env, self.run_id, results)
        return [*again, *results]

    # -- runs --------------------------------------------------------------------------------------------------------

    @_kept_together
    def start(
        self, env: str, drop: Drop | None, destination: Destination, *, keep: bool = False, owes_report: bool = False
    ) -> None:
        """Note the run and drop the findings of earlier ones; without a drop it is about the one read last.

        With ``keep`` what the last run found stays until it is found anew. With ``owes_report`` the report is a step of its
        own, and still owed when the run stops before it.
        """
        name, fingerprint = (drop.name, drop.fingerprint) if drop is not None else self._read_drop()
        for table in () if keep else ("check_result", "load_count", "verified", "control_total"):
            self.store.execute(f"DELETE FROM ops.{table} WHERE env = ?", [env])
        if not keep:  # by how much an amount is rounded counts in the totals, whether its record is read back in this run or not
            self.store.execute("DELETE FROM ops.difference WHERE env = ? AND class <> 'rounded'", [env])
        records.start_run(
            self.store,
            {
                "run_id": self.run_id, "env": env, "drop": name, "fingerprint": fingerprint,
                "mapping_hash": self.mapping.hash, "odoo_kind": destination.kind, "odoo_version": destination.version,
                "odoo_database": destination.database, "odoo_url": destination.base_url, "started_at": self.clock(),
                "started_by": self.started_by, "kind": "look", "owes_report": owes_report,
            },
        )  # fmt: skip

    def continues(self, env: str, destination: Destination) -> bool:
        """Whether the last run loaded this very database completely, by this mapping, so that what it proved may still stand."""
        last = self.store.rows("SELECT ok, mapping_hash, kind FROM ops.run WHERE env = ? ORDER BY started_at DESC, run_id DESC LIMIT 1", [env])
        return (
            last == [(True, self.mapping.hash, "load")]
            and self.last_loaded(env) is not None
            and self.store.value("SELECT database_uuid FROM ops.environment WHERE env = ?", [env]) == self._database_uuid(destination)
        )

    def is_staged(self, drop: Drop) -> bool:
        """Whether a drop is staged as it would be now."""
        return self._stands_staged(inputs_of(drop, self.confirmed, self.settings.data.resolutions(self.confirmed.name)))

    def _read_drop(self) -> tuple[str, str]:
        found = self.store.rows('SELECT "drop", fingerprint FROM ops.reading')
        if not found:
            raise MigrationError("nothing is staged yet; run migrate first")
        return found[0][0], found[0][1]

    def end(self, *, ok: bool) -> None:
        """Note the run's end."""
        records.end_run(self.store, self.run_id, self.clock(), ok=ok)

    def close(self) -> None:
        """Free the staging store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
