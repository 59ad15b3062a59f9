"""Independent reads over a few kept connections: small questions are a matter of the way there and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

#: Reads under way at the same time.
_LANES = 4
#: Reads under way while one is dealt with: what one waits for, the other uses.
_AHEAD = 2


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Results of independent reads in their order, several under way at the same time; the first error is raised."""
    waiting = list(calls)
    if len(waiting) < 2:
        return [call() for call in waiting]
    return list(ahead(waiting, lanes=_LANES))


def ahead(calls: Iterable[Callable[[], T]], *, lanes: int = _AHEAD) -> Iterator[T]:
    """Each result in order, the next reads under way while it is dealt with: no more than ``lanes`` results are held."""
    waiting = iter(calls)
    with ThreadPoolExecutor(lanes, thread_name_prefix="read") as pool:
        running = deque(pool.submit(call) for call in islice(waiting, lanes))
        try:
            while running:
                found = running.popleft().result()
                running.extend(pool.submit(call) for call in islice(waiting, 1))
                yield found
        finally:
            for future in running:
                future.cancel()
