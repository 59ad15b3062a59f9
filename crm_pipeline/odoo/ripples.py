"""What Odoo changes elsewhere when the migration writes on a record that was there before (see ``ripples.yaml``).

Changed values become rows of ``ops.touched`` like the write itself; records that Odoo made get an external id of ours, so that
they are known to be the migration's doing even when the local store is lost.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import CallError
from crm_pipeline.odoo.ledger import Ledger

_FILE = Path(__file__).with_name("ripples.yaml")
_EVERY = {"active_test": False}


class Ripple(BaseModel):
    """What one written field changes elsewhere.

    Attributes:
        changes: model → fields of any of its records; those a version doesn't have are passed over.
        makes: models of which Odoo creates records.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    changes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    makes: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def load_ripples() -> dict[str, Ripple]:
    """By ``model.field``."""
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: Ripple.model_validate(spec) for name, spec in data.items()}


class RippleWatch:
    """Looks before a write and after it.

    Args:
        destination: the database.
        ledger: where changes are noted.
        model: the model that is written.
        field: the field that is written.
    """

    def __init__(self, destination: Destination, ledger: Ledger, model: str, field: str) -> None:
        self.destination, self.ledger = destination, ledger
        self.ripple = load_ripples().get(f"{model}.{field}", Ripple())
        self._before, self._ids = self._values(), self._made()

    def note(self) -> None:
        """After the write: note what changed and name what was made."""
        rows = [
            {"model": model, "odoo_id": odoo_id, "field": name, "before": json.dumps(before), "after": json.dumps(now)}
            for (model, odoo_id, name), now in self._values().items()
            if (before := self._before.get((model, odoo_id, name), now)) != now
        ]
        if rows:
            ledger = self.ledger
            ledger.store.insert(
                "ops.touched",
                pl.DataFrame(rows).with_columns(
                    env=pl.lit(ledger.env), run_id=pl.lit(ledger.run_id), touched_at=pl.lit(ledger.now)
                ),
            )
        for model, ids in self._made().items():
            for odoo_id in sorted(ids - self._ids[model]):
                name = f"made_by_odoo_{model.replace('.', '_')}_{odoo_id}"
                values = {"module": self.ledger.module, "name": name, "model": model, "res_id": odoo_id, "noupdate": True}
                self.destination.create("ir.model.data", [values], context=QUIET)

    def _values(self) -> dict[tuple[str, int, str], Any]:
        found: dict[tuple[str, int, str], Any] = {}
        for model, names in self.ripple.changes.items():
            schema = self._schema(model)
            fields = [name for name in names if name in schema and schema[name].store]
            ids = sorted(self._all(model)) if fields else []
            if ids:
                for record in self.destination.call(model, "read", ids, fields=fields, context=_EVERY):
                    found |= {
                        (model, record["id"], name): sorted(record[name]) if isinstance(record[name], list) else record[name]
                        for name in fields
                    }
        return found

    def _made(self) -> dict[str, set[int]]:
        return {model: self._all(model) for model in self.ripple.makes if self._schema(model)}

    def _all(self, model: str) -> set[int]:
        return {record["id"] for record in self.destination.search_read(model, [], ["id"], context=_EVERY)}

    def _schema(self, model: str) -> dict[str, Any]:
        try:
            return self.destination.fields_get(model)
        except CallError:  # the app is not installed
            return {}
