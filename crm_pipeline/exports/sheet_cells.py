"""The cells of a sheet, columnar: a frame for every few megabytes of its XML.

What a cell's text is: texts as they are; numbers in plain decimals without '.0' or exponent; numbers in a date format as
ISO date, date and time, or time; numbers in a percent format as '25%'; booleans as TRUE and FALSE; error values as
'#N/A' and so on. Formulas count by the result that was saved with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import IO
from xml.etree import ElementTree as ET

import polars as pl

from crm_pipeline.exports.workbooks import (
    DATE,
    PERCENT,
    PLAIN,
    Sheet,
    Workbook,
    chunks,
    has_markup,
    is_plain_xml,
    rich_text,
)
from crm_pipeline.exports.xml_text import joined_texts, plain_text, xml_texts

#: A sheet's cells as they stand in XML; ``text`` is that of inline strings.
_RAW: dict[str, type[pl.DataType]] = {
    "row": pl.Int64, "col": pl.Int32, "style": pl.Int64, "type": pl.String, "value": pl.String, "formula": pl.String,
    "text": pl.String,
}  # fmt: skip
#: A cell that holds a value and nothing else, after '<c ', as all spreadsheets write it.
_PLAIN_CELL = (
    '^r="(?<letters>[A-Z]{1,3})(?<row>[0-9]{1,7})"(?: s="(?<style>[0-9]{1,6})")?(?: t="(?<type>[a-zA-Z]+)")?'
    "(?:/>|>(?:<v>(?<value>[^<]*)</v>)?</c>)"
)
_UNUSUAL_CELLS = (":c r=", "<c>", "<c/>", "<c\n", "<c\r", "<c\t")
_HEAD, _SLOW_BATCH = 1 << 16, 50_000
_DAY = 86_400_000
#: Whole numbers from here on have lost digits: Excel keeps 15.
TOO_LONG = 1e15
_EPOCH = -25_569  # days from 1970-01-01 to Excel's 0, with the leap day of 1900 that never was
#: So many days later 1904's numbers begin.
LATER_1904 = 1_462


class _UnusualXmlError(Exception):
    """The XML may be right, but is not written as spreadsheets write it."""


def read_cells(book: Workbook, sheet: Sheet, size: int = 1 << 22) -> Iterator[pl.DataFrame]:
    """All cells with content, in frames of whole rows, in order.

    Columns: ``row`` and ``col`` (from 1 and 0), ``text``, ``number`` (of a number in a plain format, else NULL),
    ``formula`` (of one that has no result, else NULL).

    Raises:
        UnreadableFileError: the sheet is damaged.
    """
    done = 0
    with book.intact():
        with book.open_part(sheet.part) as stream:
            head = stream.read(_HEAD)
        if is_plain_xml(head, b"worksheet"):
            try:
                with book.open_part(sheet.part) as stream:
                    for raw in _quick_cells(stream, size):
                        yield _meant(book, raw)
                        done = max(done, int(raw["row"][-1]))
            except _UnusualXmlError:
                pass
            else:
                return
        with book.open_part(sheet.part) as stream:
            for raw in _slow_cells(stream):
                yield _meant(book, raw.filter(pl.col("row") > done))


# -- from XML to cells -----------------------------------------------------------------------------------------------


def _quick_cells(stream: IO[bytes], size: int) -> Iterator[pl.DataFrame]:
    """Cells by searching the text of XML, in chunks; whatever looks unusual is left to a parser."""
    chunk = ""
    for chunk in chunks(stream, b"</row>", size):
        if has_markup(chunk) or any(mark in chunk for mark in _UNUSUAL_CELLS):
            raise _UnusualXmlError
        pieces = pl.Series("x", [chunk]).str.split("<c ").explode()[1:]
        if pieces.is_empty():
            continue
        frame = pieces.str.extract_groups(_PLAIN_CELL).struct.unnest().with_columns(
            pieces, pl.lit(None, dtype=pl.String).alias("formula"), pl.lit(None, dtype=pl.String).alias("text")
        ).with_row_index()  # fmt: skip
        others = frame.filter(pl.col("row").is_null())
        if others.height:
            frame = pl.concat([frame.filter(pl.col("row").is_not_null()), _any_cells(others)]).sort("index")
        frame = frame.with_columns(
            pl.col("row").cast(pl.Int64), pl.col("style").cast(pl.Int64).fill_null(0), pl.col("type").fill_null("n"),
            _column_numbers(frame["letters"]).alias("col"),
        )  # fmt: skip
        strings = pl.col("value").is_not_null() & (pl.col("type") == "str")
        if frame.select(strings.any()).item():
            meant = frame.filter(strings).with_columns(pl.col("value").map_batches(xml_texts, return_dtype=pl.String))
            frame = pl.concat([frame.filter(~strings), meant]).sort("index")
        yield frame.select(*_RAW)
    if "</sheetData>" not in chunk and "<sheetData/>" not in chunk:
        raise _UnusualXmlError  # it may be cut off: the parser will tell


def _any_cells(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells with formulas, texts of their own, or attributes in another order."""
    x, start = pl.col("x"), pl.col("start")
    frame = frame.with_columns(x.str.extract("^([^>]*)>").alias("start")).with_columns(
        start.str.extract(r'(?:^|\s)r="([A-Z]{1,3})[0-9]+"').alias("letters"),
        start.str.extract(r'(?:^|\s)r="[A-Z]{1,3}([0-9]+)"').alias("row"),
        start.str.extract(r'(?:^|\s)s="([0-9]+)"').alias("style"),
        start.str.extract(r'(?:^|\s)t="([A-Za-z]+)"').alias("type"),
        x.str.extract(r"<v(?:\s[^>]*)?>([^<]*)</v>").alias("value"),
        pl.when(x.str.contains("<f[ >/]")).then(x.str.extract("<f[^>]*>([^<]*)</f>").fill_null("")).alias("formula"),
        pl.when(x.str.contains("<is>", literal=True)).then(x.map_batches(joined_texts, return_dtype=pl.String)).alias("text"),
    )  # fmt: skip
    if frame["row"].null_count() or frame["start"].str.contains("'", literal=True).any():
        raise _UnusualXmlError
    return frame.drop("start")


