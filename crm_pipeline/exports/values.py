"""What one cell means: parsers for every column type, as DuckDB macros (columnar, no Python per row).

``register_values`` creates the macros below on a connection as temporary macros. Every one gives NULL for NULL, for
text of blanks only, and for text it can't read for certain: nothing is ever guessed. A caller tells 'unreadable' from
'blank' with ``blank(s)``.

=================  ===========================================================================================
``blank(s)``       the text without outer blanks (incl. no-break and zero-width ones) and without NUL; NULL if none
``fold(s)``        for matching: NFC, case-folded, inner blanks collapsed; accents are kept
``parse_key``      = ``blank``
``number_key``     a key that is a number, in one spelling: '1001' for ' 001001 ', '1001' and '1001.0'; other text as is
``parse_str``      = ``blank``
``parse_text``     = ``blank``, line ends as LF
``parse_enum``     = ``blank`` (the list of values is applied by ``crm_pipeline.staging.typed``)
``parse_html``     = ``blank``, line ends as LF
``parse_email``    one address, lower-cased; ``mailto:``, ``<…>`` and a display name before ``<…>`` are taken off
``parse_url``      http, https or no scheme, with a host that has a dot (or an IPv4 address); the text as it is
``parse_money``    DECIMAL(24,6), see ``crm_pipeline.exports.amounts``
``money_currency`` ISO 4217 code stated in the cell by code or symbol
``parse_dec``      DECIMAL(24,6): a lone '.' is the decimal point, otherwise as money without currency
``parse_int``      BIGINT: as ``parse_dec``, whole numbers only ('5.0' is 5)
``parse_pct``      DECIMAL(9,4): the number as written, with or without '%' ('25 %' is 25, '0.25%' is 0.25)
``parse_bool``     yes/no, true/false, 1/0, y/n, t/f, on/off, x, ✓
``parse_date``     DATE, see ``crm_pipeline.exports.moments``
``parse_dt``       TIMESTAMP in UTC, see there
``local_date``     DATE in the account's zone of a TIMESTAMP in UTC
``parse_enums``    VARCHAR[] of the parts between ; | or line ends, else between commas
``split_list``     VARCHAR[] of the parts, blanks and repeats (equal under ``fold``) left out; NULL when none is left
=================  ===========================================================================================

Macros whose names begin with ``_`` take text that is trimmed already (the result of ``blank``): the typed tables trim
each cell once and use these.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

import duckdb

from crm_pipeline.exports.amounts import amount_macros
from crm_pipeline.exports.moments import moment_macros
from crm_pipeline.exports.sql import literal

DateOrder = Literal["dmy", "mdy", "ymd"]

#: Characters trimmed at both ends of a cell: Unicode's White_Space, zero-width space and joiner-less marks, BOM, NUL.
#: U+200C and U+200D are left out, they carry meaning at word ends of Indic scripts; a cell of one of them alone is blank.
OUTER_BLANKS = (
    "\x00\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200C)))
    + ("\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff")
)

#: The same as an RE2 class, without brackets.
BLANK_CLASS = "".join(f"\\x{{{ord(character):x}}}" for character in OUTER_BLANKS)

_ATOM = r"[A-Za-z0-9!#$%&*+/=?^_`{|}~'-]+"
_ASCII_EMAIL = (
    rf"{_ATOM}(?:\.{_ATOM})*@(?:[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*\.)+(?:[A-Za-z]{{2,63}}|[xX][nN]--[A-Za-z0-9-]+)"
)
_WIDE_ATOM = _ATOM.replace("A-Za-z0-9", r"\pL\pM\pN")
_LABEL = r"[\pL\pN][\pL\pM\pN]*(?:-+[\pL\pM\pN]+)*"
_WIDE_EMAIL = rf"{_WIDE_ATOM}(?:\.{_WIDE_ATOM})*@(?:{_LABEL}\.)+(?:\pL[\pL\pM]+|[xX][nN]--[A-Za-z0-9-]+)"
_IN_BRACKETS = "^[^<>@]*<([^<>]*)>$"
_MAILTO = rf"^[{BLANK_CLASS}]*(?i:mailto:)([^?]*)(?:[?].*)?$"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_HOST = rf"(?:(?:(?:{_LABEL}|_[\pL\pN_-]+)\.)+(?:\pL[\pL\pM]+|[xX][nN]--[A-Za-z0-9-]+)\.?|{_OCTET}(?:\.{_OCTET}){{3}})"
_URL = rf"(?i:https?)://(?:[^/@?#{BLANK_CLASS}]*@)?{_HOST}(?::[0-9]{{1,5}})?(?:[/?#][^{BLANK_CLASS}]*)?"
_BARE_URL = rf"{_HOST}(?::[0-9]{{1,5}})?(?:[/?#][^{BLANK_CLASS}]*)?"

TRUE_WORDS = ("yes", "true", "1", "y", "t", "x", "on", "✓", "✔", "☑")
FALSE_WORDS = ("no", "false", "0", "n", "f", "off", "☐")


def _text_macros() -> dict[str, str]:
    true_words, false_words = (", ".join(map(literal, words)) for words in (TRUE_WORDS, FALSE_WORDS))
    edges = f"'^[{BLANK_CLASS}]|[{BLANK_CLASS}]$'"
    outer, inner = f"'^[{BLANK_CLASS}]+|[{BLANK_CLASS}]+$'", f"'[{BLANK_CLASS}]+'"
    return {
        # The first branches are the common ones: both ends are printable ASCII, or no blank is at either end.
        "_trim(s)": (
            "CASE WHEN ord(s) BETWEEN 33 AND 126 AND s[-1] BETWEEN '!' AND '~' THEN s "
            f"WHEN s <> '' AND NOT regexp_matches(s, {edges}) THEN nullif(nullif(s, chr(8204)), chr(8205)) "
            f"ELSE nullif(nullif(nullif(regexp_replace(s, {outer}, '', 'g'), ''), chr(8204)), chr(8205)) END"
        ),
        "blank(s)": "_trim(replace(s, chr(0), ''))",
        "_lines(t)": "CASE WHEN contains(t, chr(13)) THEN replace(replace(t, chr(13) || chr(10), chr(10)), chr(13), chr(10)) ELSE t END",
        # Most text is ASCII with single spaces: nothing but its case is to be changed.
        "_fold(t)": (
            "CASE WHEN regexp_full_match(t, '[!-~]+(?: [!-~]+)*') THEN lower(t) ELSE nfc_normalize(replace(replace(replace(lower("
            f"nfc_normalize(regexp_replace(t, {inner}, ' ', 'g'))), 'ß', 'ss'), 'ς', 'σ'), 'ſ', 's')) END"
        ),
        "fold(s)": "_fold(blank(s))",
        "_undress(t)": (
            f"_trim(regexp_replace(regexp_replace(t, {literal(_IN_BRACKETS)}, '\\1'), {literal(_MAILTO)}, '\\1'))"
        ),
        "_email(t)": (
            f"CASE WHEN strlen(t) > 320 THEN NULL WHEN regexp_full_match(t, {literal(_ASCII_EMAIL)}) THEN lower(t) "
            "WHEN contains(t, '@') THEN list_transform([_undress(t)], lambda u: "
            f"CASE WHEN regexp_full_match(u, {literal(_WIDE_EMAIL)}) THEN lower(nfc_normalize(u)) END)[1] END"
        ),
        "_url(t)": f"CASE WHEN regexp_full_match(t, {literal(_URL)}) OR regexp_full_match(t, {literal(_BARE_URL)}) THEN t END",
        "_bool(t)": f"CASE WHEN _fold(t) IN ({true_words}) THEN true WHEN _fold(t) IN ({false_words}) THEN false END",
        "_key(t)": "t",
        "_number_key(t)": (
            "CASE WHEN regexp_full_match(t, '[0-9]+(?:[.]0+)?') "
            "THEN coalesce(nullif(ltrim(regexp_replace(t, '[.]0+$', ''), '0'), ''), '0') ELSE t END"
        ),
        "_str(t)": "t",
        "_enum(t)": "t",
        "_text(t)": "_lines(t)",
        "_html(t)": "_lines(t)",
        "_parts(s, sep)": (
            "list_filter(list_transform(string_split(s, sep), lambda part: _trim(part)), lambda part: part IS NOT NULL)"
        ),
        # How many different parts there are, told from the text folded as a whole; more where it holds joiners.
        "_kinds(s, sep)": (
            "list_unique(list_filter(list_transform(string_split(_fold(s), sep), lambda part: trim(part)), "
            "lambda part: part <> '')) + CASE WHEN regexp_matches(s, '[\\x{200C}\\x{200D}]') THEN 100000 ELSE 0 END"
        ),
        "_distinct(parts)": (
            "list_filter(parts, lambda part, i: "
            "list_position(list_transform(parts, lambda other: _fold(other)), _fold(part)) = i)"
        ),
        "_plain_parts(s, sep)": (
            "list_filter(list_transform(string_split(s, sep), lambda part: trim(part)), lambda part: part <> '')"
        ),
        "_split(s, sep)": (
            "CASE WHEN NOT contains(s, sep) THEN CASE WHEN _trim(s) IS NOT NULL THEN [_trim(s)] END "
            "WHEN regexp_full_match(s, '[!-~]+(?: [!-~]+)*') THEN list_transform([_plain_parts(s, sep)], lambda parts: "
            "CASE len(parts) WHEN 0 THEN NULL WHEN list_unique(list_transform(parts, lambda part: lower(part))) THEN parts "
            "ELSE _distinct(parts) END)[1] "
            "WHEN s IS NOT NULL THEN list_transform([_parts(s, sep)], lambda parts: "
            "CASE WHEN len(parts) = 0 THEN NULL WHEN len(parts) = _kinds(s, sep) THEN parts ELSE _distinct(parts) END)[1] END"
        ),
        "split_list(s, sep)": "_split(replace(s, chr(0), ''), sep)",
        # Several values in one cell: the CRMs write them with ; | or a line break between, else with commas.
        "_listed(t)": (
            "CASE WHEN regexp_matches(t, '[;|\n]') THEN split_list(regexp_replace(t, '[|\n]', ';', 'g'), ';') "
            "ELSE split_list(t, ',') END"
        ),
        "_enums(t)": "_listed(t)",
    }


#: Column types and the DuckDB type of their values.
SQL_TYPES: dict[str, str] = {
    "key": "VARCHAR",
    "str": "VARCHAR",
    "text": "VARCHAR",
    "html": "VARCHAR",
    "email": "VARCHAR",
    "url": "VARCHAR",
    "enum": "VARCHAR",
    "enums": "VARCHAR[]",
    "money": "DECIMAL(24,6)",
    "dec": "DECIMAL(24,6)",
    "int": "BIGINT",
    "pct": "DECIMAL(9,4)",
    "bool": "BOOLEAN",
    "date": "DATE",
    "dt": "TIMESTAMP",
}

#: Column types any text is readable as.
FREE_TYPES = frozenset({"key", "str", "text", "html"})


def register_values(
    connection: duckdb.DuckDBPyConnection, time_zone: str, date_order: DateOrder, currency_symbols: Mapping[str, str]
) -> None:
    """Create the macros of this module on a connection; the last call counts, an equal one costs nothing.

    Args:
        time_zone: zone of times without an offset: an IANA name, or a fixed offset as '+05:30'.
        date_order: order of day, month and year in dates that are neither ISO nor name the month.
        currency_symbols: symbol → ISO code, beside the ISO codes themselves.
    """
    settings = literal(repr((time_zone, date_order, sorted(currency_symbols.items()))))
    with suppress(duckdb.CatalogException):
        if connection.execute(f"SELECT _values_settings() = {settings}").fetchall() == [(True,)]:
            return
    macros = _text_macros() | amount_macros(currency_symbols) | moment_macros(time_zone, date_order)
    macros |= {f"parse_{name}(s)": f"_{name}(blank(s))" for name in SQL_TYPES}
    macros["number_key(s)"] = "_number_key(blank(s))"
    macros["_values_settings()"] = settings
    for signature, body in macros.items():
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {signature} AS {body}")
