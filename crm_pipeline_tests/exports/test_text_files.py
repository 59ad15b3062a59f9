"""Text files of rows: header lines, body, encodings; and the rows of real drops that name them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.exports import UnreadableFileError, open_drop
from crm_pipeline.exports.audit import audit_object
from crm_pipeline.exports.object_files import read_files
from crm_pipeline.exports.text_files import bare_moment, parse_text, read_text_file
from crm_pipeline.staging.entries import read_entries
from crm_pipeline.staging.files import attach_files
from crm_pipeline.staging.references import check_references
from crm_pipeline.staging.schemas import validate_typed
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.staging.texts import attach_texts
from crm_pipeline.staging.typed import type_object
from crm_pipeline_tests.exports.folders import source, write
from crm_pipeline_tests.staging.typed_rows import accepted, fates, issues

MAIL = """From: Ann <ann@example.com>
To: bob@example.com,
  carol@example.com
Date: Tue, 05 Mar 2024 10:15:00 +1100 (AEDT)
Subject: =?utf-8?B?Wm/Dqw==?= and more
Attachments: plan.pdf; Größe.txt; plan.pdf
X-Empty:

Hi,

Note: this is text.

"""


def test_headers_and_body_are_told_apart() -> None:
    text = parse_text(MAIL)
    assert text.headers == {
        "from": "Ann <ann@example.com>", "to": "bob@example.com, carol@example.com", "date": "Tue, 05 Mar 2024 10:15:00 +1100 (AEDT)",
        "subject": "Zoë and more", "attachments": "plan.pdf; Größe.txt; plan.pdf", "x-empty": "",
    }  # fmt: skip
    assert text.body == "Hi,\n\nNote: this is text."
    assert parse_text(MAIL.replace("\n", "\r\n")) == text == parse_text("\n\n" + MAIL.replace("\n", "\r"))


@pytest.mark.parametrize(
    ("text", "headers", "body"),
    [
        ("", {}, ""), ("\n\n", {}, ""), ("just text\nSubject: no header", {}, "just text\nSubject: no header"),
        ("Subject: a", {"subject": "a"}, ""), ("Subject: a\n\n\n\nbody\n\n", {"subject": "a"}, "body"),
        ("To: a\nTo: b\n\nx", {"to": "a; b"}, "x"), ("Subject: a\nno header line\nTo: b", {"subject": "a"}, "no header line\nTo: b"),
        ("  folded first\nTo: a", {}, "folded first\nTo: a"), ("SUBJECT :\ta\n\nb", {"subject": "a"}, "b"),
        ("Subject: =?x-unknown?B?Wm8=?=\n\nb", {"subject": "=?x-unknown?B?Wm8=?="}, "b"),
    ],
)  # fmt: skip
def test_odd_texts_lose_nothing(text: str, headers: dict[str, str], body: str) -> None:
    found = parse_text(text)
    assert (dict(found.headers), found.body) == (headers, body)


names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
line = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)
values = line.map(str.strip).filter(lambda value: "=?" not in value)


@settings(deadline=None)
@given(st.dictionaries(names.map(str.lower), values, max_size=6), st.lists(line, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_written_is_read(headers: dict[str, str], lines: list[str], line_end: str) -> None:
    written = [f"{name}: {value}" for name, value in headers.items()]
    text = line_end.join([*written, "", *lines])
    found = parse_text(text if headers else line_end + line_end.join(["plain", *lines]))
    assert found.headers == headers
    assert found.body == "\n".join(lines if headers else ["plain", *lines]).strip("\n \t")


@pytest.mark.parametrize(
    ("text", "moment"),
    [("Tue, 05 Mar 2024 10:15:00 +1100 (AEDT)", "05 Mar 2024 10:15:00 +1100"), ("5/3/2024 10:15", "5/3/2024 10:15"),
     ("Tuesday 5 March 2024", "5 March 2024"), ("sometime", "sometime"), ("Sun", "Sun")],
)  # fmt: skip
def test_moments_lose_their_weekday(text: str, moment: str) -> None:
    assert bare_moment(text) == moment


def test_encodings_are_told_without_guessing(tmp_path: Path) -> None:
    for name, content in {
        "utf8": "Zoë".encode(), "mark": "Zoë".encode("utf-8-sig"), "wide": "Zoë".encode("utf-16"), "windows": "Zoë – “hi”".encode("cp1252"),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert read_text_file(tmp_path / name, name, "cp1252").body.startswith("Zoë")
    (tmp_path / "none").write_bytes(b"caf\xe9 \x81")
    with pytest.raises(UnreadableFileError, match="byte 0x81 at offset 5"):
        read_text_file(tmp_path / "none", "none", "cp1252")


ACTIVITIES: dict[str, Any] = {
    "label": "Activity", "file": "activities", "key": "id",
    "columns": {"id": {"heading": "ID", "type": "key", "required": True}, "text_file": {"heading": "Text File"},
                "day": {"heading": "Day", "type": "date", "required": True}},
    "texts": {
        "folder": "activities", "path": "text_file", "body": "body", "not_texts": ["attachments"],
        "headers": {"sender": {"header": "From"}, "sent": {"header": "Date", "type": "dt"}, "files": {"header": "Attachments"}},
    },
}  # fmt: skip
FILES: dict[str, Any] = {
    "label": "Attachment", "file": "activities", "key": "key",
    "listed_in": {"object": "activities", "column": "files", "parent": "activity", "value": "name"},
    "columns": {"key": {"heading": "Key", "type": "key", "required": True}, "activity": {"heading": "Activity", "type": "key", "required": True},
                "name": {"heading": "Name", "required": True}},
    "references": [{"column": "activity", "to": "activities"}],
    "files": {"folder": "activities/attachments", "path": "name", "name": "name"},
}  # fmt: skip
SPEC = source({"activities": ACTIVITIES, "files": FILES}, manifest=None, time_zone="Australia/Sydney")


def stage(store: StagingStore, folder: Path, rows: list[tuple[str, str]], texts: dict[str, bytes], files: dict[str, bytes]) -> None:
    """Read a drop of activities with their texts and attachments."""
    listed = "ID,Text File,Day\n" + "".join(f"{key},{path},{'' if key == 'A0' else '2024-03-01'}\n" for key, path in rows)
    write(folder, {"activities.csv": listed})
    write(folder / "activities", dict(texts))
    write(folder / "activities/attachments", dict(files))
    drop = open_drop(SPEC, folder)
    for name in SPEC.objects:
        read = read_entries(store, SPEC, name) if name == "files" else read_files(store, SPEC, name, drop)
        audit = audit_object(SPEC, name, drop, read)
        type_object(store, SPEC, name, audit)
        attach_texts(store, SPEC, name, drop)
        attach_files(store, SPEC, name, drop)
    check_references(store, SPEC)


def test_texts_become_columns_and_their_attachments_rows(store: StagingStore, tmp_path: Path) -> None:
    texts = {"1.txt": MAIL.encode(), "2.txt": b"From: x\n\n", "3.txt": "Date: someday\n\ncafé".encode("cp1252"), "4.txt": b"no headers"}
    rows = [("A1", "1.txt"), ("A2", "activities/2.txt"), ("A3", "3.TXT"), ("A4", "4.txt"), ("A5", ""), ("A6", "1.txt")]
    stage(store, tmp_path / "drop", rows, texts, {"plan.pdf": b"%PDF-", "Größe.txt": b"x", "extra.txt": b"x"})
    assert accepted(store, "activities", "id, sender, sent, body") == [
        ("A1", "Ann <ann@example.com>", datetime(2024, 3, 4, 23, 15), "Hi,\n\nNote: this is text."), ("A2", "x", None, None),
        ("A3", None, None, "café"), ("A4", None, None, "no headers"), ("A5", None, None, None),
        ("A6", "Ann <ann@example.com>", datetime(2024, 3, 4, 23, 15), "Hi,\n\nNote: this is text."),
    ]  # fmt: skip
    assert issues(store, "activities") == [(4, "sent", "someday", "bad_value", "warning")]
    assert accepted(store, "files", "key, activity, name, file_source, file_bytes, _row") == [
        ("A1-1", "A1", "plan.pdf", "activities/attachments/plan.pdf", 5, 2), ("A1-2", "A1", "Größe.txt", "activities/attachments/Größe.txt", 1, 2),
        ("A6-1", "A6", "plan.pdf", "activities/attachments/plan.pdf", 5, 7), ("A6-2", "A6", "Größe.txt", "activities/attachments/Größe.txt", 1, 7),
    ]  # fmt: skip
    assert [(r[3], r[4]) for r in issues(store, "files")] == [("unindexed_file", "warning")]
    for name in SPEC.objects:
        assert validate_typed(store, SPEC, name).is_empty()


def test_rows_whose_text_cannot_be_read_are_set_aside(store: StagingStore, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"secret")
    texts = {"ok.txt": b"Attachments: gone.pdf; ../../../secret.txt\n\nx", "empty.txt": b"", "bad.txt": b"\x81", "lost.txt": b"x"}
    rows = [("A0", "ok.txt"), ("A1", "missing.txt"), ("A2", "../../secret.txt"), ("A3", "empty.txt"), ("A4", "bad.txt"),
            ("A5", "http://example.org/x.txt"), ("A6", "ok.txt")]  # fmt: skip
    stage(store, tmp_path / "drop", rows, texts, {})
    assert fates(store, "activities") == [
        (2, "quarantined", "missing_value"), (3, "quarantined", "file_missing"), (4, "quarantined", "file_outside_folder"),
        (5, "quarantined", "file_empty"), (6, "quarantined", "file_unreadable"), (7, "quarantined", "file_missing"),
    ]  # fmt: skip
    assert accepted(store, "activities", "id, body") == [("A6", "x")]
    assert sorted(fates(store, "files")) == [
        (2, "quarantined", "file_missing"), (2, "quarantined", "file_outside_folder"),
        (8, "quarantined", "file_missing"), (8, "quarantined", "file_outside_folder"),
    ]  # fmt: skip
    unindexed = store.rows("SELECT file, message FROM ops.issue WHERE reason = 'unindexed_file'")
    assert unindexed == [
        ("activities/lost.txt", "activities/lost.txt is named by no row of activities.csv, and is not loaded. Add a row for it, or remove the file.")
    ]  # fmt: skip
