"""Files of an object's rows: found, judged and hashed, beside the typed columns (R-10).

``typed.<object>`` gets ``FILE_COLUMNS``: what is loaded (``file_kind``: 'binary' or 'url'), where it is (``file_source``:
the path from the drop folder exactly as on disk, or the web address), size, digests and type. Rows nothing can be loaded
for are set aside as other rejected rows are. Every different combination of path, name and address is looked up once,
every file is read once, and not again as long as size and time of change stay what ``ops.file_digest`` says.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_pipeline.exports import Drop, UnreadableFileError
from crm_pipeline.exports.file_index import FoundFile, LayeredFileIndex, unreadable
from crm_pipeline.exports.files import Digest, FileChoice, choose_file, digest_files
from crm_pipeline.exports.mime_types import types_agree
from crm_pipeline.specs import SourceSpec
from crm_pipeline.specs.source import FILE_COLUMNS, FilesSpec
from crm_pipeline.staging.aside import set_aside
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Combinations looked up, and files hashed, before the digests are kept: what a run that is stopped has to do again.
CHUNK = 2_000
#: Longest part of a value that is quoted in a message.
_SHOWN = 120
_ROLES = ("path", "name", "url")
_DIGESTS: dict[str, type[pl.DataType]] = {
    "drop": pl.String, "path": pl.String, "bytes": pl.Int64, "mtime_ns": pl.Int64, "sha256": pl.String,
    "sha1": pl.String, "mime": pl.String,
}  # fmt: skip
_CHOICES: dict[str, type[pl.DataType]] = {
    "number": pl.Int64, "file_kind": pl.String, "file_source": pl.String, "file_bytes": pl.Int64, "file_sha256": pl.String,
    "file_sha1": pl.String, "file_mime": pl.String, "reason": pl.String, "column": pl.String, "value": pl.String,
    "says": pl.String,
}  # fmt: skip
_ISSUE_COLUMNS = 'object, row_id, key, file, "row", "column", value, reason, severity, message'
_PLACE = "t._file || ', row ' || t._row || ': '"
_OF_DROP = '("drop", path) IN (SELECT unnest(CAST(? AS VARCHAR[])), unnest(CAST(? AS VARCHAR[])))'

#: Path → digests of its content, or why it can't be read.
Digests = dict[str, Digest | UnreadableFileError]


def attach_files(store: StagingStore, spec: SourceSpec, object_name: str, drop: Drop) -> None:
    """Find the file of every accepted row of an object; call it once, right after the object was typed.

    Does nothing for an object whose rows stand for no files.
    """
    files = spec.objects[object_name].files
    if files is not None:
        _Attachments(store, spec, object_name, files, drop).attach()


class _Attachments:
    """One object's rows and files while they are brought together."""

    def __init__(self, store: StagingStore, spec: SourceSpec, name: str, files: FilesSpec, drop: Drop) -> None:
        self._store, self._name, self._files, self._drop = store, name, files, drop
        self._spec = spec.objects[name]
        self._typed, self._rejected = quote(f"typed.{name}"), quote(f"typed.{name}__rejected")
        self._key = f"CAST(t.{quote(self._spec.key)} AS VARCHAR)"
        self._index = LayeredFileIndex([layer.folder for layer in drop.layers], files.folder)
        self._named: set[str] = set()

    def attach(self) -> None:
        self._collect()
        for first in range(1, int(self._store.value("SELECT count(*) FROM _stated")) + 1, CHUNK):
            self._choose(first)
        with self._store.transaction():
            self._add_columns()
            self._warn_of_addresses()
            self._warn_of_sizes()
            self._warn_of_types()
            self._set_aside()
            self._report_unnamed()
        for table in ("_stated", "_row_choice", "_choice"):
            self._store.execute(f"DROP TABLE {table}")

    # -- from rows to files ------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        """``_stated``: every combination of path, address and, without both, name; ``_row_choice``: which one a typed row has."""
        texts = {
            role: f"CAST({quote(column)} AS VARCHAR)" if column else "NULL::VARCHAR"
            for role, column in ((role, self._files.columns.get(role)) for role in _ROLES)
        }
        texts["name"] = f"CASE WHEN {texts['path']} IS NULL AND {texts['url']} IS NULL THEN {texts['name']} END"
        stated = ", ".join(f"{text} AS {role}" for role, text in texts.items())
        self._store.execute(f"""
            CREATE OR REPLACE TEMP TABLE _stated AS
            SELECT row_number() OVER (ORDER BY first_row) AS number, path, name, url, accepted FROM (
                SELECT path, name, url, bool_or(accepted) AS accepted, min(_row_id) AS first_row FROM (
                    SELECT _row_id, {stated}, TRUE AS accepted FROM {self._typed}
                    UNION ALL SELECT _row_id, {stated}, FALSE FROM {self._rejected}
                ) GROUP BY ALL
            )
        """)
        same = " AND ".join(f"s.{role} IS NOT DISTINCT FROM t.{role}" for role in _ROLES)
        self._store.execute(f"""
            CREATE OR REPLACE TEMP TABLE _row_choice AS
            SELECT t._row_id, s.number FROM (SELECT _row_id, {stated} FROM {self._typed}) AS t JOIN _stated AS s ON {same}
        """)
        types: dict[type[pl.DataType], str] = {pl.Int64: "BIGINT", pl.String: "VARCHAR"}
        listed = ", ".join(f"{quote(name)} {types[dtype]}" for name, dtype in _CHOICES.items())
        self._store.execute(f"CREATE OR REPLACE TEMP TABLE _choice ({listed})")

    def _choose(self, first: int) -> None:
        """Choices for the next combinations, into ``_choice``."""
        stated = self._store.rows(
            "SELECT number, path, name, url, accepted FROM _stated WHERE number BETWEEN ? AND ? ORDER BY number",
            [first, first + CHUNK - 1],
        )
        chosen: list[tuple[int, dict[str, str | None], FileChoice]] = []
        for number, path, name, url, accepted in stated:
            choice = choose_file(self._index, path, name, url, self._files.max_bytes)
            meant = choice.problem.files if choice.problem else ()
            self._named.update(file.path for file in (choice.file, *meant) if file)
            if accepted:
                chosen.append((number, {"path": path, "name": name, "url": url}, choice))
        if not chosen:
            return
        digests = self._digests({choice.file.path: choice.file for _, _, choice in chosen if choice.file})
        rows = [self._row(number, values, choice, digests) for number, values, choice in chosen]
        self._store.insert("_choice", pl.DataFrame(rows, schema=_CHOICES, orient="row"))

    def _row(self, number: int, values: dict[str, str | None], choice: FileChoice, digests: Digests) -> tuple[Any, ...]:
        """One row of ``_choice``."""
        problem, file = choice.problem, choice.file
        digest = digests[file.path] if file else None
        if file and isinstance(digest, Digest):
            return (number, "binary", file.path, file.bytes, digest.sha256, digest.sha1, digest.mime, *[None] * 4)
        if file and isinstance(digest, UnreadableFileError):
            problem = unreadable(file, digest.reason)
        address = ("url" if choice.url else None, choice.url, *[None] * 4)
        if problem is None:
            return (number, *address, *[None] * 4)
        column, value = self._files.columns[choice.role], values[choice.role]
        holds = "is blank, and nothing else names a file"
        if value is not None:
            holds = f"holds '{_short(value)}', which {problem.says}"
        outcome = "the web address is loaded instead" if choice.url else "the row is set aside"
        reason = "file_missing_url_kept" if choice.url else problem.reason
        says = f"{self._column(column)} {holds}; {outcome}. {problem.advice}"
        return (number, *address, reason, column, value, says)

    def _digests(self, files: dict[str, FoundFile]) -> Digests:
        """Digests by path: those kept for the file as it is, the others read now and kept."""
        places = {path: self._place(path) for path in files}
        by_place = {place: path for path, place in places.items()}
        known = self._store.rows(
            f"""SELECT "drop", path, bytes, mtime_ns, sha256, sha1, mime FROM ops.file_digest WHERE {_OF_DROP}""",
            [[drop for drop, _ in by_place], [path for _, path in by_place]],
        )
        found: Digests = {}
        for drop, path, size, changed, *digest in known:
            file = files.get(by_place.get((drop, path), ""))
            if file is not None and (size, changed) == (file.bytes, file.mtime_ns):
                found[file.path] = Digest(*digest)
        new = []
        for file, digest_ in digest_files(self._index.root, [file for path, file in files.items() if path not in found]):
            found[file.path] = digest_
            if isinstance(digest_, Digest):
                new.append((*places[file.path], file.bytes, file.mtime_ns, digest_.sha256, digest_.sha1, digest_.mime))
        if new:
            with self._store.transaction():
                self._store.execute(
                    f"DELETE FROM ops.file_digest WHERE {_OF_DROP}", [[row[0] for row in new], [row[1] for row in new]]
                )
                self._store.insert("ops.file_digest", pl.DataFrame(new, schema=_DIGESTS, orient="row"))
        return found

    def _place(self, path: str) -> tuple[str, str]:
        """The drop a file lies in and its path from there, which are the same whatever is laid over it."""
        if path.startswith("../"):
            _, drop, inside = path.split("/", 2)
            return drop, inside
        return self._drop.name, path

    # -- what becomes of the rows ------------------------------------------------------------------------------------

    def _add_columns(self) -> None:
        columns = ", ".join(f"CAST(c.{name} AS {dtype}) AS {name}" for name, dtype in FILE_COLUMNS.items())
        self._store.execute(
            f"CREATE OR REPLACE TABLE {self._typed} AS SELECT t.*, {columns} FROM {self._typed} AS t "
            "LEFT JOIN _row_choice USING (_row_id) LEFT JOIN _choice AS c USING (number) ORDER BY t._row_id"
        )
        for name, dtype in FILE_COLUMNS.items():
            self._store.execute(f"ALTER TABLE {self._rejected} ADD COLUMN {name} {dtype}")

    def _warn_of_addresses(self) -> None:
        among = f"{self._chosen} WHERE c.reason = 'file_missing_url_kept'"
        self._report(among, "warning", "c.reason", "c.column", "c.value", f"{_PLACE} || c.says")

    def _warn_of_sizes(self) -> None:
        column = self._files.size
        if column is None:
            return
        stated = f"TRY_CAST(t.{quote(column)} AS BIGINT)"
        subject = literal(f"{self._column(column)} states ")
        says = (
            f"{_PLACE} || {subject} || {stated} || ' bytes, but ''' || t.file_source || ''' has ' || t.file_bytes || "
            "'. Check that the file is the right one and complete.'"
        )
        among = f"{self._typed} AS t WHERE t.file_bytes <> {stated}"
        self._report(among, "warning", "'file_size_differs'", literal(column), f"CAST({stated} AS VARCHAR)", says)

    def _warn_of_types(self) -> None:
        column = self._files.mime
        if column is None:
            return
        stated = f"CAST(t.{quote(column)} AS VARCHAR)"
        pairs = self._store.rows(
            f"SELECT DISTINCT {stated}, t.file_mime FROM {self._typed} AS t WHERE {stated} <> t.file_mime"
        )
        differing = [(mime, found) for mime, found in pairs if not types_agree(mime, found)]
        if not differing:
            return
        listed = ", ".join(f"({literal(mime)}, {literal(found)})" for mime, found in differing)
        subject = literal(f"{self._column(column)} states '")
        says = (
            f"{_PLACE} || {subject} || {stated} || ''', but ''' || t.file_source || ''' looks like ' || t.file_mime || "
            "'. Check that the file is the right one.'"
        )
        among = f"{self._typed} AS t WHERE ({stated}, t.file_mime) IN ({listed})"
        self._report(among, "warning", "'mime_type_differs'", literal(column), stated, says)

    def _set_aside(self) -> None:
        """Rows nothing can be loaded for, out of the typed table with an issue and a fate."""
        among = f"{self._chosen} WHERE c.file_kind IS NULL"
        message = f"{_PLACE} || c.says"
        if not self._report(among, "error", "c.reason", "c.column", "c.value", message):
            return
        rows = f"SELECT t._row_id, 'quarantined', c.reason, {message} FROM {among}"
        set_aside(self._store, self._name, self._spec.key, rows)

    def _report_unnamed(self) -> None:
        """Files that no row names; rows that were set aside count as well."""
        table = self._spec.file_name
        rows = [
            (self._name, path, "unindexed_file", "warning", _unnamed_message(path, file, table))
            for path, file in self._index.unnamed(self._named)
        ]
        if rows:
            columns = ["object", "file", "reason", "severity", "message"]
            self._store.insert("ops.issue", pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row"))

    @property
    def _chosen(self) -> str:
        return f"{self._typed} AS t JOIN _row_choice USING (_row_id) JOIN _choice AS c USING (number)"

    def _report(self, among: str, severity: str, reason: str, column: str, value: str, message: str) -> int:
        """Issues for the rows of ``among``, and how many these are; all but the severity is SQL."""
        count = int(self._store.value(f"SELECT count(*) FROM {among}"))
        if count:
            self._store.execute(
                f"INSERT INTO ops.issue ({_ISSUE_COLUMNS}) SELECT {literal(self._name)}, t._row_id, {self._key}, t._file, "
                f"t._row, {column}, {value}, {reason}, {literal(severity)}, {message} FROM {among} ORDER BY t._row_id"
            )
        return count

    def _column(self, name: str) -> str:
        return f"column '{self._spec.columns[name].heading if name in self._spec.columns else name}'"


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"


def _unnamed_message(path: str, file: FoundFile, table: str) -> str:
    flaw = f" ({file.detail})" if file.detail else ""
    return f"{path}{flaw} is named by no row of {table}, and is not loaded. Add a row for it, or remove the file."
