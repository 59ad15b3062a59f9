"""What the code location shows before anything runs."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.migration.catalogue import Catalogue
from crm_pipeline.migration.discovery import check_of as check_of_discovery
from crm_pipeline.migration.renaming import check_of
from crm_pipeline.orchestration import build_definitions
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.order import LoadOrder
from crm_pipeline.settings import ENVIRONMENTS, Settings
from crm_pipeline.specs import list_sources, load_mapping
from crm_pipeline.verification.checks import CheckSpec

SPECS = Settings.load(environ={}).specs_root
WITHOUT_COLUMNS = {"preflight", "verification", "sign_off", "cutover", "hypercare", "discovery"}
CATALOGUES = {name: Catalogue(load_mapping(SPECS / name)) for name in list_sources(SPECS)}
CATALOGUE = CATALOGUES["leadforce"]


def key(text: str) -> dg.AssetKey:
    return dg.AssetKey(text.split("/"))


def ancestors(definitions: dg.Definitions, text: str) -> set[str]:
    graph = definitions.resolve_asset_graph()
    return {found.to_user_string() for found in graph.get_ancestor_asset_keys(key(text))}


def test_definitions_load(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_lineage_is_the_chain_of_the_migration(definitions: dg.Definitions) -> None:
    chain = [
        "leadforce/src_leads", "leadforce/derived_companies", "leadforce/stg_res_partner",
        "leadforce/sandbox/res_partner", "leadforce/sandbox/crm_lead", "leadforce/sandbox/mail_message",
        "leadforce/sandbox/verification",
        "leadforce/sandbox/report", "leadforce/sandbox/sign_off", "leadforce/production/preflight",
        "leadforce/production/crm_lead",
    ]  # fmt: skip
    for earlier, later in pairwise(chain):
        assert earlier in ancestors(definitions, later), f"{later} must wait for {earlier}"


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_model_waits_for_all_it_links_to(definitions: dg.Definitions, env: str) -> None:
    verification = ancestors(definitions, CATALOGUE.environment_asset(env, "verification"))
    for target in CATALOGUE.mapping.targets:
        loaded = CATALOGUE.loaded_asset(env, target)
        needed = {CATALOGUE.loaded_asset(env, other) for other in CATALOGUE.depends_on(target)}
        needed |= {CATALOGUE.staged_asset(target), CATALOGUE.environment_asset(env, "preflight")}
        assert needed <= ancestors(definitions, loaded)
        assert loaded in verification


def test_no_edge_says_what_others_say_already() -> None:
    order = LoadOrder(CATALOGUE)
    names = {t.model: [o.model for o in order.before(t)] for t in CATALOGUE.mapping.targets}
    assert names["mail.activity"] == names["ir.attachment"] == ["crm.lead"]
    assert names["mail.message"] == ["ir.attachment"], "a note is created with its files"
    assert {"product.product", "account.tax"} <= set(names["sale.order"]), "lines are created in the quotation's call"
    assert "crm.team" not in names["crm.lead"], "stages wait for teams already"
    assert {"ir.model.fields.selection", "x_leadforce_option"} <= set(names["crm.lead"]), "options are there before values"
    assert names["ir.model.fields"] == ["ir.model"]
    assert {t.model for t in order.last()} == {
        "mail.message", "mail.activity", "res.currency.rate", "sale.order.line", "account.move.line", "account.payment",
    }  # fmt: skip


def test_every_asset_says_what_it_is(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    groups = {f"{source}_{name}" for source in CATALOGUES for name in ("export", "staged", "files", "proposal", "sandbox", "production")}
    for found in graph.asset_nodes:
        name = found.key.to_user_string()
        assert found.description, name
        assert found.group_name in groups, name
        assert found.owners, name
        assert found.kinds, name
        if "/derived_" not in name and found.kinds != {"html"} and name.split("/")[-1] not in WITHOUT_COLUMNS:
            assert {"dagster/column_schema"} <= set(found.metadata), name
        if not name.endswith("sign_off"):
            assert found.code_version, name
        assert found.pools == {found.key.path[0]} or name.endswith("sign_off"), "runs of one source go one after the other"


def test_every_check_of_the_catalogue_is_shown(definitions: dg.Definitions) -> None:
    expected: dict[tuple[str, str], CheckSpec] = {}
    for catalogue in CATALOGUES.values():
        audit = check_of_discovery(catalogue.mapping.name)
        expected[audit.asset, audit.name] = audit
        for name in catalogue.mapping.source.objects:
            expected |= {(spec.asset, spec.name): spec for spec in catalogue.source_checks(name).values()}
        for target in catalogue.mapping.targets:
            expected |= {(spec.asset, spec.name): spec for spec in catalogue.staged_checks(target).values()}
            for env in ENVIRONMENTS:
                expected |= {(spec.asset, spec.name): spec for spec in catalogue.loaded_checks(env, target).values()}
        for plan, derived in catalogue.mapping.source.derived.items():
            expected |= {(s.asset, s.name): s for s in [check_of(catalogue.mapping.name, plan)] if derived.policy == "renamed_files"}
        environments = [checks(env) for env in ENVIRONMENTS for checks in (catalogue.preflight_checks, catalogue.verification_checks)]
        for specs in (*environments, catalogue.cutover_checks()):
            expected |= {(spec.asset, spec.name): spec for spec in specs.values()}
    graph = definitions.resolve_asset_graph()
    keys = graph.asset_check_keys
    shown = {(each.asset_key.to_user_string(), each.name): graph.get_check_spec(each) for each in keys}
    assert set(shown) == set(expected)
    for found, spec in expected.items():
        assert shown[found].description == spec.description
        assert shown[found].blocking == (spec.blocking and spec.severity == "ERROR"), found


def test_column_lineage_names_assets_and_columns_that_exist(definitions: dg.Definitions) -> None:
    assets = {found.to_user_string() for found in definitions.resolve_asset_graph().get_all_asset_keys()}
    columns = ColumnCatalogue(CATALOGUE.mapping, CATALOGUE)
    typed = {
        CATALOGUE.source_asset(name): {*spec.columns, *spec.further_columns, "_row_id"}
        | {f"{column}__currency" for column, each in spec.columns.items() if each.type == "money"}
        for name, spec in CATALOGUE.mapping.source.objects.items()
    }
    for target in CATALOGUE.mapping.targets:
        for lineage in (columns.staged_lineage(target), columns.loaded_lineage("sandbox", target)):
            for column, deps in lineage.deps_by_column.items():
                for dep in deps:
                    asset = dep.asset_key.to_user_string()
                    assert asset in assets, f"{target.model}.{column}"
                    assert dep.column_name in typed.get(asset, {dep.column_name}), f"{target.model}.{column}"


def test_column_lineage_follows_expressions_joins_and_links() -> None:
    columns = ColumnCatalogue(CATALOGUE.mapping, CATALOGUE)
    lead = CATALOGUE.mapping.target("crm.lead")

    def of(lineage: dg.TableColumnLineage, column: str) -> set[str]:
        return {f"{dep.asset_key.path[-1]}.{dep.column_name}" for dep in lineage.deps_by_column[column]}

    staged, loaded = columns.staged_lineage(lead), columns.loaded_lineage("sandbox", lead)
    assert {"src_leads.first_name", "src_leads.company_name", "src_deals.deal_name"} <= of(staged, "name")
    assert of(staged, "partner_id") == {"derived_contacts.contact_key"}
    assert of(staged, "tag_ids") == {"src_leads.tag_list"}, "of the lead, or of the lead merged into the deal; a lambda's own parameter is no column"
    assert of(loaded, "partner_id") == {"stg_crm_lead.partner_id", "res_partner.id"}


def test_columns_say_where_they_come_from() -> None:
    columns = ColumnCatalogue(CATALOGUE.mapping, CATALOGUE)
    found = {column.name: column for column in columns.loaded_columns(CATALOGUE.mapping.target("crm.lead"))}
    assert found["stage_id"].type == "many2one crm.stage"
    assert "deals: link to stage by" in str(found["stage_id"].description)
    assert found["x_leadforce_status"].type == "custom field"
    assert "lane" not in found, "what only orders the load is no field of Odoo"


def test_a_broken_source_says_so_and_the_others_load(tmp_path: Path) -> None:
    shutil.copytree(SPECS / "leadforce", tmp_path / "leadforce")
    shutil.copytree(SPECS / "leadforce", tmp_path / "other")
    spec = tmp_path / "other" / "source.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("source: leadforce", "source: othr"), encoding="utf-8")
    definitions = build_definitions(Settings.load(environ={"CRM_PIPELINE_SPECS": str(tmp_path)}))
    graph = definitions.resolve_asset_graph()
    assert graph.has(key("leadforce/sandbox/crm_lead"))
    node = graph.get(key("other/mapping_is_broken"))
    assert "must equal the folder's name 'other'" in str(node.description)
    assert not graph.has(key("other/src_leads"))
    result = dg.materialize([definitions.resolve_assets_def(key("other/mapping_is_broken"))], raise_on_error=False)
    assert not result.success
    assert "source.yaml: source: must equal" in str(result.all_node_events)


def test_no_source_no_definitions(tmp_path: Path) -> None:
    definitions = build_definitions(Settings.load(environ={"CRM_PIPELINE_SPECS": str(tmp_path)}))
    assert not definitions.resolve_asset_graph().get_all_asset_keys()
