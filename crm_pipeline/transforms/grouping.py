"""One record out of several rows: the newest non-empty value wins, and where it came from is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm_pipeline.staging.store import quote

#: Parts of an address in the order: street, city, state, postcode, country.
ADDRESS = ("street", "city", "state", "postcode", "country")


def newest_rank(newest_by: str | None) -> str:
    """Rank of a row, 1 = newest; rows without a date come last, then the export's own order decides."""
    date = f"src.{quote(newest_by)} DESC NULLS LAST, " if newest_by else ""
    return f"row_number() OVER (ORDER BY {date}src._row_id)"


@dataclass(frozen=True)
class Best:
    """One column of a record that is made out of rows: SQL over several rows, ranked by ``rank``, and over a single one.

    ``of_one`` gives what ``of_many`` gives for one row; most records come from one row, and need no aggregate.
    """

    name: str
    of_many: str
    of_one: str


def newest(name: str, expression: str, where: str = "") -> Best:
    """A value of the newest row (for which ``where`` holds) that has one."""
    of_one = f"CASE WHEN {where} THEN {expression} END" if where else expression
    return Best(name, f"arg_min({expression}, rank){f' FILTER ({where})' if where else ''}", of_one)


def best_values(columns: Sequence[str], key: str) -> list[Best]:
    """Each column's newest non-empty value, and ``<column>__from`` its source key."""
    found = []
    for column in columns:
        name = quote(column)
        found += [newest(column, name), newest(f"{column}__from", key, f"{name} IS NOT NULL")]
    return found


def best_address(columns: Sequence[str], key: str) -> list[Best]:
    """An address, taken whole from one row so that no street lands in another row's city.

    The newest row with both street and city wins, else the newest with any part. Gives the struct ``address`` with
    fields :data:`ADDRESS`, and ``address__from``.
    """
    struct = ", ".join(f"{part} := {quote(column)}" for part, column in zip(ADDRESS, columns, strict=True))
    any_part = "coalesce(" + ", ".join(quote(c) for c in columns) + ") IS NOT NULL"
    street, city = quote(columns[0]), quote(columns[1])
    order = f"rank + CASE WHEN {street} IS NOT NULL AND {city} IS NOT NULL THEN 0 ELSE 1000000000000 END"
    return [
        Best(name, f"arg_min({value}, {order}) FILTER ({any_part})", f"CASE WHEN {any_part} THEN {value} END")
        for name, value in (("address", f"struct_pack({struct})"), ("address__from", key))
    ]


def one_record_per(group: str, rows: str, columns: Sequence[Best]) -> str:
    """SQL for one record of each value of the column ``group`` of the table ``rows``, which has ``rank``, 1 = newest.

    Columns: ``group``, the given ones, ``members`` (how many rows) and ``_row_id``, the smallest of theirs.
    """
    several = f"(SELECT {group} FROM {rows} GROUP BY {group} HAVING count(*) > 1)"
    of_many = ", ".join(f"{column.of_many} AS {quote(column.name)}" for column in columns)
    of_one = ", ".join(f"{column.of_one} AS {quote(column.name)}" for column in columns)
    return f"""
        SELECT {group}, {of_many}, count(*) AS members, min(_row_id) AS _row_id
        FROM {rows} SEMI JOIN {several} AS several USING ({group}) GROUP BY {group}
        UNION ALL SELECT {group}, {of_one}, 1, _row_id FROM {rows} ANTI JOIN {several} AS several USING ({group})
    """


def address_columns(expression: str = "address") -> str:
    """The parts of an address struct as columns."""
    return ", ".join(f"{expression}.{part} AS {part}" for part in ADDRESS)


def address_text(struct: str) -> str:
    """SQL: an address struct as one text; equal texts mean one address, whatever case and spacing."""
    return f"fold(concat_ws(', ', {', '.join(f'{struct}.{part}' for part in ADDRESS)}))"
