"""Excel workbooks (Office Open XML) as far as their parts: sheets, number formats, shared texts.

Read here and in ``sheet_cells`` from the XML itself, not with calamine: that one gives blanks for error values and for
formulas without a result, and doesn't tell the number 45352 from the text, nor 0.25 from 25 %. Parts are streamed, so
memory grows with the different texts of a workbook, not with its rows.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self
from xml.etree import ElementTree as ET

import polars as pl

from crm_pipeline.exports.errors import UnreadableFileError
from crm_pipeline.exports.xml_text import joined_texts, plain_text

_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_HEAD, _CHUNK = 4096, 1 << 22
_AGAIN = "Export it again."
_DAMAGED = (zipfile.BadZipFile, zlib.error, ET.ParseError, EOFError, UnicodeDecodeError, NotImplementedError)

#: What a number format makes of a number.
PLAIN, DATE, PERCENT = 0, 1, 2
#: Excel's own formats that have no code in the file: dates and times of all languages (46 is elapsed time), percentages.
_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_PERCENTS = frozenset({9, 10})
_UNSHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook; ``part`` is its path in the file."""

    title: str
    part: str
    is_hidden: bool


def format_kind(code: str) -> int:
    """``DATE``, ``PERCENT`` or ``PLAIN`` for a number format's code; elapsed times ('[h]:mm') are plain numbers."""
    shown = _UNSHOWN.sub("", code.split(";", maxsplit=1)[0])
    if "%" in shown:
        return PERCENT
    if re.search(r"\[[hms]+\]", shown, re.IGNORECASE) or shown.strip().casefold() == "general":
        return PLAIN
    return DATE if re.search(r"[dmyhs]", shown, re.IGNORECASE) else PLAIN


class Workbook:
    """An opened workbook; use it as a context.

    Args:
        path: the file.
        name: how it is called in errors.

    Raises:
        UnreadableFileError: it is no workbook that can be read; the message says why and what to do.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        with path.open("rb") as file:
            head = file.read(len(_OLE))
        if not head:
            raise UnreadableFileError(name, f"is empty (0 bytes). {_AGAIN}")
        if head == _OLE:
            raise UnreadableFileError(name, _why_ole(path))
        if not zipfile.is_zipfile(path):
            says = "is no Excel workbook, or was cut off. Export it again as .xlsx."
            raise UnreadableFileError(name, says)
        self._zip = zipfile.ZipFile(path)
        try:
            with self.intact():
                self._relations = self._read_relations()
                self.sheets, self.starts_1904 = self._read_sheets()
        except BaseException:
            self._zip.close()
            raise

    @contextmanager
    def intact(self) -> Iterator[None]:
        """Turns what damage of the file raises into an error that names it."""
        try:
            yield
        except (*_DAMAGED, KeyError) as error:
            why = f"is damaged or no Excel workbook ({error}). Open and save it in Excel as .xlsx, or export it again."
            raise UnreadableFileError(self.name, why) from error
        except RuntimeError as error:  # zipfile's way to say that an entry is encrypted
            why = f"can't be read ({error}). Save it without a password and add it again."
            raise UnreadableFileError(self.name, why) from error

    def open_part(self, part: str) -> IO[bytes]:
        """A part's content as a stream."""
        return self._zip.open(part)

    @cached_property
    def kinds(self) -> pl.Series:
        """What each cell style (by its number) makes of a number: ``PLAIN``, ``DATE`` or ``PERCENT``."""
        part = next((target for kind, target in self._relations.values() if kind == "styles"), None)
        if part is None or part not in self._zip.namelist():
            return pl.Series([PLAIN], dtype=pl.Int8)
        root = ET.fromstring(self._zip.read(part))  # noqa: S314 - expat bounds the expansion of entities
        codes = {f.get("numFmtId"): f.get("formatCode", "") for f in root.iter() if _local(f.tag) == "numFmt"}
        styles = next((each for each in root if _local(each.tag) == "cellXfs"), ())
        kinds = [_style_kind(style.get("numFmtId", "0"), codes) for style in styles]
        return pl.Series(kinds or [PLAIN], dtype=pl.Int8)

    @cached_property
    def texts(self) -> pl.Series:
        """Shared texts by number."""
        part = next((target for kind, target in self._relations.values() if kind == "sharedStrings"), None)
        if part is None or part not in self._zip.namelist():
            return pl.Series([], dtype=pl.String)
        with self._zip.open(part) as stream:
            head = stream.read(_HEAD)
        if is_plain_xml(head, b"sst"):
            with self._zip.open(part) as stream:
                found = self._texts_quickly(stream)
            if found is not None:
                return found
        return pl.Series(list(self._texts_slowly(part)), dtype=pl.String)

    def _texts_quickly(self, stream: IO[bytes]) -> pl.Series | None:
        """The texts by searching the XML; ``None`` where it is not written as spreadsheets write it."""
        found = [pl.Series([], dtype=pl.String)]
        chunk = ""
        for chunk in chunks(stream, b"</si>"):
            if has_markup(chunk) or "<si/>" in chunk:
                return None
            found.append(joined_texts(pl.Series([chunk]).str.split("</si>").explode()[:-1]))
        return pl.concat(found) if "</sst>" in chunk else None

    def _texts_slowly(self, part: str) -> Iterator[str]:
        with self._zip.open(part) as stream:
            for _, element in ET.iterparse(stream, ("end",)):  # noqa: S314
                if _local(element.tag) == "si":
                    yield plain_text(rich_text(element))
                    element.clear()

    def _read_relations(self) -> dict[str, tuple[str, str]]:
        """Relation id → (kind, part) of the workbook part."""
        root = self._relations_of("")
        part = next((target for kind, target in root.values() if kind == "officeDocument"), "xl/workbook.xml")
        self._part = part
        return self._relations_of(part)

    def _relations_of(self, part: str) -> dict[str, tuple[str, str]]:
        path = PurePosixPath(part)
        name = str(path.parent / "_rels" / f"{path.name}.rels") if part else "_rels/.rels"
        if name not in self._zip.namelist():
            return {}
        found: dict[str, tuple[str, str]] = {}
        for each in ET.fromstring(self._zip.read(name)):  # noqa: S314
            target = each.get("Target", "")
            place = target.lstrip("/") if target.startswith("/") else str(path.parent / target) if part else target
            found[each.get("Id", "")] = (each.get("Type", "").rpartition("/")[2], _without_dots(place))
        return found

    def _read_sheets(self) -> tuple[tuple[Sheet, ...], bool]:
        root = ET.fromstring(self._zip.read(self._part))  # noqa: S314
        sheets = []
        starts_1904 = False
        for each in root.iter():
            if _local(each.tag) == "workbookPr":
                starts_1904 = each.get("date1904", "0") in {"1", "true"}
            if _local(each.tag) == "sheet":
                reference = next((value for key, value in each.attrib.items() if key.endswith("}id")), "")
                kind, part = self._relations.get(reference, ("", ""))
                if kind == "worksheet":
                    hidden = each.get("state", "visible") != "visible"
                    sheets.append(Sheet(plain_text(each.get("name", "")).strip(), part, hidden))
        return tuple(sheets), starts_1904

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()


