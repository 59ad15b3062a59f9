"""Bring records up to date whose source changed since they were loaded, without overwriting what people did in Odoo.

Three-way by field: what was loaded last, what Odoo holds now, what the source says now.

* Only the source changed: the field is sent.
* Only Odoo changed: it was edited there and stays (``ops.edit``).
* Both changed, to different values: Odoo's stays and all three go to the conflict queue (``ops.conflict``), unless the
  mapping or a person says ``take_source``.

Looked at are rows whose hash is not the one last loaded, records that were written in Odoo since the last run, and those
whose conflict was decided. Where it is not known what was loaded (a lost ledger), a difference is a conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from crm_pipeline.odoo.comparison import equal_sql, fetch_records, text_sql
from crm_pipeline.odoo.departures import last_values
from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.paging import read_pages
from crm_pipeline.odoo.resolved import ResolvedField, load_cell, resolve_fields, resolved_select, streams
from crm_pipeline.odoo.sender import Batch, Sender
from crm_pipeline.specs import Mapping, SourceBlock, TargetSpec
from crm_pipeline.staging.staged import path_column, sent_fields, size_column, tolerance_column
from crm_pipeline.staging.store import StagingStore, literal, quote

#: Rows looked at, in their three states, with their staged row and what people decided about their fields.
_THREE = (
    "_new AS new JOIN _last AS last USING (external_id) JOIN _now AS now ON now.id = new._odoo_id "
    "JOIN _new_staged AS staged USING (external_id) LEFT JOIN _decided AS decided USING (external_id)"
)


def update_changed(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, ledger: Ledger, sender: Sender | None,
    schema: dict[str, FieldSchema],
) -> int:  # fmt: skip
    """Send the changed fields of records that were loaded before; one call for each set of changed fields.

    Args:
        store, mapping, target, destination, ledger: as of :func:`crm_pipeline.odoo.loader.load_target`.
        sender: sends what changed; without one only edits are noted, of records that the source did not change.
        schema: the model's fields.

    Returns:
        How many records were written. Conflicts are rows of ``ops.conflict``, people's edits rows of ``ops.edit``.
    """
    if not ledger.knows_earlier(target.model):
        return 0
    _find_moved(store, target, destination, ledger, schema)
    updated = 0
    for blocks in streams(target):
        fields = [f for f in resolve_fields(target, target.as_one(blocks), schema) if not f.spec.late and not f.spec.awaited]
        fields = [f for f in fields if f.spec.is_sent or f.spec.compare != "never"]
        update = _Update(store, target, fields, schema, destination, ledger, sender)
        if update.find(mapping, blocks):
            updated += update.carry_out()
    return updated


def _find_moved(
    store: StagingStore, target: TargetSpec, destination: Destination, ledger: Ledger, schema: dict[str, FieldSchema]
) -> None:
    """``_moved``: ids of records that were written in Odoo since the last run that wrote ended."""
    store.execute("CREATE OR REPLACE TEMP TABLE _moved (odoo_id BIGINT)")
    since = ledger.last_run_ended()
    if since is None or "write_date" not in schema:
        return
    for page in read_pages(destination, target.model, [("write_date", ">=", f"{since:%Y-%m-%d %H:%M:%S}")], ["write_date"]):
        store.insert("_moved", pl.DataFrame({"odoo_id": [record["id"] for record in page]}, schema={"odoo_id": pl.Int64}))


@dataclass
class _Update:
    """The update of one stream of a target.

    Temporary tables: ``_new`` (rows looked at, resolved, with their database id), ``_last`` (the same as last loaded),
    ``_now`` (as Odoo holds them), ``_change`` (for each the fields to send).
    """

    store: StagingStore
    target: TargetSpec
    fields: list[ResolvedField]
    schema: dict[str, FieldSchema]
    destination: Destination
    ledger: Ledger
    sender: Sender | None

    @property
    def _here(self) -> list[str]:
        return [self.ledger.env, self.target.model]

    @property
    def _resent(self) -> list[ResolvedField]:
        return [f for f in self.fields if f.spec.resend]

    # -- finding -----------------------------------------------------------------------------------------------------

    def find(self, mapping: Mapping, blocks: tuple[SourceBlock, ...]) -> int:
        """Collect the rows to look at; returns how many."""
        store, env = self.store, literal(self.ledger.env)
        table = quote(f"staged.{self.target.table}")
        store.execute(
            f"""CREATE OR REPLACE TEMP TABLE _candidate AS
                SELECT entry.external_id, entry.odoo_id, entry."values", entry."values" IS NULL AS unknown,
                       entry.row_hash IS DISTINCT FROM staged._hash AS differs
                FROM ops.ledger AS entry JOIN {table} AS staged USING (external_id)
                WHERE entry.env = {env} AND entry.model = {literal(self.target.model)} AND entry.origin = 'created' AND (
                    entry.row_hash IS DISTINCT FROM staged._hash OR entry."values" IS NULL
                    OR entry.odoo_id IN (SELECT odoo_id FROM _moved) OR entry.external_id IN (
                        SELECT external_id FROM ops.conflict JOIN ops.conflict_decision AS decided USING (model, external_id, field)
                        WHERE ops.conflict.env = {env}))
                AND NOT EXISTS (SELECT 1 FROM ops.refused_update AS refused WHERE refused.env = {env}
                    AND refused.external_id = entry.external_id AND refused.row_hash = staged._hash)"""
        )
        if self.sender is None:
            store.execute("DELETE FROM _candidate WHERE differs OR unknown OR odoo_id NOT IN (SELECT odoo_id FROM _moved)")
        else:
            self._repeat_refusals(table)
        if not store.value("SELECT count(*) FROM _candidate"):
            return 0
        columns = store.columns(f"staged.{self.target.table}")
        names = dict.fromkeys([*(f.name for f in self.fields), *(name for block in self.target.sources for name in sent_fields(block))])
        files = "".join(f", NULL AS {quote(column(f.name))}" for f in self.fields if f.spec.file for column in (path_column, size_column))
        store.execute(f"""
            CREATE OR REPLACE TEMP TABLE _last_staged AS
            SELECT staged.external_id, staged._block, staged._order, staged._hash,
                   {last_values(columns, names, 'candidate."values"')}{files}
            FROM {table} AS staged JOIN _candidate AS candidate USING (external_id)
        """)
        plain = tuple(block.model_copy(update={"fields": {f.name: f.spec for f in self.fields}}) for block in blocks)
        store.execute(f"CREATE OR REPLACE TEMP TABLE _new_staged AS SELECT * FROM {table} WHERE external_id IN (SELECT external_id FROM _candidate)")
        for name, relation in (("_new", "_new_staged"), ("_last", "_last_staged")):
            select = resolved_select(mapping, self.target, plain, self.fields, self.ledger.env, relation)
            store.execute(f"""
                CREATE OR REPLACE TEMP TABLE {name} AS
                SELECT resolved.*, candidate.odoo_id AS _odoo_id, candidate.unknown AS _unknown, candidate.differs AS _differs
                FROM ({select}) AS resolved JOIN _candidate AS candidate USING (external_id)
            """)
        self._hold_unresolved()
        return int(store.value("SELECT count(*) FROM _new"))

    def _hold_unresolved(self) -> None:
        """Changed rows that link to a record which is not in Odoo wait for it."""
        waiting = self.store.frame(
            """SELECT external_id, _block AS block, 'held' AS kind, 'unresolved_link' AS reason,
                      'the update waits, not in Odoo yet: ' || array_to_string(_unresolved, ', ') AS message
               FROM _new WHERE len(_unresolved) > 0 AND _differs"""
        )
        self.ledger.refuse(self.target.model, waiting)
        self.store.execute("DELETE FROM _new WHERE len(_unresolved) > 0")

    def _repeat_refusals(self, table: str) -> None:
        """What Odoo refused once is said again, not sent again, while the row is the same."""
        store = self.store
        store.execute(
            f"""DELETE FROM ops.refused_update AS refused WHERE env = ? AND model = ? AND NOT EXISTS (
                SELECT 1 FROM {table} AS staged WHERE staged.external_id = refused.external_id AND staged._hash = refused.row_hash)""",
            self._here,
        )
        names = [block.name for block in self.target.sources]
        known = f"SELECT external_id FROM ops.refusal WHERE env = {literal(self.ledger.env)} AND model = {literal(self.target.model)}"
        self.ledger.refuse(
            self.target.model,
            store.frame(
                f"""SELECT refused.external_id, staged._block AS block, 'failed' AS kind, 'update_refused' AS reason, refused.message
                    FROM ops.refused_update AS refused JOIN {table} AS staged USING (external_id)
                    WHERE refused.env = ? AND refused.model = ? AND list_contains(?, staged._block) AND external_id NOT IN ({known})""",
                [*self._here, names],
            ),
        )

    # -- carrying out ------------------------------------------------------------------------------------------------

    def carry_out(self) -> int:
        """Compare three ways, note conflicts and edits, and send what is left grouped by its set of fields."""
        ids = [row[0] for row in self.store.rows("SELECT _odoo_id FROM _new ORDER BY 1")]
        read = {f.found_as: self.schema[f.found_as] for f in self.fields}
        fetch_records(self.store, self.destination, self.target.model, read.values(), ids, "_now")
        self._hold_deleted()
        self._take_put_back()
        self._compare()
        if self.sender is None:
            return 0
        refused = self._send(self.sender)
        self._keep(refused)
        sent = int(self.store.value("SELECT count(*) FROM _change WHERE fields <> ''"))
        return sent - len(refused)

    def _hold_deleted(self) -> None:
        """Changed rows whose record was deleted in Odoo are said; the record is not made again."""
        gone = self.store.frame(
            """SELECT external_id, _block AS block, 'held' AS kind, 'deleted_in_odoo' AS reason,
                      'the record was deleted in Odoo (id ' || _odoo_id || '); the update has nowhere to go' AS message
               FROM _new WHERE _odoo_id NOT IN (SELECT id FROM _now) AND _differs"""
        )
        self.ledger.refuse(self.target.model, gone)
        self.store.execute("DELETE FROM _new WHERE _odoo_id NOT IN (SELECT id FROM _now)")

    def _take_put_back(self) -> None:
        """What a run that was ended had overwritten and not put back yet counts as what Odoo holds."""
        for field in self._resent:
            column = quote(field.found_as)
            kind = self.store.columns("_now")[field.found_as]
            self.store.execute(
                f"""UPDATE _now SET {column} = (kept.value ->> '$')::{kind} FROM ops.put_back AS kept
                    WHERE kept.env = ? AND kept.model = ? AND kept.field = ? AND kept.odoo_id = _now.id""",
                [*self._here, field.name],
            )

    def _compare(self) -> None:
        store = self.store
        for table in ("conflict", "edit"):
            store.execute(
                f"DELETE FROM ops.{table} WHERE env = ? AND model = ? AND external_id IN (SELECT external_id FROM _new)", self._here
            )
        store.execute(
            """CREATE OR REPLACE TEMP TABLE _decided AS SELECT external_id, json_group_object(field, decision) AS decisions
               FROM ops.conflict_decision WHERE model = ? GROUP BY external_id""",
            [self.target.model],
        )
        verdicts = ", ".join(f"struct_pack(field := {literal(f.name)}, verdict := {self._verdict(f)})" for f in self.fields)
        always = ", ".join(literal(f.name) for f in self.fields if f.spec.on_conflict == "take_source")
        store.execute(f"""
            CREATE OR REPLACE TEMP TABLE _change AS
            SELECT external_id, odoo_id, array_to_string([f.field FOR f IN said IF f.verdict = 'send'], ' ') AS fields,
                   [f FOR f IN said IF f.verdict <> 'send'] AS noted
            FROM (
                SELECT external_id, odoo_id, [struct_pack(field := f.field, verdict := CASE
                    WHEN f.verdict <> 'both' THEN f.verdict WHEN list_contains([{always}]::VARCHAR[], f.field) THEN 'send'
                    ELSE CASE decisions ->> ('$.' || f.field) WHEN 'take_source' THEN 'send' WHEN 'keep_odoo' THEN 'decided' ELSE 'conflict' END
                    END) FOR f IN found IF f.verdict IS NOT NULL] AS said
                FROM (SELECT external_id, new._odoo_id AS odoo_id, decided.decisions, [{verdicts}] AS found FROM {_THREE})
            )
        """)
        self._note()
        left = f"SELECT odoo_id FROM ops.put_back WHERE env = {literal(self.ledger.env)} AND model = {literal(self.target.model)}"
        names = " ".join(f.name for f in self._resent)
        if names:
            store.execute(
                f"UPDATE _change SET fields = ? FROM _new WHERE _new.external_id = _change.external_id AND fields = '' AND _new._odoo_id IN ({left})",
                [names],
            )

    def _verdict(self, field: ResolvedField) -> str:
        """SQL over new, last and now for what becomes of a field: send, edit, both (it changed on both sides), or NULL."""
        new, last, now = f"new.{quote(field.name)}", f"last.{quote(field.name)}", f"now.{quote(field.found_as)}"
        changed = f"(new._unknown OR NOT ({equal_sql(field, new, last)}))"
        if field.spec.compare == "never":  # what Odoo holds of it says nothing
            return f"CASE WHEN NOT new._unknown AND {changed} THEN 'send' END"
        moved = f"(new._unknown OR NOT ({self._same(field, last, now)}))"
        if not field.spec.is_sent:  # Odoo computes it: what is not as it was computed then was edited
            # Odoo follows a new value of the record this one is computed from, but not one that was emptied
            sends = field.schema.type == "char" and not field.schema.readonly
            emptied = f" WHEN {new} IS NULL AND {last} IS NOT NULL THEN 'send'" if sends else ""
            return f"CASE WHEN {moved} THEN CASE WHEN NOT {changed} THEN 'edit' END{emptied} END"
        both = f"CASE WHEN {self._same(field, new, now)} THEN NULL WHEN {moved} THEN 'both' ELSE 'send' END"
        return f"CASE WHEN {changed} THEN {both} WHEN {moved} THEN 'edit' END"

    def _same(self, field: ResolvedField, meant: str, found: str) -> str:
        """SQL: Odoo holds what was meant, but for its rounding."""
        same = equal_sql(field, meant, found)
        if field.spec.compare == "given":
            same = f"({same} OR {meant} IS NULL{f' OR len({meant}) = 0' if field.spec.refs is not None else ''})"
        if field.spec.tolerance is None:
            return same
        off = f"coalesce(staged.{quote(tolerance_column(field.name))}, 0)"
        return f"({same} OR abs(coalesce({meant}, 0) - coalesce({found}, 0)) <= {off} + 0.000001)"

    def _note(self) -> None:
        """Conflicts and edits with their values, for the fields that have any."""
        store = self.store
        names = {name for (name,) in store.rows("SELECT DISTINCT unnest(noted).field FROM _change")}
        fields = [f for f in self.fields if f.name in names]
        if not fields:
            return

        def told(row: str, *, found: bool = False) -> str:
            values = (f"({text_sql(f, f'{row}.{quote(f.found_as if found else f.name)}')})::VARCHAR" for f in fields)
            return f"CASE noted.said.field {' '.join(f'WHEN {literal(f.name)} THEN {value}' for f, value in zip(fields, values, strict=True))} END"

        store.execute(
            f"""CREATE OR REPLACE TEMP TABLE _note AS
                SELECT ? AS env, ? AS model, external_id, odoo_id, noted.said.field, noted.said.verdict = 'conflict' AS is_conflict,
                       CASE WHEN NOT new._unknown THEN {told("last")} END AS last_loaded, {told("now", found=True)} AS odoo_now,
                       {told("new")} AS new_source
                FROM {_THREE} JOIN (SELECT external_id, odoo_id, unnest(noted) AS said FROM _change) AS noted USING (external_id)
                ORDER BY new._order, noted.said.field""",
            self._here,
        )
        store.execute("INSERT INTO ops.conflict BY NAME SELECT * EXCLUDE (odoo_id, is_conflict) FROM _note WHERE is_conflict")
        store.execute(
            "INSERT INTO ops.edit BY NAME SELECT * EXCLUDE (new_source, is_conflict), ? AS noticed_at FROM _note WHERE NOT is_conflict", [self.ledger.now]
        )

    def _send(self, sender: Sender) -> dict[str, str]:
        by_name = {field.name: field for field in self.fields}
        refused: dict[str, str] = {}
        for (names,) in self.store.rows("SELECT DISTINCT fields FROM _change WHERE fields <> '' ORDER BY 1"):
            sent = [by_name[name] for name in names.split()]
            self._keep_before(sent, names)
            refused |= self._send_group([(f, f"new.{quote(f.name)}") for f in sent if f not in self._resent], names, sender)
            if self._resent:
                value = {f.name: f"new.{quote(f.name)}" if f in sent else f"now.{quote(f.found_as)}" for f in self._resent}
                refused |= self._send_group([(f, value[f.name]) for f in self._resent], names, sender)
        self.store.execute("DELETE FROM ops.put_back WHERE env = ? AND model = ?", self._here)
        return refused

    def _keep_before(self, sent: Sequence[ResolvedField], group: str) -> None:
        """What the records hold before they are written, so that a rollback can restore it and a kill can't lose it."""
        rows = f"{_THREE} JOIN _change USING (external_id) WHERE _change.fields = ?"
        with self.store.transaction():
            for field in (f for f in sent if f.spec.file is None):
                self.store.execute(
                    f"""INSERT INTO ops.touched BY NAME
                        SELECT ? AS env, ? AS model, new._odoo_id AS odoo_id, {literal(field.schema.name)} AS field,
                               coalesce(to_json(now.{quote(field.found_as)}), 'false') AS before,
                               coalesce(to_json(new.{quote(field.name)}), 'false') AS after, ? AS run_id, ? AS touched_at FROM {rows}""",
                    [*self._here, self.ledger.run_id, self.ledger.now, group],
                )
            for field in self._resent:
                self.store.execute(
                    f"""INSERT INTO ops.put_back BY NAME
                        SELECT ? AS env, ? AS model, new._odoo_id AS odoo_id, {literal(field.name)} AS field,
                               to_json(now.{quote(field.found_as)}) AS value FROM {rows}
                        AND new._odoo_id NOT IN (SELECT odoo_id FROM ops.put_back WHERE env = ? AND model = ? AND field = {literal(field.name)})""",
                    [*self._here, group, *self._here],
                )

    def _send_group(self, cells: Sequence[tuple[ResolvedField, str]], group: str, sender: Sender) -> dict[str, str]:
        if not cells:
            return {}
        target = self.target
        columns = ", ".join(load_cell(field, value) for field, value in cells)
        rows = self.store.rows(
            f"SELECT new.external_id, {columns} FROM {_THREE} JOIN _change USING (external_id) WHERE _change.fields = ? ORDER BY new._order",
            [group],
        )
        refused: dict[str, str] = {}
        for start in range(0, len(rows), target.load.batch):
            part = rows[start : start + target.load.batch]
            batch = Batch(
                target.model, tuple(f.column for f, _ in cells), tuple(row[0] for row in part), tuple(row[1:] for row in part),
                files=tuple(position for position, (f, _) in enumerate(cells) if f.spec.file is not None),
                context=target.load.context,
            )  # fmt: skip
            refused |= sender.update(batch).refused
        return refused

    def _keep(self, refused: dict[str, str]) -> None:
        """Note what is loaded now: the new values, and the old ones of fields that were kept as people have them."""
        store = self.store
        loaded = store.frame(
            """SELECT new.external_id, new._odoo_id AS odoo_id, new._block AS block, new._hash AS row_hash,
                      json_merge_patch(new._values, json_group.kept_values) AS "values"
               FROM _new AS new JOIN (
                   SELECT change.external_id, coalesce(
                       (SELECT json_group_object(kept.field, candidate."values" -> ('$.' || kept.field)) FROM unnest(change.noted) AS t(kept)), '{}')::JSON AS kept_values
                   FROM _change AS change JOIN _candidate AS candidate USING (external_id)
               ) AS json_group USING (external_id) WHERE new._differs OR new._unknown OR new.external_id IN (
                   SELECT external_id FROM _change WHERE fields <> '')"""
        )
        self.ledger.record(self.target.model, loaded.filter(~pl.col("external_id").is_in(list(refused))))
        if not refused:
            return
        told = pl.DataFrame({"external_id": list(refused), "message": list(refused.values())}, schema=dict.fromkeys(("external_id", "message"), pl.String))
        store.connection.register("_refused", told)
        store.execute(
            """INSERT INTO ops.refused_update BY NAME
               SELECT ? AS env, ? AS model, external_id, _hash AS row_hash, message FROM _refused JOIN _new USING (external_id)""",
            self._here,
        )
        self.ledger.refuse(
            self.target.model,
            store.frame(
                """SELECT external_id, _block AS block, 'failed' AS kind, 'update_refused' AS reason, message
                   FROM _refused JOIN _new USING (external_id)"""
            ),
        )
        store.connection.unregister("_refused")

