"""OdooServer over real HTTP: protocols, every kind of failure, and what is repeated after it."""

from __future__ import annotations

import logging
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from crm_pipeline.odoo.errors import (
    AccessRightsError,
    AuthenticationError,
    CallError,
    ConcurrencyError,
    ConfigurationError,
    DataError,
    DestinationError,
    InDoubtError,
    NotSentError,
)
from crm_pipeline.odoo.faults import fault, fault_of_xmlrpc, load_result
from crm_pipeline.odoo.transport import OdooServer, ProtocolName, connect
from crm_pipeline_tests.faults.proxy import Fault, FaultProxy, method_is
from crm_pipeline_tests.odoo.conftest import KEY, PASSWORD
from crm_pipeline_tests.odoo_http import OdooError, OdooHttp

WIRES: list[tuple[str, ProtocolName]] = [
    ("17.0", "jsonrpc"), ("18.0", "jsonrpc"), ("18.0", "xmlrpc"), ("19.0", "json2"), ("19.0", "jsonrpc"),
]  # fmt: skip
every_wire = pytest.mark.parametrize(("version", "protocol"), WIRES)
TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'
Opener = Callable[..., OdooServer]


@pytest.fixture
def unique() -> str:
    return "u" + uuid.uuid4().hex[:12]


@pytest.fixture
def opener() -> Iterator[Opener]:
    """Connects with short waits; closes what it opened."""
    opened: list[OdooServer] = []

    def open_server(url: str, protocol: ProtocolName = "auto", *, secret: str = KEY, **options: Any) -> OdooServer:
        options = {"attempts": 3, "first_wait": 0.001, "read_timeout": 20, **options}
        db, login = options.pop("db", "test"), options.pop("login", "admin")
        opened.append(connect(url, db, login, secret, protocol=protocol, **options))
        return opened[-1]

    yield open_server
    for odoo in opened:
        odoo.close()


# -- connecting


@pytest.mark.parametrize(("version", "expected"), [("17.0", "jsonrpc"), ("18.0", "jsonrpc"), ("19.0", "json2")])
def test_auto_takes_the_protocol_of_the_version(server: OdooHttp, opener: Opener, version: str, expected: str) -> None:
    odoo = opener(server.url)
    assert (odoo.version, odoo.protocol, odoo.kind) == (version, expected, "server")
    assert odoo.base_url == server.url
    assert odoo.database == f"test at {server.url}"


