"""Runs whose steps are Celery workers on separate working directories, sharing a catalog in PostgreSQL and a broker.

Skipped unless ``CRM_PIPELINE_TEST_CATALOG`` (the address of a database made for tests, without tables that matter) and
``CRM_PIPELINE_TEST_BROKER`` (a Redis or RabbitMQ) are set and the extra 'cluster' is installed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.settings import Settings
from crm_pipeline.staging.places import StoreInUseError, Turn
from crm_pipeline.staging.postgres import hold_source
from crm_pipeline.staging.store import StagingStore, quote

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = ("leadforce", "legrand")
CATALOG, BROKER = os.environ.get("CRM_PIPELINE_TEST_CATALOG", ""), os.environ.get("CRM_PIPELINE_TEST_BROKER", "")
pytestmark = pytest.mark.skipif(not (CATALOG and BROKER), reason="needs CRM_PIPELINE_TEST_CATALOG and CRM_PIPELINE_TEST_BROKER")


@dataclass
class Cluster:
    """Two workers and the place runs are started in, each a folder of its own."""

    root: Path
    environ: dict[str, str]
    workers: dict[str, subprocess.Popen[bytes]]

    @property
    def settings(self) -> Settings:
        return Settings.load(environ=self.environ)

    def start_worker(self, name: str) -> None:
        folder = self.home(name)
        command = [sys.executable, "-m", "celery", "-A", "dagster_celery.app", "worker", "-n", f"{name}@%h", "-c", "1", "--loglevel", "info"]
        with (folder / "worker.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=folder, env=self.environ | {"DAGSTER_HOME": str(folder), "PYTHONPATH": f"{folder}:{PROJECT}"},
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def end_worker(self, name: str, number: signal.Signals) -> None:
        worker = self.workers.pop(name)
        os.killpg(worker.pid, number)
        worker.wait(timeout=60)

    def home(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        shutil.copy(PROJECT / "deploy" / "cluster" / "dagster.yaml", folder)
        said = f"broker_url = {BROKER!r}\nresult_backend = {BROKER!r}\ntask_default_queue = 'dagster'\n"
        (folder / "dagster_celery_config.py").write_text(said, encoding="utf-8")
        return folder

    def start(self, job: str) -> subprocess.Popen[str]:
        folder = self.home(f"run-{job}")
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "dagster", "job", "execute", "-m", "crm_pipeline.definitions", "-j", job], cwd=folder, text=True,
            env=self.environ | {"DAGSTER_HOME": str(folder), "PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def steps_of(self, worker: str) -> int:
        return (self.root / worker / "worker.log").read_text(encoding="utf-8").count("] succeeded in ")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    psycopg2 = pytest.importorskip("psycopg2")
    pytest.importorskip("dagster_celery")
    root = tmp_path_factory.mktemp("cluster")
    shutil.copytree(PROJECT / "data" / "exports", root / "data" / "exports")
    shutil.copytree(PROJECT / "data" / "resolutions", root / "data" / "resolutions")
    mine = {
        name: value for name, value in os.environ.items() if not name.startswith(("ODOO_", "CRM_PIPELINE_", "DAGSTER_", "PYTEST_"))
    } | {
        "CRM_PIPELINE_CATALOG": CATALOG, "CRM_PIPELINE_DAGSTER_DB": CATALOG.replace("postgresql://", "postgresql+psycopg2://"),
        "CRM_PIPELINE_BROKER": BROKER, "CRM_PIPELINE_RESULTS": BROKER, "CRM_PIPELINE_DATA": str(root / "data"),
        "CRM_PIPELINE_EXECUTOR": "dagster_celery:celery_executor",
        "CRM_PIPELINE_EXECUTOR_CONFIG": str(PROJECT / "deploy" / "cluster" / "celery.yaml"), "ODOO_SANDBOX_VERSION": "18.0",
    }  # fmt: skip
    with psycopg2.connect(CATALOG) as session, session.cursor() as cursor:
        for source in SOURCES:
            cursor.execute(f'DROP SCHEMA IF EXISTS "crm_pipeline_{source}" CASCADE')
    session.close()
    made = Cluster(root, mine, {})
    subprocess.run(  # two processes at once must not make Dagster's tables
        [sys.executable, "-c", "import dagster as dg\nwith dg.DagsterInstance.get() as instance: instance.get_runs(limit=1)"],
        check=True, env=mine | {"DAGSTER_HOME": str(made.home("first"))},
    )  # fmt: skip
    for name in ("one", "two"):
        made.start_worker(name)
    yield made
    for name in list(made.workers):
        made.end_worker(name, signal.SIGTERM)


@pytest.fixture(scope="module")
def staged(cluster: Cluster) -> dict[str, str]:
    """Both sources staged at the same time; what the runs said."""
    runs = {source: cluster.start(f"{source}_stage") for source in SOURCES}
    said = {source: run.communicate(timeout=1800)[0] for source, run in runs.items()}
    assert {source: run.returncode for source, run in runs.items()} == dict.fromkeys(SOURCES, 0), said
    return said


def test_steps_ran_in_two_workers(cluster: Cluster, staged: dict[str, str]) -> None:
    assert set(staged) == set(SOURCES)
    assert all(cluster.steps_of(worker) > 0 for worker in ("one", "two"))


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_staged_is_what_one_process_stages_in_a_local_file(
    source: str, cluster: Cluster, staged: dict[str, str], tmp_path: Path
) -> None:
    assert source in staged
    with Migration(cluster.settings, source, store_path=tmp_path / f"{source}.duckdb") as alone:
        alone.read(alone.newest_drop())
        alone.stage()
        with StagingStore(cluster.settings.store(source), turn=Turn("comparison")) as shared:
            for schema in ("typed", "derived", "staged"):
                assert shared.tables(schema) == alone.store.tables(schema)
                for table in shared.tables(schema):
                    rows = f"SELECT * FROM {quote(f'{schema}.{table}')} ORDER BY ALL"
                    assert shared.rows(rows) == alone.store.rows(rows), table
            for table in ("fate", "issue", "decided", "open_value"):
                rows = f"SELECT * FROM ops.{table} ORDER BY ALL"
                assert shared.rows(rows) == alone.store.rows(rows), table


def test_a_second_run_of_a_source_is_refused_and_says_by_whom(cluster: Cluster) -> None:
    catalog = cluster.settings.catalog
    assert catalog is not None
    free = hold_source(catalog, "leadforce", "first")
    try:
        run = cluster.start("leadforce_stage")
        said = run.communicate(timeout=300)[0]
        assert run.returncode != 0
        assert "'leadforce' in postgresql://" in said
        assert "is in use by run first (process " in said
        with pytest.raises(StoreInUseError, match="is in use by run first"):
            StagingStore(cluster.settings.store("leadforce"), turn=Turn("another"))
        with StagingStore(cluster.settings.store("legrand"), turn=Turn("another")) as other:
            assert other.tables("ops")
    finally:
        free()


def test_a_step_of_a_run_that_ended_is_refused(cluster: Cluster) -> None:
    with pytest.raises(StoreInUseError, match="of which this is a step, has ended"):
        StagingStore(cluster.settings.store("leadforce"), turn=Turn("gone", is_step=True))


def test_a_killed_writer_holds_nothing(cluster: Cluster) -> None:
    with StagingStore(cluster.settings.store("leadforce"), turn=Turn("before")) as store:
        store.execute("INSERT INTO ops.sample_mark VALUES ('kept', 'leads', 'ok', NULL)")
    code = (
        "import time; from crm_pipeline.settings import Settings; from crm_pipeline.staging.store import StagingStore\n"
        "from crm_pipeline.staging.places import Turn\n"
        "store = StagingStore(Settings.load().store('leadforce'), turn=Turn('killed'))\nstore.execute('BEGIN; DELETE FROM ops.sample_mark'); print('in', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], env=cluster.environ | {"PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE) as writer:  # noqa: S603
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"in\n"
        try:
            with pytest.raises(StoreInUseError, match="run killed"):
                StagingStore(cluster.settings.store("leadforce"), turn=Turn("next"))
        finally:
            writer.kill()
    time.sleep(1)
    with StagingStore(cluster.settings.store("leadforce"), turn=Turn("next")) as store:
        assert store.rows("SELECT external_id FROM ops.sample_mark") == [("kept",)]
