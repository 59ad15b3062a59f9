"""Rules over whole documents (R-12): what is inconsistent is set aside before any call, with reason and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.settings import Settings
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.small_documents import document_export


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    root = tmp_path_factory.mktemp("documents")
    document_export().write(root)
    with Migration(Settings.load(root, {}), "leadforce") as migration:
        results = migration.read(migration.newest_drop())
        results += migration.stage()
        assert not [r for r in results if r.stops]
        yield migration.store


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("I20", "subtotal_mismatch"), ("I21", "total_mismatch"), ("I22", "paid_too_little"), ("I23", "no_lines"),
        ("I24", "duplicate_invoice_number"), ("I25", "tax_mismatch"), ("I26", "parent_quarantined"), ("I27", "negative_total"),
    ],
)  # fmt: skip
def test_an_inconsistent_invoice_is_quarantined_with_its_lines(staged: StagingStore, key: str, reason: str) -> None:
    assert staged.rows("SELECT fate, reason FROM ops.fate WHERE object = 'invoices' AND key = ?", [key]) == [("quarantined", reason)]
    messages = [row[0] for row in staged.rows("SELECT message FROM ops.issue WHERE object = 'invoices' AND key = ? AND severity = 'error'", [key])]
    assert len(messages) == 1
    assert messages[0].startswith("invoices.csv, row ")
    lines = staged.rows("SELECT reason FROM ops.fate WHERE object = 'invoice_items' AND detail LIKE ?", [f"%{key}%"])
    assert {reason for (reason,) in lines} <= {"parent_quarantined"}
    assert not staged.rows("SELECT * FROM typed.invoice_items WHERE invoice_id = ?", [key])


def test_consistent_invoices_are_accepted(staged: StagingStore) -> None:
    keys = [row[0] for row in staged.rows("SELECT invoice_id FROM typed.invoices ORDER BY 1")]
    assert keys == [f"I{n:02}" for n in range(1, 16)]


def test_the_message_names_place_column_value_and_what_to_do(staged: StagingStore) -> None:
    message = staged.value("SELECT message FROM ops.issue WHERE key = 'I21'")
    assert message == (
        "invoices.csv, row 18, Total 999.000000: subtotal and tax do not add up to the total. "
        "Correct it in the CRM and export again."
    )


@pytest.mark.parametrize(("key", "reason"), [("I13", "overpaid"), ("I15", "payment_without_date")])
def test_odd_invoices_are_loaded_with_a_warning(staged: StagingStore, key: str, reason: str) -> None:
    found = staged.rows("SELECT reason FROM ops.issue WHERE object = 'invoices' AND key = ? AND severity = 'warning'", [key])
    assert (reason,) in found


def test_a_proposal_without_customer_is_quarantined_and_one_that_does_not_add_up_is_not(staged: StagingStore) -> None:
    assert staged.rows("SELECT key, reason FROM ops.fate WHERE object = 'proposals'") == [("P7", "no_customer")]
    assert staged.rows("SELECT key, reason FROM ops.fate WHERE object = 'proposal_items'") == [("PL7a", "parent_quarantined")]


def test_what_lines_add_up_to_is_known_of_the_document(staged: StagingStore) -> None:
    found = staged.rows("SELECT lines_count, lines_net, lines_tax FROM typed.invoices WHERE invoice_id = 'I03'")[0]
    assert [str(value) for value in found] == ["2", "190.44", "18.00"]


def test_a_rounded_line_total_becomes_a_line_of_its_own(staged: StagingStore) -> None:
    rows = staged.rows(
        "SELECT external_id, quantity, price_unit::DECIMAL(9,2)::VARCHAR FROM staged.account_move_line "
        "WHERE move_id = 'invoices_I09' ORDER BY 1"
    )
    assert [(name, float(quantity), price) for name, quantity, price in rows] == [
        ("invoice_items_I09a", 3.0, "33.33"), ("invoice_rounding_I09a", 1.0, "0.01"),
    ]  # fmt: skip


def test_a_credit_note_below_zero_is_turned(staged: StagingStore) -> None:
    rows = staged.rows("SELECT quantity::DOUBLE, price_unit::DOUBLE, price_subtotal::DOUBLE FROM staged.account_move_line WHERE move_id = 'invoices_I12'")
    assert rows == [(1.0, 80.0, 80.0)]
    assert staged.rows("SELECT move_type, amount_total::DOUBLE, amount_residual::DOUBLE FROM staged.account_move WHERE external_id = 'invoices_I12'") == [
        ("out_refund", 94.4, 94.4)
    ]


@pytest.mark.parametrize(("key", "journal", "name"), [("I02", "journal_LFH", "LF-I02"), ("I07", "journal_LFR", None)])
def test_a_number_odoo_would_refuse_goes_to_the_journal_odoo_numbers(
    staged: StagingStore, key: str, journal: str, name: str | None
) -> None:
    found = staged.rows("SELECT journal_id, name, ref IS NOT NULL FROM staged.account_move WHERE external_id = ?", [f"invoices_{key}"])
    assert found == [(journal, name, True)]


def test_payments_are_those_of_open_and_paid_documents_on_their_day(staged: StagingStore) -> None:
    rows = staged.rows("SELECT external_id, payment_type, amount::DOUBLE, date::VARCHAR FROM staged.account_payment ORDER BY 1")
    assert rows == [
        ("payment_I03", "inbound", 208.44, "2024-04-20"), ("payment_I04", "inbound", 100.1, "2024-04-20"),
        ("payment_I11", "outbound", 208.44, "2024-04-20"), ("payment_I13", "inbound", 300.0, "2024-04-20"),
        ("payment_I15", "inbound", 208.44, "2024-04-21"),
    ]  # fmt: skip
