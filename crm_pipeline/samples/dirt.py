"""Dirt: what real exports hold and clean ones do not, as data, and its application to clean frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

#: The same fault comes back after so many rows, so that large samples hold about as many per mille as small ones.
PERIOD = 1009
#: Stands for all headings in ``Dirt.changes``.
EVERY = "*"


@dataclass(frozen=True)
class Dirt:
    """One kind of fault.

    Attributes:
        row: row number modulo ``PERIOD`` it falls on.
        changes: heading → new text, ``None`` for an empty cell, or an expression over the row's other cells.
        repeats: whether the changed row comes in addition to the clean one.
    """

    what: str
    row: int
    changes: Mapping[str, str | pl.Expr | None]
    repeats: bool = False


def soil(frame: pl.DataFrame, rows: pl.Series, dirt: Sequence[Dirt]) -> pl.DataFrame:
    """Apply dirt to a chunk whose row numbers are ``rows``; repeated rows come at its end."""
    place = rows % PERIOD
    added = []
    for fault in dirt:
        hit = place == fault.row
        if not hit.any():
            continue
        changes = dict.fromkeys(frame.columns, fault.changes[EVERY]) if EVERY in fault.changes else fault.changes
        values = [(value if isinstance(value, pl.Expr) else pl.lit(value, dtype=pl.String)).alias(heading)
                  for heading, value in changes.items()]  # fmt: skip
        if fault.repeats:
            added.append(frame.filter(hit).with_columns(values))
        else:
            changed = frame.with_columns(values)
            frame = frame.with_columns(
                changed[heading].zip_with(hit, frame[heading]).alias(heading) for heading in changes
            )
    return pl.concat([frame, *added]) if added else frame
