"""The report and the files beside it, after whole runs and after none."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.resolutions import read_owner_decisions
from crm_pipeline.reports import build_report
from crm_pipeline.settings import Settings
from crm_pipeline.specs import load_mapping
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners, lead, typical_export

NOW = datetime(2026, 11, 22, 12, 0)
ATTACK = "<script>alert('x')</script>"


class Text(HTMLParser):
    """The words of a page by section, its links and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._section = "top"
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self._section = found.get("id") or self._section if tag == "h2" else self._section
        self.links += [str(found[name]) for name in ("href", "src") if found.get(name)]

    def handle_data(self, data: str) -> None:
        self.sections[self._section] = " ".join(f"{self.sections.get(self._section, '')} {data}".split())


def read(root: Path) -> Text:
    return Text((folder(root) / "report.html").read_text(encoding="utf-8"))


def folder(root: Path) -> Path:
    return root / "reports" / "leadforce" / "sandbox"


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root after a run without open questions."""
    root = tmp_path_factory.mktemp("complete") / "data"
    typical_export().write(root)
    decide_owners(root, TYPICAL_DECISIONS)
    assert migrate(root).ok
    return root


@pytest.fixture(scope="module")
def open_questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root after a run with owners to decide about, hostile text and a formula in the quarantine."""
    root = tmp_path_factory.mktemp("open") / "data"
    export = typical_export()
    export.leads.append(lead("=1+1", First_Name="F", Lead_Status="Weird"))
    export.leads.append(lead(ATTACK, First_Name="F", Lead_Status="Weird"))
    export.users[0]["Full Name"] = ATTACK
    export.write(root)
    assert not migrate(root).ok
    return root


def test_a_complete_run_reads_as_one(complete: Path) -> None:
    page = read(complete)
    assert "The rehearsal is proven; 2 rows wait for people" in page.sections["top"]
    assert "Odoo 18.0, embedded: a rehearsal" in page.sections["top"]
    assert "hold what was meant" in page.sections["differences"]
    assert "crm.lead.expected_revenue USD" in page.sections["totals"]
    assert "L6" in page.sections["quarantine"]
    assert "was decided about" in page.sections["owners"]
    assert "column deal_name" in page.sections["mapping"]
    assert "is no Odoo server" in page.sections["limits"]
    assert "failed" not in page.sections


def test_rows_of_every_object_add_up_in_the_table(complete: Path) -> None:
    page = (folder(complete) / "report.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr><td class="name">([a-z ]+)\*?</td><td class="n">([\d,]+)</td>(.*?)<td class="pic">', page, re.DOTALL)
    assert {name for name, *_ in rows} == {"users", "stages", "leads", "deals", "activities", "notes"}
    for name, exported, cells in rows:
        counts = [int(text.replace(",", "")) for text in re.findall(r">([\d,]+)</td>", cells)]
        assert sum(counts) == int(exported), name


def test_open_questions_come_first_and_say_what_to_do(open_questions: Path) -> None:
    page = read(open_questions)
    assert "The rehearsal is not complete" in page.sections["top"]
    assert "owners resolved" in page.sections["failed"]
    assert "bob@corp.in" in page.sections["owners"]
    assert "data/resolutions/leadforce/owners.csv" in page.sections["owners"]
    assert "wait for people" in page.sections["top"]


def test_the_page_is_complete_in_itself_and_runs_nothing(open_questions: Path) -> None:
    page = read(open_questions)
    assert "script" not in page.tags, "text of the export is escaped"
    assert ATTACK in page.sections["quarantine"]
    assert "img" not in page.tags
    assert "link" not in page.tags
    beside = {each.name for each in folder(open_questions).iterdir()}
    for link in page.links:
        assert link.startswith("#") or link in beside, link


def test_every_link_inside_the_page_leads_somewhere(complete: Path) -> None:
    text = (folder(complete) / "report.html").read_text(encoding="utf-8")
    for name in re.findall(r'href="#([a-z]+)"', text):
        assert f'id="{name}"' in text


def test_the_quarantine_file_is_complete_and_calculates_nothing(open_questions: Path) -> None:
    with (folder(open_questions) / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["key"] for row in rows if row["object"] == "leads"} == {"L6", "'=1+1", ATTACK}
    assert all(row["problem"] and row["file"] and row["row"] for row in rows)


def test_the_workbook_holds_text_not_formulas(open_questions: Path) -> None:
    workbook = folder(open_questions) / "queues.xlsx"
    sheets = pl.read_excel(workbook, sheet_id=0, infer_schema_length=0)
    assert set(sheets) == {
        "orphans", "owners", "products", "values", "rows", "conflicts", "unfinished", "rounding", "quarantine", "differences", "decided",
    }  # fmt: skip
    assert "=1+1" in sheets["quarantine"]["key"].to_list()
    with zipfile.ZipFile(workbook) as parts:
        for name in parts.namelist():
            assert b"<f>" not in parts.read(name), name


def test_the_owners_queue_is_the_beginning_of_the_resolution_file(open_questions: Path) -> None:
    queue = pl.read_csv(folder(open_questions) / "queue_owners.csv", infer_schema=False)
    assert queue.columns[:3] == ["source_email", "decision", "odoo_login"]
    assert queue["records"].cast(int).min() > 0  # type: ignore[operator]
    decided = queue.select("source_email", pl.lit("unassign").alias("decision"), "odoo_login")
    target = open_questions / "resolutions" / "leadforce"
    target.mkdir(parents=True, exist_ok=True)
    decided.write_csv(target / "owners.csv")
    with Migration(Settings.load(open_questions, {}), "leadforce") as migration:
        read_back = read_owner_decisions(migration.store, migration.mapping, target)
    assert (read_back.decisions, read_back.unused) == (queue.height, ())


def test_nothing_run_is_said_so(tmp_path: Path) -> None:
    mapping = load_mapping(Settings.load(environ={}).specs_root / "leadforce")
    with StagingStore(tmp_path / "staging" / "leadforce.duckdb") as store:
        path = build_report(store, mapping, "sandbox", tmp_path / "out", NOW, tmp_path)
    page = Text(path.read_text(encoding="utf-8"))
    assert "Not run yet" in page.sections["top"]
    assert "2026-11-22 12:00 UTC" in page.sections["top"]
    assert "can't be accounted for yet" in page.sections["rows"]


def test_differences_are_shown_with_both_values(complete: Path, tmp_path: Path) -> None:
    with Migration(Settings.load(complete, {}), "leadforce") as migration:
        store = migration.store
        store.execute(
            "INSERT INTO ops.difference VALUES ('sandbox', 'crm.lead', 'deals_D1', 7, 'name', 'Big deal', 'Small', 'changed', "
            "'deals', 2, 'eve', '2026-11-01 10:00:00')"
        )
        path = build_report(store, migration.mapping, "sandbox", tmp_path, NOW, tmp_path.parent)
        store.execute("DELETE FROM ops.difference")
    page = Text(path.read_text(encoding="utf-8"))
    assert "The rehearsal is not complete" in page.sections["top"]
    assert "deals_D1 7 name Big deal Small changed deals 2 eve 2026-11-01 10:00:00" in page.sections["differences"]


def test_no_secret_reaches_the_report(complete: Path) -> None:
    environ = {"ODOO_SANDBOX_VERSION": "18.0", "ODOO_PRODUCTION_API_KEY": "s3cret-key"}
    with Migration(Settings.load(complete, environ), "leadforce") as migration:
        path = build_report(migration.store, migration.mapping, "sandbox", folder(complete), NOW, complete)
    assert "s3cret-key" not in path.read_text(encoding="utf-8")
