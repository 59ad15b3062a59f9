"""Jobs on the embedded destination: what they leave behind, what stops them, and what they say then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_pipeline.settings import Settings
from crm_pipeline.specs import load_mapping
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.orchestration.conftest import RunJob
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners, typical_export

SANDBOX = "leadforce_sandbox_migration"


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """Plain values of an asset's materialization."""
    found = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(asset.split("/"))]
    assert len(found) == 1, asset
    return {name: value.value for name, value in found[0].materialization.metadata.items()}


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {e.asset_key.to_user_string() for e in result.get_asset_materialization_events() if e.asset_key}


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    return {
        f"{each.asset_key.to_user_string()} {each.check_name}"
        for each in result.get_asset_check_evaluations()
        if not each.passed and each.severity is dg.AssetCheckSeverity.ERROR
    }


def said(result: dg.ExecuteInProcessResult) -> str:
    """What failed steps say, without stacks."""
    failures = [event.step_failure_data for event in result.filter_events(lambda event: event.is_step_failure)]
    return " | ".join(str(failure.error and failure.error.message) for failure in failures)


def models(result: dg.ExecuteInProcessResult) -> list[str]:
    skipped = {"preflight", "verification", "report"}
    return [name for name in materialized(result) if "/sandbox/" in name and name.split("/")[-1] not in skipped]


@pytest.fixture(scope="module")
def finished_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished") / "data"
    typical_export().write(root)
    decide_owners(root, TYPICAL_DECISIONS)
    return root


@pytest.fixture(scope="module")
def finished(finished_root: Path, run_job: RunJob) -> dg.ExecuteInProcessResult:
    """A migration without open questions."""
    return run_job(SANDBOX, finished_root)


@pytest.fixture(scope="module")
def gated_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gated") / "data"
    typical_export().write(root)
    return root


@pytest.fixture(scope="module")
def gated(gated_root: Path, run_job: RunJob) -> dg.ExecuteInProcessResult:
    """A migration whose owners nobody has decided about."""
    return run_job(SANDBOX, gated_root)


def test_the_sandbox_migration_lands(finished: dg.ExecuteInProcessResult) -> None:
    assert finished.success, said(finished)
    assert not failed_checks(finished)
    mapping = load_mapping(Settings.load(environ={}).specs_root / "leadforce")
    assert {name.split("/")[-1] for name in models(finished)} == {target.table for target in mapping.targets}
    assert sum(metadata_of(finished, name)["created"] for name in models(finished)) > 20


def test_preflight_shows_the_destination_and_its_page(finished: dg.ExecuteInProcessResult) -> None:
    seen = metadata_of(finished, "leadforce/sandbox/preflight")
    assert seen["Company: Currency"] == "USD"
    assert seen["Server: Edition"].startswith("embedded")
    assert Path(seen["report"]).name == "preflight.html"
    assert Path(seen["report"]).exists()
    models = {record.data["model"]: record.data for record in seen["what_is_there"].records}
    assert models["crm.lead"]["new"] == models["crm.lead"]["staged"] > 0


def test_assets_show_rows_schema_lineage_and_a_preview(finished: dg.ExecuteInProcessResult) -> None:
    typed = metadata_of(finished, "leadforce/src_leads")
    assert typed["dagster/row_count"] == 5
    assert typed["drop"] == "2026-10-31-full"
    assert typed["files"] == "leads.csv"
    assert typed["preview"]
    derived = metadata_of(finished, "leadforce/derived_companies")
    assert {"company_key", "name__from"} <= {column.name for column in derived["dagster/column_schema"].columns}
    assert "industry" in derived["dagster/column_lineage"].deps_by_column
    loaded = metadata_of(finished, "leadforce/sandbox/crm_lead")
    assert loaded["records"], "the first records with their Odoo ids"
    assert metadata_of(finished, "leadforce/sandbox/verification")["differences"] == 0
    report = metadata_of(finished, "leadforce/sandbox/report")
    assert Path(report["report"]).is_file()
    assert report["verdict"].startswith("The rehearsal is proven; 2 rows wait for people")


def test_checks_run_again_without_loading(
    finished: dg.ExecuteInProcessResult, finished_root: Path, run_job: RunJob
) -> None:
    assert finished.success
    again = run_job("leadforce_sandbox_verification", finished_root)
    assert again.success, said(again)
    assert materialized(again) == {"leadforce/sandbox/verification", "leadforce/sandbox/report"}
    names = {f"{e.asset_key.to_user_string()} {e.check_name}" for e in again.get_asset_check_evaluations()}
    assert "leadforce/sandbox/crm_lead fields_equal" in names


def test_a_second_run_changes_nothing(
    finished: dg.ExecuteInProcessResult, finished_root: Path, run_job: RunJob
) -> None:
    second = run_job(SANDBOX, finished_root)
    assert second.success
    for name in models(second):
        counts = metadata_of(second, name)
        assert (counts["created"], counts["updated"]) == (0, 0), name
        assert counts["dagster/row_count"] == metadata_of(finished, name)["dagster/row_count"]


