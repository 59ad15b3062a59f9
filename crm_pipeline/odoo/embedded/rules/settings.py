"""The settings (ODOO_FACTS 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm


class SettingsRule(Rule):
    """``res.config.settings``: what is created is applied by ``execute``."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """A setting that is not given stays as it is."""
        del model, context
        for doc, names in zip(docs, given, strict=True):
            if "group_use_lead" not in names:
                doc["group_use_lead"] = bool(orm.store.meta("use_leads")) or None
