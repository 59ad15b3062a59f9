"""What the migration created, as Odoo itself knows it: the records that bear an external id of its module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.paging import read_pages
from crm_pipeline.odoo.rollback.authorship import STAMPS, Stamp
from crm_pipeline.odoo.rollback.relations import Item, parts

#: Says whether a record (its item, external id and stamp) is among what is to be undone.
InScope = Callable[[Item, str, Stamp], bool]


@dataclass
class Census:
    """Records with an external id of the module.

    Attributes:
        names: model → id → external id without module (the first, when a record has several).
        stamps: when and by whom each was created and last written.
        scope: those to be undone; all of them unless the rollback goes back to a run.
        dangling: ids of ``ir.model.data`` rows whose record is gone.
    """

    names: dict[str, dict[int, str]] = field(default_factory=dict)
    stamps: dict[Item, Stamp] = field(default_factory=dict)
    scope: set[Item] = field(default_factory=set)
    dangling: list[int] = field(default_factory=list)

    @property
    def earliest(self) -> str | None:
        """When the first of them was created."""
        return min((stamp.create_date for stamp in self.stamps.values()), default=None)

    def limit(self, in_scope: InScope) -> None:
        """Narrow the scope."""
        self.scope = {item for item in self.scope if in_scope(item, self.names[item[0]][item[1]], self.stamps[item])}

    def by_model(self) -> dict[str, set[int]]:
        """Ids of the scope by model."""
        return grouped(self.scope)


def grouped(items: set[Item]) -> dict[str, set[int]]:
    """Ids by model."""
    found: dict[str, set[int]] = {}
    for model, odoo_id in items:
        found.setdefault(model, set()).add(odoo_id)
    return found


def take_census(destination: Destination, module: str, models: set[str]) -> Census:
    """Read all external ids of a module, and which of their records are there.

    Args:
        destination: the database.
        module: module of the external ids.
        models: models that exist and have rows; external ids of others are dangling.

    Raises:
        AccessRightsError: when the user may not read a model.
    """
    census = Census()
    rows: dict[str, dict[int, list[int]]] = {}
    for page in read_pages(destination, "ir.model.data", [("module", "=", module)], ["name", "model", "res_id"]):
        for record in page:
            census.names.setdefault(record["model"], {}).setdefault(record["res_id"], record["name"])
            rows.setdefault(record["model"], {}).setdefault(record["res_id"], []).append(record["id"])
    for model, names in census.names.items():
        if model in models:
            for some in parts(names):
                domain = [("id", "in", some)]
                for record in destination.search_read(model, domain, STAMPS, context={"active_test": False}):
                    census.stamps[model, record["id"]] = Stamp.of(record)
    for model, found in rows.items():
        for odoo_id, ids in found.items():
            if (model, odoo_id) not in census.stamps:
                census.dangling += ids
                del census.names[model][odoo_id]
    census.scope = set(census.stamps)
    return census
