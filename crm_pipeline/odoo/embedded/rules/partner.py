"""res.partner: address and commercial fields between company and contacts (ODOO_FACTS 2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.family import Family
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

_ONE_ADDRESS = re.compile(r"\s*[\w.+-]+@[\w-]+(?:\.[\w-]+)*\s*\Z", re.ASCII)
_TOKEN = re.compile(r"""[^\s<>,"()\[\]]+@[^\s<>,"()\[\]]+""")
SKIP_SYNC = "_partners_skip_fields_sync"


def normalized_email(text: str | None, *, semicolons: bool) -> str | None:
    """``email_normalized``: the first address in lower case, None when there is not exactly a usable one."""
    if not text or "@" not in text:
        return None
    if _ONE_ADDRESS.match(text):
        return text.strip().lower()
    for token in _TOKEN.findall(text.replace(";", ",") if semicolons else text):
        return str(token).lower() if token.count("@") == 1 else None
    return None


def clean_website(text: str) -> str:
    """A website without a scheme gets ``http://`` (all versions)."""
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text):
        return text
    return f"http://{text.lstrip('/')}"


class PartnerRule(Rule):
    """Contacts take from their company, and in 19.0 give back."""

    accepted = frozenset({"company_type"})

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """``company_type`` is another way to say ``is_company``."""
        del orm, model, context, writing
        if not any("company_type" in vals for vals in vals_list):
            return vals_list
        return [
            {**vals, "is_company": vals["company_type"] == "company"} if "company_type" in vals else vals
            for vals in vals_list
        ]

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Check names and languages; compute what Odoo stores computed."""
        del model
        parents = orm.store.get("res.partner", {doc["parent_id"] for doc in docs if doc.get("parent_id")})
        languages = _active_languages(orm)
        for doc, names in zip(docs, given, strict=True):
            if not doc.get("name") and doc.get("type", "contact") in {"contact", None}:
                raise DataError("The operation cannot be completed: Contacts require a name", call="res.partner")
            if doc.get("website"):
                doc["website"] = clean_website(doc["website"])
            parent = parents.get(doc.get("parent_id") or 0)
            if parent is not None:
                doc["company_name"] = None
                if "user_id" not in names:
                    doc["user_id"] = parent.get("user_id")
                if "lang" not in names and parent.get("lang"):
                    doc["lang"] = parent["lang"]
            elif "lang" not in names and context.get("lang") in languages:
                doc["lang"] = context["lang"]
            doc["email_normalized"] = normalized_email(
                doc.get("email"), semicolons=orm.differences.semicolon_separates_addresses
            )
            doc["complete_name"] = _complete_name(doc, parent)

    def complete(self, orm: Orm, model: Model, pairs: Pairs) -> None:
        """The commercial entity: the record itself, or its parent's."""
        del model
        parents = orm.store.get("res.partner", {doc["parent_id"] for _, doc in pairs if "parent_id" in doc})
        for key, doc in pairs:
            parent = parents.get(doc.get("parent_id", 0))
            if doc.get("is_company") or parent is None:
                doc["commercial_partner_id"] = key
            else:
                doc["commercial_partner_id"] = parent.get("commercial_partner_id", doc["parent_id"])

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """The sync, unless the context skips it."""
        del model
        if context.get(SKIP_SYNC):
            return
        below = [(key, doc, names) for (key, doc), names in zip(pairs, given, strict=True) if "parent_id" in doc]
        family = Family(orm, dict(pairs))
        family.read({doc["parent_id"] for _, doc, _ in below} | {doc["commercial_partner_id"] for _, doc, _ in below})
        family.read_children([key for key, _, _ in below])
        for key, _, names in below:
            family.sync(key, names)
            family.first_contact(key)
        family.store()

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Computed fields; an archived partner must not have an active user."""
        del model, given, context
        for key, vals in pairs:
            if vals.get("website"):
                vals["website"] = clean_website(vals["website"])
            if "email" in vals:
                vals["email_normalized"] = normalized_email(
                    vals["email"], semicolons=orm.differences.semicolon_separates_addresses
                )
            doc = {**old[key], **vals}
            if not doc.get("name") and doc.get("type", "contact") == "contact":
                raise DataError("The operation cannot be completed: Contacts require a name", call="res.partner")
            if "active" in vals and not vals["active"]:
                users = orm.store.find("res.users", partner_id=key)
                if any(user.get("active") for _, user in users):
                    message = "You cannot archive contacts linked to an active user."
                    raise DataError(message, call="res.partner")
            if vals.keys() & {"parent_id", "is_company", "name"}:
                parent = (
                    orm.store.get("res.partner", [doc["parent_id"]]).get(doc["parent_id"])
                    if doc.get("parent_id")
                    else None
                )
                vals["complete_name"] = _complete_name(doc, parent)
                if doc.get("is_company") or parent is None:
                    vals["commercial_partner_id"] = key
                else:
                    vals["commercial_partner_id"] = parent.get("commercial_partner_id", doc["parent_id"])

    def after_write(
        self,
        orm: Orm,
        model: Model,
        pairs: Pairs,
        old: dict[int, Doc],
        new: dict[int, Doc],
        given: Given,
        context: Context,
    ) -> None:
        """The sync after every write; renamed companies rename their contacts' complete names."""
        del model, context
        family = Family(orm, dict(new))
        for (key, _), names in zip(pairs, given, strict=True):
            if "name" in names and new[key].get("name") != old[key].get("name"):
                for child, doc in family.children(key):
                    family.put(child, {"complete_name": _complete_name(doc, new[key])}, stamped=False)
            family.sync(key, names)
        family.store()

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """A user's partner and the company's partner stay."""
        del model, context
        if orm.store.find("res.users", partner_id=list(old)):
            message = "You cannot delete contacts linked to an active user. Archive or delete the user first."
            raise DataError(message, call="res.partner")

    def read(self, orm: Orm, model: Model, name: str, key: int, doc: Doc) -> Any:
        """``company_type``."""
        del orm, model, key
        if name == "company_type":
            return "company" if doc.get("is_company") else "person"
        return NotImplemented


def _complete_name(doc: Doc, parent: Doc | None) -> str | None:
    name = doc.get("name") or ""
    company = (parent or {}).get("name") or doc.get("company_name")
    if company and not doc.get("is_company"):
        if not name and doc.get("type") not in {None, "contact"}:
            name = {"invoice": "Invoice Address", "delivery": "Delivery Address"}.get(doc["type"], "Other Address")
        name = f"{company}, {name}"
    return name.strip() or None


def _active_languages(orm: Orm) -> set[str]:
    return {doc["code"] for _, doc in orm.store.find("res.lang") if doc.get("active")}
