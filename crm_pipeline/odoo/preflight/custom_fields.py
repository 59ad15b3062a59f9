"""Whether the custom fields that the migration creates get along with those the database has already."""

from __future__ import annotations

from collections.abc import Iterator

from crm_pipeline.odoo.preflight.findings import Fact, Finding, Verdict
from crm_pipeline.odoo.preflight.subject import Subject
from crm_pipeline.staging.store import quote

_OPTIONS = "ir.model.fields.selection"
_ADVICE = (
    "rename or remove the field in Odoo, or give the migration's own another name; Odoo can't change a field's type, and "
    "nothing of the customer's is overwritten"
)


def facts(subject: Subject) -> tuple[Fact, ...]:
    """How many custom fields each model gets, and how many of them are there."""
    found = []
    for model, names in subject.provided.items():
        there = sum(name in (subject.fields(model) or {}) for name in names)
        new = f"{len(names) - there} new"
        found.append(Fact("Custom fields", model, f"{new}, {there} there already" if there else new))
    return tuple(found)


def custom_fields_fit(subject: Subject) -> Verdict:
    """A custom field that exists already has the type, relation and options it would be created with."""
    count = sum(len(names) for names in subject.provided.values())
    return Verdict(tuple(_clashes(subject)), f"{count} custom fields are new, or there as they should be")


def _clashes(subject: Subject) -> Iterator[Finding]:
    options = _options(subject)
    for model, names in subject.provided.items():
        live = subject.fields_to_be(model)
        for name, wanted in names.items():
            there = live.get(name)
            if there is None:
                continue
            where = f"{model}.{name}"
            if there.type != wanted.type:
                yield Finding(where, f"exists with type {there.type}, and would be created with type {wanted.type}", _ADVICE)
            elif wanted.relation and there.relation != wanted.relation:
                yield Finding(where, f"exists and links to {there.relation}, and would be created for {wanted.relation}", _ADVICE)
            elif missing := [value for value in options.get((model, name), ()) if value not in there.selection]:
                yield Finding(
                    where, f"exists without the options {', '.join(repr(value) for value in missing[:5])}"
                    + (f" and {len(missing) - 5} more" if len(missing) > 5 else ""),
                    "add them to the field in Odoo (Settings > Technical > Fields), with exactly these values",
                )  # fmt: skip


def _options(subject: Subject) -> dict[tuple[str, str], list[str]]:
    """(model, field) → values that its options will have."""
    target = next((t for t in subject.mapping.targets if t.model == _OPTIONS), None)
    if target is None or not subject.staged(target):
        return {}
    found: dict[tuple[str, str], list[str]] = {}
    for model, name, value in subject.store.rows(
        f"""SELECT field.model, field.name, option.value FROM {quote(f"staged.{target.table}")} AS option
            JOIN staged.ir_model_fields AS field ON field.external_id = option.field_id ORDER BY option._order"""
    ):
        found.setdefault((model, name), []).append(value)
    return found