@pytest.mark.parametrize("version", ["19.0"])
def test_a_password_on_19_falls_back_to_jsonrpc_and_says_so(
    server: OdooHttp, opener: Opener, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    del version
    with caplog.at_level(logging.WARNING):
        odoo = opener(server.url, secret=PASSWORD)
    assert odoo.protocol == "jsonrpc"
    assert "Create an API key" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("version", ["19.0"])
def test_a_password_is_refused_when_json2_was_asked_for(server: OdooHttp, opener: Opener, version: str) -> None:
    del version
    with pytest.raises(AuthenticationError, match="API_KEY"):
        opener(server.url, "json2", secret=PASSWORD)


@every_wire
def test_a_wrong_secret_is_refused(server: OdooHttp, opener: Opener, version: str, protocol: ProtocolName) -> None:
    del version
    with pytest.raises(AuthenticationError, match="check LOGIN and API_KEY"):
        opener(server.url, protocol, secret="wrong")  # noqa: S106 - invented


@every_wire
def test_a_wrong_database_is_named(server: OdooHttp, opener: Opener, version: str, protocol: ProtocolName) -> None:
    del version
    with pytest.raises(ConfigurationError, match="no database 'elsewhere'"):
        opener(server.url, protocol, db="elsewhere")


@pytest.mark.parametrize("version", ["19.0"])
def test_a_key_of_another_login_is_named(server: OdooHttp, opener: Opener, version: str) -> None:
    del version
    with pytest.raises(ConfigurationError, match="belongs to 'admin', not to 'joe'"):
        opener(server.url, "json2", login="joe")


def test_json2_before_19_is_refused(server: OdooHttp, opener: Opener) -> None:
    with pytest.raises(ConfigurationError, match=r"18\.0 has no JSON-2"):
        opener(server.url, "json2")


@pytest.mark.parametrize("missing", ["db", "login"])
def test_empty_settings_are_named(server: OdooHttp, opener: Opener, missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{missing.upper()} is empty"):
        opener(server.url, **{missing: ""})


@pytest.mark.parametrize("url", ["odoo.example.com", "ftp://odoo.example.com", "https://"])
def test_what_is_not_a_url_is_refused(opener: Opener, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"https://odoo\.example\.com"):
        opener(url)


def test_a_secret_in_the_url_is_refused_without_repeating_it(opener: Opener) -> None:
    with pytest.raises(ConfigurationError) as caught:
        opener(f"https://admin:{PASSWORD}@odoo.example.com")
    assert PASSWORD not in str(caught.value)


def test_a_refused_connection_was_not_sent(opener: Opener) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotSentError, match="cannot connect"):
        opener(f"http://127.0.0.1:{port}")


def test_tls_to_a_port_without_it_is_named(server: OdooHttp, opener: Opener) -> None:
    with pytest.raises(ConfigurationError, match="does not speak TLS"):
        opener(server.url.replace("http://", "https://"))


def test_an_unknown_host_was_not_sent(opener: Opener) -> None:
    with pytest.raises(NotSentError, match="cannot connect"):
        opener("http://no-such-host.invalid")


@pytest.mark.parametrize(
    ("status", "headers"), [(404, {}), (200, {}), (302, {"Location": "https://elsewhere/login?next=1"})]
)
def test_a_server_that_is_not_odoo_is_named(opener: Opener, status: int, headers: dict[str, str]) -> None:
    class Other(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", "Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

    other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with pytest.raises((ConfigurationError, InDoubtError)):
            opener(f"http://127.0.0.1:{other.server_address[1]}")
    finally:
        other.shutdown()
        other.server_close()
        thread.join()


# -- calls


@every_wire
def test_the_interface_over_every_protocol(
    server: OdooHttp, opener: Opener, unique: str, version: str, protocol: ProtocolName
) -> None:
    odoo = opener(server.url, protocol)
    assert odoo.version == version
    one, two = odoo.create(
        "res.partner", [{"name": unique, "is_company": True, "color": 3}, {"name": f"{unique} é漢🚀"}]
    )
    odoo.write("res.partner", [two], {"parent_id": one, "city": False})
    expected = {"id": two, "name": f"{unique} é漢🚀", "parent_id": one, "city": False, "category_id": []}
    fields = ["name", "parent_id", "city", "category_id"]
    assert odoo.search_read("res.partner", [("id", "=", two)], fields) == [expected]
    assert odoo.search_read(
        "res.partner", [["name", "like", unique]], ["color"], order="id desc", limit=1, offset=1
    ) == [{"id": one, "color": 3}]
    assert odoo.search_count("res.partner", [["name", "like", unique]]) == 2
    assert odoo.fields_get("res.partner")["parent_id"].relation == "res.partner"
    assert "opportunity" in odoo.fields_get("crm.lead")["type"].selection
    loaded = odoo.load("res.partner", ["id", "name"], [[f"{unique}.a", "A"], ["", "B"]], context={"tz": "UTC"})
    assert loaded.ids is not None
    assert len(loaded.ids) == 2
    refused = odoo.load("crm.lead", ["id", "name"], [[f"{unique}.l", ""], [f"{unique}.m", "M"]])
    assert refused.ids is None
    assert [message.row for message in refused.messages] == [0]
    assert odoo.call("ir.model.data", "check_object_reference", module=unique, xml_id="a") == [
        "res.partner",
        loaded.ids[0],
    ]
    assert odoo.call("res.partner", "read", ids=[one], fields=["name"]) == [{"id": one, "name": unique}]
    odoo.unlink("res.partner", loaded.ids)
    assert odoo.search_count("res.partner", [["id", "in", loaded.ids]]) == 0


@every_wire
def test_a_method_that_returns_none(server: OdooHttp, opener: Opener, version: str, protocol: ProtocolName) -> None:
    del version
    assert opener(server.url, protocol).call("account.payment", "action_draft", ids=[1]) is None
    assert server.served[-1] == "account.payment.action_draft"


@every_wire
def test_what_odoo_refuses(server: OdooHttp, opener: Opener, version: str, protocol: ProtocolName) -> None:
    del version
    odoo = opener(server.url, protocol)
    with pytest.raises(DataError, match="Contacts require a name"):
        odoo.create("res.partner", [{"is_company": True}])
    with pytest.raises(CallError, match="nonsense"):
        odoo.create("res.partner", [{"name": "x", "nonsense": 1}])
    with pytest.raises(CallError):
        odoo.search_count("no.model", [])


@pytest.mark.parametrize(("version", "protocol"), [("18.0", "jsonrpc"), ("18.0", "xmlrpc"), ("19.0", "json2")])
@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("odoo.exceptions.UserError", "No", DataError),
        ("odoo.exceptions.AccessError", "You are not allowed", AccessRightsError),
        ("builtins.KeyError", "'x'", CallError),
        ("builtins.TypeError", "got an unexpected keyword argument 'x'", CallError),
        ("builtins.ValueError", "Wrong value for crm.lead.type: 'zz'", DataError),
        ("psycopg2.errors.NotNullViolation", "null value in column", DataError),
    ],
)
def test_a_refused_write_is_not_repeated(
    server: OdooHttp, opener: Opener, version: str, protocol: ProtocolName, name: str, message: str, expected: type
) -> None:
    del version
    odoo = opener(server.url, protocol)
    server.faults = [OdooError(name, message), OdooError("builtins.RuntimeError", "repeated")]
    with pytest.raises(DestinationError) as caught:
        odoo.create("res.partner", [{"name": "x"}])
    assert type(caught.value) is expected
    assert caught.value.call == "res.partner.create"
    assert len(server.faults) == 1


