"""Custom fields end to end: from the export's inventory to fields of Odoo with their values, and as an addon."""

from __future__ import annotations

import ast
import csv
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.run import RunOutcome
from crm_pipeline.odoo.addon import write_addon
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, SmallExport, decide_owners, typical_export


def field(key: str, object_name: str, label: str, kind: str, options: str = "", column: str | None = None) -> dict[str, Any]:
    return {
        "Field ID": key, "Object": object_name, "Label": label, "Export Column": f"CF: {label}" if column is None else column,
        "Type": kind, "Options": options, "Required": "No", "Notes": f"about {label}",
    }  # fmt: skip


def custom_export() -> SmallExport:
    export = typical_export()
    export.custom_fields = [
        field("F1", "Lead", "Region", "Select", "North|South, East"),
        field("F2", "Lead", "Interests", "Multiselect", "Solar|Wind, offshore|Hydro"),
        field("F3", "Lead", "Channels", "Multiselect", "Mail|Phone"),
        field("F4", "Lead", "Since", "Date"),
        field("F5", "Lead", "Is VIP?", "Checkbox"),
        field("F6", "Deal", "Region", "Text", column="Region"),
        field("F7", "Deal", "Margin", "Decimal"),
        field("F8", "Deal", "Ghost", "Text"),
        field("F9", "Deal", "Odd", "Lookup"),
    ]
    values: dict[str, dict[str, str]] = {
        "L1": {"Region": "north", "Interests": "wind, OFFSHORE", "Channels": "Phone; mail", "Since": "31/12/2024", "Is VIP?": "Yes"},
        "L2": {"Region": "South, East", "Interests": "Solar|Coal", "Channels": "", "Since": "soon", "Is VIP?": "No"},
        "L4": {"Region": "West", "Interests": "Hydro", "Channels": "Mail", "Since": "", "Is VIP?": ""},
    }  # fmt: skip
    for lead in export.leads:
        given = values.get(lead["Lead ID"], {})
        lead.update({f"CF: {name}": given.get(name, "") for name in values["L1"]} | {"CF: Undeclared": "seen" if given else ""})
    for deal in export.deals:
        is_first = deal["Deal ID"] == "D1"
        deal.update({"CF: Region": "Asia" if is_first else "", "CF: Margin": "12.5" if is_first else ""})
    return export


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("custom")
    custom_export().write(made)
    decide_owners(made, TYPICAL_DECISIONS)
    return made


@pytest.fixture(scope="module")
def outcome(root: Path) -> RunOutcome:
    return migrate(root)


@pytest.fixture(scope="module")
def odoo(root: Path, outcome: RunOutcome) -> EmbeddedOdoo:
    return EmbeddedOdoo(root / "staging" / "leadforce.sandbox.odoo-18.0.sqlite", "18.0", now=lambda: datetime.now(UTC))


def value(odoo: EmbeddedOdoo, record: str, name: str) -> Any:
    (found,) = odoo.search_read("ir.model.data", [("module", "=", "leadforce"), ("name", "=", record)], ["res_id"])
    (lead,) = odoo.search_read("crm.lead", [("id", "=", found["res_id"])], [name], context={"active_test": False})
    return lead[name]


def options(odoo: EmbeddedOdoo, ids: list[int]) -> set[tuple[str, str]]:
    return {(o["x_field"], o["x_name"]) for o in odoo.search_read("x_leadforce_option", [("id", "in", ids)], ["x_field", "x_name"])}


def test_every_value_arrives_and_is_compared(outcome: RunOutcome) -> None:
    assert outcome.ok, [c for c in outcome.result["checks"] if not c["passed"] and c["severity"] == "ERROR"]
    assert outcome.result["verification"]["differences"] == 0
    assert outcome.result["objects"]["custom_fields"]["loaded"] == 8
    assert outcome.result["objects"]["custom_fields"]["reasons"] == {"unknown_type": 1}


def test_values_have_the_type_of_their_field(odoo: EmbeddedOdoo) -> None:
    assert value(odoo, "deals_D2", "x_leadforce_lead_since") == "2024-12-31"
    assert value(odoo, "deals_D2", "x_leadforce_lead_is_vip") is True
    assert value(odoo, "deals_D1", "x_leadforce_deal_margin") == 12.5
    assert value(odoo, "deals_D1", "x_leadforce_deal_region") == "Asia"


def test_a_choice_is_matched_without_case_and_an_illegal_one_left_blank(root: Path, odoo: EmbeddedOdoo) -> None:
    assert value(odoo, "leads_L2", "x_leadforce_lead_region") == "South, East"
    assert odoo.fields_get("crm.lead")["x_leadforce_lead_region"].selection == ("North", "South, East")
    with Migration(Settings.load(root, {}), "leadforce") as migration:
        issues = migration.store.rows("SELECT key, value FROM ops.issue WHERE reason = 'unknown_value' AND \"column\" = 'cf_region'")
    assert issues == [("L4", "West")]


