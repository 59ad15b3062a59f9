"""Companies and people → res.partner."""

from __future__ import annotations

from crm_pipeline.proposals.blocks import (
    Left,
    address_fields,
    begin,
    custom_fields,
    name_expression,
    named_fields,
    owner_field,
    plain_fields,
    take,
    take_one,
    text_field,
)
from crm_pipeline.proposals.drafting import BlockDraft, FieldDraft, TargetDraft, from_columns, structural
from crm_pipeline.proposals.export import Export
from crm_pipeline.proposals.table import TableReading

_MODEL = "res.partner"
_PLAIN = ("email", "phone", "mobile", "website", "function", "vat", "ref", "credit_limit")
#: Block of companies that only people's rows name.
NAMED_COMPANIES = "employer"


def draft_partners(export: Export) -> TargetDraft | None:
    """The target, or none when the export has neither companies nor people."""
    companies, people = export.of_kind("company"), export.of_kind("person")
    if not companies and not people:
        return None
    head = {
        "title": "Companies and contacts", "phase": 30, "app": "base", "match": {"policy": "never"}, "verify_again": True,
        "load": {"batch": 400},
    }  # fmt: skip
    target = TargetDraft(_MODEL, head)
    target.blocks += [_partner(export, table, company=True) for table in companies]
    for table in people:
        block = _partner(export, table, company=False)
        named = _employer(table, block)
        target.blocks += [named, block] if named is not None and not any(b.name == NAMED_COMPANIES for b in target.blocks) else [block]
    return target


def _partner(export: Export, table: TableReading, *, company: bool) -> BlockDraft:
    block, left = begin(export, table)
    key = export.keys[table.name]
    names = take(left, "name")
    mail = next((f"src.{c.name}" for c in table.columns if c.best.says == "email"), None)
    spare = [*([mail] if mail else []), f"'{table.label.replace(chr(39), '')} ' || src.{key}"]
    expression = ", ".join([*([name_expression(names)] if names else []), *spare])
    block.fields["name"] = from_columns({"sql": f"coalesce({expression})"}, names, "" if names else "no column is called a name", 1.0 if names else 0.4)
    block.fields["is_company"] = structural({"const": company}, table.confidence)
    _parent(export, table, block, left, company=company)
    plain_fields(export, _MODEL, block, left, _PLAIN)
    address_fields(export, _MODEL, block, left)
    if not company and "parent_id" in block.fields and {"street", "city", "zip", "country_id"} & set(block.fields):
        block.fields["type"] = _address_type(block)
    named_fields(export, _MODEL, block, left)
    if not company and "parent_id" in block.fields and "industry_id" in block.fields:
        del block.fields["industry_id"]  # Odoo takes a contact's industry from the company
    comment = take_one(left, "comment")
    if comment is not None:
        block.fields["comment"] = text_field(comment)
    owner_field(export, block, left)
    custom_fields(export, _MODEL, block, left)
    return block


def _parent(export: Export, table: TableReading, block: BlockDraft, left: Left, *, company: bool) -> None:
    """The company a person works for, or a company belongs to."""
    columns = [c for c in left.values() if c.best.says == "parent_id"]
    for column in columns:
        link = export.link(table.name, column.name, ("company",))
        if link is not None and not company:
            key = export.link_key(block, link, column.name)
            if link.by_key:
                export.refer(table.name, column.name, link.to)
            why = f"{link.share:.0%} of its values are {'keys' if link.by_key else 'names'} of {link.to}"
            origin = {"ref": {"to": link.to, "key": [key]}, "on_unresolved": "blank"}
            block.fields["parent_id"] = from_columns(origin, [left.pop(column.name)], why)
            for other in columns:  # the same said once more, as a name or a key
                if other is not column and export.link(table.name, other.name, ("company",)) is not None:
                    left.pop(other.name, None)
            return
    if columns and not company and not export.of_kind("company"):
        column = columns[0]
        origin = {"ref": {"to": NAMED_COMPANIES, "key": [f"fold(src.{column.name})"], "when": f"src.{column.name} IS NOT NULL"}}
        block.fields["parent_id"] = from_columns(origin, [left.pop(column.name)], "the export has no table of companies; one is made of each name")


def _employer(table: TableReading, block: BlockDraft) -> BlockDraft | None:
    """A block for the companies that people's rows name, where the export has no table of them."""
    parent = block.fields.get("parent_id")
    if parent is None or parent.origin.get("ref", {}).get("to") != NAMED_COMPANIES:
        return None
    column = parent.columns[0]
    head = {
        "object": table.name, "where": f"{column.name} IS NOT NULL", "one_per": [f"fold({column.name})"],
        "external_id": f"company_{{fold({column.name})}}",
    }  # fmt: skip
    fields = {
        "name": from_columns({"from": column.name}, [column]), "is_company": structural({"const": True}, 0.95),
        "user_id": structural({"const": None}, 0.95, "ownership stays with the contact"),
    }  # fmt: skip
    return BlockDraft(NAMED_COMPANIES, table.name, head, fields)


def _address_type(block: BlockDraft) -> FieldDraft:
    used = [c for name in ("street", "city", "zip", "country_id") if name in block.fields for c in block.fields[name].columns]
    own = ", ".join(f"src.{c.name}" for c in used)
    parent = block.fields["parent_id"].origin["ref"]["key"][0]
    sql = f"CASE WHEN coalesce({own}) IS NOT NULL AND {parent} IS NOT NULL THEN 'other' ELSE 'contact' END"
    return structural({"sql": sql}, 0.9, "a contact with an address of its own is an 'other' address, the only type Odoo keeps it for")
