"""Decisions about values and rows, from the queue to the destination: what was set aside is loaded, and nothing else is."""

from __future__ import annotations

import csv
import logging
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.reports.decisions import waiting_values
from crm_pipeline.settings import Settings
from crm_pipeline.staging.decision_outcomes import decision_counts
from crm_pipeline.verification.accounting import account
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.exports.workbooks import book
from crm_pipeline_tests.small_export import SmallExport, deal, decide_owners, lead, write_csv

VALUES = ("object", "column", "source_value", "decision", "target_value")
ROWS = ("object", "key", "decision", "column", "new_value")
LEADS = (
    "res.users", "ir.model", "ir.model.access", "crm.team", "ir.model.fields", "ir.model.fields.selection", "crm.stage", "res.partner", "crm.lead",
)  # fmt: skip


def dirty_export() -> SmallExport:
    region = {
        "Field ID": "F1", "Object": "Lead", "Label": "Region", "Export Column": "CF: Region", "Type": "Select", "Options": "North|South",
        "Required": "No", "Notes": "",
    }  # fmt: skip
    names = ("L1", "L2", "L3", "L4", "L5", "L6")
    statuses = ("New", "Hot", "hot ", "Junk", "New", "Weird")
    leads = [lead(key, First_Name=key, Lead_Status=status, Owner_Email="asha@corp.in") for key, status in zip(names, statuses, strict=True)]
    for each, value in zip(leads, ("north", "Nort", "n/a", "", "", ""), strict=True):
        each["CF: Region"] = value
    deals = [
        deal("D1", Deal_Stage="Negotation", Owner_Email="asha@corp.in"), deal("D2", Deal_Stage="Quote"),
        deal("D3", Deal_Stage="Quote", Deal_Name="", Owner_Email="asha@corp.in"), deal("D4", Pipeline="Nowhere"),
    ]  # fmt: skip
    return SmallExport(leads=leads, deals=deals, custom_fields=[region])


def decide(root: Path, source: str, values: list[tuple[str, ...]], rows: list[tuple[str, ...]]) -> None:
    folder = root / "resolutions" / source
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns, decisions in (("values", VALUES, values), ("rows", ROWS, rows)):
        if decisions:
            write_csv(folder / f"{name}.csv", [dict(zip(columns, each, strict=True)) for each in decisions])


def balanced(result: dict[str, Any]) -> bool:
    fates = ("loaded", "merged", "excluded", "quarantined", "queued", "duplicates")
    return all(each["exported"] == sum(each[fate] for fate in fates) for each in result["objects"].values())


