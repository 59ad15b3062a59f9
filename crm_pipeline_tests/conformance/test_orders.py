"""Quotations and orders: sub-rows of load, totals, states, numbers and refusals (ODOO_FACTS 3, 7)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.embedded.values import round_half_up
from crm_pipeline.odoo.errors import CallError, DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records
from crm_pipeline_tests.conformance.documents import SILENT, Documents, documents

__all__ = ["documents"]

ORDER = ["id", "name", "partner_id/.id", "date_order", "pricelist_id/.id"]
LINE = [
    "order_line/id",
    "order_line/product_id/.id",
    "order_line/name",
    "order_line/product_uom_qty",
    "order_line/price_unit",
]
FIELDS = [*ORDER, *LINE]


def order_row(documents: Documents, name: str, *line: Any) -> list[Any]:
    unique, partner, pricelist = documents.unique, documents.partner, documents.dollars
    row = [f"{unique}.{name}", name, str(partner), "2020-02-03 12:00:00", str(pricelist)]
    return [*row, *line_row(documents, *line)[5:]]


def line_row(
    documents: Documents, name: str, quantity: str = "1", price: str = "10", product: str | None = None
) -> list[Any]:
    product = str(documents.product) if product is None else product
    return ["", "", "", "", "", f"{documents.unique}.{name}", product, name, quantity, price]


def lines_of(documents: Documents, order: int) -> list[tuple[str, float]]:
    found = documents.destination.search_read(
        "sale.order.line", [["order_id", "=", order]], ["name", "price_unit"], order="id"
    )
    return [(line["name"], line["price_unit"]) for line in found]


# -- sub-rows


def test_rows_without_values_of_their_own_are_lines_of_the_row_above(
    documents: Documents, destination: Destination
) -> None:
    rows = [order_row(documents, "A", "a1"), line_row(documents, "a2", "2", "20"), order_row(documents, "B", "b1")]
    result = documents.load("sale.order", FIELDS, *rows)
    assert result.messages == ()
    assert result.ids is not None
    assert len(result.ids) == 2
    assert [lines_of(documents, key) for key in result.ids] == [[("a1", 10), ("a2", 20)], [("b1", 10)]]
    assert documents.read("sale.order", result.ids[0], "amount_untaxed", "amount_total") == {
        "amount_untaxed": 50,
        "amount_total": 50,
    }
    found = destination.search_read("ir.model.data", [["module", "=", documents.unique]], ["name", "model"])
    assert {row["name"]: row["model"] for row in found} == {
        "A": "sale.order", "B": "sale.order", "a1": "sale.order.line", "a2": "sale.order.line", "b1": "sale.order.line",
    }  # fmt: skip
    (order_line,) = destination.search_read("sale.order", [["id", "=", result.ids[0]]], ["order_line"])
    assert len(order_line["order_line"]) == 2


def test_loading_again_updates_lines_by_their_external_ids(documents: Documents) -> None:
    rows = [order_row(documents, "A", "a1"), line_row(documents, "a2", "2", "20")]
    first = documents.load("sale.order", FIELDS, *rows)
    again = documents.load("sale.order", FIELDS, order_row(documents, "A", "a1"), line_row(documents, "a2", "3", "5"))
    assert first.ids == again.ids
    assert first.ids is not None
    assert lines_of(documents, first.ids[0]) == [("a1", 10), ("a2", 5)]
    assert documents.read("sale.order", first.ids[0], "amount_total") == {"amount_total": 25}


def test_lines_without_external_id_are_added(documents: Documents) -> None:
    fields = [*ORDER, *LINE[1:]]
    row = order_row(documents, "A", "a1")
    del row[5]
    first = documents.load("sale.order", fields, row)
    assert documents.load("sale.order", fields, row).ids == first.ids
    assert first.ids is not None
    assert lines_of(documents, first.ids[0]) == [("a1", 10), ("a1", 10)]


def test_a_line_moves_to_the_order_it_is_loaded_under(documents: Documents) -> None:
    first = documents.load("sale.order", FIELDS, order_row(documents, "A", "a1"), order_row(documents, "B", "b1"))
    assert documents.load("sale.order", FIELDS, order_row(documents, "B", "a1")).ids is not None
    assert first.ids is not None
    assert [len(lines_of(documents, key)) for key in first.ids] == [0, 2]
    assert [documents.read("sale.order", key, "amount_total")["amount_total"] for key in first.ids] == [0, 20]


def test_an_order_may_have_no_lines(documents: Documents) -> None:
    row = order_row(documents, "A", "")
    result = documents.load("sale.order", FIELDS, [*row[:5], "", "", "", "", ""])
    assert result.ids is not None
    assert lines_of(documents, result.ids[0]) == []


def test_a_row_without_any_value_is_a_record_of_its_own(documents: Documents) -> None:
    result = documents.load("sale.order", FIELDS, order_row(documents, "A", "a1"), [""] * len(FIELDS))
    assert result.ids is None
    assert [message.row for message in result.messages] == [1]


@pytest.mark.parametrize(
    ("row", "column", "cell"),
    [(0, 9, "x"), (1, 9, "x"), (2, 9, "x"), (3, 9, "x"), (3, 6, "99999999"), (3, 7, "")],
)
def test_a_bad_line_is_an_error_of_its_orders_row(
    documents: Documents, destination: Destination, row: int, column: int, cell: str
) -> None:
    rows = [
        order_row(documents, "A", "a1"),
        line_row(documents, "a2"),
        order_row(documents, "B", "b1"),
        line_row(documents, "b2"),
    ]
    rows[row][column] = cell
    result = documents.load("sale.order", FIELDS, *rows)
    assert result.ids is None
    assert [(message.row, message.severity) for message in result.messages] == [(row // 2 * 2, "error")]
    assert destination.search_count("ir.model.data", [["module", "=", documents.unique]]) == 0
    if column == 9:
        assert [message.field for message in result.messages] == ["order_line"]
        assert result.messages[0].message == "'x' does not seem to be a number for field 'Order Lines/Unit Price'"


@pytest.mark.parametrize(("column", "cell"), [(3, "nodate"), (2, ""), (2, "99999999")])
def test_a_bad_order_is_an_error_of_its_row(documents: Documents, column: int, cell: str) -> None:
    rows = [
        order_row(documents, "A", "a1"),
        line_row(documents, "a2"),
        order_row(documents, "B", "b1"),
        line_row(documents, "b2"),
    ]
    rows[2][column] = cell
    result = documents.load("sale.order", FIELDS, *rows)
    assert result.ids is None
    assert {message.row for message in result.messages} == {2}


def test_every_bad_order_is_named_by_its_first_bad_line(documents: Documents) -> None:
    rows = [order_row(documents, "A", "a1"), line_row(documents, "a2"), order_row(documents, "B", "b1")]
    rows[0][9], rows[1][9], rows[2][3] = "x", "y", "nodate"
    result = documents.load("sale.order", FIELDS, *rows)
    assert result.ids is None
    assert {(message.row, message.field) for message in result.messages} == {(0, "order_line"), (2, "date_order")}
    assert any("'x'" in message.message for message in result.messages)


def test_a_line_twice_in_an_order_is_refused(documents: Documents) -> None:
    result = documents.load("sale.order", FIELDS, order_row(documents, "A", "a1"), line_row(documents, "a1"))
    assert result.ids is None
    assert [message.row for message in result.messages] == [0]


def test_an_unknown_column_of_lines_is_a_call_error(documents: Documents) -> None:
    with pytest.raises(CallError):
        documents.load("sale.order", [*ORDER, "order_line/nonsense"], [*order_row(documents, "A", "a1")[:5], "x"])


def test_orders_of_any_state_are_loaded_with_their_lines(documents: Documents) -> None:
    rows = []
    states = ["draft", "sent", "sale", "cancel"]
    for state in states:
        rows += [[*order_row(documents, state, f"{state}1"), state], [*line_row(documents, f"{state}2"), ""]]
    result = documents.load("sale.order", [*FIELDS, "state"], *rows)
    assert result.ids is not None, result.messages
    expected = ["no", "no", "to invoice", "no"]
    for key, state, invoicing in zip(result.ids, states, expected, strict=True):
        assert documents.read("sale.order", key, "state", "date_order", "amount_total", "invoice_status") == {
            "state": state, "date_order": "2020-02-03 12:00:00", "amount_total": 20, "invoice_status": invoicing,
        }  # fmt: skip
        assert notes(documents, key) == []


# -- amounts


def test_prices_quantities_and_discounts_are_rounded(documents: Documents, destination: Destination) -> None:
    key = documents.order({"product_uom_qty": 1.235, "price_unit": 10.125, "discount": 33.333})
    (line,) = destination.search_read(
        "sale.order.line", [["order_id", "=", key]], ["product_uom_qty", "price_unit", "discount", "price_subtotal"]
    )
    del line["id"]
    assert line == {"product_uom_qty": 1.24, "price_unit": 10.13, "discount": 33.33, "price_subtotal": 8.37}


def test_precision_is_that_of_decimal_accuracy(documents: Documents, destination: Destination) -> None:
    (found,) = destination.search_read("decimal.precision", [["name", "=", "Product Price"]], ["digits"])
    assert found["digits"] == 2
    destination.write("decimal.precision", [found["id"]], {"digits": 4})
    try:
        assert destination.fields_get("sale.order.line")["price_unit"].digits == (16, 4)
        key = documents.order({"product_uom_qty": 100, "price_unit": 0.12345})
        (line,) = destination.search_read("sale.order.line", [["order_id", "=", key]], ["price_unit", "price_subtotal"])
        assert (line["price_unit"], line["price_subtotal"]) == (0.1235, 12.35)
    finally:
        destination.write("decimal.precision", [found["id"]], {"digits": 2})


@pytest.mark.parametrize("name", ["Product Price", "Discount", "Product Unit"])
def test_the_precisions_that_quantities_and_prices_have(destination: Destination, name: str) -> None:
    if name == "Product Unit" and destination.version != "19.0":
        name = "Product Unit of Measure"
    assert destination.search_count("decimal.precision", [["name", "=", name], ["digits", "=", 2]]) == 1


def test_totals_of_many_lines(documents: Documents, destination: Destination) -> None:
    """Per line rounding in 17.0 and 18.0, of the whole document in 19.0, for what a fresh database is set to."""
    dice = random.Random(20)  # noqa: S311 - not a secret
    taxes = {documents.tax(percent): percent for percent in (18, 5, 7.7, 50)}
    (company,) = destination.search_read("res.company", [["id", "=", 1]], ["tax_calculation_rounding_method"])
    globally = company["tax_calculation_rounding_method"] == "round_globally"
    yen = documents.currency("JPY", 107.3)
    pricelists = {documents.dollars: 2, documents.pricelist(yen): 0}
    for _ in range(12):
        pricelist = dice.choice(list(pricelists))
        places = pricelists[pricelist]
        lines: list[dict[str, Any]] = [
            {
                "product_uom_qty": dice.choice([1, 2, 3, 0.5, 1.25, 7, -1]), "price_unit": dice.choice([0.37, 33.33, 10.01, 77.5, -5, 0.97, 1234.57]),
                "discount": dice.choice([0, 10, 33.33, 12.5]), "taxes": tuple(dice.sample(sorted(taxes), dice.choice([0, 1, 2]))),
            }
            for _ in range(dice.randint(1, 5))
        ]  # fmt: skip
        key = documents.order(*lines, pricelist_id=pricelist)
        net, tax = 0.0, dict.fromkeys(taxes, 0.0)
        for line in lines:
            raw = line["product_uom_qty"] * line["price_unit"] * (1 - line["discount"] / 100)
            subtotal = raw if globally else round_half_up(raw, places)
            net += subtotal
            for each in line["taxes"]:
                amount = subtotal * taxes[each] / 100
                tax[each] += amount if globally else round_half_up(amount, places)
        untaxed, taxed = round_half_up(net, places), sum(round_half_up(amount, places) for amount in tax.values())
        found = documents.read("sale.order", key, "amount_untaxed", "amount_tax", "amount_total")
        expected = {"amount_untaxed": untaxed, "amount_tax": taxed, "amount_total": untaxed + taxed}
        assert found == pytest.approx(expected, abs=1e-6), lines


def test_the_amounts_of_a_line(documents: Documents, destination: Destination) -> None:
    tax = documents.tax(18)
    key = documents.order({"product_uom_qty": 3, "price_unit": 77.5, "discount": 10, "taxes": (tax,)}, state="sale")
    fields = [
        "price_subtotal", "price_tax", "price_total", "price_reduce_taxexcl", "price_reduce_taxinc", "invoice_status",
        "state", "qty_to_invoice", "untaxed_amount_to_invoice", "product_uom_qty", documents.taxes,
    ]  # fmt: skip
    (line,) = destination.search_read("sale.order.line", [["order_id", "=", key]], fields)
    del line["id"]
    assert line == {
        "price_subtotal": 209.25, "price_tax": pytest.approx(37.67), "price_total": 246.92, "price_reduce_taxexcl": 69.75,
        "price_reduce_taxinc": 82.31, "invoice_status": "to invoice", "state": "sale", "qty_to_invoice": 3,
        "untaxed_amount_to_invoice": 209.25, "product_uom_qty": 3, documents.taxes: [tax],
    }  # fmt: skip


def test_writing_a_line_changes_the_totals(documents: Documents, destination: Destination) -> None:
    key = documents.order({"price_unit": 10}, {"price_unit": 20, "taxes": (documents.tax(10),)})
    first, second = (
        line["id"]
        for line in destination.search_read("sale.order.line", [["order_id", "=", key]], ["name"], order="id")
    )
    destination.write("sale.order.line", [second], {"price_unit": 40}, context=QUIET)
    assert documents.read("sale.order", key, "amount_untaxed", "amount_tax") == {"amount_untaxed": 50, "amount_tax": 4}
    destination.unlink("sale.order.line", [first], context=QUIET)
    assert documents.read("sale.order", key, "amount_total") == {"amount_total": 44}


def test_taxes_and_price_not_given_are_the_products(documents: Documents, destination: Destination) -> None:
    tax = documents.tax(10)
    product = documents.odoo.new("product.product", name=documents.unique, list_price=50, taxes_id=[(6, 0, [tax])])
    key = documents.odoo.new(
        "sale.order",
        partner_id=documents.partner,
        pricelist_id=documents.dollars,
        order_line=[(0, 0, {"product_id": product})],
    )
    (line,) = destination.search_read(
        "sale.order.line", [["order_id", "=", key]], ["name", "price_unit", documents.taxes]
    )
    assert (line["name"], line["price_unit"], line[documents.taxes]) == (documents.unique, 50, [tax])
    assert documents.read("sale.order", key, "amount_total") == {"amount_total": 55}


def test_a_product_without_taxes_has_none(documents: Documents, destination: Destination) -> None:
    fields = ["id", "name", "default_code", "type", "list_price", "taxes_id/.id", "supplier_taxes_id/.id"]
    result = documents.load("product.product", fields, [f"{documents.unique}.p", "Widget", "W-1", "consu", "0", "", ""])
    assert result.ids is not None, result.messages
    fields = ["name", "default_code", "type", "list_price", "taxes_id", "supplier_taxes_id", "active"]
    assert documents.read("product.product", result.ids[0], *fields) == {
        "name": "Widget", "default_code": "W-1", "type": "consu", "list_price": 0, "taxes_id": [], "supplier_taxes_id": [], "active": True,
    }  # fmt: skip
    other = documents.odoo.new("product.product", name="Widget")
    assert len(documents.read("product.product", other, "taxes_id")["taxes_id"]) == 1


# -- what an order takes from elsewhere


def test_the_currency_is_the_pricelists(documents: Documents) -> None:
    euro = documents.currency("EUR", 0.9)
    key = documents.order({"price_unit": 10}, pricelist_id=documents.pricelist(euro))
    record = documents.read("sale.order", key, "currency_id", "currency_rate")
    assert record["currency_id"] == euro
    documents.odoo.write("sale.order", key, pricelist_id=documents.dollars)
    assert documents.read("sale.order", key, "currency_id", "currency_rate", "amount_total") == {
        "currency_id": 1, "currency_rate": 1, "amount_total": 10,
    }  # fmt: skip


def test_names_are_kept_and_may_repeat(documents: Documents) -> None:
    keys = [documents.order(name=documents.unique) for _ in range(2)]
    assert [documents.read("sale.order", key, "name") for key in keys] == [{"name": documents.unique}] * 2


def test_an_order_without_name_is_numbered(documents: Documents, destination: Destination) -> None:
    keys = [
        documents.odoo.new("sale.order", partner_id=documents.partner, pricelist_id=documents.dollars) for _ in range(2)
    ]
    first, second = (documents.read("sale.order", key, "name")["name"] for key in keys)
    assert first[0] == second[0] == "S"
    assert len(first) == 6
    assert int(second[1:]) == int(first[1:]) + 1


def test_the_validity_is_thirty_days_unless_given(documents: Documents) -> None:
    later = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    result = documents.load("sale.order", [*ORDER, "validity_date"], [*order_row(documents, "A", "")[:5], ""])
    assert result.ids is not None
    assert documents.read("sale.order", result.ids[0], "validity_date") == {"validity_date": False}
    assert documents.read("sale.order", documents.order(), "validity_date") == {"validity_date": later}
    given = documents.order(validity_date="2020-05-06")
    assert documents.read("sale.order", given, "validity_date") == {"validity_date": "2020-05-06"}


def test_an_empty_salesperson_and_team_stay_empty(documents: Documents) -> None:
    fields = [*ORDER, "user_id/.id", "team_id/.id"]
    result = documents.load("sale.order", fields, [*order_row(documents, "A", "")[:5], "", ""])
    assert result.ids is not None
    assert documents.read("sale.order", result.ids[0], "user_id", "team_id") == {"user_id": False, "team_id": False}
    assert documents.read("sale.order", documents.order(), "user_id") == {"user_id": 2}


def test_addresses_are_the_partners(documents: Documents, odoo: Records) -> None:
    company = odoo.new("res.partner", name=documents.unique, is_company=True)
    bills = odoo.new("res.partner", name="Bills", type="invoice", parent_id=company)
    key = documents.order(partner_id=company)
    assert documents.read("sale.order", key, "partner_invoice_id", "partner_shipping_id") == {
        "partner_invoice_id": bills, "partner_shipping_id": company,
    }  # fmt: skip


# -- states and refusals


@pytest.mark.parametrize("state", ["sent", "sale", "cancel"])
def test_a_state_is_written_and_the_date_is_kept(documents: Documents, state: str) -> None:
    key = documents.order({"price_unit": 5}, date_order="2020-02-03 04:05:06")
    documents.odoo.write("sale.order", key, state=state)
    assert documents.read("sale.order", key, "state", "date_order", "invoice_status", "amount_total") == {
        "state": state, "date_order": "2020-02-03 04:05:06", "amount_total": 5,
        "invoice_status": "to invoice" if state == "sale" else "no",
    }  # fmt: skip


@pytest.mark.parametrize("state", ["lost", "done"])
def test_other_states_are_refused(documents: Documents, state: str) -> None:
    with pytest.raises((DataError, CallError)):
        documents.order(state=state)


def test_a_line_needs_a_product_in_17(documents: Documents) -> None:
    if documents.version == "17.0":
        with pytest.raises(DataError):
            documents.order({"product_id": False})
    else:
        key = documents.order({"product_id": False, "price_unit": 7})
        assert documents.read("sale.order", key, "amount_total") == {"amount_total": 7}


def test_a_line_needs_a_name(documents: Documents) -> None:
    with pytest.raises(DataError):
        documents.order({"name": False})


def test_sections_have_no_amount(documents: Documents) -> None:
    key = documents.odoo.new(
        "sale.order", partner_id=documents.partner, pricelist_id=documents.dollars,
        order_line=[(0, 0, {"display_type": "line_section", "name": "Part"}), (0, 0, documents.order_line(price_unit=3))],
    )  # fmt: skip
    assert documents.read("sale.order", key, "amount_total") == {"amount_total": 3}


def notes(documents: Documents, order: int) -> list[str]:
    domain = [["model", "=", "sale.order"], ["res_id", "=", order], ["body", "!=", False]]
    found = documents.destination.search_read("mail.message", domain, ["body"])
    return [message["body"] for message in found if message["body"]]


@pytest.mark.parametrize(("state", "noted"), [("draft", False), ("sent", False), ("sale", True), ("cancel", False)])
def test_a_line_added_to_a_confirmed_order_is_noted(
    documents: Documents, destination: Destination, state: str, *, noted: bool
) -> None:
    key = documents.order({"price_unit": 1}, state=state)
    line = {**documents.order_line(price_unit=2), "order_id": key}
    destination.create("sale.order.line", [line], context=SILENT)
    assert notes(documents, key) == []
    destination.create("sale.order.line", [line], context=QUIET)
    found = notes(documents, key)
    assert len(found) == noted
    assert all("Extra line" in text for text in found)
    assert documents.read("sale.order", key, "amount_total") == {"amount_total": 5}


def test_a_confirmed_order_made_with_lines_notes_them_too(documents: Documents) -> None:
    key = documents.order({"price_unit": 1}, {"price_unit": 2}, state="sale", context=dict(QUIET))
    assert len(notes(documents, key)) == 2


@pytest.mark.parametrize("state", ["draft", "sent", "sale", "cancel"])
def test_only_drafts_and_cancelled_orders_are_deleted(
    documents: Documents, destination: Destination, state: str
) -> None:
    key = documents.order({"price_unit": 1}, state=state)
    if state in {"draft", "cancel"}:
        destination.unlink("sale.order", [key], context=QUIET)
        assert destination.search_count("sale.order.line", [["order_id", "=", key]]) == 0
    else:
        with pytest.raises(DataError, match="must first cancel it"):
            destination.unlink("sale.order", [key], context=QUIET)


def test_lines_of_a_confirmed_order_stay(documents: Documents, destination: Destination) -> None:
    key = documents.order({"price_unit": 1}, state="sale")
    (line,) = destination.search_read("sale.order.line", [["order_id", "=", key]], ["name"])
    with pytest.raises(DataError):
        destination.unlink("sale.order.line", [line["id"]], context=QUIET)


def test_deleting_an_order_leaves_the_external_ids_of_its_lines(documents: Documents, destination: Destination) -> None:
    """The database deletes the lines, so nobody tidies up after them; a later load makes the lines anew."""
    rows = [order_row(documents, "A", "a1"), line_row(documents, "a2")]
    result = documents.load("sale.order", FIELDS, *rows)
    assert result.ids is not None
    destination.unlink("sale.order", result.ids, context=QUIET)
    found = destination.search_read("ir.model.data", [["module", "=", documents.unique]], ["name"], order="name")
    assert [row["name"] for row in found] == ["a1", "a2"]
    again = documents.load("sale.order", FIELDS, *rows)
    assert again.ids is not None
    assert lines_of(documents, again.ids[0]) == [("a1", 10), ("a2", 10)]


# -- what documents need


def test_inactive_currencies_are_activated(documents: Documents, destination: Destination) -> None:
    domain = [["name", "=", "SEK"]]
    (found,) = destination.search_read("res.currency", domain, ["active"], context=EVERY)
    destination.write("res.currency", [found["id"]], {"active": True}, context=QUIET)
    assert destination.search_count("res.currency", domain) == 1
    destination.write("res.currency", [found["id"]], {"active": False}, context=QUIET)
    assert destination.search_count("res.currency", domain) == 0


def test_rates_are_loaded_one_for_each_day(documents: Documents, destination: Destination) -> None:
    (norway,) = destination.search_read("res.currency", [["name", "=", "NOK"]], ["rate"], context=EVERY)
    destination.write("res.currency", [norway["id"]], {"active": True}, context=QUIET)
    fields = ["id", "currency_id/.id", "name", "rate"]
    days = sorted(f"20{10 + int(part, 16) % 80}-01-0{1 + int(part, 16) % 9}" for part in (documents.unique[1:4],))
    row = [f"{documents.unique}.r", str(norway["id"]), days[0], "0.125"]
    result = documents.load("res.currency.rate", fields, row)
    assert result.ids is not None, result.messages
    record = documents.read("res.currency.rate", result.ids[0], "name", "rate", "currency_id", "company_id")
    assert record == {"name": days[0], "rate": 0.125, "currency_id": norway["id"], "company_id": 1}
    with pytest.raises(DataError):
        destination.create("res.currency.rate", [{"currency_id": norway["id"], "name": days[0], "rate": 2}])
    destination.unlink("res.currency.rate", result.ids)


def test_pricelists_may_be_archived(documents: Documents) -> None:
    fields = ["id", "name", "currency_id/.id", "active"]
    result = documents.load("product.pricelist", fields, [f"{documents.unique}.l", documents.unique, "1", "False"])
    assert result.ids is not None, result.messages
    assert documents.read("product.pricelist", result.ids[0], "active", "currency_id") == {
        "active": False,
        "currency_id": 1,
    }


def test_taxes_are_loaded(documents: Documents) -> None:
    fields = ["id", "name", "amount", "amount_type", "type_tax_use"]
    result = documents.load(
        "account.tax", fields, [f"{documents.unique}.t", documents.unique, "7.7", "percent", "sale"]
    )
    assert result.ids is not None, result.messages
    record = documents.read(
        "account.tax", result.ids[0], "name", "amount", "amount_type", "type_tax_use", "active", "company_id"
    )
    assert record == {
        "name": documents.unique, "amount": 7.7, "amount_type": "percent", "type_tax_use": "sale", "active": True, "company_id": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "field", ["fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "period_lock_date", "hard_lock_date"]
)
def test_no_period_is_closed(destination: Destination, field: str) -> None:
    if field in destination.fields_get("res.company"):
        (company,) = destination.search_read("res.company", [["id", "=", 1]], [field])
        assert company[field] is False
