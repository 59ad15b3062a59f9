"""The templates of the reports and what they know: numbers, words and amounts as people write them."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from crm_pipeline.reports.pictures import FATE_COLORS, FATE_MEANINGS, fate_bar
from crm_pipeline.reports.provenance import TYPE_WORDS


def template(name: str) -> Template:
    """A template of the package, ready to be rendered."""
    return _environment().get_template(name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("crm_pipeline.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"number": _number, "words": _words, "amount": _amount, "short": _short, "bytes": bytes_text, "share": share_text, "type": _type, "plain": _plain}
    environment.globals |= {"fate_bar": fate_bar, "fate_colors": FATE_COLORS, "fate_meanings": FATE_MEANINGS}
    return environment


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def bytes_text(count: int) -> str:
    """A size as people say it."""
    size = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{count:,} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def share_text(part: int, whole: int) -> str:
    """Per cent of a whole; 100 % and 0 % are only said of all and nothing."""
    if not whole:
        return "-"
    share = round(100 * part / whole)
    if share == 0 and part:
        return "< 1 %"
    return "> 99 %" if share == 100 and part < whole else f"{share} %"


def _plain(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _type(name: str) -> str:
    return TYPE_WORDS.get(name, name)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _amount(text: str) -> str:
    """A total's decimal text with thousands separated; the digits stay as they are."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, cents = digits.partition(".")
    return f"{sign}{int(whole):,}.{cents}" if whole.isdigit() else text


def _short(value: object, length: int = 160) -> str:
    if value is None:
        return ""
    text = " ".join(str(value).split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
