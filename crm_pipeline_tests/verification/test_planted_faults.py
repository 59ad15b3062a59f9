"""Faults planted in the destination after a load: each is found, and named by record and field.

On the embedded destination, and with ODOO_TEST_URL on a real server, whose database should be fresh: the export is loaded
into it under keys of its own, and the damage stays.
"""

from __future__ import annotations

import base64
import os
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.environments import open_destination
from crm_pipeline.settings import Settings
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, SmallExport, deal, decide_owners, lead, note

PLACES = ["18.0", *(["server"] if os.environ.get("ODOO_TEST_URL") else [])]


def environ_of(place: str) -> dict[str, str]:
    if place != "server":
        return {"ODOO_SANDBOX_VERSION": place}
    names = ("URL", "DB", "LOGIN", "API_KEY", "PROTOCOL")
    return {f"ODOO_SANDBOX_{name}": os.environ[f"ODOO_TEST_{name}"] for name in names if f"ODOO_TEST_{name}" in os.environ}


def export_of(tag: str) -> SmallExport:
    """Six leads with a note each and a file, two deals; names are the tag's own."""
    people = [
        lead(f"{tag}L{n}", First_Name=f"{tag} {n}", Email=f"{tag}{n}@person.example", Company_Name=f"{tag} Works {n % 2}",
             Owner_Email="asha@corp.in", Description=f"{tag} needs {n} of them")
        for n in range(6)
    ]  # fmt: skip
    attachments = [
        {"Attachment ID": f"{tag}F{n}", "Related To Type": "Lead", "Related To ID": f"{tag}L{n}", "File Name": f"{n}.txt",
         "File Path": f"attachments/{n}.txt", "File URL": "", "MIME Type": "", "Size (bytes)": "", "Uploaded By": "",
         "Uploaded At": "2024-01-02 10:00"}
        for n in range(2)
    ]  # fmt: skip
    return SmallExport(
        leads=people,
        deals=[deal(f"{tag}D{n}", Deal_Name=f"{tag} deal {n}", Lead_ID=f"{tag}L{n}", Owner_Email="asha@corp.in") for n in (4, 5)],
        notes=[note(f"{tag}N{n}", f"L{n}", f"{tag} said {n}") | {"Related To ID": f"{tag}L{n}"} for n in range(4)],
        attachments=attachments,
        files={f"attachments/{n}.txt": f"{tag} file {n}".encode() for n in range(2)},
    )


class Planted:
    """A loaded export, faults planted into its destination, and what a verification says of them."""

    def __init__(self, root: Path, place: str) -> None:
        self.tag = "t" + uuid.uuid4().hex[:8]
        self.root, self.place = root, place
        export_of(self.tag).write(root)
        decide_owners(root, TYPICAL_DECISIONS)
        self.settings = Settings.load(root, environ_of(place))
        with Migration(self.settings, "leadforce") as migration:
            self.before = run.migrate(migration, "sandbox").result
            self.ids = dict(migration.store.rows("SELECT external_id, odoo_id FROM ops.ledger"))
            odoo = open_destination(self.settings.environment("sandbox", "leadforce"))
            try:
                self.plant(odoo)
            finally:
                odoo.close()
            if place != "server":
                self.plant_in_store()
            self.after = run.verify(migration, "sandbox").result
            rows = migration.store.rows("SELECT external_id, field, class FROM ops.difference")
            self.found = {(name, field): found for name, field, found in rows}
            self.who = dict(migration.store.rows("SELECT external_id, changed_by FROM ops.difference WHERE changed_by IS NOT NULL"))

    def odoo_id(self, name: str) -> int:
        return int(self.ids[name.replace("~", self.tag)])

    def plant(self, odoo: Destination) -> None:
        def write(model: str, name: str, **values: Any) -> None:
            odoo.write(model, [self.odoo_id(name)], values, context=QUIET)

        write("crm.lead", "leads_~L0", description="<p>something else</p>")
        write("crm.lead", "leads_~L1", expected_revenue=12345.0)
        write("crm.lead", "deals_~D4", partner_id=self.odoo_id("contact_~1@person.example"))
        odoo.unlink("crm.lead", [self.odoo_id("leads_~L2")], context=QUIET)
        write("mail.message", "notes_~N3", body=f"<p>{self.tag} said</p>")
        write("ir.attachment", "attachments_~F0", datas=base64.b64encode(b"other bytes").decode())
        stage = next(name for name in self.ids if name.startswith("stage_") and name.endswith("_Quote"))
        self.stage = stage
        odoo.write("crm.stage", [self.ids[stage]], {"name": f"{self.tag} renamed"}, context=QUIET)
        twin = f"{self.tag}3@person.example"
        odoo.create("res.partner", [{"name": f"{self.tag} 3", "email": twin}], context=QUIET)
        identity = odoo.search_read("ir.model.data", [("module", "=", "leadforce"), ("name", "=", f"notes_{self.tag}N1")], ["id"])
        odoo.unlink("ir.model.data", [record["id"] for record in identity], context=QUIET)

    def plant_in_store(self) -> None:
        """A byte of a file that its checksum in Odoo says nothing about."""
        content = f"{self.tag} file 1".encode()
        with sqlite3.connect(self.root / "staging" / f"leadforce.sandbox.odoo-{self.place}.sqlite") as store:
            changed = store.execute("UPDATE embedded_file SET content = ? WHERE content = ?", (content[:-1] + b"X", content))
            assert changed.rowcount == 1


