"""Export → staged records, against a bare DuckDB script that does the same reads, casts and hashes.

python -m benchmarks.staging [--scale 10000 --scale 100000 …] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measure import Figure, measure, show, slope
from benchmarks.sample import SOURCE, write_root
from crm_pipeline.exports.drops import open_drop
from crm_pipeline.migration.migration import Migration
from crm_pipeline.settings import Settings
from crm_pipeline.specs import Mapping, load_mapping
from crm_pipeline.staging.staged import confirmed_fields

#: How many rows the pipeline staged of each source block.
BLOCKS = "blocks.json"
BARE, OURS = "bare DuckDB script", "export to staged, with checks"
_CASTS = {
    "money": "try_cast(replace({0}, ',', '') AS DECIMAL(24, 6))", "dec": "try_cast({0} AS DECIMAL(24, 6))",
    "pct": "try_cast({0} AS DECIMAL(9, 4))", "int": "try_cast({0} AS BIGINT)", "bool": "try_cast({0} AS BOOLEAN)",
    "date": "try_cast({0} AS DATE)", "dt": "try_cast({0} AS TIMESTAMPTZ)",
}  # fmt: skip


def pipeline(root: Path) -> dict[str, Any]:
    """Read, type, derive and stage every object, with all checks."""
    with Migration(Settings.load(root, {}), SOURCE) as migration:
        migration.read(migration.newest_drop())
        migration.stage()
        blocks = {
            block: int(count) for target in migration.mapping.targets
            for block, count in migration.store.rows(f'SELECT _block, count(*) FROM staged."{target.table}" GROUP BY 1')
        }  # fmt: skip
    (root / BLOCKS).write_text(json.dumps(blocks), encoding="utf-8")
    return {"staged": sum(blocks.values())}


def bare(root: Path) -> dict[str, Any]:
    """The same reads, casts and hashes and nothing else: no rule, no check, no join, no fate, nothing said of bad values.

    Every file is read as text and kept; every column of the contract is trimmed and cast, a row hashed; and for each
    source block as many rows as the pipeline staged of it are written, of as many columns, with a hash of each.
    """
    mapping = load_mapping(Settings.load(root, {}).specs_root / SOURCE)
    folder = next((root / "exports" / SOURCE).iterdir())
    drop = open_drop(mapping.source, folder)
    blocks: dict[str, int] = json.loads((root / BLOCKS).read_text(encoding="utf-8"))
    hashed = rows = 0
    with duckdb.connect(str(root / "bare.duckdb"), config={"memory_limit": "1300MB"}) as connection:
        for name, files in drop.files.items():
            paths = [str(file.path) for file in files]
            connection.execute(f"CREATE TABLE raw_{name} AS SELECT * FROM read_csv(?, all_varchar = true, union_by_name = true)", [paths])
            there = {row[0] for row in connection.execute(f"DESCRIBE raw_{name}").fetchall()}
            casts = ", ".join(
                f"""{_CASTS.get(column.type, "{0}").format(f'trim("{column.heading}")')} AS "{each}" """
                for each, column in mapping.source.objects[name].columns.items() if column.heading in there
            )  # fmt: skip
            connection.execute(f"CREATE TABLE typed_{name} AS SELECT *, md5(row(COLUMNS(*))::VARCHAR) AS h FROM (SELECT {casts} FROM raw_{name})")
            rows += _count(connection, f"typed_{name}")
        for table, select in _shapes(mapping, blocks, connection):
            connection.execute(f"CREATE TABLE {table} AS SELECT *, md5(row(COLUMNS(*))::VARCHAR) AS h FROM ({select})")
            hashed += _count(connection, table)
    return {"rows": rows, "staged": hashed}


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _shapes(mapping: Mapping, blocks: dict[str, int], connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """A table and its SQL for each source block of an exported object, or of a table derived from one."""
    known = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    for target in mapping.targets:
        for number, block in enumerate(target.sources):
            derived = mapping.source.derived.get(str(block.object))
            name = str((derived.options if derived else {}).get("object", block.object))
            if f"typed_{name}" not in known:
                continue
            columns = [row[0] for row in connection.execute(f"DESCRIBE typed_{name}").fetchall() if row[0] != "h"]
            fields = [columns[i % len(columns)] for i in range(len(confirmed_fields(block)))]
            named = ", ".join(f'"{column}" AS f{i}' for i, column in enumerate(fields))
            yield f"staged_{target.table}_{number}", f"SELECT {named} FROM typed_{name} LIMIT {blocks.get(block.name, 0)}"


def main() -> None:
    """Write a clean sample of each size, then measure both on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, action="append", help="leads; 0.6 deals, 2 activities and 0.8 notes go with each")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes: list[int] = options.scale or [10_000]
    ours: list[Figure] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            write_root(root, size)
            ours_here = measure(OURS, pipeline, root)
            figures = [measure(BARE, bare, root), ours_here]
        print(f"\n{size} leads")
        show(figures, BARE, options.json and options.json.with_stem(f"{options.json.stem}-{size}"))
        ours.append(figures[1])
    if not math.isnan(slope(sizes, [figure.wall for figure in ours])):
        for what in ("wall", "cpu", "peak"):
            print(f"log-log slope of {what}: {slope(sizes, [getattr(figure, what) for figure in ours]):.2f}")


if __name__ == "__main__":
    main()
