"""Whether Odoo shows leads, when leads are to be loaded."""

from __future__ import annotations

from crm_pipeline.odoo.preflight.findings import Finding, Verdict
from crm_pipeline.odoo.preflight.subject import Subject


def leads_feature_enabled(subject: Subject) -> Verdict:
    """Internal users have the group behind CRM's Leads setting (``crm.group_use_lead``), or no lead is loaded."""
    count = _leads(subject)
    if not count:
        return Verdict((), "no lead is loaded, only opportunities")
    if _is_enabled(subject):
        return Verdict((), f"enabled; {count} leads are loaded")
    finding = Finding(
        "CRM", f"Leads are off, so {count} records loaded as leads would have no menu",
        "switch on CRM > Configuration > Settings > Leads; or let the mapping make opportunities of them", count,
    )  # fmt: skip
    return Verdict((finding,), "")


def _leads(subject: Subject) -> int:
    target = next((t for t in subject.present if t.model == "crm.lead"), None)
    if target is None or "type" not in target.field_specs or not subject.staged(target):
        return 0
    return int(subject.store.value("SELECT count(*) FROM staged.crm_lead WHERE type = 'lead'"))


def _is_enabled(subject: Subject) -> bool:
    found = subject.read(
        "ir.model.data", [("module", "in", ["crm", "base"]), ("name", "in", ["group_use_lead", "group_user"])], ["name", "res_id"]
    )
    ids = {record["name"]: record["res_id"] for record in found or []}
    if "group_use_lead" not in ids:
        return False
    groups = subject.read("res.groups", [("id", "=", ids.get("group_user", 0))], ["implied_ids"])
    return bool(groups) and ids["group_use_lead"] in (groups or [])[0]["implied_ids"]
