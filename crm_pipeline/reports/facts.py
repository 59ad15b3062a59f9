"""What a report says, read from the staging store: plain values, ready to be shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import duckdb
import polars as pl

from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.verification.accounting import FATES, account, environment_fates, reasons

#: Checks of the export and of staging are kept under this environment.
_STAGING = "staging"
#: Differences and rows of one quarantine reason that are shown; files beside the report hold the rest.
SHOWN_DIFFERENCES = 25
SHOWN_QUARANTINE = 5
#: Runs in the report's history.
SHOWN_RUNS = 15

PREFLIGHT = "Preflight"
PHASES = ("Export", "Staging", PREFLIGHT, "Load and read-back", "Verification")


@dataclass(frozen=True)
class CheckFact:
    """Outcome of one check. ``rows`` are the first it concerns."""

    phase: str
    asset: str
    name: str
    passed: bool
    severity: str
    blocking: bool
    message: str
    description: str
    rows: list[dict[str, Any]]

    @property
    def failed(self) -> bool:
        """Whether it stands against the migration; a warning doesn't."""
        return not self.passed and self.severity == "ERROR"

    @property
    def label(self) -> str:
        """The name as words."""
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class ObjectFact:
    """One source object: exported rows and what became of them."""

    name: str
    label: str
    documented: bool
    exported: int
    fates: dict[str, int]
    balanced: bool
    reasons: dict[str, int]


@dataclass(frozen=True)
class Verdict:
    """``state``: good, bad or open (nothing is proven yet); what that means, in one or two sentences."""

    state: str
    title: str
    text: str


def newest_run(store: StagingStore, env: str) -> dict[str, Any]:
    """The newest run of an environment; empty when there was none."""
    found = store.frame("SELECT * FROM ops.run WHERE env = ? ORDER BY started_at DESC LIMIT 1", [env]).to_dicts()
    return found[0] if found else {}


def object_facts(store: StagingStore, mapping: Mapping, env: str) -> list[ObjectFact]:
    """Accounting by object, freshly made for this environment; empty before an export was read."""
    if not all(store.has_table(f"raw.{name}") for name in mapping.source.objects):
        return []
    environment_fates(store, mapping, env)
    why = reasons(store)
    return [
        ObjectFact(
            name=row["object"], label=mapping.source.objects[row["object"]].label,
            documented=mapping.source.objects[row["object"]].scope == "documented", exported=row["exported"],
            fates={fate: row[fate] for fate in FATES},
            balanced=row["exported"] == row["accounted"] == sum(row[fate] for fate in FATES),
            reasons=why.get(row["object"], {}),
        )
        for row in account(store, mapping).to_dicts()
    ]  # fmt: skip


def target_facts(store: StagingStore, mapping: Mapping, env: str) -> list[dict[str, Any]]:
    """Counts of every target model, in order of loading; models that were not loaded have none."""
    counts = {row["model"]: row for row in _dicts(store, "SELECT * FROM ops.load_count WHERE env = ?", [env])}
    verified = {row["model"]: row for row in _dicts(store, "SELECT * FROM ops.verified WHERE env = ?", [env])}
    facts = []
    for target in mapping.targets:
        count = counts.get(target.model)
        seconds = float((count or {}).get("seconds") or 0)
        sent = ((count or {}).get("created") or 0) + ((count or {}).get("updated") or 0)
        facts.append(
            {
                "model": target.model, "title": target.title, "count": count, "verified": verified.get(target.model),
                "rate": round(sent / seconds) if seconds and sent else None,
            }
        )  # fmt: skip
    return facts


def total_facts(store: StagingStore, env: str) -> list[dict[str, Any]]:
    """Sums of amounts by name and currency."""
    return _dicts(store, "SELECT * FROM ops.control_total WHERE env = ? AND kind = 'sum' ORDER BY name, currency", [env])


