"""Reference data of a destination (countries, states, models, Odoo's own records), fetched once and joined in SQL."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

from crm_pipeline.odoo.destination import Destination, Domain, Record
from crm_pipeline.odoo.paging import read_pages
from crm_pipeline.staging.store import StagingStore

_FILE = Path(__file__).with_name("references.yaml")


class Parent(BaseModel):
    """A linked model whose fields are part of the key, as ``parent.<field>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    model: str
    fields: tuple[str, ...]


class ReferenceData(BaseModel):
    """How records of one model are found by text."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str
    fields: tuple[str, ...]
    key: str
    or_key: str | None = None
    parent: Parent | None = None
    id: str = "id"


@lru_cache(maxsize=1)
def load_references() -> dict[str, ReferenceData]:
    """The lookups specs may use, by name."""
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: ReferenceData.model_validate(spec) for name, spec in data.items()}


def fetch_reference(store: StagingStore, destination: Destination, env: str, name: str, wanted: list[str]) -> None:
    """Fill ``ops.lookup`` (env, reference, key, odoo_id) for one reference.

    A text that stands for several records is left out: nothing is guessed, the value counts as not found.

    Args:
        store: the staging store.
        destination: where the records are.
        env: environment.
        name: name in ``references.yaml``.
        wanted: the texts that occur in the staged rows; narrows what is read where the key is a plain field.
    """
    reference = load_references()[name]
    records = [
        record
        for page in read_pages(destination, reference.model, _narrow(reference, wanted), list(reference.fields))
        for record in page
    ]
    parents: dict[int, Record] = {}
    if reference.parent is not None:
        for page in read_pages(destination, reference.parent.model, [], list(reference.parent.fields)):
            parents |= {record["id"]: record for record in page}
    _keep(store, env, name, wanted, reference, records, parents)


def _narrow(reference: ReferenceData, wanted: list[str]) -> Domain:
    if reference.model == "ir.model.data":
        pairs = sorted({tuple(text.split(".", 1)) for text in wanted if "." in text})
        modules, names = sorted({m for m, _ in pairs}), sorted({n for _, n in pairs})
        return [("module", "in", modules), ("name", "in", names)]
    if reference.key in reference.fields:
        return [(reference.key, "in", sorted(set(wanted)))]
    return []


def _keep(
    store: StagingStore,
    env: str,
    name: str,
    wanted: list[str],
    reference: ReferenceData,
    records: list[Record],
    parents: dict[int, Record],
) -> None:
    columns = {field: [record[field] or None for record in records] for field in reference.fields}
    frame = pl.DataFrame(columns | {"_id": [record[reference.id] or None for record in records]}, infer_schema_length=None)
    source = "_records AS own"
    if reference.parent is not None:
        parent_frame = pl.DataFrame(
            {field: [parent[field] or None for parent in parents.values()] for field in reference.parent.fields}
            | {"_parent_id": list(parents)},
            infer_schema_length=None,
        )
        store.connection.register("_parents", parent_frame)
        source += f' JOIN _parents AS parent ON parent._parent_id = own."{reference.parent.field}"'
    store.connection.register("_records", frame)
    selects = [
        f"SELECT DISTINCT {_qualified(key, reference)} AS key, own._id AS odoo_id FROM {source}"
        for key in (reference.key, reference.or_key)
        if key is not None
    ]
    store.execute("DELETE FROM ops.lookup WHERE env = ? AND reference = ? AND list_contains(?, key)", [env, name, wanted])
    store.execute(
        f"""INSERT INTO ops.lookup SELECT ?, ?, key, min(odoo_id) FROM ({" UNION ".join(selects)})
            WHERE list_contains(?, key) GROUP BY key HAVING count(DISTINCT odoo_id) = 1""",
        [env, name, wanted],
    )
    for view in ("_records", "_parents")[: 2 if reference.parent else 1]:
        store.connection.unregister(view)


def _qualified(key: str, reference: ReferenceData) -> str:
    """Field names of the record itself written as ``own.<field>``, so that a parent's equal names do not clash."""
    pattern = r"(?<![\w.'])(" + "|".join(reference.fields) + r")(?![\w('])"
    return re.sub(pattern, r"own.\1", key)
