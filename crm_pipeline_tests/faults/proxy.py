"""A real HTTP proxy that misbehaves on demand, in front of any HTTP server."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

Rule = Callable[[str, bytes], bool]


class Fault(Enum):
    """What happens to a request."""

    RESET = auto()  #: reset before anything is forwarded
    LOST_REPLY = auto()  #: forwarded and executed, then the connection is closed without an answer
    RESET_REPLY = auto()  #: forwarded and executed, then the connection is reset
    HANG = auto()  #: forwarded and executed, the answer is held back until ``release``
    TRUNCATE = auto()  #: forwarded and executed, half the answer is sent
    STATUS = auto()  #: answered with a status, not forwarded
    STATUS_AFTER = auto()  #: forwarded and executed, then answered with a status


@dataclass(slots=True)
class Plan:
    """A fault for the n-th request a rule matches (1 is the next), and for ``times`` requests from there."""

    fault: Fault
    when: Rule
    nth: int
    times: int
    status: int
    headers: dict[str, str]
    matched: int = 0

    def takes(self, path: str, body: bytes) -> bool:
        if not self.when(path, body):
            return False
        self.matched += 1
        return self.nth <= self.matched < self.nth + self.times


@dataclass(slots=True)
class Seen:
    """A request that arrived, and whether it was forwarded."""

    path: str
    body: bytes
    forwarded: bool = False
    fault: Fault | None = None


@dataclass(slots=True)
class Connections:
    """How many connections clients opened."""

    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def method_is(*names: str) -> Rule:
    """Requests that call one of these Odoo methods, in any of the three protocols."""

    def rule(path: str, body: bytes) -> bool:
        quoted = [text.encode() for name in names for text in (f'"{name}"', f"<string>{name}</string>")]
        return path.rpartition("/")[2] in names or any(text in body for text in quoted)

    return rule


def anything(path: str, body: bytes) -> bool:
    """Every request."""
    del path, body
    return True


class FaultProxy:
    """Forwards to ``127.0.0.1:port`` what no plan stops."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.plans: list[Plan] = []
        self.seen: list[Seen] = []
        self.connections = Connections()
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def plan(
        self,
        fault: Fault,
        when: Rule = anything,
        *,
        nth: int = 1,
        times: int = 1,
        status: int = 503,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Arrange a fault; plans are asked in the order they were made, the first that takes a request has it."""
        with self._lock:
            self.plans.append(Plan(fault, when, nth, times, status, headers or {}))

    def count(self, when: Rule = anything, *, forwarded: bool | None = None) -> int:
        """How many requests matched; only those that were (not) forwarded when asked."""
        with self._lock:
            return sum(
                when(seen.path, seen.body) for seen in self.seen if forwarded is None or seen.forwarded is forwarded
            )

    def release(self) -> None:
        """Let held answers go."""
        self._released.set()

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def note(self, path: str, body: bytes) -> tuple[Seen, Plan | None]:
        with self._lock:
            plan = next((plan for plan in self.plans if plan.takes(path, body)), None)
            seen = Seen(path, body, fault=plan.fault if plan else None)
            self.seen.append(seen)
            return seen, plan

    def wait_for_release(self) -> None:
        self._released.wait(30)


@contextmanager
def proxy_for(port: int) -> Iterator[FaultProxy]:
    """A proxy that is closed at the end."""
    proxy = FaultProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()


class _Handler(BaseHTTPRequestHandler):
    proxy: ClassVar[FaultProxy]

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: no waiting for a delayed acknowledgement
    disable_nagle_algorithm = True

    def setup(self) -> None:
        with self.proxy.connections.lock:
            self.proxy.connections.count += 1
        super().setup()

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body: bytes) -> None:
        seen, plan = self.proxy.note(self.path, body)
        if plan is not None and plan.fault is Fault.RESET:
            self._reset()
            return
        if plan is not None and plan.fault is Fault.STATUS:
            self._answer(plan.status, b"<html>proxy</html>", {"Content-Type": "text/html", **plan.headers})
            return
        seen.forwarded = True
        status, content, headers = self._forward(body)
        if plan is None:
            self._answer(status, content, headers)
            return
        match plan.fault:
            case Fault.LOST_REPLY:
                self.close_connection = True
            case Fault.RESET_REPLY:
                self._reset()
            case Fault.HANG:
                self.proxy.wait_for_release()
                self.close_connection = True
            case Fault.TRUNCATE:
                self._answer(status, content, headers, sent=len(content) // 2)
            case _:
                self._answer(plan.status, b"<html>proxy</html>", {"Content-Type": "text/html", **plan.headers})

    def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        upstream = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=300)
        try:
            kept = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection", "accept-encoding"}}
            upstream.request(self.command, self.path, body or None, kept)
            response = upstream.getresponse()
            content = response.read()
            return response.status, content, {"Content-Type": response.getheader("Content-Type") or "text/plain"}
        finally:
            upstream.close()

    def _answer(self, status: int, content: bytes, headers: dict[str, str], *, sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if sent is None else content[:sent])
        if sent is not None:
            self.wfile.flush()
            self.close_connection = True

    def _reset(self) -> None:
        """Close with RST instead of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()

    def finish(self) -> None:
        if self.connection.fileno() != -1:
            super().finish()
