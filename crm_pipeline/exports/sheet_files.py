"""One sheet of a workbook into a raw table; every row keeps the number Excel shows.

The header is the row, among the first ``HEADER_ROWS``, under which most headings are known; what stands above it (titles,
a print line) is no data, nor are blank rows, nor a footer as the source's spec describes it.

Cells are text in the raw table as ``sheet_cells`` says; but an amount with three decimals gets a fourth, because as text
'12.345' may also mean twelve thousand, and a plain number in a date column of a workbook that counts from 1904 is brought
to the usual count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from crm_pipeline.exports.errors import UnreadableFileError
from crm_pipeline.exports.headings import HeadingMatch, match_headings
from crm_pipeline.exports.names import fold_title
from crm_pipeline.exports.raw_tables import cells_sql
from crm_pipeline.exports.sheet_cells import LATER_1904, TOO_LONG, column_letters, plain_numbers, read_cells
from crm_pipeline.exports.sql import Database, literal, quote
from crm_pipeline.exports.values import OUTER_BLANKS
from crm_pipeline.exports.workbooks import Sheet, Workbook
from crm_pipeline.specs import ObjectSpec

#: Rows among which the header is looked for.
HEADER_ROWS = 50
_HEAD = 1 << 18
_NO_ROWS = pl.DataFrame(schema={"row": pl.Int64, "col": pl.Int32, "text": pl.String, "number": pl.Float64, "formula": pl.String})


class MissingSheetError(UnreadableFileError):
    """A workbook without the sheet that is looked for."""


@dataclass(frozen=True)
class SheetFile:
    """A sheet understood as far as its header.

    Attributes:
        name: the workbook's file name.
        sheet: its title.
        header_row: as Excel numbers it.
    """

    name: str
    path: Path
    sheet: Sheet
    headings: tuple[str, ...]
    match: HeadingMatch
    header_row: int

    @property
    def label(self) -> str:
        """What rows are said to come from."""
        return f"{self.name}, sheet {self.sheet.title}"


@dataclass
class SheetRead:
    """What was read of a sheet.

    Attributes:
        stated: numbers of rows that footers give.
        without_heading: cells with a value beside the headings, as ('K7', …); the first few, and how many there are.
    """

    rows: int = 0
    stated: list[int] = field(default_factory=list)
    without_heading: list[str] = field(default_factory=list)
    cells_without_heading: int = 0


def find_sheet(book: Workbook, title: str, aliases: tuple[str, ...] = ()) -> Sheet:
    """The sheet of a title, else of the first alias there is.

    Raises:
        MissingSheetError: there is none.
    """
    for wanted in (title, *aliases):
        for sheet in book.sheets:
            if fold_title(sheet.title) == fold_title(wanted):
                return sheet
    there = ", ".join(f"'{sheet.title}'" for sheet in book.sheets) or "none"
    says = (
        f"has no sheet '{title}'; its sheets are: {there}. Export it again with that sheet, or add the title to the "
        "source's spec (sheet_aliases)."
    )
    raise MissingSheetError(book.name, says)


def inspect_sheet(name: str, path: Path, spec: ObjectSpec) -> SheetFile:
    """Find an object's sheet and its header.

    Where no sheet has the title, but the workbook has one visible sheet and that all required columns, it is the one.

    Raises:
        UnreadableFileError: the workbook can't be read, or no row could be the header.
        MissingSheetError: the workbook has no such sheet.
    """
    with Workbook(path, name) as book:
        visible = [sheet for sheet in book.sheets if not sheet.is_hidden]
        try:
            return _inspected(name, path, spec, book, find_sheet(book, spec.sheet or "", spec.sheet_aliases))
        except MissingSheetError:
            if len(visible) != 1:
                raise
            file = _inspected(name, path, spec, book, visible[0])
            if file.match.missing_required or not set(spec.columns) & {spec.key} <= file.match.positions.keys():
                raise
            return file


def _inspected(name: str, path: Path, spec: ObjectSpec, book: Workbook, sheet: Sheet) -> SheetFile:
    rows = all_rows(book, sheet, HEADER_ROWS)
    found = [(len(match.positions), -row, headings, match) for row, headings in rows for match in [match_headings(spec, headings)]]
    best = max(found, key=lambda each: each[:2], default=None)
    if best is None:
        raise UnreadableFileError(name, f"has an empty sheet '{sheet.title}', without a header row. Export it again.")
    if not best[0]:
        wanted = ", ".join(f"'{column.heading}'" for column in list(spec.columns.values())[:4])
        says = (
            f"has no header row among the first {HEADER_ROWS} rows of the sheet '{sheet.title}': none holds a heading such as "
            f"{wanted}. Export it again, or add its headings to the source's spec."
        )
        raise UnreadableFileError(name, says)
    return SheetFile(name, path, sheet, best[2], best[3], -best[1])


def all_rows(book: Workbook, sheet: Sheet, last: int | None = None) -> list[tuple[int, tuple[str, ...]]]:
    """(row, texts from column A on) of a small sheet's rows with content, or of its rows up to ``last``."""
    frames = []
    for frame in read_cells(book, sheet, _HEAD):
        frames.append(frame if last is None else frame.filter(pl.col("row") <= last))
        if frame.height > frames[-1].height:
            break
    cells = pl.concat(frames) if frames else _NO_ROWS
    rows: list[tuple[int, tuple[str, ...]]] = []
    for (row,), group in cells.group_by("row", maintain_order=True):
        texts = [""] * (max(group["col"].to_list()) + 1)
        for col, text in group.select("col", "text").iter_rows():
            texts[col] = text or ""
        if any(text.strip(OUTER_BLANKS) for text in texts):
            rows.append((int(str(row)), tuple(texts)))
    return rows


