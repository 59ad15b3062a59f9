"""New names for files: what is asked for, made safe, told apart and accounted for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.staging.store import StagingStore
from crm_pipeline.transforms.files import register_files
from crm_pipeline.transforms.renamed import RenamedFilesOptions, renamed_files

OPTIONS = RenamedFilesOptions(object="papers", key="id", name="wanted", folder="place")
Row = tuple[str, str | None, str | None]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    with StagingStore(tmp_path_factory.mktemp("renamed") / "tiny.duckdb") as opened:
        register_files(opened.connection)
        yield opened


def planned(store: StagingStore, *rows: Row) -> list[tuple[str | None, str | None]]:
    """New path and reason of rows (key, wanted name, folder), whose files are a/<number>.pdf."""
    store.execute("CREATE OR REPLACE TABLE typed.papers (_row_id BIGINT, id VARCHAR, wanted VARCHAR, place VARCHAR, file_kind VARCHAR, "
                  "file_source VARCHAR, file_bytes BIGINT, file_sha256 VARCHAR)")  # fmt: skip
    for number, row in enumerate(rows):
        store.execute("INSERT INTO typed.papers VALUES (?, ?, ?, ?, 'binary', ?, 3, 'aa')", [number, *row, f"a/{number}.pdf"])
    renamed_files(store, "renamed", OPTIONS)
    return [(path, why) for path, why in store.rows("SELECT new_path, why FROM derived.renamed ORDER BY _row_id")]


def test_a_good_name_is_taken_as_it_is(store: StagingStore) -> None:
    assert planned(store, ("1", "ACC1__quote.pdf", "Sales/2026"), ("2", "ACC1__plan.pdf", None)) == [
        ("Sales/2026/ACC1__quote.pdf", None), ("ACC1__plan.pdf", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "place", "path", "why"),
    [
        ("../../etc/passwd", None, "passwd", "unsafe"),
        ("/abs/x.pdf", "/abs", "abs/x.pdf", "unsafe"),
        ("C:\\\\x.pdf", None, "x.pdf", "unsafe"),
        ("CON.txt", None, "_CON.txt", "unsafe"),
        ("x.pdf", "../up/./in", "up/in/x.pdf", "not as it was stated"),
        ("x.pdf", "Sales\\\\NUL", "Sales/_NUL/x.pdf", "not as it was stated"),
        ("x.pdf", "..", "x.pdf", "can't be used"),
        ("x.pdf", "d/" * 120, "x.pdf", "can't be used"),
        (None, None, "0.pdf", "nothing says"),
        ("n" * 300 + ".pdf", None, "n" * 251 + ".pdf", "too long"),
        ("é" * 200, None, "é" * 127, "too long"),
    ],
)
def test_what_is_unsafe_is_replaced_with_a_reason(store: StagingStore, wanted: str, place: str, path: str, why: str) -> None:
    ((found, reason),) = planned(store, ("1", wanted, place))
    assert found == path
    assert why in str(reason)


def test_names_that_would_be_one_are_told_apart(store: StagingStore) -> None:
    decomposed = unicodedata.normalize("NFD", "Größe.pdf")
    found = planned(store, ("1", "Größe.pdf", "A"), ("2", decomposed, "a"), ("3", "GRÖSSE.PDF", "A"), ("4", "Größe.pdf", "B"))
    assert found[0] == ("A/Größe.pdf", None)
    assert found[1] == ("a/Größe (2).pdf", "characters or parts that are unsafe in file names were replaced; another file has the name, so it has its key")
    assert found[2][0] == "A/GRÖSSE (3).PDF", "ß and SS are one where case does not count"
    assert found[3] == ("B/Größe.pdf", None)


def test_a_name_that_is_taken_even_with_the_key_is_none(store: StagingStore) -> None:
    found = planned(store, ("2", "x.pdf", None), ("1", "x (1).pdf", None), ("1", "X.pdf", None), ("4", "in", None), ("5", "y.pdf", "IN"))
    assert found[2][0] is None
    assert "keeps its old one" in str(found[2][1])
    assert found[3][0] is None, "a file can't have the name of a folder"


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.text(max_size=80), st.text(max_size=30)), min_size=1, max_size=8))
def test_paths_are_unique_and_stay_inside_whatever_is_asked_for(store: StagingStore, rows: list[tuple[str, str]]) -> None:
    clean = [(str(n), name.replace("\0", ""), place.replace("\0", "")) for n, (name, place) in enumerate(rows)]
    paths = [path for path, _ in planned(store, *clean) if path is not None]
    assert len({unicodedata.normalize("NFC", path).casefold() for path in paths}) == len(paths)
    for path in paths:
        assert not Path(path).is_absolute()
        assert all(part not in {"", ".", ".."} and len(part.encode()) <= 255 for part in path.split("/"))
