"""mail.message (ODOO_FACTS 5)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import CallError, DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records

OLD = "2020-01-02 03:04:05"


@pytest.fixture
def lead(odoo: Records, unique: str) -> int:
    return odoo.new("crm.lead", name=unique)


def test_a_message_is_kept_as_given(destination: Destination, odoo: Records, lead: int, unique: str) -> None:
    given: dict[str, Any] = {
        "model": "crm.lead", "res_id": lead, "date": OLD, "message_type": "email",
        "subtype_id": odoo.ref("mail.mt_note"),
        "author_id": False, "email_from": '"Joe" <joe@x.org>', "subject": "Re: x", "body": "<p>é<br>b</p>",
        "message_id": f"<{unique}@migration>", "reply_to": "x@x.org", "is_internal": True,
    }  # fmt: skip
    before = odoo.value("crm.lead", lead, "write_date")
    key = odoo.new("mail.message", **given, record_name="Lead name")
    assert odoo.read("mail.message", key, *given) == {"id": key, **given}
    if destination.version != "19.0":
        assert odoo.value("mail.message", key, "record_name") == "Lead name"
    assert odoo.value("crm.lead", lead, "write_date") == before
    assert destination.search_count("mail.mail", [["mail_message_id", "=", key]], context=EVERY) == 0
    assert destination.search_count("mail.notification", [["mail_message_id", "=", key]]) == 0
    assert destination.search_count("mail.followers", [["res_model", "=", "crm.lead"], ["res_id", "=", lead]]) == 0


@pytest.mark.parametrize("date", ["1899-01-01 00:00:00", "2040-12-31 23:59:59"])
def test_any_date_is_kept(odoo: Records, lead: int, date: str) -> None:
    key = odoo.new("mail.message", model="crm.lead", res_id=lead, date=date)
    assert odoo.value("mail.message", key, "date") == date
    odoo.write("mail.message", key, date=OLD, body="<p>new</p>")
    assert odoo.read("mail.message", key, "date", "body") == {"id": key, "date": OLD, "body": "<p>new</p>"}


def test_the_author_is_the_user_unless_given_empty(odoo: Records, lead: int) -> None:
    given = odoo.new("mail.message", model="crm.lead", res_id=lead, email_from="joe@x.org")
    empty = odoo.new("mail.message", model="crm.lead", res_id=lead, email_from="joe@x.org", author_id=False)
    assert odoo.read("mail.message", given, "author_id", "email_from") == {
        "id": given, "author_id": 3, "email_from": "joe@x.org",
    }  # fmt: skip
    assert odoo.read("mail.message", empty, "author_id", "email_from") == {
        "id": empty, "author_id": False, "email_from": "joe@x.org",
    }  # fmt: skip


def test_without_subtype_there_is_none(odoo: Records, lead: int) -> None:
    key = odoo.new("mail.message", model="crm.lead", res_id=lead)
    assert odoo.read("mail.message", key, "subtype_id", "message_type") == {
        "id": key, "subtype_id": False, "message_type": "comment",
    }  # fmt: skip


def test_message_ids_may_repeat_and_are_found(destination: Destination, odoo: Records, lead: int, unique: str) -> None:
    keys = [odoo.new("mail.message", model="crm.lead", res_id=lead, message_id=f"<{unique}>") for _ in range(2)]
    found = destination.search_read("mail.message", [["message_id", "in", [f"<{unique}>"]]], ["message_id"])
    assert {row["id"] for row in found} == set(keys)


def test_messages_are_listed_latest_first(destination: Destination, odoo: Records, lead: int) -> None:
    keys = [odoo.new("mail.message", model="crm.lead", res_id=lead, date=OLD) for _ in range(3)]
    found = destination.search_read("mail.message", [["model", "=", "crm.lead"], ["res_id", "=", lead]], ["date"])
    assert [row["id"] for row in found] == keys[::-1]
    assert odoo.value("crm.lead", lead, "message_ids") == keys[::-1]


def test_a_message_of_a_missing_record_is_refused(destination: Destination) -> None:
    with pytest.raises(DataError):
        destination.create("mail.message", [{"model": "crm.lead", "res_id": 99_999_999, "body": "x"}], context=QUIET)


@pytest.mark.parametrize("vals", [{"model": "no.model", "res_id": 1}, {"model": "crm.lead"}])
def test_a_message_of_nothing_is_a_call_error(destination: Destination, vals: dict[str, Any]) -> None:
    with pytest.raises(CallError):
        destination.create("mail.message", [{"body": "x", **vals}], context=QUIET)


@pytest.mark.parametrize("kind", ["email", "comment", "notification", "email_outgoing", "auto_comment", "sms"])
def test_message_types(odoo: Records, lead: int, kind: str) -> None:
    key = odoo.new("mail.message", model="crm.lead", res_id=lead, message_type=kind)
    assert odoo.value("mail.message", key, "message_type") == kind


def test_an_unknown_message_type_is_refused(destination: Destination, lead: int) -> None:
    with pytest.raises(DataError):
        destination.create(
            "mail.message", [{"model": "crm.lead", "res_id": lead, "message_type": "note"}], context=QUIET
        )


def test_messages_load_and_load_again(destination: Destination, odoo: Records, lead: int, unique: str) -> None:
    fields = ["id", "model", "res_id", "date", "message_type", "subtype_id/id", "author_id/.id", "email_from", "body"]
    rows = [[f"{unique}.m", "crm.lead", str(lead), OLD, "comment", "mail.mt_note", "", "joe@x.org", "<p>x</p>"]]
    first = destination.load("mail.message", fields, rows, context=QUIET)
    again = destination.load("mail.message", fields, rows, context=QUIET)
    assert first.ids is not None, first.messages
    assert again.ids == first.ids
    assert odoo.read("mail.message", first.ids[0], "date", "author_id", "body") == {
        "id": first.ids[0], "date": OLD, "author_id": False, "body": "<p>x</p>",
    }  # fmt: skip


def test_messages_carry_attachments(odoo: Records, lead: int) -> None:
    file = odoo.new("ir.attachment", name="a.txt", datas="eA==", res_model="crm.lead", res_id=lead)
    key = odoo.new("mail.message", model="crm.lead", res_id=lead, attachment_ids=[[4, file]])
    assert odoo.value("mail.message", key, "attachment_ids") == [file]
    assert odoo.read("ir.attachment", file, "res_model", "res_id") == {
        "id": file,
        "res_model": "crm.lead",
        "res_id": lead,
    }
