"""Load and read back, on the embedded destination or (with ODOO_SANDBOX_* set) a real one, against plain batched calls.

    python -m benchmarks.loading --scale 2000 [--json FILE]

A real database gets the records of the sample and of the plain calls: use one made for it, empty before each run.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import measure, show
from crm_pipeline.migration import run
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.environments import open_destination
from crm_pipeline.samples import write_sample
from crm_pipeline.settings import Settings

_BATCH = 500


def settings_of(root: Path) -> Settings:
    """Settings with the caller's sandbox."""
    return Settings.load(root, {k: v for k, v in os.environ.items() if k.startswith("ODOO_SANDBOX_")})


def stage(root: Path) -> dict[str, Any]:
    """Everything before the first write, so that the load can be measured alone."""
    with Migration(settings_of(root), "leadforce") as migration:
        migration.read(migration.newest_drop())
        migration.stage()
    return {}


def load(root: Path) -> dict[str, Any]:
    """A whole run; the detail says what the loads and read-backs alone took."""
    with Migration(settings_of(root), "leadforce") as migration:
        outcome = run.migrate(migration, "sandbox")
        seconds = migration.store.rows("SELECT model, created, seconds FROM ops.load_count WHERE created > 0")
    targets = outcome.result["targets"].values()
    created = sum(row["created"] for row in targets)
    rates = {model: f"{count / max(took, 1e-9):.0f}/s" for model, count, took in seconds if count >= _BATCH}
    return {"ok": outcome.ok, "created": created, "unchanged": sum(row["unchanged"] for row in targets)} | rates


def plain_calls(root: Path, records: int) -> dict[str, Any]:
    """Contacts, leads and messages of a few fields by plain ``create`` in batches, without context or ledger."""
    destination = open_destination(settings_of(root).environment("sandbox", "leadforce"))
    rates: dict[str, Any] = {}
    partners = _timed(rates, destination, "res.partner", [{"name": f"Person {n}", "email": f"p{n}@bench.test", "phone": "1"} for n in range(records)])
    leads = _timed(
        rates, destination, "crm.lead",
        [{"name": f"Lead {n}", "type": "opportunity", "partner_id": partner, "expected_revenue": 10.0, "user_id": False} for n, partner in enumerate(partners)],
    )  # fmt: skip
    _timed(
        rates, destination, "mail.message",
        [{"model": "crm.lead", "res_id": lead, "body": "<p>x</p>", "date": "2024-01-01 00:00:00", "message_type": "comment"} for lead in leads],
    )  # fmt: skip
    destination.close()
    return rates


def _timed(rates: dict[str, Any], destination: Any, model: str, values: list[dict[str, Any]]) -> list[int]:
    started = time.perf_counter()
    ids: list[int] = []
    for start in range(0, len(values), _BATCH):
        ids += destination.create(model, values[start : start + _BATCH])
    rates[model] = f"{len(ids) / (time.perf_counter() - started):.0f}/s"
    return ids


def main() -> None:
    """Measure a first run, a re-run and (on a real server) plain calls on the same database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=2_000, help="leads; deals, activities and notes go with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_sample("leadforce", root / "exports" / "leadforce" / "bench", scale=options.scale, clean=True)
        write_owners(root)
        figures = [
            measure("staging alone", stage, root),
            measure("first run", load, root),
            measure("re-run, nothing changed", load, root),
        ]
        if os.environ.get("ODOO_SANDBOX_URL"):
            figures.append(measure("plain batched create calls", plain_calls, root, options.scale))
        show(figures, "first run", options.json)


def write_owners(root: Path) -> None:
    """Decide that every user of the sample is created archived."""
    users = root / "exports" / "leadforce" / "bench" / "users.csv"
    folder = root / "resolutions" / "leadforce"
    folder.mkdir(parents=True)
    with users.open(encoding="utf-8-sig", newline="") as file, (folder / "owners.csv").open("w", encoding="utf-8") as out:
        out.write("source_email,decision,odoo_login\n")
        for row in csv.DictReader(file):
            out.write(f"{row['Email']},create_archived,\n")


if __name__ == "__main__":
    main()
