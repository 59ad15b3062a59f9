"""The spot check: a few records of every object, drawn so that each kind is among them, with what Odoo shows of them.

The draw is repeatable: the same seed over the same rows draws the same records. People look at them side by side with
the exported row; the machine has compared every record anyway.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import polars as pl

from crm_pipeline.odoo.destination import Destination, FieldSchema, Record
from crm_pipeline.odoo.lanes import together
from crm_pipeline.odoo.resolved import resolve_fields
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, literal

#: Records of one object: at least this many where there are so many, two in a hundred, and at most that many.
FEWEST, MOST, SHARE = 25, 50, 0.02


def draw_sample(store: StagingStore, mapping: Mapping, env: str, seed: str) -> int:
    """Draw into ``ops.sample``; returns how many records. Reads ``ops.row_fate``.

    Strata of an object are its rows' fate, the kind of record, and the values its target is counted by. They take turns,
    so that a rare one is drawn before a frequent one is drawn again.
    """
    kinds = " ".join(
        f"WHEN {literal(target.model)} THEN concat_ws(' · ', {', '.join(_counted(target))})"
        for target in mapping.targets if _counted(target)
    )  # fmt: skip
    store.execute("DELETE FROM ops.sample WHERE env = ?", [env])
    store.execute(
        f"""INSERT INTO ops.sample BY NAME
            WITH pool AS (
                SELECT told.object, told.row_id, told.key, told.file, told."row", told.fate, entry.external_id, entry.model, entry.odoo_id,
                       concat_ws(' · ', told.fate, entry.block, {f"CASE entry.model {kinds} END" if kinds else "NULL"}) AS stratum,
                       md5(? || told.object || told.row_id) AS draw
                FROM ops.row_fate AS told JOIN ops.ledger AS entry ON entry.env = ? AND entry.external_id = told.detail
                WHERE told.fate IN ('loaded', 'merged') AND entry.odoo_id IS NOT NULL
            ), turns AS (
                SELECT *, row_number() OVER (PARTITION BY object, stratum ORDER BY draw) AS turn,
                       least({MOST}, greatest({FEWEST}, ceil(count(*) OVER (PARTITION BY object) * {SHARE}))) AS wanted
                FROM pool
            )
            SELECT ? AS env, ? AS seed, object, row_id, key, file, "row", fate, external_id, model, odoo_id, stratum,
                   row_number() OVER (PARTITION BY object ORDER BY turn, draw) AS position
            FROM turns QUALIFY position <= wanted""",
        [seed, env, env, seed],
    )
    return int(store.value("SELECT count(*) FROM ops.sample WHERE env = ?", [env]))


def _counted(target: TargetSpec) -> list[str]:
    return [f"entry.\"values\" ->> {literal('$.' + count.by)}" for count in target.counts if count.period is None]


def read_sample(store: StagingStore, mapping: Mapping, destination: Destination, env: str) -> None:
    """Fill ``ops.sample_value``: the mapped fields of the drawn records as Odoo shows them, links by their names."""
    store.execute("DELETE FROM ops.sample_value WHERE env = ?", [env])
    for model, ids in store.rows("SELECT model, list(DISTINCT odoo_id ORDER BY odoo_id) FROM ops.sample WHERE env = ? GROUP BY 1", [env]):
        target = mapping.target(model)
        schema = destination.fields_get(model)
        fields = _shown_fields(target, schema)
        found = destination.search_read(model, [("id", "in", ids)], [f.name for f in fields], context={"active_test": False})
        names = _linked_names(destination, fields, found)
        rows = [
            {"env": env, "model": model, "odoo_id": record["id"], "position": position, "field": field.name, "label": field.string,
             "value": _shown(field, record, names)}
            for record in found for position, field in enumerate(fields)
        ]  # fmt: skip
        if rows:
            store.insert("ops.sample_value", pl.DataFrame(rows, schema_overrides={"value": pl.String}))


def _shown_fields(target: TargetSpec, schema: dict[str, FieldSchema]) -> list[FieldSchema]:
    """The mapped fields of a model, once each and in the mapping's order; a file is shown by its size and checksum."""
    found: dict[str, FieldSchema] = {}
    for block in target.sources:
        for field in resolve_fields(target, block, schema):
            for name in ("file_size", "checksum") if field.spec.file is not None else (field.schema.name,):
                if name in schema and not field.spec.awaited:
                    found[name] = schema[name]
    return list(found.values())


def _linked_names(destination: Destination, fields: list[FieldSchema], records: list[Record]) -> dict[tuple[str, int], str]:
    """(model, id) → display name of all records the given ones link to."""
    wanted: dict[str, set[int]] = {}
    for record in records:
        for field in fields:
            for model, odoo_id in _links(field, record):
                wanted.setdefault(model, set()).add(odoo_id)
    names: dict[tuple[str, int], str] = {}
    found = together(
        partial(destination.search_read, model, [("id", "in", sorted(ids))], ["display_name"], context={"active_test": False})
        for model, ids in wanted.items()
    )
    for model, named in zip(wanted, found, strict=True):
        names |= {(model, record["id"]): str(record["display_name"]) for record in named}
    return names


def _links(field: FieldSchema, record: Record) -> Iterable[tuple[str, int]]:
    value: Any = record[field.name]
    if not value:
        return []
    if field.type == "many2one":
        return [(str(field.relation), value)]
    if field.type in {"many2many", "one2many"}:
        return [(str(field.relation), each) for each in value]
    if field.type == "many2one_reference":
        model = record.get("res_model") or record.get("model")
        return [(model, value)] if isinstance(model, str) else []
    return []


def _shown(field: FieldSchema, record: Record, names: dict[tuple[str, int], str]) -> str | None:
    links = list(_links(field, record))
    if links:
        return ", ".join(names.get(link, f"{link[0]} {link[1]}") for link in links)
    value = record[field.name]
    if field.type == "boolean":
        return "yes" if value else "no"
    return None if value is False or value is None or value == [] else str(value)