def is_plain_xml(head: bytes, root: bytes) -> bool:
    """Whether a part begins as Excel and its like write it: UTF-8, and its root element without a prefix."""
    declared = re.match(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*encoding=[\"']([^\"']*)", head)
    return (declared is None or declared.group(1).lower() == b"utf-8") and b"<" + root in head


def has_markup(chunk: str) -> bool:
    """Whether text holds what only an XML parser reads right: comments, CDATA, document types."""
    return "<!" in chunk


def chunks(stream: IO[bytes], end: bytes, size: int = _CHUNK) -> Iterator[str]:
    """A part's text in pieces that end with ``end``, and at last what follows."""
    rest = b""
    while block := stream.read(size):
        data = rest + block
        cut = data.rfind(end) + len(end)
        if cut < len(end):
            rest = data
            continue
        rest = data[cut:]
        yield data[:cut].decode("utf-8")
    yield rest.decode("utf-8")


def rich_text(element: ET.Element) -> str:
    """The text of a shared or inline string: of all its runs, without the phonetic ones."""
    parts = []
    for child in element:
        if _local(child.tag) == "t":
            parts.append(child.text or "")
        elif _local(child.tag) == "r":
            parts += [run.text or "" for run in child if _local(run.tag) == "t"]
    return "".join(parts)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _without_dots(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _style_kind(number: str, codes: dict[str | None, str]) -> int:
    if number in codes:
        return format_kind(codes[number])
    index = int(number) if number.isdigit() else 0
    return DATE if index in _DATES else PERCENT if index in _PERCENTS else PLAIN


def _why_ole(path: Path) -> str:
    if _ENCRYPTED in path.read_bytes():
        return "is protected with a password. Open it in Excel, take the password off, save it and add it again."
    return "is a workbook of the old format (.xls). Open it in Excel and save it as .xlsx."
