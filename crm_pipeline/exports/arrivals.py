"""Whether a drop has arrived whole: its manifest is there, and its files have stopped changing between two looks."""

from __future__ import annotations

import hashlib
from pathlib import Path

from crm_pipeline.exports.names import is_named
from crm_pipeline.specs import SourceSpec


def listing_digest(folder: Path) -> str:
    """SHA-256 over names, sizes and times of change of all files of a drop; no content is read."""
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        stat = path.stat()
        lines.append(f"{path.relative_to(folder)}\0{stat.st_size}\0{stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def has_manifest(spec: SourceSpec, folder: Path) -> bool:
    """Whether the list that says what belongs to the drop is there; a source without one needs none."""
    manifest = spec.manifest
    if manifest is None:
        return True
    return any(
        path.is_file() and is_named(path.name, [manifest.file], workbook=manifest.sheet is not None) for path in folder.iterdir()
    )
