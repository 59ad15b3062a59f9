r"""How fast a real server is loaded, by us and by every other way there is, with the same rows on the same database.

    ODOO_SANDBOX_URL=… ODOO_SANDBOX_DB=… ODOO_SANDBOX_LOGIN=… ODOO_SANDBOX_API_KEY=… python -m benchmarks.server --scale 2000 \
        [--pid 1234] [--shell 'python odoo-bin shell --no-http -c odoo.conf'] [--tools /venv/bin] [--spare-db NAME] [--json FILE]

The database is one made for it, fresh before each run. See benchmarks/README.md for what is compared with what.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.other_ways import BATCH, Done, Tool, by_create, inside
from benchmarks.our_run import OurRun, our_run, write_export
from benchmarks.same_rows import MODELS, Rows, first, loaded_rows
from benchmarks.sample import SOURCE, settings_of
from benchmarks.server_meter import ServerMeter, Spent
from crm_pipeline.migration.migration import Migration
from crm_pipeline.odoo.environments import open_destination

#: Least times fluvo's rate.
TARGETS = {"contacts": 4.0, "leads": 2.2, "messages": 3.0, "whole set": 3.5}
#: The tools; the second is given the fields too that we send only to spare Odoo work.
_FLUVO, _FLUVO_OURS, _CLIENT = "fluvo", "fluvo, with our fields", "odoo-import-export-client"
#: The floor, and the same with the external ids that our create carries.
_INSIDE, _INSIDE_IDS = "create inside Odoo", "create inside Odoo, with ids"
#: Link by which a tool spreads rows over connections without conflicts, where its values are few: a batch holds one value only.
_GROUPS = {"res.partner": "parent_id", "crm.lead": "stage_id", "mail.message": None}


@dataclass(frozen=True)
class Line:
    """One way to load one model."""

    way: str
    what: str
    records: int
    given: int
    seconds: float
    cpu_ms: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / max(self.seconds, 1e-9)


class Comparison:
    """Lines of a run, and the figures drawn from them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.figures: dict[str, Any] = {}

    def add(self, way: str, what: str, done: Done) -> None:
        """One measured load."""
        line = Line(way, what, done.records, done.given, done.spent.wall, 1000 * done.spent.server / max(done.records, 1))
        self.lines.append(line)
        print(f"{way:28} {what:9} {line.records:7} of {line.given:<7} {line.seconds:8.1f} s {line.rate:8.0f}/s {line.cpu_ms:7.2f} ms", flush=True)

    def add_whole(self, way: str) -> None:
        """The sum of a way's models."""
        own = [line for line in self.lines if line.way == way]
        records, seconds = sum(line.records for line in own), sum(line.seconds for line in own)
        cpu = sum(line.cpu_ms * line.records for line in own) / 1000
        self.add(way, "whole set", Done(records, sum(line.given for line in own), Spent(seconds, cpu)))

    def get(self, way: str, what: str) -> Line | None:
        """The line of a way."""
        return next((line for line in self.lines if (line.way, line.what) == (way, what)), None)

    def ratios(self) -> None:
        """Ours against the others."""
        for what, target in TARGETS.items():
            ours = self.get("ours", what)
            for rival in (_FLUVO, _FLUVO_OURS, _CLIENT, "plain create, batches", "single creates"):
                other = self.get(rival, what)
                if ours and other and other.records:
                    aim = f" (target {target})" if rival == _FLUVO else ""
                    self.figures[f"{what}: rate against {rival}{aim}"] = round(ours.rate / other.rate, 2)
            for floor, aim in ((_INSIDE, " (target 1.3)"), (_INSIDE_IDS, "")):
                inside_ = self.get(floor, what)
                if ours and inside_ and ours.cpu_ms:
                    self.figures[f"{what}: server CPU against {floor}{aim}"] = round(ours.cpu_ms / inside_.cpu_ms, 2)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=2_000, help="leads; deals, activities and notes go with them")
    parser.add_argument("--pid", type=int, help="of the Odoo server, when it runs on this machine: measures its CPU")
    parser.add_argument("--shell", help="command that opens an Odoo shell of the same server's code; the database is added to it")
    parser.add_argument("--tools", type=Path, help="folder of commands of an environment with fluvo and odoo-import-export-client")
    parser.add_argument("--workers", type=int, default=2, help="connections of the tools")
    parser.add_argument("--spare-db", help="a second fresh database, for the run with 1 %% bad rows")
    parser.add_argument("--singles", type=int, default=100, help="rows for single creates")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = Comparison()
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o777)
        _measure(Path(scratch), options, found)
    found.ratios()
    for name, value in found.figures.items():
        print(f"{name:75} {value}")
    if options.json is not None:
        document = {"scale": options.scale, "lines": [asdict(line) | {"rate": line.rate} for line in found.lines], "figures": found.figures}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _measure(scratch: Path, options: argparse.Namespace, found: Comparison) -> None:
    root, database = scratch / "clean", os.environ["ODOO_SANDBOX_DB"]
    meter = ServerMeter(options.pid, database)
    write_export(root, options.scale)
    ours = our_run(root, meter)
    _add_ours(found, ours)
    again = our_run(root, meter)
    changed = sum(c.created + c.updated for c in again.counts.values())
    found.figures["re-run: records written"] = changed
    found.figures["re-run: seconds of loads against the first run's"] = round(_sum(again.loads) / _sum(ours.loads), 3)
    found.figures["re-run: server CPU s (first run's)"] = f"{again.whole.server:.1f} ({ours.whole.server:.1f})"
    settings = settings_of(root)
    destination = open_destination(settings.environment("sandbox", SOURCE))
    with Migration(settings, SOURCE) as migration:
        rows = loaded_rows(migration, "sandbox", destination)
    if options.shell:
        for way, module in ((_INSIDE, None), (_INSIDE_IDS, "bench_inside")):
            for model, what in MODELS.items():
                found.add(way, what, inside(options.shell, database, os.environ["ODOO_SANDBOX_LOGIN"], rows[model], scratch, module))
            found.add_whole(way)
    if options.tools:
        data = {model: [part.data_only() for part in parts] for model, parts in rows.items()}
        for number, (way, given) in enumerate(((_FLUVO, data), (_FLUVO_OURS, rows), (_CLIENT, data))):
            tool = Tool(way.partition(",")[0], options.tools, scratch, f"bench_{number}")
            _by_tool(found, way, tool, given, meter, destination, options.workers)
    for way, batch, quiet, most in (("plain create, batches", BATCH, False, None), ("single creates", 1, False, options.singles)):
        for model, what in MODELS.items():
            parts = rows[model] if most is None else first(rows[model], most)
            found.add(way, what, by_create(destination, parts, meter.measure, batch=batch, quiet=quiet))
        found.add_whole(way)
    destination.close()
    if options.spare_db:
        _with_bad_rows(scratch / "bad", options, found, ours)


