"""mail.activity and calendar.event (ODOO_FACTS 10)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import Records


@pytest.fixture
def lead(odoo: Records, unique: str) -> int:
    return odoo.new("crm.lead", name=unique)


def test_an_open_activity(odoo: Records, lead: int) -> None:
    given: dict[str, Any] = {
        "res_model_id": odoo.model_id("crm.lead"), "res_id": lead, "user_id": 2, "summary": "Call back",
        "activity_type_id": odoo.ref("mail.mail_activity_data_call"), "note": "<p>x</p>", "date_deadline": "2040-01-02",
    }  # fmt: skip
    key = odoo.new("mail.activity", **given)
    assert odoo.read("mail.activity", key, *given, "res_model", "state", "active") == {
        "id": key, **given, "res_model": "crm.lead", "state": "planned", "active": True,
    }  # fmt: skip


def test_the_deadline_loses_its_time(odoo: Records, lead: int) -> None:
    key = odoo.new(
        "mail.activity",
        res_model_id=odoo.model_id("crm.lead"),
        res_id=lead,
        user_id=2,
        date_deadline="2020-01-02 10:00:00",
    )
    assert odoo.read("mail.activity", key, "date_deadline", "state") == {
        "id": key, "date_deadline": "2020-01-02", "state": "overdue",
    }  # fmt: skip


def test_the_type_of_an_activity_without_one(destination: Destination, odoo: Records, lead: int) -> None:
    key = odoo.new("mail.activity", res_model_id=odoo.model_id("crm.lead"), res_id=lead, user_id=2)
    todo = odoo.ref("mail.mail_activity_data_todo") if destination.version == "19.0" else False
    assert odoo.value("mail.activity", key, "activity_type_id") == todo


def test_an_activity_needs_its_document_before_19(destination: Destination, lead: int) -> None:
    vals = {"res_model": "crm.lead", "res_id": lead, "user_id": 2, "summary": "x"}
    with pytest.raises(DataError):
        destination.create("mail.activity", [vals], context=QUIET)
    free = {"user_id": 2, "summary": "free"}
    if destination.version == "19.0":
        assert destination.create("mail.activity", [free], context=QUIET)
    else:
        with pytest.raises(DataError):
            destination.create("mail.activity", [free], context=QUIET)


def test_an_activity_of_a_missing_record_is_refused(destination: Destination, odoo: Records) -> None:
    vals = {"res_model_id": odoo.model_id("crm.lead"), "res_id": 99_999_999, "user_id": 2}
    with pytest.raises(DataError):
        destination.create("mail.activity", [vals], context=QUIET)


def test_a_done_activity_is_archived_with_its_date(odoo: Records, lead: int) -> None:
    key = odoo.new(
        "mail.activity", res_model_id=odoo.model_id("crm.lead"), res_id=lead, user_id=2, active=False,
        date_done="2020-01-03", date_deadline="2020-01-02",
    )  # fmt: skip
    assert odoo.read("mail.activity", key, "state", "date_done", "active") == {
        "id": key, "state": "done", "date_done": "2020-01-03", "active": False,
    }  # fmt: skip


def test_only_the_activity_key_keeps_an_activity_silent(
    destination: Destination, odoo: Records, lead: int, unique: str
) -> None:
    user = odoo.new("res.users", name=unique, login=unique, email=f"{unique}@x.org", active=True)
    vals = {"res_model_id": odoo.model_id("crm.lead"), "res_id": lead, "user_id": user, "summary": unique}
    about = [["model", "=", "crm.lead"], ["res_id", "=", lead]]
    destination.create("mail.activity", [vals], context=QUIET)
    assert destination.search_count("mail.message", about) == 0
    assert destination.search_count("mail.mail", about) == 0


@pytest.mark.parametrize("active", [True, False])
def test_the_user_of_an_activity_follows_its_record_whatever_the_context(
    destination: Destination, odoo: Records, lead: int, unique: str, *, active: bool
) -> None:
    user = odoo.new("res.users", name=unique, login=unique, email=f"{unique}@x.org", active=True)
    model = odoo.model_id("crm.lead")
    for _ in range(2):
        odoo.new("mail.activity", res_model_id=model, res_id=lead, user_id=user, active=active)
    domain = [["res_model", "=", "crm.lead"], ["res_id", "=", lead]]
    found = destination.search_read("mail.followers", domain, ["partner_id"])
    assert [row["partner_id"] for row in found] == [odoo.value("res.users", user, "partner_id")]


def test_an_event_is_kept_as_given(odoo: Records, unique: str) -> None:
    person = odoo.new("res.partner", name=unique)
    given: dict[str, Any] = {
        "name": unique, "start": "2020-01-02 10:00:00", "stop": "2020-01-02 11:30:00", "location": "Paris",
        "user_id": 2, "partner_ids": [person], "allday": False, "show_as": "busy",
    }  # fmt: skip
    key = odoo.new("calendar.event", **{**given, "partner_ids": [[6, 0, [person]]]})
    assert odoo.read("calendar.event", key, *given, "duration") == {"id": key, **given, "duration": 1.5}


def test_an_all_day_event(odoo: Records, unique: str) -> None:
    key = odoo.new("calendar.event", name=unique, allday=True, start="2020-01-02 00:00:00", stop="2020-01-03 00:00:00")
    assert odoo.read("calendar.event", key, "start_date", "stop_date", "allday") == {
        "id": key, "start_date": "2020-01-02", "stop_date": "2020-01-03", "allday": True,
    }  # fmt: skip


def test_an_event_that_ends_before_it_starts_is_refused(destination: Destination, unique: str) -> None:
    vals = {"name": unique, "start": "2020-01-02 10:00:00", "stop": "2020-01-02 09:00:00"}
    with pytest.raises(DataError):
        destination.create("calendar.event", [vals], context=QUIET)


def test_an_event_without_people_has_its_organiser(odoo: Records, unique: str) -> None:
    key = odoo.new("calendar.event", name=unique, start="2020-01-02 10:00:00", stop="2020-01-02 11:00:00")
    assert odoo.read("calendar.event", key, "user_id", "partner_ids") == {"id": key, "user_id": 2, "partner_ids": [3]}


def test_linking_an_event_to_a_lead_later_leaves_no_note(
    destination: Destination, odoo: Records, lead: int, unique: str
) -> None:
    times = {"start": "2020-01-02 10:00:00", "stop": "2020-01-02 11:00:00"}
    about = [["model", "=", "crm.lead"], ["res_id", "=", lead]]
    key = odoo.new("calendar.event", name=unique, **times)
    odoo.write("calendar.event", key, opportunity_id=lead)
    assert odoo.value("calendar.event", key, "opportunity_id") == lead
    assert destination.search_count("mail.message", about) == 0
    odoo.new("calendar.event", name=unique, opportunity_id=lead, **times)
    assert destination.search_count("mail.message", about) == 1


def test_an_event_survives_its_lead(destination: Destination, odoo: Records, lead: int, unique: str) -> None:
    key = odoo.new("calendar.event", name=unique, start="2020-01-02 10:00:00", stop="2020-01-02 11:00:00")
    odoo.write("calendar.event", key, opportunity_id=lead)
    destination.unlink("crm.lead", [lead])
    assert odoo.value("calendar.event", key, "opportunity_id") is False
