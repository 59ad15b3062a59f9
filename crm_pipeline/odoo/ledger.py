"""The ledger: for each environment, which Odoo record an external id is, and the values last loaded into it.

It lives in ``ops.ledger`` of the staging store and is a copy of what Odoo itself knows (``ir.model.data``): a lost
ledger is rebuilt from there, so losing the machine loses no safety. Records that were found in Odoo and only linked
have no external id of ours; they are matched anew in every run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.paging import column_pages
from crm_pipeline.specs import TargetSpec
from crm_pipeline.staging.staged import values_sql
from crm_pipeline.staging.store import StagingStore, quote

#: What is known of people's work in an environment, and what a run leaves for the next one.
_PEOPLES = ("conflict", "edit")
_PASSING = ("arrived", "lookup", "via", "put_back", "refused_update", "seen_identity", "departed", "proof")


class Ledger:
    """The ledger of one environment.

    Args:
        store: the staging store.
        env: ``sandbox`` or ``production``.
        module: module of the external ids, the source's name.
        run_id: written with every entry.
        now: time written with every entry, UTC.
    """

    def __init__(self, store: StagingStore, env: str, module: str, run_id: str, now: datetime) -> None:
        self.store, self.env, self.module, self.run_id, self.now = store, env, module, run_id, now

    def bind(self, database_uuid: str) -> bool:
        """Tie the ledger to one database; entries of another database are dropped. Returns whether it was another."""
        rows = self.store.rows("SELECT database_uuid FROM ops.environment WHERE env = ?", [self.env])
        if rows and rows[0][0] == database_uuid:
            return False
        with self.store.transaction():
            self.store.execute("DELETE FROM ops.ledger WHERE env = ?", [self.env])
            for table in ("environment", "touched", *_PEOPLES, *_PASSING):
                self.store.execute(f"DELETE FROM ops.{table} WHERE env = ?", [self.env])
            self.store.execute("INSERT INTO ops.environment VALUES (?, ?, ?)", [self.env, database_uuid, self.now])
        return bool(rows)

    def is_empty(self, target: TargetSpec) -> bool:
        """Whether nothing is staged for a target and nothing was ever loaded of it."""
        return not self.store.value(
            f"SELECT EXISTS (SELECT 1 FROM {quote(f'staged.{target.table}')}) OR EXISTS (SELECT 1 FROM ops.ledger WHERE env = ? AND model = ?)",
            [self.env, target.model],
        )

    def knows_earlier(self, model: str) -> bool:
        """Whether the model has records that this run did not create itself, or of which it is not known what they were loaded with."""
        return bool(
            self.store.value(
                """SELECT EXISTS (SELECT 1 FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'created'
                       AND (run_id <> ? OR "values" IS NULL))""",
                [self.env, model, self.run_id],
            )
        )

    def last_run_ended(self) -> datetime | None:
        """When the last run before this one that wrote to the environment came to its end, UTC."""
        ended: datetime | None = self.store.value(
            "SELECT max(ended_at) FROM ops.run WHERE env = ? AND run_id <> ? AND kind = 'load'", [self.env, self.run_id]
        )
        return ended

    def sync(
        self, destination: Destination, target: TargetSpec, *, only_newer: bool = False
    ) -> int:
        """Take over what Odoo has under our external ids and the ledger doesn't know (a kill, a lost reply, a lost store).

        What an adopted record was loaded with is not known, so it is compared before anything is written to it; parts come
        with the record they belong to, and the read-back proves them. Which run created it is not known either, only Odoo's
        creation time tells. Entries whose record is gone stay, and the read-back reports them as missing, unless every
        record of the model is gone: then
        this is an empty database and they are forgotten. Links to records found in Odoo are forgotten and matched anew.

        With ``only_newer`` the external ids are read that were not seen by an earlier run; what is gone is not noticed then.

        Returns how many entries were taken over.
        """
        store, model, are_parts = self.store, target.model, target.part_of is not None
        here = [self.env, model]
        known = seen = int(store.value("SELECT max(highest) FROM ops.seen_identity WHERE env = ? AND model = ?", here) or 0)
        only_newer = only_newer and known > 0
        store.execute("DELETE FROM ops.ledger WHERE env = ? AND model = ? AND origin <> 'created'", here)
        store.execute("CREATE OR REPLACE TEMP TABLE _in_odoo (external_id VARCHAR, odoo_id BIGINT)")
        domain: list[Any] = [("module", "=", self.module), ("model", "=", model), *([("id", ">", seen)] if only_newer else [])]
        found = 0
        for page in column_pages(destination, "ir.model.data", domain, ["name", "res_id"]):
            seen, found = max(seen, page["id"][-1]), found + len(page)
            store.insert("_in_odoo", page.select(external_id="name", odoo_id="res_id"))
        if seen > known:
            store.execute("DELETE FROM ops.seen_identity WHERE env = ? AND model = ?", here)
            store.execute("INSERT INTO ops.seen_identity VALUES (?, ?, ?)", [*here, seen])
        if not only_newer:
            self._forget_emptied(model)
        if not found:
            return 0
        return int(
            store.value(
                f"""
                INSERT INTO ops.ledger BY NAME
                SELECT $1 AS env, $2 AS model, staged._block AS block, found.external_id, found.odoo_id, 'created' AS origin,
                       CASE WHEN $3 THEN staged._hash END AS row_hash, CASE WHEN $3 THEN {values_sql(target, "staged")} END AS "values",
                       $4 AS run_id, $5 AS loaded_at
                FROM _in_odoo AS found LEFT JOIN {quote(f"staged.{target.table}")} AS staged USING (external_id)
                WHERE found.external_id NOT IN (SELECT external_id FROM ops.ledger WHERE env = $1 AND model = $2)
                """,
                [*here, are_parts, self.run_id, self.now],
            )
        )

    def _forget_emptied(self, model: str) -> None:
        """Drop the entries of a model of which no record is in Odoo any more; ``_in_odoo`` has those that are."""
        self.store.execute(
            """DELETE FROM ops.ledger WHERE env = $1 AND model = $2 AND NOT EXISTS (
                   SELECT 1 FROM ops.ledger JOIN _in_odoo USING (external_id) WHERE env = $1 AND model = $2)""",
            [self.env, model],
        )

    def note_arrived(self, model: str, ids: Mapping[str, int]) -> None:
        """Note records that were just created, by external id.

        Only names are written, so a batch costs little however long the ledger and its values are. What the records were
        created with stands in ``ops.pending`` until :meth:`take_arrived`.
        """
        if not ids:
            return
        arrived = pl.DataFrame({"external_id": list(ids), "odoo_id": list(ids.values())}, schema={"external_id": pl.String, "odoo_id": pl.Int64})
        stamped = arrived.with_columns(env=pl.lit(self.env), model=pl.lit(model), run_id=pl.lit(self.run_id), loaded_at=pl.lit(self.now))
        self.store.insert("ops.arrived", stamped)

    def take_arrived(self) -> None:
        """Write the entries of records that arrived, with what they were created with, in one statement for all batches.

        To be called when a stream was sent, and before ``ops.pending`` is made anew: a run that was ended may have left some.
        """
        if not self.store.value("SELECT EXISTS (SELECT 1 FROM ops.arrived)"):
            return
        with self.store.transaction():
            self.store.execute(
                """INSERT INTO ops.ledger BY NAME
                   SELECT env, model, _block AS block, external_id, odoo_id, 'created' AS origin, _hash AS row_hash, _values AS "values",
                          run_id, loaded_at, run_id AS created_run
                   FROM ops.arrived JOIN ops.pending USING (external_id)"""
            )
            self.store.execute("DELETE FROM ops.arrived")
            # what is not there is not compressed and written when the file is next brought up to date
            self.store.execute("CREATE OR REPLACE TABLE ops.pending AS SELECT * FROM ops.pending LIMIT 0")

    def mark_finished(self, model: str, names: Sequence[str]) -> None:
        """Note that all finishing steps of records were taken."""
        self.store.connection.register("_done", pl.DataFrame({"external_id": names}, schema={"external_id": pl.String}))
        self.store.execute(
            "UPDATE ops.ledger SET finished = TRUE WHERE env = ? AND model = ? AND external_id IN (SELECT external_id FROM _done)",
            [self.env, model],
        )
        self.store.connection.unregister("_done")

    def record(self, model: str, loaded: pl.DataFrame, origin: str = "created") -> None:
        """Write entries, replacing older ones of the same external ids, in one transaction.

        Args:
            model: Odoo model.
            loaded: columns external_id, odoo_id, block, row_hash, values.
            origin: ``created``, ``linked`` or ``unassigned``.
        """
        if loaded.is_empty():
            return
        entries = loaded.with_columns(
            env=pl.lit(self.env), model=pl.lit(model), origin=pl.lit(origin), run_id=pl.lit(self.run_id),
            loaded_at=pl.lit(self.now),
        )  # fmt: skip
        with self.store.transaction():
            self.store.connection.register("_entries", entries)
            self.store.execute(
                "CREATE OR REPLACE TEMP TABLE _earlier AS SELECT external_id, created_run FROM ops.ledger "
                "WHERE env = ? AND origin = 'created' AND external_id IN (SELECT external_id FROM _entries)",
                [self.env],
            )
            self.store.execute(
                "DELETE FROM ops.ledger WHERE env = ? AND external_id IN (SELECT external_id FROM _entries)", [self.env]
            )
            self.store.execute(
                """INSERT INTO ops.ledger BY NAME
                   SELECT entry.*, CASE WHEN entry.origin <> 'created' THEN NULL WHEN earlier.external_id IS NULL THEN entry.run_id
                                        ELSE earlier.created_run END AS created_run
                   FROM _entries AS entry LEFT JOIN _earlier AS earlier USING (external_id)"""
            )
        self.store.connection.unregister("_entries")

    def forget_records(self, model: str, ids: Sequence[int]) -> None:
        """Drop the entries of records that were deleted."""
        self.store.execute(
            "DELETE FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'created' AND list_contains(?, odoo_id)",
            [self.env, model, list(ids)],
        )

    def forget_findings(self, *, of_people: bool) -> None:
        """Drop what runs left for the next one; with ``of_people`` what people changed too, since nothing of it is there."""
        for table in (*_PASSING, *(_PEOPLES if of_people else ())):
            self.store.execute(f"DELETE FROM ops.{table} WHERE env = ?", [self.env])

    def keep_only(self, names: Mapping[str, Collection[str]]) -> None:
        """Drop the entries of created records whose external ids are no longer in Odoo; ``names`` are those that are, by model."""
        known = self.store.rows("SELECT DISTINCT model FROM ops.ledger WHERE env = ? AND origin = 'created'", [self.env])
        for (model,) in known:
            self.store.execute(
                "DELETE FROM ops.ledger WHERE env = ? AND model = ? AND origin = 'created' AND NOT list_contains(?, external_id)",
                [self.env, model, list(names.get(model, ()))],
            )

    def refuse(self, model: str, refusals: pl.DataFrame) -> None:
        """Note staged rows that are not in Odoo: columns external_id, block, kind (failed, held, queued), reason, message."""
        if not refusals.is_empty():
            self.store.insert("ops.refusal", refusals.with_columns(env=pl.lit(self.env), model=pl.lit(model)))

    def forget_refusals(self, model: str) -> None:
        """Drop the notes of an earlier run before a model is loaded again."""
        self.store.execute("DELETE FROM ops.refusal WHERE env = ? AND model = ?", [self.env, model])
