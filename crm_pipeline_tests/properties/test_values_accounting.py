"""The law of row accounting on exports as dirty as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.staging.references import check_references
from crm_pipeline.staging.schemas import validate_typed
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import source
from crm_pipeline_tests.staging.accounting import FATES, accounting
from crm_pipeline_tests.staging.typed_rows import stage

SPEC = source(
    {
        "people": {
            "label": "Person", "file": "people", "key": "id", "newest_by": "changed", "unique": ["mail"],
            "columns": {
                "id": {"heading": "ID", "type": "key", "required": True},
                "boss": {"heading": "Boss", "type": "key"},
                "mail": {"heading": "Mail", "type": "email"},
                "state": {"heading": "State", "type": "enum", "values": ["New", "Old"], "required": True},
                "changed": {"heading": "Changed", "type": "dt"},
            },
            "references": [{"column": "boss", "to": "people"}],
            "exclude": [{"where": "mail = 'test@x.de'", "reason": "test_record"}],
        },
        "notes": {
            "label": "Note", "file": "notes", "key": "id",
            "columns": {
                "id": {"heading": "ID", "type": "key", "required": True},
                "person": {"heading": "Person", "type": "key", "required": True},
                "text": {"heading": "Text", "type": "text"},
            },
            "references": [{"column": "person", "to": "people"}],
        },
    }
)  # fmt: skip

ids = st.sampled_from(["P1", "P2", "P3", "p1", " P1 ", "", "\u00a0", "P 4"])
people = st.tuples(
    ids,
    ids,
    st.sampled_from(["a@x.de", "A@X.DE", "b@x.de", "test@x.de", "no mail", ""]),
    st.sampled_from(["New", "old", " NEW", "Other", ""]),
    st.sampled_from(["2020-01-01", "01/02/2020", "31/31/2020", "2020-01-01T00:00:00Z", ""]),
).map(",".join)
notes = st.tuples(
    st.sampled_from(["N1", "N2", "N3", ""]), ids, st.sampled_from(['"two\nlines"', "plain", '"a ""quote"""', ""])
).map(",".join)
broken = st.sampled_from(['P1,"open', "P1", "P1,,,,,,,", '"P1" x,,,,', ",,,,", "", ",,", '"'])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    with StagingStore(tmp_path_factory.mktemp("store") / "test.duckdb") as opened:
        yield opened


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(
    persons=st.lists(people | people | people | broken, max_size=12),
    rest=st.lists(people | broken, max_size=4),
    remarks=st.lists(notes | notes | broken, max_size=8),
)
def test_every_exported_row_is_accepted_or_has_one_fate(
    store: StagingStore,
    tmp_path_factory: pytest.TempPathFactory,
    persons: list[str],
    rest: list[str],
    remarks: list[str],
) -> None:
    head = "ID,Boss,Mail,State,Changed"
    files = {
        "people": "\n".join([head, *persons, ""]),
        "people_part2": "\n".join([head, *rest, ""]),
        "notes": "\n".join(["ID,Person,Text", *remarks, ""]),
    }
    stage(store, folder := tmp_path_factory.mktemp("drop"), files, SPEC)
    check(store, folder, final=False)
    check_references(store, SPEC)
    check(store, folder, final=True)


def check(store: StagingStore, folder: Path, *, final: bool) -> None:
    for row in accounting(store, SPEC).iter_rows(named=True):
        name = row["object"]
        assert row["balanced"], (folder, row)
        assert row["exported"] == row["accepted"] + sum(row[fate] for fate in FATES)
        inside = f"SELECT _row_id FROM typed.{name}"
        outside = f"SELECT row_id FROM ops.fate WHERE object = '{name}'"
        exported = f"SELECT _row_id FROM raw.{name}"
        assert store.rows(f"({inside} UNION ALL {outside}) EXCEPT ALL {exported}") == []
        assert store.rows(f"{exported} EXCEPT ALL ({inside} UNION ALL {outside})") == []
        assert store.rows(f"{outside} EXCEPT ALL SELECT _row_id FROM typed.{name}__rejected") == []
        # Whatever was set aside says why; what is quarantined is an issue too.
        assert (
            store.value(f"SELECT count(*) FROM ops.fate WHERE object = '{name}' AND (reason IS NULL OR detail IS NULL)")
            == 0
        )
        silent = f"{outside} AND fate = 'quarantined' EXCEPT SELECT row_id FROM ops.issue WHERE object = '{name}'"
        assert store.rows(silent) == []
        assert validate_typed(store, SPEC, name).is_empty()
    assert store.rows("SELECT mail FROM typed.people WHERE mail IS NOT NULL GROUP BY mail HAVING count(*) > 1") == []
    if final:
        for child, column in (("people", "boss"), ("notes", "person")):
            orphans = f"SELECT 1 FROM typed.{child} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM typed.people)"
            assert store.rows(orphans) == []
