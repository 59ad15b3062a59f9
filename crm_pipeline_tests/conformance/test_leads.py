"""crm.lead: partner, probability, won and lost, dates (ODOO_FACTS 4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import Records

OLD = "2020-01-02 03:04:05"
WON = 4


def is_now(value: Any) -> bool:
    return isinstance(value, str) and value[:10] >= datetime.now(UTC).strftime("%Y-%m-%d")


@pytest.fixture
def partner(odoo: Records, unique: str) -> int:
    company = odoo.new(
        "res.partner", name=f"{unique} Co", is_company=True, phone="+1 415 555 0100", website="co.example",
        street="1 Main", city="Lyon",
    )  # fmt: skip
    return odoo.new(
        "res.partner", name="Joe", parent_id=company, email=f"joe@{unique}.org", phone="+1 415 555 0199", function="CEO"
    )


def test_defaults_of_a_lead_with_nothing_but_a_name(odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique)
    record = odoo.read(
        "crm.lead", key, "type", "user_id", "team_id", "stage_id", "company_id", "priority", "active",
        "date_closed", "date_open", "date_last_stage_update", "date_conversion", "campaign_id", "partner_id",
    )  # fmt: skip
    assert is_now(record.pop("date_open"))
    assert is_now(record.pop("date_last_stage_update"))
    assert record == {
        "id": key, "type": "opportunity", "user_id": 2, "team_id": 1, "stage_id": 1, "company_id": 1,
        "priority": "0", "active": True, "date_closed": False, "date_conversion": False,
        "campaign_id": False, "partner_id": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("vals", "expected"),
    [
        ({"user_id": False}, {"user_id": False, "team_id": False, "date_open": False, "company_id": False}),
        ({"user_id": False, "team_id": 1}, {"user_id": False, "team_id": 1, "stage_id": 1}),
        ({"user_id": 2, "team_id": False}, {"user_id": 2, "team_id": False}),
        ({"user_id": 2, "team_id": 2}, {"user_id": 2, "team_id": 2}),
        ({"stage_id": False}, {"stage_id": False}),
        ({"stage_id": 3}, {"stage_id": 3}),
        ({"company_id": False}, {"company_id": False}),
        ({"company_id": 1, "user_id": False, "team_id": False}, {"company_id": 1}),
    ],
)
def test_owner_team_and_stage(odoo: Records, unique: str, vals: dict[str, Any], expected: dict[str, Any]) -> None:
    key = odoo.new("crm.lead", name=unique, **vals)
    record = odoo.read("crm.lead", key, *expected)
    assert record == {"id": key, **expected}


def test_the_contexts_default_stage_is_taken(destination: Destination, odoo: Records, unique: str) -> None:
    (key,) = destination.create("crm.lead", [{"name": unique}], context={**QUIET, "default_stage_id": 2})
    assert odoo.value("crm.lead", key, "stage_id") == 2


def test_missing_values_come_from_the_partner(odoo: Records, partner: int, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, partner_id=partner)
    assert odoo.read(
        "crm.lead", key, "contact_name", "partner_name", "email_from", "phone", "function", "street", "city", "website"
    ) == {
        "id": key, "contact_name": "Joe", "partner_name": f"{unique} Co", "email_from": f"joe@{unique}.org",
        "phone": "+1 415 555 0199", "function": "CEO", "street": "1 Main", "city": "Lyon", "website": False,
    }  # fmt: skip


def test_a_company_as_partner_gives_the_company_name(odoo: Records, partner: int, unique: str) -> None:
    company = odoo.value("res.partner", partner, "parent_id")
    key = odoo.new("crm.lead", name=unique, partner_id=company)
    assert odoo.read("crm.lead", key, "contact_name", "partner_name", "phone", "website") == {
        "id": key, "contact_name": False, "partner_name": f"{unique} Co", "phone": "+1 415 555 0100",
        "website": "http://co.example",
    }  # fmt: skip


def test_given_values_win_over_the_partners(odoo: Records, partner: int, unique: str) -> None:
    given = {"contact_name": "Jane", "partner_name": "Own", "function": "CTO", "street": "9 Side"}
    key = odoo.new("crm.lead", name=unique, partner_id=partner, **given)
    assert odoo.read("crm.lead", key, *given) == {"id": key, **given}


@pytest.mark.parametrize("name", ["contact_name", "partner_name", "function", "street", "city"])
def test_values_given_empty_stay_empty_in_spite_of_the_partner(
    odoo: Records, partner: int, unique: str, name: str
) -> None:
    key = odoo.new("crm.lead", name=unique, partner_id=partner, **{name: False})
    assert odoo.value("crm.lead", key, name) is False


def test_a_given_email_and_phone_are_written_back_to_the_partner(odoo: Records, partner: int, unique: str) -> None:
    odoo.new("crm.lead", name=unique, partner_id=partner, email_from=f"new@{unique}.org", phone="+1 415 555 0111")
    assert odoo.read("res.partner", partner, "email", "phone") == {
        "id": partner, "email": f"new@{unique}.org", "phone": "+1 415 555 0111",
    }  # fmt: skip


def test_loading_a_given_email_writes_it_back_too(
    destination: Destination, odoo: Records, partner: int, unique: str
) -> None:
    fields = ["id", "name", "partner_id/.id", "email_from"]
    rows = [[f"{unique}.l", unique, str(partner), f"new@{unique}.org"]]
    assert destination.load("crm.lead", fields, rows, context=QUIET).ids
    assert odoo.value("res.partner", partner, "email") == f"new@{unique}.org"


def test_writing_an_email_writes_it_back_too(odoo: Records, partner: int, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, partner_id=partner)
    odoo.write("crm.lead", key, email_from=f"new@{unique}.org")
    assert odoo.value("res.partner", partner, "email") == f"new@{unique}.org"


def test_an_empty_email_and_phone_erase_the_partners_only_in_17(
    destination: Destination, odoo: Records, partner: int, unique: str
) -> None:
    odoo.new("crm.lead", name=unique, partner_id=partner, email_from=False, phone=False)
    record = odoo.read("res.partner", partner, "email", "phone")
    if destination.version == "17.0":
        assert record == {"id": partner, "email": False, "phone": False}
    else:
        assert record == {"id": partner, "email": f"joe@{unique}.org", "phone": "+1 415 555 0199"}


def test_the_same_email_leaves_the_partner_untouched(odoo: Records, partner: int, unique: str) -> None:
    before = odoo.read("res.partner", partner, "write_date", "email", "phone")
    odoo.new("crm.lead", name=unique, partner_id=partner, email_from=before["email"], phone=before["phone"])
    assert odoo.read("res.partner", partner, "write_date", "email", "phone") == before


def test_setting_the_partner_later_overwrites_the_contact_data(odoo: Records, partner: int, unique: str) -> None:
    key = odoo.new(
        "crm.lead", name=unique, contact_name="Jane", partner_name="Own", email_from="own@x.org", city="Nice"
    )
    odoo.write("crm.lead", key, partner_id=partner)
    assert odoo.read("crm.lead", key, "contact_name", "partner_name", "email_from", "city") == {
        "id": key, "contact_name": "Joe", "partner_name": f"{unique} Co", "email_from": f"joe@{unique}.org",
        "city": "Lyon",
    }  # fmt: skip
    assert odoo.value("res.partner", partner, "email") == f"joe@{unique}.org"


@pytest.mark.parametrize("probability", [0, 0.01, 33.3, 50, 99.99, 100])
def test_a_given_probability_is_kept(odoo: Records, unique: str, probability: float) -> None:
    key = odoo.new("crm.lead", name=unique, probability=probability, stage_id=2)
    assert odoo.value("crm.lead", key, "probability") == probability
    odoo.write("crm.lead", key, city="Lyon")
    assert odoo.value("crm.lead", key, "probability") == probability


def test_created_in_a_won_stage(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, stage_id=WON)
    record = odoo.read("crm.lead", key, "probability", "date_closed")
    assert record["probability"] == 100
    assert is_now(record["date_closed"]) if destination.version == "19.0" else record["date_closed"] is False
    if destination.version == "19.0":
        assert odoo.value("crm.lead", key, "won_status") == "won"


@pytest.mark.parametrize("vals", [{"probability": 50}, {"active": False, "probability": 0}])
def test_lost_in_a_won_stage_is_refused_by_19(
    destination: Destination, odoo: Records, unique: str, vals: dict[str, Any]
) -> None:
    if destination.version == "19.0":
        with pytest.raises(DataError, match="Won stage"):
            odoo.new("crm.lead", name=unique, stage_id=WON, **vals)
    else:
        key = odoo.new("crm.lead", name=unique, stage_id=WON, **vals)
        assert odoo.value("crm.lead", key, "probability") == vals["probability"]


def test_created_lost(destination: Destination, odoo: Records, unique: str) -> None:
    given = {"active": False, "probability": 0.0, "lost_reason_id": 1, "date_closed": OLD, "date_open": OLD}
    key = odoo.new("crm.lead", name=unique, stage_id=2, **given)
    assert odoo.read("crm.lead", key, *given) == {"id": key, **given}
    if destination.version == "19.0":
        assert odoo.value("crm.lead", key, "won_status") == "lost"


@pytest.mark.parametrize("how", ["create", "load"])
def test_dates_given_at_creation_are_kept(destination: Destination, odoo: Records, unique: str, how: str) -> None:
    dates = dict.fromkeys(("date_closed", "date_open", "date_last_stage_update", "date_conversion"), OLD)
    if how == "create":
        key = odoo.new("crm.lead", name=unique, stage_id=WON, probability=100, user_id=2, **dates)
    else:
        fields = ["id", "name", "stage_id/.id", "probability", "user_id/.id", *dates]
        rows = [[f"{unique}.l", unique, str(WON), "100", "2", *dates.values()]]
        result = destination.load("crm.lead", fields, rows, context=QUIET)
        assert result.ids is not None, result.messages
        (key,) = result.ids
    assert odoo.read("crm.lead", key, *dates) == {"id": key, **dates}


@pytest.mark.parametrize("vals", [{"active": False}, {"probability": 100}, {"active": False, "date_closed": OLD}])
def test_closing_values_written_set_date_closed_to_now(odoo: Records, unique: str, vals: dict[str, Any]) -> None:
    key = odoo.new("crm.lead", name=unique, stage_id=2, probability=100, date_closed=OLD)
    odoo.write("crm.lead", key, **vals)
    assert is_now(odoo.value("crm.lead", key, "date_closed"))


def test_loading_a_closed_lead_again_loses_its_closing_date(
    destination: Destination, odoo: Records, unique: str
) -> None:
    fields = ["id", "name", "stage_id/.id", "probability", "date_closed"]
    rows = [[f"{unique}.l", unique, str(WON), "100", OLD]]
    for _ in range(2):
        result = destination.load("crm.lead", fields, rows, context=QUIET)
        assert result.ids is not None, result.messages
    assert is_now(odoo.value("crm.lead", result.ids[0], "date_closed"))  # type: ignore[index]
    odoo.write("crm.lead", result.ids[0], date_closed=OLD)  # type: ignore[index]
    assert odoo.value("crm.lead", result.ids[0], "date_closed") == OLD  # type: ignore[index]


@pytest.mark.parametrize("name", ["date_closed", "date_last_stage_update", "date_open", "date_conversion"])
def test_a_date_written_alone_is_kept(odoo: Records, unique: str, name: str) -> None:
    key = odoo.new("crm.lead", name=unique, stage_id=WON, probability=100)
    odoo.write("crm.lead", key, **{name: OLD})
    assert odoo.value("crm.lead", key, name) == OLD


def test_writing_the_same_stage_and_owner_keeps_their_dates(odoo: Records, unique: str) -> None:
    dates = {"date_open": OLD, "date_last_stage_update": OLD}
    key = odoo.new("crm.lead", name=unique, stage_id=2, user_id=2, **dates)
    odoo.write("crm.lead", key, stage_id=2, user_id=2)
    assert odoo.read("crm.lead", key, *dates) == {"id": key, **dates}
    odoo.write("crm.lead", key, stage_id=3)
    assert is_now(odoo.value("crm.lead", key, "date_last_stage_update"))


def test_moving_into_a_won_stage(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, stage_id=2, probability=20, active=False)
    odoo.write("crm.lead", key, stage_id=WON)
    record = odoo.read("crm.lead", key, "probability", "date_closed", "active")
    assert record["probability"] == 100
    assert is_now(record["date_closed"])
    assert record["active"] is (destination.version == "19.0")


def test_an_open_probability_written_reopens(odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, stage_id=2, probability=100, date_closed=OLD)
    odoo.write("crm.lead", key, probability=40)
    assert odoo.value("crm.lead", key, "date_closed") is False


def test_moving_to_an_open_stage_reopens(odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, stage_id=2, date_closed=OLD)
    odoo.write("crm.lead", key, stage_id=3)
    assert odoo.value("crm.lead", key, "date_closed") is False


def test_removing_the_owner_removes_the_assignment_date(odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, user_id=2, date_open=OLD)
    odoo.write("crm.lead", key, user_id=False)
    assert odoo.read("crm.lead", key, "user_id", "date_open") == {"id": key, "user_id": False, "date_open": False}


def test_prorated_revenue_follows(odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique, expected_revenue=200.0, probability=25)
    assert odoo.value("crm.lead", key, "prorated_revenue") == 50.0
    odoo.write("crm.lead", key, probability=50)
    assert odoo.value("crm.lead", key, "prorated_revenue") == 100.0


def test_deleting_a_lead_takes_its_messages_files_and_open_activities(
    destination: Destination, odoo: Records, unique: str
) -> None:
    key = odoo.new("crm.lead", name=unique)
    odoo.new("mail.message", model="crm.lead", res_id=key, body="<p>x</p>")
    odoo.new("ir.attachment", name="x.txt", datas="eA==", res_model="crm.lead", res_id=key)
    odoo.new("mail.activity", res_model_id=odoo.model_id("crm.lead"), res_id=key, user_id=2, date_deadline="2030-01-01")
    destination.unlink("crm.lead", [key])
    assert destination.search_count("mail.message", [["model", "=", "crm.lead"], ["res_id", "=", key]]) == 0
    assert destination.search_count("ir.attachment", [["res_model", "=", "crm.lead"], ["res_id", "=", key]]) == 0
    assert destination.search_count("mail.activity", [["res_model", "=", "crm.lead"], ["res_id", "=", key]]) == 0


def test_stages_belong_to_teams_by_a_field_of_the_version(destination: Destination, odoo: Records, unique: str) -> None:
    vals: dict[str, Any] = {"team_ids": [[6, 0, [1]]]} if destination.version == "19.0" else {"team_id": 1}
    key = odoo.new("crm.stage", name=unique, sequence=50, is_won=False, fold=True, **vals)
    (name,) = vals
    assert odoo.value("crm.stage", key, name) == ([1] if destination.version == "19.0" else 1)
    destination.unlink("crm.stage", [key])


def test_a_stage_with_leads_cannot_be_deleted(destination: Destination, odoo: Records, unique: str) -> None:
    stage = odoo.new("crm.stage", name=unique, sequence=60, fold=True)
    lead = odoo.new("crm.lead", name=unique, stage_id=stage, active=False)
    with pytest.raises(DataError):
        destination.unlink("crm.stage", [stage])
    destination.unlink("crm.lead", [lead])
    destination.unlink("crm.stage", [stage])


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("stage", [3, False])
@pytest.mark.parametrize("probability", [0, 25.5])
def test_stage_and_active_as_defaults_of_a_call_are_as_given_ones(
    odoo: Records, destination: Destination, unique: str, *, stage: int | bool, active: bool, probability: float
) -> None:
    """What ``by_default`` relies on."""
    vals: dict[str, Any] = {
        "name": unique, "type": "opportunity", "team_id": 1, "user_id": False, "probability": probability, "date_closed": OLD if not active else False,
    }  # fmt: skip
    as_default = {"default_stage_id": stage, "default_active": active}
    keys = [
        *destination.create("crm.lead", [vals | {"stage_id": stage, "active": active}], context=QUIET),
        *destination.create("crm.lead", [vals], context={**QUIET, **as_default}),
    ]
    fields = ("stage_id", "active", "probability", "automated_probability", "date_closed", "team_id", "type")
    given, default = (odoo.read("crm.lead", key, *fields) for key in keys)
    assert given | {"id": 0} == default | {"id": 0}
    assert (default["stage_id"], default["active"]) == (stage, active)