def _by_tool(
    found: Comparison, way: str, tool: Tool, rows: dict[str, list[Rows]], meter: ServerMeter, destination: Any, workers: int
) -> None:
    env = os.environ
    conf = tool.connection(
        env["ODOO_SANDBOX_URL"], env["ODOO_SANDBOX_DB"], env["ODOO_SANDBOX_LOGIN"], env["ODOO_SANDBOX_API_KEY"],
        is_json2=int(destination.version.split(".")[0]) >= 19,
    )  # fmt: skip
    workers = workers if tool.name == "fluvo" else 1  # with two it lost 1,395 of 1,873 contacts and 800 of 1,763 leads
    for model, what in MODELS.items():
        found.add(way, what, tool.load(destination, conf, rows[model], meter.measure, _GROUPS[model], workers))
    found.add_whole(way)


def _add_ours(found: Comparison, ours: OurRun) -> None:
    for model, what in MODELS.items():
        made = ours.counts[model].created
        found.add("ours", what, Done(made, ours.counts[model].staged, ours.loads[model]))
    found.add_whole("ours")
    found.figures["ours: ok, differences in the read-back"] = f"{ours.ok}, {ours.differences}"
    for model, what in MODELS.items():
        found.figures[f"{what}: read-back against load (target 0.25)"] = round(ours.reads[model].wall / ours.loads[model].wall, 3)
    found.figures["all models: read-back against load (target 0.25)"] = round(_sum(ours.reads) / _sum(ours.loads), 3)


def _sum(spent: dict[str, Spent]) -> float:
    return sum(each.wall for each in spent.values())


def _with_bad_rows(root: Path, options: argparse.Namespace, found: Comparison, clean: OurRun) -> None:
    bad = write_export(root, options.scale, bad_share=0.01)
    before = os.environ["ODOO_SANDBOX_DB"]
    os.environ["ODOO_SANDBOX_DB"] = options.spare_db
    spoilt = our_run(root, ServerMeter(options.pid, options.spare_db))
    os.environ["ODOO_SANDBOX_DB"] = before
    counts = spoilt.counts["crm.lead"]
    found.add("ours, 1 % bad rows", "leads", Done(counts.created, counts.staged, spoilt.loads["crm.lead"]))
    found.figures["1 % bad rows: bad, named, good ones in"] = (
        f"{bad}, {len(spoilt.refused)}, {counts.created} of {counts.staged - bad}"
    )
    seconds = spoilt.loads["crm.lead"].wall, clean.loads["crm.lead"].wall
    found.figures["1 % bad rows: time against a clean load (target 1.5)"] = round(seconds[0] / seconds[1], 2)


if __name__ == "__main__":
    main()
