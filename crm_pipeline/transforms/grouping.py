"""One record out of several rows: the newest non-empty value wins, and where it came from is kept."""

from __future__ import annotations

from collections.abc import Sequence

from crm_pipeline.staging.store import literal, quote

#: Parts of an address in the order: street, city, state, postcode, country.
ADDRESS = ("street", "city", "state", "postcode", "country")


def newest_rank(newest_by: str | None) -> str:
    """Rank of a row, 1 = newest; rows without a date come last, then the export's own order decides."""
    date = f"src.{quote(newest_by)} DESC NULLS LAST, " if newest_by else ""
    return f"row_number() OVER (ORDER BY {date}src._row_id)"


def best_values(columns: Sequence[str], key: str) -> str:
    """Aggregates over ranked rows: each column's newest non-empty value, and ``<column>__from`` its source key."""
    parts = []
    for column in columns:
        name = quote(column)
        parts.append(f"arg_min({name}, rank) AS {name}")
        parts.append(f"arg_min({key}, rank) FILTER ({name} IS NOT NULL) AS {quote(column + '__from')}")
    return ", ".join(parts)


def best_address(columns: Sequence[str], key: str) -> str:
    """Aggregates for an address, taken whole from one row so that no street lands in another row's city.

    The newest row with both street and city wins, else the newest with any part. Gives the struct ``address`` with
    fields :data:`ADDRESS`, and ``address__from``.
    """
    struct = ", ".join(f"{part} := {quote(column)}" for part, column in zip(ADDRESS, columns, strict=True))
    any_part = "coalesce(" + ", ".join(quote(c) for c in columns) + ") IS NOT NULL"
    street, city = quote(columns[0]), quote(columns[1])
    order = f"rank + CASE WHEN {street} IS NOT NULL AND {city} IS NOT NULL THEN 0 ELSE 1000000000000 END"
    return (
        f"arg_min(struct_pack({struct}), {order}) FILTER ({any_part}) AS address, "
        f"arg_min({key}, {order}) FILTER ({any_part}) AS address__from"
    )


def address_columns(expression: str = "address") -> str:
    """The parts of an address struct as columns."""
    return ", ".join(f"{expression}.{part} AS {part}" for part in ADDRESS)


def same_address(left: str, right: str) -> str:
    """Whether two address structs say the same, ignoring case and spacing."""
    fold = [
        f"fold(concat_ws({literal(', ')}, {', '.join(f'{side}.{part}' for part in ADDRESS)}))" for side in (left, right)
    ]
    return f"({fold[0]} IS NOT DISTINCT FROM {fold[1]})"
