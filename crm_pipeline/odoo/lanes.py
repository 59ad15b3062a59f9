"""Independent reads over a few kept connections: small questions are a matter of the way there and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

#: Reads under way at the same time.
_LANES = 4


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Results of independent reads in their order, several under way at the same time; the first error is raised."""
    waiting = list(calls)
    if len(waiting) < 2:
        return [call() for call in waiting]
    with ThreadPoolExecutor(_LANES) as pool:
        return [future.result() for future in [pool.submit(call) for call in waiting]]
