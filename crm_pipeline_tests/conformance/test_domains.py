"""Domains, orders, limits, counts."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.columns import column_of, column_type
from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline_tests.conformance.conftest import EVERY, Records


@pytest.fixture
def people(odoo: Records, unique: str) -> dict[str, int]:
    """Partners whose ref is the test's word: a company, two contacts of it, an archived one."""
    company = odoo.new("res.partner", name=f"{unique} Ünited 100%", is_company=True, ref=unique, city="Lyon", color=5)
    tag = odoo.new("res.partner.category", name=unique)
    ann = odoo.new(
        "res.partner", name="Ann_A", ref=unique, parent_id=company, type="other", city="PARIS", category_id=[[4, tag]],
        color=2, email=f"ann@{unique}.org",
    )  # fmt: skip
    bob = odoo.new("res.partner", name="BobxB", ref=unique, parent_id=company, type="other", color=9)
    old = odoo.new("res.partner", name="Old", ref=unique, active=False, is_company=True)
    return {"company": company, "ann": ann, "bob": bob, "old": old, "tag": tag}


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ([], "company ann bob"),
        ([["name", "=", "Ann_A"]], "ann"),
        ([["name", "!=", "Ann_A"]], "company bob"),
        ([["name", "in", ["Ann_A", "BobxB"]]], "ann bob"),
        ([["name", "not in", ["Ann_A", "BobxB"]]], "company"),
        ([["name", "in", []]], ""),
        ([["name", "like", "nn"]], "ann"),
        ([["name", "like", "ann"]], ""),
        ([["name", "ilike", "ANN"]], "ann"),
        ([["name", "ilike", "ünited"]], "company"),
        ([["name", "ilike", "ÜNITED 100"]], "company"),
        ([["name", "not ilike", "ann"]], "company bob"),
        ([["name", "=like", "Bob_B"]], "bob"),
        ([["name", "=like", "bob%"]], ""),
        ([["name", "=ilike", "bob%"]], "bob"),
        ([["name", "=ilike", "ann\\_a"]], "ann"),
        ([["city", "=", False]], "bob"),
        ([["city", "!=", False]], "company ann"),
        ([["city", "!=", "Lyon"]], "ann bob"),
        ([["city", "in", ["Lyon", False]]], "company bob"),
        ([["city", "not in", ["Lyon"]]], "ann bob"),
        ([["color", ">", 2]], "company bob"),
        ([["color", ">=", 5]], "company bob"),
        ([["color", "<", 5]], "ann"),
        ([["color", "<=", 5]], "company ann"),
        ([["is_company", "=", True]], "company"),
        ([["is_company", "=", False]], "ann bob"),
        ([["is_company", "!=", True]], "ann bob"),
        ([["parent_id", "!=", False]], "ann bob"),
        ([["parent_id", "=", False]], "company"),
        ([["parent_id.city", "=", "Lyon"]], "ann bob"),
        ([["parent_id.name", "ilike", "ünited"]], "ann bob"),
        ([["category_id", "!=", False]], "ann"),
        ([["category_id", "=", False]], "company bob"),
        (["|", ["name", "=", "Ann_A"], ["name", "=", "BobxB"]], "ann bob"),
        (["&", ["color", ">", 1], ["color", "<", 6]], "company ann"),
        (["!", ["name", "=", "Ann_A"]], "company bob"),
        (["|", "&", ["color", "=", 2], ["city", "=", "PARIS"], ["color", "=", 9]], "ann bob"),
        (["!", "|", ["color", "=", 2], ["color", "=", 9]], "company"),
        ([["active", "=", False]], "old"),
        ([["active", "in", [True, False]]], "company ann bob old"),
        ([["child_ids", "!=", False]], "company"),
        ([["child_ids.name", "=", "Ann_A"]], "company"),
    ],
)
def test_domains_find(
    destination: Destination, people: dict[str, int], unique: str, domain: list[Any], expected: str
) -> None:
    found = destination.search_read("res.partner", [["ref", "=", unique], *domain], ["name"])
    names = {key: name for name, key in people.items()}
    assert {names[row["id"]] for row in found} == set(expected.split())
    assert destination.search_count("res.partner", [["ref", "=", unique], *domain]) == len(found)


