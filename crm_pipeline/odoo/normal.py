"""Normal forms for values that Odoo rewrites on purpose, as SQL functions for the comparison.

``html_text`` is what a reader sees: the text with its line breaks and link targets, markup aside. Odoo's sanitiser
(17, 18, 19) re-orders attributes, closes tags and wraps text, none of which changes it. ``plain_url`` is a URL without
scheme, ``www`` kept, case of the host and a trailing slash ignored: Odoo adds ``http://`` to websites.
"""

from __future__ import annotations

import html
import re

import duckdb

from crm_pipeline.transforms.text import register_vectorised

_BREAK = re.compile(r"<\s*(?:br|/?\s*(?:p|div|li|ul|ol|tr|table|h[1-6]|blockquote|pre|hr))\b[^>]*>", re.IGNORECASE)
_LINK = re.compile(r"<\s*(?:a|img)\b[^>]*?\b(?:href|src)\s*=\s*[\"']([^\"']*)[\"'][^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def html_text(text: str) -> str:
    """The visible text of sanitised HTML: lines stripped, empty ones dropped, link targets in angle brackets."""
    with_breaks = _BREAK.sub("\n", _LINK.sub(lambda m: f"\x01{m.group(1)}\x02", text))
    plain = html.unescape(_TAG.sub("", with_breaks)).replace("\x01", "<").replace("\x02", ">")
    lines = (" ".join(line.split()) for line in plain.splitlines())
    return "\n".join(line for line in lines if line)


def register_normal_forms(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the normal forms available to SQL on this connection."""
    register_vectorised(connection, "html_text", html_text)
    connection.execute(
        "CREATE OR REPLACE TEMP MACRO plain_url(s) AS regexp_replace(regexp_replace(lower(trim(s)), '^https?://', ''), '/+$', '')"
    )
