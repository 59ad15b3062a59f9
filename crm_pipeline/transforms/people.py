"""People out of rows that embed a person (R-3)."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote
from crm_pipeline.transforms.grouping import address_columns, best_address, best_values, newest_rank, same_address


class PeopleOptions(SpecModel):
    """Which object and columns people are taken from, and the derived companies they work for."""

    object: Identifier
    key: Identifier
    email: Identifier
    first_name: Identifier
    last_name: Identifier
    companies: Identifier
    newest_by: Identifier | None = None
    best_of: tuple[Identifier, ...] = ()
    address: tuple[Identifier, Identifier, Identifier, Identifier, Identifier]


def people_by_email(store: StagingStore, name: str, options: PeopleOptions) -> None:
    """One person for each valid e-mail address, else one for each row.

    The newest non-empty value wins for each field; first and last name come together from one row, and so does an
    address. A person belongs to the company of their newest row that has one. A person without a name is called by
    e-mail, else by company, else by phone, else by the row's key; ``is_unnamed`` says so.

    ``own_address`` is true when the person's address differs from their company's; street … country hold the address
    in force: the person's own, else the company's.

    Writes ``derived.<name>``: contact_key, name, email, company_key, ``best_of`` columns, address columns, own_address,
    is_unnamed, members, each with ``<column>__from``, and ``derived.<name>_members``: key, contact_key.
    """
    o = options
    key, email = quote(o.key), quote(o.email)
    wanted = dict.fromkeys([o.key, o.email, o.first_name, o.last_name, *o.best_of, *o.address])
    columns = ", ".join(f"src.{quote(c)}" for c in wanted)
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _person_row AS
        SELECT {columns}, {newest_rank(o.newest_by)} AS rank, member.company_key,
               coalesce(src.{email}, src.{key}) AS contact_key,
               words(src.{quote(o.first_name)}, src.{quote(o.last_name)}) AS full_name
        FROM {quote(f"typed.{o.object}")} AS src
        LEFT JOIN {quote(f"derived.{o.companies}_members")} AS member ON member.key = src.{key}
    """)
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}_members")} AS
        SELECT {key} AS key, contact_key FROM _person_row ORDER BY ALL
    """)
    best = "".join(f"person.{quote(c)}, person.{quote(c + '__from')}, " for c in o.best_of)
    phone = next((f"person.{quote(c)}" for c in o.best_of if "phone" in c), "NULL")
    own = f"(person.address IS NOT NULL AND (company.company_key IS NULL OR NOT {same_address('person.address', 'company.address')}))"
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT contact_key, coalesce(person.full_name, person.email, company.name, {phone}, first_key) AS name,
               full_name__from AS name__from, person.full_name IS NULL AS is_unnamed, person.email,
               person.company_key, company_key__from, {best}
               {address_columns(f"(CASE WHEN {own} THEN person.address ELSE company.address END)")},
               {own} AS own_address, person.address__from, person.members,
               row_number() OVER (ORDER BY contact_key) AS _row_id
        FROM (
            SELECT contact_key, arg_min({email}, rank) AS email, arg_min({key}, rank) AS first_key,
                   {best_values(["full_name", "company_key", *o.best_of], key)},
                   {best_address(o.address, key)}, count(*) AS members
            FROM _person_row GROUP BY contact_key
        ) AS person LEFT JOIN {quote(f"derived.{o.companies}")} AS company ON company.company_key = person.company_key
        ORDER BY contact_key
    """)
    store.execute("DROP TABLE _person_row")
