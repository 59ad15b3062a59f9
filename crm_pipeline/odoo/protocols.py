"""Odoo's three external protocols behind one signature: ``execute(model, method, ids, arguments)``.

=========  ========================================  ==========================================================
protocol   versions                                  errors
=========  ========================================  ==========================================================
json2      19.0 on, needs an API key                 HTTP status and JSON ``name``/``message``
jsonrpc    17.0, 18.0 (19.0 has it, deprecated)      HTTP 200 and ``error.data.name``
xmlrpc     all, only where a host allows no other    fault code and text; cannot carry control characters,
                                                     integers above 2³¹-1, or None as an answer; carriage returns
                                                     are written but read back as line feeds
=========  ========================================  ==========================================================

Source: ODOO_FACTS 13, confirmed on 17.0, 18.0 and 19.0.
"""

from __future__ import annotations

import json
import re
import xmlrpc.client
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol
from xml.parsers.expat import ExpatError

from crm_pipeline.odoo.errors import CallError, ConfigurationError, DataError, InDoubtError
from crm_pipeline.odoo.faults import fault, fault_of_xmlrpc, no_database, refused
from crm_pipeline.odoo.wire import Channel, Reply, UnavailableError

JSON_HEADERS = {"Content-Type": "application/json"}
XML_HEADERS = {"Content-Type": "text/xml"}
#: characters XML 1.0 cannot carry
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: methods whose argument must be positional: ``create`` reads args[0], and models name the argument of ``write``
#: differently (calendar.event: ``values``; 17.0, 18.0)
_POSITIONAL = {"create": "vals_list", "write": "vals"}
#: what JSON-2 answers when a model names that argument differently; nothing was executed then (19.0)
_OTHER_NAME = re.compile(r"missing a required argument: '(?P<name>\w+)'")
#: a method that returned None: XML-RPC faults although the transaction was committed (ODOO_FACTS 13)
_NONE_ANSWER = "cannot marshal None unless allow_none is enabled"


class ExternalProtocol(Protocol):
    """How calls are put on the wire."""

    name: str

    def execute(self, model: str, method: str, ids: Sequence[int] | None, arguments: Mapping[str, Any]) -> Any:
        """Call ``model.method``; ``ids`` is None for model methods; ``arguments`` by Odoo's names, with context."""

    def login(self) -> int:
        """The database id of the user; raises AuthenticationError or ConfigurationError."""


class JsonRpc:
    """``/jsonrpc``, service ``object``, method ``execute_kw``."""

    name = "jsonrpc"

    def __init__(self, channel: Channel, db: str, login: str, secret: str) -> None:
        self._channel, self._db, self._login, self._secret = channel, db, login, secret
        self._uid: int | None = None

    def login(self) -> int:
        """See :class:`ExternalProtocol`."""
        call = "common.authenticate"
        uid = jsonrpc(self._channel, "common", "authenticate", [self._db, self._login, self._secret, {}], call=call)
        if not isinstance(uid, int) or not uid:
            raise refused(call=call)
        self._uid = uid
        return uid

    def execute(self, model: str, method: str, ids: Sequence[int] | None, arguments: Mapping[str, Any]) -> Any:
        """See :class:`ExternalProtocol`."""
        positional, named = _split(method, ids, arguments)
        uid = self._uid or self.login()
        params = [self._db, uid, self._secret, model, method, positional, named]
        return jsonrpc(self._channel, "object", "execute_kw", params, call=f"{model}.{method}")


