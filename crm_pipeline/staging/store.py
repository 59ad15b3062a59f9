"""The staging store of one source CRM: a DuckDB file, or a shared catalog (see ``crm_pipeline.staging.places``).

Schemas: ``raw`` (text as exported), ``typed`` (accepted rows with contract types), ``kept`` (the same before references and
rules, for objects that need not be read again), ``derived`` (companies, people,
owners …), ``staged`` (one table for each Odoo model), ``ops`` (issues, fates, ledger, runs; what data alone can't
derive). Everything outside ``ops`` is recomputed from the files and the specs.

A store has one writer: a second one gets ``StoreInUseError``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl

from crm_pipeline.exports.sql import literal as text_literal
from crm_pipeline.exports.sql import quote
from crm_pipeline.staging.places import SCHEMAS, LocalFile, Place, StoreInUseError, Turn

__all__ = ["SCHEMAS", "StagingStore", "StoreInUseError", "literal", "quote"]


def literal(value: str | float | bool | None) -> str:  # noqa: FBT001 - a value, not a switch
    """An SQL literal for generated expressions; values of data are always bound as parameters instead."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return text_literal(value)


class StagingStore:
    """An open staging store.

    Args:
        place: where it is; a path is a DuckDB file, created with its folder when missing.
        turn: who opens it; needed where several machines share a place.
        memory_limit: DuckDB's own bound; larger work spills to a folder beside ``path``.
    """

    def __init__(self, place: Path | Place, *, turn: Turn | None = None, memory_limit: str = "1300MB") -> None:
        opened = (LocalFile(place) if isinstance(place, Path) else place).open(turn, memory_limit=memory_limit)
        self.path, self.connection, self._close = opened.path, opened.connection, opened.close
        self._is_remote, self._is_together = opened.is_remote, False
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")  # standard output belongs to results

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement (or a script without parameters) for its effect."""
        self.connection.execute(sql, list(parameters) or None)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql, list(parameters) or None).fetchall()

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The single value of a query; ``None`` when it gives no row."""
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    def counts(self, queries: Sequence[str], parameters: Sequence[Any] = ()) -> list[int]:
        """How many rows each of several queries gives, in one statement: on few rows planning is what a statement costs."""
        counted = " UNION ALL ".join(f"SELECT {number} AS number, count(*) AS n FROM ({query})" for number, query in enumerate(queries))
        return [count for _, count in sorted(self.rows(counted, parameters))]

    def frame(self, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """A query's result as a polars frame (Arrow, zero-copy where types allow)."""
        frame: pl.DataFrame = self.connection.sql(sql, params=list(parameters) or None).pl()
        return frame

    def insert(self, table: str, frame: pl.DataFrame) -> None:
        """Append a frame to a table by column names."""
        self.connection.register("_insert", frame)
        try:
            self.connection.execute(f"INSERT INTO {quote(table)} BY NAME SELECT * FROM _insert")
        finally:
            self.connection.unregister("_insert")

    def has_table(self, table: str) -> bool:
        """Whether ``schema.table`` exists."""
        try:
            self.rows(f"SELECT 1 FROM {quote(table)} LIMIT 0")
        except duckdb.CatalogException:
            return False
        return True

    def tables(self, schema: str) -> list[str]:
        """Names of a schema's tables."""
        sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = ? ORDER BY 1"
        return [name for (name,) in self.rows(sql, [schema])]

    def columns(self, table: str) -> dict[str, str]:
        """Column names and DuckDB types of ``schema.table``."""
        return {name: dtype for name, dtype, *_ in self.rows(f"DESCRIBE {quote(table)}")}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside are kept together or not at all."""
        if self._is_together:
            self.connection.execute("COMMIT")
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        else:
            self.connection.execute("COMMIT")
        finally:
            if self._is_together:
                self.connection.execute("BEGIN")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Statements inside are kept when it ends, however it ends, where each commit is a trip to a server (a fifth of the time).

        For what can be derived again: a process that dies inside leaves what was there before. In a local file every
        statement is kept at once.
        """
        if not self._is_remote or self._is_together:
            yield
            return
        self.connection.execute("BEGIN")
        self._is_together = True
        try:
            yield
        finally:
            self._is_together = False
            self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close it, so that another process may open it."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