def test_an_owner_without_user_blocks_leads_and_only_those(gated: dg.ExecuteInProcessResult, gated_root: Path) -> None:
    assert not gated.success
    assert failed_checks(gated) == {"leadforce/sandbox/res_users owners_resolved"}
    done = materialized(gated)
    assert "leadforce/sandbox/res_partner" in done
    assert not done & {f"leadforce/sandbox/{name}" for name in ("crm_lead", "mail_message", "verification", "report")}
    page = (gated_root / "reports" / "leadforce" / "sandbox" / "report.html").read_text(encoding="utf-8")
    assert "The rehearsal is not complete" in page
    assert "bob@corp.in" in page
    with StagingStore(gated_root / "staging" / "leadforce.duckdb") as store:
        assert store.rows("SELECT ok FROM ops.run") == [(False,)]
        assert store.rows("SELECT created, held > 0 FROM ops.load_count WHERE model = 'crm.lead'") == [(0, True)]


def test_a_gated_model_alone_says_what_to_do(
    gated: dg.ExecuteInProcessResult, gated_root: Path, run_job: RunJob
) -> None:
    assert not gated.success
    result = run_job(SANDBOX, gated_root, "leadforce/sandbox/crm_lead")
    assert not result.success
    assert "crm.lead is not loaded" in said(result)
    assert "asha@corp.in" in said(result)
    assert "resolutions/owners.csv" in said(result)


def test_an_incomplete_export_stops_before_staging(typical_root: Path, run_job: RunJob) -> None:
    (typical_root / "exports" / "leadforce" / "2026-10-31-full" / "deals.csv").unlink()
    result = run_job(SANDBOX, typical_root)
    assert failed_checks(result) == {"leadforce/src_deals export_is_complete"}
    assert {name.split("/")[1][:4] for name in materialized(result)} == {"src_"}


def test_a_failed_check_shows_rows_and_the_query_for_the_rest(typical_root: Path, run_job: RunJob) -> None:
    result = run_job("leadforce_stage", typical_root)
    assert result.success
    found = [
        each for each in result.get_asset_check_evaluations()
        if each.check_name == "rows_are_accepted" and each.asset_key.path[-1] == "src_leads"
    ]  # fmt: skip
    assert found[0].description == "in quarantine: 1"
    rows = found[0].metadata["first_rows"]
    assert isinstance(rows, dg.TableMetadataValue)
    assert [record.data["key"] for record in rows.records] == ["L6"]
    assert str(found[0].metadata["query_for_the_rest"].value).startswith("SELECT")


def test_no_export_is_one_sentence(data_root: Path, run_job: RunJob) -> None:
    result = run_job("leadforce_stage", data_root)
    assert not result.success
    assert "no export found: put the files of one full export into" in said(result)


def test_a_wrong_setting_is_one_sentence(typical_root: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOO_SANDBOX_URL", "http://127.0.0.1:1")
    result = run_job(SANDBOX, typical_root)
    assert "sandbox is half set: ODOO_SANDBOX_DB" in said(result)
    assert not models(result)


def test_production_stays_locked(typical_root: Path, run_job: RunJob) -> None:
    result = run_job("leadforce_production_migration", typical_root)
    assert "production is locked" in said(result)
    assert not any("/production/" in name for name in materialized(result))


def test_signing_off_says_that_it_is_not_possible_yet(definitions: dg.Definitions) -> None:
    job = definitions.resolve_implicit_global_asset_job_def()
    key = dg.AssetKey(["leadforce", "sandbox", "sign_off"])
    result = job.execute_in_process(asset_selection=[key], raise_on_error=False)
    assert "the sandbox can't be signed off: '' does not say who signs" in said(result)
    assert "nothing has been migrated into it yet" in said(result)


def test_a_rollback_job_only_plans_unless_told_to_apply(migrated: Callable[..., Path], definitions: dg.Definitions) -> None:
    root = migrated("19.0")
    job = definitions.resolve_job_def("leadforce_sandbox_rollback")

    def run(**config: Any) -> dict[str, Any]:
        result = job.execute_in_process(
            run_config={
                "resources": {"migrations": {"config": {"data_root": str(root)}}},
                "ops": {"leadforce_sandbox_take_back": {"config": config}},
            },
            raise_on_error=False,
        )
        assert result.success, said(result)
        (handled,) = result.filter_events(lambda event: event.event_type is dg.DagsterEventType.STEP_OUTPUT)
        return {name: value.value for name, value in handled.step_output_data.metadata.items()}

    planned = run()
    assert planned["to delete"] > 20
    assert planned["deleted"] == 0
    assert run(apply=True)["deleted"] == planned["to delete"]
    assert run()["to delete"] == 0