def test_several_choices_stay_with_their_own_field(odoo: EmbeddedOdoo) -> None:
    assert options(odoo, value(odoo, "leads_L2", "x_leadforce_lead_interests")) == {("x_leadforce_lead_interests", "Solar")}
    merged = value(odoo, "deals_D1", "x_leadforce_lead_interests"), value(odoo, "deals_D1", "x_leadforce_lead_channels")
    assert options(odoo, merged[0]) == {("x_leadforce_lead_interests", "Hydro")}
    assert options(odoo, merged[1]) == {("x_leadforce_lead_channels", "Mail")}
    tables = odoo.search_read("ir.model.fields", [("ttype", "=", "many2many"), ("name", "like", "x_leadforce")], ["relation_table"])
    assert len({table["relation_table"] for table in tables}) == 2, "in one table Odoo would mix the two fields' values"


def test_a_merged_lead_s_values_are_on_its_opportunity(odoo: EmbeddedOdoo) -> None:
    assert value(odoo, "deals_D2", "x_leadforce_lead_region") == "North"
    assert options(odoo, value(odoo, "deals_D2", "x_leadforce_lead_channels")) == {
        ("x_leadforce_lead_channels", "Mail"), ("x_leadforce_lead_channels", "Phone"),
    }  # fmt: skip
    assert options(odoo, value(odoo, "deals_D2", "x_leadforce_lead_interests")) == {("x_leadforce_lead_interests", "Wind, offshore")}


def test_a_column_that_the_inventory_lacks_is_loaded_as_text(odoo: EmbeddedOdoo) -> None:
    assert value(odoo, "leads_L2", "x_leadforce_lead_undeclared") == "seen"


def test_running_again_changes_nothing(root: Path, outcome: RunOutcome) -> None:
    again = migrate(root)
    assert again.ok
    assert sum(t["created"] + t["updated"] for t in again.result["targets"].values()) == 0


def test_a_new_option_of_the_crm_is_added_to_the_migration_s_own_field(root: Path, outcome: RunOutcome, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "data")
    export = custom_export()
    export.custom_fields[0]["Options"] = "North|South, East|West"
    export.write(tmp_path / "data", drop="2026-11-01-full")
    later = migrate(tmp_path / "data")
    assert later.ok, [c for c in later.result["checks"] if not c["passed"] and c["severity"] == "ERROR"]
    assert later.result["targets"]["ir.model.fields.selection"]["created"] == 1
    opened = EmbeddedOdoo(tmp_path / "data" / "staging" / "leadforce.sandbox.odoo-18.0.sqlite", "18.0", now=lambda: datetime.now(UTC))
    assert opened.fields_get("crm.lead")["x_leadforce_lead_region"].selection == ("North", "South, East", "West")
    assert value(opened, "deals_D1", "x_leadforce_lead_region") == "West"


def test_values_that_are_no_option_can_be_added(tmp_path: Path) -> None:
    custom_export().write(tmp_path)
    with Migration(Settings.load(tmp_path, {}), "leadforce") as migration:
        custom = migration.confirmed.source.custom_fields
        assert custom is not None
        adding = migration.confirmed.source.model_copy(update={"custom_fields": custom.model_copy(update={"on_illegal": "add"})})
        migration.confirmed = type(migration.confirmed)(adding, migration.confirmed.targets)
        migration.read(migration.newest_drop())
        found = dict(migration.store.rows("SELECT name, options FROM derived.custom_field_definitions WHERE len(options) > 0"))
        assert found["x_leadforce_lead_region"] == ["North", "South, East", "West"]
        assert found["x_leadforce_lead_interests"] == ["Solar", "Wind, offshore", "Hydro", "Coal"]
        assert migration.store.value("SELECT count(*) FROM ops.issue WHERE reason = 'unknown_value' AND object = 'leads'") == 1, "L6's status"


def test_the_addon_has_every_model_field_option_and_right(root: Path, outcome: RunOutcome, tmp_path: Path) -> None:
    with Migration(Settings.load(root, {}), "leadforce") as migration:
        path = write_addon(migration.store, migration.mapping, tmp_path)
        names = {row[0] for row in migration.store.rows("SELECT name FROM staged.ir_model_fields")}
    for file in path.rglob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"))
    code = "".join(file.read_text(encoding="utf-8") for file in path.rglob("models/*.py"))
    assert all(f"{name} = fields." in code for name in names)
    assert "('South, East', 'South, East')" in code
    manifest = ast.literal_eval((path / "__manifest__.py").read_text(encoding="utf-8"))
    assert {"crm", "account"} <= set(manifest["depends"])
    with (path / "security" / "ir.model.access.csv").open(encoding="utf-8", newline="") as opened:
        (right,) = csv.DictReader(opened)
    assert right["model_id:id"] == "model_x_leadforce_option"
    with Migration(Settings.load(root, {}), "leadforce") as migration, pytest.raises(FileExistsError, match="is there already"):
        write_addon(migration.store, migration.mapping, tmp_path)
