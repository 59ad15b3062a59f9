"""Which file a row means, whether it can be loaded, and what it holds: on real folders."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from crm_pipeline.exports import UnreadableFileError
from crm_pipeline.exports.file_index import FileIndex, FileProblem, FoundFile
from crm_pipeline.exports.files import CHUNK, Digest, choose_file, digest_file, digest_files, is_web_address
from crm_pipeline.exports.mime_types import mime_of, types_agree

NFC = "Größe 会議.txt"
NFD = unicodedata.normalize("NFD", NFC)
WEB = "https://files.example.org/1"


def index(root: Path, files: Mapping[str, bytes], folder: str = "attachments") -> FileIndex:
    """A drop with these files, indexed."""
    drop = root / "drop"
    drop.mkdir(exist_ok=True)
    for path, content in files.items():
        (drop / path).parent.mkdir(parents=True, exist_ok=True)
        (drop / path).write_bytes(content)
    return FileIndex(drop, folder)


def found(result: FoundFile | FileProblem) -> str:
    """The path found, or the reason why there is none."""
    return result.path if isinstance(result, FoundFile) else result.reason


@pytest.mark.parametrize(
    "stated",
    ["attachments/sub/a.pdf", "sub/a.pdf", r"attachments\sub\a.pdf", r"sub\a.pdf", "./attachments//sub/./a.pdf",
     "attachments/x/../sub/a.pdf", "ATTACHMENTS/Sub/A.PDF"],
)  # fmt: skip
def test_a_path_is_found_from_the_drop_and_from_the_folder(tmp_path: Path, stated: str) -> None:
    assert found(index(tmp_path, {"attachments/sub/a.pdf": b"x"}).find(stated)) == "attachments/sub/a.pdf"


def test_the_drop_comes_before_the_folder_and_exact_before_other_case(tmp_path: Path) -> None:
    files = index(
        tmp_path,
        {"attachments/a.txt": b"1", "attachments/attachments/a.txt": b"2", "B.txt": b"3", "attachments/b.txt": b"4"},
    )
    assert found(files.find("attachments/a.txt")) == "attachments/a.txt"
    assert found(files.find("b.txt")) == "attachments/b.txt"
    assert found(files.find("B.txt")) == "B.txt"


@pytest.mark.parametrize(("on_disk", "stated"), [(NFD, NFC), (NFC, NFD), (NFD, NFD), (NFC, NFC.upper())])
def test_names_match_in_any_unicode_form_and_keep_that_of_the_disk(tmp_path: Path, on_disk: str, stated: str) -> None:
    files = index(tmp_path, {f"attachments/{on_disk}": b"x"})
    assert found(files.find(f"attachments/{stated}")) == f"attachments/{on_disk}"
    assert found(files.find_named(stated)) == f"attachments/{on_disk}"


def test_of_two_spellings_the_one_stated_is_taken(tmp_path: Path) -> None:
    files = index(tmp_path, {f"attachments/{NFC}": b"1", f"attachments/{NFD}": b"2"})
    if len(list((tmp_path / "drop/attachments").iterdir())) == 1:
        pytest.skip("this file system keeps one of them")
    assert found(files.find(f"attachments/{NFC}")) == f"attachments/{NFC}"
    assert found(files.find(f"attachments/{NFD}")) == f"attachments/{NFD}"
    assert found(files.find_named(NFC)) == "file_ambiguous"


def test_names_that_differ_in_case_only_are_ambiguous_unless_exact(tmp_path: Path) -> None:
    files = index(tmp_path, {"attachments/a.txt": b"1", "attachments/A.txt": b"2"})
    if len(list((tmp_path / "drop/attachments").iterdir())) == 1:
        pytest.skip("this file system keeps one of them")
    assert found(files.find("a.txt")) == "attachments/a.txt"
    problem = files.find("a.TXT")
    assert isinstance(problem, FileProblem)
    assert problem.reason == "file_ambiguous"
    assert "'attachments/A.txt', 'attachments/a.txt'" in problem.says


def test_a_name_counts_where_one_file_below_the_folder_has_it(tmp_path: Path) -> None:
    files = index(
        tmp_path,
        {"attachments/1/one.txt": b"x", "attachments/1/two.txt": b"x", "attachments/2/two.txt": b"x", "top.txt": b"x"},
    )
    assert found(files.find_named("one.txt")) == "attachments/1/one.txt"
    assert found(files.find_named("ONE.txt")) == "attachments/1/one.txt"
    assert found(files.find_named("two.txt")) == "file_ambiguous"
    assert found(files.find_named("top.txt")) == "file_missing"
    assert found(files.find_named("1/two.txt")) == "attachments/1/two.txt"
    assert found(files.find_named("../top.txt")) == "file_outside_folder"


@pytest.mark.parametrize(
    "stated",
    ["../secret.txt", "../../secret.txt", r"..\secret.txt", "attachments/../../secret.txt", "/etc/passwd", r"\etc\passwd",
     r"C:\Export\a.pdf", "C:/Export/a.pdf", "c:", r"\\server\share\a.pdf", "//server/share/a.pdf", "x/../../drop/attachments/a.pdf"],
)  # fmt: skip
def test_paths_that_lead_out_are_told_from_missing_ones(tmp_path: Path, stated: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    assert found(index(tmp_path, {"attachments/a.pdf": b"x"}).find(stated)) == "file_outside_folder"


@pytest.mark.parametrize(
    "stated", ["attachments/b.pdf", "attachments", ".", "a.pdf/", "A: minutes.pdf", "~/a.pdf", "%2e%2e/a.pdf"]
)
def test_what_names_no_file_is_missing(tmp_path: Path, stated: str) -> None:
    files = index(tmp_path, {"attachments/other/a.pdf": b"x"})
    assert found(files.find(stated)) == "file_missing"


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert found(FileIndex(tmp_path / "nowhere", "attachments").find("a.pdf")) == "file_missing"
    files = index(tmp_path, {})
    assert found(files.find("a.pdf")) == found(files.find_named("a.pdf")) == "file_missing"
    assert list(files.unnamed(())) == []


def test_links_out_of_the_drop_are_listed_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("secret")
    (tmp_path / "drop/attachments").mkdir(parents=True)
    (tmp_path / "drop/attachments/file.txt").symlink_to(tmp_path / "outside/secret.txt")
    (tmp_path / "drop/attachments/folder").symlink_to("../../outside")
    (tmp_path / "drop/attachments/gone.txt").symlink_to("../../nowhere.txt")
    files = index(tmp_path, {})
    for stated in ("attachments/file.txt", "folder/secret.txt", "attachments/folder/deep/x.txt", "gone.txt"):
        assert found(files.find(stated)) == "file_outside_folder"
    assert found(files.find_named("file.txt")) == "file_outside_folder"
    assert found(files.find_named("secret.txt")) == "file_missing"
    assert [path for path, _ in files.unnamed(())] == [
        "attachments/file.txt",
        "attachments/folder",
        "attachments/gone.txt",
    ]


def test_a_drop_beside_one_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    (tmp_path / "drop2").mkdir()
    (tmp_path / "drop2/a.txt").write_text("x")
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop/a.txt").symlink_to("../drop2/a.txt")
    assert found(index(tmp_path, {}).find("a.txt")) == "file_outside_folder"


def test_links_inside_the_drop_stand_for_their_files(tmp_path: Path) -> None:
    index(tmp_path, {"attachments/real/a.txt": b"x"})
    folder = tmp_path / "drop/attachments"
    (folder / "alias.txt").symlink_to("real/a.txt")
    (folder / "again").symlink_to("real")
    (folder / "real/up").symlink_to("..")
    (folder / "lost.txt").symlink_to("nowhere.txt")
    (folder / "ring").symlink_to("ring")
    files = index(tmp_path, {})
    for stated in ("alias.txt", "again/a.txt", "again/up/again/a.txt"):
        assert found(files.find(stated)) == "attachments/real/a.txt"
    assert found(files.find("lost.txt")) == found(files.find("ring")) == "file_missing"
    assert list(files.unnamed({"attachments/real/a.txt"})) == []


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    files = index(tmp_path, {"attachments/a.txt": b"x"})
    os.mkfifo(tmp_path / "drop/attachments/pipe.pdf")
    files = index(tmp_path, {})
    problem = files.find("pipe.pdf")
    assert isinstance(problem, FileProblem)
    assert (problem.reason, problem.says) == ("file_unreadable", "can't be read (it is no regular file)")


def test_a_name_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    index(tmp_path, {"attachments/a.txt": b"x"})
    try:
        Path(os.fsdecode(os.fsencode(tmp_path / "drop/attachments") + b"/Gr\xf6\xdfe.txt")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    ((path, file),) = index(tmp_path, {}).unnamed({"attachments/a.txt"})
    assert (path, file.detail) == (r"attachments/Gr\xf6\xdfe.txt", "its name is not UTF-8")


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    index(tmp_path, {"attachments/closed/a.txt": b"x", "attachments/b.txt": b"x"})
    monkeypatch.setattr(os, "scandir", scandir)
    files = index(tmp_path, {})
    problem = files.find("closed/a.txt")
    assert isinstance(problem, FileProblem)
    assert (problem.reason, problem.says) == ("file_unreadable", "can't be read (Permission denied)")
    assert found(files.find("b.txt")) == "attachments/b.txt"


def test_a_windows_path_as_one_name_is_the_file_of_that_path(tmp_path: Path) -> None:
    files = index(tmp_path, {r"attachments\a.txt": b"x"})
    assert found(files.find("attachments/a.txt")) == found(files.find_named("a.txt")) == r"attachments\a.txt"


def test_files_nobody_names_are_listed_without_what_systems_leave(tmp_path: Path) -> None:
    kept = ["attachments/a.txt", "attachments/sub/b.txt", "other/c.txt", "things.csv"]
    left = [".DS_Store", "sub/Thumbs.db", "desktop.ini", ".hidden/x.txt", "._a.txt"]
    files = index(tmp_path, dict.fromkeys([*kept, *(f"attachments/{name}" for name in left)], b"x"))
    assert [path for path, _ in files.unnamed({"attachments/a.txt"})] == ["attachments/sub/b.txt"]


def test_the_folder_is_known_in_any_spelling(tmp_path: Path) -> None:
    files = index(tmp_path, {f"ATTACHMENTS/{NFD}": b"x"})
    assert found(files.find(f"attachments/{NFC}")) == found(files.find_named(NFC)) == f"ATTACHMENTS/{NFD}"
    assert [path for path, _ in files.unnamed(())] == [f"ATTACHMENTS/{NFD}"]


# -- choices -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name", "url", "file", "address", "reason"),
    [
        ("a.txt", "x", None, "attachments/a.txt", None, None),
        ("a.txt", None, WEB, "attachments/a.txt", None, None),
        (None, "a.txt", None, "attachments/a.txt", None, None),
        (None, "a.txt", WEB, None, WEB, None),
        (WEB, "a.txt", None, None, WEB, None),
        (WEB, "a.txt", WEB + "2", None, WEB + "2", None),
        ("b.txt", "a.txt", WEB, None, WEB, "file_missing"),
        ("b.txt", "a.txt", None, None, None, "file_missing"),
        ("b.txt", None, "ftp://x.org/1", None, None, "file_missing"),
        ("../a.txt", "a.txt", WEB, None, None, "file_outside_folder"),
        ("empty.txt", None, WEB, None, None, "file_empty"),
        ("long.txt", None, WEB, None, None, "file_too_large"),
        (None, "a.txt", "file:///etc/passwd", None, None, "url_not_http"),
        ("file:///etc/passwd", "a.txt", None, None, None, "url_not_http"),
        (None, "b.txt", None, None, None, "file_missing"),
        (None, None, None, None, None, "no_file"),
    ],
)
def test_what_a_row_leads_to(
    tmp_path: Path,
    path: str | None,
    name: str | None,
    url: str | None,
    file: str | None,
    address: str | None,
    reason: str | None,
) -> None:
    files = index(
        tmp_path, {"attachments/a.txt": b"x", "attachments/empty.txt": b"", "attachments/long.txt": b"123456"}
    )
    choice = choose_file(files, path, name, url, 5)
    assert (choice.file.path if choice.file else None, choice.url) == (file, address)
    assert (choice.problem.reason if choice.problem else None) == reason


def test_a_file_of_just_the_limit_is_loaded(tmp_path: Path) -> None:
    assert choose_file(index(tmp_path, {"attachments/a": b"12345"}), "a", None, None, 5).file is not None


@pytest.mark.parametrize(
    ("url", "is_one"),
    [("http://x.org", True), ("HTTPS://X.org/a b.pdf?q=1#f", True), ("https://user@x.org:8443/", True), ("http://10.0.0.1/a", True),
     ("ftp://x.org/a", False), ("file:///etc/passwd", False), ("javascript:alert(1)", False), ("data:text/html,x", False),
     ("//x.org/a", False), ("x.org/a", False), ("https://", False), ("https:///a", False), ("http://[x", False), ("http://:80/", False),
     ("https://x.org/\n", False), (" https://x.org", False), ("http:\\\\x.org", False)],
)  # fmt: skip
def test_only_http_and_https_are_web_addresses(url: str, is_one: bool) -> None:  # noqa: FBT001
    assert is_web_address(url) is is_one


# -- contents ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_digests_are_those_of_the_whole_content(tmp_path: Path, size: int) -> None:
    content = (b"%PDF-1.7 " + bytes(range(256)) * (size // 256 + 1))[:size]
    files = index(tmp_path, {"attachments/scan": content})
    file = files.find("scan")
    assert isinstance(file, FoundFile)
    digest = digest_file(files.root, file)
    assert (digest.sha256, digest.sha1) == (hashlib.sha256(content).hexdigest(), hashlib.sha1(content).hexdigest())  # noqa: S324
    assert digest.mime == ("application/pdf" if size >= 5 else None)


def test_a_file_that_changed_or_went_is_unreadable_and_the_others_are_not(tmp_path: Path) -> None:
    files = index(tmp_path, {"a": b"1", "b": b"22", "c": b"333"})
    entries = [file for name in "abc" if isinstance(file := files.find(name), FoundFile)]
    (files.root / "a").unlink()
    (files.root / "b").write_bytes(b"4444")
    (_, first), (_, second), (third, digest) = digest_files(files.root, entries)
    assert isinstance(first, UnreadableFileError)
    assert "No such file" in first.reason
    assert isinstance(second, UnreadableFileError)
    assert second.reason == "it changed from 2 to 4 bytes while it was read"
    assert third.path == "c"
    assert isinstance(digest, Digest)


@pytest.mark.parametrize(
    ("name", "head", "mime"),
    [("a.pdf", b"\x89PNG\r\n\x1a\n", "application/pdf"), ("A.JPG", b"", "image/jpeg"), ("scan", b"\x89PNG\r\n\x1a\nrest", "image/png"),
     ("scan.0012", b"\xff\xd8\xff\xe0", "image/jpeg"), ("a.b/scan", b"PK\x03\x04", "application/zip"), ("a.tar.gz", b"", "application/gzip"),
     ("data:text/x.csv", b"", "text/csv"), ("plain", b"words", None), ("report.docx", b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")],
)  # fmt: skip
def test_types_by_name_else_by_content(name: str, head: bytes, mime: str | None) -> None:
    assert mime_of(name, head) == mime


@pytest.mark.parametrize(
    ("stated", "found_type", "agree"),
    [("image/jpg", "image/jpeg", True), ("Text/Plain; charset=utf-8", "text/plain", True), ("PDF", "application/pdf", True),
     (".pdf", "application/pdf", True), ("application/octet-stream", "image/png", True), ("application/vnd.ms-excel", "text/csv", True),
     ("image/png", "image/jpeg", False), ("application/vnd.ms-excel", "text/plain", False), ("nonsense", "text/plain", False)],
)  # fmt: skip
def test_stated_types_are_compared_by_meaning(stated: str, found_type: str, agree: bool) -> None:  # noqa: FBT001
    assert types_agree(stated, found_type) is agree
