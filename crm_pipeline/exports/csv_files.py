"""One CSV file into a raw table: DuckDB's strict reader first, the tolerant one (``csv_rows``) where it would lose a row.

The strict reader's result is kept only when a census of the file agrees with it: every delimiter and every line end of
the file must be found again, between cells or inside them. DuckDB 2.0 drops an empty surplus cell at a row's end and
skips blank lines without counting them; both show in the census.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from crm_pipeline.exports.csv_rows import CsvShape, Record, read_records
from crm_pipeline.exports.encodings import TextFile
from crm_pipeline.exports.errors import UnreadableFileError
from crm_pipeline.exports.headings import HeadingMatch, match_headings
from crm_pipeline.exports.raw_tables import cells_sql
from crm_pipeline.exports.sql import Database, literal, quote
from crm_pipeline.specs import ObjectSpec

DELIMITERS = (",", ";", "\t", "|")
_HEAD, _CHUNK, _BATCH = 1 << 18, 1 << 20, 20_000


@dataclass(frozen=True)
class CsvFile:
    """A CSV file understood as far as its header."""

    name: str
    text: TextFile
    shape: CsvShape
    match: HeadingMatch

    @property
    def headings(self) -> tuple[str, ...]:
        """As in the file."""
        return self.shape.headings

    @cached_property
    def count(self) -> Count:
        """The bytes that matter for telling whether all of it was read."""
        return _count(self.text.path, self.shape.delimiter.encode())


def inspect(name: str, text: TextFile, spec: ObjectSpec) -> CsvFile:
    """Find delimiter and headings: the delimiter is the one under which most headings are known.

    Raises:
        UnreadableFileError: no line of it could be a header.
    """
    with text.path.open(encoding="utf-8-sig", newline="") as file:
        head = file.read(_HEAD)
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", head)
    marked = re.fullmatch(r"\"?sep=(.)\"?", lines[0].strip("\r\n ")) if lines else None
    skipped = 1 if marked else 0
    blank = 0
    while skipped + blank < len(lines) and not lines[skipped + blank].strip():
        blank += 1
    if skipped + blank >= len(lines):
        raise UnreadableFileError(name, "holds no header line. Export it again.")
    found: list[tuple[int, int, CsvFile]] = []
    for delimiter in (marked.group(1),) if marked else DELIMITERS:
        reader = csv.reader(iter(lines[skipped + blank :]), delimiter=delimiter)
        headings = tuple(next(reader, []))
        match = match_headings(spec, headings)
        header_lines = skipped + blank + reader.line_num
        shape = CsvShape(delimiter, headings, header_lines, 1 + blank, match.positions.get(spec.key))
        found.append((len(match.positions), len(headings), CsvFile(name, text, shape, match)))
    return max(found, key=lambda candidate: candidate[:2])[2]


class _NotAllReadError(Exception):
    """DuckDB's strict reader did not see all of a file, or can't be asked to."""


def append_file(store: Database, table: str, spec: ObjectSpec, file: CsvFile, rows_before: int) -> int:
    """Append all data rows of a file to a raw table, or none when it fails; returns how many."""
    try:
        with store.transaction():
            return _append_strictly(store, table, spec, file, rows_before)
    except (_NotAllReadError, duckdb.InvalidInputException, duckdb.ConversionException):
        with store.transaction():
            return _append_tolerantly(store, table, spec, file, rows_before)


def _append_strictly(store: Database, table: str, spec: ObjectSpec, file: CsvFile, rows_before: int) -> int:
    shape = file.shape
    # DuckDB counts no blank lines before a header, and takes these characters of a path for patterns.
    if shape.header_row != 1 or set("*?[") & set(str(file.text.path)):
        raise _NotAllReadError
    names = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(shape.headings)))
    skip = 1 if _has_sep_line(file) else 0
    reader = (
        f"read_csv({literal(str(file.text.path))}, auto_detect=false, header=true, columns={{{names}}}, "
        f"delim={literal(shape.delimiter)}, quote='\"', escape='\"', strict_mode=true, null_padding=false, skip={skip})"
    )
    read = store.rows(
        f"INSERT INTO {quote(table)} SELECT {rows_before} + n, {literal(file.name)}, n + 1, NULL, NULL, NULL, "
        f"{cells_sql(spec, file.match)} FROM (SELECT row_number() OVER () AS n, * FROM {reader})"
    )[0][0]
    census = _take_census(store, table, spec, file, rows_before)
    if not _agrees(census, file, read):
        raise _NotAllReadError
    return int(read) - (_delete_blank_rows(store, table, spec, rows_before) if census.blank_keys else 0)


def _delete_blank_rows(store: Database, table: str, spec: ObjectSpec, rows_before: int) -> int:
    """Remove a file's rows without any text, and number the others without gaps; returns how many there were."""
    of_file = f"_row_id > {rows_before}"
    blank = f"{of_file} AND blank(concat_ws('', {', '.join(_all_cells(spec))})) IS NULL"
    deleted = int(store.rows(f"DELETE FROM {quote(table)} WHERE {blank}")[0][0])
    if deleted:
        store.execute(
            f"UPDATE {quote(table)} AS t SET _row_id = {rows_before} + k.n FROM "
            f"(SELECT _row, row_number() OVER (ORDER BY _row) AS n FROM {quote(table)} WHERE {of_file}) AS k "
            f"WHERE {of_file} AND t._row = k._row"
        )
    return deleted


