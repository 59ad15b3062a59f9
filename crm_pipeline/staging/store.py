"""The staging store: one DuckDB file for each source CRM.

Schemas: ``raw`` (text as exported), ``typed`` (accepted rows with contract types), ``derived`` (companies, people,
owners …), ``staged`` (one table for each Odoo model), ``ops`` (issues, fates, ledger, runs; what data alone can't
derive). Everything outside ``ops`` is recomputed from the files and the specs.

DuckDB admits one writing process: a second process gets ``StoreInUseError``.
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

__all__ = ["SCHEMAS", "StagingStore", "StoreInUseError", "literal", "quote"]

SCHEMAS = ("raw", "typed", "derived", "staged", "ops")

_OPS_TABLES = Path(__file__).with_name("ops.sql")


#: Its analysis doubles the time it takes to write text; without it the file is as large as the export's text.
_TOO_SLOW = "dict_fsst"


class StoreInUseError(Exception):
    """Another process has the staging store open; DuckDB admits one writer."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is in use by another process. Wait for the other run (or the Dagster UI's run) to end, then try again."
        )


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
        path: the DuckDB file; created with its folder when missing.
        memory_limit: DuckDB's own bound; larger work spills to ``<path>.tmp``.
    """

    def __init__(self, path: Path, *, memory_limit: str = "2GB") -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit, "temp_directory": f"{path}.tmp", "disabled_compression_methods": _TOO_SLOW,
        }  # fmt: skip
        try:
            self.connection = duckdb.connect(str(path), config=config)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise StoreInUseError(path) from error
            raise
        self.connection.execute("SET TimeZone = 'UTC'")
        for schema in SCHEMAS:
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        self.connection.execute(_OPS_TABLES.read_text(encoding="utf-8"))

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
        schema, name = table.split(".")
        sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
        return bool(self.value(sql, [schema, name]))

    def columns(self, table: str) -> dict[str, str]:
        """Column names and DuckDB types of ``schema.table``."""
        return {name: dtype for name, dtype, *_ in self.rows(f"DESCRIBE {quote(table)}")}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside are kept together or not at all."""
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file, so that another process may open it."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
