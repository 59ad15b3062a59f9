"""Files and money end to end: what an export says of documents is what Odoo holds, to the cent and to the byte."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.run import RunOutcome
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.loader import LoadCounts
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.migration.test_end_to_end import by_external_id, destination_of, environ
from crm_pipeline_tests.small_documents import PNG, decide_products, document_export, invoice, item, proposal
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, SmallExport, decide_owners

VERSIONS = (*(pytest.param(version, marks=pytest.mark.exhaustive) for version in ("17.0", "18.0")), "19.0")


class Loaded:
    """A data root after its migration into an embedded Odoo."""

    def __init__(self, root: Path, version: str) -> None:
        self.root, self.version = root, version
        self.environ = {"ODOO_SANDBOX_VERSION": version}
        self.outcome: RunOutcome = migrate(root, environ=self.environ)

    def odoo(self) -> EmbeddedOdoo:
        path = self.root / "staging" / f"leadforce.sandbox.odoo-{self.version}.sqlite"
        return EmbeddedOdoo(path, self.version, now=lambda: datetime.now(UTC))

    def rows(self, model: str, domain: list[Any], fields: list[str]) -> list[dict[str, Any]]:
        opened = self.odoo()
        try:
            return opened.search_read(model, domain, fields, context={"active_test": False}, order="id")
        finally:
            opened.close()

    def again(self) -> RunOutcome:
        return migrate(self.root, environ=self.environ)

    def failed(self) -> list[dict[str, Any]]:
        return [c for c in self.outcome.result["checks"] if not c["passed"] and c["severity"] == "ERROR"]


def root_with(tmp: Path, export: Any = None) -> Path:
    (export or document_export()).write(tmp)
    decide_owners(tmp, TYPICAL_DECISIONS)
    return tmp


@pytest.fixture(scope="module", params=VERSIONS)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return Loaded(root_with(tmp_path_factory.mktemp("documents")), request.param)


def test_every_check_that_must_hold_holds(loaded: Loaded) -> None:
    assert loaded.failed() == []
    assert loaded.outcome.ok
    assert loaded.outcome.result["verification"]["differences"] == 0
    assert all(total["equal"] for total in loaded.outcome.result["control_totals"])


def test_every_row_has_its_fate(loaded: Loaded) -> None:
    objects = loaded.outcome.result["objects"]
    fates = {name: {k: v for k, v in o.items() if v and k not in {"exported", "reasons"}} for name, o in objects.items()}
    assert fates["attachments"] == {"loaded": 4, "quarantined": 1}
    assert fates["proposals"] == {"loaded": 6, "quarantined": 1, "queued": 1}
    assert fates["proposal_items"] == {"loaded": 11, "quarantined": 1, "queued": 2}
    assert fates["invoices"] == {"loaded": 15, "quarantined": 8}
    assert fates["invoice_items"] == {"loaded": 30, "quarantined": 13}


def test_invoices_have_their_state_number_totals_and_residual(loaded: Loaded) -> None:
    fields = ["name", "move_type", "state", "amount_untaxed", "amount_tax", "amount_total", "amount_residual", "payment_state"]
    found = {m["ref"]: tuple(m[f] for f in fields) for m in loaded.rows("account.move", [("move_type", "!=", "entry")], ["ref", *fields])}
    plain = (190.44, 18.0, 208.44)
    assert found["LF-I01"] == ("LF-I01", "out_invoice", "draft", *plain, 208.44, "not_paid")
    assert found["LF-I02"] == ("LF-I02", "out_invoice", "posted", *plain, 208.44, "not_paid")
    assert found["LF-I03"] == ("LF-I03", "out_invoice", "posted", *plain, 0.0, "paid")
    assert found["LF-I04"] == ("LF-I04", "out_invoice", "posted", *plain, 108.34, "partial")
    assert found["LF-I05"] == ("LF-I05", "out_invoice", "posted", *plain, 208.44, "not_paid")
    assert found["LF-I06"][:3] == ("LF-I06", "out_invoice", "cancel")
    assert found["2019-0007"] == ("LFR/2024/00001", "out_invoice", "posted", *plain, 208.44, "not_paid")
    assert found["LF-I08"] == ("LF-I08", "out_invoice", "posted", 1.5, 0.27, 1.77, 1.77, "not_paid"), "tax of the document, not of its lines"
    assert found["LF-I09"] == ("LF-I09", "out_invoice", "posted", 100.0, 18.0, 118.0, 118.0, "not_paid"), "rounded line total"
    assert found["LF-I10"] == ("LF-I10", "out_refund", "posted", *plain, 208.44, "not_paid")
    assert found["LF-I11"] == ("LF-I11", "out_refund", "posted", *plain, 0.0, "paid")
    assert found["LF-I12"] == ("LF-I12", "out_refund", "posted", 80.0, 14.4, 94.4, 94.4, "not_paid"), "exported below zero"
    assert found["LF-I13"][6:] == (0.0, "paid"), "overpaid"
    assert found["LF-I14"] == ("LF-I14", "out_invoice", "posted", 0.0, 0.0, 0.0, 0.0, "paid")
    assert len([ref for ref in found if ref and ref.startswith(("LF-I", "2019"))]) == 15


def test_credit_notes_name_what_they_credit_and_settle_nothing_by_themselves(loaded: Loaded) -> None:
    ids = {m["ref"]: m for m in loaded.rows("account.move", [("ref", "like", "LF-"), ("move_type", "!=", "entry")], ["ref", "reversed_entry_id", "amount_residual"])}
    assert ids["LF-I10"]["reversed_entry_id"] == ids["LF-I02"]["id"]
    assert ids["LF-I02"]["amount_residual"] == 208.44, "the export says the invoice is open, so it is"
    assert not ids["LF-I12"]["reversed_entry_id"]


def test_quotations_have_their_state_date_and_totals(loaded: Loaded) -> None:
    fields = ["state", "date_order", "validity_date", "amount_tax", "user_id", "currency_id"]
    found = {o["name"]: o for o in loaded.rows("sale.order", [], ["name", *fields])}
    assert {name: o["state"] for name, o in found.items()} == {
        "PR-P1": "draft", "PR-P2": "sent", "PR-P3": "sale", "PR-P4": "cancel", "PR-P5": "cancel", "PR-P6": "sent",
    }  # fmt: skip
    assert {o["date_order"] for o in found.values()} == {"2024-03-05 12:00:00"}
    assert {o["validity_date"] for o in found.values()} == {"2024-04-04"}
    assert found["PR-P3"]["currency_id"] != found["PR-P1"]["currency_id"]
    assert {o["amount_tax"] for n, o in found.items() if n != "PR-P6"} == {15.05}


def test_rounding_is_listed_line_by_line(loaded: Loaded) -> None:
    file = loaded.root / "reports" / "leadforce" / "sandbox" / "queue_rounding.csv"
    with file.open(newline="", encoding="utf-8") as opened:
        rows = {(r["external_id"], r["field"]): r for r in csv.DictReader(opened)}
    line = rows["proposal_items_PL6a", "price_subtotal"]
    assert (line["in_export"], line["in_odoo"]) == ("125.0", "130.0")
    assert ("proposals_P6", "amount_total") in rows


def test_files_lie_on_their_record_and_on_their_note(loaded: Loaded) -> None:
    files = {f["name"]: f for f in loaded.rows("ir.attachment", [("res_model", "=", "crm.lead")], ["name", "res_id", "type", "url", "checksum", "datas", "file_size"])}
    names = {n["name"]: n["res_id"] for n in loaded.rows("ir.model.data", [("module", "=", "leadforce")], ["name", "res_id"])}
    assert set(files) == {"offer.pdf", "logo_ _new_.png", "same offer.pdf", "site"}
    assert files["offer.pdf"]["res_id"] == names["leads_L1"]
    assert files["logo_ _new_.png"]["res_id"] == names["deals_D2"], "a merged lead's files go to its oldest deal"
    assert files["logo_ _new_.png"]["file_size"] == len(PNG)
    assert files["offer.pdf"]["checksum"] == files["same offer.pdf"]["checksum"]
    assert (files["site"]["type"], files["site"]["url"]) == ("url", "https://files.example.com/x")
    (message,) = loaded.rows("mail.message", [("id", "=", names["notes_N1"])], ["attachment_ids"])
    assert sorted(message["attachment_ids"]) == sorted([names["attachments_F1"], names["attachments_F3"]])


def test_payments_are_dated_and_reconciled(loaded: Loaded) -> None:
    found = [(p["payment_type"], p["amount"], p["date"]) for p in loaded.rows("account.payment", [], ["payment_type", "amount", "date"])]
    assert sorted(found) == [
        ("inbound", 100.1, "2024-04-20"), ("inbound", 208.44, "2024-04-20"), ("inbound", 208.44, "2024-04-21"),
        ("inbound", 300.0, "2024-04-20"), ("outbound", 208.44, "2024-04-20"),
    ]  # fmt: skip


def test_a_posted_document_has_no_follower(loaded: Loaded) -> None:
    assert loaded.rows("mail.followers", [("res_model", "in", ["account.move", "account.payment", "sale.order"])], ["res_id"]) == []


def test_foreign_currencies_are_on_with_a_rate_and_what_was_is_kept(loaded: Loaded) -> None:
    found = loaded.rows("res.currency", [("name", "in", ["EUR", "INR"])], ["name", "active"])
    assert {c["name"]: c["active"] for c in found} == {"EUR": True, "INR": True}
    assert len(loaded.rows("res.currency.rate", [], ["currency_id"])) == 2


def test_running_again_creates_and_changes_nothing(loaded: Loaded) -> None:
    def stamps() -> list[list[dict[str, Any]]]:
        models = ("account.move", "account.move.line", "account.payment", "sale.order", "sale.order.line", "ir.attachment", "product.product")
        return [loaded.rows(model, [], ["write_date"]) for model in models]

    before = stamps()
    again = loaded.again()
    assert again.ok
    assert sum(t["created"] + t["updated"] for t in again.result["targets"].values()) == 0
    assert stamps() == before


@pytest.mark.parametrize(
    ("decision", "code"),
    [pytest.param("create", "", marks=pytest.mark.exhaustive), pytest.param("fallback", "", marks=pytest.mark.exhaustive), ("map", "GTX-1")],
)
def test_a_decision_about_a_product_lets_its_document_in(tmp_path: Path, decision: str, code: str) -> None:
    loaded = Loaded(root_with(tmp_path), "18.0")
    held = loaded.outcome.result["targets"]["sale.order.line"]["held"]
    assert (held, loaded.outcome.result["queues"]["products"]) == (2, 1), "the document waits with all its lines"
    if decision == "map":  # what is mapped to must be the customer's own
        opened = loaded.odoo()
        opened.create("product.product", [{"name": "Theirs", "default_code": "THEIRS", "type": "consu"}])
        opened.close()
        code = "THEIRS"
    decide_products(tmp_path, [("", "GTXPro", decision, code)])
    again = loaded.again()
    assert again.ok
    assert again.result["queues"]["products"] == 0
    assert again.result["objects"]["proposals"]["loaded"] == 7
    (line,) = loaded.rows("sale.order.line", [("name", "=", "GTXPro")], ["product_id", "price_unit"])
    (product,) = loaded.rows("product.product", [("id", "=", line["product_id"])], ["name", "default_code"])
    meant = {"create": ("GTXPro", False), "fallback": ("Leadforce item without product", "LF-OTHER"), "map": ("Theirs", "THEIRS")}
    assert (product["name"], product["default_code"]) == meant[decision]


def load_attachments(root: Path, before: Callable[[Migration, Destination], None]) -> tuple[LoadCounts, list[str]]:
    """Load everything up to the attachments, let something happen, load these; gives counts and reasons of refusals."""
    settings = Settings.load(root, {"ODOO_SANDBOX_VERSION": "18.0"})
    with Migration(settings, "leadforce") as migration:
        migration.read(migration.newest_drop())
        migration.stage()
        destination = migration.open("sandbox")
        migration.preflight("sandbox", destination)
        attachment = migration.mapping.target("ir.attachment")
        for target in migration.mapping.targets:
            if target.phase < attachment.phase:
                migration.load("sandbox", destination, target)
        before(migration, destination)
        counts, _ = migration.load("sandbox", destination, attachment)
        destination.close()
        reasons = [row[0] for row in migration.store.rows("SELECT message FROM ops.refusal WHERE model = 'ir.attachment'")]
    assert counts is not None
    return counts, reasons


def test_a_file_that_changed_after_staging_is_refused(tmp_path: Path) -> None:
    root = root_with(tmp_path)

    def change_a_file(migration: Migration, destination: Destination) -> None:
        (root / "exports" / "leadforce" / "2026-10-31-full" / "attachments" / "offer.pdf").write_bytes(b"another")

    counts, reasons = load_attachments(root, change_a_file)
    assert (counts.created, counts.failed) == (2, 2)
    assert all("was changed after the export was read" in reason for reason in reasons)


def test_a_file_whose_record_was_deleted_in_odoo_is_held_before_the_call(tmp_path: Path) -> None:
    def delete_a_lead(migration: Migration, destination: Destination) -> None:
        domain = [("module", "=", "leadforce"), ("name", "=", "leads_L1")]
        (lead,) = destination.search_read("ir.model.data", domain, ["res_id"])
        destination.unlink("crm.lead", [lead["res_id"]])

    counts, reasons = load_attachments(root_with(tmp_path), delete_a_lead)
    assert (counts.created, counts.held) == (2, 2)
    assert all("was deleted in Odoo" in reason for reason in reasons)


def test_an_invoice_whose_totals_odoo_computes_otherwise_stays_a_draft(tmp_path: Path) -> None:
    """A price with three decimals where Odoo keeps two: proven wrong before posting, so never posted."""
    export = document_export()
    export.invoice_items = [item("X1", "I02", "1000", "0.125", Tax_pct="18")]
    export.invoices = [next(i for i in export.invoices if i["Invoice ID"] == "I02") | {"Subtotal": "125.00", "Tax Amount": "22.50", "Total": "147.50", "Balance Due": "147.50"}]
    loaded = Loaded(root_with(tmp_path, export), "18.0")
    assert "records_finished" in [c["check"] for c in loaded.failed()]
    (move,) = loaded.rows("account.move", [("ref", "=", "LF-I02")], ["state", "amount_total"])
    assert (move["state"], move["amount_total"]) == ("draft", 153.4)
    preflight = next(c for c in loaded.outcome.result["checks"] if c["check"] == "amounts_can_be_kept")
    assert "price_unit with more than 2 decimals" in preflight["message"]


def test_a_proposal_s_own_total_is_kept_where_its_lines_say_otherwise(tmp_path: Path) -> None:
    export = document_export()
    lines = [item("Y1", "P9", "2", "10")]
    export.proposal_items += lines
    export.proposals.append(proposal("P9", "D2", "Sent", lines, Total="99.99"))
    loaded = Loaded(root_with(tmp_path, export), "18.0")
    assert loaded.outcome.ok
    (order,) = loaded.rows("sale.order", [("name", "=", "PR-P9")], ["amount_total", "x_leadforce_total"])
    assert (order["amount_total"], order["x_leadforce_total"]) == (20.0, 99.99)


@pytest.mark.parametrize("version", ["18.0", "19.0"])
def test_a_draft_that_stays_a_draft_has_the_stated_tax(data_root: Path, version: str) -> None:
    """Tax by line is 0.02 for each of two lines of 0.10, tax of the document 0.03; Odoo knows one of the two ways."""
    base = document_export()
    export = SmallExport(leads=base.leads, deals=base.deals)
    for key, by_line in (("I1", True), ("I2", False)):
        lines = [item(f"{key}{part}", key, "1", "0.10", Tax_pct="15") for part in "ab"]
        export.invoice_items += lines
        export.invoices.append(invoice(key, "Draft", lines, by_line=by_line))
    export.write(data_root)
    decide_owners(data_root, TYPICAL_DECISIONS)
    outcome = migrate(data_root, environ=environ(version))
    assert outcome.ok, [check for check in outcome.result["checks"] if not check["passed"]]
    destination = destination_of(data_root, version)
    found = by_external_id(destination, "account.move", ["state", "amount_tax"])
    destination.close()
    assert [(found[f"invoices_{key}"]["state"], found[f"invoices_{key}"]["amount_tax"]) for key in ("I1", "I2")] == [("draft", 0.04), ("draft", 0.03)]
