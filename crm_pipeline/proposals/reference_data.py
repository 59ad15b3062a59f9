"""What records link to or need first: users, records known by name, and fields Odoo lacks."""

from __future__ import annotations

from typing import Any

from crm_pipeline.proposals.blocks import users_table
from crm_pipeline.proposals.drafting import BlockDraft, TargetDraft, structural
from crm_pipeline.proposals.export import Export

_APPS = {"crm.tag": "sales_team", "crm.lost.reason": "crm"}
_TITLES = {
    "res.partner.industry": "Industries", "res.partner.title": "Titles", "utm.source": "Sources", "utm.campaign": "Campaigns",
    "utm.medium": "Media", "crm.lost.reason": "Lost reasons", "res.partner.category": "Partner tags", "crm.tag": "Tags",
}  # fmt: skip
_QUEUE = {
    "policy": "link", "by": ["email_normalized"], "or_by": ["login"], "within": [["share", "=", False]], "archived": True, "create": False,
    "queue": "owners",
}  # fmt: skip


def draft_reference_data(export: Export) -> list[TargetDraft]:
    """Targets for everything the drafted blocks refer to."""
    return [*_users(export), *_named(export), *_custom_fields(export)]


def _users(export: Export) -> list[TargetDraft]:
    """Owners and authors, found among Odoo's users; nobody is created unasked."""
    users = users_table(export)
    if not export.owners:
        return []
    head = {"title": "Users", "phase": 10, "match": _QUEUE}
    target = TargetDraft("res.users", head)
    sure = 0.95
    name, email = (users.column("name"), users.column("email")) if users is not None else (None, None)
    if users is not None and name is not None and email is not None:
        status = next((c for c in users.columns if any(v.casefold() == "inactive" for v in c.profile.choices)), email)
        export.types[users.name, email.name] = "email"
        export.derived["owners"] = {
            "policy": "owners", "description": "Everyone a row names as owner or author, one row for each person.",
            "options": {
                "users": {"object": users.name, "key": export.keys[users.name], "name": name.name, "email": email.name, "status": status.name, "inactive": "Inactive"},
                "owns": [{"object": t, "column": c} for t, c, owns in export.owners if owns] or [{"object": t, "column": c} for t, c, _ in export.owners],
                "writes": [{"object": t, "column": c} for t, c, owns in export.owners if not owns] if any(o for *_, o in export.owners) else [],
            },
        }
        block_head = {
            "object": "owners", "accounts_for": users.name, "external_id": "users_{owner_key}", "where": "is_listed OR records > 0 OR writings > 0",
            "needed_when": "records > 0", "label": "coalesce(email, name)",
        }  # fmt: skip
        email_sql, name_sql, login_sql = "src.email", "src.name", "coalesce(src.email, fold(src.name))"
    else:
        export.derived["owners"] = {
            "policy": "distinct_values", "description": "Everyone a row names as owner or author.",
            "options": {"of": [{"object": t, "value": f"fold({c})"} for t, c in dict.fromkeys((t, c) for t, c, _ in export.owners)]},
        }
        block_head = {"object": "owners", "external_id": "users_{value}", "label": "value"}
        email_sql, name_sql, login_sql = "CASE WHEN contains(src.value, '@') THEN src.value END", "src.value", "src.value"
    block = BlockDraft("users", "owners", block_head)
    block.fields = {
        "name": structural({"sql": name_sql}, sure, "the user as the export names them"),
        "login": structural({"sql": login_sql}, sure, "people are found by e-mail, else by login"),
        "email_normalized": structural({"sql": email_sql, "computed": True}, sure, "people are found by e-mail"),
        "email": structural({"sql": email_sql}, sure, "people are found by e-mail"),
        "active": structural({"const": False}, sure, "only for users whom owners.csv says to create, archived"),
        "groups_id": structural(
            {"xmlid": "base.group_user", "or_field": "group_ids", "compare": "contains"}, sure, "only for users whom owners.csv says to create"
        ),
    }  # fmt: skip
    target.blocks.append(block)
    return [target]


def _named(export: Export) -> list[TargetDraft]:
    """Tags, sources, industries and their like: one record for each value."""
    targets = []
    for model, uses in sorted(export.named.items()):
        head: dict[str, Any] = {"title": _TITLES[model], "phase": 20, "on_refusal": "stop", "match": {"policy": "link", "by": ["name"], "several": "any"}}
        head |= {"app": _APPS[model]} if model in _APPS else {}
        block_name = next(iter(uses)).split("/")[0]
        derived = f"{block_name}_values"
        export.derived[derived] = {"policy": "distinct_values", "description": f"{_TITLES[model]} that rows name.", "options": {"of": [{"object": table, "value": value} for table, value in uses.values()]}}
        block = BlockDraft(block_name, derived, {"object": derived, "one_per": ["fold(value)"], "external_id": f"{block_name}_{{fold(value)}}"})
        block.fields["name"] = structural({"from": "value"}, 0.97, "one record for each value of the export; what Odoo has is linked")
        for name in ("title",) if export.has(model, "title") else ():  # campaigns: required, and the name follows from it
            block.fields[name] = structural({"from": "value"}, 0.97, "Odoo asks for a title as well")
        targets.append(TargetDraft(model, head, [block]))
    return targets


def _custom_fields(export: Export) -> list[TargetDraft]:
    if not export.custom:
        return []
    head = {"title": "Custom fields", "phase": 20, "on_refusal": "stop", "match": {"policy": "link", "by": ["model", "name"]}}
    rows = [{"model": model, "name": name, "label": label, "ttype": ttype} for (model, name), (label, ttype) in export.custom.items()]
    block = BlockDraft("field", None, {"rows": rows, "external_id": "field_{replace(model, '.', '_')}_{name}"})
    why = "a field for what Odoo has no place for"
    block.fields = {
        "name": structural({"from": "name"}, 0.97, why),
        "model": structural({"from": "model", "computed": True}, 0.97, why),
        "model_id": structural({"lookup": {"reference": "model", "key": "src.model"}}, 0.97, why),
        "field_description": structural({"from": "label"}, 0.97, why),
        "ttype": structural({"from": "ttype"}, 0.97, why),
        "state": structural({"const": "manual"}, 0.97, why),
    }
    return [TargetDraft("ir.model.fields", head, [block])]
