"""The same rows by other ways: single creates, batched creates, creates inside Odoo, fluvo, odoo-import-export-client."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.same_rows import Rows
from benchmarks.server_meter import Spent
from crm_pipeline.odoo.destination import QUIET, Destination, Record

BATCH = 400
_INSIDE = Path(__file__).with_name("inside_odoo.py")
Measure = Callable[[], AbstractContextManager[Spent]]


@dataclass(frozen=True)
class Done:
    """Records in Odoo, of how many given, and what it took."""

    records: int
    given: int
    spent: Spent


def by_create(destination: Destination, parts: list[Rows], measure: Measure, *, batch: int, quiet: bool) -> Done:
    """Plain ``create`` calls, one after the other, without external ids; ``quiet`` with the context our pipeline sends."""
    made, ids = 0, dict[str, int]()
    with measure() as spent:
        for part in parts:
            values = part.values(ids)
            for start in range(0, len(values), batch):
                new = destination.create(part.model, values[start : start + batch], context=part.context if quiet else None)
                ids.update(zip(part.names[start:], new, strict=False))
                made += len(new)
    return Done(made, made, spent)


def inside(shell: str, database: str, login: str, parts: list[Rows], folder: Path, module: str | None = None) -> Done:
    """``create`` of the same values by the same user in a process of Odoo itself, batches as ours, a commit after each.

    With a ``module`` the same create writes external ids, as ours does.
    """
    file, answer = folder / "inside.json", folder / "inside-answer.json"
    context = {"_import_current_module": module} if module else {}
    given = [
        {
            "model": part.model, "context": part.context | context, "names": part.names, "batch": BATCH,
            "values": [
                vals | ({"id": f"{module}.{name}"} if module else {})
                for name, vals in zip(part.names, part.values(dict.fromkeys(part.parents.values(), 0)), strict=True)
            ],
            "parents": [part.parents.get(cells[part.parent]) if part.parent is not None else None for cells in part.cells],
            "parent": part.columns[part.parent].removesuffix("/.id") if part.parent is not None else None,
        }
        for part in parts
    ]  # fmt: skip
    file.write_text(json.dumps(given), encoding="utf-8")
    for path in (folder, file):
        path.chmod(0o777)
    script = f"QUESTION, ANSWER, LOGIN = {str(file)!r}, {str(answer)!r}, {login!r}\n{_INSIDE.read_text(encoding='utf-8')}"
    subprocess.run([*shlex.split(shell), "-d", database], input=script, text=True, check=True, capture_output=True, timeout=900)  # noqa: S603 - the caller's own command
    found = json.loads(answer.read_text(encoding="utf-8"))
    total = sum(len(part.names) for part in parts)
    return Done(found["records"], total, Spent(found["wall"], found["odoo"], found["postgres"]))


class Tool:
    """A command-line loader in an environment of its own.

    Args:
        name: of the tool.
        python: the environment's folder of commands.
        folder: for its files.
        module: of its external ids.
    """

    def __init__(self, name: str, bin_: Path, folder: Path, module: str) -> None:
        self.name, self.bin, self.folder, self.module = name, bin_, folder, module

    def connection(self, url: str, database: str, login: str, key: str, *, is_json2: bool) -> Path:
        """Its configuration file."""
        protocol = "json2" if is_json2 and self.name == "fluvo" else "jsonrpc"
        parts = urlsplit(url)
        file = self.folder / f"{self.name}.conf"
        lines = {"hostname": parts.hostname, "port": parts.port, "database": database, "login": login, "password": key, "protocol": protocol, "uid": 2}
        file.write_text("[Connection]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items()), encoding="utf-8")
        return file

    def load(self, destination: Destination, conf: Path, parts: list[Rows], measure: Measure, group_by: str | None, workers: int) -> Done:
        """Run it once for each part; its start belongs to what it takes."""
        given = sum(len(part.names) for part in parts)
        commands = [self._command(conf, part, number, group_by, workers) for number, part in enumerate(parts)]
        with measure() as spent:
            for command in commands:
                with (self.folder / f"{self.name}.log").open("a", encoding="utf-8") as log:
                    subprocess.run(command, stdout=log, stderr=log, check=False, timeout=1800, cwd=self.folder, env=dict(os.environ))  # noqa: S603
        model = parts[0].model
        names = {name for part in parts for name in part.names}
        there = destination.search_read("ir.model.data", [("module", "=", self.module), ("model", "=", model)], ["name"])
        return Done(len(names & {record["name"] for record in there}), given, spent)

    def _command(self, conf: Path, part: Rows, number: int, group_by: str | None, workers: int) -> list[str]:
        heads, rows = part.table(self.module)
        file = self.folder / f"{self.name}-{part.model}-{number}.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL)
            writer.writerows([heads, *rows])
        group = [head for head in heads if group_by and head.split("/")[0] == group_by]
        grouped = ["--groupby", group[0]] if group and workers > 1 else []
        common = ["--file", str(file), "--model", part.model, "--worker", str(workers), "--size", str(BATCH), *grouped]
        if self.name == "fluvo":
            return [
                str(self.bin / "fluvo"), "import", "--connection-file", str(conf), *common, "--context", repr(dict(QUIET)), "--sep", ";",
                "--no-preflight-checks", "--check-refs", "skip", "--no-adaptive-throttle", "--no-checkpoint", "--no-cache", "--headless",
            ]  # fmt: skip
        return [
            str(self.bin / "python"), str(self.bin / "odoo_import_thread.py"), "-c", str(conf), *common, "--context", repr(dict(QUIET)), "-s", ";",
        ]  # fmt: skip


def values_with_bad_rows(values: list[Record], every: int) -> Iterator[Record]:
    """The values, each ``every``-th with a country that is not there: only the database can refuse it."""
    for number, vals in enumerate(values):
        yield vals | ({"country_id": 2_000_000_000} if number % every == every // 2 else {})
