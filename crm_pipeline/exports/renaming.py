"""Copies of an export's files under new names, with a list that leads back: the export itself is never changed.

The folder holds the renamed files and ``renamed_files.csv``, one line for each: old and new path, size, SHA-256 and why a
name is not exactly the one asked for. :func:`restore_files` makes the old tree of it again.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path, PurePosixPath

from crm_pipeline.exports.errors import ExportError
from crm_pipeline.exports.files import CHUNK

MANIFEST = "renamed_files.csv"


class RenamingError(ExportError):
    """Files can't be copied under their new names, or back."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True)
class Renaming:
    """One file: paths with '/' from the drop's folder and from the folder of the renamed files, its size and digest."""

    old_path: str
    new_path: str
    bytes: int
    sha256: str
    why: str = ""


def write_renamed(drop: Path, folder: Path, renamings: Iterable[Renaming]) -> bool:
    """Make ``folder`` hold exactly these files and their list; says whether anything had to be written.

    It is made beside and put in place as a whole, so that a run that is stopped leaves what was there.

    Raises:
        RenamingError: a path leads out of its folder, a file is not what it was when the export was read, or ``folder``
            holds something that is not ours.
    """
    wanted = list(renamings)
    if folder.exists():
        if not (folder / MANIFEST).is_file():
            raise RenamingError(folder, f"is there already and has no {MANIFEST}; move it away first")
        if read_manifest(folder) == wanted and not differing(folder):
            return False
    made = folder.with_name(f".{folder.name}.part")
    if made.exists():
        shutil.rmtree(made)
    made.mkdir(parents=True)
    for each in wanted:
        _copy(_inside(drop, each.old_path), _inside(made, each.new_path), each, "read the export again")
    with (made / MANIFEST).open("x", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow([field.name for field in fields(Renaming)])
        writer.writerows(astuple(each) for each in wanted)
    if folder.exists():
        shutil.rmtree(folder)
    made.rename(folder)
    return True


def read_manifest(folder: Path) -> list[Renaming]:
    """The list of a folder of renamed files.

    Raises:
        RenamingError: it is not there, or not as it was written.
    """
    file = folder / MANIFEST
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            return [
                Renaming(row["old_path"], row["new_path"], int(row["bytes"]), row["sha256"], row["why"])
                for row in csv.DictReader(opened, strict=True)
            ]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise RenamingError(file, f"can't be read as the list of renamed files ({error}); write them again") from error


def differing(folder: Path) -> list[dict[str, str]]:
    """What is wrong with a folder of renamed files: missing, changed and unknown ones; empty when all are the originals."""
    listed = read_manifest(folder)
    found = [{"file": each.new_path, "problem": problem} for each in listed if (problem := _flaw(folder, each))]
    known = {MANIFEST, *(each.new_path for each in listed)}
    return found + [{"file": path, "problem": "is not in the list"} for path in _files_below(folder) if path not in known]


def restore_files(folder: Path, into: Path) -> int:
    """Copy renamed files back under their old paths into a folder that is empty or not there; returns how many.

    Raises:
        RenamingError: ``into`` holds something, a file was changed, or a path of the list leads out of its folder.
    """
    if into.exists() and any(into.iterdir()):
        raise RenamingError(into, "is not empty; name another folder")
    listed = read_manifest(folder)
    for each in listed:
        _copy(_inside(folder, each.new_path), _inside(into, each.old_path), each, "write the renamed files again")
    return len(listed)


def _copy(source: Path, target: Path, renaming: Renaming, advice: str) -> None:
    """Copy one file, which must have the digest that is stated."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with source.open("rb") as old, target.open("xb") as new:
            while chunk := old.read(CHUNK):
                digest.update(chunk)
                new.write(chunk)
    except OSError as error:
        raise RenamingError(source, f"can't be copied to {target}: {error.strerror or error}") from error
    if digest.hexdigest() != renaming.sha256:
        raise RenamingError(source, f"is not what it was when it was listed; {advice}")


def _flaw(folder: Path, renaming: Renaming) -> str | None:
    file = _inside(folder, renaming.new_path)
    if not file.is_file():
        return "is missing"
    if file.stat().st_size != renaming.bytes:
        return "has another size than its original"
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return None if digest == renaming.sha256 else "is not its original any more"


def _inside(root: Path, stated: str) -> Path:
    """A path below ``root``; refused when it is absolute, has '..' in it or goes through a link to elsewhere."""
    path = PurePosixPath(stated)
    if not stated or path.is_absolute() or ".." in path.parts or "\\" in stated or ":" in path.parts[0][1:2]:
        raise RenamingError(stated, f"is no path below {root}")
    real = Path(os.path.realpath(root))
    if not Path(os.path.realpath(root / path)).is_relative_to(real):
        raise RenamingError(stated, f"leads out of {root} by a link")
    return root / path


def _files_below(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            yield (Path(place) / name).relative_to(folder).as_posix()
