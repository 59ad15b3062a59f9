"""How headings and tables are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from crm_pipeline.odoo.schemas import load_schema
from crm_pipeline.proposals.advice import AdviserError, load_adviser
from crm_pipeline.proposals.profile import Profile
from crm_pipeline.proposals.proposal import reader_for
from crm_pipeline.proposals.table import Candidate, Reader
from crm_pipeline.proposals.terms import identifier, tokens

READER: Reader = reader_for(load_schema("18.0"))
NUMBERS = Profile(10, 10, 10, {"int": 1.0, "dec": 1.0, "money": 1.0}, ("1", "2"))
WORDS = Profile(10, 10, 9, {}, ("soon", "later"))


def best(kind: str, table: str, heading: str, profile: Profile | None = None) -> str:
    return READER.candidates(kind, table, heading, profile or Profile())[0].says


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Deal - Est. CloseDate", ("deal", "est", "close", "date")), ("(Do Not Modify) Companies", ("company",)),
        ("E-mail Addresses", ("email", "addresse")), ("Probability (%)", ("probability", "%")), ("Größe", ("grosse",)),
    ],
)  # fmt: skip
def test_headings_are_words(text: str, words: tuple[str, ...]) -> None:
    assert tokens(text) == words


def test_names_in_specs_are_identifiers() -> None:
    assert [identifier(text) for text in ("Deal Value (€)", "1st Contact", "Zuständig", "日付")] == ["deal_value", "c_1st_contact", "zustandig", "column"]
    assert identifier("Name", {"name"}) == "name_2"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Customers", "company"), ("contact people", "person"), ("deal_notes", "note"), ("OpenDeals", "deal"), ("todo list", "task"),
        ("Sales stages", "stage"), ("Warehouse", None),
    ],
)  # fmt: skip
def test_tables_are_known_by_their_names(name: str, kind: str | None) -> None:
    assert READER.kind(name, ["A", "B"])[0] == kind


@pytest.mark.parametrize(
    ("kind", "table", "heading", "says"),
    [
        ("person", "people", "Forename", "name"), ("person", "people", "Company", "parent_id"), ("deal", "deals", "Customer", "partner_id"),
        ("deal", "deals", "Anticipated Amount", "expected_revenue"), ("company", "firms", "Shipping City", "-"), ("person", "people", "Home Phone", "-"),
        ("deal", "deals", "Number of Contacts", "-"), ("lead", "leads", "Lead Email", "email_from"),
    ],
)  # fmt: skip
def test_headings_are_read_in_the_light_of_their_table(kind: str, table: str, heading: str, says: str) -> None:
    assert best(kind, table, heading) == says


def test_values_can_contradict_a_heading() -> None:
    dates = READER.candidates("deal", "deals", "Expected Close Date", WORDS)[0]
    sure = READER.candidates("deal", "deals", "Expected Close Date", Profile(9, 9, 9, {"date": 1.0}))[0]
    assert sure.confidence > 0.9
    assert dates.confidence < 0.5
    assert "only 0% of the values are readable as date" in dates.reasons


def test_one_column_for_each_field() -> None:
    read = READER.read("people", "people", {"a": ("Phone", Profile()), "b": ("Phone Number", Profile()), "c": ("Contact ID", NUMBERS)})
    assert [column.best.says for column in read.columns] == ["phone", "phone", "id"]
    assert min(column.best.confidence for column in read.columns[:2]) <= 0.5


class Oracle:
    """Knows everything, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, ...]] = []

    def suggest(self, kind: str, heading: str, fields: Mapping[str, str], samples: Sequence[str]) -> tuple[str, float]:  # noqa: ARG002 - the interface
        self.shown.append(tuple(samples))
        assert fields["function"] == "Job Position"
        return "function", 1.0


def test_an_adviser_is_asked_where_the_name_says_nothing_and_sees_no_values() -> None:
    oracle = Oracle()
    blind, seeing = (replace(READER, adviser=oracle, shows_values=shows) for shows in (False, True))
    assert blind.candidates("person", "people", "Berufsbild", WORDS)[0] == Candidate("function", 0.6, ("the adviser says so",))
    assert seeing.candidates("person", "people", "Surname", WORDS)[0].says == "name", "not asked"
    seeing.candidates("person", "people", "Berufsbild", WORDS)
    assert oracle.shown == [(), ("soon", "later")]


def test_an_adviser_that_is_not_there_is_an_error_that_says_how_to_name_one() -> None:
    with pytest.raises(AdviserError, match="Write package"):
        load_adviser("nowhere.at_all:make")
