"""The staging store in DuckLake: tables as Parquet files in a folder all machines see, their catalog in PostgreSQL.

Each source has a catalog (a schema of the database) and a folder of its own. DuckLake knows neither CHECK constraints nor
defaults that are computed, so the tables of ``ops`` are made after the shape that ``ops.sql`` has in plain DuckDB, without
the constraints. TEMP tables and macros stay in the opening process.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from crm_pipeline.exports.sql import literal, quote
from crm_pipeline.staging.places import OPS_TABLES, SCHEMAS, OpenPlace, StoreInUseError, Turn, configuration
from crm_pipeline.staging.postgres import CatalogError, PostgresCatalog, SourceLocks

_LAKE, _SHAPE = "lake", "shape"
_COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, column_default FROM duckdb_columns()
              WHERE database_name = ? AND schema_name = 'ops' ORDER BY table_oid, column_index"""


@dataclass(frozen=True)
class Lake:
    """One source's store in a DuckLake.

    Attributes:
        source: name of the source CRM.
        catalog: the database of the catalog; a path is a DuckDB file, for one process.
        data: folder of the Parquet files; every machine may have it mounted elsewhere.
    """

    source: str
    catalog: PostgresCatalog | Path
    data: str

    def exists(self) -> bool:
        """Whether there may be something; only opening it tells."""
        return True

    def open(self, turn: Turn | None, *, memory_limit: str) -> OpenPlace:
        """Attach the catalog for one writer; it is created when missing.

        Raises:
            StoreInUseError: another run has the source.
            CatalogError: the catalog or DuckDB's extensions can't be used.
        """
        locks = None
        if isinstance(self.catalog, PostgresCatalog):
            turn = turn or Turn("without number")
            locks = SourceLocks(self.catalog, self.source, turn.run_id)
            locks.take(turn)
        scratch = Path(tempfile.mkdtemp(prefix="crm_pipeline."))
        path = scratch / f"{self.source}.duckdb"
        connection = duckdb.connect(":memory:", config=configuration(memory_limit, f"{path}.tmp"))

        def close() -> None:
            connection.close()
            if locks is not None:
                locks.close()
            shutil.rmtree(scratch, ignore_errors=True)

        try:
            self._attach(connection)
            _make_tables(connection)
        except BaseException:
            close()
            raise
        return OpenPlace(connection, path, close, is_remote=True)

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        options = {"DATA_PATH": literal(f"{self.data.rstrip('/')}/{self.source}/"), "OVERRIDE_DATA_PATH": "TRUE"}
        options["DATA_INLINING_ROW_LIMIT"] = "0"  # rows kept in the catalog itself would forbid columns named row_id (DuckLake 1.0)
        _load_extension(connection, "ducklake")
        if isinstance(self.catalog, PostgresCatalog):
            c = self.catalog
            _load_extension(connection, "postgres_scanner")
            known = {"HOST": c.host, "PORT": str(c.port), "DATABASE": c.database, "USER": c.user, "PASSWORD": c.password}
            parts = ", ".join(f"{name} {literal(value)}" for name, value in known.items() if value is not None)
            _without_secret(c, lambda: connection.execute(f"CREATE SECRET catalog (TYPE postgres, {parts})"))
            options |= {"METADATA_SCHEMA": literal(f"crm_pipeline_{self.source}"), "META_SECRET": "catalog"}
            target = "ducklake:postgres:"
        else:
            self.catalog.parent.mkdir(parents=True, exist_ok=True)
            target = f"ducklake:{self.catalog}"
        listed = ", ".join(f"{name} {value}" for name, value in options.items())
        statement = f"ATTACH {literal(target)} AS {_LAKE} ({listed})"
        try:
            _without_secret(self.catalog, lambda: connection.execute(statement))
        except duckdb.IOException as error:
            if isinstance(self.catalog, Path) and "lock" in str(error).lower():
                raise StoreInUseError(self.catalog) from error
            raise
        connection.execute(f"USE {_LAKE}")


def _without_secret(catalog: PostgresCatalog | Path, action: Callable[[], Any]) -> None:
    """Do something that DuckDB may answer with the connection's parameters."""
    if isinstance(catalog, Path):
        action()
        return
    try:
        action()
    except duckdb.Error as error:
        raise CatalogError(f"the catalog {catalog} can't be attached: {catalog.without_secret(str(error))}") from None


def _load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its wheel, which needs no network; else as DuckDB finds it."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    folders = [Path(folder) / "extensions" / f"v{duckdb.__version__}" for folder in (spec and spec.submodule_search_locations) or ()]
    files = [file for folder in folders if (file := folder / f"{name}.duckdb_extension").is_file()]
    try:
        connection.execute(f"LOAD {literal(str(files[0]))}" if files else f"LOAD {name}")
    except duckdb.Error as error:
        raise CatalogError(
            f"DuckDB {duckdb.__version__} can't load its extension '{name}'; pip install 'crm-pipeline[cluster]' brings it "
            f"for DuckDB 1.5.5: {str(error).splitlines()[0]}"
        ) from None


def _make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the schemas, and the tables and columns of ``ops`` that are missing."""
    connection.execute(f"ATTACH ':memory:' AS {_SHAPE}")
    connection.execute(f"USE {_SHAPE}")
    connection.execute("CREATE SCHEMA ops")
    connection.execute(OPS_TABLES.read_text(encoding="utf-8"))
    wanted = connection.execute(_COLUMNS, [_SHAPE]).fetchall()
    connection.execute(f"USE {_LAKE}")
    connection.execute(f"DETACH {_SHAPE}")
    have = {(table, column) for table, column, *_ in connection.execute(_COLUMNS, [_LAKE]).fetchall()}
    known = {table for table, _ in have}
    schemas = {name for (name,) in connection.execute("SELECT schema_name FROM duckdb_schemas() WHERE database_name = ?", [_LAKE]).fetchall()}
    statements = [f"CREATE SCHEMA {quote(schema)}" for schema in SCHEMAS if schema not in schemas]
    for table in dict.fromkeys(table for table, *_ in wanted):
        columns = [(column, _definition(connection, rest)) for name, column, *rest in wanted if name == table]
        if table not in known:
            listed = ", ".join(f"{quote(column)} {definition}" for column, definition in columns)
            statements.append(f"CREATE TABLE {quote(f'ops.{table}')} ({listed})")
        statements += [
            f"ALTER TABLE {quote(f'ops.{table}')} ADD COLUMN {quote(column)} {definition}"
            for column, definition in columns if table in known and (table, column) not in have
        ]  # fmt: skip
    if statements:
        connection.execute(f"BEGIN; {'; '.join(statements)}; COMMIT")


def _definition(connection: duckdb.DuckDBPyConnection, column: list[Any]) -> str:
    """Type, NOT NULL and a default that is a constant."""
    dtype, nullable, default = column
    value = connection.execute(f"SELECT ({default})::VARCHAR").fetchall()[0][0] if default is not None else None
    return f"{dtype}{'' if nullable else ' NOT NULL'}{f' DEFAULT {literal(value)}' if value is not None else ''}"
