"""Kills and lost replies while documents are made, posted and paid: no second payment, invoice, quotation or file ever."""

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
from crm_pipeline_tests.faults.proxy import Fault, FaultProxy, Rule
from crm_pipeline_tests.small_documents import document_export
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners

COUNTED = (
    "sale.order", "sale.order.line", "account.move", "account.move.line", "account.payment", "ir.attachment", "mail.message",
    "product.product", "account.tax", "account.journal", "account.partial.reconcile", "mail.followers", "res.currency.rate",
)  # fmt: skip
#: Methods that change something, as they stand in a JSON-RPC call.
WRITES = tuple(
    f'"{name}", ['.encode()
    for name in ("load", "write", "create", "unlink", "action_post", "button_cancel", "reconcile")
)


def writes(path: str, body: bytes) -> bool:
    """Any call that changes something."""
    del path
    compact = body.replace(b'",[', b'", [')
    return any(method in compact for method in WRITES)


def write_about(text: bytes) -> Rule:
    """A call that changes something and speaks of ``text``."""
    return lambda path, body: writes(path, body) and text in body


@pytest.fixture
def root(tmp_path: Path) -> Path:
    document_export().write(tmp_path / "data")
    decide_owners(tmp_path / "data", TYPICAL_DECISIONS)
    return tmp_path / "data"


def environ(proxy: FaultProxy) -> dict[str, str]:
    return {
        "ODOO_SANDBOX_URL": proxy.url, "ODOO_SANDBOX_DB": "test", "ODOO_SANDBOX_LOGIN": "admin",
        "ODOO_SANDBOX_API_KEY": "key", "PATH": "/usr/bin:/bin",
    }  # fmt: skip


def state(odoo: EmbeddedOdoo) -> dict[str, Any]:
    """What there is of documents, and how much of everything."""

    def table(model: str, fields: list[str]) -> list[tuple[str, ...]]:
        records = odoo.search_read(model, [], fields, context={"active_test": False})
        return sorted(tuple(str(record[field]) for field in fields) for record in records)

    return {
        "names": table("ir.model.data", ["module", "model", "name"]),
        "counts": {model: odoo.search_count(model, [], context={"active_test": False}) for model in COUNTED},
        "moves": table("account.move", ["ref", "name", "state", "amount_tax", "amount_total", "amount_residual", "payment_state"]),
        "orders": table("sale.order", ["name", "state", "amount_total", "date_order"]),
        "payments": table("account.payment", ["amount", "date", "payment_type", "state"]),
        "files": table("ir.attachment", ["name", "checksum", "res_model"]),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The state a run without faults leaves."""
    data = tmp_path_factory.mktemp("undisturbed")
    document_export().write(data)
    decide_owners(data, TYPICAL_DECISIONS)
    assert migrate(data).ok
    opened = EmbeddedOdoo(data / "staging" / "leadforce.sandbox.odoo-18.0.sqlite", "18.0", now=lambda: datetime.now(UTC))
    found = state(opened)
    opened.close()
    return found


@pytest.mark.parametrize(("fault", "status"), [(Fault.LOST_REPLY, 0), pytest.param(Fault.STATUS_AFTER, 502, marks=pytest.mark.exhaustive)])
def test_a_lost_reply_to_every_third_write_changes_nothing(
    root: Path, proxy: FaultProxy, odoo: EmbeddedOdoo, undisturbed: dict[str, Any], fault: Fault, status: int
) -> None:
    for nth in range(2, 90, 3):
        proxy.plan(fault, writes, nth=nth, status=status)
    outcome = migrate(root, environ=environ(proxy))
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    assert sum(seen.fault is fault for seen in proxy.seen) >= 8, "the faults must have happened"
    found = state(odoo)
    assert found["counts"] == undisturbed["counts"]
    assert found == undisturbed
    if fault is Fault.LOST_REPLY:
        before = proxy.count(writes)
        assert migrate(root, environ=environ(proxy)).ok
        assert proxy.count(writes) == before, "a re-run sends no write"


@pytest.mark.exhaustive
def test_killed_between_any_two_steps_of_a_document(
    root: Path, proxy: FaultProxy, odoo: EmbeddedOdoo, undisturbed: dict[str, Any]
) -> None:
    """Killed -9 while the answer to a step is on its way: Odoo has done it, and the ledger doesn't know."""
    command = [sys.executable, "-c", "from crm_pipeline.cli import main; main()", "migrate", "leadforce", "--data", str(root), "--quiet"]
    kills = 0
    for step in (b"ir.attachment", b'"account.move"', b"action_post", b"reconcile"):
        proxy.plan(Fault.HANG, write_about(step), nth=1)
        before = sum(seen.fault is Fault.HANG for seen in proxy.seen)
        process = subprocess.Popen(command, env=environ(proxy))  # noqa: S603 - our own command
        deadline = time.monotonic() + 300
        while sum(seen.fault is Fault.HANG for seen in proxy.seen) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    assert kills >= 3
    proxy.release()
    outcome = migrate(root, environ=environ(proxy))
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    found = state(odoo)
    assert found["counts"] == undisturbed["counts"]
    assert found == undisturbed
