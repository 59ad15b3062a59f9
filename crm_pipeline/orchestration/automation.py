"""What starts runs by itself: a sensor for new exports, schedules for the cutover window and for hypercare. All off by default."""

from __future__ import annotations

import json
from typing import cast

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from crm_pipeline.exports.arrivals import has_manifest, listing_digest
from crm_pipeline.exports.drops import list_drops, open_drop
from crm_pipeline.exports.errors import ExportError
from crm_pipeline.orchestration.checks import asset_key
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.jobs import delta_job_name, hypercare_job_name, read_config
from crm_pipeline.orchestration.resources import MigrationResource
from crm_pipeline.settings import ENVIRONMENTS


def new_export_sensor(columns: ColumnCatalogue, jobs: dict[str, UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    """Applies the newest export to every environment that was loaded before, once it has arrived whole."""
    name, catalogue = columns.mapping.name, columns.catalogue
    first_object = asset_key(catalogue.source_asset(next(iter(columns.mapping.source.objects))))

    @dg.sensor(
        name=f"{name}_new_export", jobs=[jobs[delta_job_name(name, env)] for env in ENVIRONMENTS], minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Watches the export folder. A drop is taken when its manifest is there and its files did not change between two looks; "
        "one run for each environment that was loaded before.",
    )  # fmt: skip
    def new_export(context: dg.SensorEvaluationContext, migrations: MigrationResource) -> dg.SensorResult | dg.SkipReason:
        root = migrations.settings().data.exports(name)
        drops = list_drops(root)
        if not drops:
            return dg.SkipReason(f"no export in {root}")
        newest, folder = drops[-1], root / drops[-1]
        if _said(context.instance, first_object, "drop") == newest:
            return dg.SkipReason(f"{newest} is the export that was read last")
        if not has_manifest(columns.mapping.source, folder):
            return dg.SkipReason(f"{newest} is not whole yet: its manifest is missing")
        digest, seen = listing_digest(folder), json.loads(context.cursor or "{}")
        if seen.get(newest) != digest:
            return dg.SensorResult(skip_reason=f"{newest} is still arriving; looking again", cursor=json.dumps({newest: digest}))
        loaded = [env for env in ENVIRONMENTS if _said(context.instance, asset_key(catalogue.environment_asset(env, "report")), "verdict")]
        if not loaded:
            return dg.SkipReason("nothing has been loaded yet; the first migration is started by a person")
        try:
            fingerprint = open_drop(columns.mapping.source, folder).fingerprint
        except ExportError as error:
            return dg.SkipReason(f"{newest} can't be read: {error}")
        requests = [
            dg.RunRequest(
                run_key=f"{env}:{newest}:{fingerprint}", job_name=delta_job_name(name, env), run_config=read_config(name, newest),
                tags={"crm_pipeline/source": name, "crm_pipeline/drop": newest},
            )
            for env in loaded
        ]  # fmt: skip
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(seen))

    return new_export


def schedules(columns: ColumnCatalogue, jobs: dict[str, UnresolvedAssetJobDefinition]) -> list[dg.ScheduleDefinition]:
    """The delta refresh of production until the cutover, and hypercare after it; when, the spec says."""
    name, operations = columns.mapping.name, columns.mapping.source.operations
    production = delta_job_name(name, "production")
    return [
        dg.ScheduleDefinition(
            name=f"{name}_delta_refresh", job=jobs[production], cron_schedule=operations.delta_cron, default_status=dg.DefaultScheduleStatus.STOPPED,
            run_config=read_config(name), execution_timezone=columns.mapping.source.time_zone,
            description="Applies the newest export to production during the cutover window. When: operations.delta_cron in source.yaml.",
        ),
        dg.ScheduleDefinition(
            name=f"{name}_hypercare", job=jobs[hypercare_job_name(name)], cron_schedule=operations.hypercare_cron,
            default_status=dg.DefaultScheduleStatus.STOPPED, execution_timezone=columns.mapping.source.time_zone,
            description=f"Looks at production every business day for {operations.hypercare_days} days after the cutover: drift, damage, open queues.",
        ),
    ]  # fmt: skip


def _said(instance: dg.DagsterInstance, key: dg.AssetKey, name: str) -> str | None:
    """A text of an asset's newest materialization."""
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event is not None else None
    value = materialization.metadata.get(name) if materialization is not None else None
    return cast("str | None", value.value) if value is not None else None
