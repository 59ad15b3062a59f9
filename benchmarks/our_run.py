"""A whole migration of the sample by our pipeline, with what each model's load and read-back takes."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.sample import SOURCE, settings_of, write_root
from benchmarks.server_meter import ServerMeter, Spent
from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.loader import LoadCounts
from crm_pipeline.specs import TargetSpec
from crm_pipeline.verification.checks import CheckResult

#: A percentage that nothing but Odoo's own constraint refuses.
_BAD = "140"


@dataclass
class OurRun:
    """What a run took: by model its load (matching, fence, calls, ledger) and its read-back, and the whole."""

    loads: dict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))
    reads: dict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))
    counts: dict[str, LoadCounts] = field(default_factory=dict)
    whole: Spent = field(default_factory=Spent)
    ok: bool = False
    differences: int = 0
    refused: dict[str, str] = field(default_factory=dict)


class Measured(Migration):
    """A migration whose loads and read-backs are measured."""

    meter: ServerMeter
    found: OurRun

    def load(
        self, env: str, destination: Destination, target: TargetSpec, *, only_newer: bool = False
    ) -> tuple[LoadCounts | None, list[CheckResult]]:
        """As ever, measured."""
        with self.meter.measure() as spent:
            counts, results = super().load(env, destination, target, only_newer=only_newer)
        _add(self.found.loads[target.model], spent)
        if counts is not None:
            self.found.counts[target.model] = counts
        return counts, results

    def verify(self, env: str, destination: Destination, target: TargetSpec, **options: Any) -> list[CheckResult]:
        """As ever, measured; models that are read twice count twice."""
        with self.meter.measure() as spent:
            results = super().verify(env, destination, target, **options)
        _add(self.found.reads[target.model], spent)
        return results


def _add(total: Spent, more: Spent) -> None:
    total.wall, total.odoo, total.postgres = total.wall + more.wall, total.odoo + more.odoo, total.postgres + more.postgres


def write_export(root: Path, scale: int, *, bad_share: float = 0.0) -> int:
    """The sample's export; with ``bad_share`` this share of all leads and deals cannot be loaded. Returns how many."""
    folder = write_root(root, scale)
    if not bad_share:
        return 0
    file = folder / "deals.csv"
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    open_ = [row for row in rows if row["Status"] == "Open"]
    wanted = max(1, round(bad_share * (scale + len(rows))))
    for row in open_[:: max(1, len(open_) // wanted)][:wanted]:
        row["Probability"] = _BAD
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return sum(row["Probability"] == _BAD for row in rows)


def our_run(root: Path, meter: ServerMeter) -> OurRun:
    """Migrate into the sandbox of the environment variables."""
    with Measured(settings_of(root), SOURCE) as migration:
        migration.meter, migration.found = meter, OurRun()
        with meter.measure() as whole:
            outcome = run.migrate(migration, "sandbox")
        found = migration.found
        found.whole, found.ok = whole, outcome.ok
        found.differences = int(migration.store.value("SELECT count(*) FROM ops.difference WHERE class <> 'rounded'"))
        found.refused = dict(migration.store.rows("SELECT external_id, message FROM ops.refusal WHERE reason = 'refused_by_odoo'"))
    return found
