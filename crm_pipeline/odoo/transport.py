"""A real Odoo database over HTTP: :func:`connect` and :class:`OdooServer`."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from crm_pipeline.odoo.columns import read_columns
from crm_pipeline.odoo.destination import Context, Domain, FieldSchema, LoadResult, Record, call_each_alone
from crm_pipeline.odoo.errors import (
    AccessRightsError,
    AuthenticationError,
    CallError,
    ConcurrencyError,
    ConfigurationError,
    DataError,
    NotSentError,
    TransientError,
)
from crm_pipeline.odoo.faults import load_result
from crm_pipeline.odoo.protocols import ExternalProtocol, Json2, JsonRpc, XmlRpc, jsonrpc, xmlrpc_call
from crm_pipeline.odoo.schemas import field_schema
from crm_pipeline.odoo.wire import Channel, ThrottledError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

log = logging.getLogger(__name__)

T = TypeVar("T")
ProtocolName = Literal["auto", "json2", "jsonrpc", "xmlrpc"]

READ_TIMEOUT = 180.0  # seconds; outlasts limit-time-real (120 s by default), so a silent server has given up too
ATTEMPTS = 9
OPENING_ATTEMPTS = 4  # a server that is not there at the start is a wrong URL more often than a restart
FIRST_WAIT = 0.5  # seconds
LONGEST_WAIT = 60.0  # seconds

_PROTOCOLS: dict[str, type[Json2 | JsonRpc | XmlRpc]] = {"json2": Json2, "jsonrpc": JsonRpc, "xmlrpc": XmlRpc}
_FIRST_JSON2 = 19
_FIELD_ATTRIBUTES = (
    "type", "string", "required", "readonly", "store", "relation", "relation_field", "selection", "size", "digits",
)  # fmt: skip
#: methods that only read: safe to repeat after any transient error
READ_METHODS = frozenset(
    {
        "search", "search_read", "search_count", "read", "fields_get", "name_search", "read_group", "default_get",
        "check_object_reference", "has_group", "context_get", "check_access_rights", "formatted_read_group",
        "web_search_read", "get_views", "exists", "get_metadata", "name_get", "export_data", "has_access", "get_param",
    }
)  # fmt: skip
#: Where Odoo S.A. hosts databases (Odoo Online and Odoo.sh)
_ODOO_HOSTING = (".odoo.com",)
_PLAN = (
    "if login and key are right, the database's plan may have no external API: on Odoo Online only the Custom plan has it "
    "(not One App Free, not Standard)"
)


@dataclass(frozen=True, slots=True)
class Release:
    """Which Odoo a server says it is.

    Attributes:
        series: for example ``18.0``; ``18.2`` for an intermediate version of Odoo Online.
        text: as the server says it, ``18.0+e``, ``saas~18.2+e``.
    """

    series: str
    text: str

    @property
    def is_enterprise(self) -> bool:
        """Whether the server's code is Odoo Enterprise."""
        return self.text.endswith("+e")

    @property
    def is_intermediate(self) -> bool:
        """Whether it is a version that only Odoo Online has."""
        return not self.series.endswith(".0")


def is_hosted_by_odoo(url: str) -> bool:
    """Whether a URL is one of Odoo Online or Odoo.sh."""
    return (urlsplit(url).hostname or "").endswith(_ODOO_HOSTING)


def connect(
    url: str,
    db: str,
    login: str,
    api_key: str,
    *,
    protocol: ProtocolName = "auto",
    read_timeout: float = READ_TIMEOUT,
    attempts: int = ATTEMPTS,
    first_wait: float = FIRST_WAIT,
) -> OdooServer:
    """Open a database: ask the server's version, choose the protocol, log in.

    ``auto`` takes JSON-2 from 19.0 on and JSON-RPC before; with a password instead of an API key on 19.0 it falls
    back to JSON-RPC and logs that. XML-RPC only when asked for.

    Args:
        url: base URL of the server.
        db: database name.
        login: the migration user's login.
        api_key: API key or password; never shown.
        protocol: see above.
        read_timeout: seconds to wait for one answer; must outlast the slowest batch.
        attempts: how often a call is tried in all, where repeating is safe.
        first_wait: seconds before the second attempt (at most; jittered), doubling from there.

    Raises:
        NotSentError: the server cannot be reached.
        ConfigurationError: not an Odoo server, too old, no such database, protocol not offered.
        AuthenticationError: login or key refused, or a plan without external API.
    """
    for name, value in {"DB": db, "LOGIN": login, "API_KEY": api_key}.items():
        if not value:
            message = f"{name} is empty; set it for {url}"
            raise ConfigurationError(message)
    channel = Channel(url, read_timeout=read_timeout)
    retrying = _Retrying(attempts, first_wait)
    opening = _Retrying(min(attempts, OPENING_ATTEMPTS), first_wait)
    release = opening.read(lambda: server_release(channel, protocol))
    version = release.series
    chosen = protocol
    if protocol == "auto":
        chosen = "json2" if int(version.partition(".")[0]) >= _FIRST_JSON2 else "jsonrpc"
    elif protocol == "json2" and int(version.partition(".")[0]) < _FIRST_JSON2:
        message = f"Odoo {version} has no JSON-2; set PROTOCOL to jsonrpc (or auto)"
        raise ConfigurationError(message)
    wire: ExternalProtocol = _PROTOCOLS[chosen](channel, db, login, api_key)
    try:
        retrying.read(wire.login)
    except (AuthenticationError, AccessRightsError) as error:
        if protocol != "auto" or chosen != "json2":
            raise _refused(error, channel.url) from None
        wire = JsonRpc(channel, db, login, api_key)
        try:
            retrying.read(wire.login)
        except (AuthenticationError, AccessRightsError) as again:
            raise _refused(again, channel.url) from None
        log.warning(
            "%s refused the secret of %s as an API key but took it as a password: using JSON-RPC, which Odoo %s "
            "deprecates. Create an API key (user menu, Account Security) and set it as API_KEY.",
            channel.url, login, version,
        )  # fmt: skip
    log.info("connected to %s, database %s, Odoo %s over %s", channel.url, db, version, wire.name)
    return OdooServer(channel, wire, db=db, release=release, retrying=retrying)


