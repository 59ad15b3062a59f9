"""load: identity, all or nothing, cells (ODOO_FACTS 3)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import CallError, DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records


def xmlids(destination: Destination, module: str) -> dict[str, int]:
    found = destination.search_read("ir.model.data", [["module", "=", module]], ["name", "res_id"])
    return {row["name"]: row["res_id"] for row in found}


def test_the_external_id_is_the_identity(destination: Destination, odoo: Records, unique: str) -> None:
    first = destination.load("res.partner", ["id", "name"], [[f"{unique}.a", "A"], [f"{unique}.b", "B"]], context=QUIET)
    assert first.ids is not None
    assert first.messages == ()
    assert xmlids(destination, unique) == {"a": first.ids[0], "b": first.ids[1]}
    again = destination.load(
        "res.partner", ["id", "name"], [[f"{unique}.b", "B2"], [f"{unique}.c", "C"]], context=QUIET
    )
    assert again.ids is not None
    assert again.ids[0] == first.ids[1]
    assert odoo.value("res.partner", first.ids[1], "name") == "B2"
    assert len(xmlids(destination, unique)) == 3


def test_odd_but_allowed_external_ids(destination: Destination, unique: str) -> None:
    names = ["É_upper-Case", "with.more.dots", "percent%20encoded", "slash/and:colon"]
    rows = [[f"{unique}.{name}", name] for name in names]
    result = destination.load("res.partner", ["id", "name"], rows, context=QUIET)
    assert result.ids is not None
    assert set(xmlids(destination, unique)) == set(names)


def test_an_external_id_with_a_space_is_refused(destination: Destination, unique: str) -> None:
    result = destination.load("res.partner", ["id", "name"], [[f"{unique}.a b", "A"]], context=QUIET)
    assert result.ids is None
    assert destination.search_count("ir.model.data", [["module", "=", unique]]) == 0


def test_an_external_id_without_module_gets_import(destination: Destination, unique: str) -> None:
    result = destination.load("res.partner", ["id", "name"], [[unique, "A"]], context=QUIET)
    assert result.ids is not None
    found = destination.search_read("ir.model.data", [["name", "=", unique]], ["module", "res_id", "noupdate"])
    assert [(row["module"], row["res_id"], row["noupdate"]) for row in found] == [("__import__", result.ids[0], False)]


def test_no_external_id_means_a_new_record_each_time(destination: Destination, unique: str) -> None:
    for _ in range(2):
        assert destination.load("res.partner", ["id", "name"], [["", unique]], context=QUIET).ids
    assert destination.search_count("res.partner", [["name", "=", unique]]) == 2


def test_the_same_external_id_twice_in_a_batch_overwrites(destination: Destination, odoo: Records, unique: str) -> None:
    rows = [[f"{unique}.a", "first"], [f"{unique}.a", "second"]]
    result = destination.load("res.partner", ["id", "name"], rows, context=QUIET)
    assert result.ids is not None
    assert result.ids[0] == result.ids[1]
    assert odoo.value("res.partner", result.ids[0], "name") == "second"


def test_an_external_id_of_another_model_is_refused(destination: Destination, unique: str) -> None:
    destination.load("res.partner", ["id", "name"], [[f"{unique}.a", "A"]], context=QUIET)
    result = destination.load("crm.tag", ["id", "name"], [[f"{unique}.a", unique]], context=QUIET)
    assert result.ids is None
    assert "different model" in result.messages[0].message


def test_an_external_id_of_a_deleted_record_makes_a_new_one(
    destination: Destination, odoo: Records, unique: str
) -> None:
    destination.create("ir.model.data", [{"module": unique, "name": "a", "model": "res.partner", "res_id": 99_999_999}])
    result = destination.load("res.partner", ["id", "name"], [[f"{unique}.a", "A"]], context=QUIET)
    assert result.ids is not None
    assert odoo.value("res.partner", result.ids[0], "name") == "A"
    assert xmlids(destination, unique) == {"a": result.ids[0]}


def test_deleting_a_record_deletes_its_external_id(destination: Destination, unique: str) -> None:
    result = destination.load("res.partner", ["id", "name"], [[f"{unique}.a", "A"]], context=QUIET)
    assert result.ids is not None
    destination.unlink("res.partner", result.ids)
    assert xmlids(destination, unique) == {}


def test_external_ids_are_unique(destination: Destination, unique: str) -> None:
    row = {"module": unique, "name": "a", "model": "res.partner", "res_id": 1}
    destination.create("ir.model.data", [row])
    with pytest.raises(DataError, match="ir_model_data_module_name_uniq_index"):
        destination.create("ir.model.data", [row])
    assert destination.search_count("ir.model.data", [["module", "=", unique]]) == 1


def test_deleting_an_external_id_keeps_the_record(destination: Destination, odoo: Records, unique: str) -> None:
    result = destination.load("res.partner", ["id", "name"], [[f"{unique}.a", "A"]], context=QUIET)
    assert result.ids is not None
    found = destination.search_read("ir.model.data", [["module", "=", unique]], ["name"])
    destination.unlink("ir.model.data", [found[0]["id"]])
    assert odoo.value("res.partner", result.ids[0], "name") == "A"


def test_one_bad_row_writes_nothing_and_every_bad_row_is_named(destination: Destination, unique: str) -> None:
    rows = [
        [f"{unique}.a", unique, "2020-01-01"],
        [f"{unique}.b", unique, "31/01/2020"],
        [f"{unique}.c", unique, ""],
        [f"{unique}.d", "", ""],
    ]
    result = destination.load("crm.lead", ["id", "name", "date_deadline"], rows, context=QUIET)
    assert result.ids is None
    assert {message.row for message in result.messages if message.severity == "error"} == {1, 3}
    assert destination.search_count("crm.lead", [["name", "=", unique]], context=EVERY) == 0
    assert xmlids(destination, unique) == {}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("expected_revenue", "1,234.5"),
        ("expected_revenue", "$12"),
        ("color", "3.5"),
        ("date_deadline", "2020-02-30"),
        ("date_open", "2020-01-01T00:00:00"),
        ("type", "nonsense"),
        ("active", "maybe"),
        ("stage_id/.id", "99999999"),
        ("stage_id/.id", "x"),
        ("partner_id/id", "no_module.no_name"),
        ("stage_id", "No such stage"),
        ("probability", "101"),
    ],
)
def test_a_bad_cell_is_an_error_of_its_row(destination: Destination, unique: str, column: str, cell: str) -> None:
    good = "lead" if column == "type" else ""
    rows = [[f"{unique}.good", unique, good], [f"{unique}.bad", unique, cell]]
    result = destination.load("crm.lead", ["id", "name", column], rows, context=QUIET)
    assert result.ids is None
    assert [message.row for message in result.messages if message.severity == "error"] == [1]
    assert destination.search_count("crm.lead", [["name", "=", unique]], context=EVERY) == 0


@pytest.mark.parametrize(
    ("column", "cell", "read"),
    [
        ("expected_revenue", "1234.5", 1234.5),
        ("expected_revenue", 1234.5, 1234.5),
        ("expected_revenue", "", 0.0),
        ("color", "3", 3),
        ("date_deadline", "2020-02-29", "2020-02-29"),
        ("date_deadline", "2020-02-29 10:00:00", "2020-02-29"),
        ("date_deadline", "", False),
        ("date_open", "2020-07-01 12:00:00", "2020-07-01 12:00:00"),
        ("type", "lead", "lead"),
        ("type", "Opportunity", "opportunity"),
        ("priority", "Very High", "3"),
        ("active", "True", True),
        ("active", "yes", True),
        ("active", "1", True),
        ("stage_id/.id", "2", 2),
        ("stage_id", "Qualified", 2),
        ("city", "", False),
        ("city", None, False),
        ("city", "  two  ", "  two  "),
        ("user_id/.id", "", False),
        ("country_id", "France", 75),
        ("country_id/id", "base.uk", 231),
        ("description", "<p>a<br/>b</p>", "<p>a<br>b</p>"),
    ],
)
def test_cells_are_read_as_odoo_reads_them(
    destination: Destination, odoo: Records, unique: str, column: str, cell: Any, read: Any
) -> None:
    result = destination.load("crm.lead", ["id", "name", column], [[f"{unique}.a", unique, cell]], context=QUIET)
    assert result.ids is not None, result.messages
    assert odoo.value("crm.lead", result.ids[0], column.partition("/")[0]) == read


def test_datetimes_are_local_to_the_contexts_time_zone(destination: Destination, odoo: Records, unique: str) -> None:
    rows = [[f"{unique}.s", unique, "2020-07-01 12:00:00"], [f"{unique}.w", unique, "2020-01-01 12:00:00"]]
    context = {**QUIET, "tz": "America/New_York"}
    result = destination.load("crm.lead", ["id", "name", "date_open"], rows, context=context)
    assert result.ids is not None
    assert odoo.value("crm.lead", result.ids[0], "date_open") == "2020-07-01 16:00:00"
    assert odoo.value("crm.lead", result.ids[1], "date_open") == "2020-01-01 17:00:00"


def test_empty_cells_clear_and_missing_columns_stay(destination: Destination, odoo: Records, unique: str) -> None:
    tag = odoo.new("crm.tag", name=unique)
    fields = ["id", "name", "city", "street", "stage_id/.id", "tag_ids/.id", "expected_revenue"]
    row = [f"{unique}.a", unique, "Lyon", "1 rue", "2", str(tag), "5"]
    result = destination.load("crm.lead", fields, [row], context=QUIET)
    assert result.ids is not None, result.messages
    (key,) = result.ids
    fields = ["id", "name", "city", "tag_ids/.id", "expected_revenue"]
    assert destination.load("crm.lead", fields, [[f"{unique}.a", unique, "", "", ""]], context=QUIET).ids == [key]
    record = odoo.read("crm.lead", key, "city", "street", "stage_id", "tag_ids", "expected_revenue")
    assert record == {
        "id": key,
        "city": False,
        "street": "1 rue",
        "stage_id": 2,
        "tag_ids": [],
        "expected_revenue": 0.0,
    }


def test_missing_columns_take_defaults_and_empty_cells_do_not(
    destination: Destination, odoo: Records, unique: str
) -> None:
    missing = destination.load("crm.lead", ["id", "name"], [[f"{unique}.a", unique]], context=QUIET)
    fields = ["id", "name", "user_id/.id", "team_id/.id"]
    empty = destination.load("crm.lead", fields, [[f"{unique}.b", unique, "", ""]], context=QUIET)
    assert missing.ids is not None
    assert empty.ids is not None
    assert odoo.read("crm.lead", missing.ids[0], "user_id", "team_id", "stage_id", "type") == {
        "id": missing.ids[0], "user_id": 2, "team_id": 1, "stage_id": 1, "type": "opportunity",
    }  # fmt: skip
    assert odoo.read("crm.lead", empty.ids[0], "user_id", "team_id") == {
        "id": empty.ids[0], "user_id": False, "team_id": False,
    }  # fmt: skip


def test_many2many_cells_are_comma_lists(destination: Destination, odoo: Records, unique: str) -> None:
    names = [f"{unique} one", f"{unique} two"]
    tags = [odoo.new("crm.tag", name=name) for name in names]
    rows = [[f"{unique}.a", unique, f"{tags[0]},{tags[1]}"]]
    by_id = destination.load("crm.lead", ["id", "name", "tag_ids/.id"], rows, context=QUIET)
    assert by_id.ids is not None, by_id.messages
    assert set(odoo.value("crm.lead", by_id.ids[0], "tag_ids")) == set(tags)
    by_name = destination.load("crm.lead", ["id", "tag_ids"], [[f"{unique}.a", names[1]]], context=QUIET)
    assert by_name.ids == by_id.ids
    assert odoo.value("crm.lead", by_id.ids[0], "tag_ids") == [tags[1]]


def test_a_row_may_refer_to_an_earlier_row_of_the_batch(destination: Destination, odoo: Records, unique: str) -> None:
    rows = [
        [f"{unique}.company", "Company", "True", ""],
        [f"{unique}.person", "Person", "False", f"{unique}.company"],
    ]
    result = destination.load("res.partner", ["id", "name", "is_company", "parent_id/id"], rows, context=QUIET)
    assert result.ids is not None, result.messages
    assert odoo.value("res.partner", result.ids[1], "parent_id") == result.ids[0]


def test_a_row_may_not_refer_to_a_later_row_of_the_batch(destination: Destination, unique: str) -> None:
    rows = [
        [f"{unique}.person", "Person", "False", f"{unique}.company"],
        [f"{unique}.company", "Company", "True", ""],
    ]
    result = destination.load("res.partner", ["id", "name", "is_company", "parent_id/id"], rows, context=QUIET)
    assert result.ids is None


def test_an_ambiguous_name_is_a_warning(destination: Destination, odoo: Records, unique: str) -> None:
    first, second = (odoo.new("res.partner", name=unique) for _ in range(2))
    rows = [[f"{unique}.a", unique, unique]]
    result = destination.load("crm.lead", ["id", "name", "partner_id"], rows, context=QUIET)
    assert [message.severity for message in result.messages] == ["warning"]
    assert result.ids is not None
    assert odoo.value("crm.lead", result.ids[0], "partner_id") in {first, second}


def test_archived_records_are_found_by_external_id(destination: Destination, odoo: Records, unique: str) -> None:
    fields = ["id", "name", "active"]
    result = destination.load("res.partner", fields, [[f"{unique}.a", "A", "False"]], context=QUIET)
    assert result.ids is not None
    assert destination.load("res.partner", ["id", "name"], [[f"{unique}.a", "B"]], context=QUIET).ids == result.ids
    assert odoo.read("res.partner", result.ids[0], "name", "active") == {
        "id": result.ids[0], "name": "B", "active": False,
    }  # fmt: skip


def test_an_unknown_column_is_a_call_error(destination: Destination) -> None:
    with pytest.raises(CallError):
        destination.load("crm.lead", ["id", "nonsense"], [["", "x"]], context=QUIET)


def test_a_python_boolean_in_a_boolean_cell_is_a_call_error(destination: Destination) -> None:
    with pytest.raises(CallError):
        destination.load("crm.lead", ["name", "active"], [["x", True]], context=QUIET)


def test_database_ids_identify_too(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("res.partner", name=unique)
    result = destination.load("res.partner", [".id", "name"], [[str(key), "renamed"]], context=QUIET)
    assert result.ids == [key]
    assert odoo.value("res.partner", key, "name") == "renamed"


def test_computed_and_magic_columns_are_ignored(destination: Destination, odoo: Records, unique: str) -> None:
    fields = ["id", "name", "create_date"]
    result = destination.load("crm.lead", fields, [[f"{unique}.a", unique, "2001-01-01 00:00:00"]], context=QUIET)
    assert result.ids is not None
    assert odoo.value("crm.lead", result.ids[0], "create_date") > "2025"


def test_database_refusals_name_their_rows_too(destination: Destination, unique: str) -> None:
    tags = [[f"{unique}.a", unique], [f"{unique}.b", f"{unique} b"], [f"{unique}.c", unique]]
    result = destination.load("crm.tag", ["id", "name"], tags, context=QUIET)
    assert result.ids is None
    assert destination.search_count("crm.tag", [["name", "ilike", unique]]) == 0
