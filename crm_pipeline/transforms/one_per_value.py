"""An object's rows by a value that should be theirs alone, to join them by (people by e-mail, mails by message id)."""

from __future__ import annotations

from typing import Literal

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote


class OnePerValueOptions(SpecModel):
    """Which rows, by which value (DuckDB expressions), and what becomes of a value that several rows have.

    ``none`` leaves such a value out, so that nothing is guessed; ``first`` takes the first row by ``order_by``, else in the
    order of the export.
    """

    object: Identifier
    value: str
    where: str = "TRUE"
    several: Literal["none", "first"] = "none"
    order_by: tuple[str, ...] = ("_row_id",)


def one_per_value(store: StagingStore, name: str, options: OnePerValueOptions) -> None:
    """Writes ``derived.<name>``: the row for each value, with all its columns and the value as ``by_value``."""
    chosen = f"row_number() OVER (PARTITION BY by_value ORDER BY {', '.join(options.order_by)}) = 1"
    if options.several == "none":
        chosen += " AND count(*) OVER (PARTITION BY by_value) = 1"
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT * FROM (
            SELECT *, {options.value} AS by_value FROM {quote(f"typed.{options.object}")} WHERE {options.where}
        ) WHERE by_value IS NOT NULL QUALIFY {chosen} ORDER BY _row_id
    """)
