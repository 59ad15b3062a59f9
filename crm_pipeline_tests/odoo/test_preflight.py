"""Preflight on the embedded destination: a good one passes on every version, and each thing that is wrong is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.migration.catalogue import Catalogue
from crm_pipeline.odoo.destination import QUIET
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.preflight import RULES, Examination
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline.specs import Mapping, load_mapping
from crm_pipeline_tests.odoo.preflight import Staged, found, model_id, new, open_embedded, stopping

ROOT = Path(__file__).resolve().parents[2]
CHECKS = Catalogue(load_mapping(ROOT / "mapping_specs" / "leadforce")).preflight_checks("sandbox")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    made = Staged(tmp_path_factory.mktemp("preflight"))
    yield made
    made.migration.close()


@pytest.fixture
def odoo(tmp_path: Path) -> Iterator[EmbeddedOdoo]:
    opened = open_embedded(tmp_path / "odoo.db", "18.0")
    yield opened
    opened.close()


def stops(examination: Examination) -> set[str]:
    """The checks that would stop the load."""
    return stopping(examination, {name for name, spec in CHECKS.items() if spec.blocking})


def mapping_with(mapping: Mapping, model: str, **changes: Any) -> Mapping:
    """The mapping with another spec for one model."""
    return replace(mapping, targets=tuple(t.model_copy(update=changes) if t.model == model else t for t in mapping.targets))


def mapping_with_field(mapping: Mapping, model: str, name: str, **changes: Any) -> Mapping:
    """The mapping with one field of a model's first block changed, or copied from 'name'."""
    target = mapping.target(model)
    block = target.sources[0]
    field = type(next(iter(block.fields.values()))).model_validate(changes)
    return mapping_with(mapping, model, sources=(block.model_copy(update={"fields": block.fields | {name: field}}), *target.sources[1:]))


@pytest.mark.parametrize("version", bundled_versions())
def test_a_fresh_database_passes_on_every_version(staged: Staged, tmp_path: Path, version: str) -> None:
    odoo = open_embedded(tmp_path / "odoo.db", version)
    examination = staged.examine(odoo)
    odoo.close()
    assert stops(examination) == set()
    assert ("Server", "Odoo", version) in {(f.topic, f.name, f.value) for f in examination.facts}
    assert found(examination, "destination_is_empty") == {}
    assert found(examination, "mapping_values_allowed") == {}
    present = {p.model: p for p in examination.present}
    assert (present["crm.lead"].in_odoo, present["crm.lead"].created) == (0, present["crm.lead"].staged)
    assert present["res.currency"].linked == present["res.currency"].staged == 3
    assert all(p.staged == p.linked + p.created + p.waiting for p in present.values() if p.model != "res.users")


def test_every_check_of_the_catalogue_has_its_rule(staged: Staged, odoo: EmbeddedOdoo) -> None:
    assert set(CHECKS) == set(staged.examine(odoo).verdicts)
    assert set(RULES) <= set(CHECKS)


def test_preflight_writes_nothing_to_odoo(staged: Staged, tmp_path: Path) -> None:
    odoo = open_embedded(tmp_path / "odoo.db", "18.0")
    models = [t.model for t in staged.migration.mapping.targets if t.model != "x_leadforce_option"]
    before = {model: odoo.search_count(model, [], context={"active_test": False}) for model in models}
    staged.examine(odoo)
    assert {model: odoo.search_count(model, [], context={"active_test": False}) for model in models} == before
    odoo.close()


# -- apps


def uninstall(odoo: EmbeddedOdoo, name: str) -> None:
    (app,) = odoo.search_read("ir.module.module", [("name", "=", name)], ["name"])
    odoo.write("ir.module.module", [app["id"]], {"state": "uninstalled"})


def test_a_missing_app_stops_with_what_to_install(staged: Staged, odoo: EmbeddedOdoo) -> None:
    uninstall(odoo, "sale_management")
    examination = staged.examine(odoo)
    assert set(found(examination, "apps_installed")) == {"sale.order", "sale.order.line"}
    finding = examination.verdicts["apps_installed"].findings[0]
    assert "sale_management" in finding.problem
    assert "install it under Apps" in finding.what_to_do
    assert finding.records == staged.store.value("SELECT count(*) FROM staged.sale_order")


