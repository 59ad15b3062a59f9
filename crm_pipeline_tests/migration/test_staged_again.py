"""What is read and staged again is what a first reading of the same files and decisions would give, whatever was there before."""

from __future__ import annotations

import csv
import importlib.util
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb
import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.settings import Settings
from crm_pipeline.staging.lake import Lake
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.small_export import write_csv

SHIPPED = Settings.load(environ={}).data
OPS = ("issue", "fate", "decided", "open_value", "deleted_row", "addressed_row")
Found = dict[str, Any]


def prepare(root: Path, source: str) -> Path:
    """The shipped export of a source, dirt and all, in a data folder; returns the folder of its exports."""
    shutil.copytree(SHIPPED.exports(source), root / "exports" / source)
    shutil.copytree(SHIPPED.resolutions(source), root / "resolutions" / source)
    return root / "exports" / source


def staged(root: Path, source: str, store: Path | None = None) -> Found:
    """Read and stage the newest drop; every table before the load with its rows, and what the checks say."""
    with Migration(Settings.load(root, {}), source, store_path=store) as migration:
        results = migration.read(migration.newest_drop(deltas=True)) + migration.stage()
        path = migration.store.path
    with duckdb.connect(str(path), read_only=True) as connection:
        listed = "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name IN ('raw', 'typed', 'derived', 'staged')"
        tables = [*connection.execute(listed).fetchall(), *(("ops", name) for name in OPS)]
        found = {
            f"{schema}.{name}": (connection.execute(f'DESCRIBE "{schema}"."{name}"').fetchall(), sorted(connection.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall(), key=repr))
            for schema, name in tables
        }  # fmt: skip
    return found | {"checks": [(r.spec, r.passed, r.message, r.rows) for r in results]}


class Watched:
    """While it lasts: how many statements are run, and which tables they make; the process ends before statement ``ends_at``."""

    def __init__(self, ends_at: int = 0) -> None:
        self.count, self.made, self._ends_at = 0, set[str](), ends_at

    def __enter__(self) -> Self:
        original = StagingStore.execute

        def execute(store: StagingStore, sql: str, parameters: Sequence[Any] = ()) -> None:
            self.count += 1
            if self.count == self._ends_at:
                raise Killed
            if made := re.match(r'\s*CREATE OR REPLACE TABLE "(\w+)"\."(\w+)"', sql):
                self.made.add(".".join(made.groups()))
            original(store, sql, parameters)

        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(StagingStore, "execute", execute)
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


class Killed(BaseException):
    """The process ends here."""


def part_of(full: Path, drop: str, table: str, every: int, **values: str) -> None:
    """A delta's file: every so many rows of a file of the full export with other values (headings with underscores for spaces)."""
    with (full / f"{table}.csv").open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))[::every]
    columns = {name.replace("_", " "): value for name, value in values.items()}
    assert columns.keys() <= rows[0].keys()
    (full.parent / drop).mkdir(exist_ok=True)
    write_csv(full.parent / drop / f"{table}.csv", [row | columns for row in rows])


def test_each_step_comes_to_what_a_first_reading_gives(tmp_path: Path) -> None:
    root = tmp_path / "data"
    exports = prepare(root, "leadforce")
    full = exports / "2026-10-31-full"

    def decide(name: str, *rows: dict[str, str]) -> None:
        write_csv(root / "resolutions" / "leadforce" / name, list(rows))

    def changes() -> None:
        part_of(full, "2026-11-05-delta", "leads", 7, Job_Title="Chair")
        part_of(full, "2026-11-10-delta", "deals", 5, Deal_Value="1.00")
        rows = [{"Object": "Lead", "Record ID": "L000018", "Deleted At": "2026-11-14 10:00", "Deleted By": "x"}]
        write_csv(exports / "2026-11-10-delta" / "deleted_records.csv", rows)

    def decisions() -> None:
        decide("values.csv", {"object": "leads", "column": "lead_status", "source_value": "New", "decision": "map", "target_value": "Contacted"})
        decide("rows.csv", {"object": "notes", "key": "N000012", "decision": "skip", "column": "", "new_value": "a test"})

    def no_decisions_and_another_attachment() -> None:
        for name in ("values.csv", "rows.csv"):
            (root / "resolutions" / "leadforce" / name).unlink()
        (full / "attachments" / "brochure.pdf").write_bytes(b"%PDF-1.4 another")

    def another_full_export_and_a_delta_less() -> None:
        shutil.rmtree(exports / "2026-11-05-delta")
        shutil.copytree(full, exports / "2026-11-20-full")

    steps = (lambda: None, changes, decisions, no_decisions_and_another_attachment, another_full_export_and_a_delta_less)
    for number, step in enumerate(steps):
        step()
        again, first = staged(root, "leadforce"), staged(root, "leadforce", tmp_path / f"{number}.duckdb")
        assert again.keys() == first.keys(), number
        for name, expected in first.items():
            assert again[name] == expected, (number, name)


