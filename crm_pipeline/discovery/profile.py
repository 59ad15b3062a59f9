"""What the columns of an export hold: how full they are, how many different values, which formats, from when to when.

Two scans of an object: one of its raw text for all columns at once, one of the typed dates and of the columns with few
values. Nothing is read row by row, and what is kept is a line for each column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from crm_pipeline.exports import ExportAudit
from crm_pipeline.specs import ObjectSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Up to so many rows different values are counted one by one; above, about (within a few per cent, in bounded memory).
EXACT_ROWS = 50_000
#: Columns with at most so many different values have these listed.
FEW = 12
#: Types whose values are words of the CRM; others are texts of people, or counted by their formats.
_WORDS = frozenset({"str", "enum", "enums", "bool"})
#: Characters of a listed value.
_SHOWN = 40

#: Format → pattern of the whole text; the first that fits counts.
_DATES = (
    ("2024-12-31", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"),
    ("2024-12-31 10:00", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9]{1,2}:[0-9:.]+"),
    ("2024-12-31 10:00 with zone", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9]{1,2}:[0-9:.]+ ?(?:Z|[+-][0-9:]+)"),
    ("31/12/2024, day first", r"(?:1[3-9]|2[0-9]|3[01])[/.-][0-9]{1,2}[/.-](?:[0-9]{4}|[0-9]{2})(?:[ ,T].*)?"),
    ("12/31/2024, month first", r"[0-9]{1,2}[/.-](?:1[3-9]|2[0-9]|3[01])[/.-](?:[0-9]{4}|[0-9]{2})(?:[ ,T].*)?"),
    ("05/06/2024, either order", r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:[0-9]{4}|[0-9]{2})(?:[ ,T].*)?"),
    ("31 Dec 2024", r".*[A-Za-z]{3,}.*[0-9]{4}.*"),
    ("day number of a spreadsheet", r"[0-9]{4,6}(?:\.[0-9]+)?"),
)
_NUMBERS = (
    ("1234", r"[+-]?[0-9]+"),
    ("1234.50", r"[+-]?[0-9]+\.[0-9]+"),
    ("1,234.50", r"[+-]?[0-9]{1,3}(?:,[0-9]{2,3})+(?:\.[0-9]+)?"),
    ("1.234,50", r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[+-]?[0-9]+,[0-9]+"),
    ("1 234,50", r"[+-]?[0-9]{1,3}(?:[ \x{00a0}\x{202f}'][0-9]{3})+(?:[.,][0-9]+)?"),
    ("25%", r"[+-]?[0-9.,]+ ?%"),
    ("(250.00), negative", r"\(.*[0-9].*\)"),
    ("with a currency sign or code", r"[^0-9(+-]*[+-]?[^0-9(]*[0-9][0-9.,' ]*[^0-9%]*"),
)
_FORMATS = {"date": _DATES, "dt": _DATES, "money": _NUMBERS, "dec": _NUMBERS, "int": _NUMBERS, "pct": _NUMBERS}


@dataclass(frozen=True)
class ColumnProfile:
    """One column of an export.

    Attributes:
        name: the contract's name; ``None`` of a column that the contract does not have.
        type: the contract's type; 'str' of others.
        state: 'contract', 'custom' (a field of the account's own), 'unknown' or 'missing' (no file has it).
        filled: rows with a value.
        distinct: different values; about so many where ``is_exact`` is false.
        unreadable: values that could not be read as the type.
        formats: format → values written so, most first; of dates and numbers.
        values: value → rows, most first, where there are at most ``FEW`` different ones.
        first, last: range of readable dates and numbers, as text.
    """

    heading: str
    name: str | None
    type: str
    state: str
    filled: int
    distinct: int
    is_exact: bool
    longest: int
    unreadable: int = 0
    formats: tuple[tuple[str, int], ...] = ()
    values: tuple[tuple[str, int], ...] = ()
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True)
class KeyProfile:
    """How far a column, or what is derived of several, identifies the rows.

    Attributes:
        declared: whether the contract says that it does; others happen to.
        blank, repeated: rows without it, and rows beyond the first of each value.
        examples: values that occur more than once.
    """

    column: str
    declared: bool
    rows: int
    blank: int
    repeated: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every row has one, and no two the same."""
        return not self.blank and not self.repeated


@dataclass(frozen=True)
class ObjectProfile:
    """What one object's rows hold."""

    object: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    keys: tuple[KeyProfile, ...]

    @property
    def dates(self) -> tuple[ColumnProfile, ...]:
        """Date columns with at least one readable value."""
        return tuple(c for c in self.columns if c.type in {"date", "dt"} and c.first is not None)


def profile_object(store: StagingStore, spec: ObjectSpec, audit: ExportAudit) -> ObjectProfile:
    """Profile an object that was read and typed.

    Args:
        store: holds its raw and typed tables.
        spec: its contract with the export's custom fields.
        audit: what was delivered of it.
    """
    name = audit.object
    rows = int(store.value(f"SELECT count(*) FROM {quote(f'raw.{name}')}"))
    own = store.columns(f"raw.{name}")
    named = {column: (quote(column), each.heading, each.type) for column, each in spec.columns.items() if column in own}
    further = {label: (f"_extra[{literal(label)}]", label, "str") for label in (*audit.unknown_columns, *audit.custom_columns)}
    counted = _count(store, name, {**named, **further}, exact=rows <= EXACT_ROWS)
    few = {each: given[0] for each, given in {**named, **further}.items() if given[2] in _WORDS and 0 < counted[each]["distinct"] <= FEW}
    values, ranges = _values(store, name, few), _ranges(store, name, spec)
    wrong = dict(
        store.rows(
            "SELECT \"column\", count(*) FROM ops.issue WHERE object = ? AND reason IN ('bad_value', 'unknown_value') GROUP BY 1", [name]
        )
    )
    missing, prefix = set(audit.missing_optional), spec.custom_prefix
    columns = [
        ColumnProfile(
            heading, each if each in named else None, kind, _state(each, named, missing, prefix, heading),
            counted[each]["filled"], counted[each]["distinct"], rows <= EXACT_ROWS, counted[each]["longest"],
            wrong.get(each, 0), counted[each]["formats"], values.get(each, ()), *ranges.get(each, (None, None)),
        )
        for each, (_, heading, kind) in {**named, **further}.items()
    ]  # fmt: skip
    return ObjectProfile(name, rows, tuple(columns), _keys(store, name, spec, columns))


def _state(each: str, named: dict[str, Any], missing: set[str], prefix: str | None, heading: str) -> str:
    if each in missing:
        return "missing"
    if each in named:
        return "custom" if each.startswith("cf_") else "contract"
    return "custom" if prefix and heading.casefold().startswith(prefix.casefold()) else "unknown"


def _count(store: StagingStore, name: str, columns: dict[str, tuple[str, str, str]], *, exact: bool) -> dict[str, dict[str, Any]]:
    """Fill, different values, length and formats of all columns in one scan."""
    if not columns:
        return {}
    parts = []
    for index, (cell, _, kind) in enumerate(columns.values()):
        text = f"c{index}"
        distinct = f"count(DISTINCT {text})" if exact else f"approx_count_distinct({text})"
        formats = f"histogram({_format(text, kind)}) FILTER ({text} IS NOT NULL)" if kind in _FORMATS else "NULL"
        parts.append((f"nullif(_trim({cell}), '') AS {text}", f"count({text}), {distinct}, coalesce(max(length({text})), 0), {formats}"))
    cells, counts = ", ".join(part[0] for part in parts), ", ".join(part[1] for part in parts)
    row = store.rows(f"SELECT {counts} FROM (SELECT {cells} FROM {quote(f'raw.{name}')})")[0]
    return {
        each: {
            "filled": row[4 * i], "distinct": min(row[4 * i + 1], row[4 * i]), "longest": row[4 * i + 2],
            "formats": tuple(sorted((row[4 * i + 3] or {}).items(), key=lambda pair: (-pair[1], pair[0]))),
        }
        for i, each in enumerate(columns)
    }  # fmt: skip


def _format(text: str, kind: str) -> str:
    cases = " ".join(f"WHEN regexp_full_match({text}, {literal(pattern)}) THEN {literal(label)}" for label, pattern in _FORMATS[kind])
    return f"CASE {cases} ELSE 'other' END"


def _values(store: StagingStore, name: str, few: dict[str, str]) -> dict[str, tuple[tuple[str, int], ...]]:
    """The values of columns that have few, with their rows, in one scan."""
    if not few:
        return {}
    counts = ", ".join(f"histogram(left(nullif(_trim({cell}), ''), {_SHOWN}))" for cell in few.values())
    row = store.rows(f"SELECT {counts} FROM {quote(f'raw.{name}')}")[0]
    return {each: tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))) for each, found in zip(few, row, strict=True) if found}


