"""Run a step in a process of its own and report its wall time, CPU time and peak memory."""

from __future__ import annotations

import json
import math
import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measurement: seconds of wall clock and CPU, peak resident memory in MiB, and what the step returned."""

    name: str
    wall: float
    cpu: float
    peak: float
    detail: dict[str, Any]


def measure(name: str, step: Callable[..., dict[str, Any]], *arguments: Any) -> Figure:
    """Run ``step(*arguments)`` in a fresh process."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, step, arguments))
    process.start()
    sender.close()
    wall, cpu, peak, detail = receiver.recv()
    process.join()
    return Figure(name, wall, cpu, peak, detail)


def _child(sender: Connection, step: Callable[..., dict[str, Any]], arguments: tuple[Any, ...]) -> None:
    started = time.perf_counter()
    detail = step(*arguments)
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    sender.send((wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, detail))


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """How a value grows with size: the exponent b of ``value = a · size^b``, by least squares over the logarithms.

    1 is proportional, 0 is constant, 2 is quadratic; NaN for fewer than two sizes or values that are not positive.
    """
    if len(set(sizes)) < 2 or min(values) <= 0:
        return math.nan
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in values]
    middle = sum(x) / len(x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)


def show(figures: list[Figure], against: str | None, json_file: Path | None) -> None:
    """Print a table with ratios to the figure named ``against``, and write it as JSON when asked."""
    base = next((f for f in figures if f.name == against), None)
    print(f"{'figure':44} {'wall s':>9} {'cpu s':>9} {'peak MiB':>9} {'× wall':>7} {'× mem':>7}  detail")
    for f in figures:
        ratios = f"{f.wall / base.wall:7.2f} {f.peak / base.peak:7.2f}" if base else f"{'':7} {'':7}"
        detail = ", ".join(f"{key} {value}" for key, value in f.detail.items())
        print(f"{f.name:44} {f.wall:9.2f} {f.cpu:9.2f} {f.peak:9.0f} {ratios}  {detail}")
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps([asdict(f) for f in figures], indent=2) + "\n", encoding="utf-8")
