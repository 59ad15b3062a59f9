"""Which row of a refused call is the likely cause, by texts as Odoo 18 on PostgreSQL 15 gives them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.odoo.errors import DataError
from crm_pipeline.odoo.faults import fault
from crm_pipeline.odoo.suspects import suspects

ROWS = [
    {"id": "m.a", "name": "Bakery", "city": "Gent", "country_id": 20, "probability": 10.0, "active": True},
    {"id": "m.b", "name": "Brewery, the (old) one", "city": "Gent", "country_id": 20, "probability": 140.0, "active": True},
    {"id": "m.c", "name": "Dairy", "city": "Brugge", "country_id": 999999, "probability": 10.0, "active": True},
]


def test_the_row_that_postgresql_shows() -> None:
    said = "between 0% and 100%!\nFailing row contains (21, null, Brewery, the (old) one, 140, Gent, 20, 2026-11-28 11:56:00.281582, t)."
    assert suspects(ROWS, said) == [1]


def test_all_rows_with_the_key_that_is_refused() -> None:
    said = 'Constraint: crm_lead_country_id_fkey\nKey (country_id)=(999999) is not present in table "res_country".'
    assert suspects([*ROWS, ROWS[2] | {"id": "m.d", "name": "Diner"}], said) == [2, 3]


def test_a_text_that_names_nobody_points_at_nobody() -> None:
    assert suspects(ROWS, "The operation cannot be completed: a mandatory field is not set.") == []
    assert suspects([ROWS[0], ROWS[0]], "Failing row contains (1, Bakery, Gent).") == []


def test_the_detail_is_taken_from_the_traceback_and_not_shown() -> None:
    debug = (
        'psycopg2.errors.CheckViolation: new row for relation "crm_lead" violates check constraint "crm_lead_check_probability"\n'
        "DETAIL:  Failing row contains (2133, two\n\nlines, 140).\n\n\nThe above exception was the direct cause of the following "
        "exception:\n\nTraceback (most recent call last):\nodoo.exceptions.ValidationError: refused\n"
    )
    error = fault("odoo.exceptions.ValidationError", "refused", call="crm.lead.create", debug=debug)
    assert isinstance(error, DataError)
    assert error.detail == "Failing row contains (2133, two\n\nlines, 140)."
    assert str(error) == "crm.lead.create: refused"


@given(st.lists(st.text(min_size=1), min_size=2, max_size=12, unique=True), st.data())
def test_a_row_with_a_name_of_its_own_is_found_in_its_own_row(names: list[str], data: st.DataObject) -> None:
    """Shown with what all have in common, whatever the others are called that is not shown."""
    at = data.draw(st.integers(0, len(names) - 1))
    rows = [{"id": f"m.{n}", "x": f"own {n:05}", "name": f"called {name}", "city": "Gent"} for n, name in enumerate(names)]
    assert suspects(rows, f"Failing row contains (7, own {at:05}, Gent, null).") == [at]


@given(st.lists(st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.booleans(), st.integers(), st.text()), max_size=4)), st.text())
def test_never_all_rows_and_never_a_row_that_is_not_there(rows: list[dict[str, object]], said: str) -> None:
    found = suspects(rows, said)
    assert set(found) < set(range(len(rows))) or not rows