@pytest.fixture(scope="module", params=PLACES)
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return Planted(tmp_path_factory.mktemp("planted") / "data", request.param)


def test_nothing_was_found_before(planted: Planted) -> None:
    assert planted.before["verification"]["differences"] == 0


@pytest.mark.parametrize(
    ("name", "field", "found"),
    [
        ("leads_~L0", "description", "changed"),
        ("leads_~L1", "expected_revenue", "changed"),
        ("deals_~D4", "partner_id", "changed"),
        ("leads_~L2", "id", "missing"),
        ("notes_~N2", "id", "missing"),  # Odoo deletes a record's messages with it
        ("notes_~N3", "body", "truncated"),
        ("attachments_~F0", "datas", "changed"),
        ("contact_~3@person.example", "id", "copy"),
        ("notes_~N1", "external_id", "identity_lost"),
    ],
)
def test_each_fault_is_named_by_record_and_field(planted: Planted, name: str, field: str, found: str) -> None:
    assert planted.found.get((name.replace("~", planted.tag), field)) == found


def test_a_renamed_stage_is_named(planted: Planted) -> None:
    assert planted.found.get((planted.stage, "name")) == "changed"


def test_a_byte_behind_odoos_checksum_is_found(planted: Planted) -> None:
    if planted.place == "server":
        pytest.skip("the file store of a server is not reached from here")
    assert planted.found.get((f"attachments_{planted.tag}F1", "datas")) == "changed"


def test_nothing_else_is_blamed(planted: Planted) -> None:
    tag = planted.tag
    named = {name for name, _ in planted.found}
    assert named <= {
        f"leads_{tag}L0", f"leads_{tag}L1", f"leads_{tag}L2", f"deals_{tag}D4", f"notes_{tag}N1", f"notes_{tag}N2", f"notes_{tag}N3",
        f"attachments_{tag}F0", f"attachments_{tag}F1", f"contact_{tag}3@person.example", planted.stage,
    }, planted.found  # fmt: skip


def test_the_result_says_that_verification_failed(planted: Planted) -> None:
    assert not planted.after["ok"]
    failed = {c["asset"].rsplit("/", 1)[-1] + " " + c["check"] for c in planted.after["checks"] if not c["passed"] and c["severity"] == "ERROR"}
    assert {
        "crm_lead fields_equal", "mail_message fields_equal", "ir_attachment fields_equal", "crm_stage fields_equal",
        "res_partner no_copies", "mail_message identities_hold", "verification control_totals_equal",
    } <= failed  # fmt: skip
    assert planted.after["verification"]["differences"] == len(planted.found)


def test_it_is_said_who_wrote_a_record_last(planted: Planted) -> None:
    assert planted.who[f"leads_{planted.tag}L0"] == ("admin" if planted.place != "server" else os.environ["ODOO_TEST_LOGIN"])
