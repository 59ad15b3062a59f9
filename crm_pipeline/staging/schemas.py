"""pandera schemas of typed tables, generated from the spec, and validation in bounded memory."""

from __future__ import annotations

from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from crm_pipeline.specs import ObjectSpec, SourceSpec
from crm_pipeline.specs.source import FILE_COLUMNS
from crm_pipeline.staging.store import StagingStore, quote

CHUNK = 100_000

_DTYPES: dict[str, Any] = {
    "money": pl.Decimal(24, 6),
    "dec": pl.Decimal(24, 6),
    "pct": pl.Decimal(9, 4),
    "int": pl.Int64,
    "bool": pl.Boolean,
    "date": pl.Date,
    "dt": pl.Datetime("us"),
    "enums": pl.List(pl.String),
}

#: What ``crm_pipeline.staging.files`` adds; an address has no bytes and no digests.
_FILE_COLUMNS = {
    "file_kind": pa.Column(pl.String, checks=pa.Check.isin(["binary", "url"]), nullable=False),
    "file_source": pa.Column(pl.String, nullable=False),
    "file_bytes": pa.Column(pl.Int64, checks=pa.Check.gt(0), nullable=True),
    "file_sha256": pa.Column(pl.String, checks=pa.Check.str_matches("^[0-9a-f]{64}$"), nullable=True),
    "file_sha1": pa.Column(pl.String, checks=pa.Check.str_matches("^[0-9a-f]{40}$"), nullable=True),
    "file_mime": pa.Column(pl.String, nullable=True),
}

#: Columns of the failures ``validate_typed`` returns.
FAILURES: dict[str, type[pl.DataType]] = {
    "column": pl.String,
    "check": pl.String,
    "row_id": pl.Int64,
    "value": pl.String,
}


def typed_schema(spec: ObjectSpec) -> pa.DataFrameSchema:
    """The schema of ``typed.<object>``: types, required columns without blanks, enum values, unique row ids."""
    columns = {
        "_row_id": pa.Column(pl.Int64, nullable=False, unique=True),
        "_file": pa.Column(pl.String, nullable=False),
        "_row": pa.Column(pl.Int64, checks=pa.Check.ge(2), nullable=False),
    }
    for name, column in spec.columns.items():
        checks = [pa.Check.isin(list(column.values))] if column.type == "enum" else []
        needed = column.required or name == spec.key
        columns[name] = pa.Column(_DTYPES.get(column.type, pl.String), checks=checks, nullable=not needed)
        if column.type == "money":
            code = pa.Check.str_matches("^[A-Z]{3}$")
            columns[f"{name}__currency"] = pa.Column(pl.String, checks=code, nullable=True)
    columns |= {name: pa.Column(nullable=True) for name in spec.further_columns if name not in FILE_COLUMNS}
    if spec.files:
        columns |= _FILE_COLUMNS
    return pa.DataFrameSchema(columns, strict=True)


def validate_typed(store: StagingStore, spec: SourceSpec, object_name: str) -> pl.DataFrame:
    """Validate ``typed.<object>`` in chunks of ``CHUNK`` rows; of columns that any value is good for, the types alone.

    Returns:
        one row for each failure: ``column``, ``check``, ``row_id`` (NULL for a whole column), ``value``; none when all is
        well. Keys that repeat over all chunks are among them (check 'key_is_unique').
    """
    object_spec = spec.objects[object_name]
    schema = typed_schema(object_spec)
    table = quote(f"typed.{object_name}")
    columns = "COLUMNS(lambda c: c NOT IN ('_extra', '_deleted'))"
    failures = _failures(schema, store.frame(f"SELECT {columns} FROM {table} LIMIT 0"))
    checked = [name for name, column in schema.columns.items() if column.checks or column.unique or not column.nullable]
    reader = store.connection.sql(f"SELECT {', '.join(map(quote, checked))} FROM {table}").to_arrow_reader(CHUNK)
    for batch in reader:
        failures += _failures(schema.select_columns(checked), pl.DataFrame(batch))
    key = quote(object_spec.key)
    repeated = store.frame(
        f'SELECT ? AS "column", \'key_is_unique\' AS "check", min(_row_id) AS row_id, CAST({key} AS VARCHAR) AS value '
        f"FROM {table} GROUP BY {key} HAVING count(*) > 1 ORDER BY row_id",
        [object_spec.key],
    )
    keys = repeated.select(pl.col(name).cast(dtype) for name, dtype in FAILURES.items())
    return pl.concat([*failures, keys])


def _failures(schema: pa.DataFrameSchema, chunk: pl.DataFrame) -> list[pl.DataFrame]:
    try:
        schema.validate(chunk, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        ids = chunk["_row_id"]
        rows = [ids[index] if index is not None and index < len(ids) else None for index in cases["index"].to_list()]
        return [
            pl.DataFrame(
                {
                    "column": cases["column"].cast(pl.String),
                    "check": cases["check"].cast(pl.String),
                    "row_id": pl.Series(rows, dtype=pl.Int64),
                    "value": cases["failure_case"].cast(pl.String),
                },
                schema=FAILURES,
            )
        ]
    return []
