"""A full export with deltas over it comes to what a full export of the same day would, in the same order."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.exports import read_object
from crm_pipeline.exports.drops import open_with_base
from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.staging.typed import type_object
from crm_pipeline_tests.exports.folders import THINGS, source, write
from crm_pipeline_tests.staging.typed_rows import accepted, fates

THING = THINGS | {
    "newest_by": "changed",
    "columns": THINGS["columns"] | {"changed": {"heading": "Changed", "type": "dt"}},
    "derive": {"place": "row_number() OVER (ORDER BY _row_id)"},
}
SPEC: SourceSpec = source({"things": THING})
#: Rows of one drop: key → (name, day of the change); a later drop may hold an older day.
DROP = st.dictionaries(st.sampled_from("ABCDEF"), st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(1, 28)), max_size=6)


def csv(rows: dict[str, tuple[str, int]]) -> str:
    return "Thing ID,Name,Changed\n" + "".join(f"{key},{name},2024-03-{day:02d} 10:00\n" for key, (name, day) in rows.items())


def typed(store: StagingStore, root: Path, name: str) -> list[tuple[Any, ...]]:
    type_object(store, SPEC, "things", read_object(store, SPEC, "things", open_with_base(SPEC, root, name)))
    return accepted(store, "things", "thing_id, name, changed, place")


@settings(max_examples=25)
@given(full=DROP.filter(bool), deltas=st.lists(DROP.filter(bool), min_size=1, max_size=3))
def test_layers_come_to_the_state_they_describe(full: dict[str, tuple[str, int]], deltas: list[dict[str, tuple[str, int]]]) -> None:
    state = dict(full)
    for delta in deltas:
        for key, (name, day) in delta.items():
            if key not in state or day >= state[key][1]:
                state[key] = (name, day)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "layers" / "1-full", {"things.csv": csv(full)})
        for number, delta in enumerate(deltas, 2):
            write(root / "layers" / f"{number}-delta", {"things.csv": csv(delta)})
        write(root / "whole" / "1-full", {"things.csv": csv(state)})
        with StagingStore(root / "store.duckdb") as store:
            layered = typed(store, root / "layers", f"{len(deltas) + 1}-delta")
            told = fates(store, "things")
            whole = typed(store, root / "whole", "1-full")
    assert layered == whole
    assert {fate for _, fate, _ in told} <= {"duplicate"}
    assert {reason for *_, reason in told} <= {"superseded", "stale"}
    assert len(layered) + len(told) == len(full) + sum(map(len, deltas))
