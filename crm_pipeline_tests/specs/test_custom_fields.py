"""Names of custom fields: stated, unique, valid in Odoo and PostgreSQL, for whatever people call their fields."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.settings import Settings
from crm_pipeline.specs import Mapping, load_mapping
from crm_pipeline.specs.custom_fields import TAGS, InventoryRow, define, extend
from crm_pipeline.specs.source import MultiselectSpec


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_mapping(Settings.load(Path("data"), {}).specs_root / "leadforce")


def row(number: int, label: str, object_name: str = "Lead", kind: str = "Text", options: tuple[str, ...] = ()) -> InventoryRow:
    return InventoryRow(number, object_name, label, f"CF: {label}", kind, options)


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.text(min_size=1, max_size=90).filter(str.strip), min_size=1, max_size=12, unique=True))
def test_names_are_valid_and_unique_for_any_labels(mapping: Mapping, labels: list[str]) -> None:
    fields, findings = define(mapping, [row(number, label) for number, label in enumerate(labels)])
    assert len(fields) + len(findings) == len(labels)
    assert all(re.fullmatch(r"x_[a-z0-9_]{1,61}", field.name) for field in fields)
    assert len({field.name for field in fields}) == len(fields)
    assert len({field.column for field in fields}) == len(fields)
    assert {finding.reason for finding in findings} <= {"repeated_field"}


def test_the_name_says_source_object_and_label(mapping: Mapping) -> None:
    fields, _ = define(mapping, [row(1, "Budget (USD)"), row(2, "Budget (USD)", "deal"), row(3, "Budget USD!")])
    assert [(field.model, field.name) for field in fields[:2]] == [
        ("crm.lead", "x_leadforce_lead_budget_usd"), ("crm.lead", "x_leadforce_deal_budget_usd"),
    ]  # fmt: skip
    assert re.fullmatch(r"x_leadforce_lead_budget_usd_[0-9a-f]{8}", fields[2].name), "two labels, one spelling"


def test_a_name_does_not_take_the_place_of_a_mapped_field(mapping: Mapping) -> None:
    taken = next(name for name in mapping.target("crm.lead").field_specs if name.startswith("x_leadforce_"))
    label = taken.removeprefix("x_leadforce_")
    fields, _ = define(mapping, [InventoryRow(1, "Lead", label, label, "Text")])
    assert fields[0].name != taken


@pytest.mark.parametrize(
    ("kind", "options", "ttype"),
    [
        ("Text", (), "char"), ("Textarea", (), "text"), ("Number", (), "float"), ("Decimal", (), "float"), ("Date", (), "date"),
        ("Checkbox", (), "boolean"), ("select", ("a", "b"), "selection"), ("Multi-select", ("a",), "many2many"), ("URL", (), "char"),
    ],
)  # fmt: skip
def test_types(mapping: Mapping, kind: str, options: tuple[str, ...], ttype: str) -> None:
    fields, findings = define(mapping, [row(1, "Field", kind=kind, options=options)])
    assert not findings
    assert fields[0].ttype == ttype


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (row(1, "F", kind="Lookup"), "unknown_type"), (row(1, "F", "Contact"), "unknown_object"), (row(1, "F", kind="Select"), "no_options"),
    ],
)  # fmt: skip
def test_a_row_no_field_can_be_made_of_says_why(mapping: Mapping, wrong: InventoryRow, reason: str) -> None:
    fields, findings = define(mapping, [wrong])
    assert not fields
    assert [(finding.reason, finding.is_error) for finding in findings] == [(reason, True)]


def test_the_spec_says_which_multiselect_fields_become_tags(mapping: Mapping) -> None:
    custom = mapping.source.custom_fields
    assert custom is not None
    rules = (MultiselectSpec(object="Lead", label="Channels", become="options"), MultiselectSpec(object="lead", become="tags"))
    chosen = custom.model_copy(update={"multiselect_of": rules})
    tagging = replace(mapping, source=mapping.source.model_copy(update={"custom_fields": chosen}))
    inventory = [row(number, label, kind="Multiselect", options=("a",)) for number, label in enumerate(("Channels", "Interests", "Needs"))]
    fields, findings = define(tagging, [*inventory, row(3, "Scope", "Deal", "Multiselect", ("a",)), row(4, "One", kind="Select", options=("a",))])
    assert not findings
    assert [(field.name, field.ttype) for field in fields] == [
        ("x_leadforce_lead_channels", "many2many"), ("tag_ids", TAGS), ("tag_ids", TAGS), ("x_leadforce_deal_scope", "many2many"),
        ("x_leadforce_lead_one", "selection"),
    ]  # fmt: skip
    leads, deals = extend(tagging, fields).target("crm.lead").sources
    assert [link.key for link in leads.fields["tag_ids"].links][1:] == [
        ("list_transform(src.cf_interests, lambda x: fold(x))",), ("list_transform(src.cf_needs, lambda x: fold(x))",),
    ]  # fmt: skip
    assert len(leads.fields["tag_ids"].links) == 3, "on top of the lead's own tags"
    assert "merged_lead.cf_needs" in deals.fields["tag_ids"].links[-1].key[0], "of the lead that is merged into the deal"


def test_the_mapping_in_force_keeps_the_hash_people_confirmed(mapping: Mapping) -> None:
    fields, _ = define(mapping, [row(1, "Region")])
    extended = extend(mapping, fields)
    assert extended.hash == mapping.hash
    assert extended.target_hash("crm.lead") == mapping.target_hash("crm.lead")
    assert "x_leadforce_lead_region" in extended.target("crm.lead").field_specs
    assert "x_leadforce_lead_region" not in mapping.target("crm.lead").field_specs
