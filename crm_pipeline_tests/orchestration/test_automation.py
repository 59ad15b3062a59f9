"""What starts runs: the sensor takes a drop once it is whole, for environments that were loaded; everything is off by default."""

from __future__ import annotations

import json
import os
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.exports.arrivals import listing_digest
from crm_pipeline.orchestration.resources import MigrationResource
from crm_pipeline_tests.small_export import SmallExport, deal, typical_export

SENSOR = "leadforce_new_export"


def look(definitions: dg.Definitions, root: Path, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    sensor = definitions.get_repository_def().get_sensor_def(SENSOR)
    resources = {"migrations": MigrationResource(data_root=str(root))}
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
        found = sensor(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def was_loaded(instance: dg.DagsterInstance, env: str, drop: str) -> None:
    for key, metadata in (
        (["leadforce", env, "report"], {"verdict": "Proven"}),
        (["leadforce", "src_users"], {"drop": drop}),
    ):
        instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata))


def text(found: dg.SensorResult | dg.SkipReason) -> str:
    reason = found if isinstance(found, dg.SkipReason) else found.skip_reason
    assert reason is not None
    return str(reason.skip_message if isinstance(reason, dg.SkipReason) else reason)


def test_a_drop_is_taken_when_it_is_whole(definitions: dg.Definitions, data_root: Path) -> None:
    typical_export().write(data_root)
    with dg.DagsterInstance.ephemeral() as instance:
        was_loaded(instance, "sandbox", "2026-10-31-full")
        assert "was read last" in text(look(definitions, data_root, instance))
        folder = SmallExport(deals=[deal("D1", Deal_Value="5")]).write(data_root, "2026-11-15-delta")
        manifest = folder / "export_manifest.csv"
        content = manifest.read_bytes()
        manifest.unlink()
        assert "manifest is missing" in text(look(definitions, data_root, instance))
        manifest.write_bytes(content)
        first = look(definitions, data_root, instance)
        assert "still arriving" in text(first)
        assert isinstance(first, dg.SensorResult)
        os.utime(folder / "deals.csv", ns=(1, 1))
        assert "still arriving" in text(look(definitions, data_root, instance, first.cursor))
        cursor = json.dumps({"2026-11-15-delta": listing_digest(folder)})
        second, again = (look(definitions, data_root, instance, cursor) for _ in range(2))
        assert isinstance(second, dg.SensorResult)
        assert isinstance(again, dg.SensorResult)
        (request,) = second.run_requests or []
        assert request.job_name == "leadforce_sandbox_delta"
        assert request.run_config["ops"]["leadforce__read_export"]["config"] == {"drop": "2026-11-15-delta", "deltas": True}
        assert (again.run_requests or [])[0].run_key == request.run_key


def test_the_first_migration_is_started_by_a_person(definitions: dg.Definitions, data_root: Path) -> None:
    folder = typical_export().write(data_root)
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = json.dumps({folder.name: listing_digest(folder)})
        assert "started by a person" in text(look(definitions, data_root, instance, cursor))


def test_both_environments_are_refreshed_once_both_were_loaded(definitions: dg.Definitions, data_root: Path) -> None:
    folder = typical_export().write(data_root)
    with dg.DagsterInstance.ephemeral() as instance:
        was_loaded(instance, "sandbox", "older")
        was_loaded(instance, "production", "older")
        found = look(definitions, data_root, instance, json.dumps({folder.name: listing_digest(folder)}))
        assert isinstance(found, dg.SensorResult)
        assert [request.job_name for request in found.run_requests or []] == ["leadforce_sandbox_delta", "leadforce_production_delta"]


@pytest.mark.parametrize("source", ["leadforce", "legrand"])
def test_everything_is_off_until_switched_on(definitions: dg.Definitions, source: str) -> None:
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def(f"{source}_new_export")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    for name in ("delta_refresh", "hypercare"):
        schedule = repository.get_schedule_def(f"{source}_{name}")
        assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
        assert schedule.cron_schedule
