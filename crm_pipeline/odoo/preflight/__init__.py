"""Preflight: what a destination is, and everything that would stop the load or change its result, found before a write.

Each rule is a small function of mapping, staged rows and destination. Rules are independent: one that the user has no
right to examine says so, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.errors import AccessRightsError
from crm_pipeline.odoo.preflight import apps, custom_fields, server
from crm_pipeline.odoo.preflight.customizations import customizations_known
from crm_pipeline.odoo.preflight.existing import destination_empty, matches_clear, present_records
from crm_pipeline.odoo.preflight.fields import mapped_fields_exist
from crm_pipeline.odoo.preflight.findings import Examination, Fact, Finding, Present, Verdict
from crm_pipeline.odoo.preflight.leads import leads_feature_enabled
from crm_pipeline.odoo.preflight.preconditions import amounts_can_be_kept, documents_can_be_loaded
from crm_pipeline.odoo.preflight.rights import access_granted, rollback_granted
from crm_pipeline.odoo.preflight.subject import Subject
from crm_pipeline.odoo.preflight.triggers import nothing_would_fire
from crm_pipeline.odoo.preflight.values import mapping_values_allowed, values_allowed, values_fit
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore

__all__ = ["Examination", "Fact", "Finding", "Present", "Verdict", "examine"]

#: By check name; ``migration.catalogue`` says what each proves and whether it blocks.
RULES: dict[str, Callable[[Subject], Verdict]] = {
    "version_is_supported": server.version_supported,
    "access_granted": access_granted,
    "apps_installed": apps.apps_installed,
    "mapped_fields_exist": mapped_fields_exist,
    "custom_fields_fit": custom_fields.custom_fields_fit,
    "values_fit": values_fit,
    "values_allowed": values_allowed,
    "documents_can_be_loaded": documents_can_be_loaded,
    "amounts_can_be_kept": amounts_can_be_kept,
    "leads_feature_enabled": leads_feature_enabled,
    "nothing_left_out": apps.apps_skipped,
    "nothing_would_fire": nothing_would_fire,
    "settings_fit": server.settings_fit,
    "destination_is_known": server.destination_known,
    "customizations_known": customizations_known,
    "mapping_values_allowed": mapping_values_allowed,
    "rollback_granted": rollback_granted,
}


def examine(
    store: StagingStore, mapping: Mapping, destination: Destination, env: str, standing: frozenset[str] = frozenset()
) -> Examination:
    """Apply every rule; reads the destination and writes nothing to it.

    Rows of ``standing`` models, which were loaded as they are and which nobody touched since, are not matched again.

    ``ops.left_out`` is written anew: the staged rows that are not loaded because an app is missing that may be missing.

    Raises:
        DestinationError: when the destination can't be reached, or refuses more than rights.
    """
    subject = Subject(store, mapping, destination, env, standing)
    apps.leave_out(subject)
    verdicts = {name: _judged(rule, subject) for name, rule in RULES.items()}
    try:
        present = present_records(subject)
    except AccessRightsError as error:
        present, doubt = (), _unexamined(error)
        verdicts |= {"destination_is_empty": doubt, "matches_are_clear": doubt}
    else:
        verdicts["destination_is_empty"] = destination_empty(present, subject)
        verdicts["matches_are_clear"] = matches_clear(present, subject)
    facts = (*server.facts(subject), *apps.facts(subject), *custom_fields.facts(subject))
    return Examination(facts, present, verdicts)


def _judged(rule: Callable[[Subject], Verdict], subject: Subject) -> Verdict:
    try:
        return rule(subject)
    except AccessRightsError as error:
        return _unexamined(error)


def _unexamined(error: AccessRightsError) -> Verdict:
    finding = Finding(
        error.call or "the database", f"can't be examined: {' '.join(error.message.split())}",
        "give the user the rights listed under 'access granted' and run preflight again",
    )  # fmt: skip
    return Verdict((finding,), "")