def test_an_app_of_enterprise_is_called_so(staged: Staged, odoo: EmbeddedOdoo) -> None:
    (app,) = odoo.search_read("ir.module.module", [("name", "=", "helpdesk")], ["name"])
    odoo.write("ir.module.module", [app["id"]], {"license": "OEEL-1"})
    examination = staged.examine(odoo, mapping_with(staged.migration.mapping, "crm.team", app=("helpdesk", "helpdesk_mgmt")))
    (finding,) = examination.verdicts["apps_installed"].findings
    assert finding.where == "crm.team"
    assert "only in Odoo Enterprise" in finding.what_to_do


def test_an_app_nothing_is_loaded_into_may_be_missing(staged: Staged, odoo: EmbeddedOdoo) -> None:
    uninstall(odoo, "sale_management")
    with staged.changed("DELETE FROM staged.sale_order; DELETE FROM staged.sale_order_line"):
        examination = staged.examine(odoo)
    assert stops(examination) == set()


def test_any_of_several_apps_will_do(staged: Staged, odoo: EmbeddedOdoo) -> None:
    examination = staged.examine(odoo, mapping_with(staged.migration.mapping, "crm.lead", app=("helpdesk", "crm")))
    assert found(examination, "apps_installed") == {}


def test_a_skipped_app_leaves_out_what_needs_it(staged: Staged, odoo: EmbeddedOdoo) -> None:
    uninstall(odoo, "sale_management")
    mapping = mapping_with(staged.migration.mapping, "sale.order", when_missing="skip")
    examination = staged.examine(odoo, mapping)
    assert stops(examination) == set()
    left = dict(staged.store.rows("SELECT model, count(*) FROM ops.left_out GROUP BY 1"))
    orders, lines, fields = (staged.store.value(f"SELECT count(*) FROM staged.{t}") for t in ("sale_order", "sale_order_line", "ir_model_fields"))
    assert left == {"sale.order": orders, "sale.order.line": lines, "ir.model.fields": 4}
    assert fields > 4
    skipped = {p.model for p in examination.present if p.skipped}
    assert skipped == {"sale.order", "sale.order.line"}
    assert "sale.order" in found(examination, "nothing_left_out")
    staged.examine(open_again(odoo))
    assert staged.store.value("SELECT count(*) FROM ops.left_out") == 0


def open_again(odoo: EmbeddedOdoo) -> EmbeddedOdoo:
    (app,) = odoo.search_read("ir.module.module", [("name", "=", "sale_management")], ["name"])
    odoo.write("ir.module.module", [app["id"]], {"state": "installed"})
    return odoo


# -- fields


