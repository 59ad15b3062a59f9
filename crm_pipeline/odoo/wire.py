"""One HTTP exchange with an Odoo server, and what its failure means for the request.

Only this module speaks to urllib3. A failure before the request could leave is :class:`NotSentError`; any failure
after that is :class:`InDoubtError`, because Odoo commits before it answers. urllib3's own retries are off: it would
repeat a POST on a stale connection, and whether that is safe is not its to know.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as wire_errors

from crm_pipeline.odoo.errors import ConcurrencyError, ConfigurationError, DataError, InDoubtError, NotSentError

CONNECT_TIMEOUT = 10.0  # seconds
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
_REDIRECTS = range(300, 400)
POOL_SIZE = 16  # kept connections; more threads than that open extra ones


class ThrottledError(ConcurrencyError):
    """HTTP 429: refused before anything was executed. ``retry_after`` is in seconds, when the server said it."""

    def __init__(self, message: str, *, call: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, call=call)
        self.retry_after = retry_after


class UnavailableError(InDoubtError):
    """HTTP 5xx that Odoo did not write (a proxy, a killed worker). ``retry_after`` as in :class:`ThrottledError`."""

    def __init__(self, message: str, *, call: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, call=call)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer: status, content type in lower case, body (decompressed) and Retry-After in seconds."""

    status: int
    content_type: str
    body: bytes
    retry_after: float | None


class Channel:
    """Kept connections to one server, safe to share between threads.

    Args:
        url: the server's base URL; a path in it is kept as a prefix (a server behind a sub-path).
        read_timeout: seconds to wait for an answer; must outlast the slowest batch, or Odoo commits what we give up.
    """

    def __init__(self, url: str, *, read_timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            message = f"{url!r} is not the URL of an Odoo server; write it like https://odoo.example.com"
            raise ConfigurationError(message)
        if parts.username or parts.password:
            message = "the server's URL must not hold a login or password; set LOGIN and API_KEY instead"
            raise ConfigurationError(message)
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._pool = urllib3.PoolManager(
            num_pools=2,
            maxsize=POOL_SIZE,
            block=False,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=read_timeout),
            headers={"Accept-Encoding": "gzip", "User-Agent": "crm-pipeline"},
        )
        self._read_timeout = read_timeout

    def get(self, path: str, *, call: str) -> Reply:
        """GET ``path``; failures as in :meth:`post`."""
        return self._exchange("GET", path, None, {}, call)

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, call: str) -> Reply:
        """POST ``body`` and read the whole answer.

        Raises:
            NotSentError: the request did not leave.
            InDoubtError: it left, and no complete answer came back.
            ThrottledError: HTTP 429.
            DataError: HTTP 413, the body is larger than the server takes.
        """
        return self._exchange("POST", path, body, headers, call)

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], call: str) -> Reply:
        try:
            response = self._pool.request(
                method,
                self.url + path,
                body=body,
                headers={**self._pool.headers, **headers},
                redirect=False,
                preload_content=True,
                enforce_content_length=True,
            )
            content = response.data
        except (wire_errors.NewConnectionError, wire_errors.ConnectTimeoutError, wire_errors.LocationParseError) as e:
            raise NotSentError(f"cannot connect to {self.url}: {_plain(e)}", call=call) from None
        except wire_errors.SSLError as e:
            raise _tls(e, self.url, call) from None
        except wire_errors.ReadTimeoutError:
            message = f"no answer from {self.url} within {self._read_timeout:g} s; Odoo may still execute the call"
            raise InDoubtError(message, call=call) from None
        except (wire_errors.HTTPError, HTTPException, OSError) as e:
            message = f"the connection to {self.url} broke before a complete answer arrived: {_plain(e)}"
            raise InDoubtError(message, call=call) from None
        retry_after = _seconds(response.headers.get("Retry-After"), response.headers.get("Date"))
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ThrottledError("the server limits requests (HTTP 429)", call=call, retry_after=retry_after)
        if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            size = len(body or b"")
            message = f"the request of {size:,} bytes is larger than the server takes (HTTP 413); send smaller batches"
            raise DataError(message, call=call)
        if response.status in _REDIRECTS:
            target = response.headers.get("Location", "elsewhere")
            message = f"{self.url} redirects to {target.split('?', maxsplit=1)[0]}; set the URL to where it leads"
            raise ConfigurationError(message, call=call)
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Reply(response.status, content_type, content, retry_after)


def _tls(error: wire_errors.SSLError, url: str, call: str) -> ConfigurationError | InDoubtError:
    """A TLS failure. Only what can but happen in the handshake is known not to have been sent."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = cause.verify_message or "certificate verify failed"
        return ConfigurationError(f"the TLS certificate of {url} is not trusted: {reason}", call=call)
    if isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS:
        return ConfigurationError(f"{url} does not speak TLS; use http:// or another port", call=call)
    return InDoubtError(f"the TLS connection to {url} failed: {_plain(error)}", call=call)


def _plain(error: BaseException) -> str:
    """The last sentence of a urllib3 error; its own message nests objects and addresses."""
    text = str(error.args[-1]) if error.args else type(error).__name__
    return text.rpartition(">: ")[2] or type(error).__name__


def _seconds(retry_after: str | None, date: str | None) -> float | None:
    """Retry-After in seconds, from its number or its HTTP date relative to the server's own ``Date``."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        then = parsedate_to_datetime(retry_after)
        return max(0.0, (then - parsedate_to_datetime(date)).total_seconds()) if date else None
    except (TypeError, ValueError):
        return None
