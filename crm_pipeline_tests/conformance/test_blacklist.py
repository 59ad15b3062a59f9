"""mail.blacklist: addresses in their normal form, each there once."""

from __future__ import annotations

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records


def test_an_address_is_kept_in_its_normal_form(odoo: Records, unique: str) -> None:
    key = odoo.new("mail.blacklist", email=f"Ann {unique} <Ann.{unique}@Example.ORG>")
    assert odoo.read("mail.blacklist", key, "email", "active") == {"id": key, "email": f"ann.{unique}@example.org", "active": True}


def test_what_is_no_address_is_refused(destination: Destination, unique: str) -> None:
    with pytest.raises(DataError, match="Invalid email address"):
        destination.create("mail.blacklist", [{"email": unique}], context=QUIET)


def test_another_entry_can_t_get_an_address_that_is_there(destination: Destination, odoo: Records, unique: str) -> None:
    odoo.new("mail.blacklist", email=f"a{unique}@example.org", active=False)
    other = odoo.new("mail.blacklist", email=f"b{unique}@example.org")
    with pytest.raises(DataError, match=r"already exists|constraint"):
        destination.write("mail.blacklist", [other], {"email": f"a{unique}@example.org"}, context=QUIET)


def test_an_entry_leaves_no_message_and_can_be_deleted(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("mail.blacklist", email=f"{unique}@example.org")
    domain = [["model", "=", "mail.blacklist"], ["res_id", "=", key]]
    assert destination.search_read("mail.message", domain, ["id"]) == []
    destination.unlink("mail.blacklist", [key])
    assert destination.search_read("mail.blacklist", [["id", "=", key]], ["id"], context=EVERY) == []
