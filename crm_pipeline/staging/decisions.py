"""What people decided about values (``values.csv``) and rows (``rows.csv``), applied while an object is typed.

While :func:`decided` lasts, cells of ``raw.<object>`` hold what was decided; afterwards they hold what was exported again,
and ``ops.decided`` has both. Rows to be skipped are left to the typing, which gives every row its fate. A decision about
a row goes before one about a value; a decision that nothing in the export answers to is not used.

A row is named by its key as exported. Rows without key, or with one that other rows have too, are named by their place,
``leads.csv:14``; so are those of objects whose key is no column of the export. A place is no name for other rows, because
the same place holds another record in the next export.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crm_pipeline.exports.headings import normalise_heading
from crm_pipeline.specs import ColumnSpec, ObjectSpec, SourceSpec
from crm_pipeline.staging.rejections import SKIPPED, text_of
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.staging.typed import cell_checks, typed_expression

_DECIDED = 'object, row_id, key, file, "row", decision, "column", before, after, note, decided_in, decided_row'


class ResolutionFileError(Exception):
    """A resolution file can't be used as it is.

    Args:
        file: the file.
        row: row as a spreadsheet counts it, 0 for the file as a whole.
        column: heading concerned, empty for the whole row.
        value: the text found.
        reason: what is wrong and what would be right.
    """

    def __init__(self, file: Path, row: int, column: str, value: str, reason: str) -> None:
        where = f", row {row}" if row else ""
        what = f", {column} '{value}'" if column else ""
        super().__init__(f"{file}{where}{what}: {reason}")


def forget_decided(store: StagingStore) -> None:
    """Forget what decisions did to an export that was read before."""
    for table in ("decided", "addressed_row", "open_value"):
        store.execute(f"DELETE FROM ops.{table}")


@contextmanager
def decided(store: StagingStore, spec: SourceSpec, name: str) -> Iterator[None]:
    """Have ``raw.<object>`` hold what was decided, for as long as the object is typed.

    Args:
        store: the staging store, with decisions read.
        spec: the source spec, with the custom columns of the object.
        name: the object.

    Raises:
        ResolutionFileError: for a column the object doesn't have, or a value that its column can't hold.
    """
    tables = ("ops.value_decision", "ops.row_decision")
    if not any(store.value(f"SELECT count(*) FROM {table} WHERE object = ?", [name]) for table in tables):
        yield
        return
    deciding = _Deciding(store, name, spec.objects[name])
    deciding.check()
    deciding.replace()
    yield
    deciding.put_back()


class _Deciding:
    """The decisions about one object."""

    def __init__(self, store: StagingStore, name: str, spec: ObjectSpec) -> None:
        self._store, self._name, self._spec = store, name, spec
        self._raw = quote(f"raw.{name}")
        self._key = quote(spec.key) if spec.key in spec.columns else None
        # typing may exchange the numbers of rows, but not their places; entries of a list have that of the list
        same_place = 'r._file = d.file AND r._row = d."row"'
        self._same_row = "r._row_id = d.row_id" if spec.listed_in is not None else same_place

    def check(self) -> None:
        """Bring columns into the spec's names, and check that what is put into them can be read."""
        spoken = {normalise_heading(alias): name for name, column in self._spec.columns.items() for alias in column.aliases}
        spoken |= {normalise_heading(column.heading): name for name, column in self._spec.columns.items()}
        spoken |= {normalise_heading(name): name for name in self._spec.columns}
        for table, argument in (("ops.value_decision", "target_value"), ("ops.row_decision", "new_value")):
            for text, file, row, decision in self._store.rows(
                f"""SELECT "column", arg_min(decided_in, decided_row), min(decided_row), arg_min(decision, decided_row) FROM {table}
                    WHERE object = ? AND "column" IS NOT NULL GROUP BY "column", decision = 'accept' ORDER BY 3""",
                [self._name],
            ):
                name = spoken.get(normalise_heading(text))
                if name is None and decision == "accept":
                    continue  # the reason of a warning that is about no column
                if name is None or (table == "ops.value_decision" and name == self._spec.key):
                    says = "is no column" if name is None else "is the key"
                    known = ", ".join(column.heading for column in self._spec.columns.values())
                    raise ResolutionFileError(Path(file), row, "column", text, f"{says} of {self._name}; it has {known}")
                self._store.execute(f'UPDATE {table} SET "column" = ? WHERE object = ? AND "column" = ?', [name, self._name, text])
                if table == "ops.row_decision":
                    heading = self._spec.columns[name].heading
                    self._store.execute(f'UPDATE {table} SET heading = ? WHERE object = ? AND "column" = ?', [heading, self._name, name])
                self._check_values(table, argument, name)

    def _check_values(self, table: str, argument: str, name: str) -> None:
        """Refuse new values of one column that would be left blank or set their row aside."""
        column = self._spec.columns[name]
        mine = f'FROM {table} WHERE object = ? AND "column" = ?'
        if column.required:
            for file, row in self._store.rows(f"SELECT decided_in, decided_row {mine} AND decision = 'blank' LIMIT 1", [self._name, name]):
                raise ResolutionFileError(Path(file), row, "decision", "blank", f"'{column.heading}' must not be blank; map it, or skip_row")
        typed = typed_expression(column, quote(text_of(name)), of_workbook=self._spec.sheet is not None)
        for check in cell_checks(self._spec, name):
            found = self._store.rows(
                f"""WITH given AS (SELECT decided_in, decided_row, {argument} AS said, blank({argument}) AS {quote(text_of(name))}
                                   {mine} AND decision IN ('map', 'fix')),
                    parsed AS (SELECT *, {typed} AS {quote(name)} FROM given)
                    SELECT decided_in, decided_row, said FROM parsed WHERE {check.wrong} ORDER BY decided_row LIMIT 1""",
                [self._name, name],
            )
            for file, row, said in found:
                reason = f"{check.says}; '{column.heading}' {_allowed(column)}".rstrip()
                raise ResolutionFileError(Path(file), row, argument, said, reason)

    def replace(self) -> None:
        """Note what changes and which rows are to be skipped, and put the new values into the raw table."""
        self._store.execute("DELETE FROM ops.decided WHERE object = ?", [self._name])
        self._address()
        columns = self._store.rows(
            'SELECT DISTINCT "column" FROM ops.value_decision WHERE object = $1 UNION '
            "SELECT DISTINCT \"column\" FROM ops.row_decision WHERE object = $1 AND decision = 'fix' ORDER BY 1",
            [self._name],
        )
        self._skip_rows()
        for (column,) in columns:
            self._fix_cells(column)
            self._decide_values(column)
            self._store.execute(
                f"UPDATE {self._raw} AS r SET {quote(column)} = d.after FROM ops.decided AS d "
                "WHERE d.object = ? AND d.\"column\" = ? AND d.decision IN ('map', 'blank', 'fix') AND r._row_id = d.row_id",
                [self._name, column],
            )

    def put_back(self) -> None:
        """Put the exported texts back, and keep of the rows to be skipped those that were."""
        mine = f"d.object = {literal(self._name)}"
        self._store.execute(f"UPDATE ops.decided AS d SET row_id = r._row_id FROM {self._raw} AS r WHERE {mine} AND {self._same_row}")
        for (column,) in self._store.rows(f"SELECT DISTINCT \"column\" FROM ops.decided AS d WHERE {mine} AND decision IN ('map', 'blank', 'fix')"):
            self._store.execute(
                f"UPDATE {self._raw} AS r SET {quote(column)} = d.before FROM ops.decided AS d WHERE {mine} AND {self._same_row} "
                f"AND d.\"column\" = {literal(column)} AND d.decision IN ('map', 'blank', 'fix')"
            )
        self._store.execute(
            f"DELETE FROM ops.decided AS d WHERE {mine} AND decision IN ('skip', 'skip_row') AND row_id NOT IN "
            f"(SELECT row_id FROM ops.fate WHERE object = {literal(self._name)} AND reason = {literal(SKIPPED)})"
        )
        self._address()

    def _address(self) -> None:
        """``ops.addressed_row``: the rows that decisions about rows of this object name."""
        self._store.execute("DELETE FROM ops.addressed_row WHERE object = ?", [self._name])
        if not self._store.value("SELECT count(*) FROM ops.row_decision WHERE object = ?", [self._name]):
            return
        normal = "number_key" if self._key is not None and self._spec.columns[self._spec.key].as_number else "blank"
        key = "NULL::VARCHAR" if self._key is None else f"{normal}({self._key})"
        self._store.execute(
            f"""INSERT INTO ops.addressed_row
                WITH mine AS (SELECT key, {normal}(key) AS normal, decision, decided_row FROM ops.row_decision WHERE object = $1),
                exported AS (SELECT _row_id, _problem, lower(_file || ':' || _row) AS place, {key} AS key FROM {self._raw}),
                -- a row that is no proper CSV has neither a key nor cells to fix
                named AS (SELECT e._row_id, m.decided_row FROM exported AS e JOIN mine AS m ON m.normal = e.key WHERE e._problem IS NULL),
                placed AS (
                    SELECT e._row_id, CASE WHEN e._problem IS NULL THEN e.key END AS key, m.decided_row
                    FROM exported AS e JOIN mine AS m ON lower(m.key) = e.place WHERE e._problem IS NULL OR m.decision = 'skip'
                ),
                repeated AS (SELECT key FROM exported WHERE _problem IS NULL AND key IN (SELECT key FROM placed) GROUP BY key HAVING count(*) > 1)
                SELECT $1, _row_id, decided_row FROM named UNION
                SELECT $1, _row_id, decided_row FROM placed WHERE key IS NULL OR key IN (SELECT key FROM repeated)""",
            [self._name],
        )
        self._store.execute(
            """UPDATE ops.row_decision SET used = TRUE WHERE object = $1 AND decision <> 'accept'
               AND decided_row IN (SELECT decided_row FROM ops.addressed_row WHERE object = $1)""",
            [self._name],
        )

    def _skip_rows(self) -> None:
        note = "m.new_value || ' (' || parse_filename(m.decided_in) || ', row ' || m.decided_row || ')'"
        self._note(
            f"SELECT {self._exported}, 'skip' AS decision, NULL AS \"column\", NULL AS before, NULL AS after, {note} AS note, "
            f"m.decided_in, m.decided_row FROM {self._decisions('skip')}"
        )

    def _fix_cells(self, column: str) -> None:
        self._note(
            f"SELECT {self._exported}, 'fix' AS decision, {literal(column)} AS \"column\", r.{quote(column)} AS before, "
            f"m.new_value AS after, NULL AS note, m.decided_in, m.decided_row FROM {self._decisions('fix')} "
            f'AND m."column" = {literal(column)}'
        )

    def _decide_values(self, column: str) -> None:
        """Replaced and skipped by value, but for the cells and rows that are decided about one by one."""
        self._match(column)
        self._store.execute(
            f"""UPDATE ops.value_decision SET used = TRUE WHERE object = {literal(self._name)} AND "column" = {literal(column)}
                AND decided_row IN (SELECT unnest(decided_rows) FROM _matched)"""
        )
        heading = literal(f"{self._spec.columns[column].heading} '")
        note = f"{heading} || m.source_value || ''' (' || parse_filename(m.decided_in) || ', row ' || m.decided_row || ')'"
        fixed = f'SELECT row_id FROM ops.decided WHERE object = {literal(self._name)} AND "column" = {literal(column)}'
        left_out = f"SELECT row_id FROM ops.decided WHERE object = {literal(self._name)} AND decision IN ('skip', 'skip_row')"
        among = f"FROM _matched AS m JOIN {self._raw} AS r USING (_row_id)"
        self._note(
            f'SELECT {self._exported}, m.decision, {literal(column)} AS "column", r.{quote(column)} AS before, m.after, NULL AS note, '
            f"m.decided_in, m.decided_row {among} WHERE m.decision <> 'skip_row' AND m.after IS DISTINCT FROM r.{quote(column)} "
            f"AND r._row_id NOT IN ({fixed})"
        )
        self._note(
            f'SELECT {self._exported}, m.decision, {literal(column)} AS "column", r.{quote(column)} AS before, NULL AS after, '
            f"{note} AS note, m.decided_in, m.decided_row {among} "
            f"WHERE m.decision = 'skip_row' AND r._row_id NOT IN ({fixed} UNION {left_out})"
        )
        for table in ("_matched", "_given", "_cell"):
            self._store.execute(f"DROP TABLE {table}")

    def _match(self, column: str) -> None:
        """``_matched``: rows with the decision about their value, and the text to put there; each spelling is looked at once."""
        cell, raw = quote(column), self._raw
        self._create("_given", 'SELECT *, fold(source_value) AS folded FROM ops.value_decision WHERE object = ? AND "column" = ?', column)
        self._create("_cell", f"SELECT text, fold(text) AS folded FROM (SELECT DISTINCT {cell} AS text FROM {raw} WHERE {cell} IS NOT NULL)")
        self._create(
            "_matched",
            f"""SELECT r._row_id, g.decision, g.source_value, g.target_value AS after, g.decided_in, g.decided_row, [g.decided_row] AS decided_rows
                FROM {raw} AS r JOIN _cell AS c ON c.text = r.{cell} JOIN _given AS g USING (folded)""",
        )
        if self._spec.columns[column].type != "enums":
            return
        # a cell of several values that is not decided about as a whole: each of its parts may be
        whole = "SELECT folded FROM _given"
        self._create("_part", f"SELECT text, unnest(parts) AS part, generate_subscripts(parts, 1) AS position FROM ("
                     f"SELECT text, _listed(blank(text)) AS parts FROM _cell WHERE folded NOT IN ({whole}))")  # fmt: skip
        self._create("_spelled", "SELECT part, fold(part) AS folded FROM (SELECT DISTINCT part FROM _part)")
        first = "arg_min({0}, g.decided_row) FILTER (g.decision = 'skip_row'), arg_min({0}, g.decided_row)"
        told = ", ".join(f"coalesce({first.format(f'g.{name}')}) AS {name}" for name in ("decision", "source_value", "decided_in", "decided_row"))
        self._store.execute(
            f"""INSERT INTO _matched BY NAME SELECT r._row_id, c.* EXCLUDE (text) FROM {raw} AS r JOIN (
                    SELECT text, {told}, list(g.decided_row) FILTER (g.decided_row IS NOT NULL) AS decided_rows,
                           string_agg(CASE WHEN g.decision IS NULL THEN part ELSE g.target_value END, '; ' ORDER BY position) AS after
                    FROM _part LEFT JOIN _spelled USING (part) LEFT JOIN _given AS g USING (folded)
                    GROUP BY text HAVING count(g.decision) > 0
                ) AS c ON c.text = r.{cell}"""
        )
        for table in ("_part", "_spelled"):
            self._store.execute(f"DROP TABLE {table}")

    def _create(self, table: str, query: str, *column: str) -> None:
        self._store.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}", [self._name, *column] if column else [])

    @property
    def _exported(self) -> str:
        """SQL: what says which exported row ``r`` it is."""
        key = "NULL::VARCHAR" if self._key is None else f"blank(r.{self._key})"
        return f'{literal(self._name)} AS object, r._row_id AS row_id, {key} AS key, r._file AS file, r._row AS "row"'

    def _decisions(self, decision: str) -> str:
        """SQL: exported rows ``r`` with the decisions ``m`` of one kind that name them."""
        return (
            f"{self._raw} AS r JOIN ops.addressed_row AS a ON a.object = {literal(self._name)} AND a.row_id = r._row_id "
            f"JOIN ops.row_decision AS m ON m.object = a.object AND m.decided_row = a.decided_row AND m.decision = {literal(decision)}"
        )

    def _note(self, query: str) -> None:
        """Keep what a decision does; of several about the same cell or row the first in the file counts."""
        first = 'QUALIFY row_number() OVER (PARTITION BY row_id, "column" ORDER BY decided_row) = 1'
        self._store.execute(f"INSERT INTO ops.decided BY NAME SELECT {_DECIDED} FROM ({query}) {first}")


def _allowed(column: ColumnSpec) -> str:
    return f"may be {', '.join(column.values)}" if column.values else f"is a column of type {column.type}"