def listed(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_what_was_set_aside_is_loaded_after_a_decision_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dirty_export().write(tmp_path)
    decide_owners(tmp_path, [("asha@corp.in", "map", "admin")])
    before = migrate(tmp_path, only=LEADS)
    assert before.report is not None
    folder = before.report.parent
    assert balanced(before.result)
    assert (before.result["objects"]["leads"]["quarantined"], before.result["objects"]["deals"]["quarantined"]) == (4, 3)
    values = {(row["column"], row["source_value"]): row["rows"] for row in listed(folder, "queue_values.csv")}
    assert values == {
        ("lead_status", "Hot"): "2", ("lead_status", "Junk"): "1", ("lead_status", "Weird"): "1", ("cf_region", "Nort"): "1",
        ("cf_region", "n/a"): "1", ("deal_stage", "Negotation"): "1", ("deal_stage", "Quote"): "1",
    }  # fmt: skip
    assert before.result["queues"]["values"] == len(values)
    rows = {(row["key"], row["column"], row["reason"]) for row in listed(folder, "queue_rows.csv")}
    assert {("D3", "deal_name", "missing_value"), ("D1", "deal_stage", "unknown_stage"), ("L2", "cf_region", "unknown_value")} <= rows

    decide(
        tmp_path, "leadforce",
        [("leads", "Lead Status", "HOT", "map", "Contacted"), ("leads", "lead_status", "Junk", "skip_row", ""),
         ("leads", "CF: Region", "Nort", "map", "north"), ("leads", "CF: Region", "N/A", "blank", ""),
         ("deals", "dealstage", "negotation", "map", "Quote")],
        [("deals", "D3", "fix", "Deal Name", "Named by hand"), ("leads", "L6", "skip", "", "our own test"),
         ("deals", "D2", "accept", "Owner Email", ""), ("deals", "D9", "skip", "", "gone")],
    )  # fmt: skip
    with caplog.at_level(logging.INFO, "crm_pipeline"):
        after = migrate(tmp_path, only=LEADS)
    assert balanced(after.result)
    assert after.result["objects"]["leads"] | {"loaded": 4, "excluded": 2, "quarantined": 0, "reasons": {"skipped_by_decision": 2}} == after.result["objects"]["leads"]
    assert after.result["objects"]["deals"] | {"loaded": 3, "quarantined": 1} == after.result["objects"]["deals"]
    assert after.result["targets"]["crm.lead"] | {"created": 4, "updated": 0, "unchanged": 3} == after.result["targets"]["crm.lead"]
    assert after.result["verification"]["differences"] == 0
    assert after.result["decisions"] == {
        "values_mapped": 4, "values_blanked": 1, "rows_fixed": 1, "rows_skipped": 2, "warnings_accepted": 1, "decisions_not_used": 1,
    }  # fmt: skip
    assert "rows.csv, row 5: deals has no row with the key D9; the decision is not used" in caplog.messages
    assert any("4 values mapped, 1 values blanked" in message for message in caplog.messages)

    decided = {(row["key"], row["column"]): (row["decision"], row["before"], row["after"]) for row in listed(folder, "decided.csv")}
    assert decided["D1", "deal_stage"] == ("map", "Negotation", "Quote")
    assert decided["D3", "deal_name"] == ("fix", "", "Named by hand")
    assert decided["L6", ""] == ("skip", "", "")
    assert ("D2", "Owner Email", "blank_owner") not in {(row["key"], row["column"], row["reason"]) for row in listed(folder, "queue_rows.csv")}
    page = before.report.read_text(encoding="utf-8")
    assert "our own test (rows.csv, row 3)" in page
    assert "Named by hand" in page
    (warning,) = [c for c in after.result["checks"] if c["asset"].endswith("stg_crm_lead") and c["check"] == "rows_without_warning"]
    assert "accepted by decision: 1" in warning["message"]
    odoo = EmbeddedOdoo(tmp_path / "staging" / "leadforce.sandbox.odoo-18.0.sqlite", "18.0", now=lambda: datetime.now(UTC))
    assert [found["name"] for found in odoo.search_read("crm.lead", [("name", "=", "Named by hand")], ["name"])] == ["Named by hand"]


def test_values_of_workbooks_are_decided_about(tmp_path: Path) -> None:
    drop = tmp_path / "exports" / "legrand" / "2026-10-31-full"
    book(drop / "Users.xlsx", [["UserID", "Full Name", "Email"], [1, "Mia", "mia@x.example"]], title="Users")
    book(
        drop / "PipelineStages.xlsx",
        [["Pipeline", "Stage Order", "Stage Name", "Probability (%)", "Outcome"], ["Sales", 1, "Qualified", 25, "Open"], ["Sales", 2, "Closing phase", 90, "open"]],
        title="Pipeline Stages",
    )  # fmt: skip
    accounts = [["AccountID", "Company Name", "Account Type"], [100123, "Acme", "Custumer"], [100124, "Bolt", "Prospect"]]
    book(drop / "Accounts.xlsx", accounts, title="Accounts")
    book(drop / "Contacts.xlsx", [["ContactID", "AccountID", "Full Name"], [100123, 100123, "Ann"]], title="Contacts")
    deals = [[n, f"Deal {n}", 100123, "Sales", stage, ""] for n, stage in ((1, "Qualified"), (2, "Qualifed"), (3, " QUALIFED"), (4, "Limbo"))]
    head = ["OpportunityID", "Opportunity Name", "AccountID", "Pipeline", "Stage", "Status"]
    book(drop / "Opportunities.xlsx", [head, *deals], title="Opportunities")
    decide(
        tmp_path, "legrand",
        [("opportunities", "Stage Name", "qualifed", "map", "closing phase"), ("opportunities", "stage", "Limbo", "skip_row", ""),
         ("accounts", "Company Type", "Custumer", "map", "customer")],
        [("accounts", "100124.0", "fix", "Company Name", "Bolt & Sons")],
    )  # fmt: skip
    with Migration(Settings.load(tmp_path, {"ODOO_SANDBOX_VERSION": "18.0"}), "legrand") as migration:
        migration.read(migration.newest_drop())
        migration.stage()
        with closing(migration.open("sandbox")) as destination:
            for model in ("res.partner.category", *LEADS):
                migration.load("sandbox", destination, migration.mapping.target(model))
        migration.account("sandbox")
        accounts_of = {row["object"]: row for row in account(migration.store, migration.mapping).to_dicts()}
        exported = migration.store.rows("SELECT stage FROM raw.opportunities ORDER BY _row_id")
        loaded = migration.store.rows("SELECT opportunity_id, stage FROM typed.opportunities ORDER BY 1")
        partner = migration.store.value("SELECT name FROM staged.res_partner WHERE external_id = 'accounts_100124'")
        counts, waiting = decision_counts(migration.store), waiting_values(migration.store)
    assert [stage for (stage,) in exported] == ["Qualified", "Qualifed", " QUALIFED", "Limbo"]
    assert loaded == [("1", "Qualified"), ("2", "closing phase"), ("3", "closing phase")]
    assert accounts_of["opportunities"] | {"exported": 4, "loaded": 3, "excluded": 1, "accounted": 4} == accounts_of["opportunities"]
    assert accounts_of["accounts"] | {"exported": 2, "loaded": 2, "accounted": 2} == accounts_of["accounts"]
    assert (partner, counts["values_mapped"], waiting.height) == ("Bolt & Sons", 3, 0)
