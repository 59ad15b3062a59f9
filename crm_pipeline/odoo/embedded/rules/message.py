"""mail.message and mail.activity (ODOO_FACTS 5, 10)."""

from __future__ import annotations

from email.utils import formataddr
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.chatter import ADMIN, ADMIN_PARTNER, follow, queue_mail
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import CallError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_pipeline.odoo.embedded.orm import Orm, Pairs


class MessageRule(Rule):
    """Messages in a record's chatter."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Author, sender and message id by default; the record must exist."""
        del context, model
        _check_documents(orm, docs)
        authors = orm.store.get("res.partner", {doc.get("author_id") or ADMIN_PARTNER for doc in docs})
        for doc, names in zip(docs, given, strict=True):
            if "author_id" not in names:
                doc["author_id"] = ADMIN_PARTNER
            if "email_from" not in names:
                doc["email_from"] = None
                author = authors.get(doc.get("author_id") or ADMIN_PARTNER, {})
                if author.get("email"):
                    doc["email_from"] = formataddr((author.get("name", ""), author["email"]))
            if not orm.differences.stores_record_name:
                doc.pop("record_name", None)

    def complete(self, orm: Orm, model: Model, pairs: Pairs) -> None:
        """A generated message id, as unique as the record's."""
        del model
        for key, doc in pairs:
            doc.setdefault("message_id", f"<{key}.{orm.now.replace(' ', 'T')}-openerp-message-notify@embedded>")


def _check_documents(orm: Orm, docs: list[Doc]) -> None:
    """The records messages are about exist; a model without a record, or an unknown one, is a KeyError in Odoo."""
    wanted: dict[str, set[int]] = {}
    for doc in docs:
        target = doc.get("model")
        if target is None:
            continue
        if target not in orm.registry:
            raise CallError(f"{target!r}", call="mail.message")
        if not doc.get("res_id"):
            raise CallError(f"{target!r}: a message of a model needs its res_id", call="mail.message")
        wanted.setdefault(target, set()).add(doc["res_id"])
    for target, ids in wanted.items():
        if missing := orm.store.missing(target, ids):
            message = f"Record does not exist or has been deleted.\n(Record: {target}({min(missing)},), User: 2)"
            raise DataError(message, call="mail.message")


class ActivityRule(Rule):
    """Activities on a record."""

    accepted = frozenset({"res_model"})

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """``res_model`` is computed from ``res_model_id``: what is given for it is ignored."""
        del orm, model, context, writing
        return [{key: value for key, value in vals.items() if key != "res_model"} for vals in vals_list]

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """The document by its model's id; the default type of the version."""
        del context
        models = {key: doc["model"] for key, doc in orm.store.find("ir.model")}
        wanted: dict[str, set[int]] = {}
        for doc, names in zip(docs, given, strict=True):
            if "activity_type_id" not in names:
                doc["activity_type_id"] = _default_type(orm)
            if doc.get("res_model_id") in models:
                doc["res_model"] = models[doc["res_model_id"]]
            if doc.get("res_model") and doc.get("res_id"):
                wanted.setdefault(doc["res_model"], set()).add(doc["res_id"])
            doc["res_name"] = None
            if not orm.differences.activity_needs_document:
                _check_document(doc)
            elif doc.get("res_model_id") and not doc.get("res_id"):
                message = (
                    "The operation cannot be completed: Activities have to be linked to records with a not null res_id."
                )
                raise DataError(message, call=model.name)
        for target, ids in wanted.items():
            found = orm.store.get(target, ids) if target in orm.registry else {}
            if missing := ids - found.keys():
                message = f"Record does not exist or has been deleted.\n(Record: {target}({min(missing)},), User: 2)"
                raise DataError(message, call=model.name)
            for doc in docs:
                if doc.get("res_model") == target and doc.get("res_id") in found:
                    doc["res_name"] = found[doc["res_id"]].get("name")

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The user follows the document, whatever the context; somebody else is mailed too (ODOO_FACTS 0)."""
        del model, given
        users = orm.store.get("res.users", {doc["user_id"] for _, doc in pairs if "user_id" in doc})
        followers: dict[str, list[tuple[int, int]]] = {}
        for _key, doc in pairs:
            if doc.get("res_model") and doc.get("res_id") and "user_id" in doc:
                followers.setdefault(doc["res_model"], []).append((doc["res_id"], users[doc["user_id"]]["partner_id"]))
        for target, found in followers.items():
            follow(orm, target, found)
        if context.get("mail_activity_quick_update"):
            return
        for _key, doc in pairs:
            if doc.get("user_id") not in {None, ADMIN} and doc.get("res_model"):
                partner = users[doc["user_id"]]["partner_id"]
                queue_mail(orm, doc["res_model"], doc.get("res_id", 0), partner, "assigned to you")

    def read(self, orm: Orm, model: Model, name: str, key: int, doc: Doc) -> Any:
        """``state`` from the deadline; archived means done."""
        del model, key
        if name != "state":
            return NotImplemented
        if not doc.get("active"):
            return "done"
        deadline = doc.get("date_deadline", "")
        if deadline == orm.today:
            return "today"
        return "overdue" if deadline < orm.today else "planned"


def _check_document(doc: Doc) -> None:
    """19.0: a document wholly or not at all; without one somebody must see the activity."""
    if bool(doc.get("res_model")) != bool(doc.get("res_id")):
        message = "The operation cannot be completed: Activities have to be linked to records with a not null res_id."
        raise DataError(message, call="mail.activity")
    if not doc.get("res_model") and not doc.get("user_id"):
        message = "The operation cannot be completed: A user is required for free activities."
        raise DataError(message, call="mail.activity")


def _default_type(orm: Orm) -> int | None:
    xmlid = orm.differences.activity_default_type
    if xmlid is None:
        return None
    module, _, name = xmlid.partition(".")
    found = orm.store.find("ir.model.data", module=module, name=name)
    return found[0][1]["res_id"] if found else None