@pytest.mark.parametrize(("version", "protocol"), [("18.0", "jsonrpc"), ("18.0", "xmlrpc"), ("19.0", "json2")])
@pytest.mark.parametrize(
    "name",
    [
        "psycopg2.errors.SerializationFailure", "psycopg2.errors.LockNotAvailable", "psycopg2.errors.DeadlockDetected",
        "psycopg2.extensions.TransactionRollbackError",
    ],
)  # fmt: skip
def test_a_write_is_repeated_after_a_concurrency_failure(
    server: OdooHttp, opener: Opener, unique: str, version: str, protocol: ProtocolName, name: str
) -> None:
    del version
    odoo = opener(server.url, protocol)
    server.faults = [OdooError(name, "could not serialize access due to concurrent update")] * 2
    odoo.create("res.partner", [{"name": unique}])
    assert odoo.search_count("res.partner", [["name", "=", unique]]) == 1


def test_repeating_ends(server: OdooHttp, opener: Opener) -> None:
    odoo = opener(server.url, attempts=3)
    server.faults = [OdooError("psycopg2.errors.DeadlockDetected", "deadlock detected")] * 5
    with pytest.raises(ConcurrencyError):
        odoo.create("res.partner", [{"name": "x"}])
    assert len(server.faults) == 2


# -- failures on the way


