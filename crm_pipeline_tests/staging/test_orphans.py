"""Rows without parent: they wait where the spec says so, and people's decisions are followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline.migration.migration import Migration
from crm_pipeline.migration.resolutions import ResolutionFileError
from crm_pipeline.reports.queues import open_queues
from crm_pipeline.settings import Settings
from crm_pipeline_tests.small_export import note, typical_export, write_csv

COLUMNS = ("object", "key", "decision", "parent_object", "parent_key")
ORPHANS = ("N7", "N8", "N9")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    export = typical_export()
    export.notes += [note(key, "L99", "whose?") for key in ORPHANS]
    export.write(tmp_path)
    return tmp_path


def decide(root: Path, *rows: tuple[str, str, str, str, str]) -> None:
    folder = root / "resolutions" / "leadforce"
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "orphans.csv", [dict(zip(COLUMNS, row, strict=True)) for row in rows])


def opened(root: Path, *, queue: bool = False) -> Iterator[Migration]:
    with Migration(Settings.load(root, {}), "leadforce") as migration:
        if queue:
            source = migration.confirmed.source
            notes = source.objects["notes"]
            waiting = tuple(r.model_copy(update={"on_missing": "queue"}) for r in notes.references)
            objects = {**source.objects, "notes": notes.model_copy(update={"references": waiting})}
            migration.confirmed = type(migration.confirmed)(source.model_copy(update={"objects": objects}), migration.confirmed.targets)
        migration.read(migration.newest_drop())
        yield migration


def fates(migration: Migration) -> dict[str, tuple[str, str]]:
    rows = migration.store.rows("SELECT key, fate, reason FROM ops.fate WHERE object = 'notes' ORDER BY 1")
    return {key: (fate, reason) for key, fate, reason in rows}


def test_decisions_are_followed(root: Path) -> None:
    decide(
        root, ("notes", "N7", "attach", "deals", "D1"), ("notes", "N8", "skip", "", ""), ("notes", "N9", "", "", ""),
        ("notes", "N1", "detach", "", ""),
    )  # fmt: skip
    for migration in opened(root):
        assert fates(migration) == {"N8": ("excluded", "skipped_by_decision"), "N9": ("quarantined", "orphan_parent")}
        attached = migration.store.rows("SELECT related_to_type, related_to_id FROM typed.notes WHERE note_id = 'N7'")
        assert attached == [("Deal", "D1")]
        assert migration.store.value("SELECT related_to_id FROM typed.notes WHERE note_id = 'N1'") == "L1", "it has its parent"


def test_a_parent_that_is_not_there_either_leaves_the_row_an_orphan(root: Path) -> None:
    decide(root, ("notes", "N7", "attach", "", "L98"))
    for migration in opened(root):
        assert fates(migration)["N7"] == ("quarantined", "orphan_parent")


def test_orphans_wait_in_their_queue_where_the_spec_says_so(root: Path) -> None:
    for migration in opened(root, queue=True):
        assert fates(migration) == dict.fromkeys(ORPHANS, ("queued", "orphan_parent"))
        waiting = open_queues(migration.store, migration.mapping, "sandbox")["orphans"]
        assert waiting["key"].to_list() == list(ORPHANS)
        assert set(COLUMNS) <= set(waiting.columns)
        assert "decide in orphans.csv" in waiting["why"][0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("notess", "N7", "skip", "", ""), "is no object of the export"),
        (("notes", "N7", "attach", "dealz", "D1"), "is no object of the export"),
        (("notes", "N7", "attach", "deals", ""), "attach needs the key of a row"),
        (("notes", "N7", "adopt", "", ""), "say one of attach, detach, skip"),
    ],
)
def test_a_wrong_decision_is_refused(root: Path, row: tuple[str, str, str, str, str], said: str) -> None:
    decide(root, row)
    with pytest.raises(ResolutionFileError, match=said):
        next(opened(root))
