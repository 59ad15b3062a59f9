"""The clean sample that benchmarks migrate, and what they need around it."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from crm_pipeline.migration.migration import Migration
from crm_pipeline.samples import write_sample
from crm_pipeline.settings import Settings

SOURCE = "leadforce"


def write_root(root: Path, scale: int) -> Path:
    """A data root with a clean sample of so many leads and the decision about its users; returns the drop's folder."""
    folder = root / "exports" / SOURCE / "bench"
    write_sample(SOURCE, folder, scale=scale, clean=True)
    write_owners(root)
    return folder


def write_owners(root: Path) -> None:
    """Decide that every user of the sample is created archived."""
    users = root / "exports" / SOURCE / "bench" / "users.csv"
    folder = root / "resolutions" / SOURCE
    folder.mkdir(parents=True)
    with users.open(encoding="utf-8-sig", newline="") as file, (folder / "owners.csv").open("w", encoding="utf-8") as out:
        out.write("source_email,decision,odoo_login\n")
        for row in csv.DictReader(file):
            out.write(f"{row['Email']},create_archived,\n")


def settings_of(root: Path) -> Settings:
    """Settings with the caller's sandbox; the embedded destination without one."""
    return Settings.load(root, {k: v for k, v in os.environ.items() if k.startswith("ODOO_SANDBOX_")})


def stage(root: Path) -> dict[str, Any]:
    """Everything before the first write, so that the load can be measured alone."""
    with Migration(settings_of(root), SOURCE) as migration:
        migration.read(migration.newest_drop())
        migration.stage()
    return {}
