"""What staged tables are made of, as one digest: everything before the load is a pure function of it."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import duckdb

from crm_pipeline.exports import Drop
from crm_pipeline.exports.arrivals import listing_digest
from crm_pipeline.exports.object_files import label_of
from crm_pipeline.specs import Mapping


def inputs_of(drop: Drop, mapping: Mapping, resolutions: Path) -> str:
    """SHA-256 over the drop's files, the specs, people's decisions, and the versions of this package and of DuckDB.

    Of files beside the tables (attachments) path, size and time of change count.
    """
    digest = hashlib.sha256()
    for part in (drop.name, drop.fingerprint, mapping.hash, version("crm-pipeline"), duckdb.__version__):
        digest.update(f"{part}\0".encode())
    for layer in drop.layers:
        digest.update(f"{layer.name}\0{listing_digest(layer.folder)}\0".encode())
    digest.update(decisions_of(resolutions).encode())
    return digest.hexdigest()


def reading_of(drop: Drop, mapping: Mapping, name: str) -> str:
    """SHA-256 over what the accepted rows of one object are made of, before references and rules are applied, but for decisions.

    These are its own files in the drop and those below it, all files where its rows name some, the specs, and the versions. An object that another one's rows list is made of that one; one with custom fields also of their inventory.
    """
    spec = mapping.source.objects[name]
    digest = hashlib.sha256()
    for part in (mapping.hash, version("crm-pipeline"), duckdb.__version__, drop.time_zone, drop.date_order):
        digest.update(f"{part}\0".encode())
    for layer in (each for each in drop.layers if name in each.files):
        digest.update(f"{layer.manifest and layer.manifest.rows_of(name)}\0".encode())
        for file in layer.files[name]:
            digest.update(f"{label_of(drop, layer, file.name)}\0{file.part}\0{file.digest}\0".encode())
    for layer in drop.layers if spec.files is not None or spec.texts is not None else ():
        digest.update(f"{'' if layer is drop else layer.name}\0{listing_digest(layer.folder)}\0".encode())
    custom = mapping.source.custom_fields
    made_of = [spec.listed_in.object] if spec.listed_in is not None else []
    made_of += [custom.inventory] if custom is not None and name in custom.objects.values() and name != custom.inventory else []
    for other in made_of:
        digest.update(reading_of(drop, mapping, other).encode())
    return digest.hexdigest()


def decisions_of(resolutions: Path) -> str:
    """SHA-256 over the files of people's decisions."""
    digest = hashlib.sha256()
    for file in sorted(resolutions.glob("*.csv")):
        digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()
