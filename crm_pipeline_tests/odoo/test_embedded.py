"""The embedded store itself: durability, threads, processes, its own limits."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_pipeline.odoo.destination import QUIET
from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.embedded.store import INDEXES, page_hint
from crm_pipeline.odoo.errors import CallError, ConfigurationError
from crm_pipeline.odoo.schemas import bundled_versions, load_schema

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
Opener = Callable[..., EmbeddedOdoo]


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    opened: list[EmbeddedOdoo] = []

    def open_embedded(version: str = "18.0", name: str = "odoo.db") -> EmbeddedOdoo:
        opened.append(EmbeddedOdoo(tmp_path / name, version, now=lambda: NOW))
        return opened[-1]

    yield open_embedded
    for odoo in opened:
        odoo.close()


def test_it_says_what_it_is(opener: Opener, tmp_path: Path) -> None:
    odoo = opener("17.0")
    assert (odoo.kind, odoo.version, odoo.base_url) == ("embedded", "17.0", None)
    assert str(tmp_path / "odoo.db") in odoo.database
    assert all(limit.strip() for limit in EmbeddedOdoo.limits())


def test_the_clock_is_the_callers(opener: Opener) -> None:
    odoo = opener()
    (key,) = odoo.create("crm.lead", [{"name": "x"}], context=QUIET)
    (lead,) = odoo.search_read("crm.lead", [["id", "=", key]], ["create_date", "write_date", "date_open"])
    assert lead == {"id": key} | dict.fromkeys(("create_date", "write_date", "date_open"), "2026-01-02 03:04:05")


def test_what_was_written_is_there_when_opened_again(opener: Opener) -> None:
    first = opener()
    (key,) = first.create("res.partner", [{"name": "kept"}], context=QUIET)
    (identity,) = first.search_read("ir.config_parameter", [["key", "=", "database.uuid"]], ["value"])
    first.close()
    again = opener()
    assert again.search_read("res.partner", [["id", "=", key]], ["name"]) == [{"id": key, "name": "kept"}]
    assert again.search_read("ir.config_parameter", [["key", "=", "database.uuid"]], ["value"]) == [identity]


def test_two_files_are_two_databases(opener: Opener) -> None:
    domain = [["key", "=", "database.uuid"]]
    one, two = (opener(name=f"{number}.db").search_read("ir.config_parameter", domain, ["value"]) for number in (1, 2))
    assert one[0]["value"] != two[0]["value"]


def test_another_version_is_refused(opener: Opener) -> None:
    opener("18.0").close()
    with pytest.raises(ConfigurationError, match=r"holds an embedded Odoo 18\.0, not 19\.0"):
        opener("19.0")


def test_an_unknown_version_is_refused(opener: Opener) -> None:
    with pytest.raises(ConfigurationError, match=r"17\.0, 18\.0, 19\.0"):
        opener("16.0")


def test_ids_are_never_given_twice(opener: Opener) -> None:
    odoo = opener()
    (first,) = odoo.create("res.partner", [{"name": "a"}], context=QUIET)
    odoo.unlink("res.partner", [first])
    (second,) = odoo.create("res.partner", [{"name": "b"}], context=QUIET)
    assert second > first


def test_threads_share_it(opener: Opener) -> None:
    odoo = opener()

    def work(number: int) -> int | None:
        result = odoo.load("res.partner", ["id", "name"], [[f"t.a{number % 20}", f"n{number}"]], context=QUIET)
        return result.ids[0] if result.ids else None

    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(work, range(200)))
    assert None not in keys
    assert len(set(keys)) == 20
    assert odoo.search_count("ir.model.data", [["module", "=", "t"]]) == 20


def test_two_connections_see_each_others_custom_fields(opener: Opener) -> None:
    one, two = opener(), opener()
    assert "x_new" not in two.fields_get("crm.lead")
    (model,) = one.search_read("ir.model", [["model", "=", "crm.lead"]], ["id"])
    vals = {"model_id": model["id"], "name": "x_new", "field_description": "New", "ttype": "char", "state": "manual"}
    one.create("ir.model.fields", [vals])
    (key,) = two.create("crm.lead", [{"name": "x", "x_new": "v"}], context=QUIET)
    assert one.search_read("crm.lead", [["id", "=", key]], ["x_new"]) == [{"id": key, "x_new": "v"}]


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from crm_pipeline.odoo.embedded import EmbeddedOdoo
odoo = EmbeddedOdoo(Path(sys.argv[1]), "18.0", now=lambda: datetime.now(UTC))
number = 0
while True:
    rows = [[f"k.{number}_{row}", f"batch {number}"] for row in range(50)]
    assert odoo.load("res.partner", ["id", "name"], rows).ids
    number += 1
    print(number, flush=True)
"""


