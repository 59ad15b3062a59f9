"""What each column of the typed and derived tables holds, as digests that do not depend on the order of rows.

Kept in ``ops.column_digest`` and made by one statement over all tables of a schema. A column's digest is over its values with the
ids of their rows, so that equal digests of some columns mean equal rows of these columns. A table whose rows have no id of their
own has one digest, of the column ``*``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from crm_pipeline.staging.store import StagingStore, literal, quote

_ROW, _WHOLE = "_row_id", "*"


def take_digests(store: StagingStore, schema: str) -> None:
    """Note the digests of a schema's tables instead of those of last time."""
    columns: dict[str, list[str]] = {}
    for table, column in store.rows(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = ? ORDER BY ALL", [schema]
    ):
        columns.setdefault(table, []).append(column)
    store.execute("DELETE FROM ops.column_digest WHERE starts_with(name, ?)", [f"{schema}."])
    if not columns:
        return
    digests = " UNION ALL ".join(_digest_sql(f"{schema}.{table}", names) for table, names in columns.items())
    store.execute(
        f"""INSERT INTO ops.column_digest SELECT name, unnest(columns), unnest(digests)::VARCHAR FROM (
                SELECT name, CASE WHEN distinguishes THEN columns ELSE [{literal(_WHOLE)}] END AS columns,
                       CASE WHEN distinguishes THEN digests ELSE [digest] END AS digests FROM ({digests}))"""
    )


class Digests:
    """The digests that were taken last.

    Args:
        store: the staging store.
    """

    def __init__(self, store: StagingStore) -> None:
        self._store = store
        self._columns: dict[str, dict[str, str]] = {}
        for name, column, digest in store.rows('SELECT name, "column", digest FROM ops.column_digest'):
            self._columns.setdefault(name, {})[column] = digest

    def of_table(self, table: str) -> str:
        """Digest of all of a table (``typed.leads``)."""
        return _sha256(f"{column}={digest}" for column, digest in sorted(self._columns.get(table, {}).items()))

    def of_query(self, sql: str) -> str:
        """Digest of a query, whose columns are named one by one, and of what it reads: the columns whose names occur in its text."""
        words = {word.casefold() for word in re.findall(r"\w+", sql)}
        read = {name.split(" AS ")[0].replace('"', "") for name in self._store.connection.get_table_names(sql, qualified=True)}
        parts = [
            f"{table}.{column}={digest}"
            for table in sorted(read) for column, digest in sorted(self._columns.get(table, {}).items())
            if column == _WHOLE or column.casefold() in words or not column.isidentifier()
        ]  # fmt: skip
        return _sha256([sql, *parts])


def _digest_sql(table: str, columns: list[str]) -> str:
    """One row: the table, whether row ids tell its rows apart, its columns, their digests, that of whole rows."""
    has_ids = _ROW in columns
    distinguishes = "TRUE" if table.startswith("typed.") else f"count(DISTINCT {_ROW}) = count(*)" if has_ids else "FALSE"
    each = ", ".join(f"sum(hash({_ROW}, {quote(name)}))" for name in columns) if has_ids else ""
    whole = "NULL" if distinguishes == "TRUE" else "sum(hash(whole))"
    names = ", ".join(map(literal, columns)) if has_ids else ""
    return (
        f"SELECT {literal(table)} AS name, {distinguishes} AS distinguishes, [{names}]::VARCHAR[] AS columns, "
        f"[{each}]::HUGEINT[] AS digests, {whole}::HUGEINT AS digest FROM {quote(table)} AS whole"
    )


def _sha256(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part}\0".encode())
    return digest.hexdigest()
