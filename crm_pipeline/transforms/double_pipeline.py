"""Leads that own deals: the same money must not be counted twice (R-4)."""

from __future__ import annotations

from typing import Literal

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, literal, quote


class LeadColumns(SpecModel):
    """The object that holds leads."""

    object: Identifier
    key: Identifier


class DealColumns(SpecModel):
    """The object that holds deals, and their column that names the lead."""

    object: Identifier
    key: Identifier
    lead: Identifier
    oldest_by: Identifier


class LeadDealOptions(SpecModel):
    """What becomes of a lead that owns deals.

    ``merge``: no record of its own, its history goes to its oldest deal's opportunity; ``archive``: a lead of its own,
    archived as converted; ``keep``: both stay open.
    """

    mode: Literal["merge", "archive", "keep"] = "merge"
    leads: LeadColumns
    deals: DealColumns


def lead_with_deals(store: StagingStore, name: str, options: LeadDealOptions) -> None:
    """One row for each lead that owns deals.

    Writes ``derived.<name>``: lead_key, deal_key (the oldest accepted deal; export order where dates are equal), deals
    (how many), mode.
    """
    leads, deals = options.leads, options.deals
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        SELECT lead.{quote(leads.key)} AS lead_key,
               arg_min(deal.{quote(deals.key)}, deal.rank) AS deal_key, count(*) AS deals,
               {literal(options.mode)} AS mode,
               min(lead._row_id) AS _row_id
        FROM {quote(f"typed.{leads.object}")} AS lead
        JOIN (
            SELECT src.*, row_number() OVER (ORDER BY src.{quote(deals.oldest_by)} NULLS LAST, src._row_id) AS rank
            FROM {quote(f"typed.{deals.object}")} AS src
        ) AS deal ON deal.{quote(deals.lead)} = lead.{quote(leads.key)}
        GROUP BY 1 ORDER BY 1
    """)
