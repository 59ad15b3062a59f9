"""Whether every mapped field is there, can be written, has a fitting type, and nothing that Odoo requires is missing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import yaml

from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.odoo.preflight.findings import Finding, Verdict
from crm_pipeline.odoo.preflight.subject import Subject
from crm_pipeline.odoo.references import load_references
from crm_pipeline.odoo.resolved import FieldMissingError, ResolvedField, resolve_fields
from crm_pipeline.specs import SourceBlock, TargetSpec

_KEPT_FILE = Path(__file__).parent.with_name("kept_fields.yaml")
_LINKING = {"many2one", "many2many", "one2many", "many2one_reference"}
_WITH_RELATION = {"many2one", "many2many", "one2many"}
#: What is not given is then zero, off or no record, which Odoo accepts.
_NEVER_EMPTY = {"integer", "float", "monetary", "boolean", "one2many", "many2many"}
#: Models whose records are filled by those that bring them along (mail.alias.mixin), whatever the schema says.
_FILLED = {"mail.alias"}


@lru_cache(maxsize=1)
def kept_though_readonly() -> dict[str, frozenset[str]]:
    """Model → fields that Odoo marks readonly but keeps when they are given."""
    data: dict[str, list[str]] = yaml.safe_load(_KEPT_FILE.read_text(encoding="utf-8"))
    return {model: frozenset(names) for model, names in data.items()}


def mapped_fields_exist(subject: Subject) -> Verdict:
    """Every mapped field exists, can be written, and links to the right model; required fields are mapped."""
    schemas = [(target, subject.schema(target)) for target in subject.present]
    judged = subject.together(partial(_judge, subject, target, schema) for target, schema in schemas)
    findings = dict.fromkeys(finding for _, found in judged for finding in found)
    return Verdict(tuple(findings), f"{sum(count for count, _ in judged)} mapped fields fit")


def _judge(subject: Subject, target: TargetSpec, schema: dict[str, FieldSchema]) -> tuple[int, list[Finding]]:
    """How many fields of a target are there, and what is wrong with them. Asks Odoo only, so several may be under way."""
    findings: list[Finding] = []
    count = 0
    for block in target.sources:
        try:
            fields = resolve_fields(target, block, schema)
        except FieldMissingError as error:
            findings.append(_missing(subject, target, block, error))
            continue
        count += len(fields)
        findings += _unwritable(subject, target, fields)
        findings += [f for field in fields if (f := _misfit(subject, target, field)) is not None]
        if target.match.create:
            findings += _not_mapped(subject, target, block, fields)
    return count, findings


def _missing(subject: Subject, target: TargetSpec, block: SourceBlock, error: FieldMissingError) -> Finding:
    custom = error.field.startswith("x_")
    advice = (
        "list it in ir_model_fields.yaml, or create it in Odoo" if custom
        else "install the app that brings it, name another field with or_field, or set 'optional: true' if it may be left out"
    )  # fmt: skip
    problem = f"Odoo {subject.destination.version} has no such field here (mapped in block '{block.name}')"
    return Finding(f"{target.model}.{error.field}", problem, advice)


def _unwritable(subject: Subject, target: TargetSpec, fields: list[ResolvedField]) -> Iterator[Finding]:
    """Fields whose given value Odoo would drop or compute anew."""
    kept = kept_though_readonly().get(target.model, frozenset())
    doubtful = [
        f for f in fields
        if f.schema.readonly and not (f.spec.computed or f.spec.awaited or f.schema.name in kept or f.spec.compare == "never")
    ]  # fmt: skip
    live = set(subject.fields(target.model) or ())
    computed = subject.dependencies(target.model, [f.schema.name for f in doubtful if f.schema.store and f.schema.name in live])
    for field in doubtful:
        if not field.schema.store or computed.get(field.schema.name):
            yield Finding(
                f"{target.model}.{field.schema.name}", "is computed by Odoo, so a given value is not kept",
                "set 'computed: true' to compare it only, or map another field",
            )  # fmt: skip


def _misfit(subject: Subject, target: TargetSpec, field: ResolvedField) -> Finding | None:
    schema, spec, where = field.schema, field.spec, f"{target.model}.{field.schema.name}"
    if spec.awaited:
        return None
    links = bool(spec.links or spec.lookup or spec.xmlid)
    if links and schema.type not in _LINKING:
        return Finding(
            where, f"is mapped as a link, but has type {schema.type} in Odoo", "map a column or an expression, or another field"
        )
    wrong = sorted({other for other in _linked_models(subject, field) if other != schema.relation})
    if wrong and schema.type in _WITH_RELATION and schema.relation:
        return Finding(
            where, f"links to {schema.relation} in Odoo, but to {', '.join(wrong)} in the mapping",
            "name a block of that model in 'ref', or map another field",
        )  # fmt: skip
    return None


def _linked_models(subject: Subject, field: ResolvedField) -> Iterator[str]:
    """Models whose records a field is mapped to, as far as the mapping says."""
    for link in field.spec.links:
        model = subject.mapping.blocks[link.to][0].model
        if link.via is None:
            yield model
        else:
            through = (subject.fields(model) or {}).get(link.via)
            if through is not None and through.relation:
                yield through.relation
    if field.spec.lookup is not None:
        reference = load_references()[field.spec.lookup.reference]
        if reference.id == "id":
            yield reference.model
        elif field.spec.lookup.reference != "xmlid":
            pointed = (subject.fields(reference.model) or {}).get(reference.id)
            if pointed is not None and pointed.relation:
                yield pointed.relation


def _not_mapped(
    subject: Subject, target: TargetSpec, block: SourceBlock, fields: list[ResolvedField]
) -> Iterator[Finding]:
    """Fields without which Odoo creates no record, and for which it has no value of its own."""
    if subject.fields(target.model) is None:
        return
    mapped = {f.schema.name for f in fields}  # also what the mapping itself says Odoo computes
    part = subject.mapping.parts_of(target.model)
    mapped |= {part.part_of.field} if part is not None and part.part_of is not None else set()
    for name in required_without_value(subject, target.model, mapped):
        yield Finding(
            f"{target.model}.{name}", f"is required by Odoo, has no default, and block '{block.name}' does not map it",
            "map it, if need be with const or default",
        )  # fmt: skip


def required_without_value(subject: Subject, model: str, mapped: set[str]) -> list[str]:
    """Required fields of a model that are neither mapped nor filled by Odoo.

    Odoo fills what has a default or is computed. A record that is made along with another one (a product's template, a
    user's contact) is filled from the fields that the other one has of it, and is judged by those.
    """
    schema = subject.fields(model) or {}
    open_ = [
        name for name, field in schema.items()
        if field.required and field.store and not field.readonly and field.type not in _NEVER_EMPTY and name not in mapped
    ]  # fmt: skip
    defaults = subject.defaults(model, open_)
    open_ = [name for name in open_ if defaults.get(name) in (None, False)]
    computed = subject.dependencies(model, open_)
    missing: list[str] = []
    for name in open_:
        if computed[name]:
            continue
        along = _made_along(subject, schema, schema[name])
        missing += [name] if along is None else required_without_value(subject, along, mapped) if along else []
    return missing


def _made_along(subject: Subject, schema: dict[str, FieldSchema], field: FieldSchema) -> str | None:
    """The model of a record that is created along: all of its fields are the model's own as well. '' when it can't be judged."""
    if field.type != "many2one" or field.relation is None:
        return None
    other = subject.fields(field.relation)
    if other is None or field.relation in _FILLED:
        return ""
    return field.relation if set(other) <= set(schema) else None
