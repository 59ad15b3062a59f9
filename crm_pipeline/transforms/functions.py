"""Everything specs may call by name, registered on a staging connection in one place."""

from __future__ import annotations

import duckdb

from crm_pipeline.staging.store import literal
from crm_pipeline.transforms.documents import register_documents
from crm_pipeline.transforms.domains import register_domains
from crm_pipeline.transforms.files import register_files
from crm_pipeline.transforms.names import register_names
from crm_pipeline.transforms.text import register_text


def register_functions(connection: duckdb.DuckDBPyConnection, *, account_currency: str) -> None:
    """Register the named transforms.

    Args:
        connection: the staging store's connection; the value parsers are registered on it already.
        account_currency: ISO code of amounts for which the export states none (R-8).
    """
    register_text(connection)
    register_domains(connection)
    register_names(connection)
    register_files(connection)
    register_documents(connection)
    connection.execute(f"""
        CREATE OR REPLACE TEMP MACRO account_currency() AS {literal(account_currency)};
        CREATE OR REPLACE TEMP MACRO amount_currency(amount, currency, symbol) AS
        CASE WHEN amount IS NOT NULL THEN coalesce(upper(currency), symbol, {literal(account_currency)}) END
    """)
