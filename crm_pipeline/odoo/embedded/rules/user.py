"""res.users (ODOO_FACTS 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.chatter import queue_mail
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

_TAKEN = "You can not have two users with the same login!"


class UserRule(Rule):
    """Users; name and e-mail live on their partner (``_inherits``)."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Unique logins; an inactive user cannot be invited."""
        del given
        seen: set[str] = set()
        for doc in docs:
            login = doc.get("login")
            if login in seen or (login and orm.store.find(model.name, login=login)):
                raise DataError(f"The operation cannot be completed: {_TAKEN}", call=model.name)
            seen.add(login or "")
            if not doc.get("active") and not context.get("no_reset_password"):
                raise DataError("You cannot perform this action on an archived user.", call=model.name)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The partner is archived with its user; an active one with e-mail is invited unless the context says no."""
        del model, given
        for _key, doc in pairs:
            ((partner_id, partner),) = orm.store.get("res.partner", [doc["partner_id"]]).items()
            partner.pop("partner_share", None)
            if not doc.get("active"):
                partner.pop("active", None)
            orm.touch("res.partner", [(partner_id, partner)])
            if not context.get("no_reset_password") and partner.get("email"):
                queue_mail(orm, "res.partner", partner_id, partner_id, "invites you to connect")

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Unique logins; activating a user activates its partner."""
        del given, context
        for key, vals in pairs:
            login = vals.get("login")
            if login and any(other != key for other, _ in orm.store.find(model.name, login=login)):
                raise DataError(f"The operation cannot be completed: {_TAKEN}", call=model.name)
            if vals.get("active") and not old[key].get("active"):
                for partner_id, partner in orm.store.get("res.partner", [old[key]["partner_id"]]).items():
                    orm.touch("res.partner", [(partner_id, {**partner, "active": True})])

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """The administrator and the base users stay."""
        del context
        if any(doc["module"] == "base" for _, doc in orm.store.find("ir.model.data", model=model.name, res_id=list(old))):
            message = "You can not remove the admin user as it is used internally for resources created by Odoo"
            raise DataError(message, call=model.name)