@pytest.mark.parametrize(("version", "protocol"), [("18.0", "jsonrpc"), ("18.0", "xmlrpc"), ("19.0", "json2")])
@pytest.mark.parametrize(
    ("kind", "executed"),
    [
        (Fault.RESET, 0),
        (Fault.LOST_REPLY, 1),
        (Fault.RESET_REPLY, 1),
        (Fault.HANG, 1),
        (Fault.TRUNCATE, 1),
        (Fault.STATUS, 0),
        (Fault.STATUS_AFTER, 1),
    ],
)
class TestBrokenExchanges:
    def test_a_write_is_in_doubt_and_not_repeated(
        self,
        proxy: FaultProxy,
        opener: Opener,
        unique: str,
        version: str,
        protocol: ProtocolName,
        kind: Fault,
        executed: int,
    ) -> None:
        del version
        odoo = opener(proxy.url, protocol, read_timeout=0.5 if kind is Fault.HANG else 20)
        proxy.plan(kind, method_is("create"), status=502)
        with pytest.raises(InDoubtError):
            odoo.create("res.partner", [{"name": unique}])
        proxy.release()
        assert proxy.count(method_is("create")) == 1
        assert odoo.search_count("res.partner", [["name", "=", unique]]) == executed

    def test_a_load_is_in_doubt_and_not_repeated(
        self,
        proxy: FaultProxy,
        opener: Opener,
        unique: str,
        version: str,
        protocol: ProtocolName,
        kind: Fault,
        executed: int,
    ) -> None:
        del version
        odoo = opener(proxy.url, protocol, read_timeout=0.5 if kind is Fault.HANG else 20)
        proxy.plan(kind, method_is("load"), status=504)
        with pytest.raises(InDoubtError):
            odoo.load("res.partner", ["id", "name"], [[f"{unique}.a", unique]])
        proxy.release()
        assert proxy.count(method_is("load")) == 1
        assert odoo.search_count("ir.model.data", [["module", "=", unique]]) == executed

    def test_a_read_is_repeated(
        self, proxy: FaultProxy, opener: Opener, version: str, protocol: ProtocolName, kind: Fault, executed: int
    ) -> None:
        del version, executed
        odoo = opener(proxy.url, protocol, read_timeout=0.5 if kind is Fault.HANG else 20)
        proxy.plan(kind, method_is("search_count"), times=2, status=503)
        assert odoo.search_count("res.partner", [["id", "=", 1]]) == 1
        assert proxy.count(method_is("search_count")) == 3


@every_wire
def test_a_throttled_write_is_repeated(
    proxy: FaultProxy, opener: Opener, unique: str, version: str, protocol: ProtocolName
) -> None:
    del version
    odoo = opener(proxy.url, protocol)
    proxy.plan(Fault.STATUS, method_is("create"), status=429, times=2)
    odoo.create("res.partner", [{"name": unique}])
    assert proxy.count(method_is("create")) == 3
    assert odoo.search_count("res.partner", [["name", "=", unique]]) == 1


@pytest.mark.parametrize(("status", "method"), [(429, "create"), (503, "search_count")])
def test_retry_after_is_honoured(
    proxy: FaultProxy, opener: Opener, caplog: pytest.LogCaptureFixture, status: int, method: str
) -> None:
    odoo = opener(proxy.url)
    proxy.plan(Fault.STATUS, method_is(method), status=status, headers={"Retry-After": "1"})
    with caplog.at_level(logging.INFO):
        if method == "create":
            odoo.create("res.partner", [{"name": "x"}])
        else:
            odoo.search_count("res.partner", [])
    waits = [float(found) for found in re.findall(r"trying again in ([\d.]+) s", caplog.text)]
    assert len(waits) == 1
    assert waits[0] >= 1.0


def test_a_write_to_a_server_that_has_gone_was_not_sent(server: OdooHttp, opener: Opener, unique: str) -> None:
    going = OdooHttp(server.destination, key=KEY, password=PASSWORD)
    odoo = opener(going.url)
    odoo.search_count("res.partner", [])
    going.close()
    with pytest.raises(NotSentError):
        odoo.create("res.partner", [{"name": unique}])
    assert opener(server.url).search_count("res.partner", [["name", "=", unique]]) == 0


def test_a_reset_on_a_kept_connection_leaves_a_write_in_doubt(proxy: FaultProxy, opener: Opener, unique: str) -> None:
    odoo = opener(proxy.url)
    odoo.search_count("res.partner", [])
    opened = proxy.connections.count
    proxy.plan(Fault.RESET, method_is("create"))
    with pytest.raises(InDoubtError):
        odoo.create("res.partner", [{"name": unique}])
    assert proxy.connections.count == opened  # the write went over the kept connection
    assert odoo.search_count("res.partner", [["name", "=", unique]]) == 0


