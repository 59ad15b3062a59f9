"""Export → staged records, against a bare DuckDB script that does the same reads, casts and hashes.

python -m benchmarks.staging --scale 100000 [--json FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measure import measure, show
from crm_pipeline.migration.migration import Migration
from crm_pipeline.samples import write_sample
from crm_pipeline.settings import Settings

_BARE = {
    "leads": ('"Lead ID"', '"Estimated Value"', '"Created At"', ('"Updated At"',)),
    "deals": ('"Deal ID"', '"Deal Value"', '"Created At"', ('"Closed At"', '"Updated At"')),
    "activities": ('"Activity ID"', '"Duration (min)"', '"Activity Date"', ()),
    "notes": ('"Note ID"', "NULL", '"Created At"', ()),
}


def pipeline(root: Path) -> dict[str, Any]:
    """Read, type, derive and stage every object, with all checks."""
    with Migration(Settings.load(root, {}), "leadforce") as migration:
        migration.read(migration.newest_drop())
        migration.stage()
        staged = sum(
            int(migration.store.value(f'SELECT count(*) FROM staged."{t.table}"')) for t in migration.mapping.targets
        )
    return {"staged": staged}


def bare(root: Path) -> dict[str, Any]:
    """The least that must be done: read as text, cast money and times, hash each row, keep it in a DuckDB file."""
    folder = next((root / "exports" / "leadforce").iterdir())
    rows = 0
    with duckdb.connect(str(root / "bare.duckdb"), config={"memory_limit": "2GB"}) as connection:
        for name, (key, money, moment, more) in _BARE.items():
            files = [str(file) for file in sorted(folder.glob(f"{name}*.csv"))]
            times = ", ".join(f"try_cast({column} AS TIMESTAMPTZ) AS t{i}" for i, column in enumerate((moment, *more)))
            connection.execute(
                f"""CREATE OR REPLACE TABLE bare_{name} AS
                    SELECT *, trim({key}) AS k, try_cast(replace({money}, ',', '') AS DECIMAL(24, 6)) AS amount, {times},
                           md5(to_json(raw)::VARCHAR) AS h
                    FROM read_csv(?, all_varchar = true, union_by_name = true) AS raw""",
                [files],
            )
            rows += int(connection.execute(f"SELECT count(*) FROM bare_{name}").fetchall()[0][0])
    return {"rows": rows}


def main() -> None:
    """Write a clean sample, then measure both on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=10_000, help="leads; deals, activities and notes go with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_sample("leadforce", root / "exports" / "leadforce" / "bench", scale=options.scale, clean=True)
        figures = [measure("bare DuckDB script", bare, root), measure("export to staged, with checks", pipeline, root)]
        show(figures, "bare DuckDB script", options.json)


if __name__ == "__main__":
    main()
