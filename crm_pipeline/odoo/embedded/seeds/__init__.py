"""What a fresh database holds that a migration refers to, captured from real 17.0, 18.0 and 19.0 servers.

``{model: {columns, rows, xmlids}}``: countries and states, currencies, languages, groups, teams, stages, activity
types, subtypes, industries, utm rows, the chart of accounts (generic_coa, USD), the base users, the modules.
"""

from __future__ import annotations

import json
import uuid
from importlib import resources
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.schemas import load_attributes

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.store import Doc, Store


def plant(store: Store, version: str, stamp: str) -> None:
    """Fill an empty store. ``stamp`` becomes every record's create_date and write_date (with microseconds)."""
    seeds: dict[str, dict[str, Any]] = json.loads(
        (resources.files(__name__) / f"{version}.json").read_text(encoding="utf-8")
    )
    stamps = {"create_date": stamp, "create_uid": 1, "write_date": stamp, "write_uid": 1}
    data: list[tuple[int, Doc]] = []
    for model, seed in seeds.items():
        columns = seed["columns"]
        rows = []
        for values in seed["rows"]:
            doc = {name: value for name, value in zip(columns, values, strict=True) if value is not None}
            rows.append((doc.pop("id"), {**doc, **stamps}))
        store.insert(model, rows)
        for xmlid, res_id in seed["xmlids"].items():
            module, _, name = xmlid.partition(".")
            data.append((len(data) + 1, {"module": module, "name": name, "model": model, "res_id": res_id, **stamps}))
    store.insert("ir.model.data", data)
    model_ids = {doc["model"]: key for key, doc in store.find("ir.model")}
    fields: list[tuple[int, Doc]] = []
    for model, attributes in load_attributes(version).items():
        for name, value in attributes.items():
            doc = {
                "model": model, "model_id": model_ids.get(model), "name": name, "ttype": value["type"],
                "field_description": value.get("string") or name, "state": "base", **stamps,
            }  # fmt: skip
            for key in ("relation", "required", "readonly", "size"):
                if value.get(key):
                    doc[key] = value[key]
            if value["type"] == "many2one":
                doc["on_delete"] = value.get("ondelete", "set null")
            if value.get("store", True):
                doc["store"] = True
            fields.append((len(fields) + 1, doc))
    store.insert("ir.model.fields", fields)
    (parameter,) = store.next_ids("ir.config_parameter", 1)
    store.insert("ir.config_parameter", [(parameter, {"key": "database.uuid", "value": str(uuid.uuid4()), **stamps})])