def _all_cells(spec: ObjectSpec) -> list[str]:
    """SQL for all texts of a raw row; the unknown columns' as one."""
    return [*map(quote, spec.columns), "array_to_string(map_values(_extra), chr(31))"]


def _has_sep_line(file: CsvFile) -> bool:
    with file.text.path.open("rb") as stream:
        return re.match(rb"(?:\xef\xbb\xbf)?\"?sep=", stream.read(16)) is not None


@dataclass(frozen=True)
class _Census:
    """What the rows read hold: delimiters and line ends inside cells, cells with lines like rows, rows without key."""

    delimiters: int
    lines: int
    suspicious: int
    blank_keys: int


def _take_census(store: Database, table: str, spec: ObjectSpec, file: CsvFile, rows_before: int) -> _Census:
    cells, width = _all_cells(spec), len(file.shape.headings)
    mark = f"\\x{{{ord(file.shape.delimiter):x}}}"
    like_a_row = literal(f"[\\r\\n](?:[^\\r\\n{mark}]*{mark}){{{width - 1}}}")
    spans = [
        f"CASE WHEN contains({c}, chr({line_end})) THEN regexp_matches({c}, {like_a_row}) END"
        for c in cells
        for line_end in (10, 13)
    ]
    key = quote(spec.key if spec.key in spec.columns else next(iter(spec.columns)))
    wanted = ["0", "0", "0"]
    if file.count.quotes:  # without quotes no cell can hold a delimiter or a line end
        suspicious = f"count_if({' OR '.join(spans)})" if width > 1 else "0"
        wanted = [_sum_of(cells, file.shape.delimiter), _sum_of(cells, file.count.line_end), suspicious]
    query = (
        f"SELECT {', '.join(wanted)}, count_if(blank({key}) IS NULL) FROM {quote(table)} WHERE _row_id > {rows_before}"
    )
    return _Census(*(int(value or 0) for value in store.rows(query)[0]))


def _agrees(census: _Census, file: CsvFile, records: int) -> bool:
    """Whether every delimiter and every line end of the file was found again in ``records`` rows."""
    count = file.count
    head_delimiters, head_lines = _head_census(file, count.line_end)
    delimiters = (len(file.shape.headings) - 1) * records + head_delimiters + census.delimiters
    lines = records + head_lines + census.lines - (0 if count.ends_with_line else 1)
    return not census.suspicious and count.delimiters == delimiters and count.lines == lines


def _sum_of(cells: list[str], text: str) -> str:
    """SQL for how often a one-byte text occurs in all cells together."""
    parts = (
        f"CASE WHEN contains({c}, {_chr(text)}) THEN strlen({c}) - strlen(replace({c}, {_chr(text)}, '')) ELSE 0 END"
        for c in cells
    )
    return f"sum({' + '.join(parts)})"


def _chr(text: str) -> str:
    return f"chr({ord(text)})"


def _head_census(file: CsvFile, line_end: str) -> tuple[int, int]:
    """Delimiters and line ends in the lines before the first data row."""
    with file.text.path.open(encoding="utf-8-sig", newline="") as stream:
        text = "".join(next(stream, "") for _ in range(file.shape.header_lines))
    return text.count(file.shape.delimiter), text.count(line_end) + (0 if text.endswith(("\r", "\n")) else 1)


@dataclass(frozen=True)
class Count:
    """What the bytes of a file hold; ``lines`` counts ``line_end``, which is a carriage return without any line feed."""

    delimiters: int
    lines: int
    line_end: str
    quotes: bool
    ends_with_line: bool


def _count(path: Path, delimiter: bytes) -> Count:
    delimiters = line_feeds = carriage_returns = 0
    quotes, last = False, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            delimiters += chunk.count(delimiter)
            line_feeds += chunk.count(b"\n")
            if not line_feeds:
                carriage_returns += chunk.count(b"\r")
            quotes = quotes or b'"' in chunk
            last = chunk[-1:]
    end = "\n" if line_feeds else "\r"
    return Count(delimiters, line_feeds or carriage_returns, end, quotes, last in (b"\n", b"\r"))


def _append_tolerantly(store: Database, table: str, spec: ObjectSpec, file: CsvFile, rows_before: int) -> int:
    rows = 0
    width = len(file.shape.headings)
    for batch in _batches(read_records(file.text.path, file.shape)):
        columns: dict[str, pl.Series] = {
            "_row_id": pl.Series(range(rows_before + rows + 1, rows_before + rows + len(batch) + 1), dtype=pl.Int64),
            "_row": pl.Series([record.row for record in batch], dtype=pl.Int64),
            "_raw": pl.Series([record.raw for record in batch], dtype=pl.String),
            "_detail": pl.Series([record.reason for record in batch], dtype=pl.String),
        }
        padded = [(record.cells + [""] * width)[:width] for record in batch]
        for index, cells in enumerate(zip(*padded, strict=True)):
            columns[f"c{index}"] = pl.Series([cell or None for cell in cells], dtype=pl.String)
        store.connection.register("_batch", pl.DataFrame(columns))
        try:
            store.execute(
                f"INSERT INTO {quote(table)} SELECT _row_id, {literal(file.name)}, _row, "
                f"CASE WHEN _raw IS NOT NULL THEN 'malformed_row' END, _raw, _detail, {cells_sql(spec, file.match)} FROM _batch"
            )
        finally:
            store.connection.unregister("_batch")
        rows += len(batch)
    return rows


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