def count_facts(store: StagingStore, env: str) -> list[dict[str, Any]]:
    """Counts by field: model and field, the values with both sides, and whether all are equal."""
    found: dict[str, dict[str, Any]] = {}
    for name, source, odoo, equal in store.rows(
        "SELECT name, source, odoo, equal FROM ops.control_total WHERE env = ? AND kind = 'count' ORDER BY rowid", [env]
    ):
        field, _, value = name.partition(": ")
        fact = found.setdefault(field, {"field": field, "values": [], "equal": True})
        fact["values"].append({"value": unquote(value), "source": int(source), "odoo": int(odoo), "equal": equal})
        fact["equal"] = fact["equal"] and equal
    return list(found.values())


def exported_amount_facts(store: StagingStore, env: str) -> list[dict[str, Any]]:
    """Amounts of exported rows by column: what each fate came to, and whether the loaded ones are in their records."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for object_name, column, fate, amount, staged in store.rows(
        'SELECT object, "column", fate, amount, staged FROM ops.exported_amount WHERE env = ? ORDER BY rowid', [env]
    ):
        fact = found.setdefault(
            (object_name, column), {"object": object_name, "column": column, "fates": {}, "equal": True, "exported": Decimal(0)}
        )
        fact["fates"][fate] = amount
        fact["exported"] += Decimal(amount)
        fact["equal"] = fact["equal"] and (staged is None or staged == amount)
    return list(found.values())


def field_facts(store: StagingStore, mapping: Mapping, env: str) -> list[dict[str, Any]]:
    """Every compared field by model: how many values, and how many are not to the letter what was sent."""
    rows = _dicts(
        store,
        """SELECT model, field, any_value(found_as) AS found_as, sum("values")::BIGINT AS "values", sum(normalised)::BIGINT AS normalised,
                  sum(rounded)::BIGINT AS rounded, sum(truncated + changed + missing)::BIGINT AS differ
           FROM ops.verified_field WHERE env = ? GROUP BY model, field ORDER BY min(rowid)""",
        [env],
    )
    by_model: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append(row)
    return [
        {"title": target.title, "model": target.model, "fields": by_model[target.model]}
        for target in mapping.targets if target.model in by_model
    ]  # fmt: skip


def run_history(store: StagingStore, mapping: Mapping) -> list[dict[str, Any]]:
    """The newest runs and sign-offs of all environments, newest first: when, who, what, and what it came to."""
    runs = _dicts(
        store,
        f"""SELECT started_at AS at, started_by AS who, env, "drop", odoo_version, odoo_kind, mapping_hash, ended_at, ok
            FROM ops.run ORDER BY started_at DESC LIMIT {SHOWN_RUNS}""",
        [],
    )
    signed = _dicts(
        store, 'SELECT signed_at AS at, signed_by AS who, env, "drop", odoo_version, mapping_hash, looked_at, drawn FROM ops.sign_off', []
    )
    history = [
        {**run, "what": "run", "outcome": "not ended" if run["ended_at"] is None else "proven" if run["ok"] else "not complete"} for run in runs
    ] + [{**each, "what": "sign-off", "outcome": f"signed; {each['looked_at']} of {each['drawn']} records looked at"} for each in signed]
    for each in history:
        each["current"] = each["mapping_hash"] == mapping.hash
    return sorted(history, key=lambda each: each["at"], reverse=True)


def difference_facts(store: StagingStore, env: str) -> tuple[int, list[dict[str, Any]]]:
    """How many values differ but for rounding, and the first of them with the source row."""
    total = int(store.value("SELECT count(*) FROM ops.difference WHERE env = ? AND class <> 'rounded'", [env]))
    rows = _dicts(
        store,
        """SELECT model, external_id, odoo_id, field, expected, actual, class, source_object, source_row, changed_by, changed_at
           FROM ops.difference WHERE env = ? AND class <> 'rounded' ORDER BY model, external_id, field LIMIT ?""",
        [env, SHOWN_DIFFERENCES],
    )
    return total, rows


def check_facts(store: StagingStore, env: str) -> list[CheckFact]:
    """All checks of the export, of staging and of the environment, in the order they were made."""
    rows = _dicts(store, "SELECT * FROM ops.check_result WHERE env IN (?, ?) ORDER BY rowid", [_STAGING, env])
    return [
        CheckFact(
            phase=_phase(row["asset"]), asset=row["asset"], name=row["check"], passed=row["passed"],
            severity=row["severity"], blocking=row["blocking"], message=row["message"], description=row["description"],
            rows=json.loads(row["rows"] or "[]"),
        )
        for row in rows
    ]  # fmt: skip


def _phase(asset: str) -> str:
    last = asset.rsplit("/", 1)[-1]
    if last.startswith("src_"):
        return PHASES[0]
    if last.startswith("stg_"):
        return PHASES[1]
    return {"preflight": PHASES[2], "verification": PHASES[4]}.get(last, PHASES[3])


def quarantine_facts(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Quarantined rows by reason, most first, each with its first rows.

    Args:
        rows: columns object, key, file, row, reason, problem.
    """
    return sorted(
        (
            {
                "reason": str(reason[0]), "rows": group.height, "objects": ", ".join(sorted(group["object"].unique())),
                "first": group.head(SHOWN_QUARANTINE).to_dicts(),
            }
            for reason, group in rows.group_by("reason", maintain_order=True)
        ),
        key=lambda found: (-int(found["rows"]), str(found["reason"])),
    )  # fmt: skip


