"""Discovery of both sample exports, and of exports that are broken in every way: real files, real documents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import fastexcel
import pytest

from crm_pipeline.migration.discovery import DiscoveryOutcome, as_result, discover
from crm_pipeline.migration.errors import MigrationError
from crm_pipeline.settings import Settings
from crm_pipeline.specs import load_mapping
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.small_export import Rows, SmallExport, deal, lead, note, typical_export, write_csv

PROJECT = Path(__file__).parents[2]
TRIGGERS: Rows = [
    {"Trigger ID": "T1", "Name": "Welcome", "Object": "Lead", "Event": "Created", "Condition": "Lead Source = Website", "Action Type": "Send Email",
     "Action Details": "Welcome", "Active": "Yes", "Last Run": ""},
    {"Trigger ID": "T2", "Name": "=cmd()", "Object": "Lead", "Event": "<b>Moon</b>", "Condition": "", "Action Type": "", "Action Details": "", "Active": "No", "Last Run": ""},
]  # fmt: skip


def run(root: Path, source: str = "leadforce", **environ: str) -> DiscoveryOutcome:
    return discover(Settings.load(root, environ), source)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], DiscoveryOutcome]:
    """Discovery of a shipped sample, made once."""
    made: dict[str, DiscoveryOutcome] = {}

    def once(source: str) -> DiscoveryOutcome:
        if source not in made:
            root = tmp_path_factory.mktemp(source)
            (root / "exports").symlink_to(PROJECT / "data" / "exports")
            made[source] = run(root, source)
        return made[source]

    return once


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DiscoveryOutcome]:
    """An export with nearly everything wrong that can be, beside what an earlier migration left."""
    root = tmp_path_factory.mktemp("broken")
    export = typical_export()
    export.notes = [note("N1", "L1", "text")]
    folder = export.write(root)
    (folder / "pipeline_stages.csv").unlink()
    (folder / "activities.csv").write_bytes(b"Activity ID,Subject\nA1,\x81\x8d\n")
    (folder / "invoices.csv").write_bytes(b"")
    (folder / "proposals.csv").write_bytes(b"\x00\x01\x02" * 500)
    (folder / "notes.csv").write_bytes(b"PK\x03\x04" + b"\x00" * 200)
    write_csv(folder / "deals.csv", [{name.replace("Deal Stage", "Phase"): value for name, value in row.items()} for row in export.deals])
    leads = (folder / "leads.csv").read_bytes()
    (folder / "leads.csv").write_bytes(leads[: len(leads) - 30])
    write_csv(folder / "auto_triggers.csv", TRIGGERS)
    (folder / "holiday.jpg").write_bytes(b"\xff\xd8")
    with StagingStore(root / "staging" / "leadforce.duckdb") as store:
        store.execute("CREATE TABLE staged.crm_lead AS SELECT 'kept' AS external_id")
        store.execute("INSERT INTO ops.run (run_id, env, \"drop\", odoo_kind, odoo_version, started_at) VALUES ('r', 'sandbox', 'd', 'server', '17.0', '2026-11-01')")
        store.execute("INSERT INTO ops.load_count VALUES ('sandbox', 'crm.lead', 1000, 1000, 0, 0, 0, 0, 0, 4.0), ('sandbox', 'res.partner', 5, 5, 0, 0, 0, 0, 0, 9.0)")
    server = {f"ODOO_SANDBOX_{name}": "x" for name in ("DB", "LOGIN", "API_KEY")} | {"ODOO_SANDBOX_URL": "https://sandbox.example"}
    return root, run(root, **server)


def codes(outcome: DiscoveryOutcome) -> set[str]:
    return {finding.code for finding in outcome.scope.blocking}


@pytest.mark.parametrize(("source", "rows", "direct"), [("leadforce", 727, 8), ("legrand", 476, 16)])
def test_the_samples_can_be_migrated(sample: Callable[[str], DiscoveryOutcome], source: str, rows: int, direct: int) -> None:
    outcome = sample(source)
    scope = outcome.scope
    assert outcome.ok
    assert outcome.check.passed
    assert scope.rows == rows
    assert scope.compatibility.direct == direct
    assert scope.effort.grade == "B"
    assert {each.count_state for each in scope.objects} <= {"agrees", "listed"}
    assert all(path.is_file() for path in outcome.documents.values())
    assert {s.verdict for s in scope.automations} >= {"equivalent", "person"}
    for each in scope.objects:
        assert all(0 <= c.distinct <= c.filled <= each.rows for c in each.profile.columns)
        assert all(sum(n for _, n in c.formats) in (0, c.filled) for c in each.profile.columns)


def test_what_leadforces_sample_holds(sample: Callable[[str], DiscoveryOutcome]) -> None:
    scope = sample("leadforce").scope
    objects = {each.name: each for each in scope.objects}
    columns = {c.heading: c for c in objects["leads"].profile.columns}
    assert [(f.name, f.encoding, f.delimiter, f.rows) for f in objects["deals"].files] == [("deals.csv", "utf-8", ",", 44), ("deals_part2.csv", "utf-16", "\t", 31)]
    assert columns["Legacy Ref"].state == "unknown"
    assert columns["CF: Budget Range"].state == "custom"
    assert columns["Lead Status"].unreadable == 1
    assert dict(columns["Created At"].formats)["31/12/2024, day first"] == 10
    assert objects["leads"].not_carried == ("Legacy Ref",)
    key = objects["leads"].profile.keys[0]
    assert (key.declared, key.blank, key.repeated, key.holds) == (True, 1, 2, False)
    assert {o.email for o in scope.owners if not o.is_listed} >= {"agency@partner.example", "former.colleague@brightpath-demo.example"}
    files = scope.files[0]
    assert (files.rows, files.found, files.addresses, files.missing, files.unindexed) == (12, 4, 1, 4, 2)
    assert {r.reason for r in scope.references} == {"unknown_stage", "orphan_parent"}
    assert ("GTX Pro", "GTXPro", 100) in {(p.first, p.second, p.likeness) for p in scope.alike}
    assert all(f.is_listed and f.in_data for f in scope.custom_fields)


def test_legrands_limits_are_compared(sample: Callable[[str], DiscoveryOutcome]) -> None:
    limits = {each.name: each for each in sample("legrand").scope.limits}
    assert limits["Tier"].says == "Starter"
    assert not limits["Record limit of the tier"].is_kept
    assert "Activity (120)" in limits["Record limit of the tier"].says
    assert limits["Storage"].says == "812.5 of 500 MB used"


def test_a_broken_export_has_its_documents_and_says_what_is_wrong(broken: tuple[Path, DiscoveryOutcome]) -> None:
    _, outcome = broken
    assert not outcome.ok
    assert not outcome.check.passed
    assert codes(outcome) >= {"missing_file", "missing_required_column", "unreadable_file", "row_count_mismatch"}
    states = {each.name: each.count_state for each in outcome.scope.objects}
    assert (states["stages"], states["activities"], states["invoices"], states["deals"]) == ("no file", "unreadable", "unreadable", "agrees")
    assert {"broken_rows", "unrecognised_file"} <= {finding.code for finding in outcome.scope.warnings}
    page = outcome.documents["scope"].read_text(encoding="utf-8")
    assert "The migration can&#39;t begin with this export" in page
    assert "pipeline_stages.csv is missing" in page
    for text in ("Traceback", "None", "undefined"):
        assert text not in page.replace("None of these stops", "")


def test_text_of_an_export_is_neither_markup_nor_formula(broken: tuple[Path, DiscoveryOutcome]) -> None:
    _, outcome = broken
    page = outcome.documents["automations"].read_text(encoding="utf-8")
    assert "&lt;b&gt;Moon&lt;/b&gt;" in page
    assert "<b>Moon" not in page
    sheet = fastexcel.read_excel(outcome.documents["automations_sheets"]).load_sheet("Automations").to_polars()
    assert sheet["Name"].to_list() == ["Welcome", "=cmd()"]
    assert sheet["Status"].to_list() == ["to do", "to do"]
    assert sheet["Switched on"].to_list() == ["yes", "no"]


def test_the_workbook_has_every_list(sample: Callable[[str], DiscoveryOutcome]) -> None:
    outcome = sample("leadforce")
    book = fastexcel.read_excel(outcome.documents["scope_sheets"])
    assert book.sheet_names[:5] == ["Summary", "Findings", "Objects", "Compatibility", "Columns"]
    objects = book.load_sheet("Objects").to_polars()
    assert objects["Rows"].sum() == outcome.scope.rows
    columns = book.load_sheet("Columns").to_polars()
    assert columns.height == sum(len(each.profile.columns) for each in outcome.scope.objects)


def test_the_result_is_plain_data(broken: tuple[Path, DiscoveryOutcome]) -> None:
    root, outcome = broken
    result = json.loads(json.dumps(as_result(outcome, root), default=str))
    assert result["ok"] is False
    assert (root / result["documents"]["scope"]).is_file()
    assert {"objects", "findings", "automations", "effort", "custom_fields"} <= set(result["scope"])


def test_a_manifest_that_can_not_be_used_blocks_and_hides_nothing(tmp_path: Path) -> None:
    folder = SmallExport(leads=[lead("L1")], deals=[deal("D1", Lead_ID="L1")]).write(tmp_path)
    deals = (folder / "deals.csv").read_bytes()
    (folder / "deals.csv").write_bytes(deals[: deals.rindex(b",", 0, -20)])
    manifest = folder / "export_manifest.csv"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("leads.csv,1,1,1", "leads.csv,1,1,many"), encoding="utf-8")
    outcome = run(tmp_path)
    assert codes(outcome) == {"manifest_unusable"}
    assert {finding.file for finding in outcome.scope.warnings if finding.code == "file_cut"} == {"deals.csv"}, "nothing else proves its rows"
    assert "'many' is not a whole number" in outcome.scope.blocking[0].message
    assert {each.name: each.rows for each in outcome.scope.objects}["leads"] == 1
    assert all(finding.file != "export_manifest.csv" for finding in outcome.scope.warnings)


def test_what_is_staged_stays_as_it_is_and_its_rates_are_used(broken: tuple[Path, DiscoveryOutcome]) -> None:
    root, outcome = broken
    assert outcome.scope.odoo_version == "17.0"
    rates = {each.model: each for each in outcome.scope.effort.loads}
    assert rates["crm.lead"].per_second == 250
    assert rates["crm.lead"].source == "measured on 2026-11-01, Odoo 17.0"
    assert rates["res.partner"].source != rates["crm.lead"].source
    with StagingStore(root / "staging" / "leadforce.duckdb") as store:
        assert store.rows("SELECT * FROM staged.crm_lead") == [("kept",)]
        assert store.rows("SELECT * FROM ops.reading") == []
    assert [path.name for path in (root / "staging").iterdir()] == ["leadforce.duckdb"]
    assert [path.name for path in (root / "reports" / "leadforce").iterdir()] == ["discovery"]


def test_without_an_export_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="put the files of one full export into"):
        run(tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("harm", ["empty", "half", "zeros", "text"])
@pytest.mark.parametrize("source", ["leadforce", "legrand"])
def test_no_single_broken_file_leaves_an_export_without_documents(tmp_path: Path, source: str, harm: str) -> None:
    shutil.copytree(PROJECT / "data" / "exports" / source, tmp_path / "exports" / source)
    folder = next((tmp_path / "exports" / source).iterdir())
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        content = file.read_bytes()
        file.write_bytes({"empty": b"", "half": content[: len(content) // 2], "zeros": b"\x00" * 300, "text": b"not what you think"}[harm])
    outcome = discover(Settings.load(tmp_path, {}), source, clock=lambda: datetime.now(UTC).replace(tzinfo=None))
    assert not outcome.ok
    assert {each.name for each in outcome.scope.objects} == set(load_mapping(Settings.load(environ={}).specs_root / source).source.objects)
    assert all(path.stat().st_size for path in outcome.documents.values())
