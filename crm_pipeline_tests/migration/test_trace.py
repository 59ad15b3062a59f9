"""Where a record came from and what became of a row, asked of a finished migration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.trace import trace_key, trace_record
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.settings import Settings

ENVIRON = {"ODOO_SANDBOX_VERSION": "18.0"}


@pytest.fixture
def root(migrated: Callable[..., Path]) -> Path:
    return migrated("18.0")


def open_migration(root: Path) -> Migration:
    return Migration(Settings.load(root, ENVIRON), "leadforce")


def field_of(facts: dict[str, Any], model: str, name: str) -> dict[str, Any]:
    (record,) = [record for record in facts["records"] if record["model"] == model]
    (found,) = [field for field in record["fields"] if field["field"] == name]
    return dict(found)


def test_a_record_leads_back_to_its_row_rule_and_run(root: Path) -> None:
    with open_migration(root) as migration:
        lead = migration.store.value("SELECT odoo_id FROM ops.ledger WHERE external_id = 'leads_L2'")
        facts = trace_record(migration, "sandbox", "crm.lead", lead)
    assert facts["verdict"] == f"crm.lead {lead} was created by the migration."
    (record,) = facts["records"]
    assert (record["external_id"], record["origin"], record["changed_by"]) == ("leadforce.leads_L2", "created", "admin")
    assert [run["did"] for run in record["runs"]] == ["created it"]
    (row,) = facts["rows"]
    assert (row["object"], row["file"], row["row"], row["fate"]) == ("leads", "leads.csv", 3, "loaded")
    assert {"column": "Estimated Value", "raw": "$500", "typed": "500.000000"} in row["cells"]
    revenue = field_of(facts, "crm.lead", "expected_revenue")
    assert (revenue["rule"], revenue["staged"], revenue["odoo"], revenue["differs"]) == ("column estimated_value; 0 where blank", "500.000000", 500.0, False)
    assert not any(field["differs"] for field in record["fields"])


def test_a_value_changed_in_odoo_is_shown_as_different(root: Path) -> None:
    odoo = EmbeddedOdoo(root / "staging" / "leadforce.sandbox.odoo-18.0.sqlite", "18.0", now=lambda: datetime.now(UTC))
    with open_migration(root) as migration:
        lead = migration.store.value("SELECT odoo_id FROM ops.ledger WHERE external_id = 'leads_L2'")
        odoo.write("crm.lead", [lead], {"city": "Mumbai"})
        odoo.close()
        facts = trace_record(migration, "sandbox", "crm.lead", lead)
    city = field_of(facts, "crm.lead", "city")
    assert (city["last_loaded"], city["odoo"], city["differs"]) == ("Delhi", "Mumbai", True)


def test_a_person_leads_to_all_rows_it_was_made_of(root: Path) -> None:
    with open_migration(root) as migration:
        partner = migration.store.value("SELECT odoo_id FROM ops.ledger WHERE external_id = 'contact_zed@gmail.com'")
        facts = trace_record(migration, "sandbox", "res.partner", partner)
    assert [row["key"] for row in facts["rows"]] == ["L4", "L5"]


def test_a_key_says_its_fate_and_where_it_went(root: Path) -> None:
    with open_migration(root) as migration:
        merged = trace_key(migration, "sandbox", "leads", "l1")
        refused = trace_key(migration, "sandbox", "leads", "L6")
        unknown = trace_key(migration, "sandbox", "leads", "L999")
        with pytest.raises(MigrationError, match="no object 'lead'"):
            trace_key(migration, "sandbox", "lead", "L1")
    assert "merged (lead_with_deals; deals_D2)" in merged["verdict"]
    made = {record["external_id"] for record in merged["records"]}
    assert {"leadforce.deals_D2", "leadforce.contact_amy@acme.com", "leadforce.company_acme.com"} <= made
    assert "quarantined" in refused["verdict"]
    assert refused["rows"][0]["findings"][0]["reason"] == "unknown_value"
    assert not refused["records"]
    assert unknown["verdict"] == "The export that was read last has no leads with the key 'L999'."


def test_what_is_not_the_migrations_is_said_to_be_so(root: Path) -> None:
    with open_migration(root) as migration:
        linked = trace_record(migration, "sandbox", "res.users", 2)
        foreign = trace_record(migration, "sandbox", "res.partner", 1)
        nothing = trace_record(migration, "sandbox", "res.partner", 99999)
    assert linked["verdict"] == "res.users 2 is not the migration's: it was there before, and leadforce.users_U1 was linked to it."
    assert [row["key"] for row in linked["rows"]] == ["U1"]
    assert "no row leads to it" in foreign["verdict"]
    assert nothing["verdict"] == "There is no res.partner 99999 in Odoo."


def test_nothing_staged_is_one_sentence(data_root: Path) -> None:
    with open_migration(data_root) as migration, pytest.raises(MigrationError, match="no export of leadforce is staged"):
        trace_record(migration, "sandbox", "crm.lead", 1)
