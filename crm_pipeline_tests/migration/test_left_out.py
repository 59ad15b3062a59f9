"""A migration into a database without one of the apps: what needs it is left out, everything else is loaded and proven."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.settings import Settings
from crm_pipeline_tests.small_documents import document_export
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def skipping_specs(tmp_path: Path) -> Path:
    """Leadforce's specs, with quotations that may be left out."""
    specs = tmp_path / "specs"
    shutil.copytree(ROOT / "mapping_specs" / "leadforce", specs / "leadforce")
    for name in ("sale_order", "sale_order_line"):
        file = specs / "leadforce" / f"{name}.yaml"
        file.write_text(file.read_text(encoding="utf-8") + "\nwhen_missing: skip\n", encoding="utf-8")
    return specs


def without_sales(root: Path, version: str) -> None:
    odoo = EmbeddedOdoo(root / "staging" / f"leadforce.sandbox.odoo-{version}.sqlite", version, now=lambda: datetime.now(UTC))
    (app,) = odoo.search_read("ir.module.module", [("name", "=", "sale_management")], ["name"])
    odoo.write("ir.module.module", [app["id"]], {"state": "uninstalled"})
    odoo.close()


def migrate(root: Path, specs: Path | None) -> run.RunOutcome:
    environ = {"ODOO_SANDBOX_VERSION": "18.0"} | ({"CRM_PIPELINE_SPECS": str(specs)} if specs else {})
    with Migration(Settings.load(root, environ), "leadforce") as migration:
        return run.migrate(migration, "sandbox")


@pytest.fixture
def root(data_root: Path) -> Path:
    document_export().write(data_root)
    decide_owners(data_root, TYPICAL_DECISIONS)
    without_sales(data_root, "18.0")
    return data_root


def test_rows_of_a_missing_app_are_excluded_and_the_rest_is_proven(root: Path, skipping_specs: Path) -> None:
    for _ in range(2):
        result = migrate(root, skipping_specs).result
        assert [c for c in result["checks"] if not c["passed"] and c["severity"] == "ERROR"] == []
        assert result["ok"]
        proposals = result["objects"]["proposals"]
        assert proposals["reasons"]["app_missing"] == proposals["excluded"] == 7
        assert proposals["exported"] == proposals["excluded"] + proposals["quarantined"] + proposals["queued"]
        assert result["objects"]["proposal_items"]["loaded"] == 0
        assert result["targets"]["sale.order"]["staged"] == 0
        assert result["targets"]["account.move"]["in_odoo"] > 0
        assert result["verification"]["differences"] == 0
        check = next(c for c in result["checks"] if c["check"] == "nothing_left_out")
        assert "sale_management" in check["message"]


def test_a_missing_app_stops_where_the_mapping_does_not_say_otherwise(root: Path) -> None:
    outcome = migrate(root, None)
    assert [r.spec.name for r in outcome.stopped_by] == ["apps_installed"]
    assert "install it under Apps" in outcome.stopped_by[0].message.replace("Install", "install")
    assert outcome.result["targets"]["crm.lead"]["created"] == 0