def append_sheet(
    store: Database, table: str, spec: ObjectSpec, file: SheetFile, rows_before: int, footer: str | None
) -> SheetRead:
    """Append all data rows of a sheet to a raw table, or none when it fails.

    Raises:
        UnreadableFileError: the sheet is damaged.
    """
    read = SheetRead()
    with store.transaction(), Workbook(file.path, file.name) as book:
        rows = _Rows(spec, file, starts_1904=book.starts_1904, footer=footer)
        for cells in read_cells(book, file.sheet):
            wide = rows.wide(cells.filter(pl.col("row") > file.header_row), read)
            if wide.is_empty():
                continue
            wide = wide.with_columns(_row_id=pl.int_range(pl.len(), dtype=pl.Int64) + rows_before + read.rows + 1)
            store.connection.register("_batch", wide)
            try:
                store.execute(
                    f"INSERT INTO {quote(table)} SELECT _row_id, {literal(file.label)}, _row, "
                    f"CASE WHEN _raw IS NOT NULL THEN 'malformed_row' END, _raw, _detail, {cells_sql(spec, file.match)} FROM _batch"
                )
            finally:
                store.connection.unregister("_batch")
            read.rows += wide.height
    return read


class _Rows:
    """Makes rows of cells."""

    def __init__(self, spec: ObjectSpec, file: SheetFile, *, starts_1904: bool, footer: str | None) -> None:
        self._file, self._starts_1904, self._footer = file, starts_1904, footer
        by_type: dict[str, list[int]] = {}
        for name, position in file.match.positions.items():
            by_type.setdefault(spec.columns[name].type, []).append(position)
        self._dates = by_type.get("date", []) + by_type.get("dt", [])
        self._money, self._keys = by_type.get("money", []), by_type.get("key", [])

    def wide(self, cells: pl.DataFrame, read: SheetRead) -> pl.DataFrame:
        """``_row, _raw, _detail`` and ``c0`` … of every row with some text; what else there is goes to ``read``."""
        width = len(self._file.headings)
        rows = self._data_rows(cells, read)
        cells = cells.join(rows, on="row", how="semi")
        beside = cells.filter((pl.col("col") >= width) & (pl.col("text") != ""))
        read.cells_without_heading += beside.height
        for row, col in beside.select("row", "col").head(3 - len(read.without_heading)).iter_rows():
            read.without_heading.append(f"{column_letters(col)}{row}")
        cells = cells.filter(pl.col("col") < width)
        cells = cells.with_columns(self._text())
        wide = rows.rename({"row": "_row"})
        names = {index: f"c{index}" for index in range(width)}
        columns = cells.select("row", "col", "text").partition_by("col", as_dict=True, include_key=False)
        for index, name in names.items():
            if (index,) in columns:
                wide = wide.join(columns[(index,)].rename({"text": name}), left_on="_row", right_on="row", how="left")
            else:
                wide = wide.with_columns(pl.lit(None, dtype=pl.String).alias(name))
        faults = self._faults(cells)
        return wide.join(faults, on="_row", how="left", maintain_order="left")

    def _data_rows(self, cells: pl.DataFrame, read: SheetRead) -> pl.DataFrame:
        """Numbers of the rows with some text that are no footer."""
        filled = cells.filter((pl.col("text").str.strip_chars(OUTER_BLANKS) != "") | pl.col("formula").is_not_null())
        if self._footer is None:
            return filled.select("row").unique(maintain_order=True)
        grouped = filled.group_by("row", maintain_order=True)
        line = pl.col("text").str.strip_chars(OUTER_BLANKS).head(3).str.join(" ")
        short = grouped.agg(pl.len().alias("cells"), line.alias("line"))
        pattern = f"^(?i:{self._footer})$"
        is_footer = (pl.col("cells") <= 2) & pl.col("line").str.contains(pattern)
        for text in short.filter(is_footer)["line"].to_list():
            found = re.match(pattern, text)
            digits = re.sub(r"\D", "", found.group(1) or "") if found and found.re.groups else ""
            if digits:
                read.stated.append(int(digits))
        return short.filter(~is_footer).select("row")

    def _text(self) -> pl.Expr:
        text, number, col = pl.col("text"), pl.col("number"), pl.col("col")
        three = col.is_in(self._money) & number.is_not_null() & text.str.contains(r"\.[0-9]{3}$")
        found = pl.when(three).then(text + "0").otherwise(text)
        if self._starts_1904:
            usual = (number + LATER_1904).map_batches(plain_numbers, return_dtype=pl.String)
            found = pl.when(col.is_in(self._dates) & number.is_not_null()).then(usual).otherwise(found)
        return found.alias("text")

    def _faults(self, cells: pl.DataFrame) -> pl.DataFrame:
        """``_row, _raw, _detail`` of rows whose content can't be known: formulas without result, keys cut short."""
        lost = pl.col("col").is_in(self._keys) & (pl.col("number").abs() >= TOO_LONG)
        faulty = cells.filter(pl.col("formula").is_not_null() | lost).unique("row", keep="first", maintain_order=True)
        found = []
        for row, col, formula, number in faulty.select("row", "col", "formula", "number").iter_rows():
            place = f"column '{self._file.headings[col].strip()}' ({column_letters(col)}{row})"
            if formula is not None:
                detail = f"has a formula in {place} whose result was not saved. Open the workbook in Excel and save it"
                found.append((row, f"={formula}", detail))
            else:
                detail = f"has a number of more than 15 digits in {place}, of which Excel kept 15. Let the CRM export it as text"
                found.append((row, f"{number:.0f}", detail))
        return pl.DataFrame(found, schema={"_row": pl.Int64, "_raw": pl.String, "_detail": pl.String}, orient="row")