def verdict(run: dict[str, Any], checks: list[CheckFact], differences: int, waiting: int) -> Verdict:
    """What the run came to.

    Args:
        run: the run, empty when there was none.
        checks: all outcomes.
        differences: values that were read back and are not what was meant.
        waiting: exported rows in quarantine or in a queue.
    """
    failed = sum(check.failed for check in checks)
    warnings = sum(not check.passed and not check.failed for check in checks)
    noted = f" {warnings} {_words(warnings, 'warning', 'warnings')} to look at." if warnings else ""
    what = "rehearsal" if run.get("odoo_kind") == "embedded" else "migration"
    if not run:
        return Verdict("open", "Not run yet", "Nothing has been loaded into this environment.")
    if failed:
        text = f"{failed} {_words(failed, 'check', 'checks')} failed; what depends on them is not loaded or not proven."
        return Verdict("bad", f"The {what} is not complete", text + noted)
    if not any(check.phase == PHASES[4] for check in checks):
        text = "Nothing failed, but the environment has not been read back."
        return Verdict("open", f"The {what} is not verified", text + noted)
    text = f"Every exported row is accounted for, and every value that was read back holds what was meant.{noted}"
    if differences:
        return Verdict("bad", f"The {what} is not complete", f"{differences} values differ from what was meant.{noted}")
    if waiting:
        rows = f"{waiting:,} {_words(waiting, 'row waits', 'rows wait')}"
        return Verdict("good", f"The {what} is proven; {rows} for people", text)
    return Verdict("good", f"The {what} is complete and proven", text)


def run_facts(run: dict[str, Any], now: datetime) -> list[tuple[str, str]]:
    """Facts about the run as label and text."""
    if not run:
        return []
    ended: datetime = run["ended_at"] or now
    odoo = f"Odoo {run['odoo_version']}, "
    odoo += "embedded: a rehearsal" if run["odoo_kind"] == "embedded" else str(run["odoo_database"])
    return [
        ("Export", f"{run['drop']} (fingerprint {str(run['fingerprint'])[:12]})"),
        ("Destination", odoo),
        *([("Address", str(run["odoo_url"]))] if run["odoo_url"] else []),
        ("Started", f"{run['started_at']:%Y-%m-%d %H:%M} UTC"),
        ("Duration", duration_text((ended - run["started_at"]).total_seconds())),
        ("Mapping", f"version {str(run['mapping_hash'])[:12]}"),
        ("Run", str(run["run_id"])),
    ]


def duration_text(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _words(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _dicts(store: StagingStore, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    return store.frame(sql, parameters).to_dicts()


@dataclass(frozen=True)
class InventoryFact:
    """A list of the source spec with its rows."""

    title: str
    note: str
    headings: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def inventory_facts(store: StagingStore, mapping: Mapping) -> list[InventoryFact]:
    """The lists the source spec asks for; none whose tables are not there yet."""
    found = []
    for spec in mapping.source.inventories:
        try:
            frame = store.frame(spec.sql)
        except duckdb.CatalogException:
            continue
        found.append(InventoryFact(spec.title, spec.note, tuple(frame.columns), frame.rows()))
    return found
