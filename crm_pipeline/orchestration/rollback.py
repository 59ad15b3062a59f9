"""The job that takes a migration back: a plan unless its config says ``apply``."""

import dagster as dg

from crm_pipeline.migration.rollback import rollback
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.failures import explained
from crm_pipeline.orchestration.jobs import source_tag
from crm_pipeline.orchestration.resources import MigrationResource


class RollbackConfig(dg.Config):
    """What is taken back."""

    apply: bool = False
    """Delete and restore; else only the plan is made."""
    to: str = ""
    """Undo only what runs later than this one did; the whole migration when empty."""
    force: bool = False
    """Also undo records that people wrote messages, activities or files on."""
    keep_edited: bool = False
    """Keep records on which people changed a value."""


def rollback_job(columns: ColumnCatalogue, env: str) -> dg.JobDefinition:
    """The rollback of one environment."""
    name, label = columns.mapping.name, columns.mapping.source.label

    @dg.op(name=f"{name}_{env}_take_back", pool=name)
    def take_back(context: dg.OpExecutionContext, config: RollbackConfig, migrations: MigrationResource) -> None:
        with explained():
            migration = migrations.open(name, context.log, context.run).migration
            outcome = rollback(migration, env, to=config.to or None, apply=config.apply, force=config.force, keep_edited=config.keep_edited)
        for line in outcome.lines:
            context.log.info(line)
        context.add_output_metadata(
            {
                "report": dg.MetadataValue.path(str(outcome.report)), "deleted": outcome.result["deleted"],
                "to delete": 0 if config.apply else outcome.plan.deleted, "kept": len(outcome.result["kept"]),
                "checks": {each.spec.name: each.passed for each in outcome.results},
            }
        )  # fmt: skip
        failed = [f"{each.spec.name}: {each.message}" for each in outcome.results if each.stops]
        if failed:
            raise dg.Failure("; ".join(failed), allow_retries=False)

    @dg.job(
        name=f"{name}_{env}_rollback", tags=source_tag(name),
        description=f"Take the migration of {label} back from the {env}. Without 'apply' in the config it only says what it "
        "would delete and restore, and what stays because people depend on it.",
    )
    def job() -> None:
        take_back()

    return job
