"""Deterministic draws: every value is a pure function of seed, name and row number.

So any part of a sample can be made on its own, in any order, in bounded memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl


def _u64(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)


class Draw:
    """Draws for a seed; ``rows`` are row numbers (Int64), results are series of the same length."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def below(self, name: str, rows: pl.Series, bound: int) -> pl.Series:
        """Whole numbers from 0 to ``bound`` - 1, evenly spread (SplitMix64)."""
        salt = int.from_bytes(hashlib.sha256(f"{self._seed}/{name}".encode()).digest()[:8], "big")
        x = pl.col("x")
        frame = pl.DataFrame({"x": rows.cast(pl.UInt64)})
        frame = frame.select((x + _u64(1)) * _u64(0x9E3779B97F4A7C15) + _u64(salt))
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            frame = frame.select((x ^ (x // _u64(1 << shift))) * _u64(factor))
        return frame.select((x // _u64(8)) % _u64(max(bound, 1)))["x"].cast(pl.Int64)

    def pick(self, name: str, rows: pl.Series, words: Sequence[str | None]) -> pl.Series:
        """One of ``words`` for each row; repeat a word to make it more likely."""
        return pl.Series(words, dtype=pl.String).gather(self.below(name, rows, len(words)))

    def chance(self, name: str, rows: pl.Series, percent: int) -> pl.Series:
        """True for about ``percent`` of the rows."""
        return self.below(name, rows, 100) < percent


def shuffled(rows: pl.Series, total: int) -> pl.Series:
    """A permutation of 0 … ``total`` - 1 applied to row numbers (multiplication by a number prime to ``total``)."""
    step = 1
    for candidate in (7_368_787, 6_700_417, 104_729, 7919, 613, 37, 7, 1):
        if total % candidate:
            step = candidate
            break
    return (rows * step + 11) % max(total, 1)
