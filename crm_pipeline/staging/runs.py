"""Runs that loaded an environment and still count: what they wrote was not rolled back since."""

from __future__ import annotations

from typing import Any

from crm_pipeline.staging.store import StagingStore

#: SQL: the runs of an environment (a parameter) that wrote to it and were not undone, not even in part.
_LOADS = """
    SELECT * FROM ops.run AS run WHERE env = ? AND kind = 'load' AND NOT EXISTS (
        SELECT 1 FROM ops.rollback AS undone LEFT JOIN ops.run AS kept ON kept.run_id = undone.to_run AND kept.env = undone.env
        WHERE undone.env = run.env AND undone.started_at > run.started_at
        AND (undone.to_run IS NULL OR run.started_at > kept.started_at))
"""


def newest_loaded_drop(store: StagingStore, env: str) -> str | None:
    """The newest drop that was loaded into an environment since it was last rolled back."""
    found: str | None = store.value(f'SELECT max("drop") FROM ({_LOADS})', [env])
    return found


def last_load(store: StagingStore, env: str) -> dict[str, Any]:
    """The newest run that loaded an environment to its end; empty when there is none."""
    found = store.frame(f"SELECT * FROM ({_LOADS}) WHERE ended_at IS NOT NULL ORDER BY started_at DESC LIMIT 1", [env]).to_dicts()
    return found[0] if found else {}
