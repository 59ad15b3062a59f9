"""What a preflight asks: required fields, rights, apps, servers, languages, the company, the own user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.odoo.errors import CallError, DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records

#: stored required fields that default_get leaves out, of fields that name nothing they are computed from
ASKED: dict[str, set[str]] = {
    "account.journal": {"name", "type"},
    "account.move": set(),
    "account.move.line": {"move_id"},
    "account.tax": {"name"},
    "calendar.event": {"name"},
    "crm.lead": set(),
    "crm.lost.reason": {"name"},
    "crm.stage": {"name"},
    "crm.tag": {"name"},
    "crm.team": {"name", "alias_id"},  # Odoo makes the alias
    "ir.attachment": {"name"},
    "ir.model.fields": {"model", "model_id", "ttype"},  # the model's name follows from its id
    "mail.message": set(),
    "maintenance.equipment": {"name"},
    "maintenance.request": {"name"},
    "product.pricelist": {"name"},
    "product.product": {"product_tmpl_id"},  # Odoo makes the template
    "res.currency": {"name", "symbol"},
    "res.currency.rate": {"currency_id"},
    "res.partner": set(),
    "res.partner.industry": set(),
    "res.users": {"partner_id", "login"},  # Odoo makes the partner
    "sale.order": {"partner_id"},
    "sale.order.line": {"order_id", "customer_lead"},
    "utm.campaign": {"title"},
    "utm.source": {"name"},
}
#: the same of fields that are computed from others: some of them are needed all the same, see :func:`needed`
COMPUTED: dict[str, set[str]] = {
    "account.journal": {"code"},
    "account.move": {"date", "journal_id", "currency_id"},
    "account.move.line": {"currency_id", "display_type"},
    "account.tax": {"tax_group_id", "country_id"},
    "crm.lead": {"name"},
    "sale.order": {"partner_invoice_id", "partner_shipping_id"},
    "sale.order.line": {"name", "price_unit"},
    "utm.campaign": {"name"},
}


def defaults(destination: Destination, model: str, names: list[str]) -> Record:
    """``default_get``: before 19.0 overriding models name its argument differently, so it goes in the ids' place."""
    if destination.version == "19.0":
        found = destination.call(model, "default_get", fields=names)
    elif model == "account.move.line":  # takes a recordset first
        found = destination.call(model, "default_get", [], fields_list=names)
    else:
        found = destination.call(model, "default_get", names)  # type: ignore[arg-type]
    return dict(found)


def without_default(destination: Destination, model: str) -> tuple[set[str], set[str]]:
    fields = destination.call(model, "fields_get", attributes=["required", "store", "depends"])
    required = {name: field for name, field in fields.items() if field.get("required") and field.get("store", True)}
    given = defaults(destination, model, list(required))
    missing = {name: bool(field.get("depends")) for name, field in required.items() if name not in given}
    return {name for name, computed in missing.items() if not computed}, {
        name for name, computed in missing.items() if computed
    }


@pytest.mark.parametrize("model", ASKED)
def test_required_fields_without_default(destination: Destination, model: str) -> None:
    assert without_default(destination, model) == (ASKED[model], COMPUTED.get(model, set()))


def test_required_fields_that_differ(destination: Destination) -> None:
    payment = ({"move_id"}, set()) if destination.version == "17.0" else (set(), {"journal_id", "company_id"})
    assert without_default(destination, "account.payment") == payment
    activity = set() if destination.version == "19.0" else {"res_model_id"}
    assert without_default(destination, "mail.activity") == (activity, set())


