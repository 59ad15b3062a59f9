"""The migration as a Dagster resource: opened once in a run, with a report left behind however the run ends.

Where steps are processes of their own (see ``crm_pipeline.orchestration.apart``), each opens it anew: what one step must
know of another stands in the store, and only the run's own process concludes the run.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import Field, PrivateAttr

from crm_pipeline.exports import Drop
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.result import build_result
from crm_pipeline.migration.run import report
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.orchestration.failures import EXPECTED_ERRORS
from crm_pipeline.orchestration.progress import ProgressLog
from crm_pipeline.settings import Settings
from crm_pipeline.staging.places import Turn

#: Tag of runs whose steps are processes of their own.
STEPS_APART = "crm_pipeline/steps_apart"


@dataclass
class OpenMigration:
    """One source's migration during a run.

    Attributes:
        migration: the operations, with the staging store open.
        log: where progress goes; the current step's log.
        is_step: whether this is a step of a run whose other steps are other processes.
        drop: what was read in this process, if anything was.
    """

    migration: Migration
    log: ProgressLog
    is_step: bool = False
    drop: Drop | None = None
    destinations: dict[str, Destination] = field(default_factory=dict)

    def destination(self, env: str, *, to_write: bool = False) -> Destination:
        """The environment's destination, opened once."""
        if env not in self.destinations:
            self.destinations[env] = self.migration.open(env) if to_write else self.migration.reach(env)
        return self.destinations[env]

    def conclude(self, env: str) -> tuple[Path, dict[str, Any]]:
        """Write the report and note the run's end; returns the report's path and the result document."""
        m = self.migration
        path = report(m, env)
        result = build_result(m.store, m.mapping, env, m.run_id, path, m.settings.data.path)
        m.end(ok=bool(result["ok"]))
        return path, result

    def close(self) -> list[str]:
        """Write the reports a stopped run still owes, then free everything; returns what there is to say.

        A step can't tell that its run has stopped, so it leaves the reports to the run.
        """
        said = []
        try:
            for env in [] if self.is_step else self.migration.owed_reports():
                said += self._conclude_early(env)
        finally:
            for destination in self.destinations.values():
                destination.close()
            self.migration.close()
        return said

    def _conclude_early(self, env: str) -> list[str]:
        said, loaded = [], self.migration.loaded_models(env)
        for target in self.migration.mapping.targets:
            if target.model not in loaded and self.migration.store.has_table(f"staged.{target.table}"):
                self.migration.hold(env, target)
        try:
            self.migration.finish(env, self.destination(env))
        except EXPECTED_ERRORS as error:
            said.append(f"{env} could not be verified at the end: {error}")
        return [*said, f"The run stopped early; what it found is in {self.conclude(env)[0]}"]


def open_migration(settings: Settings, source: str, turn: Turn, log: dg.DagsterLogManager) -> OpenMigration:
    """Open a migration whose progress goes to a log."""
    progress = ProgressLog(log.info)
    return OpenMigration(Migration(settings, source, progress=progress, turn=turn), progress, is_step=turn.is_step)


class MigrationResource(dg.ConfigurableResource["MigrationResource"]):
    """Opens migrations; one for each source and run, because one DuckDB file has one writer."""

    data_root: str = Field(
        default="",
        description="folder of exports, staging and reports; CRM_PIPELINE_DATA or the project's data when empty",
    )
    specs_root: str = Field(
        default="",
        description="folder of the mapping specs; CRM_PIPELINE_SPECS or the project's mapping_specs when empty",
    )
    _opened: dict[str, OpenMigration] = PrivateAttr(default_factory=dict)

    def settings(self) -> Settings:
        """Where things are, for this run."""
        settings = Settings.load(Path(self.data_root) if self.data_root else None)
        return Settings(settings.data, Path(self.specs_root), settings.environ) if self.specs_root else settings

    def open(self, source: str, log: dg.DagsterLogManager, run: dg.DagsterRun) -> OpenMigration:
        """The migration of a source, for one step of a run; its progress goes to the step's log."""
        if source not in self._opened:
            self._opened[source] = open_migration(self.settings(), source, Turn(run.run_id, is_step=STEPS_APART in run.tags), log)
        self._opened[source].log.write = log.info
        return self._opened[source]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Self, None, None]:
        """Lend the resource to a run (or to a step, where steps are processes) and close what it opened."""
        try:
            yield self
        finally:
            opened, self._opened = list(self._opened.values()), {}
            for each in opened:
                for line in each.close():
                    if context.log is not None:
                        context.log.warning(line)
