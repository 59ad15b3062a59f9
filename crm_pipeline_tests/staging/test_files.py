"""Rows that stand for files: real drops with real files, and what becomes of each row and each file."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from crm_pipeline.exports import open_drop, read_object
from crm_pipeline.exports.files import choose_file, digest_files
from crm_pipeline.specs import SourceSpec
from crm_pipeline.specs.source import FILE_COLUMNS
from crm_pipeline.staging import files as staging_files
from crm_pipeline.staging.files import attach_files
from crm_pipeline.staging.references import check_references
from crm_pipeline.staging.schemas import validate_typed
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.staging.typed import type_object
from crm_pipeline_tests.exports.folders import THINGS, source
from crm_pipeline_tests.small_export import write_csv
from crm_pipeline_tests.staging.accounting import accounting
from crm_pipeline_tests.staging.typed_rows import accepted, fates, issues

FILES = {
    "folder": "attachments",
    "path": "path",
    "name": "name",
    "url": "url",
    "size": "size",
    "mime": "mime",
    "max_bytes": 20,
}
ATTACHMENTS: dict[str, Any] = {
    "label": "Attachment", "file": "attachments", "key": "id", "files": FILES,
    "columns": {
        "id": {"heading": "ID", "type": "key", "required": True}, "thing": {"heading": "Thing", "type": "key"},
        "name": {"heading": "File Name"}, "path": {"heading": "File Path"}, "url": {"heading": "File URL"},
        "size": {"heading": "Size", "type": "int"}, "mime": {"heading": "MIME"},
    },
    "references": [{"column": "thing", "to": "things"}],
}  # fmt: skip
SPEC = source({"things": THINGS, "attachments": ATTACHMENTS})
WEB = "https://files.example.org/1"
NFC = "Größe 会議.txt"
NFD = unicodedata.normalize("NFD", NFC)
#: The folder of a drop, so that every test stages one of the same name.
DROP = "drop"


def row(key: str, path: str = "", name: str = "", url: str = "", **more: str) -> dict[str, str]:
    return {"ID": key, "File Path": path, "File Name": name, "File URL": url} | more


def lay_out(folder: Path, rows: list[dict[str, str]], files: Mapping[str, bytes]) -> Path:
    """Write a drop: attachments.csv and the files below attachments/."""
    drop = folder / DROP
    drop.mkdir(parents=True, exist_ok=True)
    if rows:
        write_csv(drop / "attachments.csv", rows)
    for path, content in files.items():
        (drop / "attachments" / path).parent.mkdir(parents=True, exist_ok=True)
        (drop / "attachments" / path).write_bytes(content)
    return drop


def stage(store: StagingStore, folder: Path, spec: SourceSpec = SPEC) -> None:
    drop = open_drop(spec, folder)
    for name in spec.objects:
        type_object(store, spec, name, read_object(store, spec, name, drop))
        attach_files(store, spec, name, drop)
    assert validate_typed(store, spec, "attachments").is_empty()
    assert accounting(store, spec)["balanced"].all()
    assert store.columns("typed.attachments") == store.columns("typed.attachments__rejected")


def messages(store: StagingStore, reason: str) -> list[str]:
    return [m for (m,) in store.rows("SELECT message FROM ops.issue WHERE reason = ? ORDER BY row_id, file", [reason])]


def unindexed(store: StagingStore) -> list[tuple[Any, ...]]:
    sql = "SELECT row_id, key, file, severity FROM ops.issue WHERE reason = 'unindexed_file' ORDER BY file"
    return store.rows(sql)


def test_files_are_found_and_hashed(store: StagingStore, tmp_path: Path) -> None:
    content = "Größe".encode()
    rows = [
        row("A1", f"attachments/{NFC}", Size=str(len(content)), MIME="text/plain"),
        row("A2", name="one.pdf"),
        row("A3", url=WEB),
    ]
    stage(store, lay_out(tmp_path, rows, {NFD: content, "sub/one.pdf": b"%PDF-1.7"}))
    sha256, sha1 = hashlib.sha256(content).hexdigest(), hashlib.sha1(content).hexdigest()  # noqa: S324
    first, second, third = accepted(store, "attachments", ", ".join(["id", *FILE_COLUMNS]))
    assert first == ("A1", "binary", f"attachments/{NFD}", len(content), sha256, sha1, "text/plain")
    assert second[:4] == ("A2", "binary", "attachments/sub/one.pdf", 8)
    assert third == ("A3", "url", WEB, None, None, None, None)
    assert issues(store, "attachments") == fates(store, "attachments") == []


@pytest.mark.parametrize(
    ("given", "reason", "column", "says"),
    [
        (row("A1", "attachments/lost.pdf"), "file_missing", "path",
         ("column 'File Path' holds 'attachments/lost.pdf', which names no file of the export; the row is set aside. "
         "Add the file to the folder attachments, or correct the path.")),
        (row("A1", name="lost.pdf"), "file_missing", "name",
         ("column 'File Name' holds 'lost.pdf', which names no file in the folder attachments; the row is set aside. "
         "Add the file, or correct the name.")),
        (row("A1", "empty.txt", Size="0"), "file_empty", "path",
         "column 'File Path' holds 'empty.txt', which is a file of 0 bytes; the row is set aside. Export the file again."),
        (row("A1", "long.txt"), "file_too_large", "path",
         ("column 'File Path' holds 'long.txt', which has 21 bytes, more than the 20 that can be loaded; the row is set aside. "
         "Make it smaller, or put it where it can stay and give its web address.")),
        (row("A1", "../secret.txt"), "file_outside_folder", "path",
         ("column 'File Path' holds '../secret.txt', which leads out of the export's folder; the row is set aside. "
         "Put the file into the folder attachments, and correct the path.")),
        (row("A1", "/etc/passwd"), "file_outside_folder", "path", ""),
        (row("A1", r"C:\Export\a.txt"), "file_outside_folder", "path", ""),
        (row("A1", "link.txt"), "file_outside_folder", "path", ""),
        (row("A1", "linked/secret.txt"), "file_outside_folder", "path", ""),
        (row("A1", "pipe"), "file_unreadable", "path",
         ("column 'File Path' holds 'pipe', which can't be read (it is no regular file); the row is set aside. "
         "Correct the file, or export it again.")),
        (row("A1", name="twice.txt"), "file_ambiguous", "name",
         ("column 'File Name' holds 'twice.txt', which may be any of 2 files: 'attachments/1/twice.txt', 'attachments/2/twice.txt'; "
         "the row is set aside. Give the path of one of them.")),
        (row("A1", name="a.txt", url="file:///etc/passwd"), "url_not_http", "url",
         ("column 'File URL' holds 'file:///etc/passwd', which is no http or https address; the row is set aside. "
         "Correct the address, or add the file itself.")),
        (row("A1", url="javascript:alert(1)"), "url_not_http", "url", ""),
        (row("A1"), "no_file", "name",
         "column 'File Name' is blank, and nothing else names a file; the row is set aside. Name the file, or its web address."),
    ],
)  # fmt: skip
def test_rows_nothing_can_be_loaded_for_are_quarantined(
    store: StagingStore, tmp_path: Path, given: dict[str, str], reason: str, column: str, says: str
) -> None:
    contents = {"a.txt": b"x", "empty.txt": b"", "long.txt": b"x" * 21, "1/twice.txt": b"1", "2/twice.txt": b"2"}
    drop = lay_out(tmp_path, [row("A0", "a.txt"), given], contents)
    (tmp_path / "secret.txt").write_text("secret")
    (drop / "attachments/link.txt").symlink_to(tmp_path / "secret.txt")
    (drop / "attachments/linked").symlink_to(tmp_path)
    os.mkfifo(drop / "attachments/pipe")
    stage(store, drop)
    assert fates(store, "attachments") == [(3, "quarantined", reason)]
    value = next((given[h] for h in ("File Path", "File URL", "File Name") if given[h]), None)
    assert [i for i in issues(store, "attachments") if i[0]] == [(3, column, value, reason, "error")]
    (message,) = messages(store, reason)
    assert message == store.value("SELECT detail FROM ops.fate WHERE object = 'attachments'")
    assert message.startswith("attachments.csv, row 3: column '")
    assert message.endswith(says)
    assert accepted(store, "attachments", "id") == [("A0",)]
    assert store.rows("SELECT id, file_kind FROM typed.attachments__rejected") == [("A1", None)]


def test_the_file_wins_and_the_address_stands_in_for_a_missing_one(store: StagingStore, tmp_path: Path) -> None:
    rows = [row("A1", "a.txt", url=WEB), row("A2", "lost.txt", url=WEB), row("A3", "lost.txt", url="ftp://x.org"),
            row("A4", "../a.txt", url=WEB)]  # fmt: skip
    stage(store, lay_out(tmp_path, rows, {"a.txt": b"x"}))
    assert accepted(store, "attachments", "id, file_kind, file_source") == [
        ("A1", "binary", "attachments/a.txt"),
        ("A2", "url", WEB),
    ]
    assert fates(store, "attachments") == [
        (4, "quarantined", "file_missing"),
        (5, "quarantined", "file_outside_folder"),
    ]
    assert issues(store, "attachments")[0] == (3, "path", "lost.txt", "file_missing_url_kept", "warning")
    assert messages(store, "file_missing_url_kept") == [
        (
            "attachments.csv, row 3: column 'File Path' holds 'lost.txt', which names no file of the export; the web address is "
            "loaded instead. Add the file to the folder attachments, or correct the path."
        )
    ]


def test_differing_sizes_and_types_only_warn(store: StagingStore, tmp_path: Path) -> None:
    rows = [row("A1", "a.txt", Size="7", MIME="image/png"), row("A2", "a.txt", Size="1", MIME="TEXT/PLAIN; charset=x"),
            row("A3", "a.txt"), row("A4", url=WEB, Size="5", MIME="image/png")]  # fmt: skip
    stage(store, lay_out(tmp_path, rows, {"a.txt": b"x"}))
    assert len(accepted(store, "attachments", "id")) == 4
    assert sorted(issues(store, "attachments")) == [
        (2, "mime", "image/png", "mime_type_differs", "warning"),
        (2, "size", "7", "file_size_differs", "warning"),
    ]
    assert messages(store, "file_size_differs") == [
        (
            "attachments.csv, row 2: column 'Size' states 7 bytes, but 'attachments/a.txt' has 1. "
            "Check that the file is the right one and complete."
        )
    ]
    assert messages(store, "mime_type_differs") == [
        (
            "attachments.csv, row 2: column 'MIME' states 'image/png', but 'attachments/a.txt' looks like text/plain. "
            "Check that the file is the right one."
        )
    ]


def test_rows_that_name_one_file_share_it(store: StagingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = count_reads(monkeypatch)
    rows = [row("A1", "a.txt", "first.txt"), row("A2", r"attachments\A.TXT", "second.txt"), row("A3", "", "a.txt")]
    stage(store, lay_out(tmp_path, rows, {"a.txt": b"x"}))
    assert accepted(store, "attachments", "file_source") == [("attachments/a.txt",)] * 3
    assert read == ["attachments/a.txt"]


def test_files_no_row_names_are_reported(store: StagingStore, tmp_path: Path) -> None:
    rows = [
        row("A1", "a.txt"),
        row("A1", "b.txt"),
        row("", "c.txt"),
        row("A4", "empty.txt"),
        row("A5", name="twice.txt"),
    ]
    names = ["a.txt", "b.txt", "c.txt", f"sub/{NFD}", "d.txt", ".DS_Store", "Thumbs.db", "1/twice.txt", "2/twice.txt"]
    stage(store, lay_out(tmp_path, rows, dict.fromkeys(names, b"x") | {"empty.txt": b""}))
    assert unindexed(store) == [
        (None, None, "attachments/d.txt", "warning"),
        (None, None, f"attachments/sub/{NFD}", "warning"),
    ]
    assert messages(store, "unindexed_file")[0] == (
        "attachments/d.txt is named by no row of attachments.csv, and is not loaded. Add a row for it, or remove the file."
    )


def test_rows_rejected_before_are_not_hashed(
    store: StagingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = count_reads(monkeypatch)
    stage(store, lay_out(tmp_path, [row("", "a.txt")], {"a.txt": b"x"}))
    assert (read, unindexed(store)) == ([], [])
    assert fates(store, "attachments") == [(2, "quarantined", "blank_key")]


def test_a_drop_without_the_folder_has_missing_files(store: StagingStore, tmp_path: Path) -> None:
    stage(store, lay_out(tmp_path, [row("A1", "a.txt"), row("A2", name="b.txt")], {}))
    assert [reason for _, _, reason in fates(store, "attachments")] == ["file_missing", "file_missing"]


def test_an_object_that_was_not_exported_leaves_all_files_unindexed(store: StagingStore, tmp_path: Path) -> None:
    stage(store, lay_out(tmp_path, [], {"a.txt": b"x"}))
    assert accepted(store, "attachments", "file_kind") == []
    assert unindexed(store) == [(None, None, "attachments/a.txt", "warning")]


def test_an_object_without_files_is_left_alone(store: StagingStore, tmp_path: Path) -> None:
    stage(store, lay_out(tmp_path, [], {}))
    assert not FILE_COLUMNS.keys() & store.columns("typed.things").keys()


def test_only_the_name_must_be_a_column(store: StagingStore, tmp_path: Path) -> None:
    spec = source({"things": THINGS, "attachments": ATTACHMENTS | {"files": {"folder": "attachments", "name": "name"}}})
    rows = [row("A1", "ignored", "a.txt", "ftp://ignored", Size="9", MIME="image/png"), row("A2")]
    stage(store, lay_out(tmp_path, rows, {"a.txt": b"x"}), spec)
    assert accepted(store, "attachments", "file_source") == [("attachments/a.txt",)]
    assert fates(store, "attachments") == [(3, "quarantined", "no_file")]


def test_references_are_checked_after_the_files(store: StagingStore, tmp_path: Path) -> None:
    drop = lay_out(tmp_path, [row("A1", "a.txt", Thing="T9"), row("A2", "lost.txt", Thing="T9")], {"a.txt": b"x"})
    stage(store, drop)
    check_references(store, SPEC)
    assert fates(store, "attachments") == [(2, "quarantined", "orphan_parent"), (3, "quarantined", "file_missing")]
    assert store.value("SELECT count(*) FROM typed.attachments__rejected WHERE file_sha1 IS NOT NULL") == 1
    assert accounting(store, SPEC)["balanced"].all()


@pytest.mark.parametrize("chunk", [1, 2, 2_000])
def test_many_rows_are_worked_off_in_chunks(
    store: StagingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(staging_files, "CHUNK", chunk)
    names = [f"{n}.txt" for n in range(5)]
    rows = [row(f"A{n}", name) for n, name in enumerate([*names, "lost.txt", *names])]
    stage(store, lay_out(tmp_path, rows, {name: name.encode() for name in names}))
    digests = [(hashlib.sha256(name.encode()).hexdigest(),) for name in names * 2]
    assert accepted(store, "attachments", "file_sha256") == digests
    assert fates(store, "attachments") == [(7, "quarantined", "file_missing")]


# -- the digests that are kept -------------------------------------------------------------------------------------------


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of files whose digests are made from now on, in the order of reading."""
    read: list[str] = []
    real = digest_files

    def counting(root: Path, files: Any) -> Any:
        for file, digest in real(root, files):
            read.append(file.path)
            yield file, digest

    monkeypatch.setattr(staging_files, "digest_files", counting)
    return read


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = count_reads(monkeypatch)
    drop = lay_out(tmp_path, [row("A1", "a.txt"), row("A2", "b.txt")], {"a.txt": b"old", "b.txt": b"same"})
    with StagingStore(tmp_path / "first.duckdb") as store:
        stage(store, drop)
        before = accepted(store, "attachments", ", ".join(FILE_COLUMNS))
        assert sorted(read) == ["attachments/a.txt", "attachments/b.txt"]
    with StagingStore(tmp_path / "first.duckdb") as store:
        read.clear()
        stage(store, drop)
        assert read == []
        assert accepted(store, "attachments", ", ".join(FILE_COLUMNS)) == before
        (drop / "attachments/a.txt").write_bytes(b"newer")
        stage(store, drop)
        assert read == ["attachments/a.txt"]
        (drop / "attachments/a.txt").write_bytes(b"newes")
        os.utime(drop / "attachments/a.txt", ns=(0, 1))
        stage(store, drop)
        assert read == ["attachments/a.txt"] * 2
        assert accepted(store, "attachments", "file_sha256")[0] == (hashlib.sha256(b"newes").hexdigest(),)
        assert store.value("SELECT count(*) FROM ops.file_digest") == 2


