"""Keys of tables and links between them, by the values alone: which column's values are another table's keys or names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from crm_pipeline.exports.sql import Database, literal
from crm_pipeline.proposals.table import Candidate, ColumnReading, TableReading
from crm_pipeline.proposals.terms import tokens
from crm_pipeline.proposals.vocabulary import KEY

#: A column is a key when so many of its values are there and different: real exports repeat a row now and then. One that
#: is not called a key must not repeat at all.
_UNIQUE, _UNIQUE_UNCALLED = 0.8, 0.995
#: A column is a link when so many of its different values are found.
_FOUND = 0.6
_NAMES = ("name", "email", "email_from")


@dataclass(frozen=True)
class Link:
    """Values of a column that name rows of another table.

    Attributes:
        share: how many of its different values are found there, 0 to 1.
        by_key: whether they are keys there, and not names or addresses.
    """

    to: str
    to_column: str
    share: float
    by_key: bool


def find_key(table: TableReading) -> str | None:
    """The column that tells the rows of a table apart: the one called so, else the first without repeats."""
    named = [column for column in table.columns if column.best.says == KEY]
    for column in (*named, *table.columns):
        profile, least = column.profile, _UNIQUE if column in named else _UNIQUE_UNCALLED
        enough = profile.filled >= least * profile.rows and profile.distinct >= least * profile.filled
        if profile.filled and enough and profile.share("long") < 0.5:
            return column.name
    return None


def find_links(store: Database, tables: Mapping[str, TableReading], keys: Mapping[str, str]) -> dict[tuple[str, str], tuple[Link, ...]]:
    """(table, column) → the tables its values lead to, keys before names, best first; of the values ``_value`` holds."""
    goals = dict.fromkeys(keys.items(), True)
    for name, table in tables.items():
        for column in table.columns:
            if column.best.says in _NAMES and column.profile.distinct >= 0.8 * max(1, column.profile.filled):
                goals.setdefault((name, column.name), False)
    if not goals:
        return {}
    listed = ", ".join(f"({literal(name)}, {literal(column)})" for name, column in goals)
    found: dict[tuple[str, str], list[Link]] = {}
    for table, column, to, to_column, share in store.rows(
        f"""WITH goal AS (SELECT DISTINCT object, col, lower(value) AS value FROM _value WHERE (object, col) IN ({listed})),
            mine AS (SELECT DISTINCT object, col, lower(value) AS value FROM _value),
            counted AS (SELECT object, col, count(*) AS n FROM mine GROUP BY ALL)
            SELECT mine.object, mine.col, goal.object, goal.col, count(*) / any_value(counted.n)
            FROM mine JOIN goal ON goal.value = mine.value AND goal.object <> mine.object
            JOIN counted ON counted.object = mine.object AND counted.col = mine.col GROUP BY ALL"""
    ):
        found.setdefault((table, column), []).append(Link(to, to_column, float(share), goals[to, to_column]))
    return {key: tuple(sorted(links, key=lambda link: (-link.share, not link.by_key, link.to))) for key, links in found.items()}


def link_of(links: Iterable[Link], kinds: Mapping[str, str | None], wanted: Iterable[str]) -> Link | None:
    """The best of links that leads to a table of one of the kinds wanted."""
    kept = [link for link in links if kinds.get(link.to) in set(wanted) and link.share >= _FOUND]
    return kept[0] if kept else None


#: (kind of the table, kind of the other) → the field that links them.
_LINKS = {
    ("person", "company"): "parent_id", ("company", "company"): "parent_id", ("lead", "company"): "partner_id", ("lead", "person"): "partner_id",
    ("deal", "company"): "partner_id", ("deal", "person"): "partner_id",
} | {(history, kind): "res_id" for history in ("note", "call", "email", "meeting", "task") for kind in ("company", "person", "lead", "deal")}
_LINKED, _BY_VALUES_ALONE, _NEARLY_ALL = 0.96, 0.75, 0.9


def with_links(tables: Mapping[str, TableReading], links: Mapping[tuple[str, str], tuple[Link, ...]]) -> dict[str, TableReading]:
    """The readings with what links say: a column whose values are another table's keys links to it."""
    return {name: replace(table, columns=tuple(_linked(tables, table, column, links) for column in table.columns)) for name, table in tables.items()}


def _linked(
    tables: Mapping[str, TableReading], table: TableReading, column: ColumnReading, links: Mapping[tuple[str, str], tuple[Link, ...]]
) -> ColumnReading:
    for link in links.get((table.name, column.name), ()):
        other = tables[link.to]
        says = _LINKS.get((str(table.kind), str(other.kind)))
        if says is None or not link.by_key or link.share < _NEARLY_ALL or column.best.says == KEY:
            continue
        key = next(c for c in other.columns if c.name == link.to_column)
        called = set(tokens(column.heading)) & (set(tokens(other.label)) | set(tokens(key.heading)) - {"id"} | {str(other.kind)})
        meant = any(c.says == says for c in column.candidates[:3])
        if not called and not meant and column.profile.share("int") > _FOUND:
            continue  # small numbers are keys of every table
        why = f"{link.share:.0%} of its values are keys of {link.to}"
        sure = Candidate(says, _LINKED if called or meant else _BY_VALUES_ALONE, (why, *(r for c in column.candidates if c.says == says for r in c.reasons[:1])))
        return replace(column, candidates=(sure, *(c for c in column.candidates if c.says != says)))
    return column
