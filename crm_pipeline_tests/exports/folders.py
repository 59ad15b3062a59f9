"""Small specs and real export folders for the tests of reading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crm_pipeline.exports import Drop, ExportAudit, open_drop, read_object
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore

MANIFEST = {
    "file": "export_manifest",
    "columns": {
        "object": ["Object"], "file": ["File"], "part": ["Part"], "parts": ["Parts"], "rows_in_file": ["Rows In File"],
        "records_in_ui": ["Records In UI"], "row_cap": ["Row Cap"], "exported_at": ["Exported At"],
        "time_zone": ["Time Zone"], "date_format": ["Date Format"],
    },
}  # fmt: skip

#: Three columns, of which only the key must be there.
THINGS: dict[str, Any] = {
    "label": "Thing",
    "file": "things",
    "key": "thing_id",
    "columns": {
        "thing_id": {"heading": "Thing ID", "type": "key", "required": True},
        "name": {"heading": "Name", "aliases": ["Title"]},
        "amount": {"heading": "Amount", "type": "money"},
    },
}


def source(objects: dict[str, Any] | None = None, **settings: Any) -> SourceSpec:
    """A source spec; one object 'things' unless told otherwise."""
    values: dict[str, Any] = {
        "source": "test", "label": "Test CRM", "time_zone": "Asia/Kolkata", "date_order": "dmy", "account_currency": "USD",
        "currency_symbols": {"$": "USD", "€": "EUR"}, "row_cap": 100, "manifest": MANIFEST,
        "objects": objects or {"things": THINGS},
    }  # fmt: skip
    return SourceSpec.model_validate(values | settings)


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files (text as UTF-8) into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def read(store: StagingStore, folder: Path, spec: SourceSpec | None = None, name: str = "things") -> ExportAudit:
    """Open a folder as a drop and read one object of it."""
    spec = spec or source()
    return read_object(store, spec, name, drop(folder, spec))


def drop(folder: Path, spec: SourceSpec | None = None) -> Drop:
    """Open a folder as a drop."""
    return open_drop(spec or source(), folder)


def raw_rows(
    store: StagingStore, columns: str = "thing_id, name, amount", name: str = "things"
) -> list[tuple[Any, ...]]:
    """Rows of a raw table in order."""
    return store.rows(f'SELECT {columns} FROM raw."{name}" ORDER BY _row_id')


def codes(problems: tuple[Any, ...]) -> list[str]:
    """The codes of problems."""
    return [problem.code for problem in problems]
