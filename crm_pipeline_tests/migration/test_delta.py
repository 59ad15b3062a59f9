"""A newer export over a loaded one: only what changed is sent, people's work is kept, deleted rows are archived."""

from __future__ import annotations

import shutil
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
from crm_pipeline_tests.small_documents import document_export
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


class Applied:
    """A loaded export, people's work in Odoo, and one delta over it that holds a bit of everything; applied twice.

    L1 changed, L9 is new, L8 was deleted before it was loaded (its note N8 goes with it); D1 changed in
    what a person changed too, and in another field; D2 is renamed; D3 is older than loaded; L3, D2, D3, N1 were deleted; L404 was never exported.
    """

    def __init__(self, root: Path, version: str) -> None:
        self.root, self.version = root, version
        base = typical_export()
        with odoo(root, version) as destination:
            self.before = self.records(destination)
            self.messages = destination.search_count("mail.message", [])
            ids = {name: record["id"] for name, record in self.before.items()}
            destination.write("crm.lead", [ids["deals_D1"]], {"expected_revenue": 777.0, "name": "Theirs"}, context=QUIET)
            destination.write("crm.lead", [ids["leads_L2"]], {"description": "<p>called him</p>"}, context=QUIET)
        SmallExport(
            leads=[
                changed(base, "leads", "L1", Job_Title="Chair"),
                lead("L9", First_Name="New", Email="new@nine.example", Company_Name="Nine"),
                lead("L8", First_Name="Gone", Updated_At="2024-01-01 10:00"),
            ],
            deals=[
                changed(base, "deals", "D1", Deal_Value="1,500.00", Description="new text"), changed(base, "deals", "D2", Deal_Name="Won it"),
                changed(base, "deals", "D3", Deal_Value="1", Updated_At="2023-01-01 10:00"),
            ],
            activities=[activity("A9", "L9")],
            notes=[note("N8", "L8", "gone")],
        ).write(root, DELTA)  # fmt: skip
        write_deleted(root, ("Lead", "L3"), ("Lead", "L8"), ("Deal", "D2"), ("Deal", "D3"), ("Lead", "L404"), ("Note", "N1"), ("Ghost", "1"))
        self.outcome = delta(root, version=version)
        with odoo(root, version) as destination:
            self.after = self.records(destination)
            self.partners = by_external_id(destination, "res.partner", ["function"])
            self.messages_after = destination.search_count("mail.message", [])
        self.again = delta(root, version=version)

    @staticmethod
    def records(destination: Destination) -> dict[str, dict[str, Any]]:
        names = ["name", "active", "expected_revenue", "probability", "date_closed", "description", "write_date"]
        return by_external_id(destination, "crm.lead", names)


@pytest.fixture(
    scope="module", params=["18.0", *(pytest.param(version, marks=pytest.mark.exhaustive) for version in ("17.0", "19.0"))]
)
def applied(
    request: pytest.FixtureRequest, migrated_once: Callable[[str], tuple[Path, run.RunOutcome]], tmp_path_factory: pytest.TempPathFactory
) -> Applied:
    root = tmp_path_factory.mktemp("applied") / "data"
    shutil.copytree(migrated_once(request.param)[0], root)
    return Applied(root, request.param)


def test_it_comes_through_and_every_row_is_accounted_for(applied: Applied) -> None:
    result = applied.outcome.result
    assert applied.outcome.ok, [c for c in result["checks"] if not c["passed"]]
    assert result["drop"] == DELTA
    objects = result["objects"]
    assert {name: row["exported"] for name, row in objects.items() if row["exported"]} == {
        "users": 3, "stages": 4, "leads": 3, "deals": 3, "activities": 1, "notes": 1,
    }  # fmt: skip
    for name, row in objects.items():
        assert row["exported"] == sum(row[fate] for fate in FATES), name
    assert objects["leads"]["reasons"] == {"deleted_in_source": 1, "lead_with_deals": 1}
    assert objects["deals"]["reasons"] == {"stale": 1}
    assert objects["notes"]["reasons"] == {"deleted_in_source": 1}
    assert all(total["equal"] for total in result["control_totals"])


def test_only_what_changed_is_sent(applied: Applied) -> None:
    targets = applied.outcome.result["targets"]
    assert (targets["crm.lead"]["created"], targets["crm.lead"]["updated"]) == (1, 3)  # L1 is merged into D2, and L3 is archived
    assert (targets["res.partner"]["created"], targets["res.partner"]["updated"]) == (3, 1)  # L9 with its company, and L8 as a person
    assert targets["mail.message"]["created"] == 1
    assert applied.after["deals_D2"]["name"] == "Won it"
    assert applied.partners["contact_amy@acme.com"]["function"] == "Chair"
    assert {name for name, record in applied.before.items() if applied.after[name] == record} >= {"leads_L5", "deals_D3"}
    assert writes(applied.again) == 0
    assert applied.again.ok


