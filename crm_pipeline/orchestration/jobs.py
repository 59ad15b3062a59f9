"""The runs people start: the same operations as the command line."""

from __future__ import annotations

from functools import partial
from typing import Any

import dagster as dg
from dagster import AssetSelection
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from crm_pipeline.migration.discovery import check_of
from crm_pipeline.orchestration.checks import asset_key
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.environment_assets import sign_off_key


def delta_job_name(source: str, env: str) -> str:
    """Name of the job that applies a newer export to an environment."""
    return f"{source}_{env}_delta"


def hypercare_job_name(source: str) -> str:
    """Name of the job that looks at production after the cutover."""
    return f"{source}_hypercare_look"


def read_config(source: str, drop: str = "") -> dict[str, Any]:
    """Run config that reads a drop, or the newest one, be it a delta."""
    return {"ops": {f"{source}__read_export": {"config": {"drop": drop, "deltas": True}}}}


def source_tag(source: str) -> dict[str, str]:
    """By this tag an instance of several machines lets one run of a source begin after the other."""
    return {"crm_pipeline/source": source}


def source_jobs(columns: ColumnCatalogue) -> list[UnresolvedAssetJobDefinition]:
    """Audit or stage only, migrate a sandbox, verify it again, sign it off, migrate production, apply deltas, cut over, look after it."""
    name, label, catalogue = columns.mapping.name, columns.mapping.source.label, columns.catalogue
    audit = AssetSelection.assets(asset_key(check_of(name).asset))
    staged = AssetSelection.groups(f"{name}_export", f"{name}_staged") - audit
    sandbox, production = AssetSelection.groups(f"{name}_sandbox"), AssetSelection.groups(f"{name}_production")
    loaded = [asset_key(catalogue.loaded_asset("sandbox", target)) for target in columns.mapping.targets]
    by_hand = AssetSelection.assets(
        sign_off_key(columns), *(asset_key(catalogue.environment_asset("production", each)) for each in ("cutover", "hypercare"))
    )
    define = partial(dg.define_asset_job, tags=source_tag(name))
    proof = [asset_key(catalogue.environment_asset("sandbox", each)) for each in ("verification", "report")]
    return [
        define(
            f"{name}_discovery", audit,
            description=f"Audit the newest {label} export: the scope of its migration, and the automations to rebuild. Nothing is staged.",
        ),
        define(
            f"{name}_stage", staged,
            description=f"Read the newest {label} export and shape it for Odoo; Odoo is not touched.",
        ),
        define(
            f"{name}_sandbox_migration", staged | sandbox,
            description=f"The whole migration of {label} into the sandbox: read, stage, load, read back, report. Safe "
            "to run again at any time.",
        ),
        define(
            f"{name}_sandbox_verification",
            AssetSelection.checks_for_assets(*loaded) | AssetSelection.assets(*proof),
            description="Read the sandbox back, compare every field again, write the report anew; nothing is loaded.",
        ),
        define(
            f"{name}_sign_off", AssetSelection.assets(sign_off_key(columns)),
            description='Accept the sandbox migration: say who signs in the run config, as "Name <mail>".',
        ),
        define(
            f"{name}_production_migration",
            staged | (production - by_hand),
            description=f"The migration of {label} into production; locked until the sandbox is signed off.",
        ),
        *(
            define(
                delta_job_name(name, env), staged | (selected - by_hand), config=read_config(name),
                description=f"Apply the newest {label} export, full or delta, to the {env}: only what changed is sent.",
            )
            for env, selected in (("sandbox", sandbox), ("production", production))
        ),
        define(
            f"{name}_cutover", AssetSelection.assets(asset_key(catalogue.environment_asset("production", "cutover"))),
            description="The final delta into production, everything verified, the certificate. Say the time of the freeze and who cuts over.",
        ),
        define(
            hypercare_job_name(name), AssetSelection.assets(asset_key(catalogue.environment_asset("production", "hypercare"))),
            description="Look at production after the cutover: what people changed, what is damaged, what waits. Nothing is written.",
        ),
    ]  # fmt: skip
