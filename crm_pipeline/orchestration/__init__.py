"""Dagster, and nothing else: assets, checks and jobs made from mapping specs, calling the operations of ``migration``.

No CRM is named here: a further folder under ``mapping_specs/`` is a further set of assets and jobs.
"""

from crm_pipeline.orchestration.workspace import build_definitions

__all__ = ["build_definitions"]