def test_digests_belong_to_one_drop(store: StagingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = lay_out(tmp_path, [row("A1", "a.txt")], {"a.txt": b"old"})
    os.utime(drop / "attachments/a.txt", ns=(0, 77))
    stage(store, drop)
    other = drop.rename(tmp_path / "other")
    (other / "attachments/a.txt").write_bytes(b"new")
    os.utime(other / "attachments/a.txt", ns=(0, 77))
    stage(store, other)
    assert accepted(store, "attachments", "file_sha256") == [(hashlib.sha256(b"new").hexdigest(),)]


def test_a_file_that_goes_while_it_is_read_sets_its_rows_aside(
    store: StagingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = lay_out(tmp_path, [row("A1", "a.txt", url=WEB), row("A2", "b.txt")], {"a.txt": b"x", "b.txt": b"y"})

    def choose_and_lose(*arguments: Any) -> Any:
        choice = choose_file(*arguments)
        (drop / "attachments/a.txt").unlink(missing_ok=True)
        return choice

    monkeypatch.setattr(staging_files, "choose_file", choose_and_lose)
    stage(store, drop)
    assert fates(store, "attachments") == [(2, "quarantined", "file_unreadable")]
    assert messages(store, "file_unreadable") == [
        (
            "attachments.csv, row 2: column 'File Path' holds 'a.txt', which can't be read (No such file or directory); "
            "the row is set aside. Correct the file, or export it again."
        )
    ]
    assert accepted(store, "attachments", "id") == [("A2",)]


# -- the spec ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (FILES | {"path": "nowhere"}, "files.path: no column 'nowhere'"),
        (FILES | {"max_bytes": 0}, "greater than 0"),
        (FILES | {"folder": "../x"}, "should match pattern"),
        (FILES | {"folder": "/x"}, "should match pattern"),
        (FILES | {"folder": "x/"}, "should match pattern"),
        (FILES | {"folder": "x/../.."}, "should match pattern"),
        ({"folder": "attachments"}, "files.name\n  Field required"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused(files: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        source({"things": THINGS, "attachments": ATTACHMENTS | {"files": files}})


def test_columns_made_of_files_may_not_be_the_objects_own() -> None:
    with pytest.raises(ValidationError, match="'file_mime' is made of the files"):
        source({"things": THINGS, "attachments": ATTACHMENTS | {"derive": {"file_mime": "upper(mime)"}}})
