"""A real HTTP server that answers like Odoo: any Destination behind /jsonrpc, /json/2 and /xmlrpc/2.

The shapes of answers and errors were recorded from 17.0, 18.0 and 19.0 (ODOO_FACTS 13).
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import xmlrpc.client
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from crm_pipeline.odoo.destination import Destination, LoadMessage
from crm_pipeline.odoo.errors import AccessRightsError, CallError, DataError, DestinationError

ADMIN = 2
NO_DATABASE = b"<p>No database is selected and the requested URL was not found</p>"


class OdooError(Exception):
    """An exception of the server, by the name Odoo reports it under."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message


class OdooHttp:
    """Serves ``destination`` until closed.

    Attributes:
        faults: exceptions that the next calls of a model method raise before doing anything, first in first out.
        served: ``model.method`` of every call that was executed.
    """

    def __init__(
        self, destination: Destination, *, db: str = "test", login: str = "admin", key: str, password: str
    ) -> None:
        self.destination, self.db, self.login, self.key, self.password = destination, db, login, key, password
        self.faults: list[OdooError] = []
        self.served: list[str] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"odoo": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop serving and close the kept connections, as a server that goes away does."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client may have closed it already
                    connection.shutdown(socket.SHUT_RDWR)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def finished(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def version(self) -> dict[str, Any]:
        series = self.destination.version
        return {"server_version": series, "server_serie": series, "protocol_version": 1}

    def check_db(self, db: str) -> None:
        if db != self.db:
            raise OdooError("psycopg2.OperationalError", f'connection failed: FATAL:  database "{db}" does not exist\n')

    def authenticate(self, db: str, login: str, secret: str) -> int | bool:
        self.check_db(db)
        return ADMIN if login == self.login and secret in {self.key, self.password} else False

    def execute_kw(self, db: str, uid: int, secret: str, model: str, method: str, args: list[Any], kw: Any) -> Any:
        self.check_db(db)
        if uid != ADMIN or secret not in {self.key, self.password}:
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied")
        arguments = dict(kw)
        ids = None
        if method in {"create", "search", "search_read", "search_count", "load", "fields_get"} and args:
            names = {"create": ["vals_list"], "load": ["fields", "data"]}.get(method, ["domain", "fields"])
            arguments |= dict(zip(names, args, strict=False))
        elif args:
            ids = args[0]
            if method == "write":
                arguments["vals"] = args[1]
        if method == "create" and not args:
            raise OdooError("builtins.IndexError", "tuple index out of range")
        return self.execute(model, method, ids, arguments)

    def execute(self, model: str, method: str, ids: list[int] | None, arguments: Mapping[str, Any]) -> Any:
        with self._lock:
            fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        try:
            answer = self._execute(model, method, ids, dict(arguments))
        except DestinationError as error:
            raise _as_odoo(error) from None
        with self._lock:
            self.served.append(f"{model}.{method}")
        return answer

    def _execute(
        self, model: str, method: str, ids: list[int] | None, arguments: dict[str, Any]
    ) -> Any:
        context = arguments.pop("context", None)
        odoo = self.destination
        match method:
            case "context_get":
                return {"lang": "en_US", "tz": False, "uid": ADMIN}
            case "fields_get" if "depends" not in arguments.get("attributes", ()):
                return {name: _attributes(field) for name, field in odoo.fields_get(model).items()}
            case "search_read":
                arguments.pop("load", None)
                domain, fields = arguments.pop("domain", []), arguments.pop("fields", [])
                return odoo.search_read(model, domain, fields, context=context, **arguments)
            case "search_count":
                return odoo.search_count(model, arguments["domain"], context=context)
            case "create":
                return odoo.create(model, arguments["vals_list"], context=context)
            case "write":
                odoo.write(model, ids or [], arguments["vals"], context=context)
                return True
            case "unlink":
                odoo.unlink(model, ids or [], context=context)
                return True
            case "load":
                result = odoo.load(model, arguments["fields"], arguments["data"], context=context)
                messages = [_message(message) for message in result.messages]
                return {"ids": False if result.ids is None else result.ids, "messages": messages, "nextrow": 0}
            case "action_draft" if model != "account.payment":  # one of the methods that return None
                return None
            case _:
                return odoo.call(model, method, ids, **arguments, context=context)


def _attributes(field: Any) -> dict[str, Any]:
    found = {name: getattr(field, name) for name in ("type", "string", "required", "readonly", "store")}
    found |= {name: getattr(field, name) for name in ("relation", "relation_field", "size") if getattr(field, name)}
    if field.type == "selection":
        found["selection"] = [[value, value] for value in field.selection]
    if field.digits:
        found["digits"] = list(field.digits)
    return found


def _message(message: LoadMessage) -> Any:
    if message.row is None:
        return message.message
    return {
        "type": message.severity, "record": message.row, "rows": {"from": message.row, "to": message.row},
        "field": message.field, "message": message.message,
    }  # fmt: skip


def _as_odoo(error: DestinationError) -> OdooError:
    match error:
        case DataError():
            return OdooError("odoo.exceptions.ValidationError", error.message)
        case AccessRightsError():
            return OdooError("odoo.exceptions.AccessError", error.message)
        case CallError() if error.message.startswith("Object "):
            return OdooError("odoo.exceptions.UserError", error.message)
        case _:
            return OdooError("builtins.ValueError", error.message)


#: HTTP status of JSON-2 by exception; any other is 500
_STATUS = {
    "odoo.exceptions.ValidationError": 422,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.MissingError": 404,
    "werkzeug.exceptions.NotFound": 404,
    "werkzeug.exceptions.Unauthorized": 401,
    "werkzeug.exceptions.UnprocessableEntity": 422,
}


class _Handler(BaseHTTPRequestHandler):
    odoo: ClassVar[OdooHttp]

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: no waiting for a delayed acknowledgement
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.odoo.opened(self.connection)

    def finish(self) -> None:
        self.odoo.finished(self.connection)
        super().finish()

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/web/version" and self.odoo.destination.version >= "19":
            major = int(self.odoo.destination.version.partition(".")[0])
            self._json(200, {"version": self.odoo.destination.version, "version_info": [major, 0, 0, "final", 0, ""]})
        else:
            self._answer(404, b"<html>Not Found</html>", "text/html")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/jsonrpc":
            self._jsonrpc(json.loads(body))
        elif self.path.startswith("/xmlrpc/2/"):
            self._xmlrpc(self.path.rpartition("/")[2], body)
        elif self.path.startswith("/json/2/") and self.odoo.destination.version >= "19":
            self._json2(json.loads(body))
        else:
            self._answer(404, b"<html>Not Found</html>", "text/html")

    def _jsonrpc(self, document: Any) -> None:
        params = document["params"]
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": None}
        try:
            result = _service(self.odoo, params["service"], params["method"], params["args"])
            if result is not None:
                answer["result"] = result
        except OdooError as error:
            data = {"name": error.name, "message": error.message, "debug": "Traceback …", "arguments": []}
            answer["error"] = {"code": 200, "message": "Odoo Server Error", "data": data}
        self._json(200, answer)

    def _xmlrpc(self, service: str, body: bytes) -> None:
        params, method = xmlrpc.client.loads(body, use_builtin_types=True)
        try:
            result = _service(self.odoo, service, str(method), params)
            try:
                text = xmlrpc.client.dumps((result,), methodresponse=True)
            except TypeError:
                none = "Traceback (most recent call last):\nTypeError: cannot marshal None unless allow_none is enabled"
                text = xmlrpc.client.dumps(xmlrpc.client.Fault(1, none))
        except OdooError as error:
            text = xmlrpc.client.dumps(_fault(error))
        self._answer(200, text.encode(), "text/xml")

    def _json2(self, arguments: dict[str, Any]) -> None:
        _, _, _, model, method = self.path.split("/")
        try:
            if self.headers.get("X-Odoo-Database") != self.odoo.db:
                self._answer(404, NO_DATABASE, "text/html")
                return
            if self.headers.get("Authorization") != f"bearer {self.odoo.key}":
                raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey")  # noqa: TRY301 - as Odoo
            result = self.odoo.execute(model, method, arguments.pop("ids", None), arguments)
        except OdooError as error:
            found = error
            if error.message.startswith("Object "):
                found = OdooError("werkzeug.exceptions.NotFound", f"the model {model!r} does not exist")
            answer = {"name": found.name, "message": found.message, "arguments": [], "context": {}, "debug": "…"}
            self._json(_STATUS.get(found.name, 500), answer)
        else:
            self._json(200, result)

    def _json(self, status: int, document: Any) -> None:
        self._answer(status, json.dumps(document).encode(), "application/json; charset=utf-8")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _service(odoo: OdooHttp, service: str, method: str, args: Any) -> Any:
    calls: dict[tuple[str, str], Callable[..., Any]] = {
        ("common", "version"): odoo.version,
        ("common", "authenticate"): lambda db, login, secret, _env: odoo.authenticate(db, login, secret),
        ("object", "execute_kw"): odoo.execute_kw,
    }
    return calls[service, method](*args)


def _fault(error: OdooError) -> xmlrpc.client.Fault:
    match error.name.rpartition(".")[2]:
        case "UserError" | "ValidationError" | "MissingError":
            return xmlrpc.client.Fault(2, error.message)
        case "AccessDenied":
            return xmlrpc.client.Fault(3, "Access Denied")
        case "AccessError":
            return xmlrpc.client.Fault(4, error.message)
        case _:
            name = error.name.removeprefix("builtins.")
            trace = (
                f'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\n{name}: {error.message}\n'
            )
            return xmlrpc.client.Fault(1, trace)
