from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm_pipeline.exports.csv_rows import CsvShape, read_records
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import raw_rows, read, write
from crm_pipeline_tests.properties.value_macros import trimmed

HEAD = ["Thing ID", "Name", "Amount"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    with StagingStore(tmp_path_factory.mktemp("store") / "test.duckdb") as opened:
        yield opened


cells = st.text(st.sampled_from("abé €ñ\"',;|\t\n\r"), max_size=8)


def as_csv(rows: Sequence[Sequence[str]], delimiter: str, line_end: str, *, always: bool) -> str:
    """RFC 4180; ``csv.writer`` leaves a line end in a cell unquoted when it is not the file's own."""

    def written(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if always or set(cell) & set(f'{delimiter}"\r\n') else cell

    return "".join(delimiter.join(map(written, row)) + line_end for row in rows)


tables = st.lists(st.tuples(st.builds("K{}".format, st.integers(1, 99)) | cells, cells, cells), max_size=12)


@settings(deadline=None, max_examples=80)
@given(
    table=tables,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    always=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    ends=st.booleans(),
)
@example(  # a quoted cell that looks like a blank before a quote
    table=[("K1", "", "\n"), ("K1", " ", "; ")], delimiter=";", line_end="\r", always=False, encoding="utf-8", ends=False
)
def test_what_is_written_as_csv_is_read_back_cell_by_cell(
    store: StagingStore,
    tmp_path_factory: pytest.TempPathFactory,
    table: list[tuple[str, str, str]],
    delimiter: str,
    line_end: str,
    always: bool,  # noqa: FBT001 -- drawn by hypothesis
    encoding: str,
    ends: bool,  # noqa: FBT001 -- drawn by hypothesis
) -> None:
    """Whatever reader takes the file: every cell, every spreadsheet row, nothing else."""
    content = as_csv([HEAD, *table], delimiter, line_end, always=always)
    content = content if ends else content.removesuffix(line_end)
    folder = write(tmp_path_factory.mktemp("csv"), {"things.csv": content.encode(encoding)})
    audit = read(store, folder)
    expected = [
        (number, *(cell or None for cell in row))
        for number, row in enumerate(table, start=2)
        if any(trimmed(cell) for cell in row)
    ]
    assert raw_rows(store, "_row, thing_id, name, amount") == expected
    assert raw_rows(store, "_row_id, _problem") == [(number, None) for number in range(1, len(expected) + 1)]
    assert audit.rows == len(expected)


@settings(deadline=None, max_examples=80)
@given(
    lines=st.lists(st.text(st.sampled_from('K12ab,," \t'), max_size=12), max_size=14),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_no_line_is_lost_however_broken(
    store: StagingStore, tmp_path_factory: pytest.TempPathFactory, lines: list[str], line_end: str
) -> None:
    """Every line is a row, or a line inside a quoted cell, or in the raw text of a malformed row."""
    folder = write(tmp_path_factory.mktemp("csv"), {"things.csv": line_end.join([",".join(HEAD), *lines]) + line_end})
    read(store, folder)
    rows = raw_rows(store, "_raw, thing_id, name, amount")
    texts = [raw if raw is not None else "".join(cell or "" for cell in cells) for raw, *cells in rows]
    assert sorted(c for text in texts for c in text if c in "K12ab") == sorted(
        c for line in lines for c in line if c in "K12ab"
    )
    assert len(rows) <= len(lines)


@settings(deadline=None, max_examples=40)
@given(table=tables, delimiter=st.sampled_from(",;"))
def test_the_tolerant_reader_agrees_with_the_strict_one(
    store: StagingStore, tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]], delimiter: str
) -> None:
    folder = write(
        tmp_path_factory.mktemp("csv"), {"things.csv": as_csv([HEAD, *table], delimiter, "\n", always=False)}
    )
    read(store, folder)
    shape = CsvShape(delimiter, tuple(HEAD), 1, 1, 0)
    tolerant = [(r.row, *(cell or None for cell in r.cells)) for r in read_records(folder / "things.csv", shape)]
    assert tolerant == raw_rows(store, "_row, thing_id, name, amount")


def test_a_stray_quote_among_many_rows_costs_one_row(store: StagingStore, tmp_path: Path) -> None:
    lines = [f"T{n},name {n},{n}" for n in range(1, 3001)]
    for number in (10, 1500, 2999):
        lines[number] = f'T{number + 1},"stray {number},{number}'
    read(store, write(tmp_path / "drop", {"things.csv": "\n".join([",".join(HEAD), *lines]) + "\n"}))
    rows = raw_rows(store, "thing_id, _problem")
    assert [key for key, _ in rows] == [f"T{n}" for n in range(1, 3001)]
    assert [key for key, problem in rows if problem] == ["T11", "T1501", "T3000"]
