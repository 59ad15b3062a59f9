"""res.users (ODOO_FACTS 12)."""

from __future__ import annotations

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records


def groups_field(destination: Destination) -> str:
    return "group_ids" if destination.version == "19.0" else "groups_id"


def test_an_archived_user_with_its_groups(destination: Destination, odoo: Records, unique: str) -> None:
    field, internal = groups_field(destination), odoo.ref("base.group_user")
    login = f"Joe.{unique}@X.org"
    key = odoo.new("res.users", name="Joe X", login=login, email=login, active=False, **{field: [[6, 0, [internal]]]})
    record = odoo.read("res.users", key, "name", "login", "email", "email_normalized", "active", "partner_id", field)
    partner = record.pop("partner_id")
    assert internal in record.pop(field)
    assert record == {
        "id": key, "name": "Joe X", "login": login, "email": login, "email_normalized": login.lower(), "active": False,
    }  # fmt: skip
    assert odoo.read("res.partner", partner, "name", "active", "email") == {
        "id": partner, "name": "Joe X", "active": False, "email": login,
    }  # fmt: skip


def test_users_are_found_by_normalized_email_also_archived(
    destination: Destination, odoo: Records, unique: str
) -> None:
    key = odoo.new("res.users", name=unique, login=unique, email=f"{unique.upper()}@X.org", active=False)
    domain = [["email_normalized", "=", f"{unique}@x.org"]]
    assert destination.search_read("res.users", domain, ["login"]) == []
    assert destination.search_read("res.users", domain, ["login"], context=EVERY) == [{"id": key, "login": unique}]


def test_logins_are_unique(destination: Destination, odoo: Records, unique: str) -> None:
    odoo.new("res.users", name=unique, login=unique, active=False)
    with pytest.raises(DataError, match="same login"):
        destination.create("res.users", [{"name": "x", "login": unique}], context=QUIET)


def test_an_archived_user_may_own_leads(destination: Destination, odoo: Records, unique: str) -> None:
    user = odoo.new("res.users", name=unique, login=unique, active=False)
    rows = [[f"{unique}.l", unique, str(user)]]
    result = destination.load("crm.lead", ["id", "name", "user_id/.id"], rows, context=QUIET)
    assert result.ids is not None, result.messages
    assert odoo.value("crm.lead", result.ids[0], "user_id") == user


def test_deleting_a_user_empties_what_it_owned(destination: Destination, odoo: Records, unique: str) -> None:
    user = odoo.new("res.users", name=unique, login=unique, active=False)
    lead = odoo.new("crm.lead", name=unique, user_id=user)
    partner = odoo.value("res.users", user, "partner_id")
    destination.unlink("res.users", [user])
    assert odoo.value("crm.lead", lead, "user_id") is False
    assert odoo.value("res.partner", partner, "name") == unique


def test_the_administrator_cannot_be_deleted(destination: Destination) -> None:
    with pytest.raises(DataError):
        destination.unlink("res.users", [2])


def test_writing_a_users_name_and_email_writes_its_partner(odoo: Records, unique: str) -> None:
    user = odoo.new("res.users", name=unique, login=unique, active=False)
    odoo.write("res.users", user, name="New", email=f"{unique}@new.org")
    partner = odoo.value("res.users", user, "partner_id")
    assert odoo.read("res.partner", partner, "name", "email") == {
        "id": partner,
        "name": "New",
        "email": f"{unique}@new.org",
    }


def test_a_wrong_groups_field_is_refused(destination: Destination) -> None:
    wrong = "groups_id" if destination.version == "19.0" else "group_ids"
    assert wrong not in destination.fields_get("res.users")
    assert groups_field(destination) in destination.fields_get("res.users")


def test_groups_can_be_asked_for(destination: Destination) -> None:
    (admin,) = destination.search_read("res.users", [["id", "=", 2]], ["login", groups_field(destination)])
    module = destination.search_read(
        "ir.model.data", [["module", "=", "base"], ["name", "=", "group_system"]], ["res_id", "model"]
    )
    assert module[0]["model"] == "res.groups"
    assert module[0]["res_id"] in admin[groups_field(destination)]
