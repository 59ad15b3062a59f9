from __future__ import annotations

import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.discovery.alike import ALIKE, SHOWN, alike_pairs

WORDS = st.text(alphabet="abcdé XYZ.-1234", min_size=1, max_size=24)


def pairs(*names: str) -> set[frozenset[str]]:
    frame = pl.DataFrame({"name": names, "rows": [1] * len(names)})
    return {frozenset((found.first, found.second)) for found in alike_pairs("Names", frame)}


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("GTX Pro", "GTXPro", True),
        ("Crédit Lyon", "CREDIT LYON", True),
        ("Riverside Tools", "Riverside Tools Ltd", True),
        ("Tools Riverside", "Riverside Tools", True),
        ("Negotiation", "Negotation", True),
        ("Phase 1", "Phase 2", False),
        ("Acme North", "Acme South", False),
        ("Won", "Lost", False),
        ("AB", "AC", False),
    ],
)
def test_what_could_be_confused(first: str, second: str, alike: bool) -> None:  # noqa: FBT001 - a parameter of the case
    assert pairs(first, second, "Something Else Entirely") == ({frozenset((first, second))} if alike else set())


@settings(max_examples=40)
@given(st.lists(WORDS, max_size=30, unique=True))
def test_each_pair_is_named_once_with_its_likeness(names: list[str]) -> None:
    found = alike_pairs("Names", pl.DataFrame({"name": names, "rows": list(range(len(names)))}, schema={"name": pl.String, "rows": pl.Int64}))
    assert len(found) <= SHOWN
    assert len({frozenset((each.first, each.second)) for each in found}) == len(found)
    for each in found:
        assert each.first != each.second
        assert {each.first, each.second} <= set(names)
        assert names.index(each.first) == each.first_rows
        assert ALIKE <= each.likeness <= 100
        assert [c for c in each.first if c.isdigit()] == [c for c in each.second if c.isdigit()] or " " in each.first + each.second


@settings(max_examples=30)
@given(WORDS.filter(lambda text: any(c.isalnum() for c in text)))
def test_case_alone_makes_two_names_alike(name: str) -> None:
    other = name.swapcase()
    if other != name and other.lower() == name.lower():
        assert pairs(name, other) == {frozenset((name, other))}


def test_the_work_grows_with_the_names_not_with_their_square() -> None:
    def seconds(count: int) -> float:
        names = [f"Company {chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)} Holding" for i in range(count)]
        frame = pl.DataFrame({"name": names, "rows": [1] * count})
        started = time.process_time()
        alike_pairs("Companies", frame)
        return time.process_time() - started

    seconds(500)
    few, many = seconds(1_500), seconds(12_000)
    assert many < 32 * max(few, 0.02), "64 times would be the square"
