"""Workbooks as drops hold them: sheets, headers, footers, parts, log, and what can be wrong with them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.staging.store import StagingStore
from crm_pipeline.staging.typed import type_object
from crm_pipeline_tests.exports.folders import codes, drop, raw_rows, source, write
from crm_pipeline_tests.exports.workbooks import (
    HEADINGS,
    THINGS,
    book,
    formula,
    number,
    read_book,
    spec,
    with_sheet_xml,
)
from crm_pipeline_tests.staging.typed_rows import accepted, fates, issues

ROWS = [HEADINGS, [1, "a"], [2, "b"]]


def test_rows_keep_file_sheet_and_the_number_excel_shows(store: StagingStore, tmp_path: Path) -> None:
    rows = [["All our things"], [], ["Printed 31/10/2026"], HEADINGS, [1, "a"], [None, "  "], [2, "b"], [], [], ["Total records: 2"]]
    folder = book(tmp_path / "drop" / "things.XLSX", rows, title=" THINGS  ", _meta=True)
    audit = read_book(store, folder)
    assert raw_rows(store, "_row_id, _file, _row, thing_id, name") == [
        (1, "things.XLSX, sheet THINGS", 5, "1", "a"), (2, "things.XLSX, sheet THINGS", 7, "2", "b"),
    ]  # fmt: skip
    assert (audit.rows, codes(audit.problems), codes(audit.warnings)) == (2, [], ["no_manifest"])
    assert [(f.name, f.encoding, f.delimiter, f.rows) for f in audit.files] == [("things.XLSX", "xlsx", "THINGS", 2)]


@pytest.mark.parametrize(("file", "title"), [("Things.xlsx", "all  things"), ("Objects.xlsx", "Things"), ("objects.xlsm", "ALL THINGS"), ("Things.xlsx", "Sheet1")])
def test_other_names_of_file_and_sheet(store: StagingStore, tmp_path: Path, file: str, title: str) -> None:
    audit = read_book(store, book(tmp_path / "drop" / file, ROWS, title=title, _meta=True))
    assert raw_rows(store, "thing_id") == [("1",), ("2",)]
    assert [c for c in codes(audit.warnings) if c != "no_manifest"] == (["sheet_title_differs"] if title == "Sheet1" else [])


def test_a_sheet_is_only_taken_for_another_when_there_is_no_choice(store: StagingStore, tmp_path: Path) -> None:
    audit = read_book(store, book(tmp_path / "drop" / "Things.xlsx", ROWS, title="Sheet1", Sheet2=False))
    assert codes(audit.warnings) == ["missing_sheet", "no_manifest"]
    assert "has no sheet 'Things'; its sheets are: 'Sheet1', 'Sheet2'" in audit.warnings[0].message
    required = source({"things": THINGS | {"required": True}}, manifest=None)
    audit = read_book(store, tmp_path / "drop", required)
    assert codes(audit.problems) == ["missing_sheet"]


def test_parts_are_one_object(store: StagingStore, tmp_path: Path) -> None:
    folder = book(tmp_path / "drop" / "Things.xlsx", ROWS)
    book(folder / "Things_part2.xlsx", [["Name", "Thing Number"], ["c", 3]])
    audit = read_book(store, folder)
    assert raw_rows(store, "_row_id, _row, thing_id, name") == [(1, 2, "1", "a"), (2, 3, "2", "b"), (3, 2, "3", "c")]
    book(folder / "Things part 4.xlsx", ROWS)
    audit = read_book(store, folder)
    assert codes(audit.problems) == ["missing_file"]
    assert "part 3 of 4 is missing" in audit.problems[0].message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty (0 bytes)"), (b"ThingID,Name\n1,a\n", "is no Excel workbook"), (b"PK\x03\x04 cut off", "is no Excel workbook"),
        (bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 600, "old format (.xls)"),
        (bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "is protected with a password"),
    ],
)  # fmt: skip
def test_what_is_no_workbook_is_named_with_what_to_do(store: StagingStore, tmp_path: Path, content: bytes, says: str) -> None:
    audit = read_book(store, write(tmp_path / "drop", {"Things.xlsx": content}))
    assert codes(audit.problems) == ["unreadable_file"]
    assert audit.problems[0].message.startswith("Things.xlsx ")
    assert says in audit.problems[0].message


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("xl/worksheets/sheet1.xml", lambda xml: xml.replace("<!--", "")[: len(xml) // 2] + "<!-- cut"),
        ("xl/worksheets/sheet1.xml", lambda xml: xml.replace("<v>0</v>", "<v>99</v>")),
        ("xl/workbook.xml", lambda xml: xml[:100]),
        ("xl/_rels/workbook.xml.rels", lambda xml: xml.replace("sheet1.xml", "sheet9.xml")),
    ],
)
def test_a_damaged_workbook_leaves_no_rows(store: StagingStore, tmp_path: Path, part: str, change: Any) -> None:
    folder = book(tmp_path / "drop" / "Things.xlsx", ROWS)
    with_sheet_xml(folder / "Things.xlsx", change, part)
    audit = read_book(store, folder)
    assert codes(audit.problems) == ["unreadable_file"]
    assert "Things.xlsx is damaged" in audit.problems[0].message
    assert raw_rows(store) == []


def test_bytes_that_changed_are_found_by_their_check_sum(store: StagingStore, tmp_path: Path) -> None:
    folder = book(tmp_path / "drop" / "Things.xlsx", [HEADINGS, *([n, f"name {n}"] for n in range(2000))])
    content = bytearray((folder / "Things.xlsx").read_bytes())
    at = content.index(b"xl/worksheets/sheet1.xml") + 3000
    content[at : at + 40] = bytes(40)
    (folder / "Things.xlsx").write_bytes(content)
    audit = read_book(store, folder)
    assert codes(audit.problems) == ["unreadable_file"]
    assert raw_rows(store) == []


@pytest.mark.parametrize(
    ("rows", "says"), [([], "has an empty sheet 'Things'"), ([["Foo", "Bar"], [1, 2]], "has no header row among the first 50 rows")]
)
def test_a_sheet_without_a_header_blocks(store: StagingStore, tmp_path: Path, rows: list[Any], says: str) -> None:
    audit = read_book(store, book(tmp_path / "drop" / "Things.xlsx", rows))
    assert codes(audit.problems) == ["unreadable_file"]
    assert says in audit.problems[0].message


def test_a_missing_column_blocks_and_values_without_heading_are_shown(store: StagingStore, tmp_path: Path) -> None:
    audit = read_book(store, book(tmp_path / "drop" / "Things.xlsx", [["Name", "Amount"], ["a", 1, None, "who?"]]))
    assert codes(audit.problems) == ["missing_required_column"]
    assert [w.message for w in audit.warnings if w.code == "value_without_heading"] == [
        "Things.xlsx, sheet Things has 1 values in columns without a heading (D2); they are not migrated. Give the column a heading, or remove them."
    ]


def test_a_footer_that_counts_otherwise_is_a_warning(store: StagingStore, tmp_path: Path) -> None:
    audit = read_book(store, book(tmp_path / "drop" / "Things.xlsx", [*ROWS, ["TOTAL RECORDS:", "1,003"]]))
    assert audit.rows == 2
    assert [w.message for w in audit.warnings if w.code == "footer_differs"] == [
        "Things.xlsx, sheet Things holds 2 rows, its last line says 1003. Export it again, and compare."
    ]


def test_a_missing_workbook_warns_unless_it_is_required(store: StagingStore, tmp_path: Path) -> None:
    folder = write(tmp_path / "drop", {"readme.txt": "nothing"})
    audit = read_book(store, folder)
    assert (codes(audit.problems), codes(audit.warnings)) == ([], ["optional_file_missing", "no_manifest"])
    audit = read_book(store, folder, source({"things": THINGS | {"required": True}}, manifest=None))
    assert audit.problems[0].message == "Things.xlsx (sheet Things) is missing. Export Thing and add the file."


LOG = {
    "file": "ExportLog", "sheet": "Export Log",
    "columns": {
        "file": ["File"], "sheet": ["Sheet"], "records_in_ui": ["Records In Module"], "rows_in_file": ["Records Exported"], "tier": ["Tier"],
        "tier_limit": ["Tier Record Limit"], "storage_used": ["Storage Used MB"], "storage_limit": ["Storage Limit MB"],
    },
}  # fmt: skip
LOG_HEAD = ["File", "Sheet", "Records In Module", "Records Exported", "Tier", "Tier Record Limit", "Storage Used MB", "Storage Limit MB"]


@pytest.mark.parametrize(
    ("line", "problems", "warnings"),
    [
        (["Things.xlsx", "Things", 2, 2], [], []),
        (["things", "all things", "2", "2.0", "Starter", 1000, 10, 500], [], []),
        (["Things.xlsx", "Things", 5, 2], ["export_truncated"], []),
        (["Things.xlsx", "Things", 5, 5], ["row_count_mismatch", "export_truncated"], []),
        (["Things.xlsx", "Things", 1, 1], ["row_count_mismatch", "row_count_mismatch"], []),
        (["Things.xlsx", "Things", 2, 2, "Starter", 1, 10, 500], [], ["tier_limit_exceeded"]),
        (["Things.xlsx", "Things", 2, 2, "Starter", None, 500.5, 500], [], ["storage_limit_exceeded"]),
        (["Things.xlsx", "Other", 2, 2], [], ["not_in_manifest"]),
        (["Things_part2.xlsx", "Things", 2, 1], ["missing_file"], []),
    ],
)  # fmt: skip
def test_the_export_log_is_compared(store: StagingStore, tmp_path: Path, line: list[Any], problems: list[str], warnings: list[str]) -> None:
    folder = book(tmp_path / "drop" / "Things.xlsx", ROWS)
    book(folder / "ExportLog.xlsx", [["Export log"], [], LOG_HEAD, line, ["Total records: 1"]], title="export log")
    audit = read_book(store, folder, spec(manifest=LOG))
    assert (codes(audit.problems), codes(audit.warnings)) == (problems, warnings)


def test_a_workbook_of_two_sheets_is_in_the_fingerprint_once(tmp_path: Path) -> None:
    folder = book(tmp_path / "drop" / "Things.xlsx", ROWS)
    two = source({"things": THINGS, "parts": THINGS | {"sheet": "Parts", "sheet_aliases": []}}, manifest=None)
    opened = drop(folder, two)
    assert [f.name for f in opened.files["things"]] == [f.name for f in opened.files["parts"]] == ["Things.xlsx"]
    assert opened.fingerprint == drop(folder, spec()).fingerprint


def test_typed_values_of_all_spellings(store: StagingStore, tmp_path: Path) -> None:
    rows = [
        HEADINGS,
        [1001, "a", 12.345, number(0.25, "percent"), date(2024, 3, 1), datetime(2024, 3, 1, 13, 30), True, 800],
        [" 001002 ", "b", "$1,234.50", "25%", "01/03/2024", "01/03/2024 13:30", "no", "0870"],
        ["1003.0", "c", 1000, 25, 45352, 45352.5625, 1, 2150],
        [1004, "d", None, 0.25, "2024-03-01", "2024-03-01 13:30", 0, "870"],
        [1005, formula("=NA()", "#N/A"), formula("=1/0", "#DIV/0!"), None, 2024, 99999],
    ]
    folder = book(tmp_path / "drop" / "Things.xlsx", rows)
    own = spec()
    type_object(store, own, "things", read_book(store, folder, own))
    day, at = date(2024, 3, 1), datetime(2024, 3, 1, 2, 30)
    found = accepted(store, "things", 'thing_id, name, amount::DOUBLE, share::DOUBLE, day, "at", open, postcode')
    assert found == [
        ("1001", "a", 12.345, 25, day, at, True, "0800"), ("1002", "b", 1234.5, 25, day, at, False, "0870"),
        ("1003", "c", 1000, 25, day, at, True, "2150"), ("1004", "d", None, 0.25, day, at, False, "0870"),
        ("1005", None, None, None, None, None, None, None),
    ]  # fmt: skip
    assert fates(store, "things") == []
    assert issues(store, "things") == [
        (6, "amount", "#DIV/0!", "bad_value", "warning"), (6, "at", "99999", "bad_value", "warning"),
        (6, "day", "2024", "bad_value", "warning"), (6, "name", "#N/A", "bad_value", "warning"),
    ]  # fmt: skip
    (message,) = store.rows("SELECT message FROM ops.issue WHERE \"column\" = 'name'")[0]
    assert message.startswith("Things.xlsx, sheet Things, row 6: column 'Name' holds '#N/A', which is the error of a formula")