def test_connections_are_kept(proxy: FaultProxy, opener: Opener) -> None:
    odoo = opener(proxy.url)
    for _ in range(10):
        odoo.search_count("res.partner", [])
    assert proxy.connections.count == 1


def test_many_threads_share_a_server(server: OdooHttp, opener: Opener, unique: str) -> None:
    odoo = opener(server.url)

    def work(number: int) -> int:
        (key,) = odoo.create("res.partner", [{"name": unique, "ref": str(number)}])
        (found,) = odoo.search_read("res.partner", [["id", "=", key]], ["ref"])
        assert found["ref"] == str(number)
        return key

    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(work, range(64)))
    assert len(set(keys)) == 64
    assert odoo.search_count("res.partner", [["name", "=", unique]]) == 64


def test_too_large_a_request_says_so(proxy: FaultProxy, opener: Opener) -> None:
    odoo = opener(proxy.url)
    proxy.plan(Fault.STATUS, method_is("create"), status=413)
    with pytest.raises(DataError, match="smaller batches"):
        odoo.create("res.partner", [{"name": "x"}])


# -- what cannot travel


@pytest.mark.parametrize(
    ("vals", "where"), [({"name": "a\x01b"}, "U+0001"), ({"name": "a", "color": 2**31}, "32 bits")]
)
def test_xmlrpc_refuses_what_it_cannot_carry(
    server: OdooHttp, opener: Opener, vals: dict[str, Any], where: str
) -> None:
    odoo = opener(server.url, "xmlrpc")
    with pytest.raises(DataError, match=re.escape(where)):
        odoo.create("res.partner", [vals])
    assert "res.partner.create" not in server.served


@every_wire
def test_tabs_and_line_ends_travel(server: OdooHttp, opener: Opener, version: str, protocol: ProtocolName) -> None:
    del version
    odoo = opener(server.url, protocol)
    text = "a\tb\nc\r\nd"
    (key,) = odoo.create("res.partner", [{"name": text}])
    domain = [["id", "=", key]]
    assert server.destination.search_read("res.partner", domain, ["name"])[0]["name"] == text
    read = odoo.search_read("res.partner", domain, ["name"])[0]["name"]
    assert read == (text.replace("\r\n", "\n") if protocol == "xmlrpc" else text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "half \ud800 pair"])
def test_json_refuses_what_it_cannot_carry(server: OdooHttp, opener: Opener, value: Any) -> None:
    odoo = opener(server.url)
    with pytest.raises(DataError):
        odoo.create("res.partner", [{"name": value}])


# -- secrets


@every_wire
def test_no_secret_in_errors_reprs_and_logs(
    proxy: FaultProxy,
    server: OdooHttp,
    opener: Opener,
    caplog: pytest.LogCaptureFixture,
    version: str,
    protocol: ProtocolName,
) -> None:
    del version
    said: list[str] = []
    with caplog.at_level(logging.DEBUG):
        odoo = opener(proxy.url, protocol, read_timeout=0.5)
        said += [repr(odoo), str(odoo), odoo.database]
        for kind in Fault:
            proxy.plan(kind, method_is("create"), status=500)
            with pytest.raises(DestinationError) as caught:
                odoo.create("res.partner", [{"name": "x"}])
            said += [
                str(caught.value),
                repr(caught.value),
                repr(caught.value.__cause__),
                repr(caught.value.__context__),
            ]
            proxy.plans.clear()
        proxy.release()
        server.faults = [OdooError("builtins.ValueError", "x")]
        with pytest.raises(DestinationError) as caught:
            odoo.create("res.partner", [{"name": "x"}])
        said += [str(caught.value), repr(caught.value)]
    assert KEY not in "\n".join([*said, caplog.text])


