"""Rows that are not accepted: out of the typed table, into ``ops.fate`` and ``ops.issue`` with a reason."""

from __future__ import annotations

from crm_pipeline.specs import ObjectSpec
from crm_pipeline.specs.source import ExclusionSpec
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Longest part of a value that is quoted in a message.
_SHOWN = 120


class Rejections:
    """Collects rejected rows of one object; ``close`` moves them out of its typed table.

    The first rejection of a row counts: call the methods in the order of precedence.
    """

    def __init__(self, store: StagingStore, object_name: str, spec: ObjectSpec) -> None:
        self._store, self._object, self._spec = store, object_name, spec
        self._raw, self._typed = quote(f"raw.{object_name}"), quote(f"typed.{object_name}")
        self._key = quote(spec.key)
        store.execute(
            "CREATE OR REPLACE TEMP TABLE _rejected (_row_id BIGINT PRIMARY KEY, fate VARCHAR, reason VARCHAR, detail VARCHAR)"
        )

    def reject_malformed(self) -> None:
        """Rows that are no proper CSV."""
        self._reject(
            "quarantined",
            "malformed_row",
            f"SELECT _row_id, _file || ', row ' || _row || ' ' || _detail || '. Correct the row and export it again.' "
            f"FROM {self._raw} WHERE _problem IS NOT NULL",
        )
        self._report("malformed_row", "error", None, f"left({quote('_raw')}, 2000)", self._raw)

    def reject_keys(self) -> None:
        """Blank keys, identical repeats, and keys with different content (R-1)."""
        heading = self._spec.columns[self._spec.key].heading if self._spec.key in self._spec.columns else self._spec.key
        blank = f"', column ''{heading.replace(chr(39), chr(39) * 2)}'' is blank: without a key the row can''t be told apart.'"
        self._reject(
            "quarantined",
            "blank_key",
            f"SELECT _row_id, _file || ', row ' || _row || {blank} FROM {self._typed} WHERE {self._key} IS NULL",
        )
        self._report("blank_key", "error", self._spec.key, "NULL", self._typed)
        self._collect_repeats()
        self._reject(
            "duplicate",
            "identical_duplicate",
            "SELECT _row_id, where_ || ' repeats ' || first_where || ' (key ' || key || ') with the same content; the first is kept.' "
            "FROM _repeated WHERE copy > 1",
        )
        self._report("identical_duplicate", "warning", self._spec.key, self._key, self._typed)
        self._reject(
            "quarantined",
            "duplicate_primary_key",
            "SELECT _row_id, where_ || ' has the key ' || key || ' of another row with different content, ' || taken || "
            "', which is kept. Give one of them another key, or remove it.' FROM _ranked WHERE rank > 1",
        )
        self._report("duplicate_primary_key", "error", self._spec.key, self._key, self._typed)

    def _collect_repeats(self) -> None:
        newest = quote(self._spec.newest_by) if self._spec.newest_by else "NULL"
        cells = ", ".join(f"coalesce(blank(r.{quote(name)}), '')" for name in self._spec.columns)
        extra = "CAST(list_filter(map_entries(r._extra), lambda e: e.value IS NOT NULL) AS VARCHAR)"
        twice = (
            f"SELECT {self._key} FROM {self._typed} WHERE _problem IS NULL AND {self._key} IS NOT NULL "
            "GROUP BY ALL HAVING count(*) > 1"
        )
        self._store.execute(
            "CREATE OR REPLACE TEMP TABLE _repeated AS "
            f"SELECT t._row_id, t.{self._key} AS key, t.{newest} AS newest, t._file || ', row ' || t._row AS where_, "
            f"row_number() OVER same AS copy, first_value(t._file || ', row ' || t._row) OVER same AS first_where "
            f"FROM {self._typed} AS t JOIN {self._raw} AS r USING (_row_id) "
            f"WHERE t._problem IS NULL AND t.{self._key} IN ({twice}) "
            f"WINDOW same AS (PARTITION BY t.{self._key}, [{cells}], coalesce({extra}, '[]') ORDER BY t._row_id)".replace(
                "t.NULL", "NULL"
            )
        )
        self._store.execute(
            "CREATE OR REPLACE TEMP TABLE _ranked AS SELECT *, row_number() OVER best AS rank, "
            "first_value(where_) OVER best AS taken FROM _repeated WHERE copy = 1 "
            "WINDOW best AS (PARTITION BY key ORDER BY newest DESC NULLS LAST, _row_id)"
        )

    def reject_repeats(self, column: str) -> None:
        """All but the first row of each value of a column that may not repeat."""
        heading = self._spec.columns[column].heading if column in self._spec.columns else column
        name = quote(column)
        self._reject(
            "quarantined",
            f"duplicate_{column}",
            f"SELECT _row_id, where_ || ' has the {heading.replace(chr(39), chr(39) * 2)} ' || value || ' of ' || first_where || "
            "', and it may not repeat.' FROM (SELECT _row_id, _file || ', row ' || _row AS where_, "
            f"CAST({name} AS VARCHAR) AS value, row_number() OVER same AS copy, "
            f"first_value(_file || ', row ' || _row) OVER same AS first_where FROM {self._typed} "
            f"WHERE {name} IS NOT NULL AND _row_id NOT IN (SELECT _row_id FROM _rejected) "
            f"WINDOW same AS (PARTITION BY {name} ORDER BY _row_id)) WHERE copy > 1",
        )
        self._report(f"duplicate_{column}", "error", column, f"CAST({name} AS VARCHAR)", self._typed)

    def exclude(self, exclusion: ExclusionSpec) -> None:
        """Rows a rule of the spec leaves out."""
        note = literal(exclusion.note or f"left out by the rule {exclusion.where}")
        self._reject(
            "excluded", exclusion.reason, f"SELECT _row_id, {note} FROM {self._typed} WHERE ({exclusion.where})"
        )

    def collect_wrong(self, condition: str) -> int:
        """Set the rows with wrong cells aside for ``report_cells``; returns how many."""
        self._store.execute(
            "CREATE OR REPLACE TEMP TABLE _wrong AS SELECT r.*, t.* LIKE '\\_mask%' ESCAPE '\\' "
            f"FROM {self._typed} AS t JOIN {self._raw} AS r USING (_row_id) "
            f"WHERE ({condition}) AND _row_id NOT IN (SELECT _row_id FROM _rejected)"
        )
        return int(self._store.value("SELECT count(*) FROM _wrong"))

    def report_cells(self, column: str, reason: str, flagged: str, says: str, *, rejects: bool) -> None:
        """Issues for one kind of wrong cell of a column; with ``rejects`` the rows are quarantined."""
        heading = literal(self._spec.columns[column].heading)
        value = f"blank({quote(column)})"
        if reason == "missing_value":
            what = literal(says)
        else:
            shown = f"CASE WHEN length({value}) > {_SHOWN} THEN left({value}, {_SHOWN}) || '…' ELSE {value} END"
            what = f"'holds ''' || {shown} || ''', which {says.replace(chr(39), chr(39) * 2)}'"
        outcome = "the row is set aside" if rejects else "it is left blank"
        outcome = "" if reason == "currency_conflict" else f"; {outcome}"
        message = (
            f"_file || ', row ' || _row || ': column ''' || {heading} || ''' ' || {what} || "
            f"{literal(outcome + '. Correct it in the CRM, or decide in rows.csv.')}"
        )
        severity = "error" if rejects else "warning"
        self._store.execute(
            f"INSERT INTO ops.issue SELECT ?, _row_id, blank({self._raw_key()}), _file, _row, ?, {value}, ?, ?, {message} "
            f"FROM _wrong WHERE {flagged} ORDER BY _row_id",
            [self._object, column, reason, severity],
        )
        if rejects:
            self._reject("quarantined", reason, f"SELECT _row_id, {message} FROM _wrong WHERE {flagged}")

    def _raw_key(self) -> str:
        return self._key if self._spec.key in self._spec.columns else "NULL"

    def _reject(self, fate: str, reason: str, query: str) -> None:
        """``query`` gives row ids and details."""
        self._store.execute(
            f"INSERT OR IGNORE INTO _rejected SELECT q._row_id, ?, ?, q.detail FROM ({query}) AS q(_row_id, detail)",
            [fate, reason],
        )

    def _report(self, reason: str, severity: str, column: str | None, value: str, table: str) -> None:
        """Issues for the rows rejected with ``reason``; ``value`` is SQL over ``table``."""
        key = self._key if table == self._typed else self._raw_key()
        self._store.execute(
            f"INSERT INTO ops.issue SELECT ?, t._row_id, {key}, t._file, t._row, ?, {value}, ?, ?, x.detail "
            f"FROM _rejected AS x JOIN {table} AS t USING (_row_id) WHERE x.reason = ? ORDER BY t._row_id",
            [self._object, column, reason, severity, reason],
        )

    def close(self) -> None:
        """Move the rejected rows to ``typed.<object>__rejected`` and write their fates."""
        rejected = quote(f"typed.{self._object}__rejected")
        self._store.execute(
            f"INSERT INTO ops.fate SELECT ?, t._row_id, {self._key}, t._file, t._row, x.fate, x.reason, x.detail "
            f"FROM _rejected AS x JOIN {self._typed} AS t USING (_row_id) ORDER BY t._row_id",
            [self._object],
        )
        self._store.execute(
            f"CREATE OR REPLACE TABLE {rejected} AS SELECT t.* FROM {self._typed} AS t "
            "WHERE _row_id IN (SELECT _row_id FROM _rejected) ORDER BY _row_id"
        )
        self._store.execute(f"DELETE FROM {self._typed} WHERE _row_id IN (SELECT _row_id FROM _rejected)")
        self._store.execute("DROP TABLE IF EXISTS _rejected; DROP TABLE IF EXISTS _wrong; DROP TABLE IF EXISTS _repeated; DROP TABLE IF EXISTS _ranked")
