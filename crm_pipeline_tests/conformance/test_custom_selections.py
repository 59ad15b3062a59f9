"""Options of custom selections: with their field, later, renamed, deleted (ODOO_FACTS 9)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import Records

OPTIONS = "ir.model.fields.selection"
LOADED = (
    "id", "name", "model_id/.id", "field_description", "ttype", "state", "relation", "domain", "help", "required", "size",
    "on_delete", "selection_ids/id", "selection_ids/value", "selection_ids/name", "selection_ids/sequence",
)  # fmt: skip


def line(odoo: Records, name: str, kind: str, /, **vals: str) -> list[str]:
    """A row of :data:`LOADED` for a field of a lead."""
    cells = {
        "id": f"{name}.field", "name": name, "model_id/.id": str(odoo.model_id("crm.lead")), "field_description": name,
        "ttype": kind, "state": "manual", **vals,
    }  # fmt: skip
    return [cells.get(column, "") for column in LOADED]


def options(name: str, *values: str) -> list[list[str]]:
    """Sub-rows; to be joined to the field's own row with :func:`selection`."""
    return [
        [*[""] * 12, f"{name}.option_{number}", value, value.title(), str(number)]
        for number, value in enumerate(values, start=1)
    ]


def selection(odoo: Records, name: str, *values: str) -> list[list[str]]:
    first, *others = options(name, *values)
    return [[*line(odoo, name, "selection")[:12], *first[12:]], *others]


def field_of(destination: Destination, odoo: Records, name: str, *values: str) -> int:
    result = destination.load("ir.model.fields", LOADED, selection(odoo, name, *values), context=QUIET)
    assert result.ids is not None, result.messages
    return result.ids[0]


def shown(destination: Destination, name: str) -> tuple[str, ...]:
    return destination.fields_get("crm.lead")[name].selection


def test_fields_are_loaded_with_their_options(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    rows = [
        *selection(odoo, f"{name}_s", "hot", "Süd, x"),
        line(odoo, f"{name}_c", "char", size="8", help="What it is"),
        line(odoo, f"{name}_o", "many2one", relation="res.partner", on_delete="set null"),
        line(odoo, f"{name}_m", "many2many", relation="res.partner", domain="[('is_company','=',True)]"),
        *(
            line(odoo, f"{name}_{kind}", kind)
            for kind in ("text", "html", "boolean", "date", "datetime", "float", "integer")
        ),
    ]
    result = destination.load("ir.model.fields", LOADED, rows, context=QUIET)
    assert result.ids is not None, result.messages
    assert len(result.ids) == 11
    assert destination.load("ir.model.fields", LOADED, rows, context=QUIET).ids == result.ids
    schema = destination.fields_get("crm.lead")
    assert schema[f"{name}_s"].selection == ("hot", "Süd, x")
    assert schema[f"{name}_c"].size == 8
    assert (schema[f"{name}_o"].relation, schema[f"{name}_m"].relation) == ("res.partner", "res.partner")
    attributes = destination.call("crm.lead", "fields_get", allfields=[f"{name}_c", f"{name}_s"], attributes=["help"])
    assert attributes == {f"{name}_c": {"help": "What it is"}, f"{name}_s": {}}
    wanted = ["on_delete", "domain", "relation", "size", "help", "state", "model", "copied"]
    one = odoo.read("ir.model.fields", result.ids[2], *wanted)
    assert one == {
        "id": result.ids[2], "on_delete": "set null", "domain": False, "relation": "res.partner", "size": 0,
        "help": False, "state": "manual", "model": "crm.lead", "copied": True,
    }  # fmt: skip
    many = odoo.read("ir.model.fields", result.ids[3], "on_delete", "domain")
    assert many == {"id": result.ids[3], "on_delete": False, "domain": "[('is_company','=',True)]"}
    kept = odoo.read("ir.model.fields", result.ids[0], "selection", "selection_ids")
    assert kept["selection"] == "[('hot', 'Hot'), ('Süd, x', 'Süd, X')]"
    assert kept["selection_ids"] == [odoo.ref(f"{name}_s.option_1"), odoo.ref(f"{name}_s.option_2")]
    sequences = destination.search_read(OPTIONS, [["field_id", "=", result.ids[0]]], ["value", "sequence"])
    assert [(item["value"], item["sequence"]) for item in sequences] == [("hot", 0), ("Süd, x", 1)]
    destination.unlink("ir.model.fields", result.ids)
    left = destination.search_read("ir.model.data", [["module", "in", [f"{name}_s", f"{name}_c"]]], ["name"])
    assert {item["name"] for item in left} == {"option_1", "option_2"}  # of options that are gone


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "no_prefix"}, "Custom fields must have a name that starts with 'x_'!"),
        ({"name": "x_bad-name"}, "Field names can only contain characters, digits and underscores (up to 63)."),
        ({"name": "x_" + "a" * 62}, "Field names can only contain characters, digits and underscores (up to 63)."),
        ({"ttype": "nothing"}, "Value 'nothing' not found in selection field 'Field Type'"),
        ({"ttype": "many2one", "relation": "x_nothing"}, "Unknown model name 'x_nothing' in Related Model"),
        ({"model_id/.id": ""}, "odel"),
    ],
)
def test_bad_fields_are_not_loaded(
    destination: Destination, odoo: Records, unique: str, change: dict[str, str], complaint: str
) -> None:
    row = line(odoo, f"x_{unique}", "char", **change)
    result = destination.load("ir.model.fields", LOADED, [row], context=QUIET)
    assert result.ids is None
    assert complaint in result.messages[0].message


