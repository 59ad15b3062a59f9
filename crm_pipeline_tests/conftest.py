"""Fixtures shared by all tests: data roots with real files, migrations on the embedded destination."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.settings import Settings
from crm_pipeline_tests.small_documents import document_export
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners, typical_export

hypothesis_settings.register_profile("project", deadline=None)  # a slow machine is no fault
hypothesis_settings.load_profile("project")

Migrate = Callable[..., run.RunOutcome]


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """An empty data root."""
    return tmp_path / "data"


@pytest.fixture
def typical_root(data_root: Path) -> Path:
    """A data root with the typical small export and its owners' decisions."""
    typical_export().write(data_root)
    decide_owners(data_root, TYPICAL_DECISIONS)
    return data_root


def migrate(root: Path, *, environ: dict[str, str] | None = None, **options: Any) -> run.RunOutcome:
    """Run a whole migration of Leadforce's sandbox; embedded unless ``environ`` says where."""
    settings = Settings.load(root, {"ODOO_SANDBOX_VERSION": "18.0"} if environ is None else environ)
    with Migration(settings, "leadforce") as migration:
        return run.migrate(migration, "sandbox", **options)


@pytest.fixture(scope="session")
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, run.RunOutcome]]:
    """A data root after the typical migration into an embedded Odoo of a version, made once; do not change it."""
    made: dict[str, tuple[Path, run.RunOutcome]] = {}

    def once(version: str) -> tuple[Path, run.RunOutcome]:
        if version not in made:
            root = tmp_path_factory.mktemp(f"migrated-{version}")
            typical_export().write(root)
            decide_owners(root, TYPICAL_DECISIONS)
            made[version] = (root, migrate(root, environ={"ODOO_SANDBOX_VERSION": version}))
        return made[version]

    return once


@pytest.fixture(scope="session")
def documents_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A data root after a migration of files, quotations, invoices and payments, made once a version; do not change it."""
    made: dict[str, Path] = {}

    def once(version: str) -> Path:
        if version not in made:
            made[version] = tmp_path_factory.mktemp(f"documents-{version}") / "data"
            document_export().write(made[version])
            decide_owners(made[version], TYPICAL_DECISIONS)
            migrate(made[version], environ={"ODOO_SANDBOX_VERSION": version})
        return made[version]

    return once


@pytest.fixture
def migrated(data_root: Path, migrated_once: Callable[[str], tuple[Path, run.RunOutcome]]) -> Callable[..., Path]:
    """Makes the test's data root a copy of one after the typical migration."""

    def copy(version: str = "18.0") -> Path:
        shutil.copytree(migrated_once(version)[0], data_root)
        return data_root

    return copy
