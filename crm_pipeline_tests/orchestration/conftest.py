"""Jobs run in this process, on an instance that lives as long as the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.orchestration import build_definitions
from crm_pipeline.settings import Settings

RunJob = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings reaches a run."""
    for name in ("URL", "DB", "LOGIN", "API_KEY", "PROTOCOL", "VERSION"):
        monkeypatch.delenv(f"ODOO_SANDBOX_{name}", raising=False)
    monkeypatch.delenv("CRM_PIPELINE_DATA", raising=False)
    monkeypatch.delenv("CRM_PIPELINE_SPECS", raising=False)


@pytest.fixture(scope="session")
def definitions() -> dg.Definitions:
    """The shipped code location."""
    return build_definitions(Settings.load(environ={}))


@pytest.fixture
def run_job(definitions: dg.Definitions) -> Iterator[RunJob]:
    """Run a job on a data root."""
    with dg.DagsterInstance.ephemeral() as instance:

        def run(job: str, root: Path) -> dg.ExecuteInProcessResult:
            config = {"resources": {"migrations": {"config": {"data_root": str(root)}}}}
            found = definitions.resolve_job_def(job)
            return found.execute_in_process(run_config=config, instance=instance, raise_on_error=False)

        yield run