def _column_numbers(letters: pl.Series) -> pl.Series:
    """'A' is 0, 'AA' is 26; each different text is looked at once."""
    different = letters.unique()
    numbers = pl.Series([column_number(text) for text in different.to_list()], dtype=pl.Int32)
    return letters.replace_strict(different, numbers, return_dtype=pl.Int32)


def column_number(letters: str) -> int:
    """Index of a column from its letters: 0 for 'A'."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """Letters of a column's index: 'A' for 0."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _slow_cells(stream: IO[bytes]) -> Iterator[pl.DataFrame]:
    """The same with an XML parser, element by element: for files with prefixes, comments or cells without addresses."""
    batch: list[tuple[int, int, int, str, str | None, str | None, str | None]] = []
    row = 0
    for _, element in ET.iterparse(stream, ("end",)):  # noqa: S314
        if element.tag.rpartition("}")[2] != "row":
            continue
        row = int(element.get("r", row + 1))
        col = -1
        for cell in element:
            address = cell.get("r")
            col = column_number(address.rstrip("0123456789")) if address else col + 1
            inner = {child.tag.rpartition("}")[2]: child for child in cell}
            value, formula = inner.get("v"), inner.get("f")
            text = plain_text(rich_text(inner["is"])) if "is" in inner else None
            kind = cell.get("t", "n")
            shown = None if value is None else plain_text(value.text or "") if kind == "str" else value.text or ""
            batch.append((row, col, int(cell.get("s", "0")), kind, shown, None if formula is None else formula.text or "", text))
        element.clear()
        if len(batch) >= _SLOW_BATCH:
            yield pl.DataFrame(batch, schema=_RAW, orient="row")
            batch = []
    yield pl.DataFrame(batch, schema=_RAW, orient="row")


# -- from cells to what they mean ------------------------------------------------------------------------------------


