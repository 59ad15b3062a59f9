"""Writing sample files chunk by chunk, in the encodings and delimiters real exports come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import polars as pl

_MARKS = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


@dataclass(frozen=True)
class Dialect:
    """How one file is written.

    Attributes:
        headings: column → heading, where it is not the column's own name.
        sep_line: whether the file begins with 'sep=,'.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    line_end: str = "\n"
    headings: Mapping[str, str] = field(default_factory=dict)
    sep_line: bool = False


class CsvSink:
    """A CSV file being written; ``rows`` counts data rows, lines of blanks are none."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self.path, self.rows = path, 0
        self._dialect = dialect
        self._file: BinaryIO = path.open("wb")
        self._begun = False

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows; the first frame also gives the headings."""
        if not self._begun:
            self._file.write(_MARKS.get(self._dialect.encoding, b""))
            if self._dialect.sep_line:
                self._put(f"sep={self._dialect.delimiter}{self._dialect.line_end}")
            frame = frame.rename({k: v for k, v in self._dialect.headings.items() if k in frame.columns})
        text = frame.write_csv(
            include_header=not self._begun,
            separator=self._dialect.delimiter,
            line_terminator=self._dialect.line_end,
            quote_style="necessary",
        )
        self._begun = True
        self._put(text)
        self.rows += frame.filter(~pl.all_horizontal(pl.all().is_null())).height

    def write_raw(self, line: str, *, rows: int = 1) -> None:
        """Append text that need not be CSV; it counts as ``rows`` data rows."""
        self._put(line + self._dialect.line_end)
        self.rows += rows

    def _put(self, text: str) -> None:
        encoding = "utf-8" if self._dialect.encoding == "utf-8-sig" else self._dialect.encoding
        self._file.write(text.encode(encoding))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