def test_a_killed_process_leaves_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(  # noqa: S603 - our own program, above
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        done = 0
        while done < 5:
            done = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
    reported = int(rest[-1]) if rest else done
    odoo = EmbeddedOdoo(path, "18.0", now=lambda: NOW)
    try:
        records = odoo.search_count("res.partner", [["name", "like", "batch "]])
        named = odoo.search_count("ir.model.data", [["module", "=", "k"]])
        assert records == named
        assert records % 50 == 0
        assert reported * 50 <= records <= (reported + 1) * 50
    finally:
        odoo.close()


def test_what_it_does_not_know_it_refuses(opener: Opener) -> None:
    odoo = opener()
    with pytest.raises(CallError, match="does not have"):
        odoo.call("crm.lead", "action_set_won_rainbowman", ids=[1])
    with pytest.raises(CallError, match="cannot search"):
        odoo.search_count("crm.lead", [["activity_state", "=", "today"]])
    with pytest.raises(CallError, match="one level deep"):
        odoo.load("sale.order", ["id", "order_line/invoice_lines/name"], [["x.a", "line"]])


@pytest.mark.parametrize("version", bundled_versions())
def test_every_relation_of_the_bundled_schema_names_a_model(version: str) -> None:
    for model, fields in load_schema(version).items():
        for name, field in fields.items():
            relational = field.type in {"many2one", "one2many", "many2many"}
            assert bool(field.relation) is relational, f"{model}.{name}"
            assert bool(field.selection) <= (field.type == "selection"), f"{model}.{name}"


def test_reading_by_ids_uses_the_key(opener: Opener) -> None:
    odoo = opener()
    odoo.create("crm.lead", [{"name": str(number)} for number in range(10)], context=QUIET)
    plan = odoo.explain("crm.lead", [["id", "in", [1, 2, 3]]])
    assert "SEARCH" in plan
    assert "INTEGER PRIMARY KEY" in plan


@pytest.mark.parametrize(
    ("model", "domain"),
    [
        ("ir.model.data", [["module", "=", "a"], ["name", "in", ["b", "c"]]]),
        ("ir.model.data", [["model", "=", "crm.lead"], ["res_id", "in", [1, 2]]]),
        ("res.partner", [["email_normalized", "=", "a@x.org"]]),
        ("res.partner", [["parent_id", "=", 1]]),
        ("res.users", [["login", "=", "admin"]]),
        ("ir.attachment", [["res_model", "=", "crm.lead"], ["res_id", "in", [1, 2]]]),
        ("mail.message", [["message_id", "in", ["<a>", "<b>"]]]),
        ("mail.message", [["model", "=", "crm.lead"], ["res_id", "=", 1]]),
        ("mail.activity", [["res_model", "=", "crm.lead"], ["res_id", "in", [1]]]),
        ("crm.lead", [["partner_id", "=", 1]]),
    ],
)
def test_lookups_use_an_index(opener: Opener, model: str, domain: list[object]) -> None:
    plan = opener().explain(model, domain, context={"active_test": False})
    assert "USING INDEX" in plan.replace("COVERING ", "")


def test_pages_of_external_ids_read_on_from_where_they_were(opener: Opener) -> None:
    """Reading all external ids of one model must not cost a look at those of every other for each page."""
    odoo = opener()
    odoo.load("res.partner", ["id", "name"], [[f"p.a{number}", "x"] for number in range(30)], context=QUIET)
    odoo.load("crm.tag", ["id", "name"], [[f"p.t{number}", str(number)] for number in range(5)], context=QUIET)
    domain = [["module", "=", "p"], ["model", "=", "res.partner"]]
    pages, last = [], 0
    while page := odoo.search_read("ir.model.data", [*domain, ["id", ">", last]], ["name", "res_id"], limit=7, order="id"):
        pages.append(page)
        last = page[-1]["id"]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert [record["name"] for page in pages for record in page] == [f"a{number}" for number in range(30)]
    assert page_hint("ir.model.data", [*domain, ["id", ">", 0]])[0].startswith(" INDEXED BY")


def test_a_repeated_bad_cell_is_named_in_each_row(opener: Opener) -> None:
    rows = [[f"c.{number}", str(number), ["1", "x"][number % 2]] for number in range(6)]
    result = opener().load("res.partner", ["id", "name", "color"], rows, context=QUIET)
    assert result.ids is None
    assert [(message.row, message.field) for message in result.messages] == [(1, "color"), (3, "color"), (5, "color")]


def test_a_file_of_before_lookups_had_columns_is_brought_up_to_date(opener: Opener, tmp_path: Path) -> None:
    odoo = opener()
    (company,) = odoo.load("res.partner", ["id", "name"], [["o.company", "Old"]], context=QUIET).ids or [0]
    odoo.create("res.partner", [{"name": "Child", "parent_id": company, "email": "Child@X.org"}], context=QUIET)
    odoo.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "odoo.db")) as file, file:
        for model in INDEXES:
            if file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (model,)).fetchall():
                file.execute(f'CREATE TABLE older AS SELECT id, doc FROM "{model}"')
                file.execute(f'DROP TABLE "{model}"')
                file.execute(f'CREATE TABLE "{model}" (id INTEGER PRIMARY KEY, doc TEXT NOT NULL)')
                file.execute(f'INSERT INTO "{model}" SELECT * FROM older')
                file.execute("DROP TABLE older")
    again = opener()
    assert again.search_count("res.partner", [["parent_id", "=", company], ["email_normalized", "=", "child@x.org"]]) == 1
    twice = again.load("res.partner", ["id", "name"], [["o.company", "New"]], context=QUIET)
    assert twice.ids == [company]
    assert "USING INDEX" in again.explain("ir.model.data", [["module", "=", "o"], ["name", "=", "company"]]).replace("COVERING ", "")
