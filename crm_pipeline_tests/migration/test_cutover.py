"""From a signed sandbox over production to the cutover: what is refused, what the certificate says, who can go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from crm_pipeline.migration import run
from crm_pipeline.migration.cutover import (
    PRODUCTION,
    cut_over,
    hypercare,
    hypercare_ends,
    parse_freeze,
    reopen,
    write_runbook,
)
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.sign_off import sign_off
from crm_pipeline.migration.system_of_record import CutOverError, require_open
from crm_pipeline.odoo.destination import QUIET
from crm_pipeline.settings import Settings
from crm_pipeline.specs import load_mapping
from crm_pipeline_tests.migration.test_delta import DELTA, changed
from crm_pipeline_tests.migration.test_end_to_end import by_external_id
from crm_pipeline_tests.small_export import SmallExport, typical_export

BY = "Grace Hopper <grace@customer.example>"
ENVIRON = {"ODOO_SANDBOX_VERSION": "18.0", "ODOO_PRODUCTION_VERSION": "18.0"}


def opened(root: Path) -> Migration:
    return Migration(Settings.load(root, ENVIRON), "leadforce")


@pytest.fixture
def production(migrated: Callable[..., Path]) -> Path:
    """A data root whose production was loaded with the signed mapping; a delta of D1 has arrived since."""
    root = migrated()
    with opened(root) as migration:
        sign_off(migration.store, migration.confirmed, migration.settings.data, "sandbox", BY, migration.clock())
        assert run.migrate(migration, PRODUCTION).ok
    SmallExport(deals=[changed(typical_export(), "deals", "D1", Deal_Value="1,500.00")]).write(root, DELTA)
    return root


def test_the_way_to_the_cutover_and_back(production: Path) -> None:
    root = production
    with opened(root) as migration:
        destination = migration.reach(PRODUCTION)
        ids = {name: record["id"] for name, record in by_external_id(destination, "crm.lead", ["name"]).items()}
        destination.write("crm.lead", [ids["leads_L3"]], {"name": "Their own name"}, context=QUIET)
        destination.close()
        early = cut_over(migration, freeze="2024-02-15T00:00+00:00", by=BY)
        assert early.certificate is None
        (stop,) = early.run.stopped_by
        assert stop.spec.name == "source_is_frozen"
        assert "the newest is deals 'D1'" in stop.message
        assert sum(row["created"] + row["updated"] for row in early.run.result["targets"].values()) == 0
    with opened(root) as migration:
        done = cut_over(migration, freeze="2026-10-30T18:00", by=BY)
        assert done.certificate is not None, done.run.stopped_by
        assert done.run.result["targets"]["crm.lead"]["updated"] == 1
        page = done.certificate.read_text(encoding="utf-8")
        assert "Grace Hopper" in page
        assert "2026-10-30 12:30 UTC" in page  # 18:00 in the account's zone
        assert "1 values that people changed" in page
        kept = json.loads((done.certificate.parent / "certificate.json").read_text(encoding="utf-8"))
        assert kept["cutover"]["drop"] == DELTA
        assert (done.certificate.parent / f"report-{kept['cutover']['report_sha256'][:12]}.html").exists()
        assert "done" in write_runbook(migration).read_text(encoding="utf-8")
    with opened(root) as migration:
        for attempt in (run.migrate, run.delta):
            with pytest.raises(CutOverError, match="Odoo is the system of record of 'leadforce' since Grace Hopper"):
                attempt(migration, PRODUCTION)
        outcome, sentence = hypercare(migration, PRODUCTION)
        assert outcome.ok
        assert outcome.result["edits"] == 1
        assert "goes on until" in sentence
    store = root / "staging" / "leadforce.duckdb"
    away = store.rename(store.with_suffix(".away"))
    with opened(root) as migration:
        destination = migration.reach(PRODUCTION)
        with pytest.raises(CutOverError, match="since Grace Hopper"):
            require_open(migration.store, "leadforce", PRODUCTION, destination)
        destination.close()
    store.unlink()
    away.rename(store)
    with opened(root) as migration:
        with pytest.raises(MigrationError, match="--why"):
            reopen(migration, by=BY, why=" ")
        reopen(migration, by=BY, why="a table was forgotten")
        assert run.delta(migration, PRODUCTION).ok


@pytest.mark.parametrize(("freeze", "by", "says"), [("soon", BY, "is no time"), ("2026-10-30", "Grace", "does not say who cuts over")])
def test_bad_words_are_refused(typical_root: Path, freeze: str, by: str, says: str) -> None:
    with opened(typical_root) as migration, pytest.raises(MigrationError, match=says):
        cut_over(migration, freeze=freeze, by=by)


def test_a_freeze_without_offset_is_in_the_accounts_zone() -> None:
    spec = load_mapping(Settings.load(environ={}).specs_root / "leadforce").source
    assert parse_freeze("2026-11-30T18:00", spec) == datetime(2026, 11, 30, 12, 30)
    assert parse_freeze("2026-11-30T18:00+01:00", spec) == datetime(2026, 11, 30, 17, 0)


@pytest.mark.parametrize(
    ("at", "days", "last"),
    [
        (datetime(2026, 11, 27, 12), 5, date(2026, 12, 4)),  # a Friday
        (datetime(2026, 11, 28, 12), 5, date(2026, 12, 4)),  # a Saturday
        (datetime(2026, 11, 30, 12), 1, date(2026, 12, 1)),
    ],
)
def test_hypercare_counts_business_days(at: datetime, days: int, last: date) -> None:
    assert hypercare_ends(at, days) == last
