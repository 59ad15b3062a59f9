"""Records counted by group: ``read_group`` and what 19.0 has in its place, as far as a migration asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.store import value_of
from crm_pipeline.odoo.errors import CallError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm


def read_group(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> Any:
    """Groups of stored fields that are no links and no times, with ``__count``; nothing else is added up."""
    del ids
    names = arguments.get("groupby") or []
    asked = [*(arguments.get("fields") or []), *(arguments.get("aggregates") or ["__count"])]
    if asked != ["__count"] or any(name not in model.columns or name in model.many2one for name in names):
        raise CallError(f"the embedded destination does not group {model.name} by {names} with {asked}", call=f"{model.name}.read_group")
    rows = orm.count_groups(model, [value_of(model.name, name) for name in names], arguments.get("domain") or [], context)
    return [{name: False if value is None else value for name, value in zip(names, values, strict=True)} | {"__count": count} for *values, count in rows]
