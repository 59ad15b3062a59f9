"""Running value macros over many texts at once, and blanks as Python sees them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import polars as pl

from crm_pipeline.exports.values import DateOrder, register_values

SYMBOLS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "₹": "INR", "Rs": "INR", "Rs.": "INR", "A$": "AUD"}

#: What is trimmed at the ends of a cell, besides everything ``str.isspace`` knows.
ZERO_WIDTH = "\u200b\u200e\u200f\u2060\ufeff\x00"


def connect(time_zone: str = "Asia/Kolkata", date_order: DateOrder = "dmy") -> duckdb.DuckDBPyConnection:
    """An in-memory database with the macros."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/Caracas'")  # results must not depend on the session's zone
    register_values(connection, time_zone, date_order, SYMBOLS)
    return connection


def evaluate(connection: duckdb.DuckDBPyConnection, expression: str, texts: Sequence[str | None]) -> list[Any]:
    """The expression over ``s`` for each text, in one query."""
    connection.register("_texts", pl.DataFrame({"i": range(len(texts)), "s": list(texts)}, schema={"i": int, "s": str}))
    try:
        rows = connection.execute(f"SELECT {expression} FROM _texts ORDER BY i").fetchall()
    finally:
        connection.unregister("_texts")
    return list(itertools.chain.from_iterable(rows))


def trimmed(text: str | None) -> str | None:
    """The text without outer blanks; None when nothing is left."""
    if text is None:
        return None
    text = text.replace("\x00", "")
    while text and (text[0].isspace() or text[0] in ZERO_WIDTH):
        text = text[1:]
    while text and (text[-1].isspace() or text[-1] in ZERO_WIDTH):
        text = text[:-1]
    return None if text in ("", "\u200c", "\u200d") else text


def differing(texts: Sequence[str | None], read: Sequence[Any], expected: Iterable[Any]) -> list[tuple[Any, Any, Any]]:
    """(text, read, expected) where the two differ."""
    return [found for found in zip(texts, read, expected, strict=True) if found[1] != found[2]]
