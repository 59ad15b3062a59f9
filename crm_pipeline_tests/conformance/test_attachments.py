"""ir.attachment (ODOO_FACTS 6)."""

from __future__ import annotations

import base64
import hashlib

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError, TerminalError
from crm_pipeline_tests.conformance.conftest import Records

CONTENT = b"\x00\x01binary \xff content"
DATAS = base64.b64encode(CONTENT).decode()


@pytest.fixture
def lead(odoo: Records, unique: str) -> int:
    return odoo.new("crm.lead", name=unique)


def test_a_file_has_its_checksum_and_size(odoo: Records, lead: int) -> None:
    before = odoo.value("crm.lead", lead, "write_date")
    key = odoo.new(
        "ir.attachment", name="../odd name.pdf", datas=DATAS, res_model="crm.lead", res_id=lead, description="D",
        checksum="0" * 40, file_size=1,
    )  # fmt: skip
    expected = {
        "name": "../odd name.pdf", "checksum": hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest(),
        "file_size": len(CONTENT), "mimetype": "application/pdf", "datas": DATAS, "type": "binary",
        "res_model": "crm.lead", "res_id": lead, "description": "D",
    }  # fmt: skip
    assert odoo.read("ir.attachment", key, *expected) == {"id": key, **expected}
    assert odoo.value("crm.lead", lead, "write_date") == before


@pytest.mark.parametrize(
    ("name", "given", "mimetype"),
    [("a.txt", False, "text/plain"), ("a.csv", False, "text/csv"), ("a", "image/png", "image/png")],
)
def test_the_mimetype_is_given_or_follows_the_name(
    odoo: Records, lead: int, name: str, given: object, mimetype: str
) -> None:
    vals = {"mimetype": given} if given else {}
    datas = base64.b64encode(b"plain").decode()
    key = odoo.new("ir.attachment", name=name, datas=datas, res_model="crm.lead", res_id=lead, **vals)
    assert odoo.value("ir.attachment", key, "mimetype") == mimetype


def test_the_same_content_makes_its_own_record(destination: Destination, odoo: Records, lead: int) -> None:
    vals = {"name": "a.bin", "datas": DATAS, "res_model": "crm.lead", "res_id": lead}
    first, second = destination.create("ir.attachment", [vals, vals], context=QUIET)
    destination.unlink("ir.attachment", [first])
    assert odoo.value("ir.attachment", second, "datas") == DATAS


def test_files_of_a_record_are_found(destination: Destination, odoo: Records, lead: int) -> None:
    key = odoo.new("ir.attachment", name="a.bin", datas=DATAS, res_model="crm.lead", res_id=lead)
    domain = [["res_model", "=", "crm.lead"], ["res_id", "in", [lead]], ["name", "=", "a.bin"]]
    found = destination.search_read("ir.attachment", domain, ["checksum"])
    assert [row["id"] for row in found] == [key]


def test_a_link_has_no_content(odoo: Records, lead: int) -> None:
    key = odoo.new("ir.attachment", name="l", type="url", url="https://x.org/a", res_model="crm.lead", res_id=lead)
    assert odoo.read("ir.attachment", key, "type", "url", "checksum", "datas") == {
        "id": key, "type": "url", "url": "https://x.org/a", "checksum": False, "datas": "",
    }  # fmt: skip


def test_bad_base64_is_refused(destination: Destination, lead: int) -> None:
    vals = {"name": "a", "datas": "not base64!", "res_model": "crm.lead", "res_id": lead}
    with pytest.raises(DataError):
        destination.create("ir.attachment", [vals], context=QUIET)


def test_a_file_needs_a_name(destination: Destination) -> None:
    with pytest.raises(DataError):
        destination.create("ir.attachment", [{"datas": DATAS}], context=QUIET)


def test_a_file_of_a_missing_record_is_refused_or_unreadable(destination: Destination) -> None:
    vals = {"name": "lost", "datas": DATAS, "res_model": "crm.lead", "res_id": 99_999_999}
    if destination.kind == "server" and destination.version != "19.0":
        (key,) = destination.create("ir.attachment", [vals], context=QUIET)
        assert destination.search_read("ir.attachment", [["id", "=", key]], ["name"]) == []
    else:  # the embedded destination refuses what nobody could read
        with pytest.raises(TerminalError):
            destination.create("ir.attachment", [vals], context=QUIET)


def test_files_load(destination: Destination, odoo: Records, lead: int, unique: str) -> None:
    fields = ["id", "name", "datas", "res_model", "res_id"]
    rows = [[f"{unique}.f", "a.bin", DATAS, "crm.lead", str(lead)]]
    result = destination.load("ir.attachment", fields, rows, context=QUIET)
    assert result.ids is not None, result.messages
    assert odoo.read("ir.attachment", result.ids[0], "datas", "res_id") == {
        "id": result.ids[0], "datas": DATAS, "res_id": lead,
    }  # fmt: skip
