"""The same statements about Odoo, asked of the embedded destination and, with ODOO_TEST_URL, of a real server.

ODOO_TEST_URL, ODOO_TEST_DB, ODOO_TEST_LOGIN, ODOO_TEST_API_KEY, optional ODOO_TEST_PROTOCOL name a database that tests
may write to: they use unique names and leave records behind.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline.odoo.transport import ProtocolName, connect

SERVER = "server"
EVERY: dict[str, Any] = {"active_test": False}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "destination" in metafunc.fixturenames:
        kinds = [*bundled_versions(), *([SERVER] if os.environ.get("ODOO_TEST_URL") else [])]
        metafunc.parametrize("destination", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def destination(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Destination]:
    opened: Destination
    if request.param == SERVER:
        protocol: ProtocolName = os.environ.get("ODOO_TEST_PROTOCOL", "auto")  # type: ignore[assignment]
        opened = connect(
            os.environ["ODOO_TEST_URL"],
            os.environ["ODOO_TEST_DB"],
            os.environ["ODOO_TEST_LOGIN"],
            os.environ["ODOO_TEST_API_KEY"],
            protocol=protocol,
        )
    else:
        path = tmp_path_factory.mktemp("embedded") / f"odoo-{request.param}.db"
        opened = EmbeddedOdoo(path, request.param, now=lambda: datetime.now(UTC))
    yield opened
    opened.close()


@pytest.fixture
def unique() -> str:
    """A word no other test and no earlier run has used."""
    return "u" + uuid.uuid4().hex[:12]


class Records:
    """Short ways to say what a test needs; every write is quiet."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination

    def new(self, model: str, /, **vals: Any) -> int:
        (key,) = self.destination.create(model, [vals], context=QUIET)
        return key

    def write(self, model: str, key: int, /, **vals: Any) -> None:
        self.destination.write(model, [key], vals, context=QUIET)

    def read(self, model: str, key: int, *fields: str) -> Record:
        (record,) = self.destination.search_read(model, [["id", "=", key]], fields, context=EVERY)
        return record

    def value(self, model: str, key: int, field: str) -> Any:
        return self.read(model, key, field)[field]

    def ref(self, xmlid: str) -> int:
        module, _, name = xmlid.partition(".")
        found: list[Any] = self.destination.call("ir.model.data", "check_object_reference", module=module, xml_id=name)
        return int(found[1])

    def model_id(self, model: str) -> int:
        (found,) = self.destination.search_read("ir.model", [["model", "=", model]], ["model"])
        return int(found["id"])


@pytest.fixture
def odoo(destination: Destination) -> Records:
    return Records(destination)
