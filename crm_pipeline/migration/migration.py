"""The migration of one source CRM: the operations the command line and Dagster both call.

The order is read, stage, preflight, load (model after model), verify. Each operation leaves its findings in the
staging store and returns its check results; nothing is kept in memory between them.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from crm_pipeline.exports.drops import Drop
from crm_pipeline.migration import records
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.inputs import decisions_of
from crm_pipeline.migration.load_checks import check_environment, check_loaded, check_preflight, check_totals, left_out
from crm_pipeline.migration.resolutions import read_conflict_decisions, read_owner_decisions
from crm_pipeline.migration.sign_off import missing_for_production
from crm_pipeline.migration.staging import StagedSource, kept_together
from crm_pipeline.migration.system_of_record import CutOverError, require_open
from crm_pipeline.odoo.departures import stage_departed
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.environments import open_destination
from crm_pipeline.odoo.errors import AccessRightsError
from crm_pipeline.odoo.gates import GateClosedError
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.loader import LoadCounts, load_target
from crm_pipeline.odoo.preflight import examine
from crm_pipeline.odoo.sender import Sender
from crm_pipeline.odoo.updates import update_changed
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import quote
from crm_pipeline.verification.accounting import environment_fates
from crm_pipeline.verification.checks import CheckResult
from crm_pipeline.verification.readback import verify_target
from crm_pipeline.verification.sample import draw_sample, read_sample
from crm_pipeline.verification.side_effects import begin_watch
from crm_pipeline.verification.standing import forget_proof, keep_proof, take_state
from crm_pipeline.verification.totals import control_totals, exported_amounts, record_counts

if TYPE_CHECKING:
    from crm_pipeline.migration.standing import Standing

logger = logging.getLogger(__name__)


class ProductionLockedError(MigrationError):
    """Production was asked for and may not be written to yet; the message says what is missing."""

    def __init__(self, source: str, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(f"production is locked for '{source}': {'; '.join(missing)}.")


class Migration(StagedSource):
    """An open migration of a source into its environments; close it to free the staging store."""

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

    @kept_together
    def preflight(self, env: str, destination: Destination, standing: Standing | None = None) -> list[CheckResult]:
        """Check the destination before anything is written, and tie the ledger to it.

        A user without the rights to read what it takes gets a check that says so, and nothing is tied. With ``standing`` the ledger
        is known to be this database's, and rows of models that stand are not compared with it again.
        """
        decisions = read_owner_decisions(self.store, self.mapping, self.settings.data.resolutions(self.mapping.name))
        for unused in decisions.unused:
            logger.warning("owners.csv: nobody in the export is called '%s'; the decision is not used", unused)
        for unknown in read_conflict_decisions(self.store, self.settings.data.resolutions(self.mapping.name), self.mapping):
            logger.warning("conflicts.csv: %s was never loaded; the decision is not used", unknown)
        if standing is None:
            with contextlib.suppress(AccessRightsError):
                self.bind(env, destination)
        examination = examine(self.store, self.mapping, destination, env, standing.models if standing is not None else frozenset())
        records.keep_examination(self.store, env, examination)
        results = check_preflight(examination, self.catalogue.preflight_checks(env))
        records.keep_checks(self.store, env, self.run_id, results)
        return results

    def bind(self, env: str, destination: Destination) -> None:
        """Tie the ledger to the database, with what a run that was ended left under way."""
        self.ledger(env).take_arrived()
        found = self.database_uuid(destination)
        if found is not None and self.ledger(env).bind(found):
            logger.warning("%s is another database than before; its ledger starts anew from Odoo's external ids", env)

    @staticmethod
    def database_uuid(destination: Destination) -> str | None:
        """What Odoo calls the database, whatever its name; ``None`` when this can't be told."""
        found = destination.search_read("ir.config_parameter", [("key", "=", "database.uuid")], ["value"])
        return str(found[0]["value"]) if found else None

    def in_force(self, env: str) -> Mapping:
        """The mapping without the targets that preflight left out, because the app that brings them is not installed."""
        gone = self.without_app(env)
        return replace(self.mapping, targets=tuple(t for t in self.mapping.targets if t.model not in gone)) if gone else self.mapping

    def without_app(self, env: str) -> set[str]:
        """Models that preflight left out, because the app that brings them is not installed."""
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
        self._begin_loading(env, destination)
        started, target = time.monotonic(), self.mapping.target(target.model)
        specs = self.catalogue.loaded_checks(env, target)
        if target.model in self.without_app(env):
            counts = LoadCounts(target.model, 0, 0, 0, 0, 0, 0, 0)
            records.keep_counts(self.store, env, counts, 0.0)
            records.note_loaded(self.store, self.run_id, env, target.model)
            return counts, []
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

    @cached_property
    def _loading(self) -> set[str]:
        """Environments that this run was found free to load, and began to."""
        return set()

    def _begin_loading(self, env: str, destination: Destination) -> None:
        """What must hold, and be noted, before the first model of an environment; while the store is open nobody else changes it."""
        if env not in self._loading:
            self._require_sign_off(env, destination.version)
            require_open(self.store, self.mapping.name, env)
            self.refuse_older(env)
            records.note_load(self.store, self.run_id, env)
            begin_watch(self.store, destination, env, self.run_id)
            self._loading.add(env)

    def notice_edits(self, env: str, destination: Destination, target: TargetSpec) -> None:
        """Note what people changed in Odoo since the last load; nothing is written to it."""
        target = self.mapping.target(target.model)
        if target.model not in self.without_app(env):
            stage_departed(self.store, target, env)
            schema = destination.fields_get(target.model)
            update_changed(self.store, self.mapping, target, destination, self.ledger(env), None, schema)

    def _sender(self, destination: Destination) -> Sender:
        """Sends what was read last; files come from that drop's folder."""
        drop = self.store.value('SELECT "drop" FROM ops.reading')
        files = self.settings.data.exports(self.mapping.name) / drop if drop else None
        return Sender(destination, self.mapping.name, files=files)

    @kept_together
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

    @kept_together
    def verify(
        self, env: str, destination: Destination, target: TargetSpec, *, at_end: bool = False, contents: bool = False,
        only_written: bool = False,
    ) -> list[CheckResult]:  # fmt: skip
        """Read one model back, compare every field (with ``contents`` also the bytes of files), and account for its records.

        With ``only_written`` the records are read that this run wrote.
        """
        target = self.mapping.target(target.model)
        stage_departed(self.store, target, env)
        forget_proof(self.store, env, target.model)
        if target.model in self.without_app(env):
            results = left_out(self.catalogue.loaded_checks(env, target))
            records.keep_checks(self.store, env, self.run_id, results)
            return results
        state = None if only_written else take_state(self.store, destination, self.mapping.name, env, target.model)
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
        if state is not None and not any(result.stops for result in results):
            keep_proof(self.store, env, target.model, state)
        return results

    @kept_together
    def account(self, env: str) -> None:
        """Give every exported row its fate as far as the run came."""
        environment_fates(self.store, self.mapping, env)

    @kept_together
    def finish(
        self, env: str, destination: Destination, *, contents: bool = False, only_written: bool = False, standing: Standing | None = None
    ) -> list[CheckResult]:
        """Account for every exported row, compare control totals and prove the absence of side effects.

        Models that later loads can write to are read back once more; with ``standing`` not those whose proof holds. Totals are
        read in any case: they show what changes without a stamp.
        """
        mapping = self.in_force(env)
        again = [
            r for t in mapping.targets if t.verify_again
            if not (standing is not None and standing.holds(t))
            for r in self.verify(env, destination, t, at_end=True, contents=contents, only_written=only_written)
        ]  # fmt: skip
        totals = control_totals(self.store, mapping, destination, env) + record_counts(self.store, mapping, destination, env)
        records.keep_totals(self.store, env, totals)
        checks = self.catalogue.verification_checks(env)
        total = checks["control_totals_equal"]
        told = records.kept_checks(self.store, env, checks.values()) if standing is not None and standing.is_whole else []
        if len(told) == len(checks):
            results = [check_totals(total, totals)]
        else:
            self.account(env)
            records.keep_exported_amounts(self.store, env, exported_amounts(self.store, mapping))
            draw_sample(self.store, mapping, env, seed=mapping.name)
            read_sample(self.store, mapping, destination, env)
            results, told = check_environment(self.store, mapping, destination, env, checks, totals), []
        records.keep_checks(self.store, env, self.run_id, results)
        return [*again, *results, *(result for result in told if result.spec != total)]

    # -- runs --------------------------------------------------------------------------------------------------------

    @kept_together
    def start(
        self, env: str, drop: Drop | None, destination: Destination, *, keep: bool = False, owes_report: bool = False
    ) -> None:
        """Note the run and drop the findings of earlier ones; without a drop it is about the one read last.

        With ``keep`` what the last run found stays until it is found anew. With ``owes_report`` the report is a step of its
        own, and still owed when the run stops before it.
        """
        self._loading.discard(env)
        self.ledger(env).take_arrived()
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
                "decisions": decisions_of(self.settings.data.resolutions(self.mapping.name)),
            },
        )  # fmt: skip

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

    def _read_drop(self) -> tuple[str, str]:
        found = self.store.rows('SELECT "drop", fingerprint FROM ops.reading')
        if not found:
            raise MigrationError("nothing is staged yet; run migrate first")
        return found[0][0], found[0][1]

    def end(self, *, ok: bool) -> None:
        """Note the run's end."""
        records.end_run(self.store, self.run_id, self.clock(), ok=ok)

