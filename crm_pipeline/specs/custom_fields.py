"""Custom fields: an account's own columns, defined by the inventory in its export, added to the mapping by a stated rule.

A CRM's standard columns are the same for every customer and stand in the specs; custom ones differ, so the spec states
how they are read and named, and each export brings its list. :func:`extend` gives the mapping in force for one export.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crm_pipeline.specs.source import ColumnSpec, ColumnType, CustomFieldsSpec, CustomKind, SourceSpec, folded
from crm_pipeline.specs.target import FieldSpec, Reference, SourceBlock, TagLinks

if TYPE_CHECKING:
    from crm_pipeline.specs.loader import Mapping

#: Tables of the custom fields and of their options that blocks of targets may name like derived ones.
DEFINITIONS, OPTIONS = "custom_field_definitions", "custom_field_options"
#: The block whose records are the options of multiselect fields.
OPTION_BLOCK = "custom_option"
#: Stands in place of a type for a field of several choices that becomes tags: Odoo gets no field of its own for it.
TAGS = "tags"

#: PostgreSQL's limit for a column's name, which is Odoo's for a field's.
NAME_LENGTH = 63
_HASH = 8

#: What is read → type of the typed column, type of the field in Odoo.
_TYPES: dict[CustomKind, tuple[ColumnType, str]] = {
    "text": ("str", "char"), "longtext": ("text", "text"), "html": ("html", "html"), "url": ("url", "char"),
    "email": ("email", "char"), "integer": ("int", "integer"), "decimal": ("dec", "float"), "money": ("money", "float"),
    "percent": ("pct", "float"), "date": ("date", "date"), "datetime": ("dt", "datetime"), "checkbox": ("bool", "boolean"),
    "choice": ("enum", "selection"), "choices": ("enums", "many2many"),
}  # fmt: skip


@dataclass(frozen=True)
class CustomField:
    """One custom field of one export.

    Attributes:
        row_id: row of the inventory; ``None`` for a column that the inventory doesn't list.
        object: source object whose export has the column.
        column: name of its typed column.
        heading: heading in the export.
        model, name, ttype: the field in Odoo; of type ``TAGS`` the model's field that links to its tags.
        options: values a choice may have, in order.
    """

    row_id: int | None
    object: str
    column: str
    heading: str
    label: str
    kind: CustomKind
    model: str
    name: str
    ttype: str
    options: tuple[str, ...]
    help: str


@dataclass(frozen=True)
class InventoryRow:
    """One row of the inventory, or (``row_id`` ``None``) a custom column that it doesn't list."""

    row_id: int | None
    object: str
    label: str
    heading: str
    type: str
    options: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True)
class Finding:
    """What is odd about a row of the inventory; an error when no field can be made of it."""

    row_id: int | None
    reason: str
    message: str
    is_error: bool


def define(mapping: Mapping, inventory: Iterable[InventoryRow]) -> tuple[tuple[CustomField, ...], tuple[Finding, ...]]:
    """The custom fields an inventory asks for, with Odoo's names and types, and what is odd about it.

    A name is ``x_<source>_<object as the CRM names it>_<label>``, at most 63 characters of ``a-z0-9_``. Where two labels
    give one name, or it is cut, or nothing of the label is left, eight characters of a hash of the label make it unique.
    """
    spec = mapping.source.custom_fields
    if spec is None:
        return (), ()
    homes = _homes(mapping)
    taken: dict[str, set[str]] = {}
    for target in mapping.targets:
        taken.setdefault(target.model, set()).update(name for block in target.sources for name in block.fields)
    columns: dict[str, set[str]] = {name: set(own.columns) for name, own in mapping.source.objects.items()}
    seen: set[tuple[str, str]] = set()
    fields: list[CustomField] = []
    findings: list[Finding] = []
    for row in inventory:
        problem = _problem(spec, homes, seen, row)
        if problem is not None:
            findings.append(problem)
            continue
        object_name = spec.object_of(row.object)
        if object_name is None or object_name not in homes:
            continue
        seen.add((object_name, folded(row.heading)))
        kind: CustomKind = spec.kind(row.type) or "text"
        if row.row_id is None:
            findings.append(Finding(None, "not_in_inventory", f"'{row.heading}' of {object_name} is not in the inventory; "
                            "it is loaded as text. Add it to the inventory to give it a type.", False))  # fmt: skip
        home, slug, ttype = homes[object_name], _slug(row.label), _TYPES[kind][1]
        if kind == "choices" and home.tags is not None and spec.several_become(row.object, row.label) == "tags":
            name, ttype = home.tags.field, TAGS
        else:
            name = _unique(f"x_{mapping.name}_{_slug(row.object)}", slug, row.heading, taken[home.model])
        column = _unique("cf", slug, row.heading, columns[object_name])
        fields.append(
            CustomField(row.row_id, object_name, column, row.heading, row.label, kind, home.model, name, ttype, row.options, row.help)
        )
    return tuple(fields), tuple(findings)


