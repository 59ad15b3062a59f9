"""The Legrand sample: the same bytes for the same seed, true to its log, and as dirty as it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import fastexcel
import pytest

from crm_pipeline.samples import sample_sources, write_sample
from crm_pipeline.samples.legrand_dirt import FAULTS


def digests(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    assert "legrand" in sample_sources()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample("legrand", tmp_path / name, scale=20, seed=seed)
    first = digests(tmp_path / "a")
    assert first == digests(tmp_path / "b")
    assert first.keys() != digests(tmp_path / "c") or first != digests(tmp_path / "c")


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("scale", [1, 60])
def test_the_log_counts_what_was_written(tmp_path: Path, scale: int, *, clean: bool) -> None:
    rows = write_sample("legrand", tmp_path, scale=scale, clean=clean)
    log = fastexcel.read_excel(str(tmp_path / "ExportLog.xlsx")).load_sheet(0).to_polars()
    assert set(log["File"]) | {"ExportLog.xlsx"} == {p.name for p in tmp_path.glob("*.xlsx")}
    assert sum(log["Records Exported"]) == sum(rows.values())
    assert len(list((tmp_path / "activities").glob("*.txt"))) >= 1


def test_every_fault_falls_on_a_row_of_the_shipped_size(tmp_path: Path) -> None:
    rows = write_sample("legrand", tmp_path, scale=60, clean=True)
    assert [(name, f.what) for name, faults in FAULTS.items() for f in faults if f.row >= rows[name]] == []
