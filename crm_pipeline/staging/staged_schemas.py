"""pandera schemas of target-shaped tables, generated from the mapping and checked in chunks of bounded memory."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from crm_pipeline.specs import TargetSpec
from crm_pipeline.staging.staged import confirmed_fields
from crm_pipeline.staging.store import StagingStore, quote

_CHUNK = 100_000
#: Failures kept; a table that is wrong throughout would fill memory with them.
_SHOWN = 1000


def staged_schema(target: TargetSpec) -> pa.DataFrameSchema:
    """The schema of ``staged.<model>``: identity columns, and every confirmed field present.

    Values are not typed here: their types are the destination's, which the preflight compares.
    """
    blocks = [block.name for block in target.sources]
    columns: dict[str, pa.Column] = {
        "external_id": pa.Column(pl.String, [pa.Check.str_matches(r"^[^\s,]+$"), pa.Check.str_length(1, 512)]),
        "_block": pa.Column(pl.String, pa.Check.isin(blocks)),
        "_hash": pa.Column(pl.String, pa.Check.str_length(32, 32)),
    }
    for block in target.sources:
        for name in confirmed_fields(block):
            columns.setdefault(name, pa.Column(nullable=True))
    return pa.DataFrameSchema(columns, name=target.model)


def validate_staged(store: StagingStore, target: TargetSpec) -> pl.DataFrame:
    """Validate ``staged.<model>``; returns the failures (column, check, failure_case, index), empty when all is well.

    Only columns that have something to check are read row by row; of the others it is checked that they are there.
    """
    schema = staged_schema(target)
    table = quote(f"staged.{target.table}")
    checked = [name for name, column in schema.columns.items() if column.checks]
    failures = _failures(schema, store.frame(f"SELECT * FROM {table} LIMIT 0"))
    reader = store.connection.sql(f"SELECT {', '.join(map(quote, checked))} FROM {table}").to_arrow_reader(_CHUNK)
    for batch in reader:
        failures += _failures(schema.select_columns(checked), pl.DataFrame(pl.from_arrow(batch)))
        if sum(f.height for f in failures) >= _SHOWN:
            break
    return pl.concat(failures).head(_SHOWN) if failures else pl.DataFrame(schema={"column": pl.String})


def _failures(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> list[pl.DataFrame]:
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        return [error.failure_cases.select(pl.col("column", "check", "failure_case").cast(pl.String), "index")]
    return []