def test_relations_by_id(destination: Destination, people: dict[str, int], unique: str) -> None:
    def found(*domain: Any) -> set[int]:
        return {row["id"] for row in destination.search_read("res.partner", [["ref", "=", unique], *domain], ["name"])}

    assert found(["parent_id", "=", people["company"]]) == {people["ann"], people["bob"]}
    assert found(["parent_id", "in", [people["company"]]]) == {people["ann"], people["bob"]}
    assert found(["parent_id", "not in", [people["company"]]]) == {people["company"]}
    assert found(["category_id", "in", [people["tag"]]]) == {people["ann"]}
    assert found(["id", "in", [people["ann"], 99_999_999]]) == {people["ann"]}
    assert found(["id", "not in", [people["ann"]]]) == {people["company"], people["bob"]}
    assert found(["id", ">", people["ann"]]) == {people["bob"]}
    assert found(["id", "child_of", people["company"]]) == {people["company"], people["ann"], people["bob"]}
    assert found(["child_ids", "in", [people["bob"]]]) == {people["company"]}


def test_archived_records_are_left_out_unless_asked_for(
    destination: Destination, people: dict[str, int], unique: str
) -> None:
    domain = [["ref", "=", unique]]
    assert destination.search_count("res.partner", domain) == 3
    assert destination.search_count("res.partner", domain, context=EVERY) == 4
    assert destination.search_read("res.partner", [["id", "=", people["old"]]], ["name"]) == []


def test_order_limit_and_offset(destination: Destination, people: dict[str, int], unique: str) -> None:
    def ids(**arguments: Any) -> list[int]:
        return [
            row["id"] for row in destination.search_read("res.partner", [["ref", "=", unique]], ["name"], **arguments)
        ]

    assert ids(order="id") == [people["company"], people["ann"], people["bob"]]
    assert ids(order="id desc") == [people["bob"], people["ann"], people["company"]]
    assert ids(order="color desc, id") == [people["bob"], people["company"], people["ann"]]
    assert ids(order="is_company desc, id desc") == [people["company"], people["bob"], people["ann"]]
    assert ids(order="id", limit=1) == [people["company"]]
    assert ids(order="id", limit=2, offset=1) == [people["ann"], people["bob"]]
    assert ids(order="id", offset=3) == []


def test_paging_by_id_sees_every_record_once(destination: Destination, unique: str) -> None:
    made = destination.create("crm.lead", [{"name": unique} for _ in range(25)], context=QUIET)
    seen: list[int] = []
    while True:
        domain = [["name", "=", unique], ["id", ">", seen[-1] if seen else 0]]
        page = destination.search_read("crm.lead", domain, ["name"], order="id", limit=10)
        if not page:
            break
        seen += [row["id"] for row in page]
    assert seen == made


def test_a_many2one_is_read_as_its_id(odoo: Records, people: dict[str, int]) -> None:
    assert odoo.value("res.partner", people["ann"], "parent_id") == people["company"]
    assert odoo.value("res.partner", people["company"], "parent_id") is False
    assert odoo.value("res.partner", people["ann"], "create_uid") == 2


def test_reading_without_fields_gives_every_field(destination: Destination, people: dict[str, int]) -> None:
    (record,) = destination.search_read("res.partner.category", [["id", "=", people["tag"]]], [])
    assert {"id", "name", "color", "display_name", "create_date"} <= record.keys()


def test_write_date_domains_for_finding_user_edits(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("crm.lead", name=unique)
    stamp = odoo.value("crm.lead", key, "write_date")
    later = [["id", "=", key], ["write_date", ">", f"{stamp}.999999"]]
    assert destination.search_count("crm.lead", later) == 0
    # 17.0 and 18.0 compare microseconds, 19.0 whole seconds
    same_second = [["id", "=", key], ["write_date", ">", stamp]]
    assert destination.search_count("crm.lead", same_second) == (0 if destination.version == "19.0" else 1)
    assert destination.search_count("crm.lead", [["id", "=", key], ["write_date", ">=", stamp]]) == 1


def test_columns_hold_what_records_hold(odoo: Records, people: dict[str, int]) -> None:
    schema = odoo.destination.fields_get("res.partner")
    domain = [["id", "in", sorted(people[name] for name in ("company", "ann", "bob", "old"))]]
    names = ["name", "parent_id", "email_normalized", "is_company", "category_id", "color", "create_date", "display_name"]
    stored = ["name", "street", "parent_id", "is_company", "active", "category_id", "color", "create_date", "create_uid"]
    for fields in (names, stored, ["parent_id", "email_normalized", "name"], ["id"]):
        records = odoo.destination.search_read("res.partner", domain, fields, order="id", context=EVERY)
        columns = odoo.destination.search_columns("res.partner", domain, fields, order="id", context=EVERY)
        assert columns.to_dict(as_series=False) == {
            name: column_of(schema[name], [record[name] for record in records]).to_list() for name in dict.fromkeys(["id", *fields])
        }
    none = odoo.destination.search_columns("res.partner", [["id", "=", 0]], names)
    assert none.schema == {name: column_type(schema[name]) for name in ("id", *names)}
    assert none.is_empty()
