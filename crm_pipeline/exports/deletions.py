"""The list of records that were deleted in the CRM since the drop before: part of a delta."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from crm_pipeline.exports.drops import Drop
from crm_pipeline.exports.encodings import open_text
from crm_pipeline.exports.errors import UnreadableFileError
from crm_pipeline.exports.headings import normalise_heading
from crm_pipeline.exports.manifest import csv_rows_of, object_named
from crm_pipeline.specs import SourceSpec

_COLUMNS = {"object": ("Object",), "key": ("Record ID", "ID"), "deleted_at": ("Deleted At",), "deleted_by": ("Deleted By",)}


@dataclass(frozen=True)
class Deletion:
    """One deleted record; texts as in the list.

    Attributes:
        object: the spec's object, ``None`` when it has none of that name.
        file, row: where the list says so.
    """

    object: str | None
    object_text: str
    key: str
    deleted_at: str
    deleted_by: str
    file: str
    row: int


def read_deletions(spec: SourceSpec, drop: Drop) -> list[Deletion]:
    """All deletions of a delta and of the deltas below it, in their order.

    Raises:
        UnreadableFileError: a list has not the headings Object and Record ID.
    """
    return [deletion for layer in drop.layers if layer.deleted is not None for deletion in _read(spec, layer.deleted, f"{layer.name}/")]


def _read(spec: SourceSpec, path: Path, prefix: str) -> list[Deletion]:
    with tempfile.TemporaryDirectory() as scratch:
        rows = csv_rows_of(open_text(path, spec.fallback_encoding, Path(scratch)).path)
    headings = [normalise_heading(text) for text in rows[0][1]] if rows else []
    places = {
        name: next((headings.index(normalise_heading(text)) for text in texts if normalise_heading(text) in headings), None)
        for name, texts in _COLUMNS.items()
    }
    if places["object"] is None or places["key"] is None:
        raise UnreadableFileError(prefix + path.name, "has no columns Object and Record ID. Export the list of deleted records again.")

    def cell(cells: list[str], name: str) -> str:
        place = places[name]
        return cells[place].strip() if place is not None and place < len(cells) else ""

    found = []
    for number, cells in rows[1:]:
        values = list(cells)
        if any(text.strip() for text in values):
            text, key = cell(values, "object"), cell(values, "key")
            at, by = cell(values, "deleted_at"), cell(values, "deleted_by")
            found.append(Deletion(object_named(spec, text), text, key, at, by, prefix + path.name, number))
    return found