class XmlRpc:
    """``/xmlrpc/2/object``, method ``execute_kw``."""

    name = "xmlrpc"

    def __init__(self, channel: Channel, db: str, login: str, secret: str) -> None:
        self._channel, self._db, self._login, self._secret = channel, db, login, secret
        self._uid: int | None = None

    def login(self) -> int:
        """See :class:`ExternalProtocol`."""
        call = "common.authenticate"
        params: tuple[Any, ...] = (self._db, self._login, self._secret, {})
        uid = xmlrpc_call(self._channel, "common", "authenticate", params, call=call)
        if not isinstance(uid, int) or not uid:
            raise refused(call=call)
        self._uid = uid
        return uid

    def execute(self, model: str, method: str, ids: Sequence[int] | None, arguments: Mapping[str, Any]) -> Any:
        """See :class:`ExternalProtocol`."""
        call = f"{model}.{method}"
        positional, named = _split(method, ids, arguments)
        _check_xml(positional, "", call)
        _check_xml(named, "", call)
        uid = self._uid or self.login()
        params = (self._db, uid, self._secret, model, method, positional, named)
        return xmlrpc_call(self._channel, "object", "execute_kw", params, call=call)


class Json2:
    """``/json/2/<model>/<method>`` with the API key as bearer (19.0 on)."""

    name = "json2"

    def __init__(self, channel: Channel, db: str, login: str, secret: str) -> None:
        self._channel, self._db, self._login = channel, db, login
        self._headers = {**JSON_HEADERS, "Authorization": f"bearer {secret}", "X-Odoo-Database": db}

    def login(self) -> int:
        """See :class:`ExternalProtocol`; also checks that the key belongs to the login it was given with."""
        uid = self.execute("res.users", "context_get", None, {}).get("uid")
        if not isinstance(uid, int) or not uid:
            raise refused(call="res.users.context_get")
        found = self.execute("res.users", "read", [uid], {"fields": ["login"]})
        if found and found[0]["login"] != self._login:
            message = f"the API key belongs to {found[0]['login']!r}, not to {self._login!r}; correct LOGIN or API_KEY"
            raise ConfigurationError(message, call="res.users.context_get")
        return uid

    def execute(self, model: str, method: str, ids: Sequence[int] | None, arguments: Mapping[str, Any]) -> Any:
        """See :class:`ExternalProtocol`."""
        body: dict[str, Any] = dict(arguments)
        if ids is not None:
            body["ids"] = list(ids)
        try:
            return self._post(model, method, body)
        except CallError as error:
            usual, other = _POSITIONAL.get(method), _OTHER_NAME.search(error.message)
            if usual not in body or other is None:
                raise
            body[other["name"]] = body.pop(usual)
            return self._post(model, method, body)

    def _post(self, model: str, method: str, body: dict[str, Any]) -> Any:
        call = f"{model}.{method}"
        reply = self._channel.post(f"/json/2/{model}/{method}", _encode(body, call), self._headers, call=call)
        answer = _decode(reply, call)
        if reply.status == HTTPStatus.OK and not isinstance(answer, _NotJson):
            return answer
        if isinstance(answer, dict) and isinstance(answer.get("name"), str):
            name, message = answer["name"], str(answer.get("message") or "")
            if reply.status == HTTPStatus.UNAUTHORIZED:
                raise refused(call=call)
            raise fault(name, message, call=call, debug=str(answer.get("debug") or ""))
        if reply.status == HTTPStatus.NOT_FOUND and b"database" in reply.body.lower():
            raise no_database(self._db, call=call)
        if reply.status == HTTPStatus.NOT_FOUND:
            message = "the server has no JSON-2 API at this URL; check URL and PROTOCOL"
            raise ConfigurationError(message, call=call)
        raise _untrusted(reply, call)


def jsonrpc(channel: Channel, service: str, method: str, params: list[Any], *, call: str) -> Any:
    """One JSON-RPC call of an Odoo service; an absent result means None (ODOO_FACTS 13)."""
    document = {"jsonrpc": "2.0", "method": "call", "params": {"service": service, "method": method, "args": params}}
    reply = channel.post("/jsonrpc", _encode(document, call), JSON_HEADERS, call=call)
    answer = _decode(reply, call)
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        error = answer["error"]
        data = error.get("data") or {}
        message = str(data.get("message") or error.get("message") or "")
        raise fault(str(data.get("name") or ""), message, call=call, debug=str(data.get("debug") or ""))
    if reply.status == HTTPStatus.OK and isinstance(answer, dict) and answer.get("jsonrpc") == "2.0":
        return answer.get("result")
    if reply.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        message = f"{channel.url} has no /jsonrpc (HTTP {reply.status}); is it the URL of an Odoo server?"
        raise ConfigurationError(message, call=call)
    raise _untrusted(reply, call)