# -- classification


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("odoo.exceptions.ValidationError", "The operation cannot be completed", DataError),
        ("odoo.exceptions.MissingError", "Record does not exist or has been deleted.", DataError),
        ("odoo.exceptions.UserError", "Object no.model doesn't exist", CallError),
        ("odoo.exceptions.AccessError", "Private methods (such as _x) cannot be called remotely.", CallError),
        ("odoo.exceptions.AccessError", "You are not allowed to modify", AccessRightsError),
        ("odoo.exceptions.AccessDenied", "Access Denied", AuthenticationError),
        ("builtins.ValueError", "Invalid field 'zz' on model 'res.partner'", CallError),
        ("builtins.ValueError", "Wrong value for crm.lead.type: 'zz'", DataError),
        ("builtins.ValueError", "time data '2020-13-01' does not match format '%Y-%m-%d'", DataError),
        ("builtins.ValueError", "could not convert string to float: '1,5'", DataError),
        ("builtins.ValueError", "A string literal cannot contain NUL (0x00) characters.", DataError),
        ("builtins.KeyError", "zz", CallError),
        ("builtins.AttributeError", "The method 'x' does not exist on the model 'y'", CallError),
        ("binascii.Error", "Incorrect padding", DataError),
        ("psycopg2.errors.UniqueViolation", "duplicate key value", DataError),
        ("psycopg2.errors.SerializationFailure", "", ConcurrencyError),
        ("odoo.exceptions.LockError", "Cannot grab a lock on records.", ConcurrencyError),
        ("psycopg2.OperationalError", "server closed the connection unexpectedly", InDoubtError),
        ("psycopg2.OperationalError", 'FATAL:  database "x" does not exist', ConfigurationError),
        ("werkzeug.exceptions.NotFound", "the model 'x' does not exist", CallError),
        ("odoo.addons.some.UnheardOf", "what", CallError),
    ],
)
def test_exceptions_are_classified(name: str, message: str, expected: type[DestinationError]) -> None:
    assert type(fault(name, message, call="m.f")) is expected


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (1, 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: Invalid field \'zz\'\n', CallError),
        (1, f"{TRACE}psycopg2.errors.SerializationFailure: could not serialize access\n\n", ConcurrencyError),
        (1, f"{TRACE}psycopg2.errors.NotNullViolation: null value\nDETAIL:  Failing row: (1)\n", DataError),
        (1, "no traceback at all", CallError),
        (2, "Tag name already exists!", DataError),
        (2, "Object x doesn't exist", CallError),
        (3, "Access Denied", AuthenticationError),
        (4, "You are not allowed", AccessRightsError),
    ],
)  # fmt: skip
def test_xmlrpc_faults_are_classified(code: int, text: str, expected: type[DestinationError]) -> None:
    assert type(fault_of_xmlrpc(code, text, call="m.f")) is expected


def test_load_messages_of_every_shape() -> None:
    answer = {
        "ids": False,
        "messages": [
            "duplicate key value violates unique constraint",
            {"type": "error", "record": 2, "rows": {"from": 2, "to": 2}, "field": "name", "message": " bad "},
            {"type": "warning", "rows": {"from": 3, "to": 3}, "field": ["a", "b"], "message": "two"},
        ],
    }
    result = load_result(answer, [["x"]] * 4, call="m.load")
    assert result.ids is None
    assert [(item.row, item.field, item.message, item.severity) for item in result.messages] == [
        (None, None, "duplicate key value violates unique constraint", "error"),
        (2, "name", "bad", "error"),
        (3, "a/b", "two", "warning"),
    ]


@pytest.mark.parametrize("shape", ["text", "dict"])
def test_a_serialization_failure_in_loads_messages_is_raised(shape: str) -> None:
    text = "could not serialize access due to concurrent update"
    message = text if shape == "text" else {"type": "error", "rows": {"from": 0, "to": 0}, "message": text}
    with pytest.raises(ConcurrencyError):
        load_result({"ids": False, "messages": [message]}, [["x"]], call="m.load")


def test_loads_answer_must_be_loads() -> None:
    with pytest.raises(InDoubtError):
        load_result(None, [["x"]], call="m.load")
