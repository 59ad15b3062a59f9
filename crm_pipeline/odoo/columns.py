"""Records read as columns: a frame with one typed column a field, which tables are made of without a step between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from crm_pipeline.odoo.destination import Context, Destination, Domain, FieldSchema

_TYPES: Mapping[str, pl.DataType] = {
    "boolean": pl.Boolean(), "integer": pl.Float64(), "float": pl.Float64(), "monetary": pl.Float64(), "many2one": pl.Int64(),
    "many2one_reference": pl.Int64(), "many2many": pl.List(pl.Int64), "one2many": pl.List(pl.Int64),
}  # fmt: skip
_TEXT = pl.String()


def column_type(schema: FieldSchema) -> pl.DataType:
    """The type of a field's column; whatever is no number, link or boolean is text."""
    return pl.Int64() if schema.name == "id" else _TYPES.get(schema.type, _TEXT)


def column_of(schema: FieldSchema, values: list[Any]) -> pl.Series:
    """Values as ``search_read`` gives them as a column: ``False`` for empty becomes NULL, except where it is a boolean's value."""
    dtype = column_type(schema)
    if dtype == _TEXT:
        values = [None if v is False else v if v.__class__ is str else str(v) for v in values]
    elif dtype == pl.Boolean:
        values = [bool(v) for v in values]
    elif not isinstance(dtype, pl.List):
        values = [None if v is False else v for v in values]
    return pl.Series(schema.name, values, dtype)


def read_columns(
    destination: Destination, model: str, domain: Domain, fields: Sequence[str], *, limit: int | None = None, order: str | None = None,
    context: Context | None = None,
) -> pl.DataFrame:  # fmt: skip
    """``search_columns`` of a destination that answers with records.

    ``search_read`` leaves archived records out of a many2many whatever the context says, ``read`` does not (17, 18, 19).
    """
    schema = destination.fields_get(model)
    names = list(dict.fromkeys(["id", *fields]))
    records = destination.search_read(model, domain, fields, limit=limit, order=order, context=context)
    lists = [name for name in names if schema[name].type == "many2many"]
    if lists and records:
        ids = [record["id"] for record in records]
        whole = {record["id"]: record for record in destination.call(model, "read", ids, fields=lists, context=context or {})}
        records = [record | whole.get(record["id"], {}) for record in records]
    return pl.DataFrame([column_of(schema[name], [record[name] for record in records]) for name in names])
