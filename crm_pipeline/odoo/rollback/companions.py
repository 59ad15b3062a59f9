"""Records that Odoo made along with the migration's, in the same transaction, and would leave behind: they are taken for ours.

They get an external id of ours before anything is deleted, so that a rollback that is interrupted finds them again.
"""

from __future__ import annotations

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.rollback.authorship import STAMPS, Stamp
from crm_pipeline.odoo.rollback.census import Census
from crm_pipeline.odoo.rollback.relations import Item, Relations, parts
from crm_pipeline.odoo.rollback.rules import UndoRules


def adopt_companions(
    destination: Destination, module: str, rules: UndoRules, relations: Relations, census: Census, retry: RetryPolicy | None
) -> None:
    """Take such records into the census; with ``retry`` also give them their external ids in Odoo."""
    for model in [model for model in census.names if rules.of(model).leaves]:
        for item, whole in _companions(model, rules, relations, census).items():
            name = f"{census.names[whole[0]][whole[1]]}_{item[0].replace('.', '_')}"
            if retry is not None:
                retry.insist("ir.model.data", lambda item=item, name=name: _name(destination, module, item, name))  # type: ignore[misc]
            census.names.setdefault(item[0], {})[item[1]] = name
            census.scope.add(item)


def _companions(model: str, rules: UndoRules, relations: Relations, census: Census) -> dict[Item, Item]:
    """Record left behind → the record of ours it was made with; those that are ours already are left out."""
    fields = {relation.field for relation in relations.of(model)}
    leaves = {other: name for other, name in rules.of(model).leaves.items() if name in fields}
    pairs: dict[str, dict[int, int]] = {other: {} for other in leaves}
    for some in parts(census.names[model]) if leaves else ():
        for record in relations.read(model, [("id", "in", some)], leaves.values()):
            for other, name in leaves.items():
                if record[name] and record[name] not in census.names.get(other, {}):
                    pairs[other].setdefault(record[name], record["id"])
    found: dict[Item, Item] = {}
    for other, wholes in pairs.items():
        for some in parts(wholes):
            for record in relations.read(other, [("id", "in", some)], STAMPS):
                stamp, whole = Stamp.of(record), (model, wholes[record["id"]])
                born = census.stamps[whole]
                if (stamp.create_uid, stamp.create_date) == (born.create_uid, born.create_date):
                    census.stamps[other, record["id"]] = stamp
                    found[other, record["id"]] = whole
    return found


def _name(destination: Destination, module: str, item: Item, name: str) -> None:
    values = {"module": module, "name": name, "model": item[0], "res_id": item[1], "noupdate": True}
    if not destination.search_read("ir.model.data", [("module", "=", module), ("name", "=", name)], ["id"]):
        try:
            destination.create("ir.model.data", [values], context=QUIET)
        except DataError:  # the name is taken meanwhile, by our own call whose reply was lost
            return