def extend_source(source: SourceSpec, fields: Iterable[CustomField]) -> SourceSpec:
    """The source spec with the custom columns among those of their objects."""
    spec = source.custom_fields
    if spec is None:
        return source
    objects = dict(source.objects)
    for field in fields:
        own = objects[field.object]
        column = ColumnSpec(
            heading=field.heading, type=_TYPES[field.kind][0], values=field.options,
            on_bad="quarantine" if spec.on_illegal == "quarantine" and field.options else "blank",
        )  # fmt: skip
        objects[field.object] = own.model_copy(update={"columns": {**own.columns, field.column: column}})
    return source.model_copy(update={"objects": objects})


def extend(mapping: Mapping, fields: tuple[CustomField, ...]) -> Mapping:
    """The mapping in force: with the custom columns in the source, and a field for each in the blocks that take them.

    Its hash stays that of the specs people confirmed: the rule is confirmed, the export's own hash covers the list.
    """
    if not fields:
        return mapping
    targets = tuple(
        target.model_copy(update={"sources": tuple(_with_fields(block, fields) for block in target.sources)})
        for target in mapping.targets
    )
    return replace(mapping, source=extend_source(mapping.source, fields), targets=targets, confirmed=mapping.confirmed or mapping)


def _with_fields(block: SourceBlock, fields: Iterable[CustomField]) -> SourceBlock:
    own: dict[str, FieldSpec] = {}
    for taken in block.custom_fields:
        for field in fields:
            if field.object != taken.object:
                continue
            if field.ttype == TAGS and taken.tags is not None:
                known = own.get(taken.tags.field) or block.fields.get(taken.tags.field)
                own[taken.tags.field] = _with_tags(known, taken.tags, field, taken.table)
            elif field.ttype != TAGS:
                own[field.name] = _field_spec(field, taken.table)
    return block.model_copy(update={"fields": {**block.fields, **own}}) if own else block


def _with_tags(known: FieldSpec | None, tags: TagLinks, field: CustomField, table: str) -> FieldSpec:
    """The field that links to tags, with those of a multiselect field on top of what it links to already."""
    link = Reference(to=tags.to, key=(f"list_transform({table}.{field.column}, lambda x: fold(x))",))
    if known is None:
        return FieldSpec(refs=link, note=field.label)
    return known.model_copy(update={"refs": (*known.links, link), "note": "; ".join(filter(None, (known.note, field.label)))})


def _field_spec(field: CustomField, table: str) -> FieldSpec:
    value = f"{table}.{field.column}"
    if field.kind == "choices":
        key = f"list_transform({value}, lambda x: '{field.name}/' || fold(x))"
        return FieldSpec(refs=Reference(to=OPTION_BLOCK, key=(key,)), note=field.label)
    compare = "html" if field.kind == "html" else None
    return FieldSpec(sql=value, compare=compare, note=field.label)


@dataclass(frozen=True)
class _Home:
    """Where custom fields of an object go."""

    model: str
    tags: TagLinks | None


def _homes(mapping: Mapping) -> dict[str, _Home]:
    """Source object → where the first block that takes its custom fields puts them."""
    found: dict[str, _Home] = {}
    for target in mapping.targets:
        for block in target.sources:
            for taken in block.custom_fields:
                found.setdefault(taken.object, _Home(target.model, taken.tags))
    return found


def _problem(
    spec: CustomFieldsSpec, homes: dict[str, _Home], seen: set[tuple[str, str]], row: InventoryRow
) -> Finding | None:
    object_name = spec.object_of(row.object)
    if object_name is None:
        known = ", ".join(spec.objects)
        return Finding(row.row_id, "unknown_object", f"'{row.object}' is no object with custom fields; there are {known}", True)
    if object_name not in homes:
        return Finding(row.row_id, "no_target", f"no Odoo model takes custom fields of {object_name}", True)
    if (object_name, folded(row.heading)) in seen:
        return Finding(row.row_id, "repeated_field", f"the inventory lists '{row.heading}' of {row.object} twice; the first counts", True)
    if row.row_id is None:
        return None
    kind = spec.kind(row.type)
    if kind is None:
        known = ", ".join(spec.types)
        return Finding(row.row_id, "unknown_type", f"'{row.type}' is no type of custom fields; there are {known}", True)
    if kind in {"choice", "choices"} and not row.options:
        return Finding(row.row_id, "no_options", f"'{row.label}' is a {row.type} without options; correct the inventory", True)
    return None


def _unique(prefix: str, slug: str, heading: str, taken: set[str]) -> str:
    """A name that is not taken yet; it is then."""
    name = f"{prefix}_{slug}"
    if not slug or len(name) > NAME_LENGTH or name in taken:
        name = f"{name[: NAME_LENGTH - _HASH - 1].rstrip('_')}_{_digest(heading)}"
    taken.add(name)
    return name


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH]
