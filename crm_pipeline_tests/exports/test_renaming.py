"""Files under new names: copied, listed, proven, and brought back; the export stays as it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from crm_pipeline.exports.renaming import (
    MANIFEST,
    Renaming,
    RenamingError,
    differing,
    read_manifest,
    restore_files,
    write_renamed,
)

CONTENTS = {"documents/a.pdf": b"first", "documents/Größe.txt": b"second"}


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        file = tmp_path / "drop" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "drop"


def renaming(old: str, new: str, why: str = "") -> Renaming:
    content = CONTENTS.get(old, b"")
    return Renaming(old, new, len(content), hashlib.sha256(content).hexdigest(), why)


PLAN = [renaming("documents/a.pdf", "Sales/ACC1__a.pdf"), renaming("documents/Größe.txt", "ACC2__Größe.txt", "a reason, with a comma")]


def test_they_are_written_listed_and_brought_back(drop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "renamed" / "documents"
    before = {file: file.stat().st_mtime_ns for file in drop.rglob("*")}
    assert write_renamed(drop, folder, PLAN)
    assert (folder / "Sales" / "ACC1__a.pdf").read_bytes() == b"first"
    assert read_manifest(folder) == PLAN
    assert differing(folder) == []
    assert restore_files(folder, tmp_path / "back") == 2
    assert {name: (tmp_path / "back" / name).read_bytes() for name in CONTENTS} == CONTENTS
    assert {file: file.stat().st_mtime_ns for file in drop.rglob("*")} == before, "the export is never touched"


def test_writing_them_again_changes_nothing_and_repairs_what_was_changed(drop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    write_renamed(drop, folder, PLAN)
    assert not write_renamed(drop, folder, PLAN)
    (folder / "ACC2__Größe.txt").write_bytes(b"SECOND")
    (folder / "extra.txt").write_bytes(b"")
    (folder / "Sales" / "ACC1__a.pdf").unlink()
    assert {(each["file"], each["problem"]) for each in differing(folder)} == {
        ("ACC2__Größe.txt", "is not its original any more"), ("extra.txt", "is not in the list"), ("Sales/ACC1__a.pdf", "is missing"),
    }  # fmt: skip
    assert write_renamed(drop, folder, PLAN)
    assert differing(folder) == []


@pytest.mark.parametrize("path", ["../out.pdf", "/out.pdf", "a/../../out.pdf", "C:/out.pdf", "a\\b.pdf", ""])
def test_a_path_that_leads_out_is_refused_on_both_ways(drop: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(RenamingError, match="no path below"):
        write_renamed(drop, tmp_path / "renamed", [renaming("documents/a.pdf", path)])
    with pytest.raises(RenamingError, match="no path below"):
        write_renamed(drop, tmp_path / "renamed", [renaming(path, "a.pdf")])
    assert not (tmp_path / "renamed").exists()


def test_a_link_to_elsewhere_is_not_followed(drop: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"first")
    (drop / "documents" / "link.pdf").symlink_to(tmp_path / "secret.txt")
    content = renaming("documents/a.pdf", "x.pdf")
    linked = Renaming("documents/link.pdf", "x.pdf", content.bytes, content.sha256)
    with pytest.raises(RenamingError, match="by a link"):
        write_renamed(drop, tmp_path / "renamed", [linked])


def test_an_export_that_changed_is_refused_and_what_was_there_stays(drop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    write_renamed(drop, folder, PLAN)
    (drop / "documents" / "a.pdf").write_bytes(b"other")
    with pytest.raises(RenamingError, match="read the export again"):
        write_renamed(drop, folder, [*PLAN, renaming("documents/a.pdf", "b.pdf")])
    assert differing(folder) == []


def test_a_folder_of_somebody_else_is_left_alone(drop: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(RenamingError, match="move it away"):
        write_renamed(drop, tmp_path / "mine", PLAN)
    with pytest.raises(RenamingError, match="is not empty"):
        restore_files(tmp_path / "mine", tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text(encoding="utf-8") == "dear"


def test_changed_files_and_lists_are_not_brought_back(drop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    write_renamed(drop, folder, PLAN)
    (folder / "Sales" / "ACC1__a.pdf").write_bytes(b"other")
    with pytest.raises(RenamingError, match="is not what it was"):
        restore_files(folder, tmp_path / "back")
    (folder / MANIFEST).write_text("old,new\n1,2\n", encoding="utf-8")
    with pytest.raises(RenamingError, match="can't be read as the list"):
        restore_files(folder, tmp_path / "again")
