"""Texts inside the XML of a workbook, columnar: entities, Excel's own escapes, runs of rich text."""

from __future__ import annotations

import re

import polars as pl

_ENTITIES = {"lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&"}
_ENTITY = re.compile(r"&(#[xX][0-9A-Fa-f]+|#[0-9]+|[a-z]+);")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_UNUSUAL = r"&|_x[0-9A-Fa-f]{4}_|\r"
_RUN = r"<t(?:\s[^>]*)?>[^<]*</t>"


def plain_text(text: str) -> str:
    r"""A text without Excel's escapes of characters XML can't hold ('_x000D_' is a carriage return)."""
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)


def xml_texts(texts: pl.Series) -> pl.Series:
    """Texts as they stand in XML, as they are meant; only the few unusual ones are looked at one by one."""
    unusual = texts.str.contains(_UNUSUAL).fill_null(value=False)
    if not unusual.any():
        return texts
    different = texts.filter(unusual).unique()
    meant = pl.Series([_unescape(text) for text in different.to_list()], dtype=pl.String)
    return texts.replace(different, meant)


def joined_texts(pieces: pl.Series) -> pl.Series:
    """The text of each piece of XML: its ``<t>`` elements one after another, phonetic ones left out; '' without any."""
    runs = pieces.str.count_matches("<t[ >]")
    simple = pieces.str.extract(r"<t(?:\s[^>]*)?>([^<]*)</t>")
    if (runs > 1).any():
        spoken = pieces.str.replace_all(r"(?s)<rPh\b.*?</rPh>", "")
        tags = pl.element().str.replace(r"^<t(?:\s[^>]*)?>", "").str.replace("</t>", "", literal=True)
        several = spoken.str.extract_all(_RUN).list.eval(tags).list.join("")
        simple = pl.select(pl.when(runs > 1).then(several).otherwise(simple)).to_series()
    return xml_texts(simple.fill_null(""))


def _unescape(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return plain_text(_ENTITY.sub(_entity, text))


def _entity(found: re.Match[str]) -> str:
    name = found.group(1)
    if name[0] == "#":
        return chr(int("0" + name[1:], 0) if name[1] in "xX" else int(name[1:]))
    return _ENTITIES.get(name, found.group())
