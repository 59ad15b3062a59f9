"""Custom fields: an x_ field exists, is writable and is found again (ODOO_FACTS 9)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import Records


def field(odoo: Records, unique: str, kind: str, model: str = "crm.lead", **vals: Any) -> dict[str, Any]:
    return {
        "model_id": odoo.model_id(model), "name": f"x_{unique}_{kind}", "field_description": f"Label {kind}",
        "ttype": kind, "state": "manual", **vals,
    }  # fmt: skip


def test_custom_fields_of_every_type(destination: Destination, odoo: Records, unique: str) -> None:
    options = [[0, 0, {"value": "a", "name": "Ah", "sequence": 1}], [0, 0, {"value": "b", "name": "Be", "sequence": 2}]]
    values: dict[str, tuple[dict[str, Any], Any, Any]] = {
        "char": ({"size": 8}, "123456789", "12345678"),
        "text": ({}, "a\nb", "a\nb"),
        "html": ({}, "<p>x</p>", "<p>x</p>"),
        "integer": ({}, 7, 7),
        "float": ({}, 1.25, 1.25),
        "boolean": ({}, True, True),
        "date": ({}, "2020-01-02", "2020-01-02"),
        "datetime": ({}, "2020-01-02 03:04:05", "2020-01-02 03:04:05"),
        "selection": ({"selection_ids": options}, "b", "b"),
        "many2one": ({"relation": "res.partner", "on_delete": "set null"}, 1, 1),
        "many2many": ({"relation": "res.partner"}, [[6, 0, [1]]], [1]),
    }
    made = destination.create(
        "ir.model.fields", [field(odoo, unique, kind, **extra) for kind, (extra, _, _) in values.items()]
    )
    assert len(made) == len(values)
    schema = destination.fields_get("crm.lead")
    names = {kind: f"x_{unique}_{kind}" for kind in values}
    assert {kind: schema[name].type for kind, name in names.items()} == {kind: kind for kind in values}
    assert schema[names["selection"]].selection == ("a", "b")
    assert schema[names["many2one"]].relation == "res.partner"
    assert schema[names["char"]].string == "Label char"
    key = odoo.new("crm.lead", name=unique, **{names[kind]: given for kind, (_, given, _) in values.items()})
    expected = {names[kind]: read for kind, (_, _, read) in values.items()}
    assert odoo.read("crm.lead", key, *expected) == {"id": key, **expected}
    columns = ["id", "name", names["selection"], names["datetime"], names["char"]]
    rows = [[f"{unique}.l", unique, "Be", "2020-01-02 03:04:05", "short"]]
    result = destination.load("crm.lead", columns, rows, context=QUIET)
    assert result.ids is not None, result.messages
    assert odoo.value("crm.lead", result.ids[0], names["selection"]) == "b"
    found = destination.search_read(
        "ir.model.fields",
        [["model", "=", "crm.lead"], ["name", "in", list(names.values())]],
        ["name", "ttype", "state"],
    )
    assert {row["ttype"] for row in found} == set(values)
    assert destination.search_count("crm.lead", [[names["char"], "=", "short"]]) == 1
    with pytest.raises(DataError):
        odoo.new("crm.lead", name=unique, **{names["selection"]: "c"})
    destination.unlink("ir.model.fields", made)
    assert names["char"] not in destination.fields_get("crm.lead")


@pytest.mark.parametrize(
    "change", [{"name": "no_prefix"}, {"name": "x_bad-name"}, {"name": "x_bad name"}, {"name": "x_" + "a" * 62}]
)
def test_bad_names_are_refused(destination: Destination, odoo: Records, unique: str, change: dict[str, str]) -> None:
    with pytest.raises(DataError):
        destination.create("ir.model.fields", [field(odoo, unique, "char") | change])


def test_names_are_unique_and_types_are_fixed(destination: Destination, odoo: Records, unique: str) -> None:
    (made,) = destination.create("ir.model.fields", [field(odoo, unique, "char")])
    with pytest.raises(DataError):
        destination.create("ir.model.fields", [field(odoo, unique, "char")])
    with pytest.raises(DataError):
        destination.write("ir.model.fields", [made], {"ttype": "integer"})
    destination.unlink("ir.model.fields", [made])


def test_core_fields_cannot_be_deleted(destination: Destination) -> None:
    (found,) = destination.search_read(
        "ir.model.fields", [["model", "=", "crm.lead"], ["name", "=", "city"]], ["state"]
    )
    assert found["state"] == "base"
    with pytest.raises(DataError):
        destination.unlink("ir.model.fields", [found["id"]])


def test_custom_models_with_their_fields(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    access = {
        "name": "users", "group_id": odoo.ref("base.group_user"), "perm_read": True, "perm_write": True,
        "perm_create": True, "perm_unlink": True,
    }  # fmt: skip
    fields = [[0, 0, {"name": "x_name", "field_description": "Name", "ttype": "char", "state": "manual"}]]
    vals = {"name": "Interest", "model": name, "state": "manual", "field_id": fields, "access_ids": [[0, 0, access]]}
    (made,) = destination.create("ir.model", [vals])
    option = odoo.new(name, x_name="Golf")
    (link,) = destination.create("ir.model.fields", [field(odoo, unique, "many2many", relation=name)])
    lead = odoo.new("crm.lead", name=unique, **{f"x_{unique}_many2many": [[6, 0, [option]]]})
    assert odoo.value("crm.lead", lead, f"x_{unique}_many2many") == [option]
    assert odoo.read(name, option, "x_name", "display_name") == {"id": option, "x_name": "Golf", "display_name": "Golf"}
    destination.unlink("ir.model.fields", [link])
    destination.unlink("ir.model", [made])


def test_a_required_custom_field(destination: Destination, odoo: Records, unique: str) -> None:
    (made,) = destination.create("ir.model.fields", [field(odoo, unique, "char", "crm.tag", required=True)])
    assert destination.fields_get("crm.tag")[f"x_{unique}_char"].required
    with pytest.raises(DataError):
        odoo.new("crm.tag", name=unique)
    assert odoo.new("crm.tag", name=unique, **{f"x_{unique}_char": "x"})
    destination.unlink("ir.model.fields", [made])
    assert odoo.new("crm.tag", name=f"{unique} again")


def test_what_deleting_a_target_does(destination: Destination, odoo: Records, unique: str) -> None:
    names = {kind: f"x_{unique}_{kind.replace(' ', '_')}" for kind in ("cascade", "restrict", "set null")}
    made = destination.create(
        "ir.model.fields",
        [
            {**field(odoo, unique, "many2one", "crm.tag", relation="crm.stage"), "name": name, "on_delete": kind}
            for kind, name in names.items()
        ],
    )
    stages = {kind: odoo.new("crm.stage", name=unique) for kind in names}
    tags = {kind: odoo.new("crm.tag", name=f"{unique} {kind}", **{names[kind]: stages[kind]}) for kind in names}
    with pytest.raises(DataError):
        destination.unlink("crm.stage", [stages["restrict"]])
    destination.unlink("crm.stage", [stages["cascade"]])
    assert destination.search_count("crm.tag", [["id", "=", tags["cascade"]]]) == 0
    destination.unlink("crm.stage", [stages["set null"]])
    assert odoo.value("crm.tag", tags["set null"], names["set null"]) is False
    destination.unlink("ir.model.fields", made)
    destination.unlink("crm.stage", [stages["restrict"]])


def test_what_a_custom_field_cannot_be(destination: Destination, odoo: Records, unique: str) -> None:
    for vals, complaint in (
        ({"relation": "x_nothing"}, "Unknown model name 'x_nothing' in Related Model"),
        ({"relation": "res.partner", "required": True, "on_delete": "set null"}, "Only 'restrict' and 'cascade' make"),
    ):
        with pytest.raises(DataError, match=complaint):
            destination.create("ir.model.fields", [field(odoo, unique, "many2one", **vals)])
    with pytest.raises(DataError, match=r"Wrong value for ir\.model\.fields\.ttype"):
        destination.create("ir.model.fields", [field(odoo, unique, "nothing")])
    (made,) = destination.create("ir.model.fields", [field(odoo, unique, "char")])
    with pytest.raises(DataError, match="Changing the model of a field is forbidden!"):
        odoo.write("ir.model.fields", made, model_id=odoo.model_id("res.partner"))
    odoo.write("ir.model.fields", made, field_description="New", help="Because")
    shown = destination.call("crm.lead", "fields_get", allfields=[f"x_{unique}_char"], attributes=["string", "help"])
    assert shown == {f"x_{unique}_char": {"string": "New", "help": "Because"}}
    destination.unlink("ir.model.fields", [made])
