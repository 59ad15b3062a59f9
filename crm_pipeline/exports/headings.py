"""Headings of exported files matched with the columns of a spec."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from crm_pipeline.specs import ObjectSpec

#: Dropped before comparing: blanks and the punctuation that differs between one export of a CRM and the next.
_IGNORED = re.compile(r"[\s\u200b-\u200d\u2060\ufeff\x00_.:*()\[\]/\\'\"‐-―-]+")
_BLANKS = re.compile(r"[\s\u200b\u2060\ufeff\x00]+")


def normalise_heading(heading: str) -> str:
    """The form two headings are compared in: NFC, case-folded, without blanks and punctuation ('%' and '#' stay)."""
    return _IGNORED.sub("", unicodedata.normalize("NFC", heading).casefold())


def tidy_heading(heading: str) -> str:
    """A heading as people read it: trimmed, inner blanks and line ends collapsed."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", heading)).strip()


@dataclass(frozen=True)
class HeadingMatch:
    """Which column stands where in one file.

    Attributes:
        positions: spec column → index in the file.
        extra: label → index of all other columns; unnamed ones are '(column 7)', repeats 'Label (2)'.
        custom: labels of ``extra`` that begin with the object's custom prefix.
        repeats: label in ``extra`` → index of the first column with this heading.
        missing_required: headings of required columns the file lacks.
        missing_optional: spec columns the file lacks.
    """

    positions: dict[str, int]
    extra: dict[str, int]
    custom: tuple[str, ...]
    repeats: dict[str, int]
    missing_required: tuple[str, ...]
    missing_optional: tuple[str, ...]


def match_headings(spec: ObjectSpec, headings: Sequence[str]) -> HeadingMatch:
    """Match one file's headings; a column's own heading is preferred to its aliases, the first of equals is taken."""
    tidy = [tidy_heading(heading) for heading in headings]
    forms = [normalise_heading(heading) for heading in headings]
    first: dict[str, int] = {}
    for index, form in enumerate(forms):
        if form:
            first.setdefault(form, index)
    positions: dict[str, int] = {}
    for own in (True, False):
        for name, column in spec.columns.items():
            for heading in (column.heading,) if own else column.aliases:
                index = first.get(normalise_heading(heading), -1)
                if name not in positions and index >= 0 and index not in positions.values():
                    positions[name] = index
    prefix = _BLANKS.sub("", spec.custom_prefix or "").casefold()
    extra: dict[str, int] = {}
    repeats: dict[str, int] = {}
    custom: list[str] = []
    taken = set(positions.values())
    for index, (label, form) in enumerate(zip(tidy, forms, strict=True)):
        if index in taken:
            continue
        base = label or f"(column {index + 1})"
        name, number = base, 2
        while name in extra or (form and first[form] != index and name == base):
            name, number = f"{base} ({number})", number + 1
        extra[name] = index
        if form and first[form] != index:
            repeats[name] = first[form]
        elif prefix and _BLANKS.sub("", label).casefold().startswith(prefix):
            custom.append(name)
    missing = [name for name in spec.columns if name not in positions]
    return HeadingMatch(
        positions,
        extra,
        tuple(custom),
        repeats,
        tuple(spec.columns[name].heading for name in missing if spec.columns[name].required),
        tuple(name for name in missing if not spec.columns[name].required),
    )
