"""Views that show custom fields: what is checked, what stays, and in which order all goes again (ODOO_FACTS 9)."""

from __future__ import annotations

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination, LoadResult
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import SERVER, Records

LOADED = ("id", "name", "model", "inherit_id/id", "mode", "type", "arch")
FORMS = {
    "crm.lead": "crm.crm_lead_view_form",
    "res.partner": "base.view_partner_form",
    "sale.order": "sale.view_order_form",
    "account.move": "account.view_move_form",
    "maintenance.equipment": "maintenance.hr_equipment_view_form",
    "maintenance.request": "maintenance.hr_equipment_request_view_form",
    "utm.campaign": "utm.utm_campaign_view_form",
    "calendar.event": "calendar.view_calendar_event_form",
}
LEAD_FORM = FORMS["crm.lead"]


def page(name: str) -> str:
    """An architecture that adds a page with one field."""
    return (
        '<data><xpath expr="//notebook" position="inside"><page string="More" name="more"><group>'
        f'<field name="{name}"/></group></page></xpath></data>'
    )


def field(odoo: Records, name: str, model: str = "crm.lead") -> int:
    vals = {"name": name, "field_description": "Label", "ttype": "char", "state": "manual"}
    return odoo.new("ir.model.fields", model_id=odoo.model_id(model), **vals)


def load(
    destination: Destination, unique: str, arch: str, model: str = "crm.lead", form: str = LEAD_FORM
) -> LoadResult:
    row = [f"{unique}.view", unique, model, form, "extension", "form", arch]
    return destination.load("ir.ui.view", LOADED, [row], context=QUIET)


@pytest.mark.parametrize("model", FORMS)
def test_a_page_is_added_to_a_form(destination: Destination, odoo: Records, unique: str, model: str) -> None:
    made = field(odoo, f"x_{unique}", model)
    result = load(destination, unique, page(f"x_{unique}"), model, FORMS[model])
    assert result.ids is not None, result.messages
    (view,) = result.ids
    assert load(destination, unique, page(f"x_{unique}"), model, FORMS[model]).ids == [view]
    kept = odoo.read(
        "ir.ui.view", view, "arch", "arch_db", "inherit_id", "mode", "type", "active", "priority", "xml_id"
    )
    assert kept == {
        "id": view, "arch": page(f"x_{unique}"), "arch_db": page(f"x_{unique}"), "inherit_id": odoo.ref(FORMS[model]),
        "mode": "extension", "type": "form", "active": True, "priority": 16, "xml_id": f"{unique}.view",
    }  # fmt: skip
    parent = odoo.read("ir.ui.view", odoo.ref(FORMS[model]), "model", "type", "mode", "inherit_id")
    assert parent == {"id": parent["id"], "model": model, "type": "form", "mode": "primary", "inherit_id": False}
    destination.unlink("ir.ui.view", [view])
    destination.unlink("ir.model.fields", [made])


def test_a_created_view_says_little(destination: Destination, odoo: Records, unique: str) -> None:
    made = field(odoo, f"x_{unique}")
    view = odoo.new("ir.ui.view", model="crm.lead", inherit_id=odoo.ref(LEAD_FORM), arch=page(f"x_{unique}"))
    assert odoo.read("ir.ui.view", view, "mode", "type", "name") == {
        "id": view, "mode": "extension", "type": "form", "name": "crm.lead form",
    }  # fmt: skip
    odoo.write("ir.ui.view", view, arch=page("name"))
    assert odoo.value("ir.ui.view", view, "arch") == page("name")
    with pytest.raises(DataError, match='Field "x_not_there" does not exist in model'):
        odoo.write("ir.ui.view", view, arch=page("x_not_there"))
    destination.unlink("ir.ui.view", [view])
    destination.unlink("ir.model.fields", [made])


@pytest.mark.parametrize(
    ("arch", "complaint"),
    [
        (page("x_not_there"), 'Field "x_not_there" does not exist in model "crm.lead"'),
        (
            page("name").replace(
                "<group>", '<field name="activity_ids"><form><field name="nope"/></form></field><group>'
            ),
            'Field "nope" does not exist in model "mail.activity"',
        ),
        ('<xpath expr="//notebook" position="somewhere"><page/></xpath>', "Invalid position attribute: 'somewhere'"),
        ('<field name="x_not_there" position="after"><field name="name"/></field>', "cannot be located in parent view"),
        (page("name").replace("<group>", "<group attrs=\"{'invisible': []}\">"), '"attrs" and "states" attributes'),
        ('<data><xpath position="inside"><page/></xpath></data>', "got 'NoneType'"),
    ],
)
def test_bad_architectures(destination: Destination, unique: str, arch: str, complaint: str) -> None:
    result = load(destination, unique, arch)
    assert result.ids is None
    assert complaint in result.messages[0].message


