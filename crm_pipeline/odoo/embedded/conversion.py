"""Values given to ``create`` and ``write`` as documents: a field at a time over all records that have the same fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm_pipeline.odoo.destination import Record
from crm_pipeline.odoo.embedded.registry import MAGIC, Model
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import CallError, DataError

#: one2many commands: index of the record, field, commands
Children = list[tuple[int, str, list[tuple[Any, ...]]]]

#: how often texts come on average for them to be converted by their distinct ones
_REPEATED = 2
_TEXTS = {str, bool, type(None)}


def convert_all(values: Sequence[Any], convert: Callable[[Any], Any]) -> list[Any]:
    """Each value converted, texts that repeat once; raises what ``convert`` does."""
    if set(map(type, values)) <= _TEXTS and len(distinct := set(values)) * _REPEATED <= len(values):
        known = {value: convert(value) for value in distinct}
        return [known[value] for value in values]
    return [convert(value) for value in values]


def documents(model: Model, vals_list: Sequence[Record]) -> tuple[list[Doc], list[Record], Children]:
    """Checked values, the parents' values of ``_inherits``, and the one2many commands.

    Raises:
        DataError: a value is refused; the first record's that has one.
        CallError: the model has no such field.
    """
    alike: dict[tuple[str, ...], list[int]] = {}
    for index, vals in enumerate(vals_list):
        if vals.__class__ is not dict and not isinstance(vals, Mapping):
            raise CallError(f"values of {model.name} must be a dict, not {type(vals).__name__}", call=model.name)
        alike.setdefault(tuple(vals), []).append(index)
    docs: list[Doc] = [{} for _ in vals_list]
    parents: list[Record] = [{} for _ in vals_list]
    children: Children = []
    for names, indexes in alike.items():
        for name in names:
            model.schema(name)
        given = dict(zip(names, zip(*[vals_list[index].values() for index in indexes], strict=True), strict=True))
        stored = [name for name in names if name in model.columns]
        try:
            columns = [convert_all(given[name], model.converter(name)) for name in stored]
        except DataError:
            _refuse_first(model, vals_list)
            raise
        for index, values in zip(indexes, zip(*columns, strict=True), strict=True) if stored else ():
            docs[index] = dict(zip(stored, values, strict=True))
        for name in names:
            if name in model.columns or name in MAGIC:
                continue
            if name in model.one2many:
                children += [(index, name, model.converter(name)(vals_list[index][name])) for index in indexes]
            elif model.inherited(name):
                for index in indexes:
                    parents[index][name] = vals_list[index][name]
    return docs, parents, sorted(children, key=lambda child: child[0])


def _refuse_first(model: Model, vals_list: Sequence[Record]) -> None:
    """Raise what the first refused record is refused for, as record after record is checked in Odoo."""
    for vals in vals_list:
        for name, value in vals.items():
            if name in model.columns:
                model.converter(name)(value)
