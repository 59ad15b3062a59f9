"""Preflight on a real server, with ODOO_TEST_URL (see conformance/conftest.py): the same verdicts, and a user with few rights."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from crm_pipeline.odoo.destination import QUIET
from crm_pipeline.odoo.errors import AuthenticationError, ConfigurationError
from crm_pipeline.odoo.transport import OdooServer, ProtocolName, connect
from crm_pipeline_tests.odoo.preflight import Staged, found

pytestmark = pytest.mark.skipif("ODOO_TEST_URL" not in os.environ, reason="needs a real Odoo: ODOO_TEST_URL")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    made = Staged(tmp_path_factory.mktemp("preflight"))
    yield made
    made.migration.close()


def open_server(login: str | None = None, secret: str | None = None, db: str | None = None) -> OdooServer:
    """The server of the environment, as another user or on another database where given."""
    protocol: ProtocolName = "jsonrpc" if login else os.environ.get("ODOO_TEST_PROTOCOL", "auto")  # type: ignore[assignment]
    return connect(
        os.environ["ODOO_TEST_URL"], db or os.environ["ODOO_TEST_DB"], login or os.environ["ODOO_TEST_LOGIN"],
        secret or os.environ["ODOO_TEST_API_KEY"], protocol=protocol, attempts=3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[OdooServer]:
    opened = open_server()
    yield opened
    opened.close()


def test_a_server_with_all_apps_passes(staged: Staged, server: OdooServer) -> None:
    examination = staged.examine(server)
    for check in ("version_is_supported", "access_granted", "apps_installed", "mapped_fields_exist", "values_fit", "values_allowed"):
        assert found(examination, check) == {}, check
    topics = {fact.topic for fact in examination.facts}
    assert {"Server", "User", "Company", "Apps"} <= topics
    assert all(p.in_odoo is not None or p.model.startswith("x_") for p in examination.present)


def test_a_user_with_few_rights_is_told_which_group_has_them(staged: Staged, server: OdooServer) -> None:
    login = f"few{uuid.uuid4().hex[:8]}"
    groups = "group_ids" if "group_ids" in server.fields_get("res.users") else "groups_id"
    (_, salesman) = server.call("ir.model.data", "check_object_reference", module="sales_team", xml_id="group_sale_salesman")
    server.create("res.users", [{"name": login, "login": login, "password": login, groups: [[6, 0, [salesman]]]}], context=QUIET)
    few = open_server(login, login)
    examination = staged.examine(few)
    few.close()
    findings = examination.verdicts["access_granted"].findings
    stage = next(finding for finding in findings if "crm.stage" in finding.where.split(", "))
    assert stage.problem == "the user may not create and change such records"
    assert "Sales" in stage.what_to_do
    assert "Administrator" in stage.what_to_do
    fields = next(finding for finding in findings if "ir.model.fields" in finding.where.split(", "))
    assert "crm-pipeline addon leadforce" in fields.what_to_do
    assert not any("crm.lead" in finding.where.split(", ") for finding in findings)
    assert any("crm.lead" in f.where.split(", ") for f in examination.verdicts["rollback_granted"].findings)


def test_a_wrong_key_and_a_wrong_database_are_told_apart() -> None:
    with pytest.raises(AuthenticationError, match="check LOGIN and API_KEY"):
        open_server(secret="0" * 40)
    with pytest.raises(ConfigurationError, match="no database 'nosuch"):
        open_server(db=f"nosuch{uuid.uuid4().hex[:6]}")
