"""Staging small exports for the tests of typed tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crm_pipeline.exports import open_drop, read_object
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.staging.typed import TypingResult, type_object
from crm_pipeline_tests.exports.folders import source, write


def stage(
    store: StagingStore, folder: Path, files: dict[str, str], spec: SourceSpec | None = None
) -> dict[str, TypingResult]:
    """Read and type all objects of a spec from files written into ``folder``."""
    spec = spec or source()
    drop = open_drop(spec, write(folder, {f"{name}.csv": text for name, text in files.items()}))
    return {name: type_object(store, spec, name, read_object(store, spec, name, drop)) for name in spec.objects}


def fates(store: StagingStore, name: str) -> list[tuple[Any, ...]]:
    """(row, fate, reason) of an object's rows that were not accepted."""
    return store.rows('SELECT "row", fate, reason FROM ops.fate WHERE object = ? ORDER BY row_id', [name])


def issues(store: StagingStore, name: str) -> list[tuple[Any, ...]]:
    """(row, column, value, reason, severity) of an object's issues."""
    sql = 'SELECT "row", "column", value, reason, severity FROM ops.issue WHERE object = ? ORDER BY row_id, "column"'
    return store.rows(sql, [name])


def accepted(store: StagingStore, name: str, columns: str) -> list[tuple[Any, ...]]:
    """Columns of the typed rows in order."""
    return store.rows(f'SELECT {columns} FROM typed."{name}" ORDER BY _row_id')
