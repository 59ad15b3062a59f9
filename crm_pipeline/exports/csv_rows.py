"""The tolerant way to read a CSV: every row is kept, also those that are not CSV.

A row is malformed when it has too many or too few cells, when text follows a closing quote, or when a quote is never
closed. It is kept with its raw text and as many cells as it has.

**A stray quote** opens a field that swallows the lines after it. While a record spans several lines, each further line
is tried on its own: one that has exactly the header's number of cells and a key of the same shape as the first key of
the file (words with and without digits in the same pattern: 'L000123', 'D-1C1I7A6R') is a row of its own. Then the record ends before it: the line with
the stray quote alone is malformed, and reading goes on with the next line. The same happens when the record turns out
malformed, its quote is never closed, or it grows beyond ``RECORD_LIMIT``. Text that only looks like rows is not taken
apart: a well-formed record whose lines have other keys or cell counts stays one row.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from crm_pipeline.exports.values import OUTER_BLANKS

#: Characters after which an open quote counts as never closed.
RECORD_LIMIT = 16 << 20

_field_limit_lock = Lock()


@dataclass(frozen=True)
class CsvShape:
    """How a file is laid out.

    Attributes:
        headings: as in the file.
        header_lines: physical lines before the first data row (a 'sep=' line, blank lines, the header itself).
        header_row: the header's spreadsheet row, 1 unless blank lines come before it.
        key_at: index of the key's column, for telling rows from text.
    """

    delimiter: str
    headings: tuple[str, ...]
    header_lines: int
    header_row: int
    key_at: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its spreadsheet row, its cells, and its raw text when it is malformed."""

    row: int
    cells: list[str]
    raw: str | None = None
    reason: str | None = None


class _SwallowedLineError(Exception):
    """The line read last is a row of its own."""


class _EndlessRecordError(Exception):
    """A quote that is not closed within the limit."""


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    """``csv`` has one process-wide limit for a field's length; ours is ``RECORD_LIMIT``."""
    with _field_limit_lock:
        before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        try:
            yield
        finally:
            csv.field_size_limit(before)


def read_records(path: Path, shape: CsvShape) -> Iterator[Record]:
    """All rows of a UTF-8 file but blank ones, in order."""
    with path.open(encoding="utf-8-sig", newline="") as file, _unlimited_fields():
        for _ in range(shape.header_lines):
            next(file, None)
        yield from _Reader(file, shape).records()


class _Reader:
    def __init__(self, lines: Iterator[str], shape: CsvShape) -> None:
        self._lines, self._shape = lines, shape
        self._pushed: deque[str] = deque()
        self._width = len(shape.headings)
        self._key_shape: str | None = None
        self._spaced_quote = re.compile(rf"(?:^|{re.escape(shape.delimiter)}) +\"")

    def records(self) -> Iterator[Record]:
        row = self._shape.header_row
        while (line := self._next_line()) is not None:
            row += 1
            if '"' not in line:
                cells = line.rstrip("\r\n").split(self._shape.delimiter)
                record = Record(row, cells) if len(cells) == self._width else self._ragged(row, cells, line)
            else:
                record = self._quoted(row, line)
            text = record.cells if record.raw is None else record.raw.split(self._shape.delimiter)
            if not any(cell.strip(OUTER_BLANKS) for cell in text):
                continue
            if record.raw is None and self._key_shape is None and self._shape.key_at is not None:
                self._key_shape = _shape_of(record.cells[self._shape.key_at])
            yield record

    def _next_line(self) -> str | None:
        return self._pushed.popleft() if self._pushed else next(self._lines, None)

    def _ragged(self, row: int, cells: list[str], raw: str) -> Record:
        reason = f"has {len(cells)} cells, the header has {self._width}"
        return Record(row, cells, raw.rstrip("\r\n"), reason)

    def _quoted(self, row: int, first: str) -> Record:
        """A record that begins with ``first``, which holds a quote."""
        used = [first]
        spaced = self._spaced_quote.search(first) is not None and self._has_spaced_quote(first)
        reader = csv.reader(self._pull(used), delimiter=self._shape.delimiter, strict=True, skipinitialspace=spaced)
        reason = "has a quote that swallows the lines after it"
        try:
            cells = next(reader)
            if len(cells) == self._width:
                return Record(row, cells)
            if not self._splits(used):
                return self._ragged(row, cells, "".join(used))
        except _SwallowedLineError:
            pass
        except _EndlessRecordError:
            reason = f"has a quote that is not closed within {RECORD_LIMIT} characters"
        except csv.Error as error:
            ended = "end of data" in str(error)
            reason = "has a quote that is never closed" if ended else "has text after a closing quote"
            if not ended and not self._splits(used):
                raw = "".join(used).rstrip("\r\n")
                return Record(row, _loose_cells(raw, self._shape.delimiter), raw, reason)
        self._pushed.extendleft(reversed(used[1:]))
        return Record(row, _loose_cells(first, self._shape.delimiter), first.rstrip("\r\n"), reason)

    def _has_spaced_quote(self, line: str) -> bool:
        """Whether a cell begins with blanks before its quote (not: a quoted cell that holds such text)."""
        cells = next(csv.reader([line], delimiter=self._shape.delimiter))
        return any(cell.startswith(" ") and cell.lstrip(" ").startswith('"') for cell in cells)

    def _pull(self, used: list[str]) -> Iterator[str]:
        yield used[0]
        length = len(used[0])
        while (line := self._next_line()) is not None:
            used.append(line)
            length += len(line)
            if self._is_row(line, same_key=True):
                raise _SwallowedLineError
            if length > RECORD_LIMIT:
                raise _EndlessRecordError
            yield line

    def _splits(self, used: list[str]) -> bool:
        """Whether a malformed record of several lines holds lines that are rows of their own."""
        return any(self._is_row(line, same_key=False) for line in used[1:])

    def _is_row(self, line: str, *, same_key: bool) -> bool:
        delimiter, key_at = self._shape.delimiter, self._shape.key_at
        if self._width == 1 or line.count(delimiter) < self._width - 1:
            return False
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error:
            # An opened quote that goes on in the next line is fine, if the key before it has the right shape.
            cells = _loose_cells(line, delimiter)
            if not same_key or len(cells) > self._width:
                return False
        else:
            if len(cells) != self._width:
                return False
        if not same_key:
            return True
        known = self._key_shape
        return key_at is not None and known is not None and key_at < len(cells) and _shape_of(cells[key_at]) == known


def _shape_of(key: str) -> str | None:
    """A key's pattern: words that hold a digit as '9', other words as 'A', the rest as it is; None without any digit."""
    shape = re.sub(r"[^\W_]+", lambda word: "9" if any(map(str.isdigit, word.group())) else "A", key.strip())
    return shape if "9" in shape else None


def _loose_cells(raw: str, delimiter: str) -> list[str]:
    """Cells of a malformed row, as far as they can be told: for its key, never for its values."""
    return [cell.strip('"') for cell in raw.rstrip("\r\n").split(delimiter)]
