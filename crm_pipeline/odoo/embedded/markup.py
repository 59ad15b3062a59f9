"""HTML fields as Odoo stores them, measured on 17.0-19.0 for the markup that exports hold.

Odoo cleans with lxml, here nh3 does: scripts, event handlers and unknown tags go, loose text is wrapped. What lxml
makes of broken markup is not imitated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import nh3

from crm_pipeline.odoo.errors import DataError

_TAGS = nh3.ALLOWED_TAGS | {"font", "section", "article", "main", "footer", "header", "figure", "figcaption", "u"}
_ATTRIBUTES = {
    "*": {"class", "style", "title", "align", "width", "height", "dir", "lang", "id", "name"},
    "a": {"href", "target", "hreflang"},
    "img": {"src", "alt"},
    "td": {"colspan", "rowspan", "valign"},
    "th": {"colspan", "rowspan", "valign"},
    "font": {"color", "size", "face"},
}
_SCHEMES = {"http", "https", "mailto", "tel", "ftp", "cid", "data"}
_NAMES = "p|div|ul|ol|table|h[1-6]|blockquote|pre|section|hr|dl|article|header|footer|figure|main"
_FIRST_BLOCK = re.compile(rf"<(?:{_NAMES})\b", re.IGNORECASE)
_SINGLE = re.compile(r"<(\w+)(?:\s[^>]*)?>(?:(?!</?\1\b).)*</\1>\Z", re.DOTALL)
_VOID = re.compile(r"<(?:br|img|hr)(?:\s[^>]*)?>\Z")
_OUTER_DIV = re.compile(r"<div>((?:(?!</?div\b).)*)</div>\Z", re.DOTALL)
_PLAIN = re.compile("[^<>&\x00\xa0]*\\Z")
_TEXT = "[^<>&\x00\xa0]++|&(?:amp|lt|gt);"
#: paragraphs of text, line breaks and plain emphasis: nothing to clean
_CLEAN = re.compile(f"(?:<p>(?:{_TEXT}|<br ?/?>|<(b|i|u|em|strong)>(?:{_TEXT})*+</\\1>)*+</p>)++\\Z")


@dataclass(frozen=True, slots=True)
class Markup:
    """The cleaning of one version.

    Attributes:
        keeps_outer_div: a single ``<div>`` around everything stays (17.0 and 18.0 take it off).
        keeps_data_attributes: ``data-…`` attributes stay.
    """

    keeps_outer_div: bool
    keeps_data_attributes: bool

    def clean(self, text: str, label: str) -> str:
        """What is stored for ``text``; raises DataError for NUL."""
        if _CLEAN.match(text):
            return text.replace("<br/>", "<br>").replace("<br />", "<br>")
        if "\x00" in text:
            message = f"{label}: A string literal cannot contain NUL (0x00) characters."
            raise DataError(message)
        text = text.strip()
        if not text:
            return ""
        if _PLAIN.match(text):
            return f"<p>{text}</p>"
        cleaned = nh3.clean(
            text,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            link_rel=None,
            strip_comments=True,
            url_schemes=_SCHEMES,
            generic_attribute_prefixes={"data-"} if self.keeps_data_attributes else {"data-o-", "data-oe-"},
        )
        if "<tbody" not in text:
            cleaned = cleaned.replace("<tbody>", "").replace("</tbody>", "")
        cleaned = cleaned.replace("<blockquote>", '<blockquote data-o-mail-quote-node="1" data-o-mail-quote="1">')
        return self._wrap(cleaned)

    def _wrap(self, cleaned: str) -> str:
        """Loose text becomes a paragraph, several loose inline elements a span, as lxml does."""
        block = _FIRST_BLOCK.search(cleaned)
        start = block.start() if block else len(cleaned)
        if start == 0:
            outer = None if self.keeps_outer_div else _OUTER_DIV.match(cleaned)
            return outer[1] if outer else cleaned
        loose, rest = cleaned[:start], cleaned[start:]
        if not loose.strip():
            return cleaned
        if not loose.startswith("<"):
            return f"<p>{loose}</p>{rest}"
        if not rest and (_SINGLE.match(loose) or _VOID.match(loose)):
            return loose
        return cleaned if rest else f"<span>{loose}</span>"
