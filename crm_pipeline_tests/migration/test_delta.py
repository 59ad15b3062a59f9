"""A newer export over a loaded one: only what changed is sent, people's work is kept, deleted rows are archived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration import run
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.settings import Settings
from crm_pipeline_tests.migration.test_end_to_end import by_external_id, destination_of, environ
from crm_pipeline_tests.small_export import SmallExport, activity, lead, note, typical_export, write_csv

Migrated = Callable[..., Path]
DELTA = "2026-11-15-delta"
FATES = ("loaded", "merged", "excluded", "quarantined", "queued", "duplicates")


def delta(root: Path, drop: str | None = None, version: str = "18.0", env: str = "sandbox") -> run.RunOutcome:
    with Migration(Settings.load(root, environ(version)), "leadforce") as migration:
        return run.delta(migration, env, drop_name=drop)


def changed(export: SmallExport, table: str, key: str, **values: Any) -> dict[str, Any]:
    """A row of the typical export with other values, changed a month later."""
    row: dict[str, Any] = next(row for row in getattr(export, table) if key in row.values())
    stamp = {"Updated At": "2024-03-01 10:00"} if "Updated At" in row else {}
    return row | stamp | {name.replace("_", " "): value for name, value in values.items()}


def write_deleted(root: Path, *rows: tuple[str, str], drop: str = DELTA) -> None:
    names = ("Object", "Record ID", "Deleted At", "Deleted By")
    rows_ = [dict(zip(names, (*row, "2026-11-14 10:00", "asha@corp.in"), strict=True)) for row in rows]
    write_csv(root / "exports" / "leadforce" / drop / "deleted_records.csv", rows_)


@contextmanager
def odoo(root: Path, version: str = "18.0") -> Iterator[Destination]:
    destination = destination_of(root, version)
    try:
        yield destination
    finally:
        destination.close()


def writes(outcome: run.RunOutcome) -> int:
    return sum(row["created"] + row["updated"] for row in outcome.result["targets"].values())


def small_delta(root: Path) -> SmallExport:
    """L1 has another job title, D1 another value, L9 is new, A9 is a call on it."""
    base = typical_export()
    export = SmallExport(
        leads=[changed(base, "leads", "L1", Job_Title="Chair"), lead("L9", First_Name="New", Email="new@nine.example", Company_Name="Nine")],
        deals=[changed(base, "deals", "D1", Deal_Value="1,500.00")],
        activities=[activity("A9", "L9")],
    )
    export.write(root, DELTA)
    return export


@pytest.mark.parametrize("version", ["17.0", "18.0", "19.0"])
def test_only_what_changed_is_sent(migrated: Migrated, version: str) -> None:
    root = migrated(version)
    with odoo(root, version) as destination:
        before = by_external_id(destination, "crm.lead", ["write_date", "name"])
    small_delta(root)
    outcome = delta(root, version=version)
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    targets = outcome.result["targets"]
    assert (targets["crm.lead"]["created"], targets["crm.lead"]["updated"]) == (1, 2)  # L1 is merged into D2
    assert (targets["res.partner"]["created"], targets["res.partner"]["updated"]) == (2, 1)
    assert (targets["mail.message"]["created"], targets["mail.message"]["updated"]) == (1, 0)
    with odoo(root, version) as destination:
        after = by_external_id(destination, "crm.lead", ["write_date", "name", "expected_revenue"])
        partners = by_external_id(destination, "res.partner", ["function"])
    assert after["deals_D1"]["expected_revenue"] == 1500
    assert partners["contact_amy@acme.com"]["function"] == "Chair"
    untouched = {name for name in before if after[name]["write_date"] == before[name]["write_date"]}
    assert untouched == set(before) - {"deals_D1", "deals_D2"}
    objects = outcome.result["objects"]
    assert (objects["leads"]["exported"], objects["deals"]["exported"], objects["activities"]["exported"]) == (2, 1, 1)
    for name, row in objects.items():
        assert row["exported"] == sum(row[fate] for fate in FATES), name
    assert writes(delta(root, version=version)) == 0


def test_a_full_export_with_the_same_content_sends_nothing(migrated: Migrated) -> None:
    root = migrated()
    typical_export().write(root, "2026-11-20-full")
    outcome = delta(root)
    assert outcome.ok
    assert outcome.result["drop"] == "2026-11-20-full"
    assert writes(outcome) == 0


def test_a_delta_over_a_full_export_is_the_full_export_of_the_same_state(migrated: Migrated, tmp_path: Path) -> None:
    root = migrated()
    small_delta(root)
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        migration.read(migration.newest_drop(deltas=True))
        migration.stage()
        layered = staged(migration)
    merged = typical_export()
    merged.leads[0] = changed(typical_export(), "leads", "L1", Job_Title="Chair")
    merged.leads.append(lead("L9", First_Name="New", Email="new@nine.example", Company_Name="Nine"))
    merged.deals[0] = changed(typical_export(), "deals", "D1", Deal_Value="1,500.00")
    merged.activities.append(activity("A9", "L9"))
    merged.write(tmp_path / "other")
    with Migration(Settings.load(tmp_path / "other", environ("18.0")), "leadforce") as migration:
        migration.read(migration.newest_drop())
        migration.stage()
        assert staged(migration) == layered


def staged(migration: Migration) -> dict[str, set[tuple[Any, ...]]]:
    return {
        target.model: set(migration.store.rows(f"SELECT external_id, _hash FROM staged.{target.table}"))
        for target in migration.mapping.targets
    }


def test_an_older_row_is_ignored_and_said(migrated: Migrated) -> None:
    root = migrated()
    SmallExport(deals=[changed(typical_export(), "deals", "D1", Deal_Value="1", Updated_At="2023-01-01 10:00")]).write(root, DELTA)
    outcome = delta(root)
    assert outcome.ok
    assert outcome.result["objects"]["deals"]["reasons"] == {"stale": 1}
    assert writes(outcome) == 0


def test_deleted_rows_are_archived_and_nothing_is_unlinked(migrated: Migrated) -> None:
    root = migrated()
    with odoo(root) as destination:
        before = {model: destination.search_count(model, [], context={"active_test": False}) for model in ("crm.lead", "res.partner", "mail.message")}
        dates = by_external_id(destination, "crm.lead", ["date_closed", "probability"])
    SmallExport(leads=[lead("L9", First_Name="New")]).write(root, DELTA)
    write_deleted(root, ("Lead", "L3"), ("deals", "D1"), ("Deal", "D2"), ("Lead", "L404"), ("Note", "N1"), ("Ghost", "1"))
    outcome = delta(root)
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    with odoo(root) as destination:
        after = by_external_id(destination, "crm.lead", ["active", "date_closed", "probability", "user_id"])
        counts = {model: destination.search_count(model, [], context={"active_test": False}) for model in before}
    assert {name for name, record in after.items() if not record["active"]} == {"leads_L3", "leads_L5", "deals_D1", "deals_D3"}
    assert after["deals_D2"]["active"]  # what was won stays in the books
    assert counts["crm.lead"] == before["crm.lead"] + 1
    assert counts["mail.message"] == before["mail.message"]
    assert after["deals_D3"]["date_closed"] == dates["deals_D3"]["date_closed"]
    said = [c for c in outcome.result["checks"] if not c["passed"] and c["check"] == "records_still_exported"]
    assert {c["asset"].rsplit("/", 1)[-1] for c in said} == {"crm_lead", "mail_message"}
    assert outcome.result["deleted"] == 4
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        warned = migration.store.rows("SELECT object, key FROM ops.issue WHERE reason = 'unknown_deleted' ORDER BY 1")
    assert warned == [("Ghost", "1"), ("leads", "L404")]
    assert writes(delta(root)) == 0


def test_a_row_deleted_before_it_was_loaded_makes_no_record(migrated: Migrated) -> None:
    root = migrated()
    SmallExport(leads=[lead("L9", First_Name="New", Updated_At="2024-01-01 10:00")], notes=[note("N9", "L9", "gone")]).write(root, DELTA)
    write_deleted(root, ("Lead", "L9"))
    outcome = delta(root)
    assert outcome.ok
    assert outcome.result["objects"]["leads"]["reasons"] == {"deleted_in_source": 1}
    assert outcome.result["objects"]["notes"]["reasons"] == {"deleted_in_source": 1}
    with odoo(root) as destination:
        assert "leads_L9" not in by_external_id(destination, "crm.lead", ["name"])


def test_what_people_changed_is_kept_and_a_conflict_waits(migrated: Migrated) -> None:
    root = migrated()
    with odoo(root) as destination:
        ids = {name: record["id"] for name, record in by_external_id(destination, "crm.lead", ["name"]).items()}
        destination.write("crm.lead", [ids["deals_D1"]], {"expected_revenue": 777.0, "name": "Theirs"}, context=QUIET)
        destination.write("crm.lead", [ids["leads_L3"]], {"description": "<p>called her</p>"}, context=QUIET)
    SmallExport(deals=[changed(typical_export(), "deals", "D1", Deal_Value="1,500.00", Description="new text")]).write(root, DELTA)
    outcome = delta(root)
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    assert outcome.result["queues"]["conflicts"] == 1
    assert outcome.result["edits"] == 2
    assert all(total["equal"] for total in outcome.result["control_totals"])
    with odoo(root) as destination:
        after = by_external_id(destination, "crm.lead", ["expected_revenue", "name", "description"])
    assert (after["deals_D1"]["expected_revenue"], after["deals_D1"]["name"]) == (777, "Theirs")
    assert "new text" in after["deals_D1"]["description"]
    assert "called her" in after["leads_L3"]["description"]
    again = delta(root)
    assert writes(again) == 0
    assert (again.result["queues"]["conflicts"], again.result["edits"]) == (1, 2)
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        row = migration.store.rows("SELECT external_id, field, last_loaded, odoo_now, new_source FROM ops.conflict")[0]
    assert row == ("deals_D1", "expected_revenue", "1000.5", "777.0", "1500.0")


@pytest.mark.parametrize(("decision", "holds", "sent"), [("take_source", 1500, 1), ("keep_odoo", 777, 0)])
def test_a_conflict_is_decided(migrated: Migrated, decision: str, holds: int, sent: int) -> None:
    root = migrated()
    with odoo(root) as destination:
        ids = {name: record["id"] for name, record in by_external_id(destination, "crm.lead", ["name"]).items()}
        destination.write("crm.lead", [ids["deals_D1"]], {"expected_revenue": 777.0}, context=QUIET)
    SmallExport(deals=[changed(typical_export(), "deals", "D1", Deal_Value="1,500.00")]).write(root, DELTA)
    assert delta(root).result["queues"]["conflicts"] == 1
    decided = {"model": "crm.lead", "external_id": "leadforce.deals_D1", "field": "expected_revenue", "decision": decision}
    write_csv(root / "resolutions" / "leadforce" / "conflicts.csv", [decided])
    outcome = delta(root)
    assert outcome.ok
    assert outcome.result["queues"]["conflicts"] == 0
    assert writes(outcome) == sent
    with odoo(root) as destination:
        assert by_external_id(destination, "crm.lead", ["expected_revenue"])["deals_D1"]["expected_revenue"] == holds
    assert writes(delta(root)) == 0


def test_closing_dates_survive_an_update(migrated: Migrated) -> None:
    root = migrated()
    with odoo(root) as destination:
        closed = by_external_id(destination, "crm.lead", ["date_closed"])["deals_D2"]["date_closed"]
    SmallExport(deals=[changed(typical_export(), "deals", "D2", Deal_Name="Won it", Closed_At="2024-03-01T10:05:00+05:30")]).write(root, DELTA)
    outcome = delta(root)
    assert outcome.ok
    with odoo(root) as destination:
        record = by_external_id(destination, "crm.lead", ["date_closed", "name"])["deals_D2"]
    assert (record["name"], record["date_closed"]) == ("Won it", closed)


def test_rows_missing_from_a_newer_full_export_stay_and_are_named(migrated: Migrated) -> None:
    root = migrated()
    export = typical_export()
    export.deals = [row for row in export.deals if row["Deal ID"] != "D3"]
    export.write(root, "2026-11-20-full")
    outcome = delta(root)
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    assert writes(outcome) == 0
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        gone = migration.store.rows("SELECT model, external_id, cause, action FROM ops.departed ORDER BY ALL")
    assert ("crm.lead", "deals_D3", "absent", "keep") in gone
    assert {row[2:] for row in gone} == {("absent", "keep"), ("not_made", "keep")}


def test_an_older_export_is_refused_after_a_newer_one(migrated: Migrated) -> None:
    root = migrated()
    small_delta(root)
    delta(root)
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        assert run.migrate(migration, "sandbox").result["drop"] == DELTA
        with pytest.raises(MigrationError, match="would put older values over newer ones"):
            run.migrate(migration, "sandbox", drop_name="2026-10-31-full")


def test_a_delta_needs_something_to_be_laid_over(data_root: Path, typical_root: Path) -> None:
    with pytest.raises(MigrationError, match="nothing has been loaded into the sandbox yet"):
        delta(typical_root)


def test_a_lost_store_overwrites_nobody(migrated: Migrated) -> None:
    root = migrated()
    with odoo(root) as destination:
        ids = {name: record["id"] for name, record in by_external_id(destination, "crm.lead", ["name"]).items()}
        destination.write("crm.lead", [ids["deals_D1"]], {"expected_revenue": 777.0}, context=QUIET)
    (root / "staging" / "leadforce.duckdb").unlink()
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        outcome = run.migrate(migration, "sandbox")
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    assert writes(outcome) == 0
    assert outcome.result["queues"]["conflicts"] == 1
    with odoo(root) as destination:
        assert by_external_id(destination, "crm.lead", ["expected_revenue"])["deals_D1"]["expected_revenue"] == 777
