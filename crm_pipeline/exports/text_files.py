"""Text files of single rows: header lines ('From: …'), a blank line, the text; as CRMs export their e-mails.

Encodings are told as in CSV files, without guessing: a byte order mark, strict UTF-8, else the source's fallback. A header
line that begins with blanks goes on from the one before it. Where a line that is no header line comes before any blank
line, the text begins with it, so that nothing is lost.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path

from crm_pipeline.exports.errors import UndecodableByteError, UnreadableFileError

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_REMARK = re.compile(r"\s*\([^()]*\)$")


@dataclass(frozen=True)
class RowText:
    """What a text file says.

    Attributes:
        headers: lower-case name → value; of a repeated line all values, with '; ' between them.
        body: with line feeds as line ends, without blank lines around it; '' when there is none.
    """

    headers: Mapping[str, str]
    body: str


def read_text_file(path: Path, name: str, fallback: str) -> RowText:
    """Read one file.

    Raises:
        UnreadableFileError: it can't be opened.
        UndecodableByteError: a byte that is in none of the possible encodings.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(name, error.strerror or str(error)) from error
    return parse_text(_decoded(content, name, fallback))


def parse_text(text: str) -> RowText:
    """Header lines and body of a text."""
    lines = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").lstrip("\n").split("\n")
    headers: dict[str, list[str]] = {}
    last: list[str] | None = None
    for number, line in enumerate(lines):
        found = _HEADER.fullmatch(line)
        if found is not None:
            last = headers.setdefault(found.group(1).lower(), [])
            last.append(found.group(2).strip())
        elif line[:1] in {" ", "\t"} and line.strip() and last:
            last[-1] = f"{last[-1]} {line.strip()}".strip()
        else:
            body = lines[number:]
            break
    else:
        body = []
    values = {name: _decoded_words("; ".join(filter(None, each))) for name, each in headers.items()}
    return RowText(values, "\n".join(body).strip("\n \t"))


def bare_moment(text: str) -> str:
    """A mail's date without weekday and remark: 'Tue, 5 Mar 2024 10:15:00 +1100 (AEDT)' → '5 Mar 2024 10:15:00 +1100'."""
    return _REMARK.sub("", _WEEKDAY.sub("", text, count=1) if _WEEKDAY.match(text) else text)


def _decoded(content: bytes, name: str, fallback: str) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if encoding is None:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            encoding = fallback
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        byte = content[error.start] if error.start < len(content) else 0
        advice = "Export it again, or save it as UTF-8."
        raise UndecodableByteError(name, encoding, byte, error.start, advice) from error


def _decoded_words(value: str) -> str:
    """A value with encoded words ('=?utf-8?B?…?=') as they are read; one that can't be decoded stays as it is."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeDecodeError, ValueError):
        return value
