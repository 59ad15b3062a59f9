"""Records of the embedded destination in one sqlite file: a table per model, a JSON document per record.

A document holds a record's stored values in Odoo's own form, empty ones left out. What is searched by equality is kept in
an indexed column beside it as well, so that a lookup parses no document. WAL with ``synchronous=NORMAL`` survives ``kill -9``: a
transaction is in the file as a whole or not at all.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

Doc = dict[str, Any]

#: model → the fields whose equality is looked up together; ``!`` marks a unique index
INDEXES: dict[str, tuple[str, ...]] = {
    "ir.model.data": ("!module,name", "res_id,model"),
    "ir.model.fields": ("model,name",),
    "ir.model": ("model",),
    "ir.attachment": ("res_model,res_id", "checksum"),
    "mail.message": ("model,res_id", "message_id"),
    "mail.activity": ("res_model,res_id",),
    "mail.followers": ("res_model,res_id",),
    "res.partner": ("parent_id", "email_normalized", "name"),
    "res.users": ("login", "partner_id"),
    "crm.lead": ("partner_id",),
    "crm.tag": ("name",),
    "res.country.state": ("country_id",),
    "sale.order": ("partner_id",),
    "sale.order.line": ("order_id",),
    "account.move": (
        "partner_id",
        "journal_id,name",
        "journal_id,#numbered",
        "journal_id,sequence_prefix,sequence_number",
    ),
    "account.move.line": ("move_id",),
    "account.partial.reconcile": ("debit_move_id", "credit_move_id"),
    "account.payment": ("move_id",),
    "res.currency.rate": ("currency_id",),
    "product.product": ("product_tmpl_id", "default_code"),
    "maintenance.request": ("equipment_id",),
    "maintenance.equipment": ("serial_no",),
}


#: model → the field whose records are read in pages by id. Its index is partial, so that sqlite takes it for nothing else.
PAGED_BY = {"ir.model.data": "model"}
_PAGED = "id > 0"
#: model → the fields that have a column of their own
COLUMNS = {
    model: tuple(dict.fromkeys(name for index in indexes for name in index.removeprefix("!").split(",")))
    for model, indexes in INDEXES.items()
}


def _dumps(document: Any) -> str:
    return orjson.dumps(document).decode()


def table_of(model: str) -> str:
    """The quoted table name of a model."""
    return '"' + model.replace('"', '""') + '"'


def value_of(model: str, field: str, alias: str = "") -> str:
    """The SQL expression of a field's stored value; NULL when empty. ``alias`` is the table's, when it has one."""
    quoted = field.replace('"', "").replace("'", "''")
    of = f"{alias}." if alias else ""
    return f'{of}"{quoted}"' if field in COLUMNS.get(model, ()) else f"json_extract({of}doc, '$.\"{quoted}\"')"


def page_hint(model: str, domain: Sequence[Any]) -> tuple[str, str]:
    """What a page by id adds to its table and condition, so that it is read on from there.

    Where the domain asks for the field the model's pages are read by, their index is used, and where it asks for some
    values of a looked-up field, whatever sqlite finds best. Else the table itself: any index would read everything for
    each page.
    """
    terms = [] if any(isinstance(term, str) for term in domain) else domain
    if any(name == PAGED_BY.get(model) and operator == "=" and value for name, operator, value in terms):
        return f" INDEXED BY {table_of(f'{model}:pages')}", f" AND {_PAGED}"
    if any(operator == "in" and name in COLUMNS.get(model, ()) for name, operator, _ in terms):
        return "", ""
    return " NOT INDEXED", ""


class Store:
    """One sqlite file, used by one call at a time (a lock), and safely by several processes (sqlite's own)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._known: dict[str, str] = {}
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60.0)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA cache_size=-65536")
        self._connection.execute("PRAGMA wal_autocheckpoint=16384")
        self._connection.execute("PRAGMA temp_store=MEMORY")
        self._connection.create_function("pg_like", 3, _pg_like, deterministic=True)
        with self.transaction():
            self.execute("CREATE TABLE IF NOT EXISTS embedded_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID")
            self.execute("CREATE TABLE IF NOT EXISTS embedded_sequence (model TEXT PRIMARY KEY, last INTEGER NOT NULL)")
            self.execute("CREATE TABLE IF NOT EXISTS embedded_file (checksum TEXT PRIMARY KEY, content BLOB NOT NULL)")

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[None]:
        """All or nothing: committed at the end, rolled back on any error."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                self._known.clear()  # tables made in this transaction are gone
                raise
            self._connection.execute("COMMIT")

    def undo(self, savepoint: str) -> None:
        """Roll back to a savepoint."""
        self.execute(f"ROLLBACK TO {savepoint}")
        self._known.clear()  # tables made since are gone

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement; all rows."""
        return self._connection.execute(sql, parameters).fetchall()

    def meta(self, key: str) -> Any:
        """A value about the file itself, None when absent."""
        found = self.execute("SELECT value FROM embedded_meta WHERE key = ?", (key,))
        return found[0][0] if found else None

    def set_meta(self, key: str, value: str | int) -> None:
        """Keep a value about the file itself."""
        self.execute("INSERT OR REPLACE INTO embedded_meta VALUES (?, ?)", (key, value))

    def ensure(self, model: str) -> str:
        """The model's table, made when missing."""
        table = self._known.get(model)
        if table is None:
            table = self._known[model] = self._make(model)
        return table

    def _make(self, model: str) -> str:
        table, columns = table_of(model), COLUMNS.get(model, ())
        self.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, {''.join(f'{table_of(name)}, ' for name in columns)}doc TEXT NOT NULL)"
        )
        kept = {name for _, name, *_ in self.execute(f"PRAGMA table_info({table})")}
        for name in columns:
            if name not in kept:  # a file of before lookups had columns
                self.execute(f"ALTER TABLE {table} ADD COLUMN {table_of(name)}")
                self.execute(f"UPDATE {table} SET {table_of(name)} = {value_of('', name)}")
                for number in range(len(INDEXES[model])):
                    self.execute(f"DROP INDEX IF EXISTS {table_of(f'{model}:{number}')}")
        for number, index in enumerate(INDEXES.get(model, ())):
            on = ", ".join(table_of(name) for name in index.removeprefix("!").split(","))
            unique = "UNIQUE " if index.startswith("!") else ""
            self.execute(f"CREATE {unique}INDEX IF NOT EXISTS {table_of(f'{model}:{number}')} ON {table} ({on})")
        if model in PAGED_BY:
            on = table_of(PAGED_BY[model])
            self.execute(f"CREATE INDEX IF NOT EXISTS {table_of(f'{model}:pages')} ON {table} ({on}) WHERE {_PAGED}")
        return table

    def next_ids(self, model: str, count: int) -> range:
        """``count`` ids never given before, also not to deleted records."""
        found = self.execute("SELECT last FROM embedded_sequence WHERE model = ?", (model,))
        last = found[0][0] if found else 0
        self.execute("INSERT OR REPLACE INTO embedded_sequence VALUES (?, ?)", (model, last + count))
        return range(last + 1, last + count + 1)

    def insert(self, model: str, docs: Iterable[tuple[int, Doc]]) -> None:
        """Add records."""
        table = self.ensure(model)
        columns = COLUMNS.get(model, ())
        rows: list[tuple[Any, ...]] = [(key, _dumps(doc), *map(doc.get, columns)) for key, doc in docs]
        if not rows:
            return
        names = "".join(f", {table_of(name)}" for name in columns)
        self._connection.executemany(f"INSERT INTO {table} (id, doc{names}) VALUES (?, ?{', ?' * len(columns)})", rows)
        self.execute(
            "INSERT INTO embedded_sequence VALUES (?, ?)"
            " ON CONFLICT (model) DO UPDATE SET last = max(last, excluded.last)",
            (model, max(row[0] for row in rows)),
        )

    def update(self, model: str, docs: Iterable[tuple[int, Doc]]) -> None:
        """Replace records' documents."""
        table = self.ensure(model)
        columns = COLUMNS.get(model, ())
        names = "".join(f", {table_of(name)} = ?" for name in columns)
        rows = [(_dumps(doc), *map(doc.get, columns), key) for key, doc in docs]
        self._connection.executemany(f"UPDATE {table} SET doc = ?{names} WHERE id = ?", rows)

    def delete(self, model: str, ids: Iterable[int]) -> None:
        """Remove records."""
        table = self.ensure(model)
        self._connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(key,) for key in ids])

    def get(self, model: str, ids: Iterable[int]) -> dict[int, Doc]:
        """The documents of the ids that exist."""
        wanted = list(ids)
        if not wanted:
            return {}
        table = self.ensure(model)
        if len(wanted) == 1:
            found = self.execute(f"SELECT id, doc FROM {table} WHERE id = ?", wanted)
        else:
            chosen = "id IN (SELECT value FROM json_each(?))"
            found = self.execute(f"SELECT id, doc FROM {table} WHERE {chosen}", (_dumps(wanted),))
        return {key: orjson.loads(doc) for key, doc in found}

    def missing(self, model: str, ids: Iterable[int]) -> set[int]:
        """Which of the ids do not exist."""
        wanted = set(ids)
        if not wanted:
            return wanted
        table = self.ensure(model)
        found = self.execute(
            f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))", (_dumps(sorted(wanted)),)
        )
        return wanted - {key for (key,) in found}

    def find(self, model: str, /, **equal: Any) -> list[tuple[int, Doc]]:
        """Records whose stored fields equal the given values, oldest first; a list or set matches any of its items."""
        table = self.ensure(model)
        conditions, parameters = [], []
        for name, value in equal.items():
            if isinstance(value, (list, set, tuple)):
                conditions.append(f"{value_of(model, name)} IN (SELECT value FROM json_each(?))")
                parameters.append(_dumps(list(value)))
            else:
                conditions.append(f"{value_of(model, name)} = ?")
                parameters.append(value)
        where = " AND ".join(conditions) or "true"
        found = self.execute(f"SELECT id, doc FROM {table} WHERE {where} ORDER BY id", parameters)
        return [(key, orjson.loads(doc)) for key, doc in found]

    def find_any(self, model: str, field: str, ids: list[int]) -> list[tuple[int, Doc]]:
        """Records whose many2many holds any of the ids."""
        table = self.ensure(model)
        value = value_of(model, field)
        found = self.execute(
            f"SELECT id, doc FROM {table} WHERE {value} IS NOT NULL AND EXISTS (SELECT 1 FROM json_each({value})"
            " AS item WHERE item.value IN (SELECT value FROM json_each(?)))",
            (_dumps(ids),),
        )
        return [(key, orjson.loads(doc)) for key, doc in found]


@lru_cache(maxsize=1024)
def _like_pattern(pattern: str, flags: int) -> re.Pattern[str]:
    parts, index = [], 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\" and index + 1 < len(pattern):
            index += 1
            parts.append(re.escape(pattern[index]))
        else:
            parts.append(".*" if char == "%" else "." if char == "_" else re.escape(char))
        index += 1
    return re.compile("".join(parts), flags | re.DOTALL)


def _pg_like(text: Any, pattern: str, insensitive: int) -> bool | None:
    """PostgreSQL's LIKE and ILIKE: ``%``, ``_`` and a backslash to escape; ILIKE folds all of Unicode."""
    if text is None:
        return None
    return _like_pattern(pattern, re.IGNORECASE if insensitive else 0).fullmatch(str(text)) is not None