def test_an_xpath_without_target(request: pytest.FixtureRequest, destination: Destination, unique: str) -> None:
    if request.node.callspec.params["destination"] != SERVER:
        pytest.skip("the embedded destination does not know the bundled views' architecture (limits)")
    result = load(destination, unique, page("name").replace("//notebook", "//nope"))
    assert result.ids is None
    assert "Element '<xpath expr=\"//nope\">' cannot be located in parent view" in result.messages[0].message


def test_what_a_view_extends(destination: Destination, odoo: Records, unique: str) -> None:
    form = odoo.ref(LEAD_FORM)
    common = {"name": unique, "model": "crm.lead", "mode": "extension", "type": "form", "arch": page("name")}
    for change, complaint in (
        ({}, "the view must extend an other view"),
        ({"inherit_id": 999_999_999}, "operation cannot be completed"),
        ({"inherit_id": form, "type": "search"}, "The root node of a search view should be a <search>, not a <form>"),
        ({"inherit_id": form, "model": "res.partner"}, "validating view"),
        ({"inherit_id": form, "model": "x_not_there"}, "validating view"),
    ):
        with pytest.raises(DataError, match=complaint):
            odoo.new("ir.ui.view", **common | change)


def test_fields_next_to_fields(destination: Destination, odoo: Records, unique: str) -> None:
    made = field(odoo, f"x_{unique}")
    result = load(destination, unique, f'<field name="tag_ids" position="after"><field name="x_{unique}"/></field>')
    assert result.ids is not None, result.messages
    destination.unlink("ir.ui.view", result.ids)
    destination.unlink("ir.model.fields", [made])


def test_a_field_stays_while_a_view_shows_it(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    made = field(odoo, name)
    view = load(destination, unique, page(name)).ids
    assert view is not None
    complaint = f"Cannot rename/delete fields that are still present in views:\nFields: crm.lead.{name}\nView: {unique}"
    with pytest.raises(DataError, match=complaint):
        destination.unlink("ir.model.fields", [made])
    with pytest.raises(DataError, match=complaint):
        odoo.write("ir.model.fields", made, name=f"{name}b")
    destination.unlink("ir.ui.view", view)
    odoo.write("ir.model.fields", made, name=f"{name}b")
    lead = odoo.new("crm.lead", name=unique, type="lead", **{f"{name}b": "kept"})
    odoo.write("ir.model.fields", made, name=name)
    assert odoo.value("crm.lead", lead, name) == "kept"
    destination.unlink("ir.model.fields", [made])
    assert name not in destination.fields_get("crm.lead")


def test_archived_views_hold_no_field(destination: Destination, odoo: Records, unique: str) -> None:
    made = field(odoo, f"x_{unique}")
    view = load(destination, unique, page(f"x_{unique}")).ids
    assert view is not None
    odoo.write("ir.ui.view", view[0], active=False)
    destination.unlink("ir.model.fields", [made])
    destination.unlink("ir.ui.view", view)
    assert destination.search_count("ir.model.data", [["module", "=", unique]]) == 0


def test_a_view_that_is_extended_stays(destination: Destination, odoo: Records, unique: str) -> None:
    view = load(destination, unique, page("name")).ids
    assert view is not None
    with pytest.raises(DataError):
        destination.unlink("ir.ui.view", [odoo.ref(LEAD_FORM)])
    destination.unlink("ir.ui.view", view)


def test_rollback_goes_from_views_to_fields_to_models(destination: Destination, odoo: Records, unique: str) -> None:
    name = f"x_{unique}"
    access = {"name": "users", "group_id": odoo.ref("base.group_user"), "perm_read": True, "perm_create": True}
    model = odoo.new("ir.model", name="Options", model=name, access_ids=[[0, 0, access]])
    common = {"model_id": odoo.model_id("crm.lead"), "field_description": "Label", "state": "manual", "relation": name}
    for kind in ("many2many", "many2one"):
        odoo.new("ir.model.fields", name=f"{name}_{kind}", ttype=kind, **common)
    shown = load(destination, unique, page(f"{name}_many2many")).ids
    assert shown is not None
    own = odoo.new("ir.ui.view", name=name, model=name, type="form", arch='<form><field name="x_name"/></form>')
    joined = ", " if destination.version == "17.0" else " and "
    listed = joined.join([f"crm.lead.{name}_many2many", f"crm.lead.{name}_many2one"])
    with pytest.raises(DataError, match=f"Fields: {name}.x_name\nView: {name}"):
        destination.unlink("ir.model", [model])
    destination.unlink("ir.ui.view", [own])
    with pytest.raises(DataError, match=f"Fields: {listed}\nView: {unique}"):
        destination.unlink("ir.model", [model])
    destination.unlink("ir.ui.view", shown)
    destination.unlink("ir.model", [model])
    assert not any(item.startswith(name) for item in destination.fields_get("crm.lead"))