@pytest.mark.parametrize(
    ("model", "name", "field", "says"),
    [
        ("res.partner", "nickname", {"sql": "'x'"}, "has no such field"),
        ("res.partner", "commercial_company_name", {"sql": "'x'"}, None),
        ("res.partner", "display_name", {"sql": "'x'"}, "is computed by Odoo"),
        ("res.partner", "city", {"ref": {"to": "industry", "key": ["'x'"]}}, "has type char"),
        ("res.partner", "parent_id", {"ref": {"to": "industry", "key": ["'x'"]}}, "links to res.partner in Odoo, but to res.partner.industry"),
        ("res.partner", "state_id", {"lookup": {"reference": "country", "key": "'IN'"}}, "but to res.country in the mapping"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named(
    staged: Staged, odoo: EmbeddedOdoo, model: str, name: str, field: dict[str, Any], says: str | None
) -> None:
    examination = staged.examine(odoo, mapping_with_field(staged.migration.mapping, model, name, **field))
    problem = found(examination, "mapped_fields_exist").get(f"{model}.{name}")
    assert (problem is None) if says is None else (problem is not None and says in problem)


def test_a_required_field_that_nobody_maps_is_named(staged: Staged, odoo: EmbeddedOdoo) -> None:
    target = staged.migration.mapping.target("crm.stage")
    block = target.sources[0]
    fields = {name: spec for name, spec in block.fields.items() if name != "name"}
    mapping = mapping_with(staged.migration.mapping, "crm.stage", sources=(block.model_copy(update={"fields": fields}),))
    assert "crm.stage.name" in found(staged.examine(odoo, mapping), "mapped_fields_exist")


def test_what_odoo_fills_itself_is_not_called_missing(staged: Staged, odoo: EmbeddedOdoo) -> None:
    """The contact of a user, the template of a product, computed journals and currencies."""
    assert found(staged.examine(odoo), "mapped_fields_exist") == {}


def test_the_fields_of_a_record_made_along_are_judged(staged: Staged, odoo: EmbeddedOdoo) -> None:
    target = staged.migration.mapping.target("product.product")
    block = target.sources[0]
    fields = {name: spec for name, spec in block.fields.items() if name != "name"}
    mapping = mapping_with(staged.migration.mapping, "product.product", sources=(block.model_copy(update={"fields": fields}),))
    assert set(found(staged.examine(odoo, mapping), "mapped_fields_exist")) == {"product.product.name"}


# -- custom fields that are there already


def custom(odoo: EmbeddedOdoo, name: str, ttype: str, **vals: Any) -> None:
    new(odoo, "ir.model.fields", model_id=model_id(odoo, "crm.lead"), name=name, ttype=ttype, field_description=name, state="manual", **vals)


def test_a_custom_field_of_another_type_stops(staged: Staged, odoo: EmbeddedOdoo) -> None:
    custom(odoo, "x_leadforce_status", "integer")
    examination = staged.examine(odoo)
    assert "integer" in found(examination, "custom_fields_fit")["crm.lead.x_leadforce_status"]
    assert "can't be read as integer" in found(examination, "values_fit")["crm.lead.x_leadforce_status"]
    assert {"custom_fields_fit", "values_fit"} <= stops(examination)


def test_a_custom_field_without_all_options_stops(staged: Staged, odoo: EmbeddedOdoo) -> None:
    names = [name for (name,) in staged.store.rows("SELECT name FROM staged.ir_model_fields WHERE ttype = 'selection'")]
    custom(odoo, names[0], "selection", selection_ids=[[0, 0, {"value": "South", "name": "South"}]])
    examination = staged.examine(odoo)
    assert "without the options 'North'" in found(examination, "custom_fields_fit")[f"crm.lead.{names[0]}"]
    assert "no option for 'North' (1)" in found(examination, "values_allowed")[f"crm.lead.{names[0]}"]


def test_a_custom_field_with_another_relation_stops(staged: Staged, odoo: EmbeddedOdoo) -> None:
    ((name,),) = staged.store.rows("SELECT name FROM staged.ir_model_fields WHERE ttype = 'many2many'")
    custom(odoo, name, "many2many", relation="res.partner")
    assert "links to res.partner" in found(staged.examine(odoo), "custom_fields_fit")[f"crm.lead.{name}"]


def test_the_same_custom_field_is_no_clash(staged: Staged, odoo: EmbeddedOdoo) -> None:
    custom(odoo, "x_leadforce_status", "char")
    examination = staged.examine(odoo)
    assert stops(examination) == set()
    fact = next(f for f in examination.facts if f.topic == "Custom fields" and f.name == "crm.lead")
    assert fact.value.endswith("new, 1 there already")


# -- values


@pytest.mark.parametrize(
    ("change", "where", "check", "says"),
    [
        ("UPDATE staged.crm_lead SET type = 'prospect' WHERE external_id = 'leads_L1'", "crm.lead.type", "values_allowed", "'prospect' (1)"),
        ("ALTER TABLE staged.crm_stage ALTER sequence TYPE BIGINT USING 3000000000 + sequence", "crm.stage.sequence", "values_fit", "beyond the whole numbers"),
        ("ALTER TABLE staged.crm_stage ALTER sequence TYPE DOUBLE USING sequence + 0.5", "crm.stage.sequence", "values_fit", "decimals would be lost"),
        ("ALTER TABLE staged.crm_lead ALTER expected_revenue TYPE VARCHAR USING 'much'", "crm.lead.expected_revenue", "values_fit", "can't be read as monetary"),
        ("ALTER TABLE staged.crm_lead ALTER date_deadline TYPE BOOLEAN USING true", "crm.lead.date_deadline", "values_fit", "but a boolean is mapped"),
        ("ALTER TABLE staged.crm_lead ALTER city TYPE BOOLEAN USING true", "crm.lead.city", "values_fit", "but yes/no is mapped"),
        ("UPDATE staged.account_journal SET code = 'TOOLONG' WHERE code = 'LFH'", "account.journal.code", "values_fit", "cuts it off after 5"),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    staged: Staged, odoo: EmbeddedOdoo, change: str, where: str, check: str, says: str
) -> None:
    with staged.changed(change):
        examination = staged.examine(odoo)
    assert says in found(examination, check)[where]
    assert check in stops(examination)


def test_a_value_the_mapping_could_give_is_shown(staged: Staged, odoo: EmbeddedOdoo) -> None:
    state = {"map": {"column": "status", "values": {"Draft": "draft", "Held": "on_hold"}, "otherwise": "draft"}}
    mapping = mapping_with_field(staged.migration.mapping, "sale.order", "state", **state)
    examination = staged.examine(odoo, mapping)
    assert "'on_hold'" in found(examination, "mapping_values_allowed")["sale.order.state"]
    assert stops(examination) == set()


# -- what is there, and what would fire


def test_records_of_the_customer_are_shown(staged: Staged, odoo: EmbeddedOdoo) -> None:
    for number in range(3):
        new(odoo, "res.partner", name=f"Old customer {number}")
    examination = staged.examine(odoo)
    assert "3 records are there" in found(examination, "destination_is_empty")["res.partner"]
    assert next(p for p in examination.present if p.model == "res.partner").foreign == 3
    assert stops(examination) == set()


def test_what_would_match_is_told_before_it_is_loaded(staged: Staged, odoo: EmbeddedOdoo) -> None:
    team = new(odoo, "crm.team", name="sales MAIN")
    new(odoo, "crm.stage", name="Quote", team_id=team)
    new(odoo, "crm.stage", name="Won", team_id=False)
    odoo.create("product.product", [{"name": "a", "default_code": "GTX-1"}, {"name": "b", "default_code": "GTX-1"}], context=QUIET)
    examination = staged.examine(odoo)
    present = {p.model: p for p in examination.present}
    assert (present["crm.team"].linked, present["crm.team"].created) == (1, 0)
    assert present["crm.stage"].linked == 1, "a stage of no team is another stage"
    assert present["product.product"].linked == 0
    assert "or several" in found(examination, "matches_are_clear")["product.product"]


def test_a_mail_server_is_named(staged: Staged, odoo: EmbeddedOdoo) -> None:
    new(odoo, "ir.mail_server", name="Post", smtp_host="smtp.example.com")
    assert found(staged.examine(odoo), "nothing_would_fire") == {"outgoing mail server 'Post'": "is active (smtp.example.com)"}


def test_fields_of_studio_are_shown(staged: Staged, odoo: EmbeddedOdoo) -> None:
    custom(odoo, "x_studio_colour", "char")
    assert "x_studio_colour" in found(staged.examine(odoo), "customizations_known")["crm.lead"]


# -- versions and settings


class OtherVersion(EmbeddedOdoo):
    """A destination that says it is another version than the one whose behaviour it has."""

    says = ""

    @property
    def version(self) -> str:
        return self.says


@pytest.mark.parametrize(
    ("behaves", "says", "check", "problem"),
    [
        ("19.0", "20.0", "destination_is_known", "newer than 19.0"),
        ("18.0", "18.2", "destination_is_known", "intermediate version of Odoo Online"),
        ("17.0", "16.0", "version_is_supported", "older than 17.0"),
    ],
)
def test_an_unknown_version_is_judged_by_its_own_schema(
    staged: Staged, tmp_path: Path, behaves: str, says: str, check: str, problem: str
) -> None:
    odoo = OtherVersion(tmp_path / "odoo.db", behaves, now=lambda: datetime.now(UTC))
    odoo.says = says
    examination = staged.examine(odoo)
    odoo.close()
    assert problem in found(examination, check)[f"Odoo {says}"]
    assert stops(examination) == ({check} if check == "version_is_supported" else set())


def test_another_currency_than_the_account_s_is_shown(staged: Staged, odoo: EmbeddedOdoo) -> None:
    (euro,) = odoo.search_read("res.currency", [("name", "=", "EUR")], ["name"], context={"active_test": False})
    (company,) = odoo.search_read("res.company", [], ["name"])
    odoo.write("res.company", [company["id"]], {"currency_id": euro["id"]})
    problems = found(staged.examine(odoo), "settings_fit")
    assert any("in EUR" in problem and "in USD" in problem for problem in problems.values())


def test_leads_are_only_asked_for_when_some_are_loaded(staged: Staged, odoo: EmbeddedOdoo) -> None:
    assert "Leads are off" in found(staged.examine(odoo), "leads_feature_enabled")["CRM"]
    with staged.changed("UPDATE staged.crm_lead SET type = 'opportunity'"):
        assert staged.examine(odoo).verdicts["leads_feature_enabled"].passed
