"""Where a record came from, and what became of a row: the whole way from the file to Odoo, for one record or one key."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Self

from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.comparison import equal_sql, fetch_records
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.resolved import resolve_fields, resolved_select
from crm_pipeline.reports.provenance import handling_text, origin_text, rows_text
from crm_pipeline.reports.spot_check import record_link
from crm_pipeline.specs import SourceBlock, TargetSpec
from crm_pipeline.staging.store import quote

#: Rows a record is made of that are shown, when it is made of many.
_SHOWN_ROWS = 20

Facts = dict[str, Any]


class NothingStagedError(MigrationError):
    """There is no staged export to trace in."""

    def __init__(self, source: str) -> None:
        super().__init__(f"no export of {source} is staged here; run 'crm-pipeline migrate {source} --dry-run', then trace again")


def trace_record(migration: Migration, env: str, model: str, odoo_id: int) -> Facts:
    """Everything known about an Odoo record; ``verdict`` says it in a sentence, ``records`` and ``rows`` hold the way.

    Raises:
        NothingStagedError: when nothing is staged.
    """
    with _Tracer(migration, env) as tracer:
        names = tracer.names_of(model, odoo_id)
        facts = {"asked": {"model": model, "odoo_id": odoo_id}, **tracer.follow([(model, name) for name in names])}
        facts["verdict"] = tracer.verdict_of_record(model, odoo_id, facts["records"])
        return facts


def trace_key(migration: Migration, env: str, object_name: str, key: str) -> Facts:
    """Everything known about an exported row; as :func:`trace_record`.

    Raises:
        NothingStagedError: when nothing is staged.
        MigrationError: for an object the source doesn't have.
    """
    if object_name not in migration.mapping.source.objects:
        known = ", ".join(migration.mapping.source.objects)
        raise MigrationError(f"--key: {migration.mapping.source.label} has no object '{object_name}'; there are {known}")
    with _Tracer(migration, env) as tracer:
        rows = tracer.rows_with_key(object_name, key)
        facts = {"asked": {"object": object_name, "key": key}, **tracer.follow(tracer.records_of(object_name, rows))}
        facts["rows"] = rows + [row for row in facts["rows"] if (row["object"], row["row_id"]) not in {(r["object"], r["row_id"]) for r in rows}]
        facts["verdict"] = _verdict_of_rows(object_name, key, rows)
        return facts


class _Tracer:
    """Reads the staging store and Odoo for one environment."""

    def __init__(self, migration: Migration, env: str) -> None:
        self.migration, self.store, self.mapping, self.env = migration, migration.store, migration.mapping, env
        if not self.store.rows("SELECT * FROM ops.reading") or not all(self.store.has_table(f"staged.{t.table}") for t in self.mapping.targets):
            raise NothingStagedError(self.mapping.name)
        migration.account(env)
        self.destination: Destination = migration.reach(env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destination.close()

    # -- from Odoo ---------------------------------------------------------------------------------------------------

    def names_of(self, model: str, odoo_id: int) -> list[str]:
        """External ids that lead to a record: the ledger's, created or linked, and Odoo's own."""
        known = self.store.rows(
            "SELECT external_id FROM ops.ledger WHERE env = ? AND model = ? AND odoo_id = ? ORDER BY 1", [self.env, model, odoo_id]
        )
        domain = [("module", "=", self.mapping.name), ("model", "=", model), ("res_id", "=", odoo_id)]
        found = self.destination.search_read("ir.model.data", domain, ["name"])
        return list(dict.fromkeys([*(name for (name,) in known), *(record["name"] for record in found)]))

    def verdict_of_record(self, model: str, odoo_id: int, records: list[Facts]) -> str:
        """Whose the record is."""
        try:
            there = bool(self.destination.search_count(model, [("id", "=", odoo_id)], context={"active_test": False}))
        except CallError:
            return f"Odoo has no model {model}."
        is_there = "" if there else " It is no longer in Odoo."
        if not records:
            return f"{model} {odoo_id} is not the migration's: no row leads to it." if there else f"There is no {model} {odoo_id} in Odoo."
        if any(record["origin"] == "created" for record in records):
            return f"{model} {odoo_id} was created by the migration.{is_there}"
        linked = ", ".join(record["external_id"] for record in records)
        return f"{model} {odoo_id} is not the migration's: it was there before, and {linked} was linked to it.{is_there}"

    # -- from the export ---------------------------------------------------------------------------------------------

    def rows_with_key(self, object_name: str, key: str) -> list[Facts]:
        """Exported rows of an object with a key, each with cells and fate."""
        found = self.store.rows(
            "SELECT row_id FROM ops.row_fate WHERE object = ? AND upper(trim(key)) = upper(trim(?)) ORDER BY row_id", [object_name, key]
        )
        return [self._row(object_name, row_id) for (row_id,) in found]

    def _row(self, object_name: str, row_id: int) -> Facts:
        headings = {name: spec.heading for name, spec in self.mapping.source.objects[object_name].columns.items()}
        raw = self._one(f"SELECT * FROM {quote(f'raw.{object_name}')} WHERE _row_id = ?", [row_id])
        tables = [f"typed.{object_name}", f"typed.{object_name}__rejected"]
        typed = next((row for t in tables if self.store.has_table(t) and (row := self._one(f"SELECT * FROM {quote(t)} WHERE _row_id = ?", [row_id]))), {})
        fate = self._one(
            "SELECT key, fate, reason, detail FROM ops.row_fate WHERE object = ? AND row_id = ?", [object_name, row_id]
        )
        issues = self.store.rows(
            "SELECT reason, severity, message FROM ops.issue WHERE object = ? AND row_id = ? ORDER BY rowid", [object_name, row_id]
        )
        return {
            "object": object_name, "row_id": row_id, "file": raw.get("_file"), "row": raw.get("_row"), **fate,
            "cells": [
                {"column": headings.get(name, name), "raw": raw[name], "typed": _plain(typed.get(name))}
                for name in raw if not name.startswith("_")
            ],
            "findings": [{"reason": reason, "severity": severity, "message": message} for reason, severity, message in issues],
        }  # fmt: skip

    def _one(self, sql: str, parameters: list[Any]) -> Facts:
        found = self.store.frame(sql, parameters).to_dicts()
        return found[0] if found else {}

    def records_of(self, object_name: str, rows: list[Facts]) -> list[tuple[str, str]]:
        """(model, external id) of all records made of rows: their own, those they were grouped into, what they were merged into."""
        found: dict[tuple[str, str], None] = {}
        for row in rows:
            for target in self.mapping.targets:
                for block in target.sources:
                    where = self._made_of(block, object_name, row)
                    if where is not None:
                        table = quote(f"staged.{target.table}")
                        names = self.store.rows(f"SELECT external_id FROM {table} WHERE _block = ? AND {where[0]} ORDER BY 1", [block.name, *where[1]])
                        found |= dict.fromkeys((target.model, name) for (name,) in names)
            if row.get("fate") == "merged" and row.get("detail"):
                merged = self.store.rows("SELECT model, external_id FROM ops.ledger WHERE env = ? AND external_id = ?", [self.env, row["detail"]])
                found |= dict.fromkeys(merged)
        return list(found)

    def _made_of(self, block: SourceBlock, object_name: str, row: Facts) -> tuple[str, list[Any]] | None:
        """SQL for the staged rows of a block that an exported row went into."""
        if block.object == object_name:
            return "_row_id = ?", [row["row_id"]]
        grouped = self._grouping(block)
        if grouped is None or self._members_of(block) != object_name:
            return None
        table, own = grouped
        member = f"SELECT groups._row_id FROM derived.{quote(table)} AS groups JOIN derived.{quote(table + '_members')} AS member USING ({quote(own)})"
        return f"_row_id IN ({member} WHERE member.key = ?)", [row["key"]]

    def _grouping(self, block: SourceBlock) -> tuple[str, str] | None:
        """The derived table of a block whose members are known by key, and its own key's column."""
        members = f"derived.{block.object}_members"
        if block.object is None or not self.store.has_table(members):
            return None
        columns = list(self.store.columns(members))
        own = [name for name in columns if name != "key"]
        return (block.object, own[0]) if "key" in columns and len(own) == 1 else None

    def _members_of(self, block: SourceBlock) -> str | None:
        """The source object whose rows a block's derived table groups."""
        options = self.mapping.source.derived[str(block.object)].options if block.object in self.mapping.source.derived else {}
        return next((str(value) for value in options.values() if str(value) in self.mapping.source.objects), None)

    # -- records -----------------------------------------------------------------------------------------------------

    def follow(self, names: Iterable[tuple[str, str]]) -> Facts:
        """Records with their fields and runs, and the rows they were made of."""
        records: list[Facts] = []
        rows: dict[tuple[str, int], Facts] = {}
        for model, name in names:
            record, made_of = self._record(model, name)
            records.append(record)
            for object_name, row_id in made_of:
                if (object_name, row_id) not in rows and len(rows) < _SHOWN_ROWS:
                    rows[object_name, row_id] = self._row(object_name, row_id)
        return {"source": self.mapping.name, "env": self.env, "records": records, "rows": list(rows.values())}

    def _record(self, model: str, name: str) -> tuple[Facts, list[tuple[str, int]]]:
        entry = self._one("SELECT * FROM ops.ledger WHERE env = ? AND model = ? AND external_id = ?", [self.env, model, name])
        target = next((t for t in self.mapping.targets if t.model == model), None)
        staged = self._one(f"SELECT * FROM {quote(f'staged.{target.table}')} WHERE external_id = ?", [name]) if target else {}
        refusal = self._one("SELECT kind, reason, message FROM ops.refusal WHERE env = ? AND model = ? AND external_id = ?", [self.env, model, name])
        odoo_id = entry.get("odoo_id")
        record: Facts = {
            "model": model, "external_id": f"{self.mapping.name}.{name}", "odoo_id": odoo_id,
            "origin": entry.get("origin") or ("refused" if refusal else "not loaded"), "refusal": refusal or None,
            "link": record_link(self.destination.base_url, model, odoo_id) if odoo_id else None,
            "runs": self._runs(entry, model), "fields": [], "rule": None,
        }  # fmt: skip
        if odoo_id and not entry.get("block") and not staged:
            record["rule"] = "made by Odoo along with a record of the migration"
        if target is None or not staged:
            return record, []
        block = next(block for block in target.sources if block.name == staged["_block"])
        record |= {"title": target.title, "block": block.name, "rule": rows_text(block), **self._who(model, odoo_id)}
        record["fields"] = self._fields(target, block, name, staged, json.loads(entry.get("values") or "{}"), odoo_id)
        return record, self._sources(block, staged)

    def _sources(self, block: SourceBlock, staged: Facts) -> list[tuple[str, int]]:
        """The exported rows a staged row was made of."""
        if staged["_object"] in self.mapping.source.objects and staged["_row_id"] is not None:
            return [(staged["_object"], staged["_row_id"])]
        grouped, object_name = self._grouping(block), self._members_of(block)
        if grouped is None or object_name is None:
            return []
        table, own = grouped
        rows = self.store.rows(
            f"""SELECT told.row_id FROM derived.{quote(table)} AS groups JOIN derived.{quote(table + "_members")} AS member USING ({quote(own)})
                JOIN ops.row_fate AS told ON told.object = ? AND told.key = member.key WHERE groups._row_id = ? ORDER BY 1""",
            [object_name, staged["_row_id"]],
        )
        return [(object_name, row_id) for (row_id,) in rows]

    def _runs(self, entry: Facts, model: str) -> list[Facts]:
        """Runs that created, wrote or touched the record."""
        did: dict[str, list[str]] = {}
        if entry.get("created_run"):
            did.setdefault(entry["created_run"], []).append("created it")
        if entry.get("run_id") and entry["run_id"] != entry.get("created_run"):
            did.setdefault(entry["run_id"], []).append("wrote it last" if entry["origin"] == "created" else "linked to it")
        for run_id, field in self.store.rows(
            "SELECT run_id, field FROM ops.touched WHERE env = ? AND model = ? AND odoo_id = ? ORDER BY touched_at", [self.env, model, entry.get("odoo_id")]
        ):
            did.setdefault(run_id, []).append(f"changed {field}")
        found = {row["run_id"]: row for row in self.store.frame("SELECT * FROM ops.run WHERE env = ?", [self.env]).to_dicts()}
        return [
            {"run_id": run_id, "did": ", ".join(dict.fromkeys(what)), **{k: found.get(run_id, {}).get(k) for k in ("drop", "started_at", "started_by")}}
            for run_id, what in did.items()
        ]

    def _who(self, model: str, odoo_id: int | None) -> Facts:
        """Who wrote the record last in Odoo."""
        if odoo_id is None or "write_uid" not in self.destination.fields_get(model):
            return {}
        found = self.destination.search_read(model, [("id", "=", odoo_id)], ["write_uid", "write_date"], context={"active_test": False})
        if not found or not found[0]["write_uid"]:
            return {}
        users = self.destination.search_read("res.users", [("id", "=", found[0]["write_uid"])], ["login"], context={"active_test": False})
        return {"changed_by": users[0]["login"] if users else found[0]["write_uid"], "changed_at": found[0]["write_date"]}

    def _fields(self, target: TargetSpec, block: SourceBlock, name: str, staged: Facts, loaded: Facts, odoo_id: int | None) -> list[Facts]:
        """Every mapped field: its rule, the staged and the last loaded value, Odoo's now, and whether the two differ."""
        schema = self.destination.fields_get(target.model)
        resolved = {f.name: f for f in resolve_fields(target, block, schema)}
        now: Facts = {}
        differs: set[str] = set()
        if odoo_id is not None:
            fetch_records(self.store, self.destination, target.model, {f.found_as: schema[f.found_as] for f in resolved.values() if f.found_as in schema}.values(), [odoo_id], "_traced")
            now = self._one("SELECT * FROM _traced", [])
            compared = [f for f in resolved.values() if f.found_as in schema and f.spec.compare != "never" and not f.spec.awaited]
            select = resolved_select(self.mapping, target, (block,), list(resolved.values()), self.env)
            meant = f"(SELECT * FROM ({select}) WHERE external_id = ?) AS meant"
            equal = ", ".join(f"{equal_sql(f, f'meant.{quote(f.name)}', f'found.{quote(f.found_as)}')} AS {quote(f.name)}" for f in compared)
            if now and compared:
                row = self._one(f"SELECT {equal} FROM {meant}, _traced AS found", [name])
                differs = {field for field, same in row.items() if same is False and not _is_open(resolved[field], staged)}
        facts = []
        for field, spec in block.fields.items():
            if spec.status == "ignored":
                continue
            found = resolved.get(field)
            facts.append(
                {
                    "field": found.schema.name if found else field, "rule": origin_text(spec), "handling": handling_text(spec),
                    "staged": _plain(staged.get(field)), "last_loaded": loaded.get(field), "odoo": _plain(now.get(found.found_as)) if found else None,
                    "differs": field in differs,
                }
            )  # fmt: skip
        return facts


def _is_open(field: Any, staged: Facts) -> bool:
    """Whether a blank is not compared."""
    return field.spec.compare == "given" and staged.get(field.name) is None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str, list)) else str(value)


def _verdict_of_rows(object_name: str, key: str, rows: list[Facts]) -> str:
    if not rows:
        return f"The export that was read last has no {object_name} with the key '{key}'."
    said = []
    for row in rows:
        why = "; ".join(str(text) for text in (row.get("reason"), row.get("detail") if row.get("reason") else None) if text)
        said.append(f"{row['file']}, row {row['row']}: {row.get('fate')}{f' ({why})' if why else ''}")
    return f"{object_name} {key}: " + " · ".join(said) + "."
