"""Reading many records as columns: documents are parsed where the columns are made, no value of theirs is looked at here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from crm_pipeline.odoo.columns import column_of, column_type
from crm_pipeline.odoo.embedded.reading import STAMPS, Reader
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.store import COLUMNS, value_of
from crm_pipeline.odoo.embedded.values import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crm_pipeline.odoo.destination import Context
    from crm_pipeline.odoo.embedded.orm import Orm

_KEPT = STAMPS | {"create_uid", "write_uid"}
_SECOND = 19  # characters of a datetime without its fraction


def search_columns(
    orm: Orm, model: Model, domain: Sequence[Any], fields: Sequence[str], context: Context, *, limit: int | None = None, order: str | None = None
) -> Callable[[], pl.DataFrame]:  # fmt: skip
    """What makes the frame of ``id`` and each field of the matching records, without the transaction they are found in.

    No document is read where columns hold all fields.
    """
    reader = Reader(orm, model, fields)
    names = list(dict.fromkeys(name for name in fields if name != "id"))
    if all(name in COLUMNS.get(model.name, ()) and model.fields[name].type != "boolean" for name in names):
        selected = ", ".join(["id", *(value_of(model.name, name) for name in names)])
        found = list(zip(*orm.select(model, selected, domain, context, 0, limit, order), strict=True)) or [()] * (len(names) + 1)
        columns = {name: reader.filled(name, list(values)) for name, values in zip(names, found[1:], strict=True)}
        return partial(_frame, model, {"id": list(found[0]), **columns})
    rows = orm.search_docs(model, domain, context, 0, limit, order)
    if rows and all(name in model.columns or name in _KEPT for name in names):
        return partial(_parsed, model, names, rows, reader)
    return partial(_frame, model, reader.columns(rows))


def _frame(model: Model, columns: dict[str, list[Any]]) -> pl.DataFrame:
    return pl.DataFrame([column_of(model.fields[name], values) for name, values in columns.items()])


def _parsed(model: Model, names: Sequence[str], rows: Sequence[tuple[int, str]], reader: Reader) -> pl.DataFrame:
    """The columns of stored fields from ids and JSON documents."""
    lines = "\n".join([doc for _, doc in rows]).encode()
    try:
        documents = pl.read_ndjson(lines, schema={name: column_type(model.fields[name]) for name in names})
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        # a value that is not of its field's type, such as of a field that had another one before
        return _frame(model, reader.columns(rows))
    keys = pl.Series("id", [key for key, _ in rows], pl.Int64)
    return pl.select(keys).hstack(documents).with_columns(filled for name in names if (filled := _filled(model, name)) is not None)


def _filled(model: Model, name: str) -> pl.Expr | None:
    """What ``read`` gives for an empty field, where that is not ``False``; stamps without their fractions."""
    kind = model.fields[name].type
    if name in STAMPS:
        return pl.col(name).str.head(_SECOND)
    if kind == "many2many":
        return pl.col(name).fill_null([])
    return pl.col(name).fill_null(EMPTY[kind]) if kind in EMPTY else None
