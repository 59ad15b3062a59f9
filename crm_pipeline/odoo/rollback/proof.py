"""What the records that stay hold, before a rollback and after it."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from crm_pipeline.odoo.destination import Destination, FieldSchema
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.rollback.census import grouped
from crm_pipeline.odoo.rollback.relations import Item, parts
from crm_pipeline.odoo.rollback.restoring import plain
from crm_pipeline.specs import Mapping

#: item → field → value as Odoo gives it
Held = dict[Item, dict[str, Any]]

#: Kinds of values that Odoo works out itself.
_DERIVED = {"one2many", "binary"}


def read_kept(mapping: Mapping, destination: Destination, items: Iterable[Item]) -> Held:
    """The mapped fields of records; nothing of records that are not there."""
    held: Held = {}
    for model, ids in grouped(set(items)).items():
        try:
            schema = destination.fields_get(model)
        except CallError:
            continue
        targets = [target for target in mapping.targets if target.model == model]
        names = {name for target in targets for block in target.sources for name in block.fields} | {"display_name"}
        fields = sorted(name for name in names if name in schema and schema[name].type not in _DERIVED)
        for some in parts(ids, 500):
            found = destination.search_read(model, [("id", "in", some)], ["id"], context={"active_test": False})
            there = [record["id"] for record in found]
            if there:
                for record in destination.call(model, "read", there, fields=fields, context={"active_test": False}):
                    held[model, record["id"]] = {name: _held(record[name], schema[name]) for name in fields}
    return held


def _held(value: Any, schema: FieldSchema) -> Any:
    """A value; a list of links as records."""
    return [(str(schema.relation), odoo_id) for odoo_id in sorted(value or [])] if schema.type == "many2many" else plain(value, schema)


def values_changed(before: Held, after: Held, restored: AbstractSet[Item] = frozenset()) -> list[dict[str, Any]]:
    """Values that are others than before: model, odoo_id, field, before, now.

    Links to records whose own values were ``restored`` may come and go with that (a group that is no longer implied).
    """
    changed = []
    for (model, odoo_id), values in sorted(before.items()):
        now = after.get((model, odoo_id))
        if now is None:
            changed.append({"model": model, "odoo_id": odoo_id, "field": "id", "before": odoo_id, "now": "gone"})
            continue
        changed += [
            {"model": model, "odoo_id": odoo_id, "field": name, "before": value, "now": now.get(name)}
            for name, value in values.items() if not _is_held(value, now.get(name), restored)
        ]  # fmt: skip
    return changed


def _is_held(before: Any, now: Any, restored: AbstractSet[Item]) -> bool:
    if isinstance(before, list) or isinstance(now, list):
        return set(before or []) ^ set(now or []) <= restored
    return bool((before or False) == (now or False))
