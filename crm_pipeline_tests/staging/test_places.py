"""Where the store is, chosen by settings only; and what a shared catalog says without telling its password."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from crm_pipeline.settings import Settings, SettingsError
from crm_pipeline.staging.lake import Lake
from crm_pipeline.staging.places import LocalFile, StoreInUseError, Turn
from crm_pipeline.staging.postgres import CatalogError, PostgresCatalog
from crm_pipeline.staging.store import StagingStore

SECRET = "s3cr@t"  # noqa: S105 - invented
ADDRESS = "postgresql://crm@db.example:6432/catalog"


def test_nothing_set_is_a_local_file(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path, {})
    assert settings.store("acme") == LocalFile(tmp_path.resolve() / "staging" / "acme.duckdb")
    assert settings.catalog is None
    assert settings.executor is None


def test_a_catalog_is_an_address_and_each_source_has_its_own(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path, {"CRM_PIPELINE_CATALOG": ADDRESS, "CRM_PIPELINE_CATALOG_PASSWORD": SECRET})
    catalog = PostgresCatalog("db.example", 6432, "catalog", "crm", SECRET)
    assert settings.store("acme") == Lake("acme", catalog, str(tmp_path.resolve() / "staging" / "lake"))
    assert settings.store("acme") != settings.store("other")


def test_a_password_may_stand_in_the_address_and_is_never_shown() -> None:
    settings = Settings.load(environ={"CRM_PIPELINE_CATALOG": "postgres://crm:s3cr%40t@db.example/catalog"})
    assert settings.catalog == PostgresCatalog("db.example", 5432, "catalog", "crm", SECRET)
    assert SECRET not in f"{settings.catalog} {settings.catalog!r} {settings.store('acme')!r}"


@pytest.mark.parametrize("address", [
    f"mysql://crm:{SECRET}@db/catalog", f"crm:{SECRET}@db/catalog", f"postgresql://crm:{SECRET}@db", f"postgresql://crm:{SECRET}@db:x/catalog",
    f"postgresql://crm:{SECRET}@db/catalog?sslmode=require",
])  # fmt: skip
def test_a_wrong_address_is_refused_without_being_quoted(address: str) -> None:
    with pytest.raises(SettingsError, match="CRM_PIPELINE_CATALOG") as refused:
        _ = Settings.load(environ={"CRM_PIPELINE_CATALOG": address}).catalog
    assert SECRET not in str(refused.value)
    assert "s3cr" not in str(refused.value)


def test_what_a_driver_says_is_told_without_the_password() -> None:
    catalog = PostgresCatalog("db.example", 5432, "catalog", "crm", SECRET)
    said = f'connection to "host=db.example password={SECRET} user=crm" failed\n  {SECRET} password = other'
    assert catalog.without_secret(said) == 'connection to "host=db.example password=*** user=crm" failed *** password = ***'


def test_a_catalog_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(CatalogError) as failed:
        StagingStore(Lake("acme", PostgresCatalog("127.0.0.1", 1, "catalog", "crm", SECRET), "/nowhere"))
    assert SECRET not in str(failed.value)
    assert "\n" not in str(failed.value)


def test_steps_that_run_apart_need_a_catalog() -> None:
    alone = {"CRM_PIPELINE_EXECUTOR": "dagster_celery:celery_executor"}
    with pytest.raises(SettingsError, match="set CRM_PIPELINE_CATALOG, too"):
        _ = Settings.load(environ=alone).executor
    with pytest.raises(SettingsError, match="package:attribute"):
        _ = Settings.load(environ={"CRM_PIPELINE_EXECUTOR": "celery", "CRM_PIPELINE_CATALOG": ADDRESS}).executor
    chosen = Settings.load(environ={**alone, "CRM_PIPELINE_CATALOG": ADDRESS}).executor
    assert chosen is not None
    assert (chosen.name, chosen.config) == ("dagster_celery:celery_executor", None)


def test_a_local_file_that_is_open_elsewhere_says_so(tmp_path: Path) -> None:
    error = StoreInUseError(tmp_path / "acme.duckdb")
    assert str(error).startswith(f"{tmp_path / 'acme.duckdb'} is in use by another process. Wait for the other run")


def test_together_is_only_about_when_a_local_file_needs_nothing(tmp_path: Path) -> None:
    with StagingStore(tmp_path / "acme.duckdb") as store:
        with suppress(ZeroDivisionError), store.together():
            store.execute("INSERT INTO ops.sample_mark VALUES ('a', 'b', 'c', 'd')")
            raise ZeroDivisionError
        assert store.value("SELECT count(*) FROM ops.sample_mark") == 1
        assert store.has_table("ops.sample_mark")
        assert not store.has_table("ops.nothing")
        assert store.tables("staged") == []


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake whose catalog is a file; the extension is there where the extra 'cluster' is installed."""
    if importlib.util.find_spec("duckdb_extension_ducklake") is None:
        pytest.skip("needs the extra 'cluster'")
    return Lake("acme", tmp_path / "catalog" / "acme.ducklake", str(tmp_path / "lake"))


def test_a_lake_has_the_tables_of_a_file_and_keeps_rows(lake: Lake, tmp_path: Path) -> None:
    with StagingStore(tmp_path / "file.duckdb") as file, StagingStore(lake, turn=Turn("one")) as store:
        assert store.tables("ops") == file.tables("ops")
        for table in file.tables("ops"):
            assert store.columns(f"ops.{table}") == file.columns(f"ops.{table}"), table
        store.insert("ops.orphan_decision", pl.DataFrame({"object": ["deals"]}))
        store.execute("CREATE OR REPLACE TEMP TABLE _own AS SELECT 1 AS a")
    with StagingStore(lake, turn=Turn("two")) as store:
        assert store.rows("SELECT object, used FROM ops.orphan_decision") == [("deals", False)]
        assert not store.has_table("_own")


def test_a_lake_undoes_a_transaction_and_keeps_what_was_written_together(lake: Lake) -> None:
    mark = "INSERT INTO ops.sample_mark VALUES (?, 'b', 'c', 'd')"
    with StagingStore(lake) as store:
        with suppress(ZeroDivisionError), store.together():
            store.execute(mark, ["before"])
            with store.transaction():
                store.execute(mark, ["undone"])
                raise ZeroDivisionError
        with store.together(), store.together():
            store.execute(mark, ["after"])
    with StagingStore(lake) as store:
        assert store.rows("SELECT external_id FROM ops.sample_mark ORDER BY 1") == [("after",), ("before",)]
