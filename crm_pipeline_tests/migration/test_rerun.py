"""Running again what was loaded and proven: nothing is read, sent or read back that did not change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.run import verify
from crm_pipeline.odoo.destination import QUIET
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.migration.test_delta import odoo, writes
from crm_pipeline_tests.migration.test_end_to_end import by_external_id, environ
from crm_pipeline_tests.small_export import TYPICAL_DECISIONS, decide_owners, typical_export

Migrated = Callable[..., Path]


def root_file(root: Path) -> Path:
    return Settings.load(root, environ("18.0")).environment("sandbox", "leadforce").embedded_path


def read_at(root: Path) -> datetime:
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        found: datetime = migration.store.value("SELECT read_at FROM ops.reading")
        return found


def proofs(root: Path) -> set[str]:
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        return {model for (model,) in migration.store.rows("SELECT model FROM ops.proof")}


def test_nothing_is_read_or_sent_again_and_the_proof_is_told_as_it_was(migrated: Migrated) -> None:
    root = migrated()
    before = read_at(root)
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        first = dict(migration.store.rows("SELECT model, records FROM ops.verified"))
    again = migrate(root)
    assert again.ok
    assert writes(again) == 0
    assert read_at(root) == before
    assert again.result["verification"]["records"] == sum(first.values())
    assert {"crm.lead", "res.partner", "mail.message"} <= proofs(root)


def test_what_a_person_wrote_since_is_looked_at(migrated: Migrated) -> None:
    root = migrated()
    assert migrate(root).ok
    with odoo(root) as destination:
        lead = by_external_id(destination, "crm.lead", ["id"])["deals_D1"]["id"]
        destination.write("crm.lead", [lead], {"name": "Renamed by hand"}, context=QUIET)
    outcome = migrate(root)
    assert writes(outcome) == 0
    assert outcome.result["edits"] == 1


def test_records_of_others_undo_no_proof_unless_they_may_be_copies(migrated: Migrated) -> None:
    root = migrated()
    assert migrate(root).ok
    first = looked_at(root)
    with odoo(root) as destination:
        leads = by_external_id(destination, "crm.lead", ["name", "partner_id", "type"])
        company = destination.search_read("res.company", [], ["partner_id"], limit=1)[0]["partner_id"]
        other = {"model": "res.partner", "res_id": company, "body": "<p>hello</p>", "message_type": "comment"}
        destination.create("mail.message", [other], context=QUIET)
    assert migrate(root).ok
    assert looked_at(root)["mail_message"] == first["mail_message"], "a message on somebody else's record says nothing of ours"
    with odoo(root) as destination:
        lead = {name: leads["deals_D1"][name] for name in ("name", "partner_id", "type")}
        destination.create("crm.lead", [lead], context=QUIET)
    outcome = migrate(root)
    found = {(check["asset"].rpartition("/")[2], check["check"]) for check in outcome.result["checks"] if not check["passed"]}
    assert ("crm_lead", "no_copies") in found
    assert looked_at(root)["crm_lead"] != first["crm_lead"]


def looked_at(root: Path) -> dict[str, str]:
    """Model → the run that read it back last."""
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        rows = migration.store.rows("""SELECT asset, run_id FROM ops.check_result WHERE env = 'sandbox' AND "check" = 'fields_equal'""")
    return {asset.rpartition("/")[2]: run_id for asset, run_id in rows}


def test_a_total_that_changed_without_a_stamp_is_seen(migrated: Migrated) -> None:
    root = migrated()
    assert migrate(root).ok
    first = looked_at(root)
    with closing(sqlite3.connect(root_file(root))) as database, database:
        sql = """UPDATE "crm.lead" SET doc = json_set(doc, '$.expected_revenue', 1.0) WHERE json_extract(doc, '$.expected_revenue') = 1000.5"""
        assert database.execute(sql).rowcount == 1
    outcome = migrate(root)
    assert looked_at(root)["crm_lead"] == first["crm_lead"], "no stamp says so"
    assert [check["check"] for check in outcome.result["checks"] if not check["passed"] and check["severity"] == "ERROR"] == ["control_totals_equal"]


@pytest.mark.parametrize("model", ["mail.message", "crm.lead"])
def test_a_deleted_record_is_missed(migrated: Migrated, model: str) -> None:
    root = migrated()
    with odoo(root) as destination:
        destination.unlink(model, [max(record["id"] for record in by_external_id(destination, model, ["id"]).values())])
    outcome = migrate(root)
    assert not outcome.ok
    found = {(check["asset"].rpartition("/")[2], check["check"]) for check in outcome.result["checks"] if not check["passed"]}
    assert (model.replace(".", "_"), "fields_equal") in found


def test_a_decision_is_followed(migrated: Migrated) -> None:
    root = migrated()
    before = read_at(root)
    decide_owners(root, [*TYPICAL_DECISIONS, ("nobody@corp.in", "unassign", "")])
    assert migrate(root).ok
    assert read_at(root) > before


def test_a_changed_export_is_read(migrated: Migrated) -> None:
    root = migrated()
    before = read_at(root)
    export = typical_export()
    export.leads[0]["Job Title"] = "Chair"
    export.write(root)
    outcome = migrate(root)
    assert read_at(root) > before
    assert writes(outcome) > 0


def test_a_run_that_failed_is_proven_again(migrated: Migrated) -> None:
    root = migrated()
    with odoo(root) as destination:
        message = max(record["id"] for record in by_external_id(destination, "mail.message", ["id"]).values())
        destination.unlink("mail.message", [message])
    assert not migrate(root).ok
    assert not migrate(root).ok


def test_what_arrived_before_a_kill_is_known_to_whatever_runs_next(migrated: Migrated) -> None:
    """The store is left as by a run that is killed when all leads arrived and the ledger has not taken them over."""
    root = migrated()
    with Migration(Settings.load(root, environ("18.0")), "leadforce") as migration:
        store = migration.store
        before = store.rows("SELECT * FROM ops.ledger ORDER BY ALL")
        store.execute("""INSERT INTO ops.arrived BY NAME
                         SELECT env, model, external_id, odoo_id, run_id, loaded_at FROM ops.ledger WHERE model = 'crm.lead'""")
        store.execute("""CREATE OR REPLACE TABLE ops.pending AS SELECT external_id, block AS _block, row_hash AS _hash, "values" AS _values
                         FROM ops.ledger WHERE model = 'crm.lead'""")
        store.execute("DELETE FROM ops.ledger WHERE model = 'crm.lead'")
        assert verify(migration, "sandbox").ok
        assert store.rows("SELECT * FROM ops.ledger ORDER BY ALL") == before
        assert not store.rows("SELECT * FROM ops.arrived")
