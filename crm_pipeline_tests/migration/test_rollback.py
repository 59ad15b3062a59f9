"""Taking a migration back: nothing of it is left, everything that was there before is as it was, people's work stays."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.rollback import RollbackOutcome, rollback
from crm_pipeline.migration.sign_off import SignOffRefusedError, sign_off
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.rollback.plan import UnknownRunError
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import migrate

VERSIONS = (*(pytest.param(version, marks=pytest.mark.exhaustive) for version in ("17.0", "19.0")), "18.0")
#: What Odoo stamps, and documents that are other in every new database.
_STAMPS = {"create_date", "create_uid", "write_date", "write_uid"}
_OWN = {"ir.config_parameter", "embedded_meta", "embedded_sequence", "embedded_file", "sqlite_sequence", "sqlite_stat1", "crm.lead.scoring.frequency"}


class Migrated:
    """A data root after a migration of documents."""

    def __init__(self, root: Path, version: str) -> None:
        self.root, self.version, self.environ = root, version, {"ODOO_SANDBOX_VERSION": version}

    @property
    def file(self) -> Path:
        return self.root / "staging" / f"leadforce.sandbox.odoo-{self.version}.sqlite"

    def odoo(self) -> EmbeddedOdoo:
        return EmbeddedOdoo(self.file, self.version, now=lambda: datetime.now(UTC))

    def open(self) -> Migration:
        return Migration(Settings.load(self.root, self.environ), "leadforce")

    def rollback(self, **options: Any) -> RollbackOutcome:
        """A rollback that does not begin in the second people worked in."""
        time.sleep(1.1)
        with self.open() as migration:
            return rollback(migration, "sandbox", **options)

    def ours(self, model: str) -> list[int]:
        odoo = self.odoo()
        try:
            domain = [("module", "=", "leadforce"), ("model", "=", model)]
            return [record["res_id"] for record in odoo.search_read("ir.model.data", domain, ["res_id"], order="id")]
        finally:
            odoo.close()


def contents(file: Path) -> dict[str, dict[int, Any]]:
    """Every document of an embedded database but for stamps, by table and id."""
    connection = sqlite3.connect(file)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if name not in _OWN]
        return {
            table: rows
            for table in tables
            if (rows := {
                key: {name: value for name, value in json.loads(doc).items() if name not in _STAMPS}
                for key, doc in connection.execute(f'SELECT id, doc FROM "{table}"')
            })
        }  # fmt: skip
    finally:
        connection.close()


@pytest.fixture(params=VERSIONS)
def migrated(request: pytest.FixtureRequest, documents_once: Callable[[str], Path], tmp_path: Path) -> Migrated:
    shutil.copytree(documents_once(request.param), tmp_path / "copy")
    return Migrated(tmp_path / "copy", request.param)


@pytest.fixture
def fresh(migrated: Migrated, tmp_path: Path) -> dict[str, dict[int, Any]]:
    """What an embedded database holds before a migration."""
    EmbeddedOdoo(tmp_path / "fresh.sqlite", migrated.version, now=lambda: datetime.now(UTC)).close()
    return contents(tmp_path / "fresh.sqlite")


@pytest.fixture
def person(migrated: Migrated) -> Iterator[Callable[..., int]]:
    """Creates records as a person does, after the migration has ended."""
    time.sleep(1.1)
    odoo = migrated.odoo()
    yield lambda name, /, **vals: odoo.create(name, [vals])[0]
    odoo.close()


def test_a_plan_writes_nothing(migrated: Migrated) -> None:
    before = contents(migrated.file)
    outcome = migrated.rollback()
    assert outcome.left is None
    assert outcome.plan.deleted > 50
    assert not outcome.plan.kept
    assert {"sequence numbers", "ids"} <= {fact["what"] for fact in outcome.result["not_undone"]}
    assert contents(migrated.file) == before
    assert outcome.report.name == "rollback_plan.html"


def test_applied_the_database_is_as_it_was(migrated: Migrated, fresh: dict[str, dict[int, Any]]) -> None:
    outcome = migrated.rollback(apply=True)
    assert outcome.ok, outcome.result["checks"]
    now = contents(migrated.file)
    for table in fresh.keys() | now.keys():
        assert now.get(table) == fresh.get(table), table
    assert "deleted" in outcome.report.read_text(encoding="utf-8")
    with migrated.open() as migration:
        assert not migration.store.rows("SELECT * FROM ops.ledger WHERE origin = 'created'")
        assert not migration.store.rows("SELECT * FROM ops.touched")


def test_without_the_local_store_the_same(migrated: Migrated, fresh: dict[str, dict[int, Any]]) -> None:
    (migrated.root / "staging" / "leadforce.duckdb").unlink()
    outcome = migrated.rollback(apply=True)
    assert outcome.ok, outcome.result["checks"]
    assert any("not all known" in note for note in outcome.result["notes"])
    now = contents(migrated.file)
    # what was changed on a currency is known to the lost store alone
    for table in (fresh.keys() | now.keys()) - {"res.currency"}:
        assert now.get(table) == fresh.get(table), table


def test_after_a_rollback_it_can_be_migrated_again(migrated: Migrated) -> None:
    before = {model: len(migrated.ours(model)) for model in ("crm.lead", "account.move", "res.partner", "sale.order.line")}
    migrated.rollback(apply=True)
    with migrated.open() as migration, pytest.raises(SignOffRefusedError, match="rolled back"):
        sign_off(migration.store, migration.confirmed, migration.settings.data, "sandbox", "A <a@b.cc>", migration.clock())
    migrate(migrated.root, environ=migrated.environ)
    assert {model: len(migrated.ours(model)) for model in before} == before


def test_what_people_depend_on_stays_with_all_it_needs(migrated: Migrated, person: Callable[..., int]) -> None:
    lead, other, *_ = migrated.ours("crm.lead")
    contact = migrated.ours("res.partner")[-1]
    order = person("sale.order", partner_id=contact)
    note = person("mail.message", model="crm.lead", res_id=lead, message_type="comment", body="<p>mine</p>")
    odoo = migrated.odoo()
    odoo.write("crm.lead", [other], {"name": "edited by hand"})
    held = odoo.search_read("crm.lead", [("id", "in", [lead, other])], ["name", "partner_id", "stage_id", "user_id"], context={"active_test": False})
    odoo.close()
    (lost,) = migrated.rollback().result["edited"]
    assert (lost["model"], lost["odoo_id"]) == ("crm.lead", other)
    outcome = migrated.rollback(apply=True, keep_edited=True)
    assert outcome.ok, outcome.result["checks"]
    why = {(each["model"], each["odoo_id"]): each for each in outcome.result["kept"]}
    assert f"sale.order {order}" in why["res.partner", contact]["why"]
    assert f"mail.message {note}" in why["crm.lead", lead]["why"]
    assert why["crm.lead", other]["kind"] == "edited"
    for record in held:
        assert why["res.partner", record["partner_id"]]["kind"] in {"needed", "referenced"}
        if record["stage_id"] in migrated.ours("crm.stage"):
            assert ("crm.stage", record["stage_id"]) in why
    odoo = migrated.odoo()
    assert odoo.search_read("crm.lead", [("id", "in", [lead, other])], ["name", "partner_id", "stage_id", "user_id"], context={"active_test": False}) == held
    assert odoo.search_count("crm.lead", [], context={"active_test": False}) == sum(model == "crm.lead" for model, _ in why)
    assert migrated.ours("mail.message") == [odoo_id for model, odoo_id in why if model == "mail.message"]
    assert not migrated.ours("account.move")
    odoo.close()
    again = migrated.rollback(apply=True, keep_edited=True)
    assert again.plan.deleted == 0
    assert len(again.result["kept"]) == len(outcome.result["kept"])


def test_force_undoes_what_people_only_wrote_on(migrated: Migrated, person: Callable[..., int]) -> None:
    lead = migrated.ours("crm.lead")[0]
    person("mail.message", model="crm.lead", res_id=lead, message_type="comment", body="<p>mine</p>")
    assert migrated.rollback().plan.kept
    outcome = migrated.rollback(apply=True, force=True)
    assert outcome.ok
    assert not migrated.ours("crm.lead")


def test_a_custom_field_stays_where_others_use_it(migrated: Migrated, person: Callable[..., int]) -> None:
    own = person("crm.lead", name="Mine", x_leadforce_status="New")
    outcome = migrated.rollback(apply=True)
    assert outcome.ok
    assert [each["model"] for each in outcome.result["kept"]] == ["ir.model.fields"]
    odoo = migrated.odoo()
    assert odoo.search_read("crm.lead", [("id", "=", own)], ["x_leadforce_status"])[0]["x_leadforce_status"] == "New"
    odoo.close()


def test_a_persons_payment_keeps_the_invoice_it_pays(migrated: Migrated, person: Callable[..., int]) -> None:
    odoo = migrated.odoo()
    domain = [("id", "in", migrated.ours("account.move")), ("payment_state", "=", "not_paid"), ("state", "=", "posted"), ("move_type", "=", "out_invoice")]
    invoice, *_ = odoo.search_read("account.move", domain, ["partner_id", "amount_residual", "line_ids"])
    journal = odoo.search_read("account.journal", [("type", "=", "bank"), ("id", "not in", migrated.ours("account.journal"))], ["id"])[0]["id"]
    payment = person(
        "account.payment", payment_type="inbound", partner_type="customer", partner_id=invoice["partner_id"],
        amount=invoice["amount_residual"], journal_id=journal,
    )  # fmt: skip
    odoo.call("account.payment", "action_post", [payment])
    (entry,) = odoo.search_read("account.payment", [("id", "=", payment)], ["move_id"])
    lines = odoo.search_read(
        "account.move.line", [("move_id", "in", [invoice["id"], entry["move_id"]]), ("account_type", "=", "asset_receivable")], ["id"]
    )
    odoo.call("account.move.line", "reconcile", [line["id"] for line in lines])
    odoo.close()
    outcome = migrated.rollback(apply=True)
    assert outcome.ok, outcome.result["checks"]
    assert migrated.ours("account.move") == [invoice["id"]]
    odoo = migrated.odoo()
    (now,) = odoo.search_read("account.move", [("id", "=", invoice["id"])], ["payment_state", "state"])
    assert (now["payment_state"], now["state"]) == ("paid", "posted")
    odoo.close()


def test_back_to_a_run_only_later_records_go_and_values_return(migrated: Migrated) -> None:
    with migrated.open() as migration:
        store = migration.store
        first = store.value("SELECT run_id FROM ops.run ORDER BY started_at DESC LIMIT 1")
        lead, kept = store.rows("SELECT odoo_id, external_id FROM ops.ledger WHERE model = 'crm.lead' AND origin = 'created' ORDER BY 1 LIMIT 1")[0]
        new, name = store.rows("SELECT odoo_id, external_id FROM ops.ledger WHERE model = 'mail.message' AND origin = 'created' ORDER BY 1 LIMIT 1")[0]
        migration.run_id = "later"
        destination = migration.reach("sandbox")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(migration, "clock", lambda: datetime.now(UTC).replace(tzinfo=None))
            migration.start("sandbox", None, destination)
        (was,) = destination.search_read("crm.lead", [("id", "=", lead)], ["name", "tag_ids"], context={"active_test": False})
        for before, after in ((was["name"], "second"), ("second", "third")):
            store.execute(
                "INSERT INTO ops.touched VALUES ('sandbox', 'crm.lead', ?, 'name', ?, ?, 'later', ?)",
                [lead, json.dumps(before), json.dumps(after), migration.clock()],
            )
        destination.write("crm.lead", [lead], {"name": "third"})
        store.execute("UPDATE ops.ledger SET created_run = 'later' WHERE external_id = ?", [name])
        migration.end(ok=True)
        destination.close()
    with migrated.open() as migration, pytest.raises(UnknownRunError, match="nonsense"):
        rollback(migration, "sandbox", to="nonsense")
    outcome = migrated.rollback(to=first, apply=True)
    assert outcome.ok, outcome.result["checks"]
    assert outcome.result["deleted"] == 1
    assert new not in migrated.ours("mail.message")
    odoo = migrated.odoo()
    assert odoo.search_read("crm.lead", [("id", "=", lead)], ["name"], context={"active_test": False})[0]["name"] == was["name"]
    odoo.close()
    with migrated.open() as migration:
        values, row_hash = migration.store.rows("""SELECT "values", row_hash FROM ops.ledger WHERE external_id = ?""", [kept])[0]
        assert json.loads(values)["name"] == was["name"]
        assert row_hash == "set back"