def test_deleted_rows_are_archived_and_nothing_is_unlinked(applied: Applied) -> None:
    assert {name for name, record in applied.after.items() if not record["active"]} == {"leads_L3", "leads_L5", "deals_D3"}
    assert applied.after["deals_D2"]["active"]  # what was won stays in the books
    assert applied.after.keys() == applied.before.keys() | {"leads_L9"}
    assert applied.messages_after == applied.messages + 1
    said = [c for c in applied.outcome.result["checks"] if not c["passed"] and c["check"] == "records_still_exported"]
    assert {c["asset"].rsplit("/", 1)[-1] for c in said} == {"crm_lead", "mail_message"}
    assert applied.outcome.result["deleted"] == 5
    with Migration(Settings.load(applied.root, environ(applied.version)), "leadforce") as migration:
        warned = migration.store.rows("SELECT object, key FROM ops.issue WHERE reason = 'unknown_deleted' ORDER BY 1")
    assert warned == [("Ghost", "1"), ("leads", "L404")]


def test_what_people_changed_is_kept_and_a_conflict_waits(applied: Applied) -> None:
    result = applied.outcome.result
    assert (result["queues"]["conflicts"], result["edits"]) == (1, 2)
    d1 = applied.after["deals_D1"]
    assert (d1["expected_revenue"], d1["name"]) == (777, "Theirs")
    assert "new text" in d1["description"]
    assert "called him" in applied.after["leads_L2"]["description"]
    assert (applied.again.result["queues"]["conflicts"], applied.again.result["edits"]) == (1, 2)
    with Migration(Settings.load(applied.root, environ(applied.version)), "leadforce") as migration:
        row = migration.store.rows("SELECT external_id, field, last_loaded, odoo_now, new_source FROM ops.conflict")[0]
    assert row == ("deals_D1", "expected_revenue", "1000.5", "777.0", "1500.0")


def test_closing_dates_survive_an_update(applied: Applied) -> None:
    for name in ("deals_D2", "deals_D3"):
        assert applied.after[name]["date_closed"] == applied.before[name]["date_closed"]
        assert applied.after[name]["probability"] == applied.before[name]["probability"]


@pytest.mark.parametrize(("decision", "holds", "sent"), [("take_source", 1500, 1), ("keep_odoo", 777, 0)])
def test_a_conflict_is_decided(applied: Applied, tmp_path: Path, decision: str, holds: int, sent: int) -> None:
    root = tmp_path / "data"
    shutil.copytree(applied.root, root)
    decided = {"model": "crm.lead", "external_id": "leadforce.deals_D1", "field": "expected_revenue", "decision": decision}
    write_csv(root / "resolutions" / "leadforce" / "conflicts.csv", [decided])
    outcome = delta(root, version=applied.version)
    assert outcome.ok
    assert outcome.result["queues"]["conflicts"] == 0
    assert writes(outcome) == sent
    with odoo(root, applied.version) as destination:
        assert by_external_id(destination, "crm.lead", ["expected_revenue"])["deals_D1"]["expected_revenue"] == holds


def test_older_exports_are_refused_after_a_newer_one(applied: Applied, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(applied.root, root)
    with Migration(Settings.load(root, environ(applied.version)), "leadforce") as migration:
        assert migration.newest_drop().name == DELTA
        with pytest.raises(MigrationError, match="would put older values over newer ones"):
            run.migrate(migration, "sandbox", drop_name="2026-10-31-full")


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


def test_a_delta_needs_something_to_be_laid_over(data_root: Path, typical_root: Path) -> None:
    with pytest.raises(MigrationError, match="nothing has been loaded into the sandbox yet"):
        delta(typical_root)


def test_rounded_amounts_that_are_not_read_back_count_in_the_totals(data_root: Path, documents_once: Callable[[str], Path]) -> None:
    root = Path(shutil.copytree(documents_once("18.0"), data_root))
    rounded = "SELECT external_id, field FROM ops.difference WHERE env = 'sandbox' AND class = 'rounded' ORDER BY ALL"
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        before = migration.store.rows(rounded)
    assert ("proposals_P6", "amount_untaxed") in before
    base = document_export()
    SmallExport(leads=[changed(base, "leads", "L1", Job_Title="Chair")]).write(root, DELTA)
    outcome = delta(root)
    assert writes(outcome) > 0
    totals = next(check for check in outcome.result["checks"] if check["check"] == "control_totals_equal")
    assert totals["passed"], totals["message"]
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        assert migration.store.rows(rounded) == before


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
