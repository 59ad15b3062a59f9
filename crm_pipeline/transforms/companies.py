"""Companies out of rows that embed company data (R-2)."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, quote
from crm_pipeline.transforms.grouping import (
    Best,
    address_columns,
    best_address,
    best_values,
    newest,
    newest_rank,
    one_record_per,
)


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
    # Names and hosts are looked up once each: many rows share them.
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _company_row AS
        WITH named AS (
            SELECT src._row_id, {columns}, {newest_rank(o.newest_by)} AS rank,
                   url_host(src.{quote(o.website)}) AS web_host, email_host(src.{quote(o.email)}) AS mail_host
            FROM {quote(f"typed.{o.object}")} AS src WHERE src.{label} IS NOT NULL
        ), names AS (
            SELECT said, coalesce(company_name_key(said), fold(said)) AS name_key FROM (SELECT DISTINCT {label} AS said FROM named)
        ), websites AS (
            SELECT host, website_domain(host) AS web_domain FROM (SELECT DISTINCT web_host AS host FROM named)
        ), mails AS (
            SELECT host, email_domain(host) AS mail_domain FROM (SELECT DISTINCT mail_host AS host FROM named)
        ), known AS (
            SELECT named.*, name_key, web_domain, coalesce(web_domain, mail_domain) AS domain FROM named
            JOIN names ON names.said = named.{label}
            LEFT JOIN websites ON websites.host = named.web_host LEFT JOIN mails ON mails.host = named.mail_host
        ), domain_names AS (
            SELECT name_key, min(domain) AS only_domain FROM known WHERE domain IS NOT NULL
            GROUP BY name_key HAVING count(DISTINCT domain) = 1
        )
        SELECT known.*, coalesce(domain, only_domain, replace(name_key, ' ', '-')) AS company_key
        FROM known LEFT JOIN domain_names USING (name_key)
    """)
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}_members")} AS SELECT {key} AS key, company_key FROM _company_row
    """)
    # A website counts for the company only where it is the company's own, not a social page or placeholder.
    website, own = quote(o.website), "web_domain IS NOT NULL"
    companies = one_record_per("company_key", "_company_row", [
        newest("name", label), newest("name__from", key), newest("website", website, own), newest("website__from", key, own),
        Best("domain", "min(domain)", "domain"), *best_values(o.best_of, key), *best_address(o.address, key),
    ])  # fmt: skip
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT company_key, name, name__from, website, website__from, domain, {_also(o.best_of)}
               {address_columns()}, address, address__from, members, _row_id
        FROM ({companies})
    """)
    store.execute("DROP TABLE _company_row")


def _also(columns: tuple[str, ...]) -> str:
    return "".join(f"{quote(c)}, {quote(c + '__from')}, " for c in columns)
