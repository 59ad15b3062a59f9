"""An embedded Odoo served over HTTP, with a proxy before it that plants faults."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline_tests.faults.proxy import FaultProxy, proxy_for
from crm_pipeline_tests.odoo_http import OdooHttp


@pytest.fixture
def odoo(tmp_path: Path) -> Iterator[EmbeddedOdoo]:
    opened = EmbeddedOdoo(tmp_path / "odoo.sqlite", "18.0", now=lambda: datetime.now(UTC))
    yield opened
    opened.close()


@pytest.fixture
def proxy(odoo: EmbeddedOdoo) -> Iterator[FaultProxy]:
    server = OdooHttp(odoo, key="key", password="key")  # noqa: S106 - a test server's
    try:
        with proxy_for(server.port) as opened:
            yield opened
    finally:
        server.close()
