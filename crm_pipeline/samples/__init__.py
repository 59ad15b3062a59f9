"""Synthetic exports, deterministic and of any size, for trying out, tests and benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from crm_pipeline.samples.leadforce_files import write_leadforce
from crm_pipeline.samples.legrand_files import write_legrand

__all__ = ["NoSampleError", "sample_sources", "write_sample"]


class _Writer(Protocol):
    def __call__(self, out: Path, *, scale: int, seed: int, clean: bool) -> dict[str, int]: ...


_WRITERS: Mapping[str, _Writer] = {"leadforce": write_leadforce, "legrand": write_legrand}


class NoSampleError(Exception):
    """There is no generator for a source."""

    def __init__(self, source: str) -> None:
        self.source = source
        super().__init__(
            f"No sample can be made for '{source}'. There are generators for: {', '.join(sample_sources())}."
        )


def sample_sources() -> list[str]:
    """Names of the sources a sample can be made for."""
    return sorted(_WRITERS)


def write_sample(source: str, out: Path, *, scale: int, seed: int = 1, clean: bool = False) -> dict[str, int]:
    """Write a synthetic export of a source into the folder ``out``.

    Args:
        scale: number of leads; everything else is in proportion (deals 0.6, activities 2, notes 0.8 …).
        seed: the same seed gives the same bytes.
        clean: leave out the dirt real exports have: then every row is accepted without a warning.

    Returns:
        file stem → data rows written.

    Raises:
        NoSampleError: no generator for this source.
    """
    if source not in _WRITERS:
        raise NoSampleError(source)
    return _WRITERS[source](out, scale=scale, seed=seed, clean=clean)
