"""What reading exports needs of the staging store, and SQL's two kinds of quoting.

``crm_pipeline.staging`` builds on this package, so the store is known here by what it does only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import duckdb


class Database(Protocol):
    """An open DuckDB file; ``crm_pipeline.staging.store.StagingStore`` is one."""

    connection: duckdb.DuckDBPyConnection
    path: Path

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement for its effect."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, or of what a statement returns."""

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The single value of a query."""

    def transaction(self) -> AbstractContextManager[None]:
        """All statements inside are kept together or not at all."""


def quote(identifier: str) -> str:
    """Quote an SQL identifier; a dotted name is quoted part by part."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in identifier.split("."))


def literal(text: str) -> str:
    """An SQL text constant; DuckDB texts have no escapes, and a NUL must be spelled ``chr(0)``."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\x00")]
    return "(" + " || chr(0) || ".join(parts) + ")" if len(parts) > 1 else parts[0]
