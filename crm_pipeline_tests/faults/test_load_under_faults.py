"""Whatever the network and the operating system do, every record is in Odoo exactly once and as it was meant."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.faults.proxy import Fault, FaultProxy, method_is
from crm_pipeline_tests.odoo_http import OdooHttp
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners, typical_export

MODELS = ("res.users", "crm.team", "crm.stage", "crm.tag", "ir.model.fields", "res.partner", "crm.lead", "mail.message", "mail.activity")


def WRITES(path: str, body: bytes) -> bool:  # noqa: N802 - used like a constant
    """Calls of ``load``, ``create`` and ``unlink`` over JSON-RPC, those of fences too; a read's keyword ``load`` is none."""
    del path
    return any(start in body for name in (b"load", b"create", b"unlink") for start in (b'"' + name + b'", [', b'"' + name + b'",['))


def environ(proxy: FaultProxy) -> dict[str, str]:
    return {
        "ODOO_SANDBOX_URL": proxy.url, "ODOO_SANDBOX_DB": "test", "ODOO_SANDBOX_LOGIN": "admin",
        "ODOO_SANDBOX_API_KEY": "key", "PATH": "/usr/bin:/bin",
    }  # fmt: skip


def state(odoo: EmbeddedOdoo) -> dict[str, Any]:
    """Everything the migration is about: names of external ids, and how many records each model has."""
    names = odoo.search_read("ir.model.data", [("module", "=", "leadforce")], ["name", "model"])
    counts = {model: odoo.search_count(model, [], context={"active_test": False}) for model in MODELS}
    closed = odoo.search_read("crm.lead", [], ["name", "date_closed", "probability", "expected_revenue"], context={"active_test": False})
    return {
        "names": sorted((n["model"], n["name"]) for n in names),
        "counts": counts,
        "leads": sorted((r["name"], r["date_closed"], r["probability"], r["expected_revenue"]) for r in closed),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The state a run without faults leaves."""
    root = tmp_path_factory.mktemp("undisturbed")
    typical_export().write(root)
    decide_owners(root, TYPICAL_DECISIONS)
    migrate(root)
    opened = EmbeddedOdoo(root / "staging" / "leadforce.sandbox.odoo-18.0.sqlite", "18.0", now=lambda: datetime.now(UTC))
    found = state(opened)
    opened.close()
    return found


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.LOST_REPLY, 0), pytest.param(Fault.STATUS_AFTER, 502, marks=pytest.mark.exhaustive), pytest.param(Fault.TRUNCATE, 0, marks=pytest.mark.exhaustive),
        pytest.param(Fault.RESET, 0, marks=pytest.mark.exhaustive), pytest.param(Fault.STATUS, 429, marks=pytest.mark.exhaustive),
    ],
)  # fmt: skip
def test_a_fault_at_every_third_write_duplicates_and_loses_nothing(
    typical_root: Path, proxy: FaultProxy, odoo: EmbeddedOdoo, undisturbed: dict[str, Any], fault: Fault, status: int
) -> None:
    for nth in range(1, 70, 3):
        proxy.plan(fault, WRITES, nth=nth, status=status)
    outcome = migrate(typical_root, environ=environ(proxy))
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    assert sum(seen.fault is fault for seen in proxy.seen) >= 3, "the faults must have happened"
    assert state(odoo) == undisturbed
    if fault is Fault.LOST_REPLY:
        writes = proxy.count(WRITES)
        assert migrate(typical_root, environ=environ(proxy)).ok
        assert proxy.count(WRITES) == writes, "a re-run sends no write"


@pytest.mark.exhaustive
def test_a_reader_s_fault_is_retried(
    typical_root: Path, proxy: FaultProxy, odoo: EmbeddedOdoo, undisturbed: dict[str, Any]
) -> None:
    reads = method_is("search_read")
    for nth in range(2, 60, 5):
        proxy.plan(Fault.LOST_REPLY, reads, nth=nth)
    assert migrate(typical_root, environ=environ(proxy)).ok
    assert state(odoo) == undisturbed


def test_killed_after_odoo_committed_and_before_the_ledger_knew(
    typical_root: Path, proxy: FaultProxy, odoo: EmbeddedOdoo, undisturbed: dict[str, Any]
) -> None:
    """Killed -9 while the answer to a load is on its way, at one load after another; then run to the end."""
    command = [
        sys.executable, "-c", "from crm_pipeline.cli import main; main()", "migrate", "leadforce", "--data", str(typical_root), "--quiet",
    ]  # fmt: skip
    kills = 0
    for nth in (1, 3, 2):
        proxy.plan(Fault.HANG, WRITES, nth=nth)
        before = sum(s.fault is Fault.HANG for s in proxy.seen)
        process = subprocess.Popen(command, env=environ(proxy))  # noqa: S603 - our own command
        deadline = time.monotonic() + 300
        while sum(s.fault is Fault.HANG for s in proxy.seen) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    assert kills >= 2
    proxy.release()
    assert migrate(typical_root, environ=environ(proxy)).ok
    assert state(odoo) == undisturbed


def test_a_refused_row_does_not_stop_the_others(typical_root: Path, proxy: FaultProxy, odoo: EmbeddedOdoo) -> None:
    export = typical_export()
    export.deals[0]["Probability"] = "140"
    export.write(typical_root)
    outcome = migrate(typical_root, environ=environ(proxy))
    assert outcome.result["targets"]["crm.lead"] | {"linked": 0} == {
        "staged": 6, "created": 5, "updated": 0, "unchanged": 0, "linked": 0, "failed": 1, "held": 0, "in_odoo": 5,
    }  # fmt: skip
    assert outcome.result["objects"]["deals"]["reasons"]["refused_by_odoo"] == 1
    assert outcome.result["objects"]["activities"]["queued"] == 1, "what hangs on the refused record waits for it"


def test_no_secret_reaches_store_or_report(typical_root: Path, odoo: EmbeddedOdoo) -> None:
    secret = "s3cr3t-0123456789abcdef"  # noqa: S105 - the one to look for
    server = OdooHttp(odoo, key=secret, password=secret)
    try:
        variables = {
            "ODOO_SANDBOX_URL": server.url, "ODOO_SANDBOX_DB": "test", "ODOO_SANDBOX_LOGIN": "admin", "ODOO_SANDBOX_API_KEY": secret,
        }  # fmt: skip
        migrate(typical_root, environ=variables)
    finally:
        server.close()
    for folder in ("staging", "reports"):
        for file in (typical_root / folder).rglob("*"):
            if file.is_file():
                assert secret.encode() not in file.read_bytes(), file
