"""Texts of an object's rows, from files of their own, beside the typed columns (R-10).

``typed.<object>`` gets one column for each header line the spec names and one for the body. Rows whose file is missing,
empty, too long, unreadable, ambiguous or outside the drop are set aside; a row that names none has no text.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_pipeline.exports import Drop, UnreadableFileError
from crm_pipeline.exports.file_index import FoundFile, LayeredFileIndex
from crm_pipeline.exports.files import find_loadable
from crm_pipeline.exports.text_files import bare_moment, read_text_file
from crm_pipeline.specs import SourceSpec
from crm_pipeline.specs.source import TextsSpec
from crm_pipeline.staging.aside import set_aside
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Files read before their texts go to the store.
CHUNK = 2_000
_SHOWN = 120
_TYPES = {"str": "VARCHAR", "text": "VARCHAR", "dt": "TIMESTAMP", "date": "DATE"}
_PLACE = "t._file || ', row ' || t._row || ': '"


def attach_texts(store: StagingStore, spec: SourceSpec, object_name: str, drop: Drop) -> None:
    """Read the text file of every accepted row of an object; call it once, right after the object was typed.

    Does nothing for an object whose rows have no text files.
    """
    texts = spec.objects[object_name].texts
    if texts is not None:
        _Texts(store, spec, object_name, texts, drop).attach()


class _Texts:
    """One object's rows and their texts while they are brought together."""

    def __init__(self, store: StagingStore, spec: SourceSpec, name: str, texts: TextsSpec, drop: Drop) -> None:
        self._store, self._name, self._texts, self._drop = store, name, texts, drop
        self._spec, self._fallback = spec.objects[name], spec.fallback_encoding
        self._typed, self._rejected = quote(f"typed.{name}"), quote(f"typed.{name}__rejected")
        self._key, self._path = f"CAST(t.{quote(self._spec.key)} AS VARCHAR)", quote(texts.path)
        self._index = LayeredFileIndex([layer.folder for layer in drop.layers], texts.folder)
        self._columns = {name: _TYPES[header.type] for name, header in texts.headers.items()} | {texts.body: "VARCHAR"}
        self._schema = dict.fromkeys(("_text_path", "_reason", "_says", *self._columns), pl.String)
        self._named: set[str] = set()

    def attach(self) -> None:
        listed = ", ".join(f"{quote(name)} VARCHAR" for name in self._schema)
        self._store.execute(f"CREATE OR REPLACE TEMP TABLE _text ({listed})")
        stated = self._stated()
        for first in range(0, len(stated), CHUNK):
            rows = [self._row(path) for path in stated[first : first + CHUNK]]
            self._store.insert("_text", pl.DataFrame(rows, schema=self._schema, orient="row"))
        with self._store.transaction():
            self._warn_of_moments()
            self._add_columns()
            self._set_aside()
            self._report_unnamed()
        self._store.execute("DROP TABLE _text")

    def _stated(self) -> list[str]:
        """Paths in the order of their rows; also of rejected rows, so that what their texts name counts as named."""
        paths = " UNION ALL ".join(f"SELECT {self._path}, _row_id FROM {table}" for table in (self._typed, self._rejected))
        query = f"SELECT {self._path} FROM ({paths}) WHERE {self._path} IS NOT NULL GROUP BY 1 ORDER BY min(_row_id)"
        return [path for (path,) in self._store.rows(query)]

    def _row(self, path: str) -> tuple[Any, ...]:
        """One row of ``_text``."""
        found = find_loadable(self._index, path, self._texts.max_bytes)
        nothing = [None] * len(self._columns)
        if not isinstance(found, FoundFile):
            self._named.update(file.path for file in found.files)
            return (path, found.reason, self._says(path, found.says, found.advice), *nothing)
        self._named.add(found.path)
        try:
            text = read_text_file(self._index.root / found.path, found.path, self._fallback)
        except UnreadableFileError as error:
            return (path, "file_unreadable", self._says(path, f"can't be read ({error.reason})", ""), *nothing)
        values = []
        for header in self._texts.headers.values():
            value = text.headers.get(header.header.lower())
            values.append(bare_moment(value) if value and header.type in {"dt", "date"} else value or None)
        return (path, None, None, *values, text.body or None)

    def _says(self, path: str, says: str, advice: str) -> str:
        shown = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}…"
        return f"column '{self._heading}' holds '{shown}', which {says}; the row is set aside. {advice}".rstrip()

    @property
    def _heading(self) -> str:
        column = self._spec.columns.get(self._texts.path)
        return column.heading if column else self._texts.path

    def _parsed(self, name: str, table: str = "x") -> str:
        kind = self._texts.headers[name].type if name in self._texts.headers else "text"
        return f"parse_{kind}({table}.{quote(name)})"

    def _warn_of_moments(self) -> None:
        """Dates of header lines that can't be read are left blank."""
        for name, header in self._texts.headers.items():
            if header.type not in {"dt", "date"}:
                continue
            message = (
                f"{_PLACE} || {literal(f'line {header.header}: of ')} || x._text_path || ' holds ''' || x.{quote(name)} || "
                "''', which is no date and time that can be read for certain; it is left blank.'"
            )
            among = (
                f"{self._typed} AS t JOIN _text AS x ON x._text_path = t.{self._path} "
                f"WHERE blank(x.{quote(name)}) IS NOT NULL AND {self._parsed(name)} IS NULL"
            )
            self._report(among, "warning", "'bad_value'", literal(name), f"x.{quote(name)}", message)

    def _add_columns(self) -> None:
        columns = ", ".join(f"CAST({self._parsed(name)} AS {kind}) AS {quote(name)}" for name, kind in self._columns.items())
        for table in (self._typed, self._rejected):
            self._store.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT t.*, {columns} FROM {table} AS t "
                f"LEFT JOIN _text AS x ON x._text_path = t.{self._path} ORDER BY t._row_id"
            )

    def _set_aside(self) -> None:
        among = f"{self._typed} AS t JOIN _text AS x ON x._text_path = t.{self._path} WHERE x._reason IS NOT NULL"
        message = f"{_PLACE} || x._says"
        if not self._report(among, "error", "x._reason", literal(self._texts.path), f"t.{self._path}", message):
            return
        rows = f"SELECT t._row_id, 'quarantined', x._reason, {message} FROM {among}"
        set_aside(self._store, self._name, self._spec.key, rows)

    def _report_unnamed(self) -> None:
        """Files that no row names, but those of the folders that hold other files."""
        others = tuple(f"{self._texts.folder}/{folder}/".casefold() for folder in self._texts.not_texts)
        rows = [
            (
                self._name, path, "unindexed_file", "warning",
                f"{path} is named by no row of {self._spec.file_name}, and is not loaded. Add a row for it, or remove the file.",
            )
            for path, _ in self._index.unnamed(self._named)
            if not path.casefold().startswith(others)
        ]  # fmt: skip
        if rows:
            columns = ["object", "file", "reason", "severity", "message"]
            self._store.insert("ops.issue", pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row"))

    def _report(self, among: str, severity: str, reason: str, column: str, value: str, message: str) -> int:
        count = int(self._store.value(f"SELECT count(*) FROM {among}"))
        if count:
            self._store.execute(
                'INSERT INTO ops.issue (object, row_id, key, file, "row", "column", value, reason, severity, message) '
                f"SELECT {literal(self._name)}, t._row_id, {self._key}, t._file, t._row, {column}, {value}, {reason}, "
                f"{literal(severity)}, {message} FROM {among} ORDER BY t._row_id"
            )
        return count
