"""A whole migration on the embedded destination of each version: what lands, what a re-run does, what a gate stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration.migration import Migration, ProductionLockedError
from crm_pipeline.migration.run import RunOutcome
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.environments import open_destination
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.small_export import SmallExport, activity, deal, decide_owners, lead, note, typical_export

VERSIONS = bundled_versions()
Migrated = Callable[..., Path]
MigratedOnce = Callable[[str], tuple[Path, RunOutcome]]


def environ(version: str) -> dict[str, str]:
    return {"ODOO_SANDBOX_VERSION": version}


def destination_of(root: Path, version: str = "18.0") -> Destination:
    return open_destination(Settings.load(root, environ(version)).environment("sandbox", "leadforce"))


def by_external_id(destination: Destination, model: str, fields: list[str]) -> dict[str, dict[str, Any]]:
    """Records of the migration by external id, archived ones too."""
    names = destination.search_read("ir.model.data", [("module", "=", "leadforce"), ("model", "=", model)], ["name", "res_id"])
    ids = [n["res_id"] for n in names]
    records = destination.search_read(model, [("id", "in", ids)], fields, context={"active_test": False})
    found = {r["id"]: r for r in records}
    return {n["name"]: found[n["res_id"]] for n in names}


def counts(outcome: Any, name: str) -> list[int]:
    return [row[name] for row in outcome.result["targets"].values()]


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_lands_and_every_row_is_accounted_for(migrated_once: MigratedOnce, version: str) -> None:
    _, outcome = migrated_once(version)
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    for name, row in outcome.result["objects"].items():
        fates = ("loaded", "merged", "excluded", "quarantined", "queued", "duplicates")
        assert row["exported"] == sum(row[fate] for fate in fates), name
    objects = outcome.result["objects"]
    assert objects["leads"] | {"reasons": {}} == {
        "exported": 6, "loaded": 3, "merged": 2, "excluded": 0, "quarantined": 1, "queued": 0, "duplicates": 0, "reasons": {},
    }  # fmt: skip
    assert objects["deals"]["reasons"] == {"parent_quarantined": 1}
    assert objects["stages"]["reasons"] == {"lost_is_not_a_stage": 1}
    for model, row in outcome.result["targets"].items():
        shares = ("created", "updated", "unchanged", "linked", "failed", "held")
        assert row["staged"] == sum(row[share] for share in shares) == row["in_odoo"], model
    assert outcome.result["verification"]["differences"] == 0
    assert outcome.report is not None
    assert outcome.report.exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_run_changes_nothing(migrated: Migrated, version: str) -> None:
    typical_root = migrated(version)
    destination = destination_of(typical_root, version)
    before = {m: destination.search_read(m, [], ["write_date"], context={"active_test": False}) for m in ("res.partner", "crm.lead")}
    destination.close()
    second = migrate(typical_root, environ=environ(version))
    assert second.ok
    assert counts(second, "created") == counts(second, "updated") == [0] * len(second.result["targets"])
    destination = destination_of(typical_root, version)
    after = {m: destination.search_read(m, [], ["write_date"], context={"active_test": False}) for m in before}
    destination.close()
    assert after == before


def test_a_lost_staging_store_is_rebuilt_from_odoo(migrated: Migrated) -> None:
    typical_root = migrated()
    (typical_root / "staging" / "leadforce.duckdb").unlink()
    second = migrate(typical_root)
    assert second.ok
    assert counts(second, "created") == counts(second, "updated") == [0] * len(second.result["targets"])


def test_stages_probabilities_and_dates_are_those_of_the_source(migrated: Migrated) -> None:
    typical_root = migrated()
    destination = destination_of(typical_root)
    fields = ["active", "type", "probability", "date_closed", "date_deadline", "stage_id", "expected_revenue", "lost_reason_id", "user_id", "x_leadforce_stage"]
    leads = by_external_id(destination, "crm.lead", fields)
    stages = {r["id"]: name for name, r in by_external_id(destination, "crm.stage", ["name"]).items()}
    destination.close()
    open_, won, lost = (leads[f"deals_D{n}"] for n in (1, 2, 3))
    assert (open_["active"], open_["probability"], open_["date_deadline"]) == (True, 40.0, "2026-12-31")
    assert stages[open_["stage_id"]] == "stage_Sales%20Main_Quote"
    assert (won["active"], won["probability"], won["date_closed"]) == (True, 100.0, "2024-03-01 04:35:00")
    assert (lost["active"], lost["probability"], lost["date_closed"]) == (False, 0.0, "2024-03-01 10:05:00")
    assert lost["stage_id"] is False
    assert lost["x_leadforce_stage"] == "Lost"
    assert lost["lost_reason_id"] is not False
    assert lost["user_id"] is False
    assert won["expected_revenue"] == 2000.0


def test_history_keeps_time_author_and_text(migrated: Migrated) -> None:
    typical_root = migrated()
    destination = destination_of(typical_root)
    messages = by_external_id(destination, "mail.message", ["date", "body", "res_id", "author_id", "email_from", "message_type"])
    deals = by_external_id(destination, "crm.lead", ["name"])
    contacts = by_external_id(destination, "res.partner", ["email"])
    destination.close()
    assert messages["activities_A1"]["date"] == "2017-03-01 04:35:00"
    assert messages["activities_A2"]["date"] == "2017-03-01 05:05:00"
    assert messages["activities_A1"]["author_id"] == contacts["contact_amy@acme.com"]["id"]
    assert messages["activities_A1"]["res_id"] == deals["deals_D2"]["id"], "history of a merged lead goes to its deal"
    assert "line1<br>line2 &lt;x&gt;" in messages["activities_A1"]["body"]
    assert "script" not in messages["notes_N1"]["body"]
    assert "onclick" not in messages["notes_N1"]["body"]
    assert "there" in messages["notes_N1"]["body"]
    assert messages["notes_N2"]["author_id"] is False
    assert messages["notes_N2"]["email_from"] == "nobody@x.com"


@pytest.mark.parametrize("version", VERSIONS)
def test_addresses_of_people_survive_their_company(migrated: Migrated, version: str) -> None:
    typical_root = migrated(version)
    destination = destination_of(typical_root, version)
    partners = by_external_id(destination, "res.partner", ["name", "street", "city", "type", "parent_id", "phone", "email"])
    destination.close()
    company, amy, ben = (partners[n] for n in ("company_acme.com", "contact_amy@acme.com", "contact_ben@acme.com"))
    assert (company["street"], company["city"]) == ("1 Road", "Pune"), "an address is one row's, never a mixture"
    assert (amy["type"], amy["street"]) == ("contact", "1 Road")
    assert (ben["type"], ben["street"], ben["city"]) == ("other", "2 Other", "Delhi")
    assert amy["parent_id"] == ben["parent_id"] == company["id"]
    assert (amy["phone"], amy["email"]) == ("+1 555 0100", "amy@acme.com")
    assert "parent_id" in partners["contact_zed@gmail.com"]
    assert partners["contact_zed@gmail.com"]["parent_id"] is False, "free mail makes no company"


def test_unresolved_owners_block_leads_and_only_those(data_root: Path) -> None:
    typical_export().write(data_root)
    outcome = migrate(data_root)
    assert not outcome.ok
    assert outcome.result["queues"]["owners"] == 2
    targets = outcome.result["targets"]
    assert targets["crm.lead"]["created"] == targets["mail.message"]["created"] == 0
    assert (targets["crm.lead"]["staged"], targets["crm.lead"]["held"]) == (6, 6)
    assert (targets["mail.message"]["staged"], targets["mail.message"]["held"]) == (4, 4)
    assert targets["res.partner"]["created"] > 0
    assert outcome.result["objects"]["deals"]["queued"] == 3
    decide_owners(data_root, [("asha@corp.in", "map", "admin"), ("BOB@corp.in", "unassign", "")])
    resolved = migrate(data_root)
    assert resolved.ok
    assert resolved.result["objects"]["deals"]["loaded"] == 3
    destination = destination_of(data_root)
    leads = by_external_id(destination, "crm.lead", ["user_id"])
    destination.close()
    assert leads["deals_D2"]["user_id"] is False
    assert leads["deals_D1"]["user_id"] == 2


def test_an_owner_is_one_odoo_user_by_address_and_two_are_nobody(data_root: Path) -> None:
    typical_export().write(data_root)
    destination = destination_of(data_root)
    quiet = {"no_reset_password": True}
    asha = destination.create("res.users", [{"name": "A. Rao", "login": "asha", "email": "ASHA@corp.in"}], context=quiet)[0]
    twins = [{"name": f"Bob {n}", "login": f"bob{n}", "email": "bob@corp.in"} for n in (1, 2)]
    destination.create("res.users", twins, context=quiet)
    destination.close()
    outcome = migrate(data_root)
    assert outcome.result["queues"]["owners"] == 1
    decide_owners(data_root, [("bob@corp.in", "map", "bob2")])
    assert migrate(data_root).ok
    destination = destination_of(data_root)
    leads = by_external_id(destination, "crm.lead", ["user_id"])
    bob = destination.search_read("res.users", [("login", "=", "bob2")], ["login"])[0]["id"]
    destination.close()
    assert (leads["deals_D1"]["user_id"], leads["deals_D2"]["user_id"]) == (asha, bob)


def test_changed_rows_are_updated_and_people_s_changes_are_kept(migrated: Migrated) -> None:
    typical_root = migrated()
    destination = destination_of(typical_root)
    leads = by_external_id(destination, "crm.lead", ["name"])
    destination.write("crm.lead", [leads["deals_D1"]["id"]], {"name": "Renamed by Sam"})
    destination.close()
    export = typical_export()
    export.deals[0] |= {"Deal Name": "Renamed in Leadforce", "Deal Value": "1,111.00"}
    export.deals[1]["Deal Value"] = "2500"
    export.write(typical_root, "2026-11-01-full")
    outcome = migrate(typical_root)
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"]]
    assert outcome.result["targets"]["crm.lead"]["updated"] == 2
    assert outcome.result["queues"]["conflicts"] == 1
    destination = destination_of(typical_root)
    leads = by_external_id(destination, "crm.lead", ["name", "expected_revenue", "date_closed", "probability"])
    destination.close()
    assert leads["deals_D1"]["name"] == "Renamed by Sam"
    assert leads["deals_D1"]["expected_revenue"] == 1111.0
    assert (leads["deals_D2"]["expected_revenue"], leads["deals_D2"]["date_closed"]) == (2500.0, "2024-03-01 04:35:00")


@pytest.mark.parametrize(("mode", "loaded", "merged"), [pytest.param("merge", 3, 2, marks=pytest.mark.exhaustive), ("archive", 5, 0), ("keep", 5, 0)])
def test_leads_that_own_deals_follow_the_policy(typical_root: Path, tmp_path: Path, mode: str, loaded: int, merged: int) -> None:
    specs = tmp_path / "specs"
    _copy_specs(specs, "mode: merge ", f"mode: {mode} ")
    outcome = migrate(typical_root, environ=environ("18.0") | {"CRM_PIPELINE_SPECS": str(specs)})
    assert outcome.ok
    leads = outcome.result["objects"]["leads"]
    assert (leads["loaded"], leads["merged"]) == (loaded, merged)
    destination = destination_of(typical_root)
    found = by_external_id(destination, "crm.lead", ["active", "type", "message_ids"])
    destination.close()
    assert ("leads_L4" in found) == (mode != "merge")
    if mode == "archive":
        assert (found["leads_L4"]["active"], found["leads_L4"]["type"]) == (False, "lead")
    if mode == "keep":
        assert (found["leads_L4"]["active"], found["leads_L4"]["type"]) == (True, "opportunity")


def _copy_specs(folder: Path, old: str, new: str) -> None:
    shipped = Settings.load(environ={}).specs_root / "leadforce"
    target = folder / "leadforce"
    target.mkdir(parents=True)
    for file in shipped.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        (target / file.name).write_text(text.replace(old, new), encoding="utf-8")
    assert new in (target / "source.yaml").read_text(encoding="utf-8")


def test_messages_of_a_record_are_created_in_order_of_time(data_root: Path) -> None:
    days = [17, 3, 28, 9, 1, 22]
    SmallExport(
        leads=[lead("L1", Email="a@b.in")],
        deals=[deal("D1", Lead_ID="L1")],
        activities=[activity(f"A{d}", "L1", Activity_Date=f"2024-01-{d:02}T10:00:00Z") for d in days],
        notes=[note(f"N{d}", "L1", "x", Created_At=f"2024-01-{d:02}T09:00:00Z") for d in days],
    ).write(data_root)
    assert migrate(data_root).ok
    destination = destination_of(data_root)
    messages = by_external_id(destination, "mail.message", ["date"])
    destination.close()
    by_id = [m["date"] for m in sorted(messages.values(), key=lambda m: m["id"])]
    assert by_id == sorted(by_id)
    assert len(by_id) == 12


def test_a_dry_run_writes_nothing(typical_root: Path) -> None:
    outcome = migrate(typical_root, dry_run=True)
    assert outcome.ok
    assert counts(outcome, "created") == [0] * len(outcome.result["targets"])
    destination = destination_of(typical_root)
    assert destination.search_count("ir.model.data", [("module", "=", "leadforce")]) == 0
    destination.close()


def test_production_is_locked(typical_root: Path) -> None:
    with Migration(Settings.load(typical_root, {}), "leadforce") as migration, pytest.raises(ProductionLockedError):
        migration.open("production")


def test_a_truncated_export_stops_before_anything_is_loaded(data_root: Path) -> None:
    leads = [lead(f"L{n}", Email=f"p{n}@x.in") for n in range(5)]
    folder = SmallExport(leads=leads, deals=[deal("D1", Lead_ID="L1")]).write(data_root)
    manifest = folder / "export_manifest.csv"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("leads,leads.csv,1,1,5,5,5000", "leads,leads.csv,1,1,5,9,5"), encoding="utf-8")
    outcome = migrate(data_root)
    assert not outcome.ok
    assert [s.spec.name for s in outcome.stopped_by] == ["export_is_complete"]
    assert counts(outcome, "created") == [0] * len(outcome.result["targets"])


def test_a_record_deleted_in_odoo_is_reported_and_not_made_again(migrated: Migrated) -> None:
    typical_root = migrated()
    destination = destination_of(typical_root)
    leads = by_external_id(destination, "crm.lead", ["name"])
    destination.unlink("crm.lead", [leads["deals_D3"]["id"]])
    destination.close()
    second = migrate(typical_root)
    assert not second.ok
    assert second.result["verification"]["differences"] >= 1
    assert second.result["targets"]["crm.lead"]["created"] == 0


def test_won_and_lost_follow_the_stage_not_the_status(data_root: Path) -> None:
    SmallExport(
        leads=[lead("L1", Email="a@b.in")],
        deals=[deal("D1", Lead_ID="L1", Deal_Stage="Won", Status="Open", Probability="40", Closed_At="2024-05-01T00:00:00Z"),
               deal("D2", Lead_ID="L1", Deal_Stage="Quote", Status="Lost")],
    ).write(data_root)  # fmt: skip
    assert migrate(data_root).ok
    destination = destination_of(data_root)
    leads = by_external_id(destination, "crm.lead", ["active", "probability"])
    destination.close()
    assert (leads["deals_D1"]["active"], leads["deals_D1"]["probability"]) == (True, 100.0)
    assert (leads["deals_D2"]["active"], leads["deals_D2"]["probability"]) == (True, 50.0)
