from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import codes, raw_rows, read, write

ROWS = [("T1", "Zoë", "1,5"), ("T2", "a;b", None)]


@pytest.mark.parametrize(
    ("encoding", "mark", "name"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_encoding_delimiter_and_line_end_gives_the_same_rows(
    store: StagingStore, tmp_path: Path, encoding: str, mark: bytes, name: str, delimiter: str, line_end: str
) -> None:
    lines = [["Thing ID", "Name", "Amount"], ["T1", "Zoë", '"1,5"'], ["T2", '"a;b"', ""]]
    text = line_end.join(delimiter.join(cells) for cells in lines) + line_end
    folder = write(tmp_path / "drop", {"things.csv": mark + text.encode(encoding)})
    audit = read(store, folder)
    assert raw_rows(store) == ROWS
    assert [(f.encoding, f.delimiter, f.rows) for f in audit.files] == [(name, delimiter, 2)]
    assert raw_rows(store, "_row_id, _file, _row, _problem") == [(1, "things.csv", 2, None), (2, "things.csv", 3, None)]


def test_cells_keep_quotes_line_ends_and_outer_blanks(store: StagingStore, tmp_path: Path) -> None:
    text = 'Thing ID,Name,Amount\r\nT1,"He said ""no"", then\r\n\r\nleft", 5 \r\nT2,"",\r\n'
    read(store, write(tmp_path / "drop", {"things.csv": text}))
    assert raw_rows(store, "_row, thing_id, name, amount") == [
        (2, "T1", 'He said "no", then\r\n\r\nleft', " 5 "),
        (3, "T2", None, None),
    ]


def test_blank_lines_are_no_rows_but_count_as_spreadsheet_rows(store: StagingStore, tmp_path: Path) -> None:
    text = "Thing ID,Name,Amount\nT1,a,1\n\nT2,b,2\n,,\n ,\u00a0,\u200b\nT3,c,3\n,,\n\n"
    audit = read(store, write(tmp_path / "drop", {"things.csv": text}))
    assert audit.rows == 3
    assert raw_rows(store, "_row_id, _row, thing_id, name") == [(1, 2, "T1", "a"), (2, 4, "T2", "b"), (3, 7, "T3", "c")]


def test_rows_of_commas_alone_are_skipped_on_the_fast_path_too(store: StagingStore, tmp_path: Path) -> None:
    text = "Thing ID,Name,Amount\nT1,a,1\n,,\nT2,b,2\n,,\n"
    audit = read(store, write(tmp_path / "drop", {"things.csv": text, "things_part2.csv": "Thing ID,Name\nT3,c\n"}))
    assert audit.rows == 3
    assert raw_rows(store, "_row_id, _row, thing_id, _file") == [
        (1, 2, "T1", "things.csv"),
        (2, 4, "T2", "things.csv"),
        (3, 2, "T3", "things_part2.csv"),
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("T2,b", "has 2 cells, the header has 3"),
        ("T2,b,2,", "has 4 cells, the header has 3"),
        ("T2,Acme, Inc,2", "has 4 cells, the header has 3"),
        ('T2,"b" c,2', "has text after a closing quote"),
        ('T2,"b,2', "has a quote that swallows the lines after it"),
    ],
)
def test_a_malformed_row_is_kept_with_its_text_and_spoils_no_other(
    store: StagingStore, tmp_path: Path, bad: str, reason: str
) -> None:
    audit = read(
        store, write(tmp_path / "drop", {"things.csv": f"Thing ID,Name,Amount\nT1,a,1\n{bad}\nT3,c,3\nT4,d,4\n"})
    )
    assert audit.rows == 4
    assert raw_rows(store, "_row, thing_id, _problem, _raw, _detail") == [
        (2, "T1", None, None, None),
        (3, "T2", "malformed_row", bad, reason),
        (4, "T3", None, None, None),
        (5, "T4", None, None, None),
    ]


def test_a_surplus_empty_cell_is_not_dropped_silently(store: StagingStore, tmp_path: Path) -> None:
    """DuckDB 2.0 reads 'T1,Acme, Inc,' as three cells; it is a comma that nobody quoted."""
    read(store, write(tmp_path / "drop", {"things.csv": "Thing ID,Name,Amount\nT1,Acme, Inc,\nT2,b,\n"}))
    assert raw_rows(store, "thing_id, _problem") == [("T1", "malformed_row"), ("T2", None)]


def test_a_quote_never_closed_takes_one_line_not_the_rest(store: StagingStore, tmp_path: Path) -> None:
    lines = [f"T{n},name {n},{n}" for n in range(1, 50)]
    lines[20] = 'T21,"never closed,21'
    audit = read(store, write(tmp_path / "drop", {"things.csv": "\n".join(["Thing ID,Name,Amount", *lines]) + "\n"}))
    assert audit.rows == 49
    assert [row for row in raw_rows(store, "thing_id, _problem") if row[1]] == [("T21", "malformed_row")]


def test_a_quote_closed_by_a_later_stray_one_swallows_nothing(store: StagingStore, tmp_path: Path) -> None:
    """Both strays in one column make a well-formed record: only the rows inside it tell."""
    text = 'Thing ID,Name,Amount\nT1,a,1\nT2,"stray,2\nT3,c,3\nT4,6",4\nT5,e,5\n'
    read(store, write(tmp_path / "drop", {"things.csv": text}))
    assert raw_rows(store, "thing_id, name, _problem") == [
        ("T1", "a", None),
        ("T2", "stray", "malformed_row"),
        ("T3", "c", None),
        ("T4", '6"', None),
        ("T5", "e", None),
    ]


def test_text_that_looks_like_rows_of_something_else_stays_one_cell(store: StagingStore, tmp_path: Path) -> None:
    text = 'Thing ID,Name,Amount\nT1,"list:\napples,red,3\npears,green,4\n",1\nT2,b,2\n'
    read(store, write(tmp_path / "drop", {"things.csv": text}))
    assert raw_rows(store, "thing_id, name, _problem") == [
        ("T1", "list:\napples,red,3\npears,green,4\n", None),
        ("T2", "b", None),
    ]


def test_the_last_row_may_be_cut_off(store: StagingStore, tmp_path: Path) -> None:
    read(store, write(tmp_path / "drop", {"things.csv": 'Thing ID,Name,Amount\nT1,a,1\nT2,"cut'}))
    assert raw_rows(store, "thing_id, _problem, _detail") == [
        ("T1", None, None),
        ("T2", "malformed_row", "has a quote that is never closed"),
    ]


def test_mixed_line_ends_are_read(store: StagingStore, tmp_path: Path) -> None:
    read(store, write(tmp_path / "drop", {"things.csv": "Thing ID,Name,Amount\r\nT1,a,1\nT2,b,2\rT3,c,3\r\n"}))
    assert raw_rows(store, "_row, thing_id") == [(2, "T1"), (3, "T2"), (4, "T3")]


def test_a_separator_line_is_obeyed_and_not_counted(store: StagingStore, tmp_path: Path) -> None:
    read(store, write(tmp_path / "drop", {"things.csv": "sep=;\r\nThing ID;Name;Amount\r\nT1;a,b,c,d;1\r\n"}))
    assert raw_rows(store, "_row, thing_id, name") == [(2, "T1", "a,b,c,d")]


def test_the_delimiter_is_the_one_under_which_headings_are_known(store: StagingStore, tmp_path: Path) -> None:
    text = 'Thing ID;Name;Amount;"Notes, remarks, more, and, more"\nT1;a;1;x\n'
    audit = read(store, write(tmp_path / "drop", {"things.csv": text}))
    assert audit.files[0].delimiter == ";"
    assert audit.unknown_columns == ("Notes, remarks, more, and, more",)


def test_nul_characters_are_left_out_and_counted(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": b"Thing ID,Name,Amount\nT1,a\x00b\x00,1\n"}))
    assert raw_rows(store) == [("T1", "ab", "1")]
    assert [w.message for w in audit.warnings if w.code == "nul_characters"] == [
        "things.csv held 2 NUL characters; they were left out."
    ]


def test_a_byte_no_encoding_knows_blocks_and_is_named(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": b"Thing ID,Name,Amount\nT1,\xe9\x81,1\n"}))
    assert codes(audit.problems) == ["unreadable_file"]
    assert "byte 0x81 at offset 25" in audit.problems[0].message
    assert "cp1252" in audit.problems[0].message


def test_damaged_utf8_is_not_taken_for_another_encoding(store: StagingStore, tmp_path: Path) -> None:
    content = "Thing ID,Name,Amount\nT1,Zoë Müller Çelik,1\n".encode() + b"T2,caf\xe9,2\n"
    audit = read(store, write(tmp_path / "drop", {"things.csv": content}))
    assert codes(audit.problems) == ["unreadable_file"]
    assert f"byte 0xE9 at offset {content.index(0xE9)}" in audit.problems[0].message


@pytest.mark.parametrize("at", [(1 << 20) - 2, (1 << 20) - 1, 1 << 20])
def test_characters_across_chunks_are_no_fault(store: StagingStore, tmp_path: Path, at: int) -> None:
    head = "Thing ID,Name,Amount\nT1,"
    text = head + "x" * (at - len(head)) + "漢字,1\n"
    audit = read(store, write(tmp_path / "drop", {"things.csv": text}))
    assert audit.files[0].encoding == "utf-8"
    assert raw_rows(store, "right(name, 2), length(name)") == [("漢字", at - len(head) + 2)]


@pytest.mark.parametrize(("content", "says"), [(b"", "is empty"), (b"\n\n", "holds no header line")])
def test_a_file_without_a_header_blocks(store: StagingStore, tmp_path: Path, content: bytes, says: str) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": content}))
    assert codes(audit.problems) == ["unreadable_file"]
    assert says in audit.problems[0].message


def test_a_file_of_a_header_alone_has_no_rows(store: StagingStore, tmp_path: Path) -> None:
    audit = read(store, write(tmp_path / "drop", {"things.csv": "Thing ID,Name,Amount"}))
    assert (audit.rows, audit.problems) == (0, ())


def test_a_cell_of_megabytes_is_read(store: StagingStore, tmp_path: Path) -> None:
    """Longer than DuckDB's own limit for a line."""
    text = 'Thing ID,Name,Amount\nT1,"' + "long text\n" * 400_000 + '",1\nT2,b,2\n'
    read(store, write(tmp_path / "drop", {"things.csv": text}))
    assert raw_rows(store, "thing_id, length(name)") == [("T1", 4_000_000), ("T2", 1)]


def test_blank_lines_before_the_header_are_skipped(store: StagingStore, tmp_path: Path) -> None:
    read(store, write(tmp_path / "drop", {"things.csv": "\n \nThing ID,Name,Amount\nT1,a,1\n"}))
    assert raw_rows(store, "_row, thing_id") == [(4, "T1")]


@pytest.mark.parametrize("name", ["drop [2026]", "drop *", "what?", "it's", 'a "b"', "drop;1"])
def test_folders_may_have_any_name(store: StagingStore, tmp_path: Path, name: str) -> None:
    read(store, write(tmp_path / name, {"things.csv": "Thing ID,Name,Amount\nT1,a,1\n"}))
    assert raw_rows(store) == [("T1", "a", "1")]


def test_a_failed_reading_leaves_no_transaction_open(store: StagingStore, tmp_path: Path) -> None:
    read(store, write(tmp_path / "drop", {"things.csv": "Thing ID,Name,Amount\nT1,a\n"}))
    with store.transaction():
        store.execute("DELETE FROM raw.things")
    assert raw_rows(store) == []
