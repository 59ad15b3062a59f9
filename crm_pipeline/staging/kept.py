"""Objects that need not be read again: their typed rows as they were before references and rules over all objects changed them.

A delta has files of some objects; the others are what they were. ``kept.<object>`` and ``kept.<object>__rejected`` are copies of
the typed tables as reading left them, made by whatever is about to change these (:func:`copy_as_read`), ``ops.kept_issue`` and
``ops.kept_fate`` what reading found. An object is kept from when all of it is written, and forgotten before it is read again, so
that a process that is killed leaves nothing half.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pydantic import TypeAdapter

from crm_pipeline.exports.object_files import FilesRead
from crm_pipeline.specs import ObjectSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

_FILES = TypeAdapter(FilesRead)
_FOUND = ("issue", "fate")


@dataclass(frozen=True)
class Kept:
    """What was read of one object."""

    object: str
    inputs: str
    spec: str
    files: FilesRead
    is_copied: bool


class KeptObjects:
    """The kept objects of a staging store.

    Objects that people decided about (values, rows) are not kept: decisions change what is read.
    """

    def __init__(self, store: StagingStore) -> None:
        self._store = store
        rows = store.rows("SELECT object, inputs, spec, files, is_copied FROM ops.kept_object")
        self._kept = {name: Kept(name, inputs, spec, _FILES.validate_json(files), copied) for name, inputs, spec, files, copied in rows}
        self._decided = {name for (name,) in store.rows("SELECT object FROM ops.value_decision UNION SELECT object FROM ops.row_decision")}

    def find(self, name: str, inputs: str) -> Kept | None:
        """What is kept of an object that is made of the same inputs; ``None`` when it must be read."""
        kept = self._kept.get(name)
        return kept if kept is not None and kept.inputs == inputs and name not in self._decided else None

    def forget(self, name: str) -> None:
        """Keep nothing of an object, which is about to be read."""
        if self._kept.pop(name, None) is not None:
            self._store.execute("DELETE FROM ops.kept_object WHERE object = ?", [name])

    def forget_all(self) -> None:
        """Keep nothing."""
        for name in list(self._kept):
            self.forget(name)

    def keep(self, name: str, inputs: str, spec: ObjectSpec, files: FilesRead) -> None:
        """Keep an object that was just typed."""
        if name in self._decided:
            return
        store = self._store
        with store.transaction():
            for _, copy in _tables(name):
                store.execute(f"DROP TABLE IF EXISTS {copy}")
            for found in _FOUND:
                _copy(store, f"ops.{found}", f"ops.kept_{found}", name)
            store.execute("INSERT INTO ops.kept_object VALUES (?, ?, ?, ?, FALSE)", [name, inputs, digest_of(spec), _FILES.dump_json(files).decode()])

    def restore(self, kept: Kept) -> None:
        """Have the typed tables, issues and fates of an object as reading had left them."""
        store = self._store
        with store.transaction():
            for table, copy in _tables(kept.object) if kept.is_copied else ():
                store.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {copy}")
            for found in _FOUND:
                _copy(store, f"ops.kept_{found}", f"ops.{found}", kept.object)


def copy_as_read(store: StagingStore, name: str) -> None:
    """Copy the typed tables of a kept object, unless that was done; to be called before they are changed after reading."""
    if store.value("SELECT NOT is_copied FROM ops.kept_object WHERE object = ?", [name]):
        for table, copy in _tables(name):
            store.execute(f"CREATE OR REPLACE TABLE {copy} AS SELECT * FROM {table}")
        store.execute("UPDATE ops.kept_object SET is_copied = TRUE WHERE object = ?", [name])


def digest_of(spec: ObjectSpec) -> str:
    """SHA-256 of how an object's columns are read, custom ones included."""
    return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()


def _tables(name: str) -> list[tuple[str, str]]:
    return [(quote(f"typed.{name}{suffix}"), quote(f"kept.{name}{suffix}")) for suffix in ("", "__rejected")]


def _copy(store: StagingStore, table: str, into: str, name: str) -> None:
    """Have an object's rows of one table in another one instead of those that are there."""
    where = f"WHERE object = {literal(name)}"
    store.execute(f"DELETE FROM {into} {where}; INSERT INTO {into} SELECT * FROM {table} {where}")
