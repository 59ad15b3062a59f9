"""Amounts of documents are worked out in decimals: the same as Python's, to the cent, for whatever lines there are."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_pipeline.exports.values import register_values
from crm_pipeline.transforms.documents import register_documents

CENT = Decimal("0.01")
quantities = st.decimals(-9999, 9999, places=6)
prices = st.decimals(-999_999, 999_999, places=6)
percents = st.decimals(0, 100, places=4)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        register_values(opened, "Asia/Kolkata", "dmy", {})
        register_documents(opened)
        yield opened


def value(connection: duckdb.DuckDBPyConnection, expression: str) -> Decimal:
    found: Decimal = connection.execute(f"SELECT {expression}").fetchall()[0][0]
    return found


def number(amount: Decimal, dtype: str) -> str:
    return f"'{amount}'::{dtype}"


def exact(quantity: Decimal, price: Decimal, discount: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return quantity * price * (100 - discount) / 100


@example(quantity=Decimal(1000), price=Decimal(1000), discount=Decimal(0))
@given(quantity=quantities, price=prices, discount=percents)
def test_a_line_is_quantity_times_price_less_discount_half_away_from_zero(
    connection: duckdb.DuckDBPyConnection, quantity: Decimal, price: Decimal, discount: Decimal
) -> None:
    sql = f"line_amount({number(quantity, 'DECIMAL(24,6)')}, {number(price, 'DECIMAL(24,6)')}, {number(discount, 'DECIMAL(9,4)')})"
    with localcontext() as context:
        context.prec = 60
        # the product is kept to ten decimals before the discount is taken
        product = (quantity * price).quantize(Decimal("1e-10"), ROUND_HALF_UP)
        meant = (product * (100 - discount) / 100).quantize(CENT, ROUND_HALF_UP)
    assert value(connection, sql) == meant


@given(net=st.decimals(-9_999_999, 9_999_999, places=2), rate=percents)
def test_tax_is_a_share_of_the_net_amount_to_the_cent(
    connection: duckdb.DuckDBPyConnection, net: Decimal, rate: Decimal
) -> None:
    found = value(connection, f"tax_amount({number(net, 'DECIMAL(24,6)')}, {number(rate, 'DECIMAL(9,4)')})")
    assert found == (net * rate / 100).quantize(CENT, ROUND_HALF_UP)


@given(quantity=quantities, price=prices, discount=percents)
def test_rounding_covers_what_two_decimals_can_change(
    connection: duckdb.DuckDBPyConnection, quantity: Decimal, price: Decimal, discount: Decimal
) -> None:
    rounded = [each.quantize(CENT, ROUND_HALF_UP) for each in (quantity, price, discount)]
    off = abs(exact(quantity, price, discount).quantize(CENT, ROUND_HALF_UP) - exact(*rounded).quantize(CENT, ROUND_HALF_UP))
    second_order = abs((rounded[0] - quantity) * (rounded[1] - price)) + Decimal("0.01")
    cross = abs(quantity * price) * Decimal("0.0000001") + abs(price) * Decimal("0.00000025") + abs(quantity) * Decimal("0.00000025")
    sql = f"rounding_of({number(quantity, 'DECIMAL(24,6)')}, {number(price, 'DECIMAL(24,6)')}, {number(discount, 'DECIMAL(9,4)')})"
    assert float(off) <= float(value(connection, sql)) + float(second_order + cross)


@given(values=st.lists(st.tuples(st.decimals(1, 9999, places=2), st.sampled_from([Decimal(5), Decimal(18), Decimal("7.5")])), min_size=1, max_size=30))
def test_tax_by_line_and_by_document_never_differ_by_more_than_a_cent_a_line(values: list[tuple[Decimal, Decimal]]) -> None:
    """What the mapping allows a draft's tax to be corrected by (``0.01 * (1 + lines)``) covers both ways of rounding."""
    by_line = sum(((net * rate / 100).quantize(CENT, ROUND_HALF_UP) for net, rate in values), Decimal(0))
    of_document = sum((net * rate / 100 for net, rate in values), Decimal(0)).quantize(CENT, ROUND_HALF_UP)
    assert abs(by_line - of_document) <= CENT * (1 + len(values))


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("percent_text(18.0000::DECIMAL(9,4))", "18"), ("percent_text(7.5)", "7.5"), ("percent_text(100)", "100"),
        ("percent_text(0.25)", "0.25"), ("line_amount(1e15::DECIMAL(24,6), 1e10::DECIMAL(24,6), NULL)", None),
        ("product_text('gtx-1 ', 'GTX  pro')", "gtx-1\x1fgtx pro"), ("product_text(NULL, NULL)", "\x1f"),
        ("strftime(noon('2024-03-05'::DATE), '%Y-%m-%d %H:%M:%S')", "2024-03-05 12:00:00"),
        ("local_date('2024-04-20 20:00:00'::TIMESTAMP)::VARCHAR", "2024-04-21"),
    ],
)  # fmt: skip
def test_the_small_ones(connection: duckdb.DuckDBPyConnection, expression: str, meant: str | None) -> None:
    assert value(connection, expression) == meant
