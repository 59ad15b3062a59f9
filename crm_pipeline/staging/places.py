"""Where a staging store is kept: here the local file; ``crm_pipeline.staging.lake`` has the shared catalog.

What opens a place gives a DuckDB connection on which ``schema.table`` means the store's tables and TEMP ones are the
process's own. Nothing but the place knows which kind it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from crm_pipeline.exports.sql import quote

SCHEMAS = ("raw", "kept", "typed", "derived", "staged", "ops")

#: The script that makes the tables of ``ops``; safe to run again.
OPS_TABLES = Path(__file__).with_name("ops.sql")

#: Its analysis doubles the time it takes to write text; without it a file is as large as the export's text.
_TOO_SLOW = "dict_fsst"


class StoreInUseError(Exception):
    """Somebody else has the staging store open; it has one writer.

    Args:
        place: the file, or the catalog and its source.
        holder: who has it, where that is known.
    """

    def __init__(self, place: Path | str, holder: str = "another process") -> None:
        super().__init__(
            f"{place} is in use by {holder}. Wait for the other run (or the Dagster UI's run) to end, then try again."
        )


@dataclass(frozen=True)
class Turn:
    """Who opens a store, and for how long.

    Attributes:
        run_id: the run; shown to whoever has to wait.
        is_step: whether this is one step of a run whose steps are processes of their own: the run holds the source, and
            its steps take turns.
    """

    run_id: str
    is_step: bool = False


@dataclass(frozen=True)
class OpenPlace:
    """An opened place.

    Attributes:
        connection: with the schemas and the tables of ``ops``.
        path: named like the store; its folder is there, local, and fit for scratch files.
        close: frees everything.
        is_remote: whether each commit is a trip to a server.
    """

    connection: duckdb.DuckDBPyConnection
    path: Path
    close: Callable[[], None]
    is_remote: bool = False


class Place(Protocol):
    """Where the staging store of one source is."""

    def open(self, turn: Turn | None, *, memory_limit: str) -> OpenPlace:
        """Open it for one writer.

        Raises:
            StoreInUseError: somebody else has it.
        """

    def exists(self) -> bool:
        """Whether something was ever staged there."""


@dataclass(frozen=True)
class LocalFile:
    """One DuckDB file, which DuckDB itself keeps to one process."""

    path: Path

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    def open(self, turn: Turn | None, *, memory_limit: str) -> OpenPlace:  # noqa: ARG002 - the file's lock says who may
        """Open the file; it is created with its folder when missing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect(str(self.path), config=configuration(memory_limit, f"{self.path}.tmp"))
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise StoreInUseError(self.path) from error
            raise
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        connection.execute(OPS_TABLES.read_text(encoding="utf-8"))
        return OpenPlace(connection, self.path, connection.close)


def configuration(memory_limit: str, spill: str) -> dict[str, str | bool | int | float | list[str]]:
    """DuckDB's settings of every store: bounded memory, larger work spills to a folder."""
    return {"memory_limit": memory_limit, "temp_directory": spill, "disabled_compression_methods": _TOO_SLOW}