def test_a_loaded_field_keeps_its_type(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    result = destination.load("ir.model.fields", LOADED, [line(odoo, name, "char")], context=QUIET)
    assert result.ids is not None, result.messages
    changed = destination.load("ir.model.fields", LOADED, [line(odoo, name, "integer")], context=QUIET)
    assert changed.ids is None
    assert "Changing the type of a field is not yet supported" in changed.messages[0].message
    twice = destination.load("ir.model.fields", LOADED, [line(odoo, name, "char", id=f"{name}.other")], context=QUIET)
    assert twice.ids is None
    destination.unlink("ir.model.fields", result.ids)


def test_options_are_added_later(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    field = field_of(destination, odoo, name, "hot", "cold")
    odoo.new(OPTIONS, field_id=field, value="warm", name="Warm", sequence=0)
    assert shown(destination, name) == ("hot", "warm", "cold")  # by sequence, then by age
    columns = ["id", "field_id/id", "value", "name", "sequence"]
    row = [f"{unique}.luke", f"{name}.field", "luke", "Luke", "5"]
    result = destination.load(OPTIONS, columns, [row], context=QUIET)
    assert result.ids is not None, result.messages
    assert destination.load(OPTIONS, columns, [row], context=QUIET).ids == result.ids
    assert shown(destination, name) == ("hot", "warm", "cold", "luke")
    with pytest.raises(DataError, match="Selections values must be unique per field"):
        odoo.new(OPTIONS, field_id=field, value="luke", name="Other")
    twice = destination.load(OPTIONS, columns, [[f"{unique}.again", *row[1:]]], context=QUIET)
    assert twice.ids is None
    for vals in ({"value": "x"}, {"name": "X"}):
        with pytest.raises(DataError):
            odoo.new(OPTIONS, field_id=field, **vals)
    lead = odoo.new("crm.lead", name=unique, type="lead", **{name: "warm"})
    assert odoo.value("crm.lead", lead, name) == "warm"
    destination.unlink("ir.model.fields", [field])


def test_reloading_a_field_with_fewer_options_keeps_the_others(
    destination: Destination, odoo: Records, unique: str
) -> None:
    name = f"x_{unique}"
    field = field_of(destination, odoo, name, "hot", "cold")
    assert field_of(destination, odoo, name, "hot") == field
    assert set(shown(destination, name)) == {"hot", "cold"}
    destination.unlink("ir.model.fields", [field])
    assert destination.search_count(OPTIONS, [["field_id", "=", field]]) == 0
    left = destination.search_read("ir.model.data", [["module", "=", name]], ["name"])
    assert {item["name"] for item in left} == {"option_1", "option_2"}


def test_values_outside_the_options_are_refused(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    field = field_of(destination, odoo, name, "hot", "cold")
    lead = odoo.new("crm.lead", name=unique, type="lead", **{name: "hot"})
    with pytest.raises(DataError, match=f"Wrong value for crm.lead.{name}: 'nope'"):
        odoo.new("crm.lead", name=unique, type="lead", **{name: "nope"})
    with pytest.raises(DataError, match=f"Wrong value for crm.lead.{name}: 'nope'"):
        odoo.write("crm.lead", lead, **{name: "nope"})
    columns = ["id", "name", "type", name]
    result = destination.load("crm.lead", columns, [[f"{unique}.lead", unique, "lead", "nope"]], context=QUIET)
    assert result.ids is None
    assert result.messages[0].field == name
    assert result.messages[0].message == f"Value 'nope' not found in selection field '{name}'"
    destination.unlink("ir.model.fields", [field])


def test_renamed_and_deleted_options_change_records(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    field = field_of(destination, odoo, name, "hot", "cold")
    hot, cold = (odoo.new("crm.lead", name=unique, type="lead", **{name: value}) for value in ("hot", "cold"))
    odoo.write(OPTIONS, odoo.ref(f"{name}.option_1"), value="hotter")
    assert odoo.value("crm.lead", hot, name) == "hotter"
    destination.unlink(OPTIONS, [odoo.ref(f"{name}.option_2")])
    assert odoo.value("crm.lead", cold, name) is False
    assert shown(destination, name) == ("hotter",)
    destination.unlink("ir.model.fields", [field])


def test_core_selections_keep_their_options(destination: Destination, odoo: Records) -> None:
    (found,) = destination.search_read(
        "ir.model.fields", [["model", "=", "crm.lead"], ["name", "=", "priority"]], ["state"]
    )
    with pytest.raises(DataError, match="Properties of base fields cannot be altered in this manner!"):
        odoo.new(OPTIONS, field_id=found["id"], value="9", name="Nine")


def test_options_as_commands_and_text(destination: Destination, odoo: Records, unique: str) -> None:
    common = {
        "model_id": odoo.model_id("crm.lead"), "field_description": "Label", "ttype": "selection", "state": "manual",
    }  # fmt: skip
    commands = [[0, 0, {"value": value, "name": value, "sequence": at}] for value, at in (("b", 20), ("a", 10))]
    fields: list[dict[str, Any]] = [
        {**common, "name": f"x_{unique}_c", "selection_ids": commands},
        {**common, "name": f"x_{unique}_t", "selection": "[('a','A'),('b','B')]"},
        {**common, "name": f"x_{unique}_n"},
    ]
    made = destination.create("ir.model.fields", fields)
    assert [shown(destination, str(field["name"])) for field in fields] == [("a", "b"), ("a", "b"), ()]
    odoo.write("ir.model.fields", made[0], selection_ids=[[0, 0, {"value": "c", "name": "C"}]])
    assert shown(destination, f"x_{unique}_c") == ("a", "b", "c")
    odoo.write("ir.model.fields", made[0], selection_ids=[[5]])
    assert shown(destination, f"x_{unique}_c") == ()
    destination.unlink("ir.model.fields", made)
