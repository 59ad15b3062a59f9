"""Invoices and credit notes: lines, taxes, totals, posting, cancelling, reversal and refusals (ODOO_FACTS 8)."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.embedded.values import round_half_up
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import EVERY
from crm_pipeline_tests.conformance.documents import Documents, documents

__all__ = ["documents"]

TOTALS = ("amount_untaxed", "amount_tax", "amount_total")
STATE = ("name", "state", "payment_state", "amount_residual")
HEAD = [
    "id", "move_type", "journal_id/.id", "partner_id/.id", "invoice_date", "invoice_date_due", "name", "ref",
    "payment_reference", "invoice_user_id/.id", "currency_id/.id",
]  # fmt: skip
LINES = [
    f"invoice_line_ids/{name}"
    for name in ("id", "product_id/.id", "name", "quantity", "price_unit", "discount", "tax_ids/.id", "sequence")
]


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def rows(documents: Documents, name: str, tax: int, **head: str) -> list[list[Any]]:
    given = {
        "move_type": "out_invoice", "invoice_date": "2020-03-04", "name": name, "currency_id": "1", **head,
    }  # fmt: skip
    unique = documents.unique
    first = [
        f"{unique}.{name}", given["move_type"], str(documents.journal), str(documents.partner), given["invoice_date"], "2020-04-03",
        given["name"], name, name, "", given["currency_id"],
    ]  # fmt: skip
    product = str(documents.product)
    lines = [
        [f"{unique}.{name}_a", product, "line a", "3", "33.33", "0", str(tax), "1"],
        [f"{unique}.{name}_b", product, "line b", "2", "50.25", "10", "", "2"],
        [f"{unique}.{name}_c", product, "line c", "1", "33.36", "0", str(tax), "3"],
    ]
    return [[*(first if number == 0 else [""] * len(first)), *line] for number, line in enumerate(lines)]


def totals(documents: Documents, key: int) -> tuple[float, ...]:
    record = documents.read("account.move", key, *TOTALS)
    return tuple(record[name] for name in TOTALS)


def state(documents: Documents, key: int) -> tuple[Any, ...]:
    record = documents.read("account.move", key, *STATE)
    return tuple(record[name] for name in STATE)


# -- load


def test_a_draft_is_loaded_with_its_lines(documents: Documents, destination: Destination) -> None:
    tax = documents.tax(18)
    result = documents.load(
        "account.move",
        [*HEAD, *LINES],
        *rows(documents, "A-1", tax),
        *rows(documents, "A-2", tax, move_type="out_refund"),
    )
    assert result.ids is not None, result.messages
    assert result.messages == ()
    for key, name in zip(result.ids, ("A-1", "A-2"), strict=True):
        assert totals(documents, key) == (223.8, 24, 247.8)
        assert state(documents, key) == (name, "draft", "not_paid", 247.8)
        assert documents.read("account.move", key, "date", "invoice_date", "invoice_date_due", "ref", "payment_reference", "invoice_user_id") == {
            "date": "2020-03-04", "invoice_date": "2020-03-04", "invoice_date_due": "2020-04-03", "ref": name,
            "payment_reference": name, "invoice_user_id": False,
        }  # fmt: skip
    found = destination.search_read(
        "ir.model.data", [["module", "=", documents.unique], ["model", "=", "account.move.line"]], ["name"]
    )
    assert len(found) == 6
    lines = documents.read("account.move", result.ids[0], "invoice_line_ids")["invoice_line_ids"]
    assert len(lines) == 3


def test_loading_a_draft_again_updates_it(documents: Documents) -> None:
    tax = documents.tax(18)
    first = documents.load("account.move", [*HEAD, *LINES], *rows(documents, "A-1", tax))
    changed = rows(documents, "A-1", tax)
    changed[1][-4] = "60.25"
    again = documents.load("account.move", [*HEAD, *LINES], *changed)
    assert again.ids == first.ids
    assert first.ids is not None
    assert totals(documents, first.ids[0]) == (241.8, 24, 265.8)
    assert len(documents.lines(first.ids[0], "product", "name")) == 3


def test_a_bad_line_is_an_error_of_its_documents_row(documents: Documents, destination: Destination) -> None:
    tax = documents.tax(18)
    bad = rows(documents, "A-1", tax) + rows(documents, "A-2", tax)
    bad[4][-4] = "x"
    result = documents.load("account.move", [*HEAD, *LINES], *bad)
    assert result.ids is None
    assert [(message.row, message.field) for message in result.messages] == [(3, "invoice_line_ids")]
    assert destination.search_count("ir.model.data", [["module", "=", documents.unique]]) == 0


def test_posted_documents_are_not_loaded_again_since_18(documents: Documents) -> None:
    tax = documents.tax(18)
    result = documents.load("account.move", [*HEAD, *LINES], *rows(documents, "A-1", tax))
    assert result.ids is not None
    documents.call("account.move", "action_post", *result.ids)
    again = documents.load("account.move", [*HEAD, *LINES], *rows(documents, "A-1", tax))
    assert (again.ids is None) == (documents.version != "17.0")
    assert totals(documents, result.ids[0]) == (223.8, 24, 247.8)
    assert documents.load("account.move", ["id", "ref"], [f"{documents.unique}.A-1", "other"]).ids == result.ids


def test_states_and_payment_states_are_not_given(documents: Documents) -> None:
    with pytest.raises(DataError, match="already in the posted state"):
        documents.invoice(state="posted")
    assert state(documents, documents.invoice(payment_state="paid", name="A"))[1:] == ("draft", "not_paid", 100)


# -- amounts


def test_lines_of_a_draft(documents: Documents) -> None:
    tax = documents.tax(18)
    key = documents.invoice(
        {"quantity": 3, "price_unit": 33.33, "taxes": (tax,)}, {"quantity": 2, "price_unit": 50.25, "discount": 10}
    )
    fields = (
        "amount_currency",
        "balance",
        "debit",
        "credit",
        "price_subtotal",
        "price_total",
        "account_type",
        "parent_state",
        "reconciled",
    )
    assert documents.lines(key, "product", *fields) == [
        {
            "amount_currency": -99.99, "balance": -99.99, "debit": 0, "credit": 99.99, "price_subtotal": 99.99,
            "price_total": 117.99, "account_type": "income", "parent_state": "draft", "reconciled": False,
        },
        {
            "amount_currency": -90.45, "balance": -90.45, "debit": 0, "credit": 90.45, "price_subtotal": 90.45,
            "price_total": 90.45, "account_type": "income", "parent_state": "draft", "reconciled": False,
        },
    ]  # fmt: skip
    assert documents.lines(key, "tax", "amount_currency", "tax_line_id", "name", "move_id") == [
        {"amount_currency": -18, "tax_line_id": tax, "name": f"18 {documents.unique}", "move_id": key}
    ]
    term = (
        "amount_currency",
        "amount_residual",
        "amount_residual_currency",
        "account_type",
        "date_maturity",
        "reconciled",
        "debit",
    )
    assert documents.lines(key, "payment_term", *term) == [
        {
            "amount_currency": 208.44, "amount_residual": 208.44, "amount_residual_currency": 208.44, "debit": 208.44,
            "account_type": "asset_receivable", "date_maturity": "2020-04-03", "reconciled": False,
        }
    ]  # fmt: skip


def test_a_credit_note_has_the_other_signs(documents: Documents) -> None:
    key = documents.invoice({"price_unit": 100, "taxes": (documents.tax(18),)}, move_type="out_refund")
    assert totals(documents, key) == (100, 18, 118)
    fields = (
        "amount_untaxed_signed",
        "amount_tax_signed",
        "amount_total_signed",
        "amount_residual",
        "amount_residual_signed",
    )
    assert documents.read("account.move", key, *fields) == {
        "amount_untaxed_signed": -100, "amount_tax_signed": -18, "amount_total_signed": -118, "amount_residual": 118,
        "amount_residual_signed": -118,
    }  # fmt: skip
    assert [
        line["amount_currency"]
        for kind in ("product", "tax", "payment_term")
        for line in documents.lines(key, kind, "amount_currency")
    ] == [100, 18, -118]


def test_totals_of_many_lines(documents: Documents, destination: Destination) -> None:
    """Rounded per line in 17.0 and 18.0, for the whole document in 19.0, for what a fresh database is set to."""
    dice = random.Random(19)  # noqa: S311 - not a secret
    taxes = {documents.tax(percent): percent for percent in (18, 5, 7.7, 50)}
    (company,) = destination.search_read("res.company", [["id", "=", 1]], ["tax_calculation_rounding_method"])
    globally = company["tax_calculation_rounding_method"] == "round_globally"
    currencies = {1: (2, 1.0), documents.currency("EUR", 0.9): (2, 0.9), documents.currency("JPY", 107.3): (0, 107.3)}
    for _ in range(12):
        currency = dice.choice(list(currencies))
        places, rate = currencies[currency]
        kind = dice.choice(["out_invoice", "out_refund"])
        lines: list[dict[str, Any]] = [
            {
                "quantity": dice.choice([1, 2, 3, 0.5, 1.25, 7, -1]), "price_unit": dice.choice([0.37, 33.33, 10.01, 77.5, -5, 0.97, 1234.57]),
                "discount": dice.choice([0, 10, 33.33, 12.5]), "taxes": tuple(dice.sample(sorted(taxes), dice.choice([0, 1, 2]))),
            }
            for _ in range(dice.randint(1, 5))
        ]  # fmt: skip
        key = documents.invoice(*lines, currency_id=currency, move_type=kind)
        net, tax, subtotals = 0.0, dict.fromkeys(taxes, 0.0), []
        for line in lines:
            raw = line["quantity"] * line["price_unit"] * (1 - line["discount"] / 100)
            subtotals.append(round_half_up(raw, places))
            base = raw if globally else subtotals[-1]
            net += base
            for each in line["taxes"]:
                amount = base * taxes[each] / 100
                tax[each] += amount if globally else round_half_up(amount, places)
        untaxed, taxed = round_half_up(net, places), sum(round_half_up(amount, places) for amount in tax.values())
        assert totals(documents, key) == pytest.approx((untaxed, taxed, untaxed + taxed), abs=1e-6), lines
        found = documents.lines(key, "product", "price_subtotal", "amount_currency", "balance")
        assert [line["price_subtotal"] for line in found] == pytest.approx(subtotals, abs=1e-6)
        sign = -1 if kind == "out_invoice" else 1
        assert sign * sum(line["amount_currency"] for line in found) == pytest.approx(untaxed, abs=1e-6)
        by_tax = {
            line["tax_line_id"]: line["amount_currency"] * sign
            for line in documents.lines(key, "tax", "tax_line_id", "amount_currency")
        }
        expected = {each: round_half_up(amount, places) for each, amount in tax.items()}
        assert by_tax == pytest.approx({each: amount for each, amount in expected.items() if amount}, abs=1e-6)
        (due,) = documents.lines(key, "payment_term", "amount_currency", "balance")
        assert -sign * due["amount_currency"] == pytest.approx(untaxed + taxed, abs=1e-6)
        assert abs(due["balance"]) == pytest.approx(abs(due["amount_currency"]) / rate, abs=0.05)


@pytest.mark.parametrize(("kind", "sign"), [("out_invoice", -1), ("out_refund", 1)])
def test_the_tax_of_a_draft_is_corrected(documents: Documents, destination: Destination, kind: str, sign: int) -> None:
    euro = documents.currency("EUR", 0.9)
    key = documents.invoice(
        {"price_unit": 133.35, "taxes": (documents.tax(18),)}, {"price_unit": 90.45}, move_type=kind, currency_id=euro
    )
    assert totals(documents, key) == (223.8, 24, 247.8)
    (tax,) = documents.lines(key, "tax", "id")
    destination.write("account.move.line", [tax["id"]], {"amount_currency": sign * 23.98}, context=QUIET)
    assert totals(documents, key) == (223.8, 23.98, 247.78)
    (line,) = documents.lines(key, "tax", "amount_currency", "balance")
    assert line == {"amount_currency": sign * 23.98, "balance": sign * 26.64}
    (due,) = documents.lines(key, "payment_term", "amount_currency", "balance")
    assert due["amount_currency"] == -sign * 247.78
    destination.write("account.move", [key], {"ref": "x", "invoice_date": "2020-03-09"}, context=QUIET)
    assert totals(documents, key)[1] == 23.98
    documents.call("account.move", "action_post", key)
    assert totals(documents, key) == (223.8, 23.98, 247.78)
    assert documents.read("account.move", key, "amount_residual") == {"amount_residual": 247.78}


def test_another_price_makes_the_tax_anew(documents: Documents, destination: Destination) -> None:
    key = documents.invoice({"price_unit": 100, "taxes": (documents.tax(18),)})
    (tax,) = documents.lines(key, "tax", "id")
    destination.write("account.move.line", [tax["id"]], {"amount_currency": -17.5}, context=QUIET)
    (line,) = documents.lines(key, "product", "id")
    destination.write("account.move.line", [line["id"]], {"price_unit": 200}, context=QUIET)
    assert totals(documents, key) == (200, 36, 236)


def test_the_amount_of_a_line_is_corrected_since_18(documents: Documents, destination: Destination) -> None:
    key = documents.invoice({"price_unit": 100, "taxes": (documents.tax(18),)}, {"price_unit": 21})
    first, _ = documents.lines(key, "product", "id")
    destination.write("account.move.line", [first["id"]], {"amount_currency": -99.99}, context=QUIET)
    kept = 121 if documents.version == "17.0" else 120.99
    assert totals(documents, key) == (kept, 18, kept + 18)
    documents.call("account.move", "action_post", key)
    assert totals(documents, key) == (kept, 18, kept + 18)


def test_lines_are_added_and_removed(documents: Documents, destination: Destination) -> None:
    tax = documents.tax(18)
    key = documents.invoice({"price_unit": 100})
    line = {
        "move_id": key,
        "product_id": documents.product,
        "name": "more",
        "price_unit": 50,
        "tax_ids": [(6, 0, [tax])],
    }
    (added,) = destination.create("account.move.line", [line], context=QUIET)
    assert totals(documents, key) == (150, 9, 159)
    destination.unlink("account.move.line", [added], context=QUIET)
    assert totals(documents, key) == (100, 0, 100)
    assert documents.lines(key, "tax", "name") == []


def test_rates_are_those_of_the_day(documents: Documents, destination: Destination) -> None:
    (found,) = destination.search_read("res.currency", [["name", "=", "CHF"]], ["active"], context=EVERY)
    destination.write("res.currency", [found["id"]], {"active": True}, context=QUIET)
    rates = [["2015-01-01", 0.5], ["2020-01-01", 0.8]]
    for day, rate in rates:
        if not destination.search_count("res.currency.rate", [["currency_id", "=", found["id"]], ["name", "=", day]]):
            documents.odoo.new("res.currency.rate", currency_id=found["id"], name=day, rate=rate)
    signed = {
        day: documents.read(
            "account.move", documents.invoice(invoice_date=day, currency_id=found["id"]), "amount_total_signed"
        )["amount_total_signed"]
        for day in ("2010-05-05", "2015-01-01", "2019-12-31", "2020-01-01", "2022-05-05")
    }
    before = 100 if documents.version == "17.0" else 200  # no rate before the first one, or the first one
    assert list(signed.values()) == [before, 200, 200, 125, 125]


# -- what a document takes from elsewhere


def test_the_accounting_date_follows_the_invoice_date(documents: Documents, destination: Destination) -> None:
    own = documents.invoice(date="2019-01-01")
    assert documents.read("account.move", own, "date") == {"date": "2019-01-01"}
    key = documents.invoice()
    assert documents.read("account.move", key, "date") == {"date": "2020-03-04"}
    destination.write("account.move", [key], {"invoice_date": "2020-03-09"}, context=QUIET)
    assert documents.read("account.move", key, "date", "invoice_date_due") == {
        "date": "2020-03-09",
        "invoice_date_due": "2020-04-03",
    }


def test_without_dates_it_is_of_today(documents: Documents) -> None:
    key = documents.invoice(invoice_date=False, invoice_date_due=None)
    record = documents.read("account.move", key, "date", "invoice_date", "invoice_date_due")
    assert record == {"date": today(), "invoice_date": False, "invoice_date_due": today()}
    documents.call("account.move", "action_post", key)
    assert documents.read("account.move", key, "invoice_date", "state") == {"invoice_date": today(), "state": "posted"}


def test_the_journal_is_the_first_of_its_type(documents: Documents, destination: Destination) -> None:
    key = documents.invoice(journal_id=None)
    journal = documents.read("account.move", key, "journal_id")["journal_id"]
    (found,) = destination.search_read("account.journal", [["id", "=", journal]], ["type", "code"])
    assert (found["type"], found["code"]) == ("sale", "INV")


def test_an_invoice_needs_a_sales_journal(documents: Documents) -> None:
    with pytest.raises(DataError):
        documents.invoice(journal_id=documents.bank)


def test_a_sales_journal_may_number_credit_notes_too(documents: Documents) -> None:
    fields = ["id", "name", "type", "code", "refund_sequence"]
    result = documents.load(
        "account.journal", fields, [f"{documents.unique}.j", "J", "sale", documents.unique[3:8], "False"]
    )
    assert result.ids is not None, result.messages
    record = documents.read(
        "account.journal", result.ids[0], "name", "type", "code", "refund_sequence", "default_account_id", "active"
    )
    assert record == {
        "name": "J", "type": "sale", "code": documents.unique[3:8], "refund_sequence": False, "default_account_id": False, "active": True,
    }  # fmt: skip
    with pytest.raises(DataError, match="must be unique"):
        documents.odoo.new("account.journal", name="K", type="sale", code=documents.unique[3:8])


# -- posting


def test_a_posted_invoice(documents: Documents) -> None:
    key = documents.posted({"price_unit": 100, "taxes": (documents.tax(18),)}, name="A-1")
    assert state(documents, key) == ("A-1", "posted", "not_paid", 118)
    record = documents.read("account.move", key, "payment_reference", "amount_residual_signed", "posted_before")
    assert record == {"payment_reference": "A-1", "amount_residual_signed": 118, "posted_before": True}
    (due,) = documents.lines(key, "payment_term", "parent_state", "move_name", "amount_residual", "reconciled", "date")
    assert due == {
        "parent_state": "posted",
        "move_name": "A-1",
        "amount_residual": 118,
        "reconciled": False,
        "date": "2020-03-04",
    }


def test_posting_subscribes_the_customer_before_19(documents: Documents, destination: Destination) -> None:
    keys = [documents.invoice(name=f"A-{number}") for number in range(2)]
    documents.call("account.move", "action_post", *keys)
    domain = [["res_model", "=", "account.move"], ["res_id", "in", keys]]
    found = destination.search_read("mail.followers", domain, ["partner_id"])
    assert [row["partner_id"] for row in found] == ([] if documents.version == "19.0" else [documents.partner] * 2)
    if found:
        destination.unlink("mail.followers", [row["id"] for row in found], context=QUIET)
    assert destination.search_count("mail.followers", domain) == 0


def test_nothing_is_said_or_mailed_by_posting(documents: Documents, destination: Destination) -> None:
    key = documents.posted(name="A-1")
    assert destination.search_count("mail.message", [["model", "=", "account.move"], ["res_id", "=", key]]) == 0


@pytest.mark.parametrize(
    ("vals", "words"),
    [
        ({"invoice_line_ids": []}, ("add a line", "post nothing")),
        ({"partner_id": False}, ("'Customer'",)),
    ],
)
def test_incomplete_documents_are_not_posted(
    documents: Documents, vals: dict[str, Any], words: tuple[str, ...]
) -> None:
    key = documents.invoice(**vals)
    message = documents.refused("account.move", "action_post", key)
    assert any(word in message for word in words)
    assert documents.read("account.move", key, "state") == {"state": "draft"}


def test_a_negative_total_is_not_posted(documents: Documents) -> None:
    key = documents.invoice({"price_unit": -5})
    assert totals(documents, key) == (-5, 0, -5)
    assert "negative total amount" in documents.refused("account.move", "action_post", key)


def test_a_total_of_zero_is_paid_when_posted(documents: Documents) -> None:
    key = documents.invoice({"price_unit": 0}, name="Z-1")
    assert state(documents, key) == ("Z-1", "draft", "not_paid", 0)
    documents.call("account.move", "action_post", key)
    assert state(documents, key) == ("Z-1", "posted", "paid", 0)


def test_an_inactive_currency_is_not_posted(documents: Documents, destination: Destination) -> None:
    (found,) = destination.search_read("res.currency", [["name", "=", "ISK"]], ["active"], context=EVERY)
    key = documents.invoice(currency_id=found["id"])
    assert "inactive currency: ISK" in documents.refused("account.move", "action_post", key)


def test_future_documents_are_posted(documents: Documents) -> None:
    assert state(documents, documents.posted(name="F-1", invoice_date="2031-03-04"))[1] == "posted"


def test_one_refused_document_posts_none(documents: Documents) -> None:
    good, bad = documents.invoice(name="G-1"), documents.invoice({"price_unit": -5}, name="B-1")
    documents.refused("account.move", "action_post", good, bad)
    assert state(documents, good)[:2] == ("G-1", "draft")


def test_only_drafts_are_posted(documents: Documents) -> None:
    key = documents.posted(name="A-1")
    assert "must be in draft" in documents.refused("account.move", "action_post", key)
    documents.call("account.move", "button_cancel", key)
    assert "must be in draft" in documents.refused("account.move", "action_post", key)


# -- cancelling, re-opening, deleting


@pytest.mark.parametrize("posted", [False, True])
def test_a_document_is_cancelled(documents: Documents, *, posted: bool) -> None:
    key = (documents.posted if posted else documents.invoice)(name="C-1")
    documents.call("account.move", "button_cancel", key)
    assert state(documents, key) == ("C-1", "cancel", "not_paid", 100)
    (due,) = documents.lines(key, "payment_term", "parent_state", "amount_residual")
    assert due == {"parent_state": "cancel", "amount_residual": 100}


def test_a_document_becomes_a_draft_again(documents: Documents) -> None:
    key = documents.posted(name="D-1")
    documents.call("account.move", "button_draft", key)
    assert state(documents, key) == ("D-1", "draft", "not_paid", 100)
    documents.call("account.move", "action_post", key)
    documents.call("account.move", "button_cancel", key)
    documents.call("account.move", "button_draft", key)
    assert state(documents, key) == ("D-1", "draft", "not_paid", 100)
    documents.refused("account.move", "button_draft", key)


def test_posted_documents_are_not_deleted(documents: Documents, destination: Destination) -> None:
    key = documents.posted(name="D-1")
    with pytest.raises(DataError):
        destination.unlink("account.move", [key], context=QUIET)
    (line,) = documents.lines(key, "product", "id")
    with pytest.raises(DataError):
        destination.unlink("account.move.line", [line["id"]], context=QUIET)
    documents.call("account.move", "button_draft", key)
    destination.unlink("account.move", [key], context=QUIET)
    assert destination.search_count("account.move.line", [["move_id", "=", key]]) == 0


def test_deleting_a_document_deletes_the_external_ids_of_its_lines(
    documents: Documents, destination: Destination
) -> None:
    result = documents.load("account.move", [*HEAD, *LINES], *rows(documents, "A-1", documents.tax(18)))
    assert result.ids is not None
    documents.call("account.move", "button_cancel", *result.ids)
    destination.unlink("account.move", result.ids, context=QUIET)
    assert destination.search_count("ir.model.data", [["module", "=", documents.unique]]) == 0


@pytest.mark.parametrize(
    "field", ["ref", "invoice_date_due", "payment_reference", "narration", "invoice_user_id", "name"]
)
def test_what_may_be_written_on_a_posted_document(documents: Documents, destination: Destination, field: str) -> None:
    value = {"invoice_date_due": "2020-09-09", "invoice_user_id": 2, "narration": "<p>n</p>"}.get(field, "E-9")
    key = documents.posted(name="E-1")
    destination.write("account.move", [key], {field: value}, context=QUIET)
    assert documents.read("account.move", key, field) == {field: value}
    assert state(documents, key)[1:] == ("posted", "not_paid", 100)


@pytest.mark.parametrize("field", ["invoice_date", "date", "partner_id", "currency_id"])
def test_what_is_protected_on_a_posted_document_since_18(
    documents: Documents, destination: Destination, field: str
) -> None:
    key = documents.posted(name="E-1")
    now = documents.read("account.move", key, field)[field]
    if documents.version == "17.0":
        destination.write("account.move", [key], {field: now}, context=QUIET)
    else:
        with pytest.raises(DataError, match=f"readonly fields on a posted move: {field}"):
            destination.write("account.move", [key], {field: now}, context=QUIET)


# -- reversal


def test_a_credit_note_that_names_a_posted_invoice_reverses_it(documents: Documents) -> None:
    invoice = documents.posted(name="I-1")
    note = documents.posted(name="N-1", move_type="out_refund", reversed_entry_id=invoice)
    assert state(documents, invoice) == ("I-1", "posted", "reversed", 0)
    assert state(documents, note) == ("N-1", "posted", "paid", 0)
    assert [
        line["reconciled"] for key in (invoice, note) for line in documents.lines(key, "payment_term", "reconciled")
    ] == [True, True]


def test_a_smaller_credit_note_reverses_a_part(documents: Documents) -> None:
    invoice = documents.posted(name="I-1")
    note = documents.posted({"price_unit": 40}, name="N-1", move_type="out_refund", reversed_entry_id=invoice)
    assert state(documents, invoice) == ("I-1", "posted", "partial", 60)
    assert state(documents, note) == ("N-1", "posted", "paid", 0)


def test_a_credit_note_posted_before_its_invoice_changes_nothing(documents: Documents) -> None:
    invoice = documents.invoice(name="I-1")
    note = documents.posted(name="N-1", move_type="out_refund", reversed_entry_id=invoice)
    documents.call("account.move", "action_post", invoice)
    assert state(documents, invoice) == ("I-1", "posted", "not_paid", 100)
    assert state(documents, note) == ("N-1", "posted", "not_paid", 100)


def test_naming_the_invoice_after_posting_changes_nothing(documents: Documents, destination: Destination) -> None:
    invoice = documents.posted(name="I-1")
    note = documents.posted(name="N-1", move_type="out_refund")
    destination.write("account.move", [note], {"reversed_entry_id": invoice}, context=QUIET)
    assert documents.read("account.move", note, "reversed_entry_id") == {"reversed_entry_id": invoice}
    assert state(documents, invoice) == ("I-1", "posted", "not_paid", 100)
    assert state(documents, note) == ("N-1", "posted", "not_paid", 100)


def test_reconciling_a_credit_note_by_hand_reverses_too(documents: Documents) -> None:
    invoice, note = documents.posted(name="I-1"), documents.posted(name="N-1", move_type="out_refund")
    documents.reconcile(invoice, note)
    assert state(documents, invoice) == ("I-1", "posted", "reversed", 0)
    assert state(documents, note) == ("N-1", "posted", "paid", 0)


def test_other_lines_are_not_reconciled(documents: Documents) -> None:
    key = documents.posted(name="I-1")
    (line,) = documents.lines(key, "product", "id")
    message = documents.refused("account.move.line", "reconcile", line["id"], *documents.open_lines(key))
    assert "not from the same account" in message
