"""What staged tables are made of, as one digest: everything before the load is a pure function of it."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import duckdb

from crm_pipeline.exports import Drop
from crm_pipeline.specs import Mapping


def inputs_of(drop: Drop, mapping: Mapping, resolutions: Path) -> str:
    """SHA-256 over the drop's files, the specs, people's decisions, and the versions of this package and of DuckDB.

    Of files beside the tables (attachments) path, size and time of change count.
    """
    digest = hashlib.sha256()
    for part in (drop.name, drop.fingerprint, mapping.hash, version("crm-pipeline"), duckdb.__version__):
        digest.update(f"{part}\0".encode())
    for layer in drop.layers:
        for file in sorted(path for path in layer.folder.rglob("*") if path.is_file()):
            found = file.stat()
            digest.update(f"{layer.name}/{file.relative_to(layer.folder)}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    digest.update(decisions_of(resolutions).encode())
    return digest.hexdigest()


def decisions_of(resolutions: Path) -> str:
    """SHA-256 over the files of people's decisions."""
    digest = hashlib.sha256()
    for file in sorted(resolutions.glob("*.csv")):
        digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()
