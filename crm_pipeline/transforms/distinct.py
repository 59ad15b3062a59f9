"""The different values that rows of several objects use, for what a destination needs once (currencies, tax rates)."""

from __future__ import annotations

from crm_pipeline.specs.custom_fields import DEFINITIONS, OPTIONS
from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote


class ValuesOf(SpecModel):
    """Values of one object, or of the custom fields' options: a DuckDB expression over its columns."""

    object: Identifier
    value: str


class DistinctOptions(SpecModel):
    """Whose values, and which of them count (DuckDB condition over ``value``)."""

    of: tuple[ValuesOf, ...]
    where: str = "TRUE"


def distinct_values(store: StagingStore, name: str, options: DistinctOptions) -> None:
    """Writes ``derived.<name>``: ``value`` and how many ``rows`` have it; blank values are left out."""
    rooms = ["derived" if v.object in {DEFINITIONS, OPTIONS} else "typed" for v in options.of]
    selects = [f"SELECT {v.value} AS value FROM {quote(f'{room}.{v.object}')}" for room, v in zip(rooms, options.of, strict=True)]
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT value, count(*) AS rows, row_number() OVER (ORDER BY value) AS _row_id
        FROM ({" UNION ALL ".join(selects)}) WHERE value IS NOT NULL AND ({options.where}) GROUP BY value ORDER BY value
    """)