def xmlrpc_call(channel: Channel, service: str, method: str, params: tuple[Any, ...], *, call: str) -> Any:
    """One XML-RPC call of an Odoo service; 'cannot marshal None' is the answer None (ODOO_FACTS 13)."""
    text = xmlrpc.client.dumps(params, method, allow_none=True, encoding="utf-8")
    body = text.replace("\r", "&#13;").encode()  # XML reads a bare carriage return as a line feed
    reply = channel.post(f"/xmlrpc/2/{service}", body, XML_HEADERS, call=call)
    if reply.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        message = f"{channel.url} has no /xmlrpc/2 (HTTP {reply.status}); is it the URL of an Odoo server?"
        raise ConfigurationError(message, call=call)
    if reply.status != HTTPStatus.OK:
        raise _untrusted(reply, call)
    try:
        (answer,), _method = xmlrpc.client.loads(reply.body, use_builtin_types=True)
    except xmlrpc.client.Fault as error:
        if _NONE_ANSWER in error.faultString:
            return None
        raise fault_of_xmlrpc(error.faultCode, error.faultString, call=call) from None
    except (ValueError, xmlrpc.client.Error, ExpatError):
        raise InDoubtError("the answer is not complete XML", call=call) from None
    return answer


class _NotJson:
    """The body was not JSON."""


def _encode(document: Any, call: str) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError as error:
        message = f"a text holds half a surrogate pair at {error.object[error.start : error.start + 10]!r}"
        raise DataError(message, call=call) from None
    except ValueError:
        message = "NaN and infinity cannot be sent to Odoo; send False for an empty number"
        raise DataError(message, call=call) from None
    except TypeError as error:
        raise CallError(f"{error}; send text, numbers, booleans, lists and dicts", call=call) from None


def _decode(reply: Reply, call: str) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        if reply.status == HTTPStatus.OK:
            raise InDoubtError("the answer is not complete JSON", call=call) from None
        return _NotJson()


def _untrusted(reply: Reply, call: str) -> Exception:
    """The error for an answer that Odoo itself did not write."""
    if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}:
        return refused(call=call)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = f"HTTP {reply.status} from something in front of Odoo"
        return UnavailableError(message, call=call, retry_after=reply.retry_after)
    if reply.status == HTTPStatus.OK:
        return InDoubtError("the answer is not one of Odoo's", call=call)
    message = f"HTTP {reply.status} ({reply.content_type or 'no content type'}): not an answer of Odoo"
    if reply.status == HTTPStatus.FORBIDDEN:
        message += (
            "; a firewall or access list in front of it forbids the call, or the database's plan has no external API (on "
            "Odoo Online only the Custom plan has it)"
        )
    return ConfigurationError(message, call=call)


def _split(method: str, ids: Sequence[int] | None, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments of ``execute_kw``."""
    named = dict(arguments)
    positional: list[Any] = [] if ids is None else [list(ids)]
    first = _POSITIONAL.get(method)
    if first in named:
        positional.append(named.pop(first))
    return positional, named


def _check_xml(value: Any, where: str, call: str) -> None:
    """Refuse what XML-RPC cannot carry, before it is sent."""
    if isinstance(value, str):
        bad = _NOT_XML.search(value)
        if bad:
            message = f"{where or 'value'}: U+{ord(bad[0]):04X} cannot travel over XML-RPC; remove it or use JSON-RPC"
            raise DataError(message, call=call)
    elif isinstance(value, bool) or value is None or isinstance(value, float):
        return
    elif isinstance(value, int):
        if not -(2**31) <= value < 2**31:
            message = f"{where or 'value'}: {value} is beyond the 32 bits of XML-RPC; use JSON-RPC"
            raise DataError(message, call=call)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_xml(key, where, call)
            _check_xml(item, f"{where}.{key}" if where else str(key), call)
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            _check_xml(item, f"{where}[{index}]", call)
