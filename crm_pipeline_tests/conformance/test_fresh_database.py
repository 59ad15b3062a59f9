"""What a fresh database holds, names that are unique, settings, and the server's facts about itself."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError, TerminalError
from crm_pipeline.odoo.schemas import load_schema
from crm_pipeline_tests.conformance.conftest import EVERY, Records


def test_the_bundled_schema_is_the_databases(destination: Destination) -> None:
    schema = load_schema(destination.version)
    for model in ("res.partner", "crm.lead", "mail.message", "mail.activity", "ir.attachment", "res.users"):
        live = destination.fields_get(model)
        for name, field in schema[model].items():
            found = live[name]
            assert (found.type, found.required, found.relation, found.store) == (
                field.type, field.required, field.relation, field.store,
            ), f"{model}.{name}"  # fmt: skip
            assert found.string == field.string, f"{model}.{name}"


@pytest.mark.parametrize(
    ("xmlid", "model", "name"),
    [
        ("base.main_company", "res.company", "My Company"),
        ("base.us", "res.country", "United States"),
        ("base.uk", "res.country", "United Kingdom"),
        ("base.fr", "res.country", "France"),
        ("base.state_us_5", "res.country.state", "California"),
        ("base.USD", "res.currency", "USD"),
        ("mail.mt_comment", "mail.message.subtype", "Discussions"),
        ("mail.mt_note", "mail.message.subtype", "Note"),
        ("mail.mail_activity_data_call", "mail.activity.type", "Call"),
        ("mail.mail_activity_data_meeting", "mail.activity.type", "Meeting"),
        ("mail.mail_activity_data_email", "mail.activity.type", "Email"),
        ("mail.mail_activity_data_todo", "mail.activity.type", "To-Do"),
        ("sales_team.team_sales_department", "crm.team", "Sales"),
        ("crm.stage_lead1", "crm.stage", "New"),
        ("crm.stage_lead4", "crm.stage", "Won"),
        ("crm.lost_reason_1", "crm.lost.reason", "Too expensive"),
    ],
)
def test_what_a_migration_refers_to_exists(
    destination: Destination, odoo: Records, xmlid: str, model: str, name: str
) -> None:
    module, _, short = xmlid.partition(".")
    found = destination.call("ir.model.data", "check_object_reference", module=module, xml_id=short)
    assert found[0] == model
    field = "display_name" if model == "res.currency" else "name"
    assert odoo.value(model, found[1], field) == name


def test_an_archived_record_is_not_given_by_check_object_reference(destination: Destination) -> None:
    found = destination.call("ir.model.data", "check_object_reference", module="base", xml_id="EUR")
    assert found == ["res.currency", False]
    domain = [["module", "=", "base"], ["name", "=", "EUR"]]
    (row,) = destination.search_read("ir.model.data", domain, ["model", "res_id"])
    assert destination.search_count("res.currency", [["id", "=", row["res_id"]]], context=EVERY) == 1


@pytest.mark.parametrize("group", ["base.group_user", "base.group_system", "sales_team.group_sale_salesman"])
def test_groups_exist(odoo: Records, group: str) -> None:
    assert odoo.ref(group) > 0


def test_an_unknown_external_id_is_an_error(destination: Destination) -> None:
    with pytest.raises(TerminalError):
        destination.call("ir.model.data", "check_object_reference", module="no", xml_id="such")


def test_the_won_stage(destination: Destination) -> None:
    found = destination.search_read("crm.stage", [["is_won", "=", True]], ["name"], order="id", limit=1)
    assert found == [{"id": 4, "name": "Won"}]


def test_countries_by_code(destination: Destination) -> None:
    found = destination.search_read(
        "res.country", [["code", "in", ["US", "GB", "FR", "us", "UK"]]], ["code"], order="code"
    )
    assert [row["code"] for row in found] == ["FR", "GB", "US"]


def test_states_by_code_and_country(destination: Destination) -> None:
    domain = [["code", "=", "CA"], ["country_id.code", "=", "US"]]
    assert [row["name"] for row in destination.search_read("res.country.state", domain, ["name"])] == ["California"]


def test_installed_modules_and_the_databases_identity(destination: Destination) -> None:
    domain = [["name", "in", ["crm", "mail", "base"]], ["state", "=", "installed"]]
    assert destination.search_count("ir.module.module", domain) == 3
    (found,) = destination.search_read("ir.config_parameter", [["key", "=", "database.uuid"]], ["value"])
    assert len(found["value"]) == 36


def test_models_that_are_installed_are_listed(destination: Destination) -> None:
    found = destination.search_read("ir.model", [["model", "in", ["crm.lead", "helpdesk.ticket"]]], ["model", "name"])
    assert [row["model"] for row in found] == ["crm.lead"]


def test_only_us_dollars_and_english_are_active(destination: Destination) -> None:
    assert "USD" in [row["name"] for row in destination.search_read("res.currency", [], ["name"])]
    assert destination.search_count("res.currency", [], context=EVERY) > 100
    assert [row["code"] for row in destination.search_read("res.lang", [], ["code"])] == ["en_US"]


@pytest.mark.parametrize("model", ["crm.tag", "utm.tag"])
def test_tag_names_are_unique(destination: Destination, odoo: Records, unique: str, model: str) -> None:
    odoo.new(model, name=unique)
    with pytest.raises(DataError):
        destination.create(model, [{"name": unique}], context=QUIET)


@pytest.mark.parametrize("model", ["utm.source", "utm.medium"])
def test_utm_names_that_exist_are_numbered(odoo: Records, unique: str, model: str) -> None:
    names = [odoo.value(model, odoo.new(model, name=unique), "name") for _ in range(3)]
    assert names == [unique, f"{unique} [2]", f"{unique} [3]"]


def test_campaigns_are_titled(odoo: Records, unique: str) -> None:
    first, second = odoo.new("utm.campaign", title=unique), odoo.new("utm.campaign", title=unique)
    assert odoo.read("utm.campaign", first, "title", "name", "user_id", "stage_id") == {
        "id": first, "title": unique, "name": unique, "user_id": 2, "stage_id": 1,
    }  # fmt: skip
    assert odoo.read("utm.campaign", second, "title", "name") == {
        "id": second,
        "title": unique,
        "name": f"{unique} [2]",
    }


@pytest.mark.parametrize("model", ["res.partner.category", "crm.stage", "crm.lost.reason", "res.partner"])
def test_other_names_may_repeat(odoo: Records, unique: str, model: str) -> None:
    vals: dict[str, Any] = {"fold": True, "sequence": 90} if model == "crm.stage" else {}
    assert odoo.new(model, name=unique, **vals) != odoo.new(model, name=unique, **vals)


def test_serial_numbers_are_unique(destination: Destination, odoo: Records, unique: str) -> None:
    odoo.new("maintenance.equipment", name="a", serial_no=unique)
    with pytest.raises(DataError):
        destination.create("maintenance.equipment", [{"name": "b", "serial_no": unique}], context=QUIET)


def test_teams_and_their_leads(odoo: Records, unique: str) -> None:
    key = odoo.new("crm.team", name=unique, use_leads=True, use_opportunities=True)
    assert odoo.read("crm.team", key, "name", "use_leads", "use_opportunities", "active") == {
        "id": key, "name": unique, "use_leads": True, "use_opportunities": True, "active": True,
    }  # fmt: skip


def test_names_are_searched_exactly_and_loosely(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("res.partner.category", name=unique)
    exact = destination.call("res.partner.category", "name_search", name=unique, operator="=")
    loose = destination.call("res.partner.category", "name_search", name=unique[:8].upper(), operator="ilike")
    assert [row[0] for row in exact] == [key]
    assert key in [row[0] for row in loose]


def test_records_are_archived_and_brought_back(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("res.partner", name=unique)
    destination.call("res.partner", "action_archive", ids=[key])
    assert odoo.value("res.partner", key, "active") is False
    destination.call("res.partner", "action_unarchive", ids=[key])
    assert odoo.value("res.partner", key, "active") is True


def test_the_lead_setting_changes_the_default_type(destination: Destination, odoo: Records, unique: str) -> None:
    # last in the file: from here on leads are enabled in this database
    before = odoo.value("crm.lead", odoo.new("crm.lead", name=unique), "type")
    (settings,) = destination.create("res.config.settings", [{"group_use_lead": True}])
    destination.call("res.config.settings", "execute", ids=[settings])
    after = odoo.value("crm.lead", odoo.new("crm.lead", name=unique), "type")
    assert (before, after) == ("opportunity", "lead")
    assert odoo.value("crm.team", 1, "use_leads") is True
    (settings,) = destination.create("res.config.settings", [{"group_use_lead": False}])
    destination.call("res.config.settings", "execute", ids=[settings])
    assert odoo.value("crm.lead", odoo.new("crm.lead", name=unique), "type") == "opportunity"
