"""Amounts of quotations and invoices in decimals, as DuckDB macros.

==============================  ================================================================================
``line_amount(q, p, d)``        quantity times unit price less discount (%), to the cent, half away from zero
``tax_amount(net, rate)``       tax on a net amount (rate in %), to the cent
``rounding_of(q, p, d)``        how far the amount may move when a destination keeps two decimals of each of them
``percent_text(r)``             a rate without trailing zeros: '18', '7.5'
``product_text(sku, name)``     what a line says of its product, in one spelling
``noon(day)``                   a day without time as a moment: noon UTC is the same day from UTC-12 to UTC+11
==============================  ================================================================================
"""

from __future__ import annotations

import duckdb

# Amounts are worked out in hundredths, in decimals throughout: DuckDB's '/' gives a DOUBLE. DuckDB 2.0 multiplies decimals of 18
# digits as such, and fails where the product is 10 ** 18 exactly (1000 times 1000.00); those of 19 digits are wide enough.
_MACROS = """
CREATE OR REPLACE TEMP MACRO line_amount(q, p, d) AS
    TRY_CAST(round(TRY_CAST(TRY_CAST(q AS DECIMAL(18, 6))::DECIMAL(19, 6) * TRY_CAST(p AS DECIMAL(18, 6))::DECIMAL(19, 6) AS DECIMAL(30, 10))
                   * (100 - coalesce(d, 0))::DECIMAL(8, 4), 0) AS DECIMAL(20, 0)) * 0.01;
CREATE OR REPLACE TEMP MACRO tax_amount(net, rate) AS
    TRY_CAST(round(TRY_CAST(net AS DECIMAL(24, 6)) * coalesce(rate, 0)::DECIMAL(8, 4), 0) AS DECIMAL(20, 0)) * 0.01;
CREATE OR REPLACE TEMP MACRO rounding_of(q, p, d) AS
    0.01 + (abs(round(q, 2) - q) * abs(p) + abs(round(p, 2) - p) * abs(q)
            + abs(round(coalesce(d, 0), 2) - coalesce(d, 0)) * abs(q * p) * 0.01)::DOUBLE;
CREATE OR REPLACE TEMP MACRO percent_text(r) AS regexp_replace(r::DECIMAL(9, 4)::VARCHAR, '[.]?0+$', '');
CREATE OR REPLACE TEMP MACRO product_text(sku, name) AS coalesce(fold(sku), '') || chr(31) || coalesce(fold(name), '');
CREATE OR REPLACE TEMP MACRO noon(day) AS day::TIMESTAMP + INTERVAL 12 HOUR;
"""


def register_documents(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the document macros available to SQL on this connection."""
    connection.execute(_MACROS)
