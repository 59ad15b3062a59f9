"""Named transforms of text, registered on the staging connection as DuckDB functions that specs call by name.

What SQL can say is a macro; what needs a library is a vectorised function over Arrow arrays (row by row before DuckDB 2).
"""

from __future__ import annotations

import contextlib
import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import duckdb
import nh3
import pyarrow as pa
from babel import Locale
from duckdb.func import ARROW, NATIVE, SPECIAL

#: DuckDB 1.5 reads texts of a returned Arrow array after the array is freed ("Invalid unicode … detected"); 2.0 does not.
_TEXTS_OUTLIVE_ARRAYS = int(duckdb.__version__.partition(".")[0]) >= 2

#: Markup kept in notes and messages (R-15); everything else is removed, its text stays.
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "img", "li", "ol", "p", "pre", "q", "s", "small", "span", "strike", "strong", "sub", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "width", "height"}, "td": {"colspan", "rowspan"}}

_MACROS = r"""
CREATE OR REPLACE TEMP MACRO escape_html(s) AS replace(replace(replace(s, '&', '&amp;'), '<', '&lt;'), '>', '&gt;');
CREATE OR REPLACE TEMP MACRO text_to_html(s) AS
    '<p>' || replace(replace(escape_html(s), chr(13) || chr(10), '<br>'), chr(10), '<br>') || '</p>';
CREATE OR REPLACE TEMP MACRO sanitize_html(s) AS
    CASE WHEN contains(s, '<') OR contains(s, '&') THEN sanitize_markup(s)
         ELSE '<p>' || replace(replace(s, '>', '&gt;'), chr(10), '<br>') || '</p>' END;
CREATE OR REPLACE TEMP MACRO words(a, b) AS nullif(trim(concat_ws(' ', a, b)), '');
CREATE OR REPLACE TEMP MACRO external_name(s) AS
    replace(replace(replace(replace(replace(replace(s, '%', '%25'), ' ', '%20'), ',', '%2C'), chr(9), '%09'),
            chr(10), '%0A'), chr(13), '%0D');
CREATE OR REPLACE TEMP MACRO slug(s) AS
    trim(regexp_replace(strip_accents(lower(s)), '[^\p{L}\p{N}]+', '-', 'g'), '-');
"""


def sanitize_html(text: str) -> str:
    """HTML with script, style, iframe, event handlers and ``javascript:`` removed and its text kept (R-15).

    Text without any tag is escaped and its line breaks are kept. The result is wrapped in one ``<div>`` unless it is
    a block already, which is the form Odoo's own sanitiser leaves untouched (17, 18, 19).
    """
    if "<" not in text:
        return "<p>" + html.escape(html.unescape(text), quote=False).replace("\n", "<br>") + "</p>"
    clean = nh3.clean(
        text, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"}, link_rel=None
    )
    return clean if re.match(r"\s*<(p|div|ul|ol|table|h[1-6]|blockquote|pre)\b", clean) else f"<div>{clean}</div>"


_COUNTRY_ALIASES = {
    "usa": "US", "u s a": "US", "u s": "US", "america": "US", "united states of america": "US", "uk": "GB",
    "u k": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB",
    "uae": "AE", "u a e": "AE", "holland": "NL", "the netherlands": "NL", "korea": "KR", "south korea": "KR",
    "republic of korea": "KR", "russian federation": "RU", "viet nam": "VN", "czech republic": "CZ", "bharat": "IN",
    "hong kong": "HK", "macau": "MO", "taiwan": "TW", "turkey": "TR", "burma": "MM", "ivory coast": "CI",
}  # fmt: skip


@lru_cache(maxsize=1)
def _country_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in ("en", "de", "fr", "es", "it", "pt", "nl"):
        for code, name in Locale(language).territories.items():
            if re.fullmatch(r"[A-Z]{2}", code) and code not in {"ZZ", "XA", "XB", "EU", "EZ", "UN"}:
                names.setdefault(_plain(name), code)
    return names | _COUNTRY_ALIASES


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.sub(r"[^\w]+", " ", "".join(c for c in folded if not unicodedata.combining(c))).split())


def country_code(text: str) -> str | None:
    """ISO 3166-1 code of a country given by code or by name (English and six more languages), else ``None``."""
    plain = _plain(text)
    if plain in _country_names():
        return _country_names()[plain]
    return plain.upper() if plain.upper() in set(_country_names().values()) else None


def register_vectorised(
    connection: duckdb.DuckDBPyConnection, name: str, function: Callable[[str], str | None]
) -> None:
    """Register ``function`` (text → text, NULL stays NULL) to run once for each distinct value of a vector."""

    def over_array(values: pa.Array) -> pa.Array:
        encoded = (
            values.combine_chunks().dictionary_encode()
            if isinstance(values, pa.ChunkedArray)
            else values.dictionary_encode()
        )
        results = [None if v is None else function(v) for v in encoded.dictionary.to_pylist()]
        return pa.array(results, pa.string()).take(encoded.indices)

    with contextlib.suppress(duckdb.InvalidInputException):  # not registered on this connection yet
        connection.remove_function(name)
    if _TEXTS_OUTLIVE_ARRAYS:
        connection.create_function(name, over_array, ["VARCHAR"], "VARCHAR", type=ARROW, null_handling=SPECIAL)
    else:
        one = lru_cache(maxsize=2048)(lambda text: None if text is None else function(text))
        connection.create_function(name, one, ["VARCHAR"], "VARCHAR", type=NATIVE, null_handling=SPECIAL)


def register_text(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the text transforms available to SQL on this connection."""
    register_vectorised(connection, "sanitize_markup", sanitize_html)
    connection.execute(_MACROS)
    register_vectorised(connection, "country_code", country_code)
