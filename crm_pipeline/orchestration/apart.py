"""Runs whose steps are processes of their own, on this machine or on others (Celery, Kubernetes, Ray, multiprocess).

The executor is named by configuration; here it is only given what a run of ours needs of it: the run's own process holds
each source for as long as the run lasts, so that no other run gets between two steps, and it concludes the run, because no
step knows whether it was the last. With nothing configured, steps run in the run's process and nothing of this applies.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import dagster as dg
import yaml
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig

from crm_pipeline.orchestration.failures import explained
from crm_pipeline.orchestration.resources import STEPS_APART, MigrationResource, open_migration
from crm_pipeline.settings import ExecutorSettings, Settings, SettingsError
from crm_pipeline.staging.places import Turn
from crm_pipeline.staging.postgres import hold_source


def executor_of(settings: Settings, migrations: MigrationResource) -> dg.ExecutorDefinition:
    """The configured executor, or the in-process one.

    Raises:
        SettingsError: there is no such executor, or its configuration can't be read.
    """
    chosen = settings.executor
    if chosen is None:
        return dg.in_process_executor
    definition = _definition(chosen)
    create = definition.executor_creation_fn
    if create is None:
        raise SettingsError("CRM_PIPELINE_EXECUTOR", f"'{chosen.name}' makes no executor")
    return dg.ExecutorDefinition(
        name=definition.name, config_schema=cast("Any", definition.config_schema), requirements=definition.get_requirements,
        executor_creation_fn=lambda context: StepsApart(create(context), migrations), description=definition.description,
    )  # fmt: skip


def _definition(chosen: ExecutorSettings) -> dg.ExecutorDefinition:
    module, _, attribute = chosen.name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError("CRM_PIPELINE_EXECUTOR", f"'{chosen.name}' can't be imported: {error}") from error
    if not isinstance(found, dg.ExecutorDefinition):
        raise SettingsError("CRM_PIPELINE_EXECUTOR", f"'{chosen.name}' is no Dagster executor")
    if chosen.config is None:
        return found
    try:
        document = yaml.safe_load(chosen.config.read_text(encoding="utf-8"))
        config = document["execution"]["config"]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        reason = f"{chosen.config} is no YAML file with the executor's configuration under execution: config:"
        raise SettingsError("CRM_PIPELINE_EXECUTOR_CONFIG", reason) from None
    return found.configured(config)


class StepsApart(dg.Executor):
    """An executor of steps in other processes, within what holds and concludes the run.

    Args:
        inner: the executor that does the work; what it has beside, it still has.
        migrations: opens the migration that is concluded.
    """

    def __init__(self, inner: dg.Executor, migrations: MigrationResource) -> None:
        self._inner, self._migrations = inner, migrations

    def __getattr__(self, name: str) -> Any:
        """The inner executor's own attributes: executors read them through the run's context."""
        return getattr(self._inner, name)

    @property
    def retries(self) -> RetryMode:
        """Those of the inner executor."""
        return self._inner.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """That of the inner executor."""
        return self._inner.step_dependency_config

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[dg.DagsterEvent]:
        """Hold the sources of the plan, execute it, and conclude."""
        run_id, settings = plan_context.run_id, self._settings(plan_context.dagster_run)
        catalog = settings.catalog
        steps = [execution_plan.get_step_by_key(key) for key in execution_plan.step_keys_to_execute]
        sources = sorted({step.pool for step in steps if step.pool is not None})
        with ExitStack() as held, explained():
            if catalog is None:
                raise SettingsError("CRM_PIPELINE_CATALOG", "is not set where this run was started, but steps that run apart need it")
            for source in sources:
                held.callback(hold_source(catalog, source, run_id))
            plan_context.instance.add_run_tags(run_id, {STEPS_APART: "true"})
            try:
                yield from self._inner.execute(plan_context, execution_plan)
            finally:
                for source in sources:
                    self._conclude(settings, source, plan_context)

    def _settings(self, run: dg.DagsterRun) -> Settings:
        """Those that the run's steps have."""
        config = cast("dict[str, Any]", run.run_config)
        given = config.get("resources", {}).get("migrations", {}).get("config", {})
        return self._migrations.model_copy(update=given).settings()

    def _conclude(self, settings: Settings, source: str, plan_context: PlanOrchestrationContext) -> None:
        """Write the reports that a run which stopped early still owes."""
        opened = open_migration(settings, source, Turn(plan_context.run_id, is_step=True), plan_context.log)
        opened.is_step = False
        for line in opened.close():
            plan_context.log.warning(line)
