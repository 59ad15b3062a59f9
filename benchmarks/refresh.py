"""What it costs to run again: a first run, a re-run with nothing changed, a delta with 1 % changed rows, and Dagster.

    python -m benchmarks.refresh --scale 2000 [--json FILE]

On the embedded destination, or with ODOO_SANDBOX_* set on a real one: use a database made for it, empty before each run.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.measure import measure, show
from benchmarks.sample import SOURCE, settings_of, write_root
from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration

#: Every so many rows of a table one is changed.
_EVERY = 100
#: Table → the column that is changed.
_CHANGED = {"leads": "Job Title", "deals": "Description"}
FIRST = "first run"


def migrate(root: Path) -> dict[str, Any]:
    """A whole run."""
    with Migration(settings_of(root), SOURCE) as migration:
        return _said(run.migrate(migration, "sandbox"))


def delta(root: Path) -> dict[str, Any]:
    """The newest drop over what is loaded."""
    with Migration(settings_of(root), SOURCE) as migration:
        return _said(run.delta(migration, "sandbox"))


def through_dagster(root: Path) -> dict[str, Any]:
    """The same as a whole run by the job of the code location, definitions and instance included."""
    from crm_pipeline.orchestration import build_definitions  # noqa: PLC0415 - loading it is part of what is measured

    definitions = build_definitions(settings_of(root))
    config = {"resources": {"migrations": {"config": {"data_root": str(root)}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def(f"{SOURCE}_sandbox_migration")
        result = job.execute_in_process(run_config=config, instance=instance, raise_on_error=False)
    return {"ok": result.success}


def _said(outcome: run.RunOutcome) -> dict[str, Any]:
    targets = outcome.result["targets"].values()
    return {"ok": outcome.ok} | {name: sum(row[name] for row in targets) for name in ("created", "updated", "unchanged")}


def write_delta(folder: Path) -> None:
    """A delta of 1 % of the leads and deals, changed in one column."""
    newer = folder.with_name("bench-delta")
    newer.mkdir()
    for table, column in _CHANGED.items():
        with (folder / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [row | {column: f"{row[column]} changed"} for number, row in enumerate(reader) if number % _EVERY == 0]
        with (newer / f"{table}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, reader.fieldnames or [])
            writer.writeheader()
            writer.writerows(rows)


def main() -> None:
    """Measure on one sample; Dagster's run begins on an empty embedded destination of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=2_000, help="leads; deals, activities and notes go with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root, twin = Path(scratch) / "one", Path(scratch) / "two"
        folder = write_root(root, options.scale)
        shutil.copytree(root, twin)
        figures = [measure(FIRST, migrate, root), measure("re-run, nothing changed", migrate, root)]
        write_delta(folder)
        figures += [measure("delta, 1 % of leads and deals changed", delta, root), measure("the same delta again", delta, root)]
        if not os.environ.get("ODOO_SANDBOX_URL"):
            figures.append(measure("first run through Dagster", through_dagster, twin))
        show(figures, FIRST, options.json)


if __name__ == "__main__":
    main()