def needed(odoo: Records, unique: str, model: str) -> Record:
    """The least that ``create`` takes."""
    match model:
        case "account.journal":
            return {"name": unique, "type": "sale"} | (
                {} if odoo.destination.version == "19.0" else {"code": unique[:5]}
            )
        case "account.move.line":
            return {
                "move_id": odoo.new("account.move", move_type="out_invoice", partner_id=odoo.ref("base.partner_admin"))
            }
        case "ir.model.fields":
            return {"model_id": odoo.model_id("crm.tag"), "ttype": "char"}
        case "mail.activity":
            return {"res_model_id": odoo.model_id("res.partner"), "res_id": odoo.ref("base.partner_admin")}
        case "res.currency":
            return {"name": unique[1:4].upper(), "symbol": "¤"}
        case "res.currency.rate":
            return {"currency_id": odoo.new("res.currency", name=unique[4:7].upper(), symbol="¤")}
        case "res.users":
            return {"login": unique, "name": unique}
        case "sale.order":
            return {"partner_id": odoo.ref("base.partner_admin")}
        case "sale.order.line":
            return {"order_id": odoo.new("sale.order", partner_id=odoo.ref("base.partner_admin"))}
        case "utm.campaign":
            return {"title": unique}
        case "account.move" | "account.payment" | "mail.message" | "res.partner.industry":
            return {}
        case _:
            return {"name": unique}


@pytest.mark.parametrize("model", [*ASKED, "account.payment", "mail.activity"])
def test_what_create_needs(destination: Destination, odoo: Records, unique: str, model: str) -> None:
    vals = needed(odoo, unique, model)
    extra: Record = {}
    match model:
        case "sale.order.line":
            extra = {"product_id": odoo.new("product.product", name=unique)}
        case "ir.model.fields":
            extra = {"name": f"x_{unique}"}
    for name in vals:
        if model == "mail.activity" and destination.version == "19.0":
            break  # free activities
        with pytest.raises((CallError, DataError)):
            odoo.new(model, **{key: value for key, value in vals.items() if key != name}, **extra)
    made = odoo.new(model, **vals, **extra)
    if model == "ir.model.fields":
        destination.unlink(model, [made])


def test_a_lead_needs_a_name_also_with_a_partner(destination: Destination, odoo: Records, unique: str) -> None:
    partner = odoo.new("res.partner", name=unique)
    with pytest.raises(DataError):
        odoo.new("crm.lead", partner_id=partner, type="lead")
    columns, row = ["id", "partner_id/.id", "type", "name"], [f"{unique}.lead", str(partner), "lead", ""]
    result = destination.load("crm.lead", columns, [row], context=QUIET)
    assert result.ids is None
    assert result.messages[0].field == "name"


def test_the_argument_of_default_get(destination: Destination) -> None:
    """17.0 and 18.0: ``fields_list``, but ``fields`` where a model overrides it so; 19.0: ``fields``."""
    new = destination.version == "19.0"
    for model, argument in (("crm.tag", "fields" if new else "fields_list"), ("crm.lead", "fields")):
        other = {"fields": "fields_list", "fields_list": "fields"}[argument]
        assert isinstance(destination.call(model, "default_get", None, **{argument: ["name"]}), dict)
        with pytest.raises(CallError):
            destination.call(model, "default_get", None, **{other: ["name"]})
    assert defaults(destination, "crm.lead", ["user_id", "name"]) == {"user_id": 2}


