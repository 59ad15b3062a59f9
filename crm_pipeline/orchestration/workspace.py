"""The code location: every folder of mapping specs becomes assets, checks and jobs."""

import logging

import dagster as dg

from crm_pipeline.migration.catalogue import Catalogue
from crm_pipeline.orchestration.apart import executor_of
from crm_pipeline.orchestration.automation import new_export_sensor, schedules
from crm_pipeline.orchestration.checks import asset_key
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.discovery_asset import discovery_asset
from crm_pipeline.orchestration.environment_assets import environment_assets
from crm_pipeline.orchestration.failures import failure
from crm_pipeline.orchestration.jobs import source_jobs
from crm_pipeline.orchestration.resources import MigrationResource
from crm_pipeline.orchestration.rollback import rollback_job
from crm_pipeline.orchestration.source_assets import export_assets, proposed_asset, renamed_assets, staged_assets
from crm_pipeline.settings import ENVIRONMENTS, Settings
from crm_pipeline.specs import SpecError, list_sources, load_mapping
from crm_pipeline.transforms.policies import PolicyError, check_policies

logger = logging.getLogger(__name__)


def build_definitions(settings: Settings) -> dg.Definitions:
    """Definitions of every source; one whose specs are broken becomes a single asset that says why.

    Args:
        settings: where the specs are. Data root and destinations are looked up when a run starts, so that loading the
            definitions touches neither data nor network.
    """
    parts = [_source(settings, name) for name in list_sources(settings.specs_root)]
    migrations = MigrationResource(specs_root=str(settings.specs_root))
    shared = dg.Definitions(resources={"migrations": migrations}, executor=executor_of(settings, migrations))
    return dg.Definitions.merge(shared, *parts)


def _source(settings: Settings, name: str) -> dg.Definitions:
    try:
        mapping = load_mapping(settings.specs_root / name)
        check_policies(mapping.source)
        columns = ColumnCatalogue(mapping, Catalogue(mapping))
        assets = [discovery_asset(columns), export_assets(columns), staged_assets(columns), *renamed_assets(columns), proposed_asset(name)]
        environments = [each for env in ENVIRONMENTS for each in environment_assets(columns, env)]
        jobs = source_jobs(columns)
        by_name = {job.name: job for job in jobs}
        return dg.Definitions(
            assets=[*assets, *(e for e in environments if not isinstance(e, dg.AssetChecksDefinition))],
            asset_checks=[e for e in environments if isinstance(e, dg.AssetChecksDefinition)],
            jobs=[*jobs, *(rollback_job(columns, env) for env in ENVIRONMENTS)],
            sensors=[new_export_sensor(columns, by_name)],
            schedules=schedules(columns, by_name),
        )
    except (SpecError, PolicyError) as error:
        logger.error("%s is left out: %s", name, error)  # noqa: TRY400 - the message says all, a stack says nothing more
        return _broken(name, error)


def _broken(name: str, error: SpecError | PolicyError) -> dg.Definitions:
    @dg.asset(
        key=asset_key(f"{name}/mapping_is_broken"), group_name=f"{name}_export", kinds={"yaml"},
        description=f"The mapping specs of {name} can't be used, so nothing else of it is shown.\n\n{error}",
    )  # fmt: skip
    def mapping_is_broken() -> None:
        raise failure(error)

    return dg.Definitions(assets=[mapping_is_broken])
