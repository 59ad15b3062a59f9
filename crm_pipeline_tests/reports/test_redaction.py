"""A report without personal data holds none of the export's, and still says everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.reports.redaction import MASK, redact
from crm_pipeline.settings import Settings
from crm_pipeline_tests.small_export import typical_export


def test_no_person_is_in_it(migrated: Callable[..., Path]) -> None:
    root = migrated()
    with Migration(Settings.load(root, {"ODOO_SANDBOX_VERSION": "18.0"}), "leadforce") as migration:
        migration.store.execute(
            """INSERT INTO ops.difference BY NAME SELECT 'sandbox' AS env, 'res.partner' AS model, 'contact_amy@acme.com' AS external_id,
               7 AS odoo_id, 'name' AS field, 'Amy Ng' AS expected, 'Somebody Else' AS actual, 'changed' AS class"""
        )
        path = run.redacted_report(migration, "sandbox")
        whole = run.report(migration, "sandbox").read_text(encoding="utf-8")
    page = path.read_text(encoding="utf-8")
    assert path.name == "report-redacted.html"
    export = typical_export()
    names = ("First Name", "Email", "Phone", "Company Name", "Owner Email", "Full Name", "Lead ID")
    personal = {str(row[name]) for row in (*export.leads, *export.users) for name in names if len(str(row.get(name, ""))) > 2}
    assert "amy@acme.com" in whole
    assert "Somebody Else" in whole
    assert [text for text in personal | {"Somebody Else", "Amy Ng", "amy%40acme.com"} if text in page] == []
    assert MASK in page
    assert "Exported rows" in page
    assert "crm.lead.expected_revenue" in page


def test_sentences_keep_their_sense() -> None:
    said = redact({"quarantine": [{"problem": "Email 'a@b.c' is no e-mail address; ask a@b.c or +91 98765 43210", "row": 7, "object": "leads"}]})
    assert said["quarantine"] == [{"problem": f"Email {MASK} is no e-mail address; ask {MASK} or {MASK}", "row": 7, "object": "leads"}]


def test_rules_and_sums_are_left_alone() -> None:
    content = {"totals": [{"name": "crm.lead.expected_revenue", "source": "12345678.00"}], "mapping": ["'x' || email"]}
    assert redact(content) == content
