"""Load into the embedded destination and verification at growing sizes: rates, memory, and how both grow.

    python -m benchmarks.embedded --scale 1000 4000 [--json FILE] [--keep FOLDER]

The export is written and staged first, in processes of their own, and kept in FOLDER for the next time when asked.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.measure import Figure, measure, slope
from benchmarks.sample import stage, write_root
from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.settings import Settings

#: What a model's phases are shown under; models of a few records are one line.
_GROUPS = {
    "contacts": r"res\.partner", "leads": r"crm\.lead", "messages": r"mail\.message", "files": r"ir\.attachment",
    "activities": r"mail\.activity", "orders and invoices": r"sale\.order.*|account\.(move|payment).*", "everything else": r".*",
}  # fmt: skip
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_T = TypeVar("_T")


@dataclass
class Phase:
    """What one phase took: records, seconds of wall clock and CPU, peak resident memory in MiB."""

    records: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0


def prepare(root: Path, scale: int) -> dict[str, Any]:
    """Write the clean sample and decide about its owners."""
    write_root(root, scale)
    return {}


def load_and_verify(root: Path) -> dict[str, Any]:
    """Everything after staging, phase by phase: what :func:`run.migrate` does, with a watch on each."""
    phases: dict[str, Phase] = {}

    def timed(name: str, records: int, step: Callable[[], _T]) -> _T:
        phase = phases.setdefault(name, Phase())
        _CLEAR.write_text("5")  # the peak is counted anew from here (Linux)
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = step()
        phase.wall, phase.cpu = phase.wall + time.perf_counter() - wall, phase.cpu + time.process_time() - cpu
        phase.peak, phase.records = max(phase.peak, _peak()), phase.records + records
        return outcome

    with Migration(Settings.load(root, {}), "leadforce") as migration:
        destination = migration.open("sandbox")
        migration.start("sandbox", migration.newest_drop(), destination)
        timed("preflight", 0, lambda: migration.preflight("sandbox", destination))
        everything = 0
        for target in migration.mapping.targets:
            group = next(name for name, pattern in _GROUPS.items() if re.fullmatch(pattern, target.model))
            staged = int(migration.store.value(f'SELECT count(*) FROM staged."{target.table}"'))
            everything += staged
            timed(f"load {group}", staged, lambda target=target: migration.load("sandbox", destination, target))  # type: ignore[misc]
            timed(f"verify {group}", staged, lambda target=target: migration.verify("sandbox", destination, target))  # type: ignore[misc]
        timed("finish", everything, lambda: migration.finish("sandbox", destination))
        timed("report", everything, lambda: run.report(migration, "sandbox"))
        destination.close()
        failed = migration.store.rows("SELECT asset, message FROM ops.check_result WHERE NOT passed AND severity = 'ERROR'")
    return {"records": everything, "failed": failed, "phases": {name: vars(phase) for name, phase in phases.items()}}


def _peak() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    return int(found[1]) / 1024 if found else 0.0


def measure_scale(scale: int, keep: Path | None) -> Figure:
    """Stage one size, or take what was kept, and measure what comes after."""
    with tempfile.TemporaryDirectory() as scratch:
        staged = (keep or Path(scratch)) / str(scale)
        if not (staged / "staging").exists():
            measure("sample", prepare, staged, scale)
            measure("staging", stage, staged)
        shutil.copytree(staged, Path(scratch) / "run")
        figure = measure(f"{scale} leads", load_and_verify, Path(scratch) / "run")
        # counting a phase's peak anew resets the process's own
        return replace(figure, peak=max(phase["peak"] for phase in figure.detail["phases"].values()))


def show_size(figure: Figure) -> None:
    """A table of the phases of one size."""
    load, verify = _sum(figure, "load"), _sum(figure, "verify")
    print(f"\n{figure.name}: {load.records} records, {figure.wall:.1f} s wall, {figure.cpu:.1f} s CPU, peak {figure.peak:.0f} MiB")
    for asset, message in figure.detail["failed"]:
        print(f"  FAILED {asset}: {message}")
    print(f"  {'phase':28} {'records':>9} {'wall s':>8} {'CPU s':>8} {'rec/s':>8} {'rec/CPU-s':>10} {'MiB':>6}")
    rows = {**figure.detail["phases"], "LOAD": vars(load), "VERIFY": vars(verify), "LOAD + VERIFY": vars(_both(load, verify))}
    for name, p in rows.items():
        rates = f"{p['records'] / max(p['wall'], 1e-9):8.0f} {p['records'] / max(p['cpu'], 1e-9):10.0f}"
        print(f"  {name:28} {p['records']:9} {p['wall']:8.2f} {p['cpu']:8.2f} {rates} {p['peak']:6.0f}", flush=True)


def show_slopes(figures: list[Figure]) -> None:
    """How each phase's CPU time, wall clock and memory grow."""
    sizes = [figure.detail["records"] for figure in figures]
    print(f"\nslopes against records (1: proportional, 0: constant)\n  {'phase':28} {'CPU':>6} {'wall':>6} {'memory':>6}")
    for name in figures[0].detail["phases"]:
        found = [figure.detail["phases"][name] for figure in figures]
        print(f"  {name:28} " + " ".join(f"{slope(sizes, [p[key] for p in found]):6.2f}" for key in ("cpu", "wall", "peak")))
    totals = [[getattr(figure, key) for figure in figures] for key in ("cpu", "wall", "peak")]
    print(f"  {'the whole process':28} " + " ".join(f"{slope(sizes, values):6.2f}" for values in totals))


def _sum(figure: Figure, kind: str) -> Phase:
    found = [Phase(**p) for name, p in figure.detail["phases"].items() if name.startswith(f"{kind} ")]
    return Phase(sum(p.records for p in found), sum(p.wall for p in found), sum(p.cpu for p in found), max(p.peak for p in found))


def _both(load: Phase, verify: Phase) -> Phase:
    return Phase(load.records, load.wall + verify.wall, load.cpu + verify.cpu, max(load.peak, verify.peak))


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, nargs="+", default=[1_000, 4_000], help="leads; about 6.6 records go with each")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the staged samples")
    options = parser.parse_args()
    figures = []
    for scale in options.scale:
        figures.append(measure_scale(scale, options.keep))
        show_size(figures[-1])
    if len(figures) > 1:
        show_slopes(figures)
    if options.json is not None:
        sizes = [figure.detail["records"] for figure in figures]
        slopes = {
            name: {key: slope(sizes, [f.detail["phases"][name][key] for f in figures]) for key in ("cpu", "wall", "peak")}
            for name in figures[0].detail["phases"]
        }
        options.json.write_text(json.dumps({"figures": [vars(f) for f in figures], "slopes": slopes}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
