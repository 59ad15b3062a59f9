"""Public methods beyond the ORM's own, as far as a migration calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded import access
from crm_pipeline.odoo.embedded.cells import names_of
from crm_pipeline.odoo.embedded.chatter import ADMIN
from crm_pipeline.odoo.embedded.grouping import read_group
from crm_pipeline.odoo.embedded.reading import Reader, display_name
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules import payment, posting, reconciling, sale
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

Arguments = dict[str, Any]
ModelMethod = Callable[["Orm", Model, list[int], Arguments, Context], Any]


def _read(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    rows = dict(orm.search_docs(model, [["id", "in", ids]], {"active_test": False}, 0, None, "id"))
    del context
    reader = Reader(orm, model, arguments.get("fields") or [])
    return reader.read([(key, rows[key]) for key in ids if key in rows])


def _search(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del ids
    domain, order = arguments.get("domain") or [], arguments.get("order")
    offset, limit = arguments.get("offset") or 0, arguments.get("limit")
    return orm.search_ids(model, domain, context, offset=offset, limit=limit, order=order)


def _name_search(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del ids
    name, operator = arguments.get("name") or "", arguments.get("operator") or "ilike"
    if operator == "=":
        found = names_of(orm, model.name, {name})[name]
    else:
        found = orm.search_ids(model, [["display_name", operator, name]], context, limit=arguments.get("limit") or 100)
    docs = orm.store.get(model.name, found)
    return [[key, display_name(docs[key])] for key in found]


def _exists(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del arguments, context
    missing = orm.store.missing(model.name, ids)
    return [key for key in ids if key not in missing]


def _archive(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del arguments
    orm.write(model.name, ids, {"active": False}, context)
    return True


def _unarchive(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del arguments
    orm.write(model.name, ids, {"active": True}, context)
    return True


def _default_get(orm: Orm, model: Model, ids: list[Any], arguments: Arguments, context: Context) -> Any:
    """The argument's name differs between versions and models; before 19.0 it may come in the place of the ids."""
    takes = orm.differences.default_get_takes_fields
    argument = "fields" if takes is None or model.name in takes else "fields_list"
    if ids and takes is None:
        raise CallError(f"cannot call {model.name}.default_get with ids", call=f"{model.name}.default_get")
    if not ids and arguments and argument not in arguments:
        message = f"{model.name}.default_get() takes its fields as {argument!r}"
        raise CallError(message, call=f"{model.name}.default_get")
    stamps = {"@now": orm.now, "@today": orm.today}
    asked = ids or arguments.get(argument) or []
    found = {name: model.defaults[name] for name in asked if name in model.defaults}
    found |= {name: context[f"default_{name}"] for name in asked if f"default_{name}" in context}
    return {name: stamps.get(value, value) if isinstance(value, str) else value for name, value in found.items()}


