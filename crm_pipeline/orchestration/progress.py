"""Progress in the run's log: a line every few seconds, not one for each batch."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds between two lines of one phase.
INTERVAL = 2.0


class ProgressLog:
    """Called with (phase, rows done, rows in total); writes rows done, rate and time left.

    Args:
        write: takes one line; may be exchanged when another step begins.
        clock: seconds, monotonic.
    """

    def __init__(self, write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.write = write
        self._clock = clock
        self._phase = ""
        self._started = self._written = 0.0

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Write a line when the phase is complete or the last line is ``INTERVAL`` seconds old."""
        now = self._clock()
        if phase != self._phase:
            self._phase, self._started, self._written = phase, now, now
        if done < total and now - self._written < INTERVAL:
            return
        self._written = now
        pace = _pace(done, total, now - self._started)
        self.write(f"{phase}: {done:,} of {total:,} rows ({_share(done, total)}){pace}")


def _share(done: int, total: int) -> str:
    return f"{done / total:.0%}" if total else "100%"


def _pace(done: int, total: int, seconds: float) -> str:
    if seconds <= 0 or done <= 0:
        return ""
    rate = done / seconds
    left = f", about {(total - done) / rate:,.0f} s left" if done < total else f", {seconds:,.1f} s"
    return f", {rate:,.0f} rows/s{left}"
