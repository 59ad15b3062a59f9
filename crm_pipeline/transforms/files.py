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
#: Bytes a name may have in UTF-8 on every usual file system.
LONGEST_NAME = 255

# fitted_file_name(name, mark): the mark before the ending, the stem cut so that the whole fits
_MACROS = rf"""
CREATE OR REPLACE TEMP MACRO file_ending(name) AS regexp_extract(name, '.([.][^.\s]{{1,16}})$', 1);
CREATE OR REPLACE TEMP MACRO cut_to_bytes(s, room) AS
    CASE WHEN strlen(s) <= room THEN s
    ELSE left(s, coalesce(list_max(list_filter(range(1, length(s)), lambda n: strlen(left(s, n)) <= room)), 0)) END;
CREATE OR REPLACE TEMP MACRO fitted_file_name(name, mark) AS
    rtrim(cut_to_bytes(left(name, length(name) - length(file_ending(name))), {LONGEST_NAME} - strlen(mark || file_ending(name))), ' .')
    || mark || file_ending(name);
"""


def safe_file_name(name: str) -> str:
    """The last part of ``name`` without what is unsafe in a file name; never cut short, its ending kept.

    NFC; no folders, hidden characters, outer dots and blanks; ``<>:"|?*`` as ``_``; ``_`` before the name of a Windows
    device; ``file`` when nothing is left. A safe name stays as it is.
    """
    visible = unicodedata.normalize("NFC", _HIDDEN.sub("", name))
    last = re.split(r"[/\\]", visible)[-1]
    readable = _EDGES.sub("", _FORBIDDEN.sub("_", last)) or NAMELESS
    return f"_{readable}" if _RESERVED.fullmatch(readable) else readable


def file_path_key(path: str) -> str:
    """Equal for paths that are one on a file system that ignores case and unicode's normal forms."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def register_files(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``safe_file_name``, ``fitted_file_name`` and ``file_path_key`` available to SQL on this connection."""
    connection.execute(_MACROS)
    register_vectorised(connection, "safe_file_name", safe_file_name)
    register_vectorised(connection, "file_path_key", file_path_key)
