"""Custom models: made with their access rows, usable like any other, gone with all that belongs to them (ODOO_FACTS 9)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.errors import AccessRightsError, CallError, DataError
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline_tests.conformance.conftest import Records

LOADED = (
    "id", "name", "model", "state", "access_ids/id", "access_ids/name", "access_ids/group_id/.id",
    "access_ids/perm_read", "access_ids/perm_write", "access_ids/perm_create", "access_ids/perm_unlink",
)  # fmt: skip


def row(odoo: Records, name: str, unlink: str = "True") -> list[str]:
    """A row of :data:`LOADED`."""
    group = str(odoo.ref("base.group_user"))
    return [
        f"{name}.model",
        "Options",
        name,
        "manual",
        f"{name}.access",
        "users",
        group,
        "True",
        "True",
        "True",
        unlink,
    ]


def loaded(destination: Destination, odoo: Records, name: str, unlink: str = "True") -> int:
    """A loaded model with an ``x_name``; its id."""
    result = destination.load("ir.model", LOADED, [row(odoo, name, unlink)], context=QUIET)
    assert result.ids is not None, result.messages
    if "x_name" not in destination.fields_get(name):
        odoo.new("ir.model.fields", model_id=result.ids[0], name="x_name", field_description="Name", ttype="char")
    return result.ids[0]


def made(odoo: Records, name: str, **vals: Any) -> int:
    access = {
        "name": "users", "group_id": odoo.ref("base.group_user"), "perm_read": True, "perm_write": True,
        "perm_create": True, "perm_unlink": True,
    }  # fmt: skip
    return odoo.new(
        "ir.model", **{"name": "Options", "model": name, "state": "manual", "access_ids": [[0, 0, access]]} | vals
    )


def test_a_created_model_has_a_name_field(destination: Destination, odoo: Records, unique: str) -> None:
    key = made(odoo, f"x_{unique}")
    schema = destination.fields_get(f"x_{unique}")
    assert set(schema) == {"id", "display_name", "create_uid", "create_date", "write_uid", "write_date", "x_name"}
    assert (schema["x_name"].type, schema["x_name"].required) == ("char", False)
    fields = destination.search_read("ir.model.fields", [["model_id", "=", key]], ["name", "state"])
    assert {field["name"]: field["state"] for field in fields} == {
        name: "manual" if name == "x_name" else "base" for name in schema
    }
    destination.unlink("ir.model", [key])


def test_a_loaded_model_has_a_name_field_since_19(destination: Destination, odoo: Records, unique: str) -> None:
    result = destination.load("ir.model", LOADED, [row(odoo, f"x_{unique}")], context=QUIET)
    assert result.ids is not None, result.messages
    assert ("x_name" in destination.fields_get(f"x_{unique}")) == (destination.version == "19.0")
    again = destination.load("ir.model", LOADED, [row(odoo, f"x_{unique}")], context=QUIET)
    assert again.ids == result.ids
    (found,) = destination.search_read("ir.model", [["model", "=", f"x_{unique}"]], ["name", "state", "access_ids"])
    assert (found["id"], found["name"], found["state"]) == (result.ids[0], "Options", "manual")
    (access,) = destination.search_read(
        "ir.model.access", [["model_id", "=", result.ids[0]]], ["name", "group_id", "perm_unlink", "active"]
    )
    assert [access["id"]] == found["access_ids"]
    group = odoo.ref("base.group_user")
    assert {**access, "id": 0} == {"id": 0, "name": "users", "group_id": group, "perm_unlink": True, "active": True}
    assert odoo.ref(f"x_{unique}.access") == access["id"]
    destination.unlink("ir.model", result.ids)


def test_records_of_a_custom_model(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    key = loaded(destination, odoo, name)
    rows = [[f"{unique}.one", "One"], [f"{unique}.two", "Two"]]
    result = destination.load(name, ["id", "x_name"], rows, context=QUIET)
    assert result.ids is not None, result.messages
    again = destination.load(name, ["id", "x_name"], [[f"{unique}.one", "Eins"], rows[1]], context=QUIET)
    assert again.ids == result.ids
    third = odoo.new(name, x_name="Three")
    odoo.write(name, third, x_name="Drei")
    found = destination.search_read(name, [], ["x_name", "display_name", "create_uid"], order="x_name")
    assert [(item["x_name"], item["display_name"]) for item in found] == [
        (text, text) for text in ("Drei", "Eins", "Two")
    ]
    assert destination.call(name, "name_search", name="Eins") == [[result.ids[0], "Eins"]]
    nameless = odoo.new(name)
    assert odoo.value(name, nameless, "x_name") is False
    destination.unlink(name, [third, nameless])
    assert destination.search_count(name, []) == 2
    destination.unlink("ir.model", [key])
    with pytest.raises(CallError):
        destination.search_count(name, [])
    with pytest.raises(CallError):
        destination.fields_get(name)
    assert destination.search_count("ir.model.access", [["model_id", "=", key]]) == 0
    assert destination.search_count("ir.model.fields", [["model", "=", name]]) == 0
    left = destination.search_read("ir.model.data", [["module", "=", unique]], ["name"])
    assert {item["name"] for item in left} == (set() if destination.version == "19.0" else {"one", "two"})
    left = destination.search_read("ir.model.data", [["module", "=", name]], ["name"])
    assert [item["name"] for item in left] == ["access"]  # the access row itself is gone


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("{}", "The model name must start with 'x_'."),
        ("x_{}-b", "can only contain lowercase characters, digits, underscores and dots"),
        ("x_{} b", "can only contain lowercase characters, digits, underscores and dots"),
        ("x_{}_Upper", "can only contain lowercase characters, digits, underscores and dots"),
        ("x_{}" + "a" * 60, "is too long"),
    ],
)
def test_bad_names_of_models(destination: Destination, odoo: Records, unique: str, name: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        made(odoo, name.format(unique))
    result = destination.load("ir.model", LOADED, [row(odoo, name.format(unique))], context=QUIET)
    assert result.ids is None
    assert complaint in result.messages[0].message


def test_names_of_models_are_unique_and_stay(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    key = made(odoo, name)
    with pytest.raises(DataError, match="Each model must have a unique name"):
        made(odoo, name)
    other = destination.load("ir.model", LOADED, [[f"{unique}.other", *row(odoo, name)[1:]]], context=QUIET)
    assert other.ids is None
    for vals in ({"model": f"{name}b"}, {"state": "base"}):
        with pytest.raises(DataError, match="cannot be modified on models"):
            odoo.write("ir.model", key, **vals)
    odoo.write("ir.model", key, name="Renamed", order="id desc")
    with pytest.raises(DataError, match="Unable to order by nofield"):
        odoo.write("ir.model", key, order="nofield desc")
    first, second = odoo.new(name, x_name="1"), odoo.new(name, x_name="2")
    assert [item["id"] for item in destination.search_read(name, [], ["x_name"])] == [second, first]
    destination.unlink("ir.model", [key])


def test_without_access_rows_nobody_uses_a_model(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    key = made(odoo, name, access_ids=[])
    for refused in (lambda: odoo.new(name, x_name="1"), lambda: destination.search_read(name, [], ["x_name"])):
        with pytest.raises(AccessRightsError, match="No group currently allows this operation"):
            refused()
    result = destination.load(name, ["id", "x_name"], [[f"{unique}.one", "One"]], context=QUIET)
    assert result.ids is None
    assert "You are not allowed to create" in result.messages[0].message
    assert "x_name" in destination.fields_get(name)
    destination.unlink("ir.model", [key])


def test_access_rows_say_what_is_allowed(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    key = loaded(destination, odoo, name, unlink="False")
    record = odoo.new(name, x_name="1")
    with pytest.raises(AccessRightsError, match="You are not allowed to delete"):
        destination.unlink(name, [record])
    for vals in ({"model_id": key}, {"name": "two"}):
        with pytest.raises(DataError):
            destination.create("ir.model.access", [vals])
    destination.unlink("ir.model", [key])


def test_core_models_stay(destination: Destination, odoo: Records) -> None:
    with pytest.raises(DataError, match="cannot be removed"):
        destination.unlink("ir.model", [odoo.model_id("crm.tag")])
    with pytest.raises(CallError):
        destination.load("x_not_there", ["id"], [["x.y"]], context=QUIET)


def test_fields_that_point_to_a_model_go_with_it(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    key = loaded(destination, odoo, name)
    common = {"model_id": odoo.model_id("crm.lead"), "field_description": "Label", "state": "manual", "relation": name}
    fields = destination.create(
        "ir.model.fields",
        [
            {**common, "name": f"{name}_many", "ttype": "many2many"},
            {**common, "name": f"{name}_one", "ttype": "many2one", "on_delete": "restrict"},
        ],
    )
    option = odoo.new(name, x_name="Golf")
    vals = {f"{name}_many": [[6, 0, [option]]], f"{name}_one": option}
    lead = odoo.new("crm.lead", name=unique, type="lead", **vals)
    assert odoo.value("crm.lead", lead, f"{name}_many") == [option]
    with pytest.raises(DataError):
        destination.unlink(name, [option])
    destination.unlink("ir.model", [key])
    assert destination.search_count("ir.model.fields", [["id", "in", fields]]) == 0
    assert not any(field.startswith(name) for field in destination.fields_get("crm.lead"))
    assert odoo.value("crm.lead", lead, "name") == unique


@pytest.mark.parametrize("version", bundled_versions())
def test_another_process_sees_a_custom_model(tmp_path: Path, version: str) -> None:
    path = tmp_path / "odoo.db"
    one = EmbeddedOdoo(path, version, now=lambda: datetime.now(UTC))
    two = EmbeddedOdoo(path, version, now=lambda: datetime.now(UTC))
    with pytest.raises(CallError):
        two.fields_get("x_shared")
    key = made(Records(one), "x_shared")
    assert two.create("x_shared", [{"x_name": "1"}]) == [1]
    one.unlink("ir.model", [key])
    with pytest.raises(CallError):
        two.search_count("x_shared", [])
    one.close()
    two.close()
