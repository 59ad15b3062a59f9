from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.references import check_references, dependency_order
from crm_pipeline.staging.store import StagingStore
from crm_pipeline_tests.exports.folders import source
from crm_pipeline_tests.staging.typed_rows import accepted, fates, issues, stage

Rows = list[str]


def thing(file: str, references: list[dict[str, Any]] | None = None, **settings: Any) -> dict[str, Any]:
    """An object with key, parent, kind and name."""
    columns = {
        "key": {"heading": "Key", "type": "key", "required": True},
        "parent": {"heading": "Parent", "type": "key"},
        "kind": {"heading": "Kind"},
        "name": {"heading": "Name"},
    }
    return {"label": file, "file": file, "key": "key", "columns": columns, "references": references or []} | settings


def run(store: StagingStore, folder: Path, spec: SourceSpec, **tables: Rows) -> dict[str, dict[str, int]]:
    files = {name: "\n".join(["Key,Parent,Kind,Name", *rows, ""]) for name, rows in tables.items()}
    stage(store, folder, files, spec)
    return check_references(store, spec)


FAMILY = source(
    {
        "grandchildren": thing("grandchildren", [{"column": "parent", "to": "children"}]),
        "children": thing("children", [{"column": "parent", "to": "parents", "reason": "no_parent"}]),
        "parents": thing("parents"),
    }
)


def test_orphans_are_set_aside_and_their_children_after_them(store: StagingStore, tmp_path: Path) -> None:
    counts = run(
        store,
        tmp_path,
        FAMILY,
        parents=["P1,,,", "P2,,,a", "P2,,,b"],
        children=["C1,P1,,", "C2,P9,,", "C3,,,", "C4,P2,,"],
        grandchildren=["G1,C1,,", "G2,C2,,", "G3,C9,,", "G4,C3,,"],
    )
    assert counts == {"children": {"no_parent": 1}, "grandchildren": {"orphan_parent": 1, "parent_quarantined": 1}}
    assert fates(store, "children") == [(3, "quarantined", "no_parent")]
    assert fates(store, "grandchildren") == [
        (3, "quarantined", "parent_quarantined"),
        (4, "quarantined", "orphan_parent"),
    ]
    assert accepted(store, "grandchildren", "key") == [("G1",), ("G4",)]
    assert issues(store, "children") == [(3, "parent", "P9", "no_parent", "error")]


def test_a_parent_that_was_set_aside_is_told_from_one_that_is_missing(store: StagingStore, tmp_path: Path) -> None:
    run(store, tmp_path, FAMILY, parents=["P1", "P2,,,"], children=["C1,P1,,", "C2,P2,,"], grandchildren=[])
    assert fates(store, "children") == [(2, "quarantined", "parent_quarantined")]
    message = store.value("SELECT message FROM ops.issue WHERE object = 'children'")
    assert message == (
        "children.csv, row 2: column 'Parent' names 'P1' of parents, a row that was set aside itself; the row is set aside. "
        "Correct that row first."
    )


def test_objects_are_checked_parents_first() -> None:
    assert dependency_order(FAMILY) == ["parents", "children", "grandchildren"]


def test_references_within_an_object_cascade_to_the_end(store: StagingStore, tmp_path: Path) -> None:
    spec = source({"nodes": thing("nodes", [{"column": "parent", "to": "nodes"}])})
    chain = [f"N{n},N{n - 1},," for n in range(20, 1, -1)]
    counts = run(store, tmp_path, spec, nodes=[*chain, "N1,N0,,", "A1,,,", "A2,A1,,", "B1,B2,,", "B2,B1,,"])
    assert counts == {"nodes": {"orphan_parent": 1, "parent_quarantined": 19}}
    assert accepted(store, "nodes", "key") == [("A1",), ("A2",), ("B1",), ("B2",)]


