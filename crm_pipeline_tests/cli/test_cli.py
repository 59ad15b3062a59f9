"""The command line as people and scripts use it: a process, its exit code, its text and its result file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crm_pipeline_tests.small_export import decide_owners, typical_export

ROOT = Path(__file__).resolve().parents[2]


def crm_pipeline(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from crm_pipeline.cli import main; main()", *arguments]
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("ODOO_", "CRM_PIPELINE_"))} | environ
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False, timeout=300)  # noqa: S603


def test_migrate_prints_where_every_row_ended_and_writes_the_result(typical_root: Path, tmp_path: Path) -> None:
    result_file = tmp_path / "out" / "result.json"
    done = crm_pipeline("migrate", "leadforce", "--data", str(typical_root), "--json", str(result_file), "--no-color")
    assert done.returncode == 0, done.stderr
    result = json.loads(result_file.read_text(encoding="utf-8"))
    assert result["ok"] is True
    assert result["odoo"] == {"kind": "embedded", "version": "19.0"}
    assert set(result) >= {"source", "env", "drop", "run_id", "objects", "targets", "control_totals", "verification", "checks", "queues", "report"}
    assert (typical_root / result["report"]).exists()
    assert result["report"] in done.stdout.replace("\n", "")
    assert "deals" in done.stdout
    assert {"asset", "check", "passed", "severity", "blocking"} <= set(result["checks"][0])
    revenue, sums = "crm.lead.expected_revenue", {"rounding": "0.00", "edited": "0.00", "kind": "sum", "equal": True}
    assert [total for total in result["control_totals"] if total["kind"] == "sum"] == [
        {"name": revenue, "currency": "EUR", "source": "2000.00", "odoo": "2000.00", **sums},
        {"name": revenue, "currency": "USD", "source": "4600.50", "odoo": "4600.50", **sums},
    ]
    counts = {total["name"]: (total["source"], total["odoo"]) for total in result["control_totals"] if total["kind"] == "count"}
    assert counts["crm.lead records, type: opportunity"] == ("4", "4")
    assert counts["crm.lead records, active: false"] == ("2", "2")


def test_a_closed_gate_fails_with_what_to_do(data_root: Path) -> None:
    typical_export().write(data_root)
    done = crm_pipeline("migrate", "leadforce", "--data", str(data_root), "--no-color")
    assert done.returncode == 1
    assert "owners.csv" in done.stderr
    assert "asha@corp.in" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        (["migrate", "nosuchcrm"], {}, "no mapping specs"),
        (["migrate", "leadforce"], {"ODOO_SANDBOX_URL": "http://127.0.0.1:9"}, "ODOO_SANDBOX_"),
        (["migrate", "leadforce"], {"ODOO_SANDBOX_VERSION": "12"}, "not bundled"),
        (["migrate", "leadforce", "--only", "res.nothing"], {}, "res.nothing"),
        (["migrate", "leadforce", "--env", "moon"], {}, "moon"),
    ],
)
def test_wrong_usage_is_exit_code_2(typical_root: Path, arguments: list[str], environ: dict[str, str], says: str) -> None:
    done = crm_pipeline(*arguments, "--data", str(typical_root), **environ)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr


def test_production_is_refused(typical_root: Path) -> None:
    done = crm_pipeline("migrate", "leadforce", "--env", "production", "--data", str(typical_root))
    assert done.returncode == 1
    assert "signed off" in done.stderr


def test_a_server_that_is_not_there_is_said_so(typical_root: Path) -> None:
    variables = {"URL": "http://127.0.0.1:9", "DB": "x", "LOGIN": "admin", "API_KEY": "s3cr3t-key"}
    done = crm_pipeline("migrate", "leadforce", "--data", str(typical_root), **{f"ODOO_SANDBOX_{k}": v for k, v in variables.items()})
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cr3t" not in done.stderr + done.stdout


def test_a_bad_resolution_file_names_row_and_value(typical_root: Path) -> None:
    decide_owners(typical_root, [("asha@corp.in", "perhaps", "")])
    done = crm_pipeline("migrate", "leadforce", "--data", str(typical_root))
    assert done.returncode == 2
    assert "row 2" in done.stderr
    assert "perhaps" in done.stderr


def test_verify_and_report_read_what_is_there(typical_root: Path, tmp_path: Path) -> None:
    assert crm_pipeline("migrate", "leadforce", "--data", str(typical_root), "--quiet").returncode == 0
    result_file = tmp_path / "verify.json"
    done = crm_pipeline("verify", "leadforce", "--data", str(typical_root), "--json", str(result_file))
    assert done.returncode == 0, done.stderr
    assert json.loads(result_file.read_text(encoding="utf-8"))["verification"]["differences"] == 0
    done = crm_pipeline("report", "leadforce", "--data", str(typical_root))
    assert done.returncode == 0
    assert Path(done.stdout.strip().replace("\n", "")).exists()


def test_queues_are_listed_and_exported_for_people(data_root: Path, tmp_path: Path) -> None:
    typical_export().write(data_root)
    crm_pipeline("migrate", "leadforce", "--data", str(data_root), "--quiet")
    workbook = data_root / "resolutions" / "leadforce" / "decisions.xlsx"
    listed = tmp_path / "queues.json"
    done = crm_pipeline("queues", "leadforce", "--data", str(data_root), "--export", str(workbook), "--json", str(listed))
    assert done.returncode == 0, done.stderr
    queues = json.loads(listed.read_text(encoding="utf-8"))["queues"]
    assert [row["source_email"] for row in queues["owners"]] == ["asha@corp.in", "bob@corp.in"]
    assert {row["reason"] for row in queues["quarantine"]} == {"unknown_value", "parent_quarantined"}
    again = crm_pipeline("migrate", "leadforce", "--data", str(data_root), "--quiet")
    assert again.returncode == 1, "an undecided workbook is no decision, and no error"
    assert "owners" in again.stderr


def test_preflight_says_what_would_stop_the_load(typical_root: Path, tmp_path: Path) -> None:
    seen = tmp_path / "preflight.json"
    done = crm_pipeline("preflight", "leadforce", "--data", str(typical_root), "--no-color", "--json", str(seen))
    assert done.returncode == 0, done.stderr
    assert "mapped_fields_exist" in done.stdout
    assert "leads_feature_enabled" in done.stdout
    assert "What is there, and what would become of the export" in done.stdout
    page = typical_root / "reports" / "leadforce" / "sandbox" / "preflight.html"
    assert str(page) in done.stdout.replace("\n", "")
    assert "The load can begin" in page.read_text(encoding="utf-8")
    result = json.loads(seen.read_text(encoding="utf-8"))
    assert ["Currency", "USD"] in result["preflight"]["facts"]["Company"]
    assert {m["model"] for m in result["preflight"]["models"]} >= {"crm.lead", "res.partner"}
    assert result["preflight"]["report"] == "reports/leadforce/sandbox/preflight.html"


def test_preflight_fails_with_what_to_do(typical_root: Path) -> None:
    specs = typical_root / "specs"
    shutil.copytree(ROOT / "mapping_specs" / "leadforce", specs / "leadforce")
    stages = specs / "leadforce" / "crm_stage.yaml"
    stages.write_text(stages.read_text(encoding="utf-8").replace("app: crm", "app: no_such_app"), encoding="utf-8")
    done = crm_pipeline("preflight", "leadforce", "--data", str(typical_root), "--no-color", CRM_PIPELINE_SPECS=str(specs))
    assert done.returncode == 1
    assert "Would stop the load: apps_installed: crm.stage: no_such_app is not installed" in done.stderr
    assert "addons path" in done.stderr
    page = typical_root / "reports" / "leadforce" / "sandbox" / "preflight.html"
    assert "The load can&#39;t begin" in page.read_text(encoding="utf-8")


def test_files_are_copied_under_their_new_names_and_brought_back(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data" / "exports" / "legrand", tmp_path / "exports" / "legrand")
    written = crm_pipeline("rename", "legrand", "--data", str(tmp_path), "--json", str(tmp_path / "renamed.json"))
    assert written.returncode == 0, written.stderr
    (plan,) = json.loads((tmp_path / "renamed.json").read_text(encoding="utf-8"))["plans"].values()
    assert plan["files"] > 0
    back = crm_pipeline("rename", "legrand", "--data", str(tmp_path), "--restore", str(tmp_path / "back"))
    assert back.returncode == 0, back.stderr
    restored = [file for file in (tmp_path / "back").rglob("*") if file.is_file()]
    assert len(restored) == plan["files"]
    drop = tmp_path / "exports" / "legrand" / "2026-10-31-full" / "documents"
    assert all(file.read_bytes() == (drop / file.name).read_bytes() for file in restored)
    none = crm_pipeline("rename", "leadforce", "--data", str(tmp_path))
    assert none.returncode == 2
    assert "renamed_files" in none.stderr


def test_sources_lists_what_is_mapped(tmp_path: Path) -> None:
    done = crm_pipeline("sources", "--json", str(tmp_path / "sources.json"))
    assert done.returncode == 0
    listed = json.loads((tmp_path / "sources.json").read_text(encoding="utf-8"))["sources"]
    assert {"leadforce"} <= {row["source"] for row in listed}


def test_ci_runs_exactly_the_readme_s_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [line for line in readme.splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
