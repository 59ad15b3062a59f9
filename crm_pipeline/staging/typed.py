"""Typed tables: accepted rows of one object in the types of its contract, made in one pass over the raw table.

``typed.<object>``: ``_row_id, _file, _row, _extra, _deleted``, every spec column, ``<column>__currency`` for money columns (the
ISO code stated in the cell), and the spec's derived columns. Rows that are not accepted go to
``typed.<object>__rejected`` (same columns) and to ``ops.fate``; what is wrong with a value goes to ``ops.issue``.

Precedence where several things are wrong with a row: malformed, another drop's version of the same record (R-16), blank key,
identical repeat, key used twice (R-1), unreadable or missing value, unique column repeated, excluded by rule. The key rule comes before values, so that an older
version of a record is never taken because the newest one has a bad value.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm_pipeline.exports.audit import ExportAudit
from crm_pipeline.exports.values import FREE_TYPES, register_values
from crm_pipeline.specs import ColumnSpec, ObjectSpec, SourceSpec
from crm_pipeline.staging.rejections import CellCheck, Rejections, text_of
from crm_pipeline.staging.store import StagingStore, literal, quote

META = ("_row_id", "_file", "_row", "_extra")
#: Whether a row is in the list of deleted records; see :mod:`crm_pipeline.staging.deletions`.
DELETED = "_deleted"
#: The column whose code wins over a symbol in a money cell, where an object has it.
CURRENCY = "currency"


@dataclass(frozen=True)
class TypingResult:
    """What became of one object's rows; ``exported`` = ``accepted`` + the sum of ``fates``."""

    object: str
    exported: int
    accepted: int
    fates: dict[str, int]
    issues: dict[str, int]


def type_object(store: StagingStore, spec: SourceSpec, object_name: str, audit: ExportAudit) -> TypingResult:
    """Make ``typed.<object>`` from ``raw.<object>``; replaces it and all issues and fates of the object."""
    object_spec = spec.objects[object_name]
    register_values(store.connection, audit.time_zone, audit.date_order, spec.currency_symbols)
    checks = _checks(object_spec)
    with store.transaction():
        for table in ("ops.issue", "ops.fate"):
            store.execute(f"DELETE FROM {quote(table)} WHERE object = ?", [object_name])
        _create_typed(store, object_name, object_spec, checks)
        rejections = Rejections(store, object_name, object_spec)
        rejections.skip_decided("t._problem IS NOT NULL")
        rejections.reject_malformed()
        if audit.deltas:
            rejections.reject_versions(audit.deltas)
            _derive_again(store, object_name, object_spec)
        rejections.skip_decided("d.decision = 'skip'")
        rejections.reject_keys()
        rejections.skip_decided("TRUE")
        rejections.check_cells(checks)
        for column in object_spec.unique:
            rejections.reject_repeats(column)
        for exclusion in object_spec.exclude:
            rejections.exclude(exclusion)
        rejections.close()
        for column in ("_wrong", "_problem"):
            for table in (f"typed.{object_name}", f"typed.{object_name}__rejected"):
                store.execute(f"ALTER TABLE {quote(table)} DROP COLUMN {quote(column)}")
    return _result(store, object_name)


def _result(store: StagingStore, object_name: str) -> TypingResult:
    of_object = "WHERE object = ? GROUP BY ALL ORDER BY ALL"
    fates = store.rows(f"SELECT coalesce(reason, fate), count(*) FROM ops.fate {of_object}", [object_name])
    issues = store.rows(f"SELECT reason, count(*) FROM ops.issue {of_object}", [object_name])
    return TypingResult(
        object_name,
        store.value(f"SELECT count(*) FROM {quote(f'raw.{object_name}')}"),
        store.value(f"SELECT count(*) FROM {quote(f'typed.{object_name}')}"),
        dict(fates),
        dict(issues),
    )


def typed_expression(column: ColumnSpec, text: str, *, of_workbook: bool = False) -> str:
    """SQL for a column's value from its trimmed text.

    A workbook's error values are none.
    """
    if of_workbook and column.type in FREE_TYPES:
        text = f"CASE WHEN {text} NOT IN ({_ERRORS}) THEN {text} END"
    if column.as_number:
        return f"_number_key({text})"
    if column.restore_zero is not None:
        pattern = literal(column.restore_zero)
        return f"CASE WHEN regexp_full_match({text}, {pattern}) THEN '0' || {text} ELSE _{column.type}({text}) END"
    if column.type not in {"enum", "enums"}:
        return f"_{column.type}({text})"
    exact = ", ".join(map(literal, column.values))
    cases = " ".join(f"WHEN _fold({literal(value)}) THEN {literal(value)}" for value in column.values)
    one = f"CASE WHEN {text} IN ({exact}) THEN {text} ELSE CASE _fold({text}) {cases} END END"
    if column.type == "enum":
        return one
    parts = f"list_filter(list_transform(_listed({text}), lambda part: CASE _fold(part) {cases} END), lambda part: part IS NOT NULL)"
    return f"CASE WHEN ({one}) IS NOT NULL THEN [{one}] ELSE nullif({parts}, []) END"


def _missing(column: ColumnSpec, text: str, value: str) -> str:
    """SQL: whether a cell of several values has one that is not listed; it may be one listed value with a comma in it."""
    listed = ", ".join(f"_fold({literal(option)})" for option in column.values)
    return f"_fold({text}) NOT IN ({listed}) AND coalesce(len({value}), 0) < len(_listed({text}))"


