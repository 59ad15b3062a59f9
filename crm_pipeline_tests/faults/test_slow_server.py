"""A server that ends calls which take too long gets smaller ones, and everything arrives once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline.odoo.creating import Creation
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.fence import Fence
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.sender import Batch, Sender
from crm_pipeline.odoo.transport import OdooServer, connect
from crm_pipeline_tests.faults.proxy import Fault, FaultProxy

ROWS = 200
#: what the server manages in its time
MOST = 60


@pytest.fixture
def server(proxy: FaultProxy) -> Iterator[OdooServer]:
    opened = connect(proxy.url, "test", "admin", "key")
    yield opened
    opened.close()


def is_too_long(path: str, body: bytes) -> bool:
    del path
    return (b'"create"' in body or b'"load",[' in body) and body.count(b"slow.row") > MOST


@pytest.mark.parametrize("creates", [True, False])
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.LOST_REPLY])
def test_what_takes_too_long_is_sent_in_smaller_calls(
    odoo: EmbeddedOdoo, proxy: FaultProxy, server: OdooServer, fault: Fault, *, creates: bool
) -> None:
    proxy.plan(fault, is_too_long, times=10_000)
    retry = RetryPolicy(attempts=5, sleep=lambda seconds: None)
    fence = Fence(server, "slow", "res.partner", server.fields_get("res.partner")["category_id"], "r", retry)
    fence.open(looks_up=False)
    names = tuple(f"row{number}" for number in range(ROWS))
    batch = Batch(
        "res.partner", ("name",), names, tuple((name,) for name in names), kinds=("char",), creation=Creation(fence) if creates else None
    )
    sender = Sender(server, "slow", retry)
    outcome = sender.send(batch)
    fence.close()
    assert set(outcome.ids) == set(names)
    assert odoo.search_count("res.partner", [["name", "like", "row"]]) == ROWS
    if fault is Fault.RESET:
        failed = proxy.count(is_too_long)
        assert failed == 2, "200 and 100 rows are too many, 50 are not"
        more = tuple(f"more{number}" for number in range(ROWS))
        sender.send(Batch("res.partner", ("name",), more, tuple((name,) for name in more), kinds=("char",)))
        assert proxy.count(is_too_long) == failed, "what was learnt holds for the batches that follow"


def test_a_model_s_fields_are_asked_for_once_until_fields_are_made(proxy: FaultProxy, server: OdooServer) -> None:
    def asked(path: str, body: bytes) -> bool:
        del path
        return b'"fields_get"' in body

    for _ in range(3):
        assert "x_new" not in server.fields_get("res.partner")
    assert proxy.count(asked) == 1
    (model,) = server.search_read("ir.model", [("model", "=", "res.partner")], ["id"])
    values = {"model_id": model["id"], "name": "x_new", "field_description": "New", "ttype": "char", "state": "manual"}
    server.create("ir.model.fields", [values])
    assert "x_new" in server.fields_get("res.partner")
