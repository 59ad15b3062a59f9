"""Progress of a run: bars on a terminal, plain lines at intervals otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

#: Seconds between plain lines of one phase.
INTERVAL = 5.0

Report = Callable[[str, int, int], None]


@contextmanager
def progress_for(console: Console, *, quiet: bool) -> Iterator[Report]:
    """A function to call with (phase, rows done, rows in total)."""
    if quiet:
        yield lambda phase, done, total: None
    elif console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bars:
            tasks: dict[str, TaskID] = {}

            def draw(phase: str, done: int, total: int) -> None:
                task = tasks.setdefault(
                    phase, bars.add_task(phase, total=total) if phase not in tasks else tasks.get(phase, TaskID(0))
                )
                bars.update(task, completed=done, total=total)

            yield draw
    else:
        yield PlainProgress(lambda line: console.print(line, markup=False))


class PlainProgress:
    """Lines of the form ``load crm.lead: 1200 of 5000 rows, 310 rows/s, 12 s left``; first, last and every interval."""

    def __init__(self, write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._started: dict[str, float] = {}
        self._written: dict[str, float] = {}

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Write a line when it is time."""
        now = self._clock()
        started = self._started.setdefault(phase, now)
        if done < total and now - self._written.get(phase, started) < INTERVAL:
            return
        self._written[phase] = now
        self._write(f"{phase}: {done} of {total} rows{rate_text(done, total, now - started)}")


def rate_text(done: int, total: int, seconds: float) -> str:
    """Rate and time left, empty while nothing can be said."""
    if seconds <= 0 or done <= 0:
        return ""
    rate = done / seconds
    left = f", {(total - done) / rate:.0f} s left" if done < total else ""
    return f", {rate:.0f} rows/s{left}"
