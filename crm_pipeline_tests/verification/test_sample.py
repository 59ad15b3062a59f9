"""The spot check: repeatable, every kind among the drawn, side by side with what Odoo shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.settings import Settings
from crm_pipeline.verification.sample import FEWEST, MOST, draw_sample


@pytest.fixture
def opened(migrated: Callable[..., Path]) -> Migration:
    return Migration(Settings.load(migrated(), {"ODOO_SANDBOX_VERSION": "18.0"}), "leadforce")


def drawn(migration: Migration) -> list[tuple[str, str]]:
    return migration.store.rows("SELECT object, external_id FROM ops.sample ORDER BY object, position")


def test_the_same_seed_draws_the_same_records(opened: Migration) -> None:
    with opened as migration:
        first = drawn(migration)
        draw_sample(migration.store, migration.mapping, "sandbox", "leadforce")
        assert drawn(migration) == first
        assert {name for name, _ in first} == {"users", "stages", "leads", "deals", "activities", "notes"}


def test_merged_rows_are_drawn_with_the_record_they_went_into(opened: Migration) -> None:
    with opened as migration:
        found = dict(migration.store.rows("SELECT key, external_id FROM ops.sample WHERE object = 'leads' AND fate = 'merged'"))
    assert found == {"L1": "deals_D2", "L4": "deals_D1"}


def test_every_stratum_is_drawn_before_one_is_drawn_twice_and_the_numbers_are_kept(opened: Migration) -> None:
    with opened as migration:
        store = migration.store
        store.execute("DELETE FROM ops.row_fate")
        store.execute("DELETE FROM ops.ledger")
        store.execute(
            """INSERT INTO ops.ledger BY NAME SELECT 'sandbox' AS env, 'mail.message' AS model, 'block' || (i % 7 = 0) AS block,
               'x' || i AS external_id, i AS odoo_id, 'created' AS origin, 'r' AS run_id, now()::TIMESTAMP AS loaded_at FROM range(4000) AS t(i)"""
        )
        for name, rows in (("notes", 4000), ("activities", 30), ("deals", 1500)):
            store.execute(
                """INSERT INTO ops.row_fate BY NAME SELECT ? AS object, i AS row_id, 'k' || i AS key, 'f' AS file, i AS "row",
                   'loaded' AS fate, 'x' || i AS detail FROM range(?) AS t(i)""",
                [name, rows],
            )
        draw_sample(store, migration.mapping, "sandbox", "s")
        counts = dict(store.rows("SELECT object, count(*) FROM ops.sample GROUP BY 1"))
        strata = store.frame("SELECT stratum, count(*) AS n FROM ops.sample WHERE object = 'notes' GROUP BY 1")
    assert counts == {"notes": MOST, "activities": FEWEST, "deals": 30}
    assert strata["n"].to_list() == [25, 25]


def test_links_are_shown_by_name_and_yes_or_no_as_words(opened: Migration) -> None:
    with opened as migration:
        shown = dict(
            migration.store.rows(
                """SELECT label, value FROM ops.sample_value JOIN (SELECT DISTINCT model, odoo_id FROM ops.sample WHERE key = 'D1')
                   USING (model, odoo_id)"""
            )
        )
    assert shown["Stage"] == "Quote"
    assert shown["Customer"] == "Zed Q"
    assert shown["Active"] == "yes"


def test_the_workbook_takes_marks(opened: Migration) -> None:
    with opened as migration:
        folder = migration.settings.data.reports("leadforce", "sandbox")
        sheet = pl.read_excel(folder / "spot_check.xlsx", infer_schema_length=0)
        assert sheet.columns[:4] == ["object", "external_id", "decision", "remark"]
        assert sheet.height == len(drawn(migration))
