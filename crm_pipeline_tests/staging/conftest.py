from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline.staging.store import StagingStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    """A store for a module's tests; staging an object replaces its tables, issues and fates."""
    with StagingStore(tmp_path_factory.mktemp("store") / "test.duckdb") as opened:
        yield opened
