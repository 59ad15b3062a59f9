"""What cells of real workbooks become in the raw table."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import fastexcel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.exports.sheet_cells import column_letters, column_number, read_cells
from crm_pipeline.exports.workbooks import DATE, PERCENT, PLAIN, Workbook, format_kind
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import codes, raw_rows
from crm_pipeline_tests.exports.workbooks import HEADINGS, book, formula, number, read_book, with_sheet_xml


def cells(path: Path, size: int = 1 << 22) -> dict[str, str | None]:
    """Address → text of all cells of the first sheet."""
    with Workbook(path, path.name) as opened:
        frames = list(read_cells(opened, opened.sheets[0], size))
    return {f"{column_letters(col)}{row}": text for frame in frames for row, col, text in frame.select("row", "col", "text").iter_rows()}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1001, "1001"), (1001.0, "1001"), (0.25, "0.25"), (1234.5599999999999, "1234.56"), (1e-7, "0.0000001"), (1e20, "1" + "0" * 20),
        (-3.5, "-3.5"), (0, "0"), ("1001.0", "1001.0"), (" a ", " a "), ("a\nb", "a\nb"), ("R&D <b>", "R&D <b>"), ("_x000D_", "_x000D_"),
        ("Zoë 会議 👩", "Zoë 会議 👩"), (True, "TRUE"), (False, "FALSE"), (date(2024, 3, 1), "2024-03-01"),
        (datetime(2024, 3, 1, 13, 30, 15), "2024-03-01 13:30:15"), (datetime(2024, 3, 1), "2024-03-01"), (date(1900, 2, 28), "1900-02-28"),
        (date(1900, 3, 1), "1900-03-01"), (number(0.25, "percent"), "25%"), (number(0.07, "percent"), "7%"), (number(0.125, "percent"), "12.5%"),
        (number(0.5, "time"), "12:00:00"), (number(1.5, "elapsed"), "1.5"), (number(1234.5, "money"), "1234.5"), (number(60, "date"), "60"),
        (number(-1, "date"), "-1"), (formula("=1+1", 2), "2"), (formula('="a"&"b"', "ab"), "ab"), (formula("=1>0", True), "TRUE"),
        (formula("=NA()", "#N/A"), "#N/A"), (formula("=1/0", "#DIV/0!"), "#DIV/0!"), (formula('=IF(1,"x<y","")', "x<y"), "x<y"),
    ],
)  # fmt: skip
def test_every_kind_of_cell(tmp_path: Path, value: Any, text: str) -> None:
    book(tmp_path / "a.xlsx", [["h"], [value]])
    assert cells(tmp_path / "a.xlsx").get("A2") == text


def test_a_workbook_that_counts_from_1904_has_the_same_days(tmp_path: Path, store: StagingStore) -> None:
    day = date(2024, 3, 1)
    rows = [["ThingID", "Day"], [1, day], [2, 45352 - 1462]]
    folder = book(tmp_path / "drop" / "Things.xlsx", rows, options={"date_1904": True})
    read_book(store, folder)
    assert raw_rows(store, "day") == [("2024-03-01",), ("45352",)]


def test_rich_text_is_one_text(tmp_path: Path) -> None:
    def rich(sheet: Any, row: int, col: int, formats: Any) -> None:
        sheet.write_rich_string(row, col, "Say ", formats["bold"], "it", " & mean it")

    book(tmp_path / "a.xlsx", [[rich, "plain"]])
    assert cells(tmp_path / "a.xlsx") == {"A1": "Say it & mean it", "B1": "plain"}


@pytest.mark.parametrize("options", [{}, {"constant_memory": True}])
@pytest.mark.parametrize("size", [64, 1 << 22])
def test_chunks_and_inline_texts_change_nothing(tmp_path: Path, options: dict[str, Any], size: int) -> None:
    rows = [[f"text {row} & more", row, None, row / 8] for row in range(40)]
    book(tmp_path / "a.xlsx", rows, options=options)
    expected = {f"A{n + 1}": row[0] for n, row in enumerate(rows)} | {f"B{n + 1}": str(n) for n in range(40)}
    expected |= {f"D{n + 1}": f"{n / 8:g}" for n in range(40)}
    assert cells(tmp_path / "a.xlsx", size) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml.replace("<c ", "<x:c ").replace("</c>", "</x:c>").replace("<worksheet ", '<worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '),
        lambda xml: xml.replace("<sheetData>", "<sheetData><!-- by hand -->"),
        lambda xml: xml.replace('r="A1" ', "").replace('r="B1"', "").replace("<c >", "<c>"),
        lambda xml: xml.replace('r="A1" t="s"', "t='s' r='A1'"),
        lambda xml: xml.replace('r="A1" t="s"', 't="s" r="A1"'),
        lambda xml: xml.replace("<v>2.5</v>", "<v><![CDATA[2.5]]></v>"),
        lambda xml: xml.replace("<c r=", "<c\nr="),
    ],
    ids=["prefix", "comment", "no address", "single quotes", "other order", "cdata", "line end"],
)
def test_xml_that_is_written_otherwise_means_the_same(tmp_path: Path, change: Any) -> None:
    book(tmp_path / "a.xlsx", [["text", 2.5], ["more", 7]])
    with_sheet_xml(tmp_path / "a.xlsx", change)
    assert cells(tmp_path / "a.xlsx") == {"A1": "text", "B1": "2.5", "A2": "more", "B2": "7"}


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from("<>&'\"\n\t_x "), min_size=1, max_size=20)
values = texts | st.integers(-(10**14), 10**14) | st.floats(-1e12, 1e12, allow_nan=False) | st.booleans() | st.none()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(values, min_size=3, max_size=3), min_size=1, max_size=12))
def test_what_is_written_is_read_and_agrees_with_another_reader(tmp_path_factory: pytest.TempPathFactory, rows: list[list[Any]]) -> None:
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    book(path, [["a", "b", "c"], *rows])
    found = cells(path)
    other = fastexcel.read_excel(str(path)).load_sheet(0, header_row=None, skip_rows=0, dtypes="string").to_polars().rows()
    for row, written in enumerate(rows, start=2):
        for col, value in enumerate(written):
            text = found.get(f"{column_letters(col)}{row}")
            if value is None:
                assert text is None
            elif isinstance(value, bool):
                assert text == str(value).upper()
            elif isinstance(value, str):
                assert text == value == (other[row - 1][col] if row <= len(other) else None)
            else:
                assert float(text or "nan") == pytest.approx(value, rel=1e-15)
                assert "e" not in (text or "").lower()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", PLAIN), ("0.00", PLAIN), ("dd/mm/yyyy", DATE), ("d-mmm-yy", DATE), ("[$-C09]dd mmmm yyyy;@", DATE), ("h:mm AM/PM", DATE),
        ("0%", PERCENT), ('0.0"%"', PLAIN), ("0.0\\%", PLAIN), ("[h]:mm", PLAIN), ("[Red]0.00", PLAIN), ('"days" 0', PLAIN), ("@", PLAIN),
        ("mm:ss.0", DATE), ('#,##0 "h"', PLAIN), ("yyyy", DATE), ("0.00E+00", PLAIN), ("_-$* #,##0.00_-", PLAIN), ('0" %"', PLAIN),
    ],
)  # fmt: skip
def test_number_formats(code: str, kind: int) -> None:
    assert format_kind(code) == kind


@given(st.integers(0, 16383))
def test_letters_of_columns(index: int) -> None:
    assert column_number(column_letters(index)) == index


def test_a_formula_without_result_sets_its_row_aside(store: StagingStore, tmp_path: Path) -> None:
    rows = [HEADINGS, [1, "a", formula("=2*3", "")], [2, formula('=""', ""), 4], [3, "c", formula("=2*3", 6)]]
    folder = book(tmp_path / "drop" / "Things.xlsx", rows)
    with_sheet_xml(folder / "Things.xlsx", lambda xml: xml.replace('<c r="B3"><f>', '<c r="B3" t="str"><f>'))
    audit = read_book(store, folder)
    assert codes(audit.problems) == []
    assert raw_rows(store, "_row, _problem, _raw, _detail, name, amount") == [
        (2, "malformed_row", "=2*3", "has a formula in column 'Amount' (C2) whose result was not saved. Open the workbook in Excel and save it", "a", None),
        (3, None, None, None, None, "4"),
        (4, None, None, None, "c", "6"),
    ]  # fmt: skip


def test_numbers_keep_what_they_mean_as_text(store: StagingStore, tmp_path: Path) -> None:
    rows = [HEADINGS, [1, "a", 12.345, 0.25, 45352], [2, 12.345, 1234.5, number(0.25, "percent")], [10**15, "x"]]
    read_book(store, book(tmp_path / "drop" / "Things.xlsx", rows))
    assert raw_rows(store, "amount, share, name, day, _problem") == [
        ("12.3450", "0.25", "a", "45352", None),
        ("1234.5", "25%", "12.345", None, None),
        (None, None, "x", None, "malformed_row"),
    ]
