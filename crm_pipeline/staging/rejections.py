"""Rows that are not accepted: out of the typed table, into ``ops.fate`` and ``ops.issue`` with a reason.

DuckDB 2.0.0: within one transaction, an INSERT of no rows before one of 122,880 or more into the same table leaves wrong
zone maps; filters on text columns then find nothing until the next checkpoint. So nothing here inserts no rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm_pipeline.specs import ObjectSpec
from crm_pipeline.specs.source import ExclusionSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Reason of rows that are left out because somebody said so.
SKIPPED = "skipped_by_decision"
#: Longest part of a value that is quoted in a message, and longest raw text that is kept with an issue.
_SHOWN, _KEPT = 120, 2000
_PLACE = "_file || ', row ' || _row"
_SAME_ROW = "WHERE r._row_id = t._row_id"
_TEMPORARY = ("_rejected", "_wrong", "_repeated", "_ranked", "_version", "_exchange")


@dataclass(frozen=True)
class CellCheck:
    """One thing that can be wrong with a cell.

    Attributes:
        suspects: cheap SQL condition, true at least where ``wrong`` is; evaluated for every row.
        wrong: SQL condition over the typed columns and ``text_of`` them.
        rejects: whether the row is set aside; else the cell is left blank.
        says: what is wrong, after 'column X …'.
    """

    column: str
    reason: str
    suspects: str
    wrong: str
    rejects: bool
    says: str


def layer_of(file: str, deltas: Sequence[str]) -> str:
    """SQL for the drop that a row's file came with: its position in ``deltas`` from 1, or 0 for the drop below them all."""
    return f"coalesce(list_position([{', '.join(map(literal, deltas))}]::VARCHAR[], split_part({file}, '/', 1)), 0)"


def text_of(column: str) -> str:
    """Name of a column's trimmed text beside its typed value, in the SQL of checks."""
    return f"_t_{column}"


