"""Derived tables: the named policies a source spec may use, and how they are run.

A policy reads ``typed`` tables and writes ``derived.<name>``; policies that assign rows to groups also write
``derived.<name>_members``. Every derived table has ``_row_id``: the source row it stands for, or a number of its own.
Policies are SQL over whole tables; nothing here knows a CRM or Odoo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from crm_pipeline.specs import SourceSpec
from crm_pipeline.staging.store import StagingStore
from crm_pipeline.transforms.companies import CompanyOptions, companies_by_domain
from crm_pipeline.transforms.distinct import DistinctOptions, distinct_values
from crm_pipeline.transforms.double_pipeline import LeadDealOptions, lead_with_deals
from crm_pipeline.transforms.first_row import FirstRowOptions, first_row
from crm_pipeline.transforms.listed import ListedKeysOptions, listed_keys
from crm_pipeline.transforms.one_per_value import OnePerValueOptions, one_per_value
from crm_pipeline.transforms.owners import OwnerOptions, owners
from crm_pipeline.transforms.people import PeopleOptions, people_by_email
from crm_pipeline.transforms.products import ProductOptions, products_by_sku
from crm_pipeline.transforms.renamed import RenamedFilesOptions, renamed_files


class PolicyError(Exception):
    """A derived table names a policy that does not exist, or options it does not take."""

    def __init__(self, derived: str, reason: str) -> None:
        super().__init__(f"source.yaml: derived.{derived}: {reason}")


_POLICIES: Mapping[str, tuple[type[Any], Callable[[StagingStore, str, Any], None]]] = {
    "owners": (OwnerOptions, owners),
    "companies_by_domain": (CompanyOptions, companies_by_domain),
    "people_by_email": (PeopleOptions, people_by_email),
    "first_row": (FirstRowOptions, first_row),
    "distinct_values": (DistinctOptions, distinct_values),
    "listed_keys": (ListedKeysOptions, listed_keys),
    "one_per_value": (OnePerValueOptions, one_per_value),
    "renamed_files": (RenamedFilesOptions, renamed_files),
    "products_by_sku": (ProductOptions, products_by_sku),
    "lead_with_deals": (LeadDealOptions, lead_with_deals),
}


def check_policies(spec: SourceSpec) -> None:
    """Raise ``PolicyError`` for the first derived table whose policy or options are wrong."""
    for name in spec.derived:
        _parse(spec, name)


def build_derived(store: StagingStore, spec: SourceSpec) -> dict[str, int]:
    """Build all derived tables in the order of the spec; returns their row counts."""
    for name in spec.derived:
        policy, options = _parse(spec, name)
        policy(store, name, options)
    return {name: int(store.value(f'SELECT count(*) FROM derived."{name}"')) for name in spec.derived}


def _parse(spec: SourceSpec, name: str) -> tuple[Callable[[StagingStore, str, Any], None], Any]:
    derived = spec.derived[name]
    if derived.policy not in _POLICIES:
        raise PolicyError(name, f"no policy '{derived.policy}'; there are {', '.join(sorted(_POLICIES))}")
    model, policy = _POLICIES[derived.policy]
    try:
        return policy, model.model_validate(derived.options)
    except ValidationError as error:
        first = error.errors()[0]
        raise PolicyError(name, f"options.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
