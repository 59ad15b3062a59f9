"""What a run found and did, kept in the staging store so that reports and result files can be built at any time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl

from crm_pipeline.odoo.loader import LoadCounts
from crm_pipeline.odoo.preflight import Examination
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.verification.checks import CheckResult, CheckSpec
from crm_pipeline.verification.totals import ControlTotal

#: Checks of the export and of staging belong to no environment.
STAGING = "staging"


def keep_checks(store: StagingStore, env: str, run_id: str, results: list[CheckResult]) -> None:
    """Replace earlier outcomes of the same checks."""
    if not results:
        return
    names = ("env", "asset", "check", "passed", "severity", "blocking", "message", "description", "rows", "query", "run_id")
    frame = pl.DataFrame(
        [
            (env, r.spec.asset, r.spec.name, r.passed, r.spec.severity, r.spec.blocking, r.message, r.spec.description,
             json.dumps(r.rows, default=str, ensure_ascii=False), r.query, run_id)
            for r in results
        ],
        schema=dict.fromkeys(names, pl.String) | {"passed": pl.Boolean, "blocking": pl.Boolean}, orient="row",
    )  # fmt: skip
    with store.transaction():
        forget_checks(store, env, (r.spec for r in results))
        store.insert("ops.check_result", frame)


def forget_checks(store: StagingStore, env: str, specs: Iterable[CheckSpec]) -> None:
    """Drop earlier outcomes of checks."""
    store.execute(
        'DELETE FROM ops.check_result WHERE env = ? AND list_contains(?, asset || \' \' || "check")',
        [env, [f"{spec.asset} {spec.name}" for spec in specs]],
    )


def kept_checks(store: StagingStore, env: str, specs: Iterable[CheckSpec]) -> list[CheckResult]:
    """The newest outcomes of checks, as they were kept; those that were not made are left out."""
    wanted = {(spec.asset, spec.name): spec for spec in specs}
    rows = store.rows(
        """SELECT asset, "check", passed, message, rows, query FROM ops.check_result
           WHERE env = ? AND list_contains(?, asset || ' ' || "check")""",
        [env, [" ".join(names) for names in wanted]],
    )
    kept = {(asset, name): outcome for asset, name, *outcome in rows}
    return [
        CheckResult(spec, passed, message, tuple(json.loads(shown)), query)
        for names, spec in wanted.items() if names in kept
        for passed, message, shown, query in (kept[names],)
    ]  # fmt: skip


def keep_examination(store: StagingStore, env: str, examination: Examination) -> None:
    """Replace what preflight saw of an environment."""
    with store.transaction():
        for table in ("preflight_fact", "preflight_model"):
            store.execute(f"DELETE FROM ops.{table} WHERE env = ?", [env])
        facts = [(env, position, fact.topic, fact.name, fact.value) for position, fact in enumerate(examination.facts)]
        _insert(store, "preflight_fact", facts)
        _insert(store, "preflight_model", [
            (env, position, p.model, p.title, p.staged, p.in_odoo, p.ours, p.shipped, p.foreign, p.linked, p.created, p.waiting, p.left_out,
             p.skipped)
            for position, p in enumerate(examination.present)
        ])  # fmt: skip


def _insert(store: StagingStore, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Rows of one statement; as many statements as rows would take a hundred times as long."""
    if rows:
        places = ", ".join(f"({', '.join('?' * len(rows[0]))})" for _ in rows)
        store.execute(f"INSERT INTO ops.{table} VALUES {places}", [value for row in rows for value in row])


def keep_counts(store: StagingStore, env: str, counts: LoadCounts, seconds: float) -> None:
    """Replace the counts of a model."""
    c = counts
    store.execute("DELETE FROM ops.load_count WHERE env = ? AND model = ?", [env, c.model])
    store.execute(
        "INSERT INTO ops.load_count VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [env, c.model, c.staged, c.created, c.updated, c.unchanged, c.linked, c.failed, c.held, seconds],
    )


def keep_unchanged(store: StagingStore, env: str, model: str) -> None:
    """Note of a model that nothing was left to do: what the last run created and updated is unchanged."""
    store.execute(
        """UPDATE ops.load_count SET created = 0, updated = 0, unchanged = created + updated + unchanged, seconds = 0
           WHERE env = ? AND model = ?""",
        [env, model],
    )


def kept_counts(store: StagingStore, env: str) -> dict[str, LoadCounts]:
    """The counts of each model as the last run left them."""
    rows = store.rows("SELECT model, staged, created, updated, unchanged, linked, failed, held FROM ops.load_count WHERE env = ?", [env])
    return {row[0]: LoadCounts(*row) for row in rows}


def keep_totals(store: StagingStore, env: str, totals: list[ControlTotal]) -> None:
    """Replace the control totals of an environment."""
    store.execute("DELETE FROM ops.control_total WHERE env = ?", [env])
    names = ("name", "currency", "source", "odoo", "rounding", "edited", "kind", "equal", "records")
    schema = dict.fromkeys(names, pl.String) | {"equal": pl.Boolean, "records": pl.Int64}
    frame = pl.DataFrame([tuple(getattr(t, name) for name in names) for t in totals], schema=schema, orient="row")
    store.insert("ops.control_total", frame.with_columns(env=pl.lit(env)))


def keep_exported_amounts(store: StagingStore, env: str, amounts: pl.DataFrame) -> None:
    """Replace the amounts of the exported rows by fate."""
    store.execute("DELETE FROM ops.exported_amount WHERE env = ?", [env])
    store.insert("ops.exported_amount", amounts.with_columns(env=pl.lit(env)))


def start_run(store: StagingStore, values: dict[str, Any]) -> None:
    """Note the beginning of a run; ``values`` are columns of ``ops.run``."""
    names = ", ".join(f'"{name}"' for name in values)
    store.execute(f"INSERT INTO ops.run ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def note_load(store: StagingStore, run_id: str, env: str) -> None:
    """Note that a run brings an environment up to date, whether there is something to write or not."""
    store.execute("UPDATE ops.run SET kind = 'load' WHERE run_id = ? AND env = ? AND kind = 'look'", [run_id, env])


def note_loaded(store: StagingStore, run_id: str, env: str, model: str) -> None:
    """Note that a run loaded a model."""
    store.execute("DELETE FROM ops.loaded_model WHERE env = ? AND model = ?", [env, model])
    store.execute("INSERT INTO ops.loaded_model VALUES (?, ?, ?)", [env, model, run_id])


def end_run(store: StagingStore, run_id: str, ended_at: datetime, *, ok: bool) -> None:
    """Note the end of a run."""
    store.execute("UPDATE ops.run SET ended_at = ?, ok = ? WHERE run_id = ?", [ended_at, ok, run_id])
