"""Who may use a custom model: the ``ir.model.access`` rows it has. The administrator may use every other model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_pipeline.odoo.embedded.chatter import ADMIN
from crm_pipeline.odoo.embedded.registry import is_custom
from crm_pipeline.odoo.errors import AccessRightsError, CallError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

#: operation → what the refusal calls it
OPERATIONS = {"read": "access", "write": "modify", "create": "create", "unlink": "delete"}


def allowed(orm: Orm, model: str, operation: str) -> bool:
    """Whether the administrator may do something with a model; raises CallError for an unknown operation."""
    if operation not in OPERATIONS:
        raise CallError("Invalid access mode", call=f"{model}.has_access")
    if not is_custom(model):
        return True
    rows = _rows(orm, model, operation)
    groups = _groups(orm) if rows else set()
    return any(group is None or group in groups for group in rows)


def check(orm: Orm, model: str, operation: str) -> None:
    """Refuse with Odoo's words; raises AccessRightsError."""
    if is_custom(model) and not allowed(orm, model, operation):
        groups = [
            orm.store.get("res.groups", [group]).get(group, {}) for group in _rows(orm, model, operation) if group
        ]
        who = "".join(f"\n\t- {group.get('name')}" for group in groups)
        reason = (
            f"This operation is allowed for the following groups:{who}"
            if groups
            else "No group currently allows this operation."
        )
        label = next((doc.get("name") for _, doc in orm.store.find("ir.model", model=model)), model)
        message = (
            f"You are not allowed to {OPERATIONS[operation]} '{label}' ({model}) records.\n\n{reason}\n\n"
            "Contact your administrator to request access if necessary."
        )
        raise AccessRightsError(message, call=model)


def _rows(orm: Orm, model: str, operation: str) -> list[int | None]:
    """The groups of the rows that allow it; None is everybody."""
    ids = [key for key, _ in orm.store.find("ir.model", model=model)]
    found = orm.store.find("ir.model.access", model_id=ids) if ids else []
    return [doc.get("group_id") for _, doc in found if doc.get("active") and doc.get(f"perm_{operation}")]


def _groups(orm: Orm) -> set[int]:
    """The administrator's groups with all they imply."""
    (user,) = orm.store.get("res.users", [ADMIN]).values()
    groups: set[int] = set()
    new = set(user.get(orm.differences.group_field) or ())
    while new:
        groups |= new
        docs = orm.store.get("res.groups", new).values()
        new = {implied for doc in docs for implied in doc.get("implied_ids") or ()} - groups
    return groups
