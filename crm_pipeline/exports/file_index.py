"""All files below a drop folder, and finding the one a row means (R-10).

Names are compared in NFC, because macOS writes them in NFD; then without case, where that leaves exactly one. A stated
path is only ever looked up here, never joined to a folder and opened, so no path of an export can lead out of it.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

#: What systems leave in folders; nobody means these as attachments.
_LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini"})
_DRIVE = re.compile(r"[A-Za-z]:(?:/|$)")
#: Links through links at most; a ring of them ends here.
_HOPS = 40

Reason = Literal[
    "file_missing",
    "file_empty",
    "file_outside_folder",
    "file_too_large",
    "file_ambiguous",
    "file_unreadable",
    "url_not_http",
    "no_file",
]

Flaw = Literal["file_outside_folder", "file_unreadable"]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file on disk.

    Attributes:
        path: from the drop folder, exactly as on disk, with '/'; for a link inside the drop that of the file it leads to.
        flaw: why it must not or can't be read; its content is never touched then.
        detail: the flaw in words.
    """

    path: str
    bytes: int = 0
    mtime_ns: int = 0
    flaw: Flaw | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Why a row has no file that can be loaded.

    Attributes:
        says: what is wrong, after 'column X holds Y, which …'.
        advice: what to do, a sentence.
        files: the files that were meant nevertheless.
    """

    reason: Reason
    says: str
    advice: str
    files: tuple[FoundFile, ...] = ()


class FileIndex:
    """The files below ``root``; ``folder`` is the one that holds what the rows name.

    Args:
        root: the drop folder; a missing one has no files.
        folder: path from there.
    """

    def __init__(self, root: Path, folder: str) -> None:
        self.root, self.folder = root, folder
        self._real = os.path.realpath(root)
        self._prefix = _fold(folder) + "/"
        self._entries: list[tuple[str, FoundFile]] = []
        self._paths, self._names = _Lookup(), _Lookup()
        self._folder_links: dict[str, str] = {}
        self._closed: dict[str, FoundFile] = {}
        waiting = [""] if root.is_dir() else []
        while waiting:
            waiting += self._list(waiting.pop())

    def find(self, stated: str) -> FoundFile | FileProblem:
        """The file of a stated path: from the drop folder, else from ``folder``."""
        parts = _inner_parts(stated)
        if parts is None:
            return self._outside()
        keys = ["/".join(parts), "/".join([self.folder, *parts])]
        reached = [self._behind_links(unicodedata.normalize("NFC", key)) for key in keys]
        for table, normal in ((self._paths.exact, str), (self._paths.folded, _fold)):
            for key, wanted in zip(reached, keys, strict=True):
                if hits := table.get(normal(key)):
                    return self._only(hits, wanted)
        for key in reached:
            if closed := self._closed_above(key):
                return self._usable(closed)
        return FileProblem(
            "file_missing",
            "names no file of the export",
            f"Add the file to the folder {self.folder}, or correct the path.",
        )

    def find_named(self, name: str) -> FoundFile | FileProblem:
        """The only file of a name anywhere below ``folder``; a name with a separator in it is a path."""
        if "/" in name or "\\" in name:
            return self.find(name)
        normal = unicodedata.normalize("NFC", name)
        if hits := self._names.exact.get(normal) or self._names.folded.get(_fold(normal)):
            return self._only(hits, name)
        return FileProblem(
            "file_missing", f"names no file in the folder {self.folder}", "Add the file, or correct the name."
        )

    def unnamed(self, named: Iterable[str]) -> Iterator[tuple[str, FoundFile]]:
        """(path, file) of what lies below ``folder`` and is not among the paths ``named``, in order of the paths."""
        known = set(named)
        for path, file in sorted(self._entries, key=lambda entry: entry[0]):
            key = _fold(_key(path))
            inside = key.removeprefix(self._prefix)
            if inside != key and file.path not in known and not _is_left_behind(inside):
                yield path, file

    # -- making the index --------------------------------------------------------------------------------------------

    def _list(self, folder: str) -> list[str]:
        """Take in the entries of one folder (path from the root, ending with '/'), and return its folders."""
        try:
            with os.scandir(self.root / folder) as listing:
                entries = list(listing)
        except OSError as error:
            self._close(folder.rstrip("/"), "file_unreadable", error.strerror or str(error))
            return []
        inner = []
        for entry in entries:
            path = folder + entry.name
            if entry.is_symlink():
                self._take_link(path)
            elif entry.is_dir(follow_symlinks=False):
                inner.append(path + "/")
            else:
                self._take(path, _inspected(path, Path(entry.path)))
        return inner

    def _take(self, path: str, file: FoundFile) -> None:
        shown = _shown(path)
        key = _key(shown)
        self._entries.append((shown, file))
        self._paths.add(key, file)
        if _fold(key).startswith(self._prefix):
            self._names.add(key.rpartition("/")[2], file)

    def _take_link(self, path: str) -> None:
        """A link to a file or folder inside the drop stands for it; one that leads out is listed and never followed."""
        real = os.path.realpath(self.root / path)
        if real != self._real and not real.startswith(self._real.rstrip(os.sep) + os.sep):
            self._close(path, "file_outside_folder", "it is a link that leads out of the drop")
            return
        target = os.path.relpath(real, self._real).replace(os.sep, "/")
        if Path(real).is_dir():
            self._folder_links[_key(_shown(path))] = "" if target == "." else _key(_shown(target))
        elif Path(real).exists():
            self._take(path, _inspected(target, Path(real)))

    def _close(self, path: str, flaw: Flaw, detail: str) -> None:
        """List what is not entered, and remember that nothing below it can be had."""
        file = FoundFile(_shown(path), flaw=flaw, detail=detail)
        self._take(path, file)
        self._closed[_key(_shown(path))] = file

    # -- looking up --------------------------------------------------------------------------------------------------

    def _behind_links(self, key: str) -> str:
        for _ in range(_HOPS if self._folder_links else 0):
            link = next((above for above in _above(key) if above in self._folder_links), None)
            if link is None:
                break
            key = f"{self._folder_links[link]}/{key[len(link) + 1 :]}".lstrip("/")
        return key

    def _closed_above(self, key: str) -> FoundFile | None:
        return next((self._closed[above] for above in _above(key) if above in self._closed), None)

    def _only(self, hits: list[FoundFile], wanted: str) -> FoundFile | FileProblem:
        files = {hit.path: hit for hit in hits}
        if len(files) == 1 or wanted in files:
            return self._usable(files.get(wanted) or hits[0])
        listed = ", ".join(f"'{path}'" for path in sorted(files)[:3]) + (" and more" if len(files) > 3 else "")
        return FileProblem(
            "file_ambiguous", f"may be any of {len(files)} files: {listed}", "Give the path of one of them.",
            tuple(files.values()),
        )  # fmt: skip

    def _usable(self, file: FoundFile) -> FoundFile | FileProblem:
        if file.flaw is None:
            return file
        return unreadable(file, file.detail) if file.flaw == "file_unreadable" else self._outside(file)

    def _outside(self, *files: FoundFile) -> FileProblem:
        return FileProblem(
            "file_outside_folder",
            "leads out of the export's folder",
            f"Put the file into the folder {self.folder}, and correct the path.",
            files,
        )


class LayeredFileIndex:
    """The files of a delta and of the drops it is laid over: the newest drop that has what is looked for counts.

    Paths of files in drops below are told from the newest drop's folder, as ``../<drop>/<path>``.

    Args:
        roots: the drop folders, oldest first.
        folder: path from each, as of :class:`FileIndex`.
    """

    def __init__(self, roots: Sequence[Path], folder: str) -> None:
        self.root = roots[-1]
        self._layers = [("", FileIndex(roots[-1], folder))]
        self._layers += [(f"../{root.name}/", FileIndex(root, folder)) for root in reversed(roots[:-1])]

    def find(self, stated: str) -> FoundFile | FileProblem:
        """As :meth:`FileIndex.find`."""
        return self._first(lambda index: index.find(stated))

    def find_named(self, name: str) -> FoundFile | FileProblem:
        """As :meth:`FileIndex.find_named`."""
        return self._first(lambda index: index.find_named(name))

    def unnamed(self, named: Iterable[str]) -> Iterator[tuple[str, FoundFile]]:
        """As :meth:`FileIndex.unnamed`, of all drops."""
        named = list(named)
        for prefix, index in self._layers:
            inside = [path.removeprefix(prefix) for path in named if path.startswith(prefix)]
            for path, file in index.unnamed(inside):
                yield prefix + path, replace(file, path=prefix + file.path)

    def _first(self, find: Callable[[FileIndex], FoundFile | FileProblem]) -> FoundFile | FileProblem:
        problem: FileProblem | None = None
        for prefix, index in self._layers:
            found = find(index)
            if isinstance(found, FoundFile):
                return replace(found, path=prefix + found.path)
            if found.reason != "file_missing":
                return replace(found, files=tuple(replace(file, path=prefix + file.path) for file in found.files))
            problem = problem or found
        if problem is None:
            raise AssertionError
        return problem


class _Lookup:
    """Files by text in NFC, and by the same without case."""

    def __init__(self) -> None:
        self.exact: dict[str, list[FoundFile]] = defaultdict(list)
        self.folded: dict[str, list[FoundFile]] = defaultdict(list)

    def add(self, key: str, file: FoundFile) -> None:
        self.exact[key].append(file)
        self.folded[_fold(key)].append(file)


def unreadable(file: FoundFile, why: str) -> FileProblem:
    """The problem of a file that is there and can't be read."""
    return FileProblem("file_unreadable", f"can't be read ({why})", "Correct the file, or export it again.", (file,))


