"""What the values of a column look like: how many, how different, readable as what, and a few of them.

One pass over each object's raw table counts its different values, one statement reads those of the whole export as every
type (planning the value parsers costs more than running them); no row leaves the database but the samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crm_pipeline.exports.sql import Database, literal, quote
from crm_pipeline.exports.values import DateOrder
from crm_pipeline.specs import ObjectSpec

#: What is tried, and how the share of readable values is asked for.
_READ = {
    "email": "parse_email(value) IS NOT NULL",
    "url": "parse_url(value) IS NOT NULL AND NOT contains(value, '@')",
    "int": "regexp_full_match(trim(value), '[-+]?[0-9]{1,15}')",
    "dec": "parse_dec(value) IS NOT NULL",
    "money": "parse_money(value) IS NOT NULL",
    "pct": "parse_pct(value) IS NOT NULL AND parse_pct(value) BETWEEN 0 AND 100",
    "bool": "parse_bool(value) IS NOT NULL",
    "date": "parse_date(value) IS NOT NULL",
    "dt": "parse_dt(value) IS NOT NULL AND regexp_matches(value, '[0-9]:[0-9]')",
    "html": "regexp_matches(value, '</?(?i:p|br|div|span|a|b|ul|li)[ />]')",
    "long": "length(value) > 80 OR contains(value, chr(10))",
    "phone": "regexp_full_match(trim(value), '[+(]?[0-9][0-9 ()/.+-]{5,}(?: ?(?i:x|ext).*)?')",
    "listed": "regexp_matches(value, '[^;|]+[;|][^;|]')",
}
SAMPLES = 4
_SAMPLE_LENGTH = 60
#: A column of so few different values may be a choice; all are kept.
CHOICES = 24
#: Different values of a column that are tried as every type, the most frequent ones.
_TRIED = 400
#: In a table of so few rows any column may be a choice.
_SMALL = 12


@dataclass(frozen=True)
class Profile:
    """What a column holds.

    Attributes:
        rows: rows of the object.
        filled: rows with a value.
        distinct: different values.
        readable: type → share of the filled values that are readable so, 0 to 1.
        samples: a few different values, cut short.
        choices: all values, most frequent first, where they are few; else none.
    """

    rows: int = 0
    filled: int = 0
    distinct: int = 0
    readable: Mapping[str, float] | None = None
    samples: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of the values."""
        return self.filled == 0

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.filled > 0 and self.filled == self.rows == self.distinct

    def share(self, kind: str) -> float:
        """The share readable as ``kind``."""
        return (self.readable or {}).get(kind, 0.0)


def count_values(store: Database, objects: Mapping[str, ObjectSpec]) -> None:
    """Write ``_value``: object, column, rows, value, n (rows with it) and rank of every different value of the raw tables."""
    store.execute("CREATE OR REPLACE TEMP TABLE _value (object VARCHAR, col VARCHAR, value VARCHAR, n BIGINT, rank BIGINT)")
    for name, spec in objects.items():
        picked = ", ".join(quote(column) for column in spec.columns)
        store.execute(
            f"""INSERT INTO _value
                SELECT {literal(name)}, col, value, n, row_number() OVER (PARTITION BY col ORDER BY n DESC, first) FROM (
                    SELECT col, trim(value) AS value, count(*) AS n, min(_row_id) AS first
                    FROM (UNPIVOT (SELECT _row_id, {picked} FROM {quote(f"raw.{name}")}) ON {picked} INTO NAME col VALUE value)
                    WHERE trim(value) <> '' GROUP BY ALL)"""
        )


def stated_date_order(store: Database) -> DateOrder:
    """The order of day, month and year that the values themselves show; 'dmy' where nothing decides."""
    part = "TRY_CAST(regexp_extract(value, '^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-][0-9]{4}', %d) AS INT) > 12"
    dmy, mdy = store.rows(f"SELECT count(*) FILTER ({part % 1}), count(*) FILTER ({part % 2}) FROM _value")[0]
    return "mdy" if int(mdy) > int(dmy) else "dmy"


def profile_objects(store: Database, objects: Mapping[str, ObjectSpec]) -> dict[str, dict[str, Profile]]:
    """Object → column → profile, of what ``count_values`` counted.

    ``register_values`` must have been called on the connection.
    """
    tried = ", ".join(f"coalesce({sql}, false) AS {quote(kind)}" for kind, sql in _READ.items())
    shares = ", ".join(f"sum(n) FILTER ({quote(kind)}) / sum(n)" for kind in _READ)
    read = {
        (name, column): dict(zip(_READ, [float(share or 0) for share in found], strict=True))
        for name, column, *found in store.rows(
            f"SELECT object, col, {shares} FROM (SELECT object, col, n, {tried} FROM _value WHERE rank <= {_TRIED}) GROUP BY ALL"
        )
    }
    counts = {
        (name, column): (int(filled), int(distinct), list(values))
        for name, column, filled, distinct, values in store.rows(
            f"SELECT object, col, sum(n), count(*), list(value ORDER BY rank) FILTER (rank <= {CHOICES + 1}) FROM _value GROUP BY ALL"
        )
    }
    found: dict[str, dict[str, Profile]] = {}
    for name, spec in objects.items():
        rows = int(store.value(f"SELECT count(*) FROM {quote(f'raw.{name}')}"))
        found[name] = {}
        for column in spec.columns:
            filled, distinct, values = counts.get((name, column), (0, 0, []))
            few = len(values) <= CHOICES and (len(values) < filled or filled <= _SMALL)
            samples = tuple(_short(value) for value in values[:SAMPLES])
            found[name][column] = Profile(
                rows, filled, distinct, read.get((name, column), {}), samples, tuple(values) if few else ()
            )
    return found


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SAMPLE_LENGTH else f"{plain[: _SAMPLE_LENGTH - 1]}…"
