"""Companies, people, owners and the double pipeline, on real DuckDB tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.exports.values import register_values
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.transforms.companies import CompanyOptions, companies_by_domain
from crm_pipeline.transforms.double_pipeline import LeadDealOptions, lead_with_deals
from crm_pipeline.transforms.functions import register_functions
from crm_pipeline.transforms.owners import OwnerOptions, owners
from crm_pipeline.transforms.people import PeopleOptions, people_by_email

COLUMNS = ("lead_id", "name", "website", "email", "updated_at", "industry", "street", "city", "state", "postcode", "country",
           "first_name", "last_name", "phone")  # fmt: skip
COMPANIES = CompanyOptions(
    object="leads", key="lead_id", name="name", website="website", email="email", newest_by="updated_at",
    best_of=("industry",), address=("street", "city", "state", "postcode", "country"),
)  # fmt: skip
PEOPLE = PeopleOptions(
    object="leads", key="lead_id", email="email", first_name="first_name", last_name="last_name", companies="companies",
    newest_by="updated_at", best_of=("phone",), address=("street", "city", "state", "postcode", "country"),
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagingStore]:
    with StagingStore(Path(tmp_path_factory.mktemp("store")) / "tiny.duckdb") as opened:
        register_values(opened.connection, "UTC", "dmy", {})
        register_functions(opened.connection, account_currency="USD")
        yield opened


def leads(store: StagingStore, *rows: dict[str, Any]) -> None:
    data = [dict.fromkeys(COLUMNS) | {"lead_id": f"L{n}", "updated_at": f"2024-01-{n:02}"} | row for n, row in enumerate(rows, 1)]
    frame = pl.DataFrame(data, schema=dict.fromkeys(COLUMNS, pl.String)).with_row_index("_row_id", 1)
    store.connection.register("_frame", frame)
    store.execute("CREATE OR REPLACE TABLE typed.leads AS SELECT * FROM _frame")
    store.connection.unregister("_frame")


def companies(store: StagingStore, *rows: dict[str, Any]) -> dict[str, list[str]]:
    """Company key → leads."""
    leads(store, *rows)
    companies_by_domain(store, "companies", COMPANIES)
    return dict(store.rows("SELECT company_key, list(key ORDER BY key) FROM derived.companies_members GROUP BY 1 ORDER BY 1"))


def test_one_company_for_each_registrable_domain(store: StagingStore) -> None:
    found = companies(
        store,
        {"name": "Acme", "website": "https://www.shop.acme.co.uk/a?b"},
        {"name": "ACME Ltd.", "email": "jo@mail.acme.co.uk"},
        {"name": "Acme", "website": "http://user:pw@acme.com.au:8080"},
    )
    assert found == {"acme.co.uk": ["L1", "L2"], "acme.com.au": ["L3"]}


def test_free_mail_social_pages_and_placeholders_make_no_company_of_many(store: StagingStore) -> None:
    found = companies(
        store,
        {"name": "One", "email": "one@gmail.com"},
        {"name": "Two", "email": "two@gmail.com", "website": "https://facebook.com/two"},
        {"name": "Three", "website": "example.com"},
        {"name": None, "email": "boss@realfirm.com", "website": "realfirm.com"},
    )
    assert found == {"one": ["L1"], "two": ["L2"], "three": ["L3"]}


def test_names_alone_join_by_what_tells_companies_apart(store: StagingStore) -> None:
    found = companies(store, {"name": "Société Générale, S.A."}, {"name": "SOCIETE GENERALE"}, {"name": "Societe Generale Two"})
    assert found == {"societe-generale": ["L1", "L2"], "societe-generale-two": ["L3"]}


def test_a_name_joins_the_one_domain_that_has_it_and_none_of_two(store: StagingStore) -> None:
    assert companies(store, {"name": "Acme", "website": "acme.com"}, {"name": "Acme Inc"}) == {"acme.com": ["L1", "L2"]}
    found = companies(store, {"name": "Acme", "website": "acme.com"}, {"name": "Acme", "website": "acme.org"}, {"name": "Acme"})
    assert found == {"acme.com": ["L1"], "acme.org": ["L2"], "acme": ["L3"]}


def test_the_newest_value_wins_and_says_where_it_came_from(store: StagingStore) -> None:
    companies(
        store,
        {"name": "Acme", "website": "acme.com", "industry": "Toys", "street": "Old 1", "city": "Rome", "country": "Italy"},
        {"name": "Acme Group", "website": "acme.com", "industry": None, "street": "New 2", "city": "Oslo"},
        {"name": "Acme", "website": "acme.com", "city": "Lima"},
    )
    row = store.frame("SELECT * FROM derived.companies").to_dicts()[0]
    assert (row["name"], row["name__from"], row["industry"], row["industry__from"]) == ("Acme", "L3", "Toys", "L1")
    assert (row["street"], row["city"], row["country"]) == ("New 2", "Oslo", None), "an address is one row's"
    assert row["members"] == 3


def test_people_are_one_for_each_address_else_one_for_each_lead(store: StagingStore) -> None:
    companies(
        store,
        {"name": "Acme", "website": "acme.com", "email": "jo@acme.com", "first_name": "Jo", "phone": "1"},
        {"name": None, "email": "jo@acme.com", "first_name": "Joanna", "last_name": "Ng", "street": "Home 1"},
        {"name": "Solo"},
        {"phone": "555"},
    )
    people_by_email(store, "contacts", PEOPLE)
    found = {r["contact_key"]: r for r in store.frame("SELECT * FROM derived.contacts").to_dicts()}
    assert set(found) == {"jo@acme.com", "L3", "L4"}
    jo = found["jo@acme.com"]
    assert (jo["name"], jo["phone"], jo["company_key"]) == ("Joanna Ng", "1", "acme.com")
    assert (jo["own_address"], jo["street"]) == (True, "Home 1")
    assert (found["L3"]["name"], found["L3"]["is_unnamed"]) == ("Solo", True)
    assert found["L4"]["name"] == "555"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from([None, "Acme", "ACME Ltd", "Beta", "Beta GmbH", "Ünï", "---", "Ltd"]),
                "website": st.sampled_from([None, "acme.com", "www.acme.com", "beta.co.uk", "linkedin.com/x", "not a site"]),
                "email": st.sampled_from([None, "a@acme.com", "b@gmail.com", "c@beta.co.uk", "d@acme.com"]),
                "street": st.sampled_from([None, "1 Road", "2 Lane"]),
            }
        ),
        max_size=12,
    )
)
def test_every_lead_has_one_person_and_at_most_one_company(store: StagingStore, rows: list[dict[str, Any]]) -> None:
    assignments = companies(store, *rows)
    people_by_email(store, "contacts", PEOPLE)
    named = [f"L{n}" for n, row in enumerate(rows, 1) if row["name"]]
    assert sorted(key for members in assignments.values() for key in members) == sorted(named)
    keys = [key for (key,) in store.rows("SELECT company_key FROM derived.companies")]
    assert sorted(keys) == sorted(assignments)
    assert all(key and " " not in key for key in keys)
    people = store.rows("SELECT key, contact_key FROM derived.contacts_members")
    assert sorted(key for key, _ in people) == sorted(f"L{n}" for n in range(1, len(rows) + 1))
    expected = {row["email"] or f"L{n}" for n, row in enumerate(rows, 1)}
    assert {contact for _, contact in people} == expected
    assert {k for (k,) in store.rows("SELECT contact_key FROM derived.contacts")} == expected


def test_owners_are_found_by_address_or_unique_name(store: StagingStore) -> None:
    store.execute("""
        CREATE OR REPLACE TABLE typed.users AS SELECT * FROM (VALUES
            (1, 'U1', 'Asha Rao', 'asha@corp.in', 'Active'), (2, 'U2', 'Sam Lee', 'sam@corp.in', 'Inactive'),
            (3, 'U3', 'Sam Lee', 'sam2@corp.in', 'Active')) AS u(_row_id, user_id, full_name, email, status)
    """)
    store.execute("""
        CREATE OR REPLACE TABLE typed.deals AS SELECT * FROM (VALUES
            (1, 'D1', 'ASHA@corp.in'), (2, 'D2', 'asha  rao'), (3, 'D3', 'Sam Lee'), (4, 'D4', 'ghost@x.com'), (5, 'D5', NULL)
        ) AS d(_row_id, deal_id, owner_email)
    """)
    options = OwnerOptions.model_validate(
        {"users": {"object": "users", "key": "user_id", "name": "full_name", "email": "email", "status": "status", "inactive": "Inactive"},
         "owns": [{"object": "deals", "column": "owner_email"}]}
    )  # fmt: skip
    owners(store, "owners", options)
    members = dict(store.rows("SELECT owner_text, owner_key FROM derived.owners_members"))
    assert members == {"asha@corp.in": "U1", "asha rao": "U1", "sam lee": "Sam Lee", "ghost@x.com": "ghost@x.com"}
    found = {r["owner_key"]: r for r in store.frame("SELECT * FROM derived.owners").to_dicts()}
    assert set(found) == {"U1", "U2", "U3", "Sam Lee", "ghost@x.com"}
    assert (found["U1"]["records"], found["U2"]["is_active"], found["Sam Lee"]["is_listed"]) == (2, False, False)


def test_a_lead_s_history_goes_to_its_oldest_deal(store: StagingStore) -> None:
    store.execute("CREATE OR REPLACE TABLE typed.leads AS SELECT 1 AS _row_id, 'L1' AS lead_id UNION ALL SELECT 2, 'L2'")
    store.execute("""
        CREATE OR REPLACE TABLE typed.deals AS SELECT * FROM (VALUES
            (1, 'D1', 'L1', TIMESTAMP '2024-02-01'), (2, 'D2', 'L1', TIMESTAMP '2024-01-01'), (3, 'D3', NULL, NULL),
            (4, 'D4', 'L1', NULL)) AS d(_row_id, deal_id, lead_id, created_at)
    """)
    options = LeadDealOptions.model_validate(
        {"leads": {"object": "leads", "key": "lead_id"},
         "deals": {"object": "deals", "key": "deal_id", "lead": "lead_id", "oldest_by": "created_at"}}
    )  # fmt: skip
    lead_with_deals(store, "lead_deals", options)
    assert store.rows("SELECT lead_key, deal_key, deals, mode FROM derived.lead_deals") == [("L1", "D2", 3, "merge")]