def _inspected(path: str, place: Path) -> FoundFile:
    """What is on disk at ``place``, which ``path`` leads to from the drop folder."""
    shown = _shown(path)
    try:
        status = place.stat()
    except OSError as error:
        return FoundFile(shown, 0, 0, "file_unreadable", error.strerror or str(error))
    if not stat.S_ISREG(status.st_mode):
        return FoundFile(shown, 0, 0, "file_unreadable", "it is no regular file")
    if shown != path:
        return FoundFile(shown, status.st_size, status.st_mtime_ns, "file_unreadable", "its name is not UTF-8")
    return FoundFile(shown, status.st_size, status.st_mtime_ns)


def _shown(path: str) -> str:
    r"""A path as text; bytes of a name that are not UTF-8 as ``\xf6``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _key(path: str) -> str:
    r"""What a path on disk is looked up by; unpacking a Windows archive can leave ``folder\name`` as one name."""
    return unicodedata.normalize("NFC", path.replace("\\", "/"))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _above(key: str) -> Iterator[str]:
    """'a', 'a/b', 'a/b/c' of 'a/b/c'."""
    parts = key.split("/")
    return ("/".join(parts[:length]) for length in range(1, len(parts) + 1))


def _inner_parts(stated: str) -> list[str] | None:
    """The parts of a relative path, without '.' and '..'; ``None`` when it is absolute or leads out."""
    text = stated.replace("\\", "/")
    if text.startswith("/") or _DRIVE.match(text):
        return None
    parts: list[str] = []
    for part in text.split("/"):
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return parts


def _is_left_behind(key: str) -> bool:
    parts = key.split("/")
    return any(part.startswith(".") for part in parts) or parts[-1] in _LEFT_BEHIND
