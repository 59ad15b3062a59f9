"""Jobs run in this process, on an instance that lives as long as the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.orchestration import build_definitions
from crm_pipeline.settings import Settings

RunJob = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(autouse=True, scope="module")
def _own_environment() -> Iterator[None]:
    """Nothing of the developer's own settings reaches a run."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("URL", "DB", "LOGIN", "API_KEY", "PROTOCOL", "VERSION"):
            patch.delenv(f"ODOO_SANDBOX_{name}", raising=False)
        patch.delenv("CRM_PIPELINE_DATA", raising=False)
        patch.delenv("CRM_PIPELINE_SPECS", raising=False)
        yield


@pytest.fixture(scope="session")
def definitions() -> dg.Definitions:
    """The shipped code location."""
    return build_definitions(Settings.load(environ={}))


@pytest.fixture(scope="module")
def run_job(definitions: dg.Definitions) -> Iterator[RunJob]:
    """Run a job on a data root, or the assets given by name."""
    with dg.DagsterInstance.ephemeral() as instance:

        def run(job: str, root: Path, *assets: str) -> dg.ExecuteInProcessResult:
            config = {"resources": {"migrations": {"config": {"data_root": str(root)}}}}
            selection = [dg.AssetKey(name.split("/")) for name in assets] or None
            return definitions.resolve_job_def(job).execute_in_process(
                run_config=config, instance=instance, raise_on_error=False, asset_selection=selection
            )

        yield run
