"""Numbers and times as a CRM's export writes them, in all their forms; columnar."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crm_pipeline.samples.draw import Draw

#: How times are written: seconds the clock is ahead of UTC, and the format.
TIME_STYLES: dict[str, tuple[int, str]] = {
    "india": (19_800, "%Y-%m-%dT%H:%M:%S+05:30"),
    "utc": (0, "%Y-%m-%dT%H:%M:%SZ"),
    "naive": (19_800, "%Y-%m-%d %H:%M:%S"),
    "east coast": (-18_000, "%Y-%m-%d %H:%M:%S -0500"),
    "day first": (19_800, "%d/%m/%Y %H:%M"),
    "named": (19_800, "%d %b %Y %I:%M %p"),
}
CLEAN_TIMES = ("india", "india", "utc", "naive", "east coast")
DIRTY_TIMES = (*CLEAN_TIMES, "day first", "named")

_SYMBOLS = {"USD": "$", "EUR": "€", "INR": "₹", "GBP": "£"}


def constant(value: str | None, rows: pl.Series) -> pl.Series:
    """One text as often as there are rows."""
    return pl.Series([value], dtype=pl.String).gather(pl.zeros(len(rows), dtype=pl.Int64, eager=True))


def times(draw: Draw, name: str, rows: pl.Series, seconds: pl.Series, styles: Sequence[str]) -> pl.Series:
    """Moments (seconds since 1970, UTC) as text, each row in one of the styles; NULL stays NULL."""
    chosen = draw.below(f"{name}.style", rows, len(styles))
    result = constant(None, rows)
    for style in dict.fromkeys(styles):
        ahead, pattern = TIME_STYLES[style]
        text = pl.from_epoch(seconds + ahead, time_unit="s").dt.strftime(pattern)
        mine = chosen.is_in([index for index, other in enumerate(styles) if other == style])
        result = text.zip_with(mine, result)
    return result


def dates(seconds: pl.Series, pattern: str = "%Y-%m-%d") -> pl.Series:
    """Days in the account's zone as text."""
    return pl.from_epoch(seconds + 19_800, time_unit="s").dt.strftime(pattern)


def amounts(cents: pl.Series) -> pl.Series:
    """Hundredths as '1234.50' or '-12.00'."""
    whole = (cents.abs() // 100).cast(pl.String)
    text = whole + "." + (cents.abs() % 100).cast(pl.String).str.zfill(2)
    return ("-" + text).zip_with(cents < 0, text)


def dressed_amounts(draw: Draw, name: str, rows: pl.Series, cents: pl.Series, currency: pl.Series) -> pl.Series:
    """Hundredths in the forms people meet: separators, symbols and codes on either side; below a million."""
    plain = amounts(cents)
    symbol = currency.replace_strict(_SYMBOLS)
    units, rest = cents // 100, (cents % 100).cast(pl.String).str.zfill(2)
    tail = (units % 1000).cast(pl.String).str.zfill(3)
    thousands, lakhs = units // 1000, units // 100_000
    grouped = (thousands.cast(pl.String) + "," + tail).zip_with(thousands > 0, units.cast(pl.String))
    indian = lakhs.cast(pl.String) + "," + (thousands % 100).cast(pl.String).str.zfill(2) + "," + tail
    indian = indian.zip_with(lakhs > 0, grouped)
    western = grouped + "." + rest
    european = grouped.str.replace(",", ".", literal=True) + "," + rest
    spaced = grouped.str.replace(",", "\u00a0", literal=True) + "," + rest
    forms = (
        plain,
        western,
        symbol + western,
        currency + " " + western,
        european + " " + symbol,
        indian + "." + rest,
        spaced,
        symbol + " " + plain,
    )
    chosen = draw.below(f"{name}.form", rows, len(forms))
    result = plain
    for index, form in enumerate(forms):
        result = form.zip_with(chosen == index, result)
    return result
