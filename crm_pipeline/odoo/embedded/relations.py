"""Relations between records: foreign keys, x2many commands, and what a deletion does to those that point at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.embedded.values import Command, apply_commands
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

Commands = list[tuple[Any, ...]]

_IN_USE = (
    "The operation cannot be completed: another model requires the record being deleted. If possible, archive it "
    "instead.\n\nModel: ({model})\nConstraint: {what}"
)


def check_references(orm: Orm, model: Model, docs: Sequence[Doc]) -> None:
    """Foreign keys; raises DataError. Models that are not bundled are believed (see ``limits``)."""
    for name, relation in model.many2one.items():
        wanted = {value for doc in docs if (value := doc.get(name)) is not None}
        _check(orm, model, name, relation, wanted)
    for name, relation in model.many2many.items():
        _check(orm, model, name, relation, {item for doc in docs for item in doc.get(name) or ()})


def _check(orm: Orm, model: Model, name: str, relation: str, wanted: set[int]) -> None:
    if not wanted or relation not in orm.registry:
        return
    missing = orm.store.missing(relation, wanted)
    if missing:
        what = f"{name}: there is no {relation} with id {', '.join(map(str, sorted(missing)))}"
        raise DataError(_IN_USE.format(model=model.name, what=what), call=model.name)


def linked(orm: Orm, model: Model, name: str, current: list[int], commands: Commands, context: Context) -> Any:
    """The ids of a many2many after its commands, None when there are none."""
    if len(commands) == 1 and commands[0][0] in {Command.SET, Command.CLEAR}:
        return apply_commands(current, commands) or None
    relation = model.many2many[name]
    resolved: Commands = []
    for command in commands:
        match command[0]:
            case Command.CREATE:
                (key,) = orm.create(relation, [command[2]], context)
                resolved.append((Command.LINK, key))
            case Command.UPDATE:
                orm.write(relation, [command[1]], command[2], context)
            case Command.DELETE:
                resolved.append(command)
                orm.unlink(relation, [command[1]], context)
            case _:
                resolved.append(command)
    return apply_commands(current, resolved) or None


def write_children(orm: Orm, model: Model, key: int, name: str, commands: Commands, context: Context) -> None:
    """Commands of a one2many on one record."""
    schema = model.fields[name]
    relation, inverse = schema.relation or "", schema.relation_field or ""
    if relation not in orm.registry:
        return
    link: Record = {inverse: key}
    if inverse == "res_id":
        link["res_model" if "res_model" in orm.registry.model(relation).columns else "model"] = model.name
    created = [command for command in commands if command[0] == Command.CREATE]
    if created:
        orm.create(relation, [{**command[2], **link} for command in created], context)
    for command in commands:
        match command[0]:
            case Command.CREATE:
                pass
            case Command.UPDATE:
                orm.write(relation, [command[1]], command[2], context)
            case Command.DELETE:
                orm.unlink(relation, [command[1]], context)
            case Command.LINK:
                orm.write(relation, [command[1]], link, context)
            case Command.UNLINK:
                _unlink_child(orm, relation, inverse, [command[1]], context)
            case _:
                keep = set(command[2]) if command[0] == Command.SET else set()
                now = {child for child, _ in orm.store.find(relation, **{inverse: key})}
                _unlink_child(orm, relation, inverse, sorted(now - keep), context)
                if keep - now:
                    orm.write(relation, sorted(keep - now), link, context)


def _unlink_child(orm: Orm, relation: str, inverse: str, ids: list[int], context: Context) -> None:
    """A child leaves its parent: deleted where it cannot be without one."""
    if not ids:
        return
    if orm.registry.ondelete(relation, inverse) == "cascade":
        orm.unlink(relation, ids, context)
    else:
        orm.write(relation, ids, {inverse: False}, context)


def release_references(orm: Orm, name: str, ids: list[int], context: Context) -> None:
    """References to records about to go: refused, deleted too, or emptied, as each field's ``ondelete`` says."""
    gone = set(ids)
    for model, field, ondelete in orm.registry.references_to(name):
        found = [(key, doc) for key, doc in orm.store.find(model, **{field: ids}) if model != name or key not in gone]
        if not found:
            continue
        if ondelete == "restrict":
            raise DataError(_IN_USE.format(model=model, what=field), call=name)
        if ondelete == "cascade":  # by the database: no rules run, and external ids stay behind
            below = [key for key, _ in found]
            release_references(orm, model, below, context)
            orm.store.delete(model, below)
        else:
            orm.store.update(model, [(key, {k: v for k, v in doc.items() if k != field}) for key, doc in found])
    for model, field in orm.registry.many2many_to(name):
        changed = []
        for key, doc in orm.store.find_any(model, field, ids):
            kept = [item for item in doc.pop(field) if item not in gone]
            changed.append((key, {**doc, field: kept} if kept else doc))
        orm.store.update(model, changed)


def delete_attached(orm: Orm, model: Model, ids: list[int]) -> None:
    """External ids, messages, followers, activities and files of deleted records go with them."""
    if model.name != "ir.model.data":
        _delete_where(orm, "ir.model.data", model=model.name, res_id=ids)
    if model.is_thread:
        _delete_where(orm, "mail.message", model=model.name, res_id=ids)
        _delete_where(orm, "mail.followers", res_model=model.name, res_id=ids)
        _delete_where(orm, "mail.activity", res_model=model.name, res_id=ids)
    if model.name != "ir.attachment":
        _delete_where(orm, "ir.attachment", res_model=model.name, res_id=ids)


def _delete_where(orm: Orm, model: str, /, **equal: Any) -> None:
    found = [key for key, _ in orm.store.find(model, **equal)]
    if found:
        orm.store.delete(model, found)
        if model != "ir.model.data":
            _delete_where(orm, "ir.model.data", model=model, res_id=found)
