"""The files that rows of an export stand for: which one is meant, whether it can be loaded, and its digests."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from crm_pipeline.exports.errors import UnreadableFileError
from crm_pipeline.exports.file_index import FileIndex, FileProblem, FoundFile, LayeredFileIndex
from crm_pipeline.exports.mime_types import HEAD, mime_of

CHUNK = 1 << 20
THREADS = min(4, os.cpu_count() or 1)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WEB_ADDRESS = re.compile(r"(?i:https?)://[^\s/?#\\]+(?:[/?#][^\x00-\x1f\x7f]*)?")

Role = Literal["path", "name", "url"]


@dataclass(frozen=True, slots=True)
class FileChoice:
    """What is loaded for a row: a file, a web address, or nothing.

    Attributes:
        role: the column the choice rests on, and ``problem`` is about.
        problem: why nothing is loaded; beside an address: why it is not the file.
    """

    role: Role
    file: FoundFile | None = None
    url: str | None = None
    problem: FileProblem | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """SHA-256 and SHA-1 (Odoo's checksum) of a file's bytes in hex, and its type where it can be told."""

    sha256: str
    sha1: str
    mime: str | None


def choose_file(index: FileIndex | LayeredFileIndex, path: str | None, name: str | None, url: str | None, max_bytes: int) -> FileChoice:
    """What a row's path, name and address lead to; blank ones are ``None``.

    A path counts before an address; the address takes its place only where the file is missing. The name is looked up
    where there is neither. An address in the path's column is an address.
    """
    if path is not None and _SCHEME.match(path):
        if url is None:
            return _checked_address("path", path)
        path = None
    if path is not None:
        found = find_loadable(index, path, max_bytes)
        if isinstance(found, FoundFile):
            return FileChoice("path", file=found)
        if found.reason == "file_missing" and url is not None and is_web_address(url):
            return FileChoice("path", url=url, problem=found)
        return FileChoice("path", problem=found)
    if url is not None:
        return _checked_address("url", url)
    if name is not None:
        found = _loadable(index.find_named(name), max_bytes)
        return FileChoice("name", file=found) if isinstance(found, FoundFile) else FileChoice("name", problem=found)
    return FileChoice("name", problem=FileProblem("no_file", "", "Name the file, or its web address."))


def is_web_address(url: str) -> bool:
    """Whether this is an http or https address with a host."""
    try:
        return _WEB_ADDRESS.fullmatch(url) is not None and bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _checked_address(role: Role, url: str) -> FileChoice:
    if is_web_address(url):
        return FileChoice(role, url=url)
    advice = "Correct the address, or add the file itself."
    return FileChoice(role, problem=FileProblem("url_not_http", "is no http or https address", advice))


def find_loadable(index: FileIndex | LayeredFileIndex, path: str, max_bytes: int) -> FoundFile | FileProblem:
    """The file of a stated path, if it can be read and is neither empty nor too large."""
    return _loadable(index.find(path), max_bytes)


def _loadable(found: FoundFile | FileProblem, max_bytes: int) -> FoundFile | FileProblem:
    if isinstance(found, FileProblem):
        return found
    if found.bytes == 0:
        return FileProblem("file_empty", "is a file of 0 bytes", "Export the file again.", (found,))
    if found.bytes > max_bytes:
        says = f"has {found.bytes} bytes, more than the {max_bytes} that can be loaded"
        advice = "Make it smaller, or put it where it can stay and give its web address."
        return FileProblem("file_too_large", says, advice, (found,))
    return found


def digest_files(root: Path, files: Iterable[FoundFile]) -> Iterator[tuple[FoundFile, Digest | UnreadableFileError]]:
    """Digests of several files, in their order, ``THREADS`` at a time; each is read once, ``CHUNK`` bytes at a time."""

    def attempt(file: FoundFile) -> Digest | UnreadableFileError:
        try:
            return digest_file(root, file)
        except UnreadableFileError as error:
            return error

    waiting = list(files)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="digest") as pool:
        yield from zip(waiting, pool.map(attempt, waiting), strict=True)


def digest_file(root: Path, file: FoundFile) -> Digest:
    """Read one file.

    Raises:
        UnreadableFileError: it can't be read, or is not as long as it was when it was found.
    """
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    head, size = b"", 0
    try:
        with (root / file.path).open("rb", buffering=0) as content:
            while chunk := content.read(CHUNK):
                head = head or chunk[:HEAD]
                size += len(chunk)
                sha256.update(chunk)
                sha1.update(chunk)
    except OSError as error:
        raise UnreadableFileError(file.path, error.strerror or str(error)) from error
    if size != file.bytes:
        raise UnreadableFileError(file.path, f"it changed from {file.bytes} to {size} bytes while it was read")
    return Digest(sha256.hexdigest(), sha1.hexdigest(), mime_of(file.path, head))
