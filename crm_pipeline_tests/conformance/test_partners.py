"""res.partner: names, websites, and the traffic between company and contacts (ODOO_FACTS 2)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records

ADDRESS: dict[str, Any] = {"street": "1 Main", "city": "Lyon", "zip": "69001", "country_id": 75}
OTHER: dict[str, Any] = {"street": "9 Side", "city": "Nice", "zip": "06000", "country_id": 75}
NOWHERE: dict[str, Any] = {"street": False, "city": False, "zip": False, "country_id": False}
SKIP = {**QUIET, "_partners_skip_fields_sync": True}


def address(odoo: Records, key: int) -> dict[str, Any]:
    record = odoo.read("res.partner", key, *ADDRESS)
    del record["id"]
    return record


def test_a_contact_needs_a_name(destination: Destination, odoo: Records) -> None:
    with pytest.raises(DataError, match="Contacts require a name"):
        destination.create("res.partner", [{"is_company": True}], context=QUIET)
    assert odoo.new("res.partner", type="invoice") > 0


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("acme.com", "http://acme.com"),
        ("www.acme.com/x?y=1", "http://www.acme.com/x?y=1"),
        ("https://acme.com", "https://acme.com"),
        ("http://acme.com", "http://acme.com"),
        ("not a site", "http://not a site"),
        (False, False),
    ],
)
def test_a_website_without_scheme_gets_http(odoo: Records, unique: str, given: Any, stored: Any) -> None:
    partner = odoo.new("res.partner", name=unique, website=given)
    assert odoo.value("res.partner", partner, "website") == stored
    lead = odoo.new("crm.lead", name=unique, website=given)
    assert odoo.value("crm.lead", lead, "website") == stored


def test_phones_emails_and_references_are_kept_as_given(odoo: Records, unique: str) -> None:
    given = {"phone": "(415) 555-01 x9", "email": " Joe <Joe.X@Example.org> ", "ref": " R 1 ", "vat": "not a vat"}
    key = odoo.new("res.partner", name=f" {unique} ", is_company=True, **given)
    assert odoo.read("res.partner", key, "name", *given) == {"id": key, "name": f" {unique} ", **given}


@pytest.mark.parametrize(
    ("email", "normalized"),
    [
        ("Joe.X@Example.org", "joe.x@example.org"),
        ('"Joe X" <Joe@x.org>', "joe@x.org"),
        ("a@x.org, b@x.org", "a@x.org"),
        ("nonsense", False),
        ("", False),
    ],
)
def test_the_normalized_email_finds_people(odoo: Records, unique: str, email: str, normalized: Any) -> None:
    key = odoo.new("res.partner", name=unique, email=email)
    assert odoo.value("res.partner", key, "email_normalized") == normalized


def test_a_semicolon_separates_addresses_from_18_on(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("res.partner", name=unique, email="a@x.org;b@x.org")
    expected = False if destination.version == "17.0" else "a@x.org"
    assert odoo.value("res.partner", key, "email_normalized") == expected


def test_company_type_says_whether_it_is_a_company(odoo: Records, unique: str) -> None:
    key = odoo.new("res.partner", name=unique, company_type="company")
    assert odoo.read("res.partner", key, "is_company", "company_type") == {
        "id": key, "is_company": True, "company_type": "company",
    }  # fmt: skip


def test_a_contact_takes_its_companys_address(odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True, **ADDRESS)
    contact = odoo.new("res.partner", name="Joe", parent_id=company, **OTHER)
    bare = odoo.new("res.partner", name="Ann", parent_id=company)
    assert address(odoo, contact) == ADDRESS
    assert address(odoo, bare) == ADDRESS
    assert address(odoo, company) == ADDRESS


def test_a_contact_of_another_type_keeps_its_own_address(odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True, **ADDRESS)
    for kind in ("other", "invoice", "delivery"):
        contact = odoo.new("res.partner", name="Joe", parent_id=company, type=kind, **OTHER)
        assert address(odoo, contact) == OTHER
    odoo.write("res.partner", company, city="Brest")
    assert odoo.value("res.partner", contact, "city") == "Nice"
    assert address(odoo, company) == {**ADDRESS, "city": "Brest"}


def test_the_first_contact_gives_its_address_to_a_company_without_one(odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True)
    odoo.new("res.partner", name="Joe", parent_id=company, **OTHER)
    assert address(odoo, company) == OTHER


def test_the_second_contact_gives_its_address_up_only_in_19(
    destination: Destination, odoo: Records, unique: str
) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True)
    odoo.new("res.partner", name="Joe", parent_id=company)
    odoo.new("res.partner", name="Ann", parent_id=company, **OTHER)
    assert address(odoo, company) == (OTHER if destination.version == "19.0" else NOWHERE)


def test_writing_a_contacts_address_stays_there_before_19(destination: Destination, odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True, **ADDRESS)
    contact = odoo.new("res.partner", name="Joe", parent_id=company)
    sibling = odoo.new("res.partner", name="Ann", parent_id=company)
    odoo.write("res.partner", contact, **OTHER)
    assert address(odoo, contact) == OTHER
    expected = OTHER if destination.version == "19.0" else ADDRESS
    assert address(odoo, company) == expected
    assert address(odoo, sibling) == expected


def test_writing_a_companys_address_and_vat_goes_down(odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True, **ADDRESS)
    contact = odoo.new("res.partner", name="Joe", parent_id=company)
    odoo.write("res.partner", company, city="Brest", vat="V1", company_registry="R1")
    assert odoo.read("res.partner", contact, "city", "vat", "company_registry") == {
        "id": contact, "city": "Brest", "vat": "V1", "company_registry": "R1",
    }  # fmt: skip


def test_a_contact_takes_its_companys_commercial_fields(odoo: Records, unique: str) -> None:
    industry = odoo.new("res.partner.industry", name=unique)
    company = odoo.new(
        "res.partner", name=unique, is_company=True, vat="V1", company_registry="R1", industry_id=industry
    )
    contact = odoo.new("res.partner", name="Joe", parent_id=company, vat="V2", company_registry="R2")
    assert odoo.read("res.partner", contact, "vat", "company_registry", "industry_id", "commercial_partner_id") == {
        "id": contact, "vat": "V1", "company_registry": "R1", "industry_id": industry, "commercial_partner_id": company,
    }  # fmt: skip


def test_writing_a_contacts_vat_goes_up_only_in_19(destination: Destination, odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True, vat="V1")
    contact = odoo.new("res.partner", name="Joe", parent_id=company)
    odoo.write("res.partner", contact, vat="V2")
    assert odoo.value("res.partner", contact, "vat") == "V2"
    assert odoo.value("res.partner", company, "vat") == ("V2" if destination.version == "19.0" else "V1")


def test_a_contacts_vat_when_its_company_has_none(destination: Destination, odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True)
    contact = odoo.new("res.partner", name="Joe", parent_id=company, vat="V2")
    in_19 = destination.version == "19.0"
    assert odoo.value("res.partner", contact, "vat") == ("V2" if in_19 else False)
    assert odoo.value("res.partner", company, "vat") == ("V2" if in_19 else False)


def test_a_subsidiary_keeps_its_vat_and_takes_the_address(odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True, vat="V1", **ADDRESS)
    subsidiary = odoo.new("res.partner", name="Sub", is_company=True, parent_id=company, vat="V2", **OTHER)
    assert odoo.read("res.partner", subsidiary, "vat", "commercial_partner_id") == {
        "id": subsidiary, "vat": "V2", "commercial_partner_id": subsidiary,
    }  # fmt: skip
    assert address(odoo, subsidiary) == ADDRESS


def test_the_skip_context_leaves_both_sides_alone_on_create(
    destination: Destination, odoo: Records, unique: str
) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True, vat="V1")
    vals = {"name": "Joe", "parent_id": company, "vat": "V2", **OTHER}
    (contact,) = destination.create("res.partner", [vals], context=SKIP)
    assert address(odoo, contact) == OTHER
    assert address(odoo, company) == NOWHERE
    assert odoo.value("res.partner", contact, "vat") == "V2"
    assert odoo.read("res.partner", contact, "commercial_partner_id")["commercial_partner_id"] == company


def test_loading_contacts_syncs_like_create(destination: Destination, odoo: Records, unique: str) -> None:
    fields = ["id", "name", "is_company", "parent_id/id", "street", "city", "zip", "country_id/.id"]
    rows = [
        [f"{unique}.c", unique, "True", "", "1 Main", "Lyon", "69001", "75"],
        [f"{unique}.p", "Joe", "False", f"{unique}.c", "9 Side", "Nice", "06000", "75"],
    ]
    result = destination.load("res.partner", fields, rows, context=QUIET)
    assert result.ids is not None, result.messages
    assert address(odoo, result.ids[1]) == ADDRESS
    # the context that stops it on create does not stop it here
    skipped = [[f"{unique}.q", "Ann", "False", f"{unique}.c", "9 Side", "Nice", "06000", "75"]]
    result = destination.load("res.partner", fields, skipped, context=SKIP)
    assert result.ids is not None, result.messages
    assert address(odoo, result.ids[0]) == ADDRESS


def test_a_contact_takes_its_companys_salesperson_and_not_its_tags(odoo: Records, unique: str) -> None:
    tag = odoo.new("res.partner.category", name=unique)
    company = odoo.new("res.partner", name=unique, is_company=True, user_id=2, category_id=[[4, tag]])
    contact = odoo.new("res.partner", name="Joe", parent_id=company)
    bare = odoo.new("res.partner", name="Ann", parent_id=company, user_id=False)
    assert odoo.read("res.partner", contact, "user_id", "category_id") == {
        "id": contact,
        "user_id": 2,
        "category_id": [],
    }
    assert odoo.value("res.partner", bare, "user_id") is False


@pytest.mark.parametrize(("vals", "lang"), [({}, "en_US"), ({"lang": False}, False), ({"lang": "en_US"}, "en_US")])
def test_the_language_is_the_contexts_unless_given(odoo: Records, unique: str, vals: dict[str, Any], lang: Any) -> None:
    assert odoo.value("res.partner", odoo.new("res.partner", name=unique, **vals), "lang") == lang


def test_an_inactive_language_is_refused_by_17_and_by_load(
    destination: Destination, odoo: Records, unique: str
) -> None:
    vals = {"name": unique, "lang": "fr_FR"}
    if destination.version == "17.0":
        with pytest.raises(DataError):
            destination.create("res.partner", [vals], context=QUIET)
    else:
        assert odoo.value("res.partner", odoo.new("res.partner", **vals), "lang") == "fr_FR"
    result = destination.load("res.partner", ["id", "name", "lang"], [[f"{unique}.a", unique, "fr_FR"]], context=QUIET)
    assert result.ids is None


def test_states_and_countries_do_not_check_each_other(odoo: Records, unique: str) -> None:
    california = odoo.ref("base.state_us_5")
    key = odoo.new("res.partner", name=unique, country_id=odoo.ref("base.fr"), state_id=california)
    assert odoo.read("res.partner", key, "country_id", "state_id") == {
        "id": key,
        "country_id": 75,
        "state_id": california,
    }


def test_display_and_complete_names(odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True)
    contact = odoo.new("res.partner", name="Joe", parent_id=company)
    assert odoo.value("res.partner", contact, "complete_name") == f"{unique}, Joe"
    assert odoo.value("res.partner", contact, "display_name") == f"{unique}, Joe"


def test_a_partner_of_a_user_cannot_be_deleted(destination: Destination) -> None:
    with pytest.raises(DataError):
        destination.unlink("res.partner", [3])


def test_deleting_a_partner_empties_what_points_to_it(destination: Destination, odoo: Records, unique: str) -> None:
    company = odoo.new("res.partner", name=unique, is_company=True)
    contact = odoo.new("res.partner", name="Joe", parent_id=company)
    lead = odoo.new("crm.lead", name=unique, partner_id=company)
    destination.unlink("res.partner", [company])
    assert odoo.value("res.partner", contact, "parent_id") is False
    assert odoo.value("crm.lead", lead, "partner_id") is False


def test_quiet_creates_leave_no_mail_note_or_follower(destination: Destination, odoo: Records, unique: str) -> None:
    user = odoo.new("res.users", name=unique, login=unique, email=f"{unique}@x.org", active=True)
    for model in ("res.partner", "crm.lead"):
        key = odoo.new(model, name=unique, user_id=user)
        about = [["model", "=", model], ["res_id", "=", key]]
        assert destination.search_count("mail.message", about) == 0
        assert destination.search_count("mail.followers", [["res_model", "=", model], ["res_id", "=", key]]) == 0


@pytest.mark.parametrize("model", ["res.partner", "crm.lead"])
def test_creates_that_are_not_quiet_leave_a_note_and_followers(
    destination: Destination, odoo: Records, unique: str, model: str
) -> None:
    user = odoo.new("res.users", name=unique, login=unique, email=f"{unique}@x.org", active=True)
    (key,) = destination.create(model, [{"name": unique, "user_id": user}])
    assert destination.search_count("mail.message", [["model", "=", model], ["res_id", "=", key]]) > 0
    followers = [["res_model", "=", model], ["res_id", "=", key]]
    assert destination.search_count("mail.followers", followers, context=EVERY) == 2
