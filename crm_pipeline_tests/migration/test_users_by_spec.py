"""Users who have left: created archived where the spec says so; whoever is still there waits for a decision."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.settings import Settings
from crm_pipeline_tests.small_export import typical_export


def test_inactive_owners_are_created_archived_when_the_spec_says_so(tmp_path: Path) -> None:
    plain = Settings.load(tmp_path, {"ODOO_SANDBOX_VERSION": "18.0"})
    specs = tmp_path / "specs"
    shutil.copytree(plain.specs_root / "leadforce", specs / "leadforce")
    file = specs / "leadforce" / "res_users.yaml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("create: false", "create: true").replace("    label:", "    create_when: NOT is_active\n    label:")
    file.write_text(text, encoding="utf-8")
    typical_export().write(tmp_path)
    with Migration(Settings(plain.data, specs, plain.environ), "leadforce") as migration:
        outcome = run.migrate(migration, "sandbox")
    assert outcome.result["queues"]["owners"] == 1, "Asha is active and waits"
    assert outcome.result["targets"]["res.users"]["created"] == 1
    odoo = EmbeddedOdoo(tmp_path / "staging" / "leadforce.sandbox.odoo-18.0.sqlite", "18.0", now=lambda: datetime.now(UTC))
    found = odoo.search_read("res.users", [("login", "=", "bob@corp.in")], ["active", "name"], context={"active_test": False})
    assert [(user["active"], user["name"]) for user in found] == [(False, "Bob Lee")]
    assert odoo.search_count("mail.mail", []) == 0