def _refused(error: AuthenticationError | AccessRightsError, url: str) -> AuthenticationError:
    """A refused login, with what else may be the reason where Odoo hosts the database."""
    plan = f"; {_PLAN}" if is_hosted_by_odoo(url) else ""
    return AuthenticationError(error.message + plan, call=error.call)


def server_release(channel: Channel, protocol: ProtocolName) -> Release:
    """Which Odoo answers. Every version knows ``common.version``; ``/web/version`` is newer (19.0)."""
    if protocol == "xmlrpc":
        answer = xmlrpc_call(channel, "common", "version", (), call="common.version")
    else:
        try:
            answer = jsonrpc(channel, "common", "version", [], call="common.version")
        except ConfigurationError:
            answer = _web_version(channel)
    series = answer.get("server_serie") if isinstance(answer, dict) else None
    if not isinstance(series, str) or not series.split(".", maxsplit=1)[0].removeprefix("saas~").isdigit():
        message = f"{channel.url} did not say which Odoo it is; check URL"
        raise ConfigurationError(message, call="common.version")
    return Release(series.removeprefix("saas~"), str(answer.get("server_version") or series))


def _web_version(channel: Channel) -> dict[str, str]:
    reply = channel.get("/web/version", call="web.version")
    if reply.status != HTTPStatus.OK or reply.content_type != "application/json":
        message = f"{channel.url} does not answer like an Odoo server (HTTP {reply.status}); check URL"
        raise ConfigurationError(message, call="web.version")
    answer = json.loads(reply.body)
    info = answer["version_info"]
    return {"server_serie": f"{str(info[0]).removeprefix('saas~')}.{info[1]}", "server_version": str(answer.get("version", ""))}


