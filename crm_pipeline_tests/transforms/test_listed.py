"""Rows by a value that is theirs alone, and keys listed in one cell, on real DuckDB tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline.staging.store import StagingStore
from crm_pipeline.transforms.listed import KeysOf, ListedKeysOptions, listed_keys
from crm_pipeline.transforms.one_per_value import OnePerValueOptions, one_per_value


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StagingStore]:
    with StagingStore(tmp_path / "tiny.duckdb") as opened:
        opened.execute("""
            CREATE TABLE typed.people AS SELECT * FROM (VALUES
            (1, 'p1', 'ann@x.org'), (2, 'p2', 'team@x.org'), (3, 'p3', 'team@x.org'), (4, 'p4', NULL)) AS t(_row_id, person_id, email)
        """)
        opened.execute("""
            CREATE TABLE typed.events AS SELECT * FROM (VALUES
            (1, 'e1', ['team@x.org', 'zoe@y.org', 'ann@x.org']), (2, 'e2', ['zoe@y.org']), (3, 'e3', NULL)) AS t(_row_id, event_id, who)
        """)
        yield opened


def test_a_value_that_several_rows_have_stands_for_none_of_them(store: StagingStore) -> None:
    one_per_value(store, "by_email", OnePerValueOptions(object="people", value="email"))
    assert store.rows("SELECT by_value, person_id FROM derived.by_email") == [("ann@x.org", "p1")]


def test_or_for_the_first_where_the_spec_says_so(store: StagingStore) -> None:
    one_per_value(store, "by_email", OnePerValueOptions(object="people", value="email", several="first"))
    assert store.rows("SELECT by_value, person_id FROM derived.by_email ORDER BY 1") == [("ann@x.org", "p1"), ("team@x.org", "p2")]


def test_only_rows_with_the_condition_count(store: StagingStore) -> None:
    one_per_value(store, "by_email", OnePerValueOptions(object="people", value="email", where="person_id <> 'p3'"))
    assert store.rows("SELECT person_id FROM derived.by_email ORDER BY 1") == [("p1",), ("p2",)]


def test_another_column_is_given_where_exactly_one_row_has_what_is_listed(store: StagingStore) -> None:
    of = KeysOf(object="people", key="email", gives="person_id")
    listed_keys(store, "attending", ListedKeysOptions(object="events", key="event_id", list="who", of=of))
    assert store.rows("SELECT key, keys, found FROM derived.attending") == [("e1", ["p1"], ["ann@x.org"])]


def test_without_another_column_the_listed_keys_are_given(store: StagingStore) -> None:
    of = KeysOf(object="people", key="person_id")
    store.execute("UPDATE typed.events SET who = ['p3', 'p9', 'p1'] WHERE event_id = 'e1'")
    listed_keys(store, "attending", ListedKeysOptions(object="events", key="event_id", list="who", of=of))
    assert store.rows("SELECT key, keys FROM derived.attending") == [("e1", ["p3", "p1"])]