def _ranges(store: StagingStore, name: str, spec: ObjectSpec) -> dict[str, tuple[str | None, str | None]]:
    """Lowest and highest readable dates and numbers, in one scan of the typed rows."""
    table = f"typed.{name}"
    wanted = [column for column, each in spec.columns.items() if each.type in _FORMATS]
    if not wanted or not store.has_table(table):
        return {}
    picked = ", ".join(f"min({quote(column)}), max({quote(column)})" for column in wanted)
    row = store.rows(f"SELECT {picked} FROM {quote(table)}")[0]
    return {column: (_text(row[2 * i]), _text(row[2 * i + 1])) for i, column in enumerate(wanted)}


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m-%d}"
    return f"{value:f}".rstrip("0").rstrip(".") if "." in str(value) else str(value)


def _keys(store: StagingStore, name: str, spec: ObjectSpec, columns: list[ColumnProfile]) -> tuple[KeyProfile, ...]:
    """The declared keys, and columns that could be keys as well."""
    if not store.has_table(f"typed.{name}"):
        return ()
    declared = dict.fromkeys((spec.key, *spec.unique))
    most = max((c.filled for c in columns), default=0)
    likely = [
        c.name for c in columns
        if c.name is not None and c.name not in declared and c.type in {"key", "str", "email"} and c.filled and not c.values
        and c.distinct >= 0.9 * c.filled and c.filled >= 0.95 * most
    ]  # fmt: skip
    found = [_key(store, name, spec, column, declared=True) for column in declared]
    others = [_key(store, name, spec, column, declared=False) for column in likely[:5]]
    return tuple(found + [each for each in others if each.holds])


def _key(store: StagingStore, name: str, spec: ObjectSpec, column: str, *, declared: bool) -> KeyProfile:
    """Counts over accepted rows and those set aside; one pass over one column."""
    cell = quote(column)
    rejected = f"typed.{name}__rejected"
    tables = [f"typed.{name}", *([rejected] if store.has_table(rejected) else [])]
    union = " UNION ALL ".join(f"SELECT {cell}::VARCHAR AS k FROM {quote(table)}" for table in tables)
    rows, blank, repeated, examples = store.rows(
        f"""SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n) FILTER (k IS NULL), 0)::BIGINT,
                   coalesce(sum(n - 1) FILTER (k IS NOT NULL), 0)::BIGINT, coalesce(min(k, 3) FILTER (k IS NOT NULL AND n > 1), [])
            FROM (SELECT k, count(*) AS n FROM ({union}) GROUP BY k)"""
    )[0]
    heading = spec.columns[column].heading if column in spec.columns else column.replace("_", " ")
    return KeyProfile(heading, declared, rows, blank, repeated, tuple(str(each)[:_SHOWN] for each in examples))
