"""Executors of steps in other processes: chosen by configuration, and wrapped so that a run holds its source."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.orchestration.apart import executor_of
from crm_pipeline.orchestration.resources import MigrationResource
from crm_pipeline.settings import Settings, SettingsError

CATALOG = {"CRM_PIPELINE_CATALOG": "postgresql://crm@127.0.0.1:1/catalog"}


def chosen(environ: dict[str, str]) -> dg.ExecutorDefinition:
    return executor_of(Settings.load(environ=environ), MigrationResource())


def test_nothing_set_is_the_in_process_executor() -> None:
    assert chosen({}) is dg.in_process_executor
    assert chosen(CATALOG) is dg.in_process_executor


def test_an_executor_is_named_and_configured_by_settings(tmp_path: Path) -> None:
    config = tmp_path / "executor.yaml"
    config.write_text("execution: {config: {max_concurrent: 2}}", encoding="utf-8")
    environ = {**CATALOG, "CRM_PIPELINE_EXECUTOR": "dagster:multiprocess_executor", "CRM_PIPELINE_EXECUTOR_CONFIG": str(config)}
    assert chosen(environ).name == "multiprocess"


@pytest.mark.parametrize(("name", "reason"), [("nowhere_at_all:executor", "can't be imported"), ("dagster:Failure", "is no Dagster executor")])
def test_a_wrong_executor_is_one_sentence(name: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        chosen({**CATALOG, "CRM_PIPELINE_EXECUTOR": name})


def test_a_configuration_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    environ = {**CATALOG, "CRM_PIPELINE_EXECUTOR": "dagster:multiprocess_executor", "CRM_PIPELINE_EXECUTOR_CONFIG": str(tmp_path / "none.yaml")}
    with pytest.raises(SettingsError, match="execution: config:"):
        chosen(environ)
