"""How many calls that create records are under way at the same time, found from what they take.

Nothing in a server's answers tells whether it has one process or several. In one process all calls share an interpreter: two
messages at once take each of them 2.7 times as long as one alone (18, whose parsing of HTML leaves the interpreter's lock and
waits to have it back), so that lanes cost time and a third of the server's CPU. Two processes do both in the time of one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Calls of each kind, alone and in company, that are compared: the quickest of them counts.
_SAMPLES = 3
#: In company a call may take this many times the seconds it takes alone; at 2 nothing is gained.
_WORTH = 1.8
#: Calls until it is tried anew.
_HOLDS = 100
#: A call is of a kind when it was for this share of its time.
_MOSTLY = 0.9


class Turns:
    """Turns of the calls for one model; safe to use from several threads.

    First calls go one by one, then two at a time, and then as the comparison says.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._changed = clock, threading.Condition()
        #: calls that may be under way, and that are
        self._most: float = 1
        self._running = 0
        #: the last change, and the seconds until then in which several were under way
        self._now = self._shared = 0.0
        self._calls = 0
        self._alone: list[float] = []
        self._in_company: list[float] = []

    def take(self, records: int, call: Callable[[], T | None]) -> T | None:
        """The answer of a call that creates so many records, made when its turn comes; None when it did nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._running < self._most)
            self._change(+1)
            began, shared = self._now, self._shared
        answer: T | None = None
        try:
            answer = call()
        finally:
            with self._changed:
                self._change(-1)
                self._learn(records if answer is not None else 0, self._now - began, self._shared - shared)
                self._changed.notify_all()
        return answer

    def _change(self, by: int) -> None:
        now = self._clock()
        if self._running > 1:
            self._shared += now - self._now
        self._now, self._running = now, self._running + by

    def _learn(self, records: int, seconds: float, shared: float) -> None:
        """Compare a call; one that created nothing tells nothing."""
        self._calls += 1
        if self._calls > _HOLDS:
            self._calls, self._alone, self._in_company = 0, [], []
        for kind, time_as_it in ((self._alone, seconds - shared), (self._in_company, shared)):
            if records and len(kind) < _SAMPLES and time_as_it > _MOSTLY * seconds:
                kind.append(seconds / records)
        if len(self._alone) < _SAMPLES:
            self._most = 1
        elif len(self._in_company) < _SAMPLES:
            self._most = 2
        else:
            self._most = 1 if min(self._in_company) > _WORTH * min(self._alone) else math.inf