def _meant(book: Workbook, raw: pl.DataFrame) -> pl.DataFrame:
    value, kind = pl.col("value"), pl.col("type")
    calculated = value.is_not_null() & ((value != "") | (kind == "str"))
    frame = raw.with_columns(
        _shared(book, raw).alias("shared"),
        pl.when(kind == "n").then(value).cast(pl.Float64, strict=False).alias("float"),
        _kinds(book, raw["style"]).alias("kind"),
    )
    number = pl.col("float")
    plain, date, percent = (pl.col("kind") == each for each in (PLAIN, DATE, PERCENT))
    frame = frame.with_columns(
        pl.when(date).then(_moments(number, starts_1904=book.starts_1904)).alias("moment"),
        pl.when(kind == "n").then(plain_numbers(frame["float"])).alias("plain"),
    )
    text = (
        pl.when(kind == "s").then("shared").when(kind == "inlineStr").then("text")
        .when(kind.is_in(["str", "e", "d"])).then("value")
        .when(kind == "b").then(pl.when(value == "1").then(pl.lit("TRUE")).when(value == "0").then(pl.lit("FALSE")))
        .when(percent & number.is_not_null()).then(_percents(number))
        .when(pl.col("moment").is_not_null()).then("moment")
        .when(number.is_not_null()).then("plain")
        .when(value != "").then("value")
    )  # fmt: skip
    return frame.select(
        "row", "col", text.alias("text"),
        pl.when(plain).then(number).alias("number"),
        pl.when(pl.col("formula").is_not_null() & ~calculated).then("formula").alias("formula"),
    ).filter((pl.col("text") != "") | pl.col("formula").is_not_null())  # fmt: skip


def _shared(book: Workbook, raw: pl.DataFrame) -> pl.Series:
    numbers = raw.select(pl.when(pl.col("type") == "s").then("value").cast(pl.Int64, strict=False))["value"]
    if numbers.null_count() == len(numbers):
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(numbers))
    if (numbers >= len(book.texts)).any():
        raise KeyError(f"a text beyond the {len(book.texts)} shared ones")
    return book.texts.gather(numbers)


def _kinds(book: Workbook, styles: pl.Series) -> pl.Series:
    return book.kinds.gather(styles.clip(0, len(book.kinds) - 1))


def plain_numbers(numbers: pl.Series) -> pl.Series:
    """Numbers in decimals, without '.0' and without exponent."""
    whole = (numbers == numbers.round(0)) & (numbers.abs() < TOO_LONG)
    texts = numbers.cast(pl.String)
    found = pl.select(pl.when(whole).then(numbers.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(texts)).to_series()
    rare = found.str.contains("e", literal=True).fill_null(value=False)
    if rare.any():
        different = found.filter(rare).unique()
        found = found.replace(different, pl.Series([f"{Decimal(text):f}" for text in different.to_list()], dtype=pl.String))
    return found


def _percents(number: pl.Expr) -> pl.Expr:
    """25 % is kept as 0.25; ten decimals take off what floating point adds."""
    hundred = (number * 100).round(10)
    return pl.when(hundred == hundred.round(0)).then(hundred.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(
        hundred.cast(pl.String)
    ) + pl.lit("%")


def _moments(number: pl.Expr, *, starts_1904: bool) -> pl.Expr:
    """ISO text of a serial number: days since the end of 1899 (or since 1904), with a fraction for the time."""
    serial = number + (LATER_1904 if starts_1904 else 0)
    # Excel counts 1900-02-29: numbers below 60 are a day later than the rest, and 60 is no day.
    shifted = pl.when(serial < 60).then(serial + 1).otherwise(serial)
    millis = ((shifted + _EPOCH) * _DAY).round(0).cast(pl.Int64, strict=False)
    moment = pl.from_epoch(millis, time_unit="ms")
    day, fraction = moment.dt.strftime("%Y-%m-%d"), millis % 1000 != 0
    clock = moment.dt.strftime("%H:%M:%S") + pl.when(fraction).then(moment.dt.strftime("%.3f")).otherwise(pl.lit(""))
    within = (serial >= 0) & ((serial < 60) | (serial >= 61)) & (serial < 2_958_466)
    return (
        pl.when(~within).then(pl.lit(None, dtype=pl.String))
        .when(number < 1).then(clock)
        .when(millis % _DAY == 0).then(day)
        .otherwise(day + pl.lit(" ") + clock)
    )  # fmt: skip
