from __future__ import annotations

from pathlib import Path

import pytest

from crm_pipeline.staging import schemas
from crm_pipeline.staging.schemas import validate_typed
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.staging.test_typed import WIDE_SPEC, table
from crm_pipeline_tests.staging.typed_rows import stage

HEAD = "Thing ID,Name,State,Price"


@pytest.fixture
def staged(store: StagingStore, tmp_path: Path) -> StagingStore:
    rows = [f"T{n},name {n},New,$ {n}" for n in range(1, 8)]
    stage(store, tmp_path, table(*rows, head=HEAD), WIDE_SPEC)
    return store


def test_what_typing_accepts_is_valid(staged: StagingStore) -> None:
    assert validate_typed(staged, WIDE_SPEC, "things").is_empty()


def test_an_empty_table_is_valid(store: StagingStore, tmp_path: Path) -> None:
    stage(store, tmp_path, table(head=HEAD), WIDE_SPEC)
    assert validate_typed(store, WIDE_SPEC, "things").is_empty()


@pytest.mark.parametrize("chunk", [2, 100_000])
@pytest.mark.parametrize(
    ("damage", "column", "row_id", "value"),
    [
        ("state = 'Odd'", "state", 5, "Odd"),
        ("thing_id = NULL", "thing_id", 5, None),
        ("price__currency = '$'", "price__currency", 5, "$"),
        ("_row = 0", "_row", 5, "0"),
    ],
)
def test_what_breaks_the_contract_is_listed_with_its_row(
    staged: StagingStore,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    damage: str,
    column: str,
    row_id: int,
    value: str | None,
) -> None:
    monkeypatch.setattr(schemas, "CHUNK", chunk)
    staged.execute(f"UPDATE typed.things SET {damage} WHERE _row_id = {row_id}")
    failures = validate_typed(staged, WIDE_SPEC, "things")
    assert failures.select("column", "row_id", "value").rows() == [(column, row_id, value)]


def test_keys_that_repeat_are_found_over_all_chunks(staged: StagingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "CHUNK", 2)
    staged.execute("UPDATE typed.things SET thing_id = 'T1' WHERE _row_id = 7")
    assert validate_typed(staged, WIDE_SPEC, "things").rows() == [("thing_id", "key_is_unique", 1, "T1")]


def test_a_column_of_another_type_is_named(staged: StagingStore) -> None:
    staged.execute("ALTER TABLE typed.things ALTER price TYPE VARCHAR")
    failures = validate_typed(staged, WIDE_SPEC, "things")
    assert failures.select("column", "check").rows() == [("price", "dtype('Decimal(precision=24, scale=6)')")]


def test_a_missing_column_is_named(staged: StagingStore) -> None:
    staged.execute("ALTER TABLE typed.things DROP COLUMN body")
    failures = validate_typed(staged, WIDE_SPEC, "things")
    assert failures["value"].to_list() == ["body"]