class OdooServer:
    """:class:`~crm_pipeline.odoo.destination.Destination` on a real server. Made by :func:`connect`."""

    kind: Literal["server"] = "server"

    def __init__(self, channel: Channel, wire: ExternalProtocol, *, db: str, release: Release, retrying: _Retrying) -> None:
        self._channel, self._wire, self._db, self._retrying = channel, wire, db, retrying
        self.release = release
        self._schemas: dict[str, dict[str, FieldSchema]] = {}

    def __repr__(self) -> str:
        return f"<OdooServer {self.database} {self.version} {self._wire.name}>"

    @property
    def version(self) -> str:
        """The series, ``18.0``."""
        return self.release.series

    @property
    def protocol(self) -> str:
        """The protocol in use: ``json2``, ``jsonrpc`` or ``xmlrpc``."""
        return self._wire.name

    @property
    def database(self) -> str:
        """``database at host``."""
        return f"{self._db} at {self._channel.url}"

    @property
    def base_url(self) -> str | None:
        """The server's URL."""
        return self._channel.url

    @property
    def batch_records(self) -> None:
        """Servers have limits of time and size: the mapping's batches are made for them."""
        return None

    def fields_get(self, model: str) -> dict[str, FieldSchema]:
        """See :class:`Destination`.

        Odoo 17 says that there is no such model in the user's language, so any refusal of this call is taken as that.
        Asked once, and again after this connection has written to Odoo's own descriptions of models.
        """
        known = self._schemas.get(model)
        if known is not None:
            return known
        try:
            found = self._read(model, "fields_get", {"attributes": list(_FIELD_ATTRIBUTES)})
        except DataError as error:
            raise CallError(error.message, call=error.call) from None
        self._schemas[model] = schema = {name: field_schema(name, attributes) for name, attributes in found.items()}
        return schema

    def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
        context: Context | None = None,
    ) -> list[Record]:
        """See :class:`Destination`. ``load=False`` makes many2one plain ids (accepted by 17.0, 18.0, 19.0)."""
        arguments: dict[str, Any] = {"domain": list(domain), "fields": list(fields), "load": False, "offset": offset}
        if limit is not None:
            arguments["limit"] = limit
        if order is not None:
            arguments["order"] = order
        found: list[Record] = self._read(model, "search_read", arguments, context)
        return found

    def search_columns(
        self, model: str, domain: Domain, fields: Sequence[str], *, limit: int | None = None, order: str | None = None,
        context: Context | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """See :class:`Destination`."""
        return read_columns(self, model, domain, fields, limit=limit, order=order, context=context)

    def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        """See :class:`Destination`."""
        return int(self._read(model, "search_count", {"domain": list(domain)}, context))

    def create(self, model: str, vals_list: Sequence[Record], *, context: Context | None = None) -> list[int]:
        """See :class:`Destination`."""
        ids = self._write(model, "create", None, {"vals_list": list(vals_list)}, context)
        return [ids] if isinstance(ids, int) else list(ids)

    def write(self, model: str, ids: Sequence[int], vals: Record, *, context: Context | None = None) -> None:
        """See :class:`Destination`."""
        self._write(model, "write", ids, {"vals": vals}, context)

    def load(
        self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]], *, context: Context | None = None
    ) -> LoadResult:
        """See :class:`Destination`."""

        def attempt() -> LoadResult:
            arguments = _with_context({"fields": list(fields), "data": [list(row) for row in rows]}, context)
            return load_result(self._wire.execute(model, "load", None, arguments), rows, call=f"{model}.load")

        try:
            return self._retrying.write(attempt)
        finally:
            self._forget_schemas(model)

    def unlink(self, model: str, ids: Sequence[int], *, context: Context | None = None) -> None:
        """See :class:`Destination`."""
        self._write(model, "unlink", ids, {}, context)

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **kwargs: Any) -> Any:
        """See :class:`Destination`."""
        if method in READ_METHODS:
            return self._retrying.read(lambda: self._wire.execute(model, method, ids, kwargs))
        try:
            return self._retrying.write(lambda: self._wire.execute(model, method, ids, kwargs))
        finally:
            self._schemas.clear()

    def call_each(
        self, model: str, method: str, groups: Sequence[Sequence[int]], *, context: Context | None = None
    ) -> list[str | None]:
        """See :class:`Destination`; a call for each group."""
        return call_each_alone(self, model, method, groups, context)

    def close(self) -> None:
        """Close the kept connections."""
        self._channel.close()

    def _read(self, model: str, method: str, arguments: Mapping[str, Any], context: Context | None = None) -> Any:
        sent = _with_context(arguments, context)
        return self._retrying.read(lambda: self._wire.execute(model, method, None, sent))

    def _write(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        arguments: Mapping[str, Any],
        context: Context | None,
    ) -> Any:
        sent = _with_context(arguments, context)
        try:
            return self._retrying.write(lambda: self._wire.execute(model, method, ids, sent))
        finally:
            self._forget_schemas(model)

    def _forget_schemas(self, model: str) -> None:
        """Models and their fields change by writing to ``ir.model…`` and ``ir.module…``; external ids are no part of them."""
        if model.startswith(("ir.model", "ir.module")) and model != "ir.model.data":
            self._schemas.clear()


class _Retrying:
    """Exponential backoff with jitter, at least as long as a Retry-After asks, for a bounded number of attempts."""

    def __init__(self, attempts: int, first_wait: float) -> None:
        self._stop = stop_after_attempt(attempts)
        self._backoff = wait_random_exponential(multiplier=first_wait, max=LONGEST_WAIT)

    def read(self, attempt: Callable[[], T]) -> T:
        """Repeat after every transient error."""
        return self._run(attempt, TransientError)

    def write(self, attempt: Callable[[], T]) -> T:
        """Repeat only when nothing was executed."""
        return self._run(attempt, (NotSentError, ConcurrencyError))

    def _run(self, attempt: Callable[[], T], again: type[TransientError] | tuple[type[TransientError], ...]) -> T:
        retrying = Retrying(
            stop=self._stop,
            wait=self._wait,
            retry=retry_if_exception_type(again),
            before_sleep=_log_retry,
            reraise=True,
        )
        return retrying(attempt)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, (ThrottledError, UnavailableError)) else None
        return max(self._backoff(state), min(asked or 0.0, LONGEST_WAIT))


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0.0
    log.info("attempt %d failed (%s); trying again in %.1f s", state.attempt_number, error, wait)


def _with_context(arguments: Mapping[str, Any], context: Context | None) -> dict[str, Any]:
    sent = dict(arguments)
    if context:
        sent["context"] = dict(context)
    return sent