def test_rights(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("ir.model", name="Nobody's", model=f"x_{unique}")
    may: list[Callable[[str, str], Any]] = [
        lambda model, operation: destination.call(
            model, "check_access_rights", operation=operation, raise_exception=False
        )
    ]
    if destination.version == "17.0":
        with pytest.raises(CallError):
            destination.call("crm.lead", "has_access", [], operation="read")
    else:
        may.append(lambda model, operation: destination.call(model, "has_access", [], operation=operation))
    for ask in may:
        for operation in ("read", "write", "create", "unlink"):
            assert ask("crm.lead", operation) is True
            assert ask(f"x_{unique}", operation) is False
        with pytest.raises(CallError):
            ask("crm.lead", "frobnicate")
        with pytest.raises(CallError):
            ask("x_not_there", "read")
    destination.unlink("ir.model", [key])


def test_apps(destination: Destination) -> None:
    wanted = ["crm", "sale_management", "account", "maintenance", "mail", "calendar", "utm"]
    found = destination.search_read(
        "ir.module.module", [["name", "in", wanted]], ["name", "state", "license", "latest_version"]
    )
    assert {(item["name"], item["state"], item["license"]) for item in found} == {
        (name, "installed", "LGPL-3") for name in wanted
    }
    assert {item["latest_version"].split(".")[0] for item in found} == {destination.version.split(".")[0]}
    others = destination.search_read(
        "ir.module.module",
        [["name", "in", ["base_automation", "base_vat", "helpdesk"]]],
        ["name", "state", "latest_version"],
    )
    assert {item["name"]: item["state"] for item in others} == {
        "base_automation": "uninstalled", "base_vat": "uninstalled", "helpdesk": "uninstallable",
    }  # fmt: skip
    assert {item["latest_version"] for item in others} == {False}


@pytest.mark.parametrize("model", ["base.automation", "helpdesk.ticket", "x_not_there"])
def test_models_of_apps_that_are_not_installed(destination: Destination, model: str) -> None:
    assert destination.search_count("ir.model", [["model", "=", model]]) == 0
    complaint = "does not exist" if destination.version == "19.0" else "doesn't exist"
    for ask in (lambda: destination.search_read(model, [], ["name"]), lambda: destination.search_count(model, [])):
        with pytest.raises(CallError, match=complaint):
            ask()


def test_mail_servers(destination: Destination, odoo: Records, unique: str) -> None:
    key = odoo.new("ir.mail_server", name=unique, smtp_host="localhost")
    assert odoo.read("ir.mail_server", key, "active", "smtp_host") == {
        "id": key,
        "active": True,
        "smtp_host": "localhost",
    }
    odoo.write("ir.mail_server", key, active=False)
    assert destination.search_count("ir.mail_server", [["name", "=", unique]]) == 0
    assert destination.search_count("ir.mail_server", [["name", "=", unique]], context=EVERY) == 1
    destination.unlink("ir.mail_server", [key])


def test_server_actions(destination: Destination, odoo: Records) -> None:
    found = destination.search_read(
        "ir.actions.server", [["model_id.model", "=", "crm.lead"]], ["name", "state", "usage", "model_id"]
    )
    assert len(found) == 3
    assert {item["model_id"] for item in found} == {odoo.model_id("crm.lead")}
    assert {item["usage"] for item in found} == {"ir_actions_server", "ir_cron"}
    assert destination.search_count("ir.actions.server", [["usage", "=", "base_automation"]]) == 0


def test_company_languages_and_parameters(destination: Destination) -> None:
    fields = ["currency_id", "country_id", "chart_template", "partner_id"]
    (company,) = destination.search_read("res.company", [], fields)
    assert company["chart_template"] == "generic_coa"
    (currency,) = destination.search_read("res.currency", [["id", "=", company["currency_id"]]], ["name"])
    (country,) = destination.search_read("res.country", [["id", "=", company["country_id"]]], ["code"])
    assert (currency["name"], country["code"]) == ("USD", "US")
    assert [lang["code"] for lang in destination.search_read("res.lang", [], ["code"])] == ["en_US"]
    assert destination.search_count("res.lang", [["code", "=", "fr_FR"]], context=EVERY) == 1
    (uuid,) = destination.search_read("ir.config_parameter", [["key", "=", "database.uuid"]], ["value"])
    assert destination.call("ir.config_parameter", "get_param", key="database.uuid") == uuid["value"]
    assert destination.call("ir.config_parameter", "get_param", key="no.such.key") is False


def test_the_own_user(destination: Destination, odoo: Records) -> None:
    context = destination.call("res.users", "context_get")
    assert (context["uid"], context["lang"], context["tz"]) == (2, "en_US", False)
    groups = "group_ids" if destination.version == "19.0" else "groups_id"
    (user,) = destination.search_read(
        "res.users", [["id", "=", 2]], ["login", "tz", "lang", "company_id", "share", groups]
    )
    assert {**user, groups: []} == {
        "id": 2, "login": "admin", "tz": False, "lang": "en_US", "company_id": 1, "share": False, groups: [],
    }  # fmt: skip
    assert odoo.ref("base.group_system") in user[groups]
    names = destination.search_read(
        "ir.model.data", [["model", "=", "res.groups"], ["res_id", "in", user[groups]]], ["complete_name"]
    )
    assert {"base.group_system", "sales_team.group_sale_manager", "account.group_account_manager"} <= {
        item["complete_name"] for item in names
    }
