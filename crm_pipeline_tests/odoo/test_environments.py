"""From settings to a destination; half-set environments are errors."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.odoo.environments import EnvironmentSettings, open_destination
from crm_pipeline.odoo.errors import ConfigurationError
from crm_pipeline_tests.odoo.conftest import KEY
from crm_pipeline_tests.odoo_http import OdooHttp


def test_without_a_url_it_is_embedded_and_newest(tmp_path: Path) -> None:
    settings = EnvironmentSettings(name="sandbox", embedded_path=tmp_path / "deep" / "sandbox.db")
    assert settings.is_embedded
    odoo = open_destination(settings, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert (odoo.kind, odoo.version) == ("embedded", "19.0")
    odoo.close()


def test_an_embedded_version_can_be_chosen(tmp_path: Path) -> None:
    odoo = open_destination(EnvironmentSettings(name="production", embedded_path=tmp_path / "p.db", version="17.0"))
    assert odoo.version == "17.0"
    odoo.close()


def test_with_a_url_it_is_a_server(server: OdooHttp, tmp_path: Path) -> None:
    settings = EnvironmentSettings(
        name="sandbox", embedded_path=tmp_path / "s.db", url=server.url, db="test", login="admin", api_key=KEY
    )
    odoo = open_destination(settings)
    assert (odoo.kind, odoo.version, odoo.base_url) == ("server", "18.0", server.url)
    odoo.close()


@pytest.mark.parametrize("missing", ["url", "db", "login", "api_key"])
def test_half_an_environment_is_an_error_that_names_the_rest(tmp_path: Path, missing: str) -> None:
    given: dict[str, Any] = {"url": "https://x.org", "db": "d", "login": "l", "api_key": KEY}
    del given[missing]
    with pytest.raises(ConfigurationError, match=f"ODOO_PRODUCTION_{missing.upper()} missing") as caught:
        EnvironmentSettings(name="production", embedded_path=tmp_path / "p.db", **given)
    assert KEY not in str(caught.value)


def test_an_unknown_protocol_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ODOO_SANDBOX_PROTOCOL is 'soap'"):
        EnvironmentSettings(name="sandbox", embedded_path=tmp_path / "s.db", protocol="soap")  # type: ignore[arg-type]


def test_the_key_is_not_in_the_repr(tmp_path: Path) -> None:
    settings = EnvironmentSettings(
        name="sandbox", embedded_path=tmp_path / "s.db", url="https://x.org", db="d", login="l", api_key=KEY
    )
    assert KEY not in repr(settings)