def _fields_get(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    """``depends`` is known of required fields without a default, the others' is empty."""
    del ids, context
    wanted, attributes = arguments.get("allfields"), arguments.get("attributes")
    found: dict[str, dict[str, Any]] = {}
    for name, known in orm.registry.attributes(model.name).items():
        if wanted and name not in wanted:
            continue
        schema = model.fields[name]
        shown: dict[str, Any] = {
            "name": name, "type": schema.type, "string": schema.string, "required": schema.required,
            "readonly": schema.readonly, "store": schema.store, "depends": known.get("depends") or [],
            "manual": bool(known.get("manual")),
        }  # fmt: skip
        optional = ("relation", "relation_field", "selection", "size", "digits", "help", "domain")
        shown |= {key: known[key] for key in optional if known.get(key)}
        found[name] = {key: value for key, value in shown.items() if not attributes or key in attributes}
    return found


def _has_access(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del ids, context
    return access.allowed(orm, model.name, arguments["operation"])


def _check_access_rights(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del ids, context
    allowed = access.allowed(orm, model.name, arguments["operation"])
    if not allowed and arguments.get("raise_exception", True):
        access.check(orm, model.name, arguments["operation"])
    return allowed


def _context_get(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del orm, model, ids, arguments, context
    return {"lang": "en_US", "tz": False, "uid": ADMIN}


def _get_param(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del ids, context
    found = orm.store.find(model.name, key=arguments["key"])
    return found[0][1]["value"] if found else arguments.get("default", False)


def _object_reference(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del model, ids, context
    module, name = arguments["module"], arguments["xml_id"]
    found = orm.store.find("ir.model.data", module=module, name=name)
    if not found or orm.store.missing(found[0][1]["model"], [found[0][1]["res_id"]]):
        raise CallError(f"External ID not found in the system: {module}.{name}", call="ir.model.data")
    target, res_id = found[0][1]["model"], found[0][1]["res_id"]
    visible = orm.search_ids(orm.registry.model(target), [["id", "=", res_id]], {})
    return [target, res_id if visible else False]  # an archived record gives False (all versions)


def _has_group(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    del context
    module, _, name = str(arguments.get("group_ext_id") or arguments.get("group_id") or "").partition(".")
    found = orm.store.find("ir.model.data", module=module, name=name)
    users = orm.store.get(model.name, ids or [2])
    groups = orm.differences.group_field
    return bool(found) and all(found[0][1]["res_id"] in user.get(groups, ()) for user in users.values())


def _apply_settings(orm: Orm, model: Model, ids: list[int], arguments: Arguments, context: Context) -> Any:
    """``group_use_lead``: leads become the default type and every team uses them (ODOO_FACTS 4)."""
    del arguments, context
    for doc in orm.store.get(model.name, ids).values():
        orm.store.set_meta("use_leads", int(bool(doc.get("group_use_lead"))))
        if doc.get("group_use_lead"):
            orm.touch("crm.team", [(key, {**team, "use_leads": True}) for key, team in orm.store.find("crm.team")])
            _join_group(orm, "crm", "group_use_lead")
    return False


def _join_group(orm: Orm, module: str, name: str) -> None:
    found = orm.store.find("ir.model.data", module=module, name=name)
    if not found:
        raise DataError(f"group {module}.{name} does not exist", call="res.config.settings")
    group, field = found[0][1]["res_id"], orm.differences.group_field
    users = [(key, doc) for key, doc in orm.store.find("res.users") if not doc.get("share")]
    orm.store.update("res.users", [(key, {**doc, field: sorted({*doc.get(field, ()), group})}) for key, doc in users])


#: methods that many groups of records go through together, with the outcome of a call for each
EACH: dict[tuple[str, str], Callable[[Orm, Sequence[Sequence[int]]], list[str | None]]] = {
    ("account.move.line", "reconcile"): reconciling.reconcile_each,
}
METHODS: dict[tuple[str, str], ModelMethod] = {
    ("*", "read"): _read,
    ("*", "search"): _search,
    ("*", "name_search"): _name_search,
    ("*", "exists"): _exists,
    ("*", "action_archive"): _archive,
    ("*", "action_unarchive"): _unarchive,
    ("*", "check_access_rights"): _check_access_rights,
    ("*", "default_get"): _default_get,
    ("*", "fields_get"): _fields_get,
    ("*", "formatted_read_group"): read_group,
    ("*", "read_group"): read_group,
    ("*", "has_access"): _has_access,
    ("account.move", "action_post"): posting.action_post,
    ("account.move", "button_cancel"): posting.button_cancel,
    ("account.move", "button_draft"): posting.button_draft,
    ("account.move.line", "reconcile"): reconciling.reconcile,
    ("account.move.line", "remove_move_reconcile"): reconciling.remove_reconciliation,
    ("account.payment", "action_draft"): payment.action_draft,
    ("account.payment", "action_post"): payment.action_post,
    ("ir.config_parameter", "get_param"): _get_param,
    ("ir.model.data", "check_object_reference"): _object_reference,
    ("res.users", "context_get"): _context_get,
    ("sale.order", "action_cancel"): sale.action_cancel,
    ("sale.order", "action_lock"): sale.action_lock,
    ("sale.order", "action_unlock"): sale.action_unlock,
    ("res.users", "has_group"): _has_group,
    ("res.config.settings", "execute"): _apply_settings,
}
