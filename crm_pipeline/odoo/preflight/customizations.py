"""Customisations of the database that outlive neither an edition nor a version, and get in the way of loaded fields."""

from __future__ import annotations

from collections.abc import Iterator

from crm_pipeline.odoo.preflight.findings import Finding, Verdict, counted
from crm_pipeline.odoo.preflight.server import edition
from crm_pipeline.odoo.preflight.subject import Subject

_STUDIO = "x_studio_"
#: Views that Odoo writes anew by itself whenever a group changes (17.0, 18.0).
_REWRITTEN = ("res.users.groups",)


def customizations_known(subject: Subject) -> Verdict:
    """Nobody has customised the target models in Odoo."""
    return Verdict((*_studio(subject), *_views(subject)), "the target models are not customised")


def _studio(subject: Subject) -> Iterator[Finding]:
    """Fields made with Studio, which is an Enterprise app."""
    app = subject.apps.get("web_studio")
    has_studio = app is not None and app.is_installed
    for target in subject.present:
        names = [name for name in subject.fields(target.model) or {} if name.startswith(_STUDIO)]
        if not names:
            continue
        shown = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
        if has_studio:
            yield Finding(
                target.model, f"has {counted(len(names), 'field')} made with Studio ({shown}); the load leaves them empty",
                "map them if the export has their values; on Odoo Community the fields stay, but nothing can edit them",
            )  # fmt: skip
        else:
            yield Finding(
                target.model, f"has {counted(len(names), 'field')} made with Studio ({shown}), which this {edition(subject)} database hasn't",
                "they were left by another edition: remove them, or keep them as plain custom fields",
            )  # fmt: skip


def _views(subject: Subject) -> Iterator[Finding]:
    """Views that were changed in the database, which upgrades of Odoo overwrite or break."""
    models = [t.model for t in subject.present if subject.staged(t)]
    fields = subject.fields("ir.ui.view")
    if fields is None or "arch_updated" not in fields:
        return
    domain = [("model", "in", models), ("active", "=", True), ("arch_updated", "=", True), ("name", "not in", _REWRITTEN)]
    found = subject.read("ir.ui.view", domain, ["name", "model"], archived=False)
    for model in sorted({view["model"] for view in found or []}):
        names = [view["name"] for view in found or [] if view["model"] == model]
        yield Finding(
            model, f"{counted(len(names), 'of its views was', 'of its views were')} changed in the database ({', '.join(names[:3])}{' …' if len(names) > 3 else ''})",
            "open its forms after the load and after each upgrade: what inherits from them can break with another version",
        )  # fmt: skip
    if "ir.ui.view" in {t.model for t in subject.present}:
        yield Finding(
            "ir.ui.view", "the mapping adds pages to forms, which hold on to the standard forms of this version",
            "remove them before an upgrade and load them again after it (they are in the ledger)",
        )  # fmt: skip
