"""CPU time of an Odoo server on this machine, with the PostgreSQL backends of one database."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Spent:
    """Seconds of wall clock, and of the server's CPU (Odoo and PostgreSQL together; 0 where its pid is not known)."""

    wall: float = 0.0
    odoo: float = 0.0
    postgres: float = 0.0

    @property
    def server(self) -> float:
        """Odoo and PostgreSQL."""
        return self.odoo + self.postgres


class ServerMeter:
    """Reads /proc.

    Args:
        pid: the server's process; None measures the wall clock only.
        database: whose PostgreSQL backends count.
    """

    def __init__(self, pid: int | None, database: str) -> None:
        self.pid, self._mark = pid, f" {database} ".encode()
        self._backends: dict[int, float] = {}

    @contextmanager
    def measure(self) -> Iterator[Spent]:
        """What is spent inside the block, known when it ends."""
        spent, before, started = Spent(), self._read(), time.perf_counter()
        try:
            yield spent
        finally:
            after = self._read()
            spent.wall = time.perf_counter() - started
            spent.odoo, spent.postgres = after[0] - before[0], after[1] - before[1]

    def _read(self) -> tuple[float, float]:
        if self.pid is None:
            return 0.0, 0.0
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    command = (folder / "cmdline").read_bytes()
                    if command.startswith(b"postgres: ") and self._mark in command:
                        self._backends[int(folder.name)] = _cpu(int(folder.name))
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return _cpu(self.pid), sum(self._backends.values())


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