def test_a_workbook_of_a_delta_leaves_the_other_objects_as_they_were(tmp_path: Path) -> None:
    root = tmp_path / "data"
    exports = prepare(root, "legrand")
    staged(root, "legrand")
    (exports / "2026-11-15-delta").mkdir()
    shutil.copy(exports / "2026-10-31-full" / "Activities.xlsx", exports / "2026-11-15-delta")
    with Watched() as watched:
        again = staged(root, "legrand")
    assert again == staged(root, "legrand", tmp_path / "first.duckdb")
    assert "raw.activities" in watched.made
    assert not {"raw.accounts", "raw.contacts", "raw.quotes", "staged.crm_lead", "staged.sale_order"} & watched.made


def test_a_delta_reads_what_it_has_and_stages_what_that_changes(tmp_path: Path) -> None:
    root = tmp_path / "data"
    full = prepare(root, "leadforce") / "2026-10-31-full"
    staged(root, "leadforce")
    part_of(full, "2026-11-05-delta", "leads", 7, Job_Title="Chair")
    with Watched() as watched:
        staged(root, "leadforce")
    assert {name for name in watched.made if name.startswith("raw.")} == {"raw.leads", "raw.attachments"}, "what names files is looked up again"
    made = {name for name in watched.made if name.startswith("staged.")}
    assert {"staged.res_partner"} <= made <= {"staged.res_partner", "staged.crm_lead", "staged.ir_attachment"}
    part_of(full, "2026-11-10-delta", "notes", 3, Body="other words")
    with Watched() as watched:
        staged(root, "leadforce")
    assert "staged.mail_message" in watched.made
    assert not {"raw.leads", "staged.res_partner", "staged.crm_lead"} & watched.made


@dataclass(frozen=True)
class Known:
    """A staged full export with a delta that is not read yet, how many statements that takes, and what it comes to."""

    root: Path
    statements: int
    expected: Found


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder = tmp_path_factory.mktemp("known")
    full = prepare(folder / "data", "leadforce") / "2026-10-31-full"
    staged(folder / "data", "leadforce")
    part_of(full, "2026-11-05-delta", "leads", 7, Job_Title="Chair")
    part_of(full, "2026-11-05-delta", "deals", 9, Deal_Value="1.00")
    shutil.copytree(folder / "data", folder / "counted")
    with Watched() as whole:
        staged(folder / "counted", "leadforce")
    return Known(folder / "data", whole.count, staged(folder / "data", "leadforce", folder / "first.duckdb"))


@pytest.mark.parametrize("share", [0.1, 0.35, 0.6, 0.8, 0.95])
def test_whatever_a_kill_leaves_is_not_taken_for_whole(known: Known, tmp_path: Path, share: float) -> None:
    root = tmp_path / "data"
    shutil.copytree(known.root, root)
    with pytest.raises(Killed), Watched(int(known.statements * share)):
        staged(root, "leadforce")
    assert staged(root, "leadforce") == known.expected


@pytest.mark.skipif(importlib.util.find_spec("duckdb_extension_ducklake") is None, reason="needs the extra 'cluster'")
def test_a_shared_catalog_takes_a_delta_as_a_file_does(tmp_path: Path) -> None:
    root = tmp_path / "data"
    full = prepare(root, "leadforce") / "2026-10-31-full"
    found: list[list[tuple[Any, ...]]] = []
    for place in (Lake("leadforce", tmp_path / "catalog" / "leadforce.ducklake", str(tmp_path / "lake")), tmp_path / "file.duckdb"):
        if found:
            shutil.rmtree(full.parent / "2026-11-05-delta")
        for delta in (False, True):
            if delta:
                part_of(full, "2026-11-05-delta", "leads", 7, Job_Title="Chair")
            with Migration(Settings.load(root, {}), "leadforce", store_path=place) as migration:
                migration.read(migration.newest_drop(deltas=True))
                migration.stage()
                store = migration.store
                tables = store.tables("staged")
                hashes = " UNION ALL ".join(f"SELECT '{name}', external_id, _hash FROM staged.{name}" for name in tables)
                found.append(store.rows(f"{hashes} ORDER BY ALL"))
    assert found[0] == found[2]
    assert found[1] == found[3] != found[0]
