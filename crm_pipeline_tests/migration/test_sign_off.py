"""Production stays locked until the sandbox migration of this very mapping was accepted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration, ProductionLockedError
from crm_pipeline.migration.sign_off import (
    SignOff,
    SignOffRefusedError,
    missing_for_production,
    newest_sign_off,
    sign_off,
)
from crm_pipeline.settings import Settings
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners

BY = "Grace O'Neill <grace@customer.example>"
ENVIRON = {"ODOO_SANDBOX_VERSION": "18.0", "ODOO_PRODUCTION_VERSION": "18.0"}


@pytest.fixture
def opened(migrated: Callable[..., Path]) -> Migration:
    return Migration(Settings.load(migrated(), ENVIRON), "leadforce")


def sign(migration: Migration, by: str = BY) -> SignOff:
    return sign_off(migration.store, migration.confirmed, migration.settings.data, "sandbox", by, migration.clock())


def test_production_is_locked_without_a_sign_off_and_says_what_is_missing(opened: Migration) -> None:
    with opened as migration, pytest.raises(ProductionLockedError, match="has not been signed off"):
        run.migrate(migration, "production")


def test_a_sign_off_opens_production_for_this_mapping(opened: Migration) -> None:
    with opened as migration:
        signed = sign(migration)
        result = run.migrate(migration, "production").result
        folder = migration.settings.data.reports("leadforce", "sandbox") / "signed"
        kept = json.loads((folder / "sign_off.json").read_text(encoding="utf-8"))
        report = (migration.settings.data.reports("leadforce", "production") / "report.html").read_text(encoding="utf-8")
    assert result["ok"]
    assert result["env"] == "production"
    assert kept["signed_by"] == signed.signed_by == BY
    assert (folder / f"report-{signed.report_sha256[:12]}.html").exists()
    assert "grace@customer.example" in report


def test_a_changed_mapping_must_be_signed_again(migrated: Callable[..., Path], tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    shutil.copytree(Settings.load(environ={}).specs_root, specs)
    settings = Settings.load(migrated(), ENVIRON | {"CRM_PIPELINE_SPECS": str(specs)})
    with Migration(settings, "leadforce") as migration:
        sign(migration)
        assert missing_for_production(migration.store, migration.confirmed, real_server=False) == []
    spec = specs / "leadforce" / "crm_tag.yaml"
    spec.write_text("# a comment changes nothing\n" + spec.read_text(encoding="utf-8"), encoding="utf-8")
    with Migration(settings, "leadforce") as migration:
        assert missing_for_production(migration.store, migration.confirmed, real_server=False) == []
    assert "name: {from: value}" in spec.read_text(encoding="utf-8")
    spec.write_text(spec.read_text(encoding="utf-8").replace("name: {from: value}", "name: {sql: upper(value)}"), encoding="utf-8")
    with Migration(settings, "leadforce") as migration:
        with pytest.raises(ProductionLockedError, match="the mapping was changed since Grace"):
            migration.open("production")
        with pytest.raises(SignOffRefusedError, match="changed since it was migrated"):
            sign(migration)


def test_a_rehearsal_does_not_open_a_real_server_nor_another_version(opened: Migration) -> None:
    with opened as migration:
        sign(migration)
        (missing,) = missing_for_production(migration.store, migration.confirmed, real_server=True)
        assert "rehearsal on the embedded destination" in missing
        (missing,) = missing_for_production(migration.store, migration.confirmed, real_server=False, version="19.0")
        assert "is Odoo 18.0, production is 19.0" in missing


@pytest.mark.parametrize("by", ["", "Grace", "grace@customer.example", "Grace <grace>", "<grace@customer.example>", "  <a@b.c>"])
def test_it_is_said_who_signs(opened: Migration, by: str) -> None:
    with opened as migration, pytest.raises(SignOffRefusedError, match="does not say who signs"):
        sign(migration, by)


def test_failed_checks_an_edited_report_and_wrong_records_stand_against_it(opened: Migration) -> None:
    with opened as migration:
        store = migration.store
        store.execute("UPDATE ops.check_result SET passed = FALSE WHERE env = 'sandbox' AND \"check\" = 'no_mail_queued'")
        drawn = store.rows("SELECT object, external_id FROM ops.sample LIMIT 1")[0]
        store.execute("INSERT INTO ops.sample_mark VALUES (?, ?, 'wrong', 'the name is cut')", [drawn[1], drawn[0]])
        report = migration.settings.data.reports("leadforce", "sandbox") / "report.html"
        report.write_text(report.read_text(encoding="utf-8").replace("rehearsal", "migration"), encoding="utf-8")
        with pytest.raises(SignOffRefusedError) as refused:
            sign(migration)
        assert newest_sign_off(store) is None
    assert len(refused.value.missing) == 3
    assert "1 checks failed, the first is leadforce/sandbox/verification no_mail_queued" in refused.value.missing
    assert "1 records of the spot check are marked wrong" in refused.value.missing
    assert any("not as it was written" in text for text in refused.value.missing)


def test_nothing_migrated_nothing_signed(typical_root: Path) -> None:
    with Migration(Settings.load(typical_root, ENVIRON), "leadforce") as migration, pytest.raises(SignOffRefusedError, match="nothing has been migrated"):
        sign(migration)


def test_a_preflight_of_production_needs_no_sign_off(opened: Migration) -> None:
    with opened as migration:
        decide_owners(migration.settings.data.path, TYPICAL_DECISIONS)
        outcome, page = run.preflight(migration, "production")
    assert page is not None
    assert not outcome.stopped_by
