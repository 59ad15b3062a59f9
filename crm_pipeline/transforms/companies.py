"""Companies out of rows that embed company data (R-2)."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote
from crm_pipeline.transforms.grouping import address_columns, best_address, best_values, newest_rank


class CompanyOptions(SpecModel):
    """Which object and columns companies are taken from."""

    object: Identifier
    key: Identifier
    name: Identifier
    website: Identifier
    email: Identifier
    newest_by: Identifier | None = None
    best_of: tuple[Identifier, ...] = ()
    address: tuple[Identifier, Identifier, Identifier, Identifier, Identifier]


def companies_by_domain(store: StagingStore, name: str, options: CompanyOptions) -> None:
    """One company for each registrable domain, else for each normalised name.

    Only rows with a company name count. The domain is the website's, else the e-mail's, never a free-mail, provider,
    social or placeholder one. A row with a name only joins the one domain company of that name; where several domains
    have the name, or none, it is a company of its own. The newest non-empty value wins for each field; an address is
    taken whole from one row.

    Writes ``derived.<name>``: company_key, name, website, domain, ``best_of`` columns, street, city, state, postcode,
    country, members (rows merged), each with ``<column>__from`` (source key), and ``derived.<name>_members``: key,
    company_key.
    """
    o = options
    key, label = quote(o.key), quote(o.name)
    columns = ", ".join(f"src.{quote(c)}" for c in dict.fromkeys([o.key, o.name, o.website, *o.best_of, *o.address]))
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _company_row AS
        WITH named AS (
            SELECT {columns}, {newest_rank(o.newest_by)} AS rank,
                   coalesce(company_name_key(src.{label}), fold(src.{label})) AS name_key,
                   website_domain(url_host(src.{quote(o.website)})) AS web_domain,
                   email_domain(email_host(src.{quote(o.email)})) AS mail_domain
            FROM {quote(f"typed.{o.object}")} AS src WHERE src.{label} IS NOT NULL
        ), domain_names AS (
            SELECT name_key, min(coalesce(web_domain, mail_domain)) AS only_domain FROM named
            WHERE coalesce(web_domain, mail_domain) IS NOT NULL
            GROUP BY name_key HAVING count(DISTINCT coalesce(web_domain, mail_domain)) = 1
        )
        SELECT named.*, coalesce(web_domain, mail_domain) AS domain,
               coalesce(web_domain, mail_domain, only_domain, replace(name_key, ' ', '-')) AS company_key
        FROM named LEFT JOIN domain_names USING (name_key)
    """)
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}_members")} AS
        SELECT {key} AS key, company_key FROM _company_row ORDER BY ALL
    """)
    # A website counts for the company only where it is the company's own, not a social page or placeholder.
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT company_key, name, name__from, website, website__from, domain, {_also(o.best_of)}
               {address_columns()}, address, address__from, members,
               row_number() OVER (ORDER BY company_key) AS _row_id
        FROM (
            SELECT company_key, arg_min({label}, rank) AS name, arg_min({key}, rank) AS name__from,
                   arg_min({quote(o.website)}, rank) FILTER (web_domain IS NOT NULL) AS website,
                   arg_min({key}, rank) FILTER (web_domain IS NOT NULL) AS website__from,
                   min(domain) AS domain, {best_values(o.best_of, key) + "," if o.best_of else ""}
                   {best_address(o.address, key)}, count(*) AS members
            FROM _company_row GROUP BY company_key
        ) ORDER BY company_key
    """)
    store.execute("DROP TABLE _company_row")


def _also(columns: tuple[str, ...]) -> str:
    return "".join(f"{quote(c)}, {quote(c + '__from')}, " for c in columns)
