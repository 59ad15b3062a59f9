"""Headings as words that can be compared: split, lower-cased, in the singular."""

from __future__ import annotations

import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ASIDE = re.compile(r"\((?:do not modify|required|optional|read only|system|utc|local time)\)", re.IGNORECASE)


def tokens(text: str) -> tuple[str, ...]:
    """The words of a heading or name: ``Deal - Est. CloseDate`` → ``deal est close date``; ``%`` is a word."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", _ASIDE.sub(" ", text)))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold().replace("e-mail", "email")
    return tuple(singular(word) for word in re.findall(r"[^\W_]+|%", plain))


def singular(word: str) -> str:
    """An English word without its plural ending; others as they are."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def identifier(text: str, taken: set[str] | frozenset[str] = frozenset()) -> str:
    """A heading or file name as a name in a spec, not one of ``taken``: ``Deal Name (€)`` → ``deal_name``."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text)).encode("ascii", "ignore").decode().lower()
    base = "_".join(re.findall(r"[a-z0-9]+", plain)) or "column"
    base = base if base[0].isalpha() else f"c_{base}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name
