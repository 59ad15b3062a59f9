"""File names as they are shown in Odoo and saved by people: safe on every system, and still readable (R-10)."""

from __future__ import annotations

import re
import unicodedata

import duckdb

from crm_pipeline.transforms.text import register_vectorised

#: Control characters, line and paragraph separators, byte order mark, and what turns the direction of text, with which
#: 'invoice<RLO>fdp.exe' looks like 'invoiceexe.pdf'. Joiners stay: emoji and Indic scripts need them.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_EDGES = re.compile(r"^[\s.]+|[\s.]+$")
#: Names Windows keeps for devices, whatever ending follows.
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])[ ]*(?:\..*)?", re.IGNORECASE)
#: What a name is called of which nothing is left.
NAMELESS = "file"


def safe_file_name(name: str) -> str:
    """The last part of ``name`` without what is unsafe in a file name; never cut short, its ending kept.

    NFC; no folders, hidden characters, outer dots and blanks; ``<>:"|?*`` as ``_``; ``_`` before the name of a Windows
    device; ``file`` when nothing is left. A safe name stays as it is.
    """
    visible = unicodedata.normalize("NFC", _HIDDEN.sub("", name))
    last = re.split(r"[/\\]", visible)[-1]
    readable = _EDGES.sub("", _FORBIDDEN.sub("_", last)) or NAMELESS
    return f"_{readable}" if _RESERVED.fullmatch(readable) else readable


def register_files(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``safe_file_name`` available to SQL on this connection."""
    register_vectorised(connection, "safe_file_name", safe_file_name)
