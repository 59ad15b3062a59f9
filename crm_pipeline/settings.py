"""Where things are and how destinations are reached: the only reader of environment variables."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

from crm_pipeline.odoo.environments import EnvironmentSettings
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline.odoo.transport import ProtocolName
from crm_pipeline.staging.lake import Lake
from crm_pipeline.staging.places import LocalFile, Place
from crm_pipeline.staging.postgres import PostgresCatalog

Environment = Literal["sandbox", "production"]
ENVIRONMENTS: tuple[Environment, ...] = ("sandbox", "production")

_PROJECT_ROOT = Path(__file__).resolve().parent.parent

class SettingsError(Exception):
    """An environment variable is missing or has a value that can't be used.

    Args:
        variable: its name.
        reason: what is wrong and what to do. Never holds the value of a secret.
    """

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}")


@dataclass(frozen=True)
class DataRoot:
    """The folder all data lives in; see its README for the layout."""

    path: Path

    def exports(self, source: str) -> Path:
        """Folder with one folder for each export drop."""
        return self.path / "exports" / source

    def resolutions(self, source: str) -> Path:
        """Folder with the resolution files people fill in."""
        return self.path / "resolutions" / source

    def store(self, source: str) -> Path:
        """The staging store's file."""
        return self.path / "staging" / f"{source}.duckdb"

    @property
    def lake(self) -> Path:
        """Folder of the Parquet files of a shared catalog."""
        return self.path / "staging" / "lake"

    def embedded(self, source: str, env: str, version: str) -> Path:
        """The embedded destination's file, one for each environment and Odoo version."""
        return self.path / "staging" / f"{source}.{env}.odoo-{version}.sqlite"

    def renamed(self, source: str, drop: str) -> Path:
        """Folder for copies of a drop's files under new names."""
        return self.path / "renamed" / source / drop

    def reports(self, source: str, env: str) -> Path:
        """Folder for reports, queues and certificates."""
        return self.path / "reports" / source / env


@dataclass(frozen=True)
class ExecutorSettings:
    """The Dagster executor that runs the steps of a run as processes of their own.

    Attributes:
        name: ``package:attribute``, as in ``dagster_celery:celery_executor``.
        config: YAML file with its configuration under ``execution: config:``, as Dagster's own tools read it.
    """

    name: str
    config: Path | None


@dataclass(frozen=True)
class Settings:
    """Everything that differs between machines."""

    data: DataRoot
    specs_root: Path
    environ: Mapping[str, str]

    @classmethod
    def load(cls, data: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment.

        Args:
            data: data root; else ``CRM_PIPELINE_DATA``, else the project's ``data``.
            environ: variables; the process's own when not given.
        """
        variables = dict(os.environ if environ is None else environ)
        root = data or Path(variables.get("CRM_PIPELINE_DATA") or _PROJECT_ROOT / "data")
        specs = Path(variables.get("CRM_PIPELINE_SPECS") or _PROJECT_ROOT / "mapping_specs")
        return cls(DataRoot(root.expanduser().resolve()), specs.resolve(), variables)

    def store(self, source: str) -> Place:
        """Where the staging store of a source is: a local file, or the shared catalog of ``CRM_PIPELINE_CATALOG``.

        Raises:
            SettingsError: the catalog's address can't be used.
        """
        catalog = self.catalog
        if catalog is None:
            return LocalFile(self.data.store(source))
        return Lake(source, catalog, self.environ.get("CRM_PIPELINE_CATALOG_DATA") or str(self.data.lake))

    @property
    def catalog(self) -> PostgresCatalog | None:
        """The database of the shared catalog, if there is one."""
        text = self.environ.get("CRM_PIPELINE_CATALOG", "").strip()
        return _catalog(text, self.environ.get("CRM_PIPELINE_CATALOG_PASSWORD") or None) if text else None

    @property
    def executor(self) -> ExecutorSettings | None:
        """How steps run where it is not all of them in the run's own process.

        Raises:
            SettingsError: the name is none, or there is no catalog that the processes could share.
        """
        name = self.environ.get("CRM_PIPELINE_EXECUTOR", "").strip()
        if not name:
            return None
        if not all(name.partition(":")):
            raise SettingsError("CRM_PIPELINE_EXECUTOR", f"'{name}' is not package:attribute, as in dagster_celery:celery_executor")
        if self.catalog is None:
            reason = "steps that run apart need a store they can share: set CRM_PIPELINE_CATALOG, too"
            raise SettingsError("CRM_PIPELINE_EXECUTOR", reason)
        config = self.environ.get("CRM_PIPELINE_EXECUTOR_CONFIG")
        return ExecutorSettings(name, Path(config).expanduser().resolve() if config else None)

    @property
    def user(self) -> str:
        """Who runs this, for the record of runs."""
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return "unknown"

    def environment(self, env: str, source: str) -> EnvironmentSettings:
        """How to reach the destination of an environment; the embedded one when it has no URL.

        Raises:
            SettingsError: for an unknown environment or version.
            ConfigurationError: for a half-set environment or an unknown protocol.
        """
        if env not in ENVIRONMENTS:
            raise SettingsError("--env", f"'{env}' is no environment; say sandbox or production")
        prefix = f"ODOO_{env.upper()}_"
        value = {
            name: self.environ.get(prefix + name, "").strip() or None
            for name in ("URL", "DB", "LOGIN", "API_KEY", "PROTOCOL", "VERSION")
        }
        version = _version(prefix, value["VERSION"])
        return EnvironmentSettings(
            name=env,
            url=value["URL"],
            db=value["DB"],
            login=value["LOGIN"],
            api_key=value["API_KEY"],
            protocol=cast("ProtocolName", value["PROTOCOL"] or "auto"),
            version=version,
            embedded_path=self.data.embedded(source, env, version),
        )


def _version(prefix: str, text: str | None) -> str:
    versions = bundled_versions()
    if text is None:
        return max(versions, key=float)
    normal = text if "." in text else f"{text}.0"
    if normal not in versions:
        raise SettingsError(
            prefix + "VERSION", f"'{text}' is not bundled; the embedded destination knows {', '.join(versions)}"
        )
    return normal


def _catalog(text: str, password: str | None) -> PostgresCatalog:
    """Messages never quote the text: a password may stand in it, also in one that is no address."""
    wrong = "is not an address like postgresql://user@host:5432/database; its password may be in CRM_PIPELINE_CATALOG_PASSWORD"
    try:
        parts = urlsplit(text)
        port = parts.port or 5432
    except ValueError:
        raise SettingsError("CRM_PIPELINE_CATALOG", wrong) from None
    database = parts.path.strip("/")
    if parts.scheme not in {"postgresql", "postgres"} or not parts.hostname or not parts.username or not database or "/" in database:
        raise SettingsError("CRM_PIPELINE_CATALOG", wrong)
    if parts.query or parts.fragment:
        raise SettingsError("CRM_PIPELINE_CATALOG", "takes no options behind the database; libpq's variables do (PGSSLMODE, PGSSLROOTCERT)")
    given = unquote(parts.password) if parts.password else None
    return PostgresCatalog(parts.hostname, port, unquote(database), unquote(parts.username), password or given)
