"""One chosen row of an object, for what a spec states once for all records."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote


class FirstRowOptions(SpecModel):
    """Which row: the first in this order among those with the condition (DuckDB expressions)."""

    object: Identifier
    where: str = "TRUE"
    order_by: tuple[str, ...]


def first_row(store: StagingStore, name: str, options: FirstRowOptions) -> None:
    """Writes ``derived.<name>``: the row with all its columns, and ``one`` = 1 to join it by; empty when none fits."""
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT *, 1 AS one FROM {quote(f"typed.{options.object}")} WHERE {options.where}
        ORDER BY {", ".join(options.order_by)} LIMIT 1
    """)
