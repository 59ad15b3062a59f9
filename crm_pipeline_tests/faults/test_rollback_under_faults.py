"""Kills and lost replies while a migration is taken back: a further run ends where an undisturbed one does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.rollback import rollback
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.settings import Settings
from crm_pipeline_tests.faults.proxy import Fault, proxy_for
from crm_pipeline_tests.migration.test_rollback import contents
from crm_pipeline_tests.odoo_http import OdooHttp

ENVIRON = {"ODOO_SANDBOX_VERSION": "18.0"}
FILE = "staging/leadforce.sandbox.odoo-18.0.sqlite"
_WRITES = tuple(f'"{name}", ['.encode() for name in ("write", "create", "unlink", "action_draft", "button_draft", "action_cancel"))



def writes(path: str, body: bytes) -> bool:
    """Any call of a rollback that changes something."""
    del path
    compact = body.replace(b'",[', b'", [')
    return any(method in compact for method in _WRITES)


Copy = Callable[[str], Path]


@pytest.fixture
def copy(documents_once: Callable[[str], Path], tmp_path: Path) -> Copy:
    def to(name: str) -> Path:
        shutil.copytree(documents_once("18.0"), tmp_path / name)
        return tmp_path / name

    return to


def undisturbed(root: Path) -> dict[str, dict[int, object]]:
    with Migration(Settings.load(root, ENVIRON), "leadforce") as migration:
        assert rollback(migration, "sandbox", apply=True).ok
    return contents(root / FILE)


@pytest.mark.parametrize(("fault", "status"), [(Fault.LOST_REPLY, 0), pytest.param(Fault.STATUS_AFTER, 502, marks=pytest.mark.exhaustive)])
def test_lost_replies(fault: Fault, status: int, copy: Copy) -> None:
    expected = undisturbed(copy("calm"))
    root = copy("disturbed")
    odoo = EmbeddedOdoo(root / FILE, "18.0", now=lambda: datetime.now(UTC))
    server = OdooHttp(odoo, key="key", password="key")  # noqa: S106 - a test server's
    try:
        with proxy_for(server.port) as proxy:
            for nth in range(2, 90, 2):
                proxy.plan(fault, writes, nth=nth, status=status)
            environ = {
                "ODOO_SANDBOX_URL": proxy.url, "ODOO_SANDBOX_DB": "test", "ODOO_SANDBOX_LOGIN": "admin", "ODOO_SANDBOX_API_KEY": "key",
            }  # fmt: skip
            with Migration(Settings.load(root, environ), "leadforce") as migration:
                outcome = rollback(migration, "sandbox", apply=True, retry=RetryPolicy(sleep=lambda _: None))
            assert sum(seen.fault is fault for seen in proxy.seen) >= 8, "the faults must have happened"
        assert outcome.ok, outcome.result["checks"]
    finally:
        server.close()
        odoo.close()
    assert contents(root / FILE) == expected


def test_kills(copy: Copy) -> None:
    expected = undisturbed(copy("calm"))
    root = copy("killed")
    script = (
        "import sys; from pathlib import Path; from crm_pipeline.migration.migration import Migration;"
        "from crm_pipeline.migration.rollback import rollback; from crm_pipeline.settings import Settings;"
        f"m = Migration(Settings.load(Path(sys.argv[1]), {ENVIRON!r}), 'leadforce'); print('open', flush=True);"
        "rollback(m, 'sandbox', apply=True)"
    )
    for wait in (0.25, 0.45, 0.6):
        process = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE)  # noqa: S603 - our own
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.wait()
        process.stdout.close()
    assert undisturbed(root) == expected
