"""People out of rows that embed a person (R-3)."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote
from crm_pipeline.transforms.grouping import (
    address_columns,
    address_text,
    best_address,
    best_values,
    newest,
    newest_rank,
    one_record_per,
)


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
        SELECT src._row_id, {columns}, {newest_rank(o.newest_by)} AS rank, member.company_key,
               coalesce(src.{email}, src.{key}) AS contact_key,
               words(src.{quote(o.first_name)}, src.{quote(o.last_name)}) AS full_name
        FROM {quote(f"typed.{o.object}")} AS src
        LEFT JOIN {quote(f"derived.{o.companies}_members")} AS member ON member.key = src.{key}
    """)
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}_members")} AS
        SELECT {key} AS key, contact_key FROM _person_row
    """)
    best = "".join(f"{quote(c)}, {quote(c + '__from')}, " for c in o.best_of)
    phone = next((quote(c) for c in o.best_of if "phone" in c), "NULL")
    own = "(address IS NOT NULL AND (company_name IS NULL OR said IS DISTINCT FROM company_said))"
    persons = one_record_per("contact_key", "_person_row", [
        newest("email", email), newest("first_key", key), *best_values(["full_name", "company_key", *o.best_of], key),
        *best_address(o.address, key),
    ])  # fmt: skip
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        WITH persons AS MATERIALIZED (
            SELECT person.*, {address_text("person.address")} AS said, company_name, company_address, company_said
            FROM ({persons}) AS person LEFT JOIN (
                SELECT company_key, name AS company_name, address AS company_address, {address_text("address")} AS company_said
                FROM {quote(f"derived.{o.companies}")}
            ) AS company USING (company_key)
        )
        SELECT contact_key, coalesce(full_name, email, company_name, {phone}, first_key) AS name, full_name__from AS name__from,
               full_name IS NULL AS is_unnamed, email, company_key, company_key__from, {best}
               {address_columns(f"(CASE WHEN {own} THEN address ELSE company_address END)")},
               {own} AS own_address, address__from, members, _row_id
        FROM persons
    """)
    store.execute("DROP TABLE _person_row")
