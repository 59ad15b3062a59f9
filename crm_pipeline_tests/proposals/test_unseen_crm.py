"""From the export folder of a CRM nobody has seen to a reconciled run: propose, confirm, migrate, and no Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crm_pipeline.cli import main
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.sign_off import missing_for_production
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.orchestration import build_definitions
from crm_pipeline.settings import Settings
from crm_pipeline.specs import load_mapping
from crm_pipeline_tests.proposals.unseen_export import OWNERS, write_export

BY = "Ann Admin <ann@nova.example>"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command of the tool on an empty specs folder."""
    monkeypatch.setenv("CRM_PIPELINE_SPECS", str(tmp_path / "specs"))
    monkeypatch.setenv("CRM_PIPELINE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ODOO_SANDBOX_VERSION", "18.0")
    write_export(tmp_path / "data" / "exports" / "nova" / "2026-01-31-full")
    return lambda *words, code=0: _checked(CliRunner().invoke(main, list(words)), code)


def _checked(result: Result, code: int) -> Result:
    assert result.exit_code == code, result.output
    return result


def test_the_way_of_the_documentation_ends_green(run: Run, tmp_path: Path) -> None:
    run("propose", "nova", "--time-zone", "Europe/Vienna", "--json", str(tmp_path / "proposed.json"))
    folder = tmp_path / "specs" / "nova"
    assert (tmp_path / "data" / "reports" / "nova" / "proposal" / "proposal.html").exists()
    mapping = load_mapping(folder)
    assert {spec.status for t in mapping.targets for b in t.sources for spec in b.fields.values()} == {"proposed"}

    run("confirm", "nova", "--all-above", "0.9", "--by", BY)
    run("confirm", "nova", "--ignore", "res.partner.x_nova_birthday", "--by", BY, code=2)  # confirmed already
    run("confirm", "nova", "--all", "--by", BY)
    owners = tmp_path / "data" / "resolutions" / "nova" / "owners.csv"
    owners.parent.mkdir(parents=True)
    owners.write_text(OWNERS, encoding="utf-8")
    run("migrate", "nova", "--json", str(tmp_path / "result.json"))

    result: dict[str, Any] = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["ok"]
    loaded = {name: (each["exported"], each["loaded"], each["quarantined"]) for name, each in result["objects"].items()}
    assert loaded == {"organisations": (3, 3, 0), "people": (4, 4, 0), "opportunities": (4, 4, 0), "notes": (4, 3, 1), "activities": (3, 3, 0)}
    assert result["objects"]["notes"]["reasons"] == {"orphan_parent": 1}
    assert result["verification"]["differences"] == 0
    assert [(t["source"], t["equal"]) for t in result["control_totals"] if t["kind"] == "sum"] == [("116700.50", True)]
    _look_into_odoo(tmp_path / "data" / "staging" / "nova.sandbox.odoo-18.0.sqlite")


def _look_into_odoo(file: Path) -> None:
    odoo = EmbeddedOdoo(file, "18.0", now=lambda: datetime.now(UTC))
    leads = odoo.search_read(
        "crm.lead", [("type", "=", "opportunity")], ["name", "active", "probability", "stage_id", "expected_revenue", "partner_id", "date_closed"],
        context={"active_test": False},
    )
    found = {lead["name"]: lead for lead in leads}
    partners = {p["id"]: p["name"] for p in odoo.search_read("res.partner", [], ["name"])}
    stages = {s["id"]: s["name"] for s in odoo.search_read("crm.stage", [], ["name"])}
    assert {name: (lead["active"], lead["probability"]) for name, lead in found.items()} == {
        "Ovens 2026": (True, 50), "Railings": (True, 100), "Truck fleet": (False, 0), "Small oven": (True, 20),
    }
    assert partners[found["Ovens 2026"]["partner_id"]] == "Eva Huber", "the person before the company"
    assert partners[found["Small oven"]["partner_id"]] == "Huber Backwaren GmbH"
    assert stages[found["Railings"]["stage_id"]] == "Closed Won"
    assert found["Railings"]["date_closed"] == "2025-11-20 15:00:00", "16:00 in Vienna"
    (eva,) = odoo.search_read("res.partner", [("name", "=", "Eva Huber")], ["mobile", "function", "parent_id", "x_nova_birthday"])
    assert (eva["mobile"], eva["function"], partners[eva["parent_id"]]) == ("+43 664 1112223", "Owner", "Huber Backwaren GmbH")
    assert eva["x_nova_birthday"] == "1970-05-14"
    (call,) = odoo.search_read("mail.activity", [("summary", "=", "Ring about ovens")], ["date_deadline", "note"])
    assert call["date_deadline"] == "2026-02-10"
    bodies = [message["body"] for message in odoo.search_read("mail.message", [("model", "=", "crm.lead")], ["body"])]
    assert any("Price was 20 % above &lt;market&gt;" in body for body in bodies)
    assert any("all fine" in body for body in bodies), "what is done is history"


def test_nothing_unconfirmed_is_loaded_and_production_waits(run: Run, tmp_path: Path) -> None:
    run("propose", "nova")
    run("confirm", "nova", "--field", "crm.lead.name", "--by", BY)
    assert "nothing is confirmed of res.users/users" in run("migrate", "nova", "--dry-run", "--quiet", code=1).output
    run("confirm", "nova", "--all-above", "0.9", "--ignore", "crm.lead.x_nova_currency", "--by", BY)
    settings = Settings.load(tmp_path / "data", {"CRM_PIPELINE_SPECS": str(tmp_path / "specs"), "ODOO_SANDBOX_VERSION": "18.0"})
    with Migration(settings, "nova") as migration:
        migration.read(migration.newest_drop())
        migration.stage()
        phones = migration.store.rows("SELECT _block, count(phone), count(*) FROM staged.res_partner GROUP BY ALL ORDER BY 1")
        columns = migration.store.columns("staged.crm_lead")
        missing = missing_for_production(migration.store, migration.confirmed, real_server=False)
    assert phones == [("organisations", 3, 3), ("people", 0, 4)], "'Direct line' is a guess, and nobody confirmed it"
    assert "stage_id" in columns
    assert "x_nova_currency" not in columns
    assert any("fields are proposed and not confirmed" in each for each in missing)
    run("propose", "nova", "--out", str(tmp_path / "beside"))
    assert "confirmed" in (tmp_path / "specs" / "nova" / "crm_lead.yaml").read_text(encoding="utf-8"), "what is confirmed stays"


def test_it_has_assets_like_any_other(run: Run, tmp_path: Path) -> None:
    run("propose", "nova")
    settings = Settings.load(tmp_path / "data", {"CRM_PIPELINE_SPECS": str(tmp_path / "specs")})
    graph = build_definitions(settings).resolve_asset_graph()
    assert all(node.description for node in graph.asset_nodes)
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {"nova/proposed_mapping", "nova/src_people", "nova/stg_crm_lead", "nova/sandbox/res_partner"} <= keys


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["propose", "No Name"], "can't be the name of a source"),
        (["propose", "other"], "no export found"),
        (["propose", "other", "--export", "empty"], "no CSV and no Excel workbook"),
        (["confirm", "nova", "--all", "--by", BY], "propose one: crm-pipeline propose nova"),
    ],
)
def test_what_cannot_be_proposed_is_said_with_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert says in " ".join(run(*words, code=2).output.split())


def test_who_confirms_must_be_named(run: Run) -> None:
    run("propose", "nova", "--quiet")
    assert "does not say who confirms" in run("confirm", "nova", "--all", "--by", "Ann", code=2).output
