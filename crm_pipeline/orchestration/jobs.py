"""The runs people start: the same operations as the command line."""

from __future__ import annotations

import dagster as dg
from dagster import AssetSelection
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from crm_pipeline.migration.discovery import check_of
from crm_pipeline.orchestration.checks import asset_key
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.environment_assets import sign_off_key


def source_jobs(columns: ColumnCatalogue) -> list[UnresolvedAssetJobDefinition]:
    """Audit only, stage only, migrate a sandbox, verify it again, migrate production."""
    name, label, catalogue = columns.mapping.name, columns.mapping.source.label, columns.catalogue
    audit = AssetSelection.assets(asset_key(check_of(name).asset))
    staged = AssetSelection.groups(f"{name}_export", f"{name}_staged") - audit
    sandbox, production = AssetSelection.groups(f"{name}_sandbox"), AssetSelection.groups(f"{name}_production")
    loaded = [asset_key(catalogue.loaded_asset("sandbox", target)) for target in columns.mapping.targets]
    proof = [asset_key(catalogue.environment_asset("sandbox", each)) for each in ("verification", "report")]
    return [
        dg.define_asset_job(
            f"{name}_discovery", audit,
            description=f"Audit the newest {label} export: the scope of its migration, and the automations to rebuild. Nothing is staged.",
        ),
        dg.define_asset_job(
            f"{name}_stage", staged,
            description=f"Read the newest {label} export and shape it for Odoo; Odoo is not touched.",
        ),
        dg.define_asset_job(
            f"{name}_sandbox_migration", staged | sandbox,
            description=f"The whole migration of {label} into the sandbox: read, stage, load, read back, report. Safe "
            "to run again at any time.",
        ),
        dg.define_asset_job(
            f"{name}_sandbox_verification",
            AssetSelection.checks_for_assets(*loaded) | AssetSelection.assets(*proof),
            description="Read the sandbox back, compare every field again, write the report anew; nothing is loaded.",
        ),
        dg.define_asset_job(
            f"{name}_sign_off", AssetSelection.assets(sign_off_key(columns)),
            description='Accept the sandbox migration: say who signs in the run config, as "Name <mail>".',
        ),
        dg.define_asset_job(
            f"{name}_production_migration",
            staged | (production - AssetSelection.assets(sign_off_key(columns))),
            description=f"The migration of {label} into production; locked until the sandbox is signed off.",
        ),
    ]  # fmt: skip