def _checks(spec: ObjectSpec) -> list[CellCheck]:
    checks: list[CellCheck] = []
    for name, column in spec.columns.items():
        value, text = quote(name), quote(text_of(name))
        if column.type in FREE_TYPES and spec.sheet is not None:
            wrong = f"{text} IN ({_ERRORS})"
            checks.append(CellCheck(name, "bad_value", wrong, wrong, column.quarantines_bad_values, _ERROR))
        if column.type not in FREE_TYPES:
            reason = "unknown_value" if column.type in {"enum", "enums"} else "bad_value"
            wrong = f"{value} IS NULL AND {text} IS NOT NULL"
            if column.type == "enums":  # the values that are listed are kept, the others are reported
                wrong = f"{text} IS NOT NULL AND coalesce({_missing(column, text, value)}, FALSE)"
            checks.append(
                CellCheck(name, reason, wrong, wrong, column.quarantines_bad_values, _READABLE_AS[column.type])
            )
        if column.required and name != spec.key:
            wrong = f"{text} IS NULL"
            checks.append(CellCheck(name, "missing_value", wrong, wrong, True, "is blank, and must not be"))
        if column.type == "money" and CURRENCY in spec.columns and name != CURRENCY:
            stated, code = quote(f"{name}__currency"), quote(CURRENCY)
            differs = f"{stated} <> {code}"
            wrong = f"{stated} <> coalesce(_currency({code}), upper({code}))"
            says = f"states another currency than the column '{spec.columns[CURRENCY].heading}', which wins"
            checks.append(CellCheck(name, "currency_conflict", differs, wrong, False, says))
    return checks


#: What Excel shows where a formula failed.
_ERRORS = ", ".join(
    map(literal, ("#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!",
                  "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#GETTING_DATA"))
)  # fmt: skip
_ERROR = "is the error of a formula"

_READABLE_AS = {
    "email": "is no e-mail address",
    "url": "is no web address",
    "enum": "is none of the listed values",
    "enums": "has values that are not listed (those that are listed are kept)",
    "money": "is no amount that can be read for certain",
    "dec": "is no number that can be read for certain",
    "int": "is no whole number",
    "pct": "is no percentage",
    "bool": "is neither yes nor no",
    "date": "is no date in the export's order",
    "dt": "is no date and time in the export's order",
}


def _derive_again(store: StagingStore, object_name: str, spec: ObjectSpec) -> None:
    """Derived columns may look at other rows, so they are computed once more without the versions that don't count."""
    if not spec.derive:
        return
    table, names = quote(f"typed.{object_name}"), ", ".join(map(quote, spec.derive))
    derived = ", ".join(f"({sql}) AS {quote(name)}" for name, sql in spec.derive.items())
    rejected = "SELECT _row_id FROM _rejected"
    # a shared catalog can't read what this transaction changed of a table while it is replaced
    store.execute(
        f"""CREATE OR REPLACE TEMP TABLE _derived AS SELECT * FROM (
            SELECT *, {derived} FROM (SELECT * EXCLUDE ({names}) FROM {table} WHERE _row_id NOT IN ({rejected}))
            UNION ALL BY NAME SELECT * FROM {table} WHERE _row_id IN ({rejected})
        ) ORDER BY _row_id"""
    )
    store.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM _derived")
    store.execute("DROP TABLE _derived")


def _create_typed(store: StagingStore, object_name: str, spec: ObjectSpec, checks: list[CellCheck]) -> None:
    """Create ``typed.<object>`` with all rows, and beside its columns ``_problem`` and ``_wrong`` (some check may fail)."""
    meta = ", ".join(META)
    texts = ", ".join(f"_trim({quote(name)}) AS {quote(text_of(name))}" for name in spec.columns)
    dates = [quote(text_of(name)) for name, column in spec.columns.items() if column.type in {"date", "dt"}]
    # in a workbook's date column a number is the day Excel counts so
    serials = ", ".join(f"_unserial({text}) AS {text}" for text in dates) if spec.sheet is not None else ""
    replaced = f" REPLACE ({serials})" if serials else ""
    columns = {
        name: typed_expression(column, quote(text_of(name)), of_workbook=spec.sheet is not None)
        for name, column in spec.columns.items()
    }
    columns |= {
        f"{name}__currency": f"_currency({quote(text_of(name))})"
        for name, column in spec.columns.items()
        if column.type == "money"
    }
    values = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    derived = [f"({sql}) AS {quote(name)}" for name, sql in spec.derive.items()]
    suspect = " OR ".join(f"coalesce({check.suspects}, FALSE)" for check in checks) or "FALSE"
    store.execute(
        f"CREATE OR REPLACE TABLE {quote(f'typed.{object_name}')} AS "
        f"WITH trimmed AS (SELECT {meta}, _problem, {texts} FROM {quote(f'raw.{object_name}')}), "
        f"dated AS (SELECT *{replaced} FROM trimmed), parsed AS (SELECT *, {values} FROM dated) "
        f"SELECT {', '.join([meta, *map(quote, columns), *derived])}, FALSE AS {DELETED}, _problem, {suspect} AS _wrong FROM parsed"
    )


def cell_checks(spec: ObjectSpec, column: str) -> list[CellCheck]:
    """What can be wrong with a cell of one column by itself."""
    return [check for check in _checks(spec) if check.column == column and check.reason != "currency_conflict"]
