"""Drops: delivered export folders, immutable once delivered.

A full drop holds everything; a delta holds what changed since, and a list of deleted records. A delta is read together
with what it is laid over: the newest full drop before it and the deltas between.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from crm_pipeline.exports.encodings import open_text
from crm_pipeline.exports.errors import DropNotFoundError, NoFullDropError
from crm_pipeline.exports.manifest import Manifest, csv_rows_of, read_manifest, sheet_rows_of
from crm_pipeline.exports.names import is_named, match_files
from crm_pipeline.exports.values import DateOrder
from crm_pipeline.specs import SourceSpec

#: The list of deleted records: with it a drop is a delta, unless the word full or delta in the folder's name decides.
DELETED = "deleted_records"
_KIND = re.compile(r"(?:^|[\W_])(delta|full)(?:[\W_]|$)", re.IGNORECASE)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class DropFile:
    """One file of an object; ``part`` counts from 1, ``digest`` is the SHA-256 of its content."""

    name: str
    path: Path
    part: int
    size: int
    digest: str


@dataclass(frozen=True)
class Drop:
    """An opened drop.

    Attributes:
        name: the folder's name.
        fingerprint: SHA-256 over names, sizes and contents of all files that were recognised.
        files: object → its files in part order; objects without a file are left out.
        unrecognised: names of files that belong to no object.
        manifest: ``None`` when there is none.
        deleted: the list of deleted records; only a delta has one.
        time_zone, date_order: the manifest's, else the spec's.
        below: the drops a delta is laid over, oldest first; see :func:`lay_over`.
    """

    name: str
    folder: Path
    fingerprint: str
    files: Mapping[str, tuple[DropFile, ...]]
    unrecognised: tuple[str, ...]
    manifest: Manifest | None
    deleted: Path | None
    time_zone: str
    date_order: DateOrder
    below: tuple[Drop, ...] = ()

    @property
    def is_delta(self) -> bool:
        """Whether the drop holds only what changed."""
        said = {word.casefold() for word in _KIND.findall(self.name)}
        return said == {"delta"} or (len(said) != 1 and self.deleted is not None)

    @property
    def layers(self) -> tuple[Drop, ...]:
        """The drops that are read together, oldest first."""
        return (*self.below, self)


def list_drops(root: Path) -> list[str]:
    """Names of the drops in ``root`` (``<data>/exports/<source>``), oldest first; none when the folder is missing."""
    if not root.is_dir():
        return []
    return sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def open_drop(spec: SourceSpec, folder: Path) -> Drop:
    """Recognise the files of one drop and read its manifest.

    Raises:
        DropNotFoundError: the folder is missing.
        ManifestError, UnreadableFileError: the manifest can't be used.
    """
    if not folder.is_dir():
        raise DropNotFoundError(folder)
    files: dict[str, list[DropFile]] = {}
    unrecognised: list[str] = []
    named: dict[str, Path] = {}
    digests: dict[Path, str] = {}
    manifest_path: Path | None = None
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "~$"))):
        found = match_files(spec, path.name)
        if found is not None:
            digests[path] = _digest(path)
            for name in found[0]:
                files.setdefault(name, []).append(DropFile(path.name, path, found[1], path.stat().st_size, digests[path]))
        elif spec.manifest and is_named(path.name, [spec.manifest.file], workbook=spec.manifest.sheet is not None):
            manifest_path = named[path.name] = path
        elif is_named(path.name, [DELETED], workbook=False):
            named[DELETED] = path
        else:
            unrecognised.append(path.name)
    ordered = {
        name: tuple(sorted(files[name], key=lambda file: (file.part, file.name)))
        for name in spec.objects
        if name in files
    }
    digests |= {path: _digest(path) for path in named.values()}
    manifest = _manifest(spec, manifest_path)
    return Drop(
        folder.name,
        folder,
        _fingerprint(digests),
        ordered,
        tuple(unrecognised),
        manifest,
        named.get(DELETED),
        (manifest and manifest.time_zone) or spec.time_zone,
        cast("DateOrder", (manifest and manifest.date_order) or spec.date_order),
    )


def open_with_base(spec: SourceSpec, root: Path, name: str) -> Drop:
    """Open a drop of ``root``, a delta with the newest full drop before it and the deltas between.

    Raises:
        DropNotFoundError: the folder is missing, or a delta has no full drop before it.
        ManifestError, UnreadableFileError: as :func:`open_drop`.
    """
    drop = open_drop(spec, root / name)
    layers: list[Drop] = [drop]
    if drop.is_delta:
        for earlier in reversed([each for each in list_drops(root) if each < name]):
            layers.insert(0, open_drop(spec, root / earlier))
            if not layers[0].is_delta:
                return lay_over(layers)
        raise NoFullDropError(root / name)
    return drop


def lay_over(layers: Sequence[Drop]) -> Drop:
    """The last of some drops together with those below it; the fingerprint is that of all of them.

    A delta whose manifest does not state the account's time zone or date format was exported as the drop below it.
    """
    whole = [layers[0]]
    for drop in layers[1:]:
        manifest, last = drop.manifest, whole[-1]
        zone = (manifest and manifest.time_zone) or last.time_zone
        whole.append(replace(drop, time_zone=zone, date_order=cast("DateOrder", (manifest and manifest.date_order) or last.date_order)))
    digest = hashlib.sha256("\n".join(each.fingerprint for each in layers).encode()).hexdigest()
    return replace(whole[-1], below=tuple(whole[:-1]), fingerprint=digest)


def _manifest(spec: SourceSpec, path: Path | None) -> Manifest | None:
    if path is None or spec.manifest is None:
        return None
    if spec.manifest.sheet is not None:
        return read_manifest(path.name, sheet_rows_of(path, spec.manifest, spec.footer), spec)
    with tempfile.TemporaryDirectory() as scratch:
        text = open_text(path, spec.fallback_encoding, Path(scratch))
        return read_manifest(path.name, csv_rows_of(text.path), spec)


def _digest(path: Path) -> str:
    content = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            content.update(chunk)
    return content.hexdigest()


def _fingerprint(digests: Mapping[Path, str]) -> str:
    whole = hashlib.sha256()
    for path, digest in sorted(digests.items()):
        whole.update(f"{path.name}\0{path.stat().st_size}\0{digest}\n".encode())
    return whole.hexdigest()
