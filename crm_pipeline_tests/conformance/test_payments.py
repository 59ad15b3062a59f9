"""Payments: their entries, states, reconciliation with documents and its undoing (ODOO_FACTS 8, 14)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.documents import Documents, documents

__all__ = ["documents"]


def paid_state(documents: Documents, *, all_paid: bool) -> str:
    """The state of a posted payment."""
    if documents.version == "17.0":
        return "posted"
    return "paid" if all_paid and documents.version == "19.0" else "in_process"


def invoice_state(documents: Documents, key: int) -> tuple[Any, ...]:
    record = documents.read("account.move", key, "payment_state", "amount_residual")
    return record["payment_state"], record["amount_residual"]


def payment_state(documents: Documents, key: int) -> tuple[Any, ...]:
    record = documents.read("account.payment", key, "state", "is_reconciled")
    return record["state"], record["is_reconciled"]


def test_a_bank_journal_has_its_own_account_and_methods(documents: Documents, destination: Destination) -> None:
    fields = ["id", "name", "type", "code"]
    result = documents.load(
        "account.journal", fields, [f"{documents.unique}.b", "Bank X", "bank", documents.unique[3:8]]
    )
    assert result.ids is not None, result.messages
    (key,) = result.ids
    record = documents.read("account.journal", key, "default_account_id", "suspense_account_id", "type")
    (account,) = destination.search_read(
        "account.account", [["id", "=", record["default_account_id"]]], ["name", "account_type"]
    )
    assert (account["name"], account["account_type"]) == ("Bank X", "asset_cash")
    assert record["suspense_account_id"] is not False
    lines = destination.search_read(
        "account.payment.method.line",
        [["journal_id", "=", key]],
        ["payment_type", "code", "payment_account_id"],
        order="id",
    )
    assert [(line["payment_type"], line["code"], line["payment_account_id"]) for line in lines] == [
        ("inbound", "manual", False), ("outbound", "manual", False),
    ]  # fmt: skip
    both = documents.read("account.journal", key, "inbound_payment_method_line_ids", "outbound_payment_method_line_ids")
    assert list(both.values()) == [[lines[0]["id"]], [lines[1]["id"]]]
    assert (
        destination.search_count(
            "account.payment.method.line", [["journal_id", "=", key], ["payment_type", "=", "inbound"]]
        )
        == 1
    )


def test_a_draft_is_loaded(documents: Documents) -> None:
    fields = [
        "id",
        "payment_type",
        "partner_type",
        "partner_id/.id",
        "amount",
        "date",
        "journal_id/.id",
        "currency_id/.id",
        documents.memo,
    ]
    row = [
        f"{documents.unique}.p",
        "inbound",
        "customer",
        str(documents.partner),
        "100",
        "2020-03-20",
        str(documents.bank),
        "1",
        "A-1",
    ]
    result = documents.load("account.payment", fields, row)
    assert result.ids is not None, result.messages
    record = documents.read(
        "account.payment",
        result.ids[0],
        "state",
        "amount",
        "date",
        "journal_id",
        "currency_id",
        "payment_type",
        documents.memo,
    )
    assert record == {
        "state": "draft", "amount": 100, "date": "2020-03-20", "journal_id": documents.bank, "currency_id": 1,
        "payment_type": "inbound", documents.memo: "A-1",
    }  # fmt: skip
    again = documents.load("account.payment", fields, [*row[:4], "120", *row[5:]])
    assert again.ids == result.ids
    assert documents.read("account.payment", result.ids[0], "amount") == {"amount": 120}


def test_a_draft_has_an_entry_in_17_only(documents: Documents) -> None:
    key = documents.payment()
    move = documents.read("account.payment", key, "move_id")["move_id"]
    assert bool(move) == (documents.version == "17.0")
    if move:
        assert [line["balance"] for line in documents.lines(move, "product", "balance")] == [100, -100]


@pytest.mark.parametrize(("kind", "sign"), [("inbound", 1), ("outbound", -1)])
def test_posting_makes_the_entry(documents: Documents, kind: str, sign: int) -> None:
    code = documents.unique[1:6]
    keys = [documents.payment(payment_type=kind), documents.payment(50, payment_type=kind)]
    documents.call("account.payment", "action_post", *keys)
    for number, (key, amount) in enumerate(zip(keys, (100, 50), strict=True), 1):
        record = documents.read("account.payment", key, "state", "name", "move_id")
        assert (record["state"], record["name"]) == (
            paid_state(documents, all_paid=False),
            f"P{code}/2020/0000{number}",
        )
        fields = ("amount_currency", "balance", "amount_residual", "account_type", "reconciled", "parent_state", "date")
        shared = {"reconciled": False, "parent_state": "posted", "date": "2020-03-20"}
        each = sign * amount
        assert documents.lines(record["move_id"], "product", *fields) == [
            {
                "amount_currency": each,
                "balance": each,
                "amount_residual": each,
                "account_type": "asset_current",
                **shared,
            },
            {
                "amount_currency": -each,
                "balance": -each,
                "amount_residual": -each,
                "account_type": "asset_receivable",
                **shared,
            },
        ]
        move = documents.read(
            "account.move",
            record["move_id"],
            "name",
            "move_type",
            "state",
            "journal_id",
            "partner_id",
            "ref",
            "amount_total",
        )
        assert move == {
            "name": record["name"], "move_type": "entry", "state": "posted", "journal_id": documents.bank,
            "partner_id": documents.partner, "ref": "memo", "amount_total": amount,
        }  # fmt: skip


def test_the_year_of_the_number_is_the_payments(documents: Documents) -> None:
    code = documents.unique[1:6]
    keys = [documents.paid(date=day) for day in ("2020-03-20", "2021-01-01", "2020-12-31")]
    names = [documents.read("account.payment", key, "name")["name"] for key in keys]
    assert names == [f"P{code}/2020/00001", f"P{code}/2021/00001", f"P{code}/2020/00002"]


def test_posting_subscribes_the_partner_of_the_entry_before_19(documents: Documents, destination: Destination) -> None:
    key = documents.paid()
    domain = [["res_model", "=", "account.move"], ["res_id", "=", documents.entry(key)]]
    assert destination.search_count("mail.followers", domain) == (documents.version != "19.0")
    assert (
        destination.search_count("mail.followers", [["res_model", "=", "account.payment"], ["res_id", "=", key]]) == 0
    )


def test_a_negative_amount_is_refused(documents: Documents) -> None:
    with pytest.raises(DataError, match="cannot be negative"):
        documents.payment(-5)


def test_posting_again(documents: Documents) -> None:
    key = documents.paid()
    if documents.version == "17.0":
        assert "must be in draft" in documents.refused("account.payment", "action_post", key)
    else:
        documents.call("account.payment", "action_post", key)
        assert documents.read("account.payment", key, "state") == {"state": "in_process"}


# -- reconciliation


def test_a_payment_of_all(documents: Documents) -> None:
    invoice, payment = documents.posted(), documents.paid()
    documents.reconcile(invoice, documents.entry(payment))
    assert invoice_state(documents, invoice) == ("paid", 0)
    assert payment_state(documents, payment) == (paid_state(documents, all_paid=True), True)
    assert documents.read("account.move", invoice, "amount_residual_signed") == {"amount_residual_signed": 0}
    (due,) = documents.lines(
        invoice,
        "payment_term",
        "reconciled",
        "amount_residual",
        "matched_credit_ids",
        "matched_debit_ids",
        "full_reconcile_id",
    )
    assert (due["reconciled"], due["amount_residual"], len(due["matched_credit_ids"]), due["matched_debit_ids"]) == (
        True,
        0,
        1,
        [],
    )
    assert due["full_reconcile_id"] is not False


def test_groups_of_lines_are_reconciled_each_by_itself(documents: Documents, destination: Destination) -> None:
    whole, part = (documents.posted(documents.invoice_line(price_unit=100)) for _ in range(2))
    payments = [documents.paid(amount) for amount in (100, 40, 60)]
    entries = [documents.entry(payment) for payment in payments]
    (part_due,) = documents.open_lines(part)
    groups = [
        documents.open_lines(whole, entries[0]), documents.open_lines(part, entries[1]),
        documents.open_lines(whole, entries[0]), [part_due, *documents.open_lines(entries[2])],
    ]  # fmt: skip
    answers = destination.call_each("account.move.line", "reconcile", groups, context=QUIET)
    assert [answer is None for answer in answers] == [True, True, False, True]
    assert "already reconciled" in str(answers[2])
    assert [invoice_state(documents, key)[1] for key in (whole, part)] == [0, 0]
    assert [payment_state(documents, key)[1] for key in payments] == [True, True, True]
    matched = [documents.lines(part, "payment_term", "matching_number", "full_reconcile_id")[0]]
    matched += [line for entry in entries[1:] for line in documents.lines(entry, "product", "matching_number", "full_reconcile_id", "account_type") if line["account_type"] == "asset_receivable"]
    assert {line["full_reconcile_id"] for line in matched} == {matched[0]["full_reconcile_id"]} != {False}
    assert {line["matching_number"] for line in matched} == {str(matched[0]["full_reconcile_id"])}


def test_a_payment_of_a_part_and_then_too_much(documents: Documents, destination: Destination) -> None:
    invoice, first, second = documents.posted({"price_unit": 250}), documents.paid(), documents.paid(500)
    documents.reconcile(invoice, documents.entry(first))
    assert invoice_state(documents, invoice) == ("partial", 150)
    assert payment_state(documents, first) == (paid_state(documents, all_paid=False), True)
    documents.reconcile(invoice, documents.entry(second))
    assert invoice_state(documents, invoice) == ("paid", 0)
    assert payment_state(documents, first) == (paid_state(documents, all_paid=True), True)
    assert payment_state(documents, second) == (paid_state(documents, all_paid=True), False)
    assert [
        line["amount_residual"] for line in documents.lines(documents.entry(second), "product", "amount_residual")
    ] == [500, -350]
    other = documents.posted({"price_unit": 1000}, name="O-1")
    documents.reconcile(other, documents.entry(second))
    assert invoice_state(documents, other) == ("partial", 650)
    assert payment_state(documents, second) == (paid_state(documents, all_paid=False), True)
    (due,) = documents.lines(invoice, "payment_term", "id")
    found = destination.search_read(
        "account.partial.reconcile",
        [["debit_move_id", "=", due["id"]]],
        ["amount", "debit_amount_currency", "credit_amount_currency"],
        order="id",
    )
    assert [(row["amount"], row["debit_amount_currency"], row["credit_amount_currency"]) for row in found] == [
        (100, 100, 100),
        (150, 150, 150),
    ]


def test_a_payment_of_two_invoices_pays_the_one_due_first(documents: Documents) -> None:
    late = documents.posted({"price_unit": 50}, name="L-1", invoice_date_due="2020-06-01")
    early = documents.posted({"price_unit": 100}, name="L-2", invoice_date_due="2020-05-01")
    payment = documents.paid(120)
    documents.reconcile(late, early, documents.entry(payment))
    assert invoice_state(documents, early) == ("paid", 0)
    assert invoice_state(documents, late) == ("partial", 30)
    assert payment_state(documents, payment) == (paid_state(documents, all_paid=False), True)


def test_a_credit_note_is_paid_back(documents: Documents) -> None:
    note, payment = documents.posted(move_type="out_refund"), documents.paid(payment_type="outbound")
    documents.reconcile(note, documents.entry(payment))
    assert invoice_state(documents, note) == ("paid", 0)
    assert payment_state(documents, payment) == (paid_state(documents, all_paid=True), True)


def test_payment_and_credit_note_together_pay(documents: Documents) -> None:
    invoice = documents.posted(name="I-1")
    documents.posted({"price_unit": 40}, name="N-1", move_type="out_refund", reversed_entry_id=invoice)
    documents.reconcile(invoice, documents.entry(documents.paid(60)))
    assert invoice_state(documents, invoice) == ("paid", 0)


def test_in_a_foreign_currency(documents: Documents) -> None:
    euro = documents.currency("EUR", 0.9)
    invoice, payment = documents.posted({"price_unit": 90}, currency_id=euro), documents.paid(90, currency_id=euro)
    assert documents.lines(documents.entry(payment), "product", "amount_currency", "balance") == [
        {"amount_currency": 90, "balance": 100}, {"amount_currency": -90, "balance": -100},
    ]  # fmt: skip
    assert documents.read("account.payment", payment, "amount_company_currency_signed") == {
        "amount_company_currency_signed": 100
    }
    documents.reconcile(invoice, documents.entry(payment))
    assert invoice_state(documents, invoice) == ("paid", 0)
    assert payment_state(documents, payment) == (paid_state(documents, all_paid=True), True)


def test_parts_in_a_foreign_currency_leave_nothing_open(documents: Documents) -> None:
    euro = documents.currency("EUR", 0.9)
    invoice = documents.posted({"price_unit": 100}, currency_id=euro)
    for amount, left in ((33.33, 66.67), (33.33, 33.34), (33.34, 0)):
        documents.reconcile(invoice, documents.entry(documents.paid(amount, currency_id=euro)))
        assert invoice_state(documents, invoice) == ("partial" if left else "paid", left)
    assert documents.read("account.move", invoice, "amount_residual_signed") == {"amount_residual_signed": 0}


def test_dollars_pay_euros_at_the_rate(documents: Documents) -> None:
    euro = documents.currency("EUR", 0.9)
    invoice, payment = documents.posted({"price_unit": 100}, currency_id=euro), documents.paid(50)
    documents.reconcile(invoice, documents.entry(payment))
    assert invoice_state(documents, invoice) == ("partial", 55)
    assert documents.read("account.move", invoice, "amount_residual_signed") == {"amount_residual_signed": 61.11}


def test_another_partners_payment_pays_too(documents: Documents) -> None:
    other = documents.odoo.new("res.partner", name="Other")
    invoice, payment = documents.posted(partner_id=other), documents.paid()
    documents.reconcile(invoice, documents.entry(payment))
    assert invoice_state(documents, invoice) == ("paid", 0)


def test_what_is_reconciled_is_not_reconciled_again(documents: Documents) -> None:
    invoice, payment = documents.posted(), documents.paid()
    lines = documents.open_lines(invoice, documents.entry(payment))
    documents.call("account.move.line", "reconcile", *lines)
    assert "already reconciled" in documents.refused("account.move.line", "reconcile", *lines)
    documents.reconcile(invoice, documents.entry(payment))  # nothing is open: nothing is asked
    assert invoice_state(documents, invoice) == ("paid", 0)


def test_drafts_are_not_reconciled_before_19(documents: Documents) -> None:
    lines = documents.open_lines(documents.invoice())
    if documents.version == "19.0":
        documents.call("account.move.line", "reconcile", *lines)
    else:
        assert "posted entries" in documents.refused("account.move.line", "reconcile", *lines)


# -- undoing


def test_cancelling_an_invoice_frees_its_payments(documents: Documents) -> None:
    invoice, payment = documents.posted(), documents.paid()
    documents.reconcile(invoice, documents.entry(payment))
    documents.call("account.move", "button_cancel", invoice)
    assert documents.read("account.move", invoice, "state", "payment_state", "amount_residual") == {
        "state": "cancel", "payment_state": "not_paid", "amount_residual": 100,
    }  # fmt: skip
    assert payment_state(documents, payment) == (paid_state(documents, all_paid=False), False)
    assert [
        line["amount_residual"] for line in documents.lines(documents.entry(payment), "product", "amount_residual")
    ] == [100, -100]


def test_a_paid_invoice_becomes_a_draft(documents: Documents, destination: Destination) -> None:
    invoice, payment = documents.posted(), documents.paid()
    documents.reconcile(invoice, documents.entry(payment))
    documents.call("account.move", "button_draft", invoice)
    undone = documents.version != "19.0"
    assert invoice_state(documents, invoice) == (("not_paid", 100) if undone else ("paid", 0))
    assert payment_state(documents, payment) == (paid_state(documents, all_paid=True), not undone)
    destination.unlink("account.move", [invoice], context=QUIET)
    assert payment_state(documents, payment)[1] is False


def test_matches_are_removed(documents: Documents) -> None:
    invoice, payment = documents.posted(), documents.paid()
    lines = documents.open_lines(invoice)
    documents.reconcile(invoice, documents.entry(payment))
    documents.call("account.move.line", "remove_move_reconcile", *lines)
    assert invoice_state(documents, invoice) == ("not_paid", 100)
    assert payment_state(documents, payment) == (paid_state(documents, all_paid=False), False)


def test_a_payment_is_made_a_draft_and_deleted(documents: Documents, destination: Destination) -> None:
    invoice, payment = documents.posted(), documents.paid()
    entry = documents.entry(payment)
    documents.reconcile(invoice, entry)
    documents.call("account.payment", "action_draft", payment)
    assert documents.read("account.payment", payment, "state", "move_id") == {"state": "draft", "move_id": entry}
    assert invoice_state(documents, invoice) == (("paid", 0) if documents.version == "19.0" else ("not_paid", 100))
    destination.unlink("account.payment", [payment], context=QUIET)
    assert invoice_state(documents, invoice) == ("not_paid", 100)
    assert destination.search_count("account.move", [["id", "=", entry]]) == 0
    assert destination.search_count("account.move.line", [["move_id", "=", entry]]) == 0


def test_a_posted_payment_is_not_deleted_in_18(documents: Documents, destination: Destination) -> None:
    payment = documents.paid()
    entry = documents.entry(payment)
    if documents.version == "18.0":
        with pytest.raises(DataError):
            destination.unlink("account.payment", [payment], context=QUIET)
    else:
        destination.unlink("account.payment", [payment], context=QUIET)
    assert destination.search_count("account.move", [["id", "=", entry]]) == (documents.version == "18.0")


def test_the_amount_of_a_draft_may_change(documents: Documents, destination: Destination) -> None:
    payment = documents.payment()
    destination.write("account.payment", [payment], {"amount": 7}, context=QUIET)
    documents.call("account.payment", "action_post", payment)
    assert [line["balance"] for line in documents.lines(documents.entry(payment), "product", "balance")] == [7, -7]


def test_the_amount_of_a_reconciled_payment_stays_before_19(documents: Documents, destination: Destination) -> None:
    invoice, payment = documents.posted(), documents.paid()
    documents.reconcile(invoice, documents.entry(payment))
    if documents.version != "19.0":
        with pytest.raises(DataError):
            destination.write("account.payment", [payment], {"amount": 7}, context=QUIET)
    destination.write("account.payment", [payment], {documents.memo: "other"}, context=QUIET)
    assert documents.read("account.payment", payment, documents.memo) == {documents.memo: "other"}


def test_a_journal_with_entries_is_not_deleted(documents: Documents, destination: Destination) -> None:
    documents.paid()
    with pytest.raises(DataError):
        destination.unlink("account.journal", [documents.bank], context=QUIET)
