"""External ids of records that ``load`` and, as during an import, ``create`` make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm


def set_external_ids(orm: Orm, model: str, pairs: list[tuple[str, int]], context: Context) -> None:
    """Give records external ids; one that is taken is moved, as 17, 18 and 19 do, and its record keeps none.

    Args:
        orm: the transaction.
        model: model of the records.
        pairs: external id (its module from the context where it has none) and id.
        context: the call's, with ``_import_current_module``.
    """
    by_module: dict[str, dict[str, int]] = {}
    for xmlid, res_id in pairs:
        module, dot, name = xmlid.partition(".")
        if not dot:
            module, name = str(context["_import_current_module"]), xmlid
        by_module.setdefault(module, {})[name] = res_id
    for module, names in by_module.items():
        taken = orm.store.find("ir.model.data", module=module, name=list(names))
        orm.touch("ir.model.data", [(key, {**doc, "model": model, "res_id": names.pop(doc["name"])}) for key, doc in taken])
        add_external_ids(orm, model, [(module, name, res_id) for name, res_id in names.items()], context)


def add_external_ids(orm: Orm, model: str, named: Sequence[tuple[str, str, int]], context: Context) -> None:
    """Add external ids (module, name, id of the record) that nobody has; ``noupdate`` in the context is kept with them."""
    stamps = {"create_date": orm.stamp, "write_date": orm.stamp, "create_uid": 2, "write_uid": 2}
    if context.get("noupdate"):
        stamps["noupdate"] = True
    keys = orm.store.next_ids("ir.model.data", len(named))
    rows = [
        (key, {"module": module, "name": name, "model": model, "res_id": res_id, **stamps})
        for key, (module, name, res_id) in zip(keys, named, strict=True)
    ]
    orm.store.insert("ir.model.data", rows)