def test_objects_that_refer_to_each_other_settle(store: StagingStore, tmp_path: Path) -> None:
    spec = source(
        {
            "left": thing("left", [{"column": "parent", "to": "right"}]),
            "right": thing("right", [{"column": "parent", "to": "left"}]),
        }
    )
    counts = run(store, tmp_path, spec, left=["L1,R1,,", "L2,R2,,", "L3,R3,,"], right=["R1,L1,,", "R2,L9,,", "R3,L2,,"])
    assert accepted(store, "left", "key") == [("L1",)]
    assert accepted(store, "right", "key") == [("R1",)]
    assert counts == {"left": {"parent_quarantined": 2}, "right": {"orphan_parent": 1, "parent_quarantined": 1}}


POLYMORPHIC = source(
    {
        "people": thing("people"),
        "firms": thing("firms"),
        "notes": thing("notes", [{"column": "parent", "by": "kind", "to": {"Person": "people", "Firm": "firms"}}]),
    }
)


def test_the_kind_says_which_object_is_meant(store: StagingStore, tmp_path: Path) -> None:
    notes = ["N1,1,Person,", "N2,1,Firm,", "N3,2,PERSON ,", "N4,2,firm,", "N5,1,Robot,", "N6,1,,", "N7,,Firm,", "N8,,,"]
    run(store, tmp_path, POLYMORPHIC, people=["1,,,"], firms=["2,,,"], notes=notes)
    assert [row[0] for row in accepted(store, "notes", "key")] == ["N1", "N4", "N7", "N8"]
    assert fates(store, "notes") == [(row, "quarantined", "orphan_parent") for row in (3, 4, 6, 7)]


def test_a_column_may_refer_to_a_derived_one(store: StagingStore, tmp_path: Path) -> None:
    spec = source(
        {
            "stages": thing("stages", derive={"stage_key": "fold(kind) || '/' || fold(name)"}, unique=["stage_key"]),
            "deals": thing(
                "deals",
                [{"column": "stage_key", "to": "stages", "to_column": "stage_key", "reason": "unknown_stage"}],
                derive={"stage_key": "fold(kind) || '/' || fold(name)"},
            ),
        }
    )
    stages = ["S1,,Sales,New", "S2,,sales,NEW", "S3"]
    counts = run(store, tmp_path, spec, stages=stages, deals=["D1,,SALES,new ", "D2,,Sales,Old", "D3,,,"])
    assert counts == {"deals": {"unknown_stage": 1}}
    assert accepted(store, "deals", "key") == [("D1",), ("D3",)]


def test_a_reference_may_be_left_blank_instead(store: StagingStore, tmp_path: Path) -> None:
    spec = source(
        {
            "parents": thing("parents"),
            "children": thing("children", [{"column": "parent", "to": "parents", "on_missing": "blank"}]),
        }
    )
    counts = run(store, tmp_path, spec, parents=["P1,,,"], children=["C1,P9,,", "C2,P1,,"])
    assert counts == {"children": {"blanked": 1}}
    assert accepted(store, "children", "key, parent") == [("C1", None), ("C2", "P1")]
    assert (fates(store, "children"), issues(store, "children")) == (
        [],
        [(2, "parent", "P9", "orphan_parent", "warning")],
    )


@pytest.mark.parametrize("times", [1, 2])
def test_checking_again_changes_nothing(store: StagingStore, tmp_path: Path, times: int) -> None:
    run(store, tmp_path, FAMILY, parents=["P1,,,"], children=["C1,P9,,"], grandchildren=["G1,C1,,"])
    for _ in range(times):
        assert check_references(store, FAMILY) == {}
    assert len(fates(store, "grandchildren")) == 1


def test_more_orphans_than_a_row_group_are_all_found_again(store: StagingStore, tmp_path: Path) -> None:
    count = 130_000
    run(
        store,
        tmp_path,
        FAMILY,
        parents=["P1,,,"],
        children=[f"C{n},P{n},," for n in range(1, count + 2)],
        grandchildren=[],
    )
    for table, column in (("ops.fate", "row_id"), ("ops.issue", "row_id")):
        sql = f"SELECT count({column}) FROM {table} WHERE object = 'children' AND reason = 'no_parent'"
        assert store.value(sql) == count
    assert store.value("SELECT count(_row_id) FROM typed.children__rejected WHERE key = 'C2'") == 1
