"""An embedded Odoo of each version behind a real HTTP server, and a faulty proxy in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline_tests.faults.proxy import FaultProxy, proxy_for
from crm_pipeline_tests.odoo_http import OdooHttp

KEY = "k3y-0123456789abcdef"
PASSWORD = "pa55word-of-admin"  # noqa: S105 - invented


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EmbeddedOdoo]]:
    folder = tmp_path_factory.mktemp("served")
    made = {
        version: EmbeddedOdoo(folder / f"{version}.db", version, now=lambda: datetime.now(UTC))
        for version in ("17.0", "18.0", "19.0")
    }
    yield made
    for odoo in made.values():
        odoo.close()


@pytest.fixture
def server(embedded: dict[str, EmbeddedOdoo], request: pytest.FixtureRequest) -> Iterator[OdooHttp]:
    """Serves the version of the test's ``version`` parameter, 18.0 without one."""
    version = request.node.callspec.params.get("version", "18.0") if hasattr(request.node, "callspec") else "18.0"
    served = OdooHttp(embedded[version], key=KEY, password=PASSWORD)
    yield served
    served.close()


@pytest.fixture
def proxy(server: OdooHttp) -> Iterator[FaultProxy]:
    with proxy_for(server.port) as made:
        yield made