class Rejections:
    """Collects rejected rows of one object; ``close`` moves them out of its typed table.

    The first rejection of a row counts: call the methods in the order of precedence.
    """

    def __init__(self, store: StagingStore, object_name: str, spec: ObjectSpec) -> None:
        self._store, self._object, self._spec = store, object_name, spec
        self._raw, self._typed = quote(f"raw.{object_name}"), quote(f"typed.{object_name}")
        self._key = quote(spec.key)
        store.execute("DROP TABLE IF EXISTS _rejected")
        store.execute("CREATE TEMP TABLE _rejected (_row_id BIGINT, fate VARCHAR, reason VARCHAR, detail VARCHAR)")
        self._malformed, self._keyless = store.rows(
            f"SELECT count(*) FILTER (_problem IS NOT NULL), count(*) FILTER ({self._key} IS NULL) FROM {self._typed}"
        )[0]

    def reject_malformed(self) -> None:
        """Rows that are no proper CSV."""
        if not self._malformed:
            return
        detail = f"{_PLACE} || ' ' || _detail || '. Correct the row and export it again.'"
        self._reject(
            "quarantined", "malformed_row", f"SELECT _row_id, {detail} FROM {self._raw} WHERE _problem IS NOT NULL"
        )
        self._report("malformed_row", "error", None, f"(SELECT left(_raw, {_KEPT}) FROM {self._raw} AS r {_SAME_ROW})")

    def reject_versions(self, deltas: tuple[str, ...]) -> None:
        """The rows of each key that several drops hold, but for those of one drop (R-16).

        The newest counts, of equally new ones the later drop's; a delta's row without a date is as new as its drop. The
        others are duplicates: ``superseded`` by a later drop, or ``stale``. The row that counts takes the place of the
        first one, so that the order of rows is that of a full export.
        """
        layer = layer_of("t._file", deltas)
        keys = (
            f"SELECT {self._key} AS key FROM {self._typed} AS t WHERE _problem IS NULL AND {self._key} IS NOT NULL "
            f"GROUP BY ALL HAVING count(DISTINCT {layer}) > 1"
        )
        newest = f"t.{quote(self._spec.newest_by)}" if self._spec.newest_by else "NULL::TIMESTAMP"
        self._create(
            "_version",
            f"""SELECT *, first_value(layer) OVER best AS kept, first_value(_row_id) OVER best AS kept_id,
                       min(_row_id) OVER (PARTITION BY key) AS first_id, first_value(place) OVER best AS best
                FROM (
                    SELECT t._row_id, t.{self._key} AS key, {layer} AS layer, t._file || ', row ' || t._row AS place,
                           coalesce({newest}::TIMESTAMP, CASE WHEN {layer} > 0 THEN 'infinity' ELSE '-infinity' END::TIMESTAMP) AS newest
                    FROM {self._typed} AS t WHERE t._problem IS NULL AND t.{self._key} IN ({keys})
                ) WINDOW best AS (PARTITION BY key ORDER BY newest DESC, layer DESC, _row_id)""",
        )
        self._exchange_places()
        said = {
            "superseded": ("layer < kept", "' is an earlier version of key ' || key || '; ' || best || ' counts.'"),
            "stale": ("layer > kept", "' is older than ' || best || ' of the same key ' || key || ', which counts.'"),
        }
        for reason, (which, text) in said.items():
            self._reject("duplicate", reason, f"SELECT _row_id, place || {text} FROM _version WHERE {which}")
        self._report("stale", "warning", self._spec.key, f"t.{self._key}")

    def _exchange_places(self) -> None:
        self._create(
            "_exchange",
            """SELECT DISTINCT unnest([kept_id, first_id]) AS was, unnest([first_id, kept_id]) AS becomes
               FROM _version WHERE kept_id <> first_id""",
        )
        for table in (self._raw, self._typed, "_version"):
            self._store.execute(
                f"UPDATE {table} SET _row_id = _exchange.becomes FROM _exchange WHERE {table}._row_id = _exchange.was"
            )

    def reject_keys(self) -> None:
        """Blank keys, identical repeats, and keys with different content (R-1)."""
        blank = f", column '{self._heading(self._spec.key)}' is blank: without a key the row can't be told from others."
        if self._keyless:
            query = f"SELECT _row_id, {_PLACE} || {literal(blank)} FROM {self._typed} WHERE {self._key} IS NULL"
            self._reject("quarantined", "blank_key", query)
            self._report("blank_key", "error", self._spec.key, "NULL")
        if not self._collect_repeats():
            return
        repeats = (
            "place || ' repeats ' || first_place || ' (key ' || key || ') with the same content; the first is kept.'"
        )
        self._reject("duplicate", "identical_duplicate", f"SELECT _row_id, {repeats} FROM _repeated WHERE copy > 1")
        self._report("identical_duplicate", "warning", self._spec.key, f"t.{self._key}")
        differs = (
            "place || ' has the key ' || key || ' of another row with different content, ' || best || "
            "', which is kept. Give one of them another key, or remove it.'"
        )
        self._reject("quarantined", "duplicate_primary_key", f"SELECT _row_id, {differs} FROM _ranked WHERE rank > 1")
        self._report("duplicate_primary_key", "error", self._spec.key, f"t.{self._key}")

    def _collect_repeats(self) -> bool:
        """``_repeated``: all rows whose key occurs more than once; ``_ranked``: of these, each content once, best first."""
        keys = (
            f"SELECT {self._key} AS key FROM {self._typed} WHERE _problem IS NULL AND {self._key} IS NOT NULL "
            "AND _row_id NOT IN (SELECT _row_id FROM _rejected) GROUP BY ALL HAVING count(*) > 1"
        )
        self._create("_repeated", keys)
        if not self._store.value("SELECT count(*) FROM _repeated"):
            return False
        newest = f"t.{quote(self._spec.newest_by)}" if self._spec.newest_by else "NULL"
        cells = ", ".join(f"coalesce(blank(r.{quote(name)}), '')" for name in self._spec.columns)
        extra = "CAST(list_filter(map_entries(r._extra), lambda e: e.value IS NOT NULL) AS VARCHAR)"
        place = "t._file || ', row ' || t._row"
        self._create(
            "_repeated",
            f"SELECT t._row_id, t.{self._key} AS key, {newest} AS newest, {place} AS place, "
            f"row_number() OVER same AS copy, first_value({place}) OVER same AS first_place "
            f"FROM {self._typed} AS t JOIN {self._raw} AS r USING (_row_id) "
            f"WHERE t._problem IS NULL AND t.{self._key} IN ({keys}) AND t._row_id NOT IN (SELECT _row_id FROM _rejected) "
            f"WINDOW same AS (PARTITION BY t.{self._key}, [{cells}], coalesce({extra}, '[]') ORDER BY t._row_id)",
        )
        self._create(
            "_ranked",
            "SELECT *, row_number() OVER best AS rank, first_value(place) OVER best AS best FROM _repeated "
            "WHERE copy = 1 WINDOW best AS (PARTITION BY key ORDER BY newest DESC NULLS LAST, _row_id)",
        )
        return True

    def reject_repeats(self, column: str) -> None:
        """All but the first row of each value of a column that may not repeat."""
        name, reason = quote(column), f"duplicate_{column}"
        detail = f"{_PLACE} || {literal(f' has the {self._heading(column)} ')} || {name} || ' of ' || first_place || "
        self._reject(
            "quarantined",
            reason,
            f"SELECT _row_id, {detail} ', and it may not repeat. Correct one of the two.' "
            f"FROM (SELECT _row_id, _file, _row, {name}, "
            f"row_number() OVER same AS copy, first_value({_PLACE}) OVER same AS first_place FROM {self._typed} "
            f"WHERE {name} IS NOT NULL AND _row_id NOT IN (SELECT _row_id FROM _rejected) "
            f"WINDOW same AS (PARTITION BY {name} ORDER BY _row_id)) WHERE copy > 1",
        )
        self._report(reason, "error", column, f"CAST(t.{name} AS VARCHAR)")

    def skip_decided(self, where: str) -> None:
        """Rows that people decided to leave out, among those for which ``where`` holds (row ``t``, decision ``d``).

        Rows named one by one go before the rule about keys, so that one of two with the same key can be left out; rows
        left out for a value go after it, so that no older version of a record takes the place of the newest.
        """
        same = "d.row_id = t._row_id" if self._spec.listed_in is not None else 'd.file = t._file AND d."row" = t._row'
        skipped = f"d.object = {literal(self._object)} AND d.decision IN ('skip', 'skip_row')"
        if self._store.value(f"SELECT count(*) FROM ops.decided AS d WHERE {skipped}"):
            query = f"SELECT t._row_id, d.note FROM ops.decided AS d JOIN {self._typed} AS t ON {same} WHERE {skipped} AND {where}"
            self._reject("excluded", SKIPPED, query)

    def exclude(self, exclusion: ExclusionSpec) -> None:
        """Rows a rule of the spec leaves out; they have a fate, but are no issue."""
        note = literal(exclusion.note or f"left out by the rule: {exclusion.where}")
        self._reject(
            "excluded", exclusion.reason, f"SELECT _row_id, {note} FROM {self._typed} WHERE ({exclusion.where})"
        )

    def check_cells(self, checks: list[CellCheck]) -> None:
        """Issues for every wrong cell; rows are quarantined where the check says so."""
        if not checks or not self._collect_wrong(checks):
            return
        flags = [quote(f"_f{number}") for number in range(len(checks))]
        counts = self._store.rows(f"SELECT {', '.join(f'count_if({flag})' for flag in flags)} FROM _wrong")[0]
        for check, flag, count in zip(checks, flags, counts, strict=True):
            if count:
                self._report_cells(check, flag)

    def _collect_wrong(self, checks: list[CellCheck]) -> int:
        """``_wrong``: raw cells of the rows in which some check may fail, with one flag for each check; says how many."""
        texts = ", ".join(f"_trim(r.{quote(name)}) AS {quote(text_of(name))}" for name in self._spec.columns)
        flags = ", ".join(f"({check.wrong}) AS {quote(f'_f{number}')}" for number, check in enumerate(checks))
        suspects = "_wrong AND _row_id NOT IN (SELECT _row_id FROM _rejected)"
        self._create(
            "_wrong",
            f"WITH cells AS (SELECT t.*, {texts} FROM {self._typed} AS t JOIN {self._raw} AS r USING (_row_id) WHERE {suspects}), "
            f"flags AS (SELECT _row_id, {flags} FROM cells) SELECT r.*, f.* EXCLUDE (_row_id) "
            f"FROM {self._raw} AS r JOIN flags AS f USING (_row_id)",
        )
        return int(self._store.value("SELECT count(*) FROM _wrong"))

    def _report_cells(self, check: CellCheck, flagged: str) -> None:
        column, reason, says, rejects = check.column, check.reason, check.says, check.rejects
        value = f"blank({quote(column)})"
        what = literal(says)
        if reason != "missing_value":
            shown = f"CASE WHEN length({value}) > {_SHOWN} THEN left({value}, {_SHOWN}) || '…' ELSE {value} END"
            which = literal(f"', which {says}")
            what = f"'holds ''' || {shown} || {which}"
        outcome = "; the row is set aside" if rejects else "; it is left blank"
        files = "values.csv or rows.csv" if reason == "unknown_value" else "rows.csv"
        advice = f"{'' if reason == 'currency_conflict' else outcome}. Correct it in the CRM, or decide in {files}."
        subject = literal(f": column '{self._heading(column)}' ")
        message = f"{_PLACE} || {subject} || {what} || {literal(advice)}"
        key = f"blank({self._key})" if self._spec.key in self._spec.columns else "NULL"
        severity = "error" if rejects else "warning"
        self._store.execute(
            f"INSERT INTO ops.issue SELECT {literal(self._object)}, _row_id, {key}, _file, _row, {literal(column)}, {value}, {literal(reason)}, "
            f"{literal(severity)}, {message} FROM _wrong WHERE {flagged} ORDER BY _row_id",
        )
        if rejects:
            self._reject("quarantined", reason, f"SELECT _row_id, {message} FROM _wrong WHERE {flagged}")

    def close(self) -> None:
        """Move the rejected rows to ``typed.<object>__rejected`` and write their fates."""
        rejected = quote(f"typed.{self._object}__rejected")
        if self._store.value("SELECT count(*) FROM _rejected"):
            self._store.execute(
                f"INSERT INTO ops.fate SELECT {literal(self._object)}, t._row_id, t.{self._key}, t._file, t._row, x.fate, "
                f"x.reason, x.detail FROM _rejected AS x JOIN {self._typed} AS t USING (_row_id) ORDER BY t._row_id"
            )
        among = "_row_id IN (SELECT _row_id FROM _rejected)"
        self._store.execute(
            f"CREATE OR REPLACE TABLE {rejected} AS SELECT * FROM {self._typed} WHERE {among} ORDER BY _row_id"
        )
        self._store.execute(f"DELETE FROM {self._typed} WHERE {among}")
        for table in _TEMPORARY:
            self._store.execute(f"DROP TABLE IF EXISTS {table}")

    def _heading(self, column: str) -> str:
        return self._spec.columns[column].heading if column in self._spec.columns else column

    def _create(self, table: str, query: str) -> None:
        self._store.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")

    def _reject(self, fate: str, reason: str, query: str) -> None:
        """``query`` gives row ids and details."""
        self._create(
            "_new",
            f"SELECT q._row_id, {literal(fate)}, {literal(reason)}, q.detail FROM ({query}) AS q(_row_id, detail) "
            "WHERE q._row_id NOT IN (SELECT _row_id FROM _rejected)",
        )
        if self._store.value("SELECT count(*) FROM _new"):
            self._store.execute("INSERT INTO _rejected SELECT * FROM _new")
        self._store.execute("DROP TABLE _new")

    def _report(self, reason: str, severity: str, column: str | None, value: str) -> None:
        """Issues for the rows rejected with ``reason``; ``value`` is SQL over the typed table ``t``."""
        among = f"_rejected AS x JOIN {self._typed} AS t USING (_row_id) WHERE x.reason = {literal(reason)}"
        if self._store.value(f"SELECT count(*) FROM {among}"):
            self._store.execute(
                f"INSERT INTO ops.issue SELECT {literal(self._object)}, t._row_id, t.{self._key}, t._file, t._row, "
                f"{literal(column)}, {value}, {literal(reason)}, {literal(severity)}, x.detail FROM {among} "
                "ORDER BY t._row_id"
            )
