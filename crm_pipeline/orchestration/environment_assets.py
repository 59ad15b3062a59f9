"""Assets of one environment: preflight, the models in order of loading, verification, report, and the sign-off."""

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from crm_pipeline.migration.cutover import cut_over
from crm_pipeline.migration.cutover import hypercare as look_after
from crm_pipeline.migration.records import kept_checks
from crm_pipeline.migration.sign_off import sign_off as record_sign_off
from crm_pipeline.orchestration.checks import announce, asset_key, check_result, check_results, check_specs
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.failures import explained
from crm_pipeline.orchestration.metadata import loaded_metadata
from crm_pipeline.orchestration.order import LoadOrder
from crm_pipeline.orchestration.resources import MigrationResource
from crm_pipeline.orchestration.source_assets import OWNERS
from crm_pipeline.orchestration.summary import preflight_metadata, report_metadata, verification_metadata
from crm_pipeline.specs import TargetSpec

Results = Iterator[dg.MaterializeResult[None]]


def environment_assets(
    columns: ColumnCatalogue, env: str
) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """Everything of one environment."""
    order = LoadOrder(columns.catalogue)
    made: list[dg.AssetsDefinition | dg.AssetChecksDefinition] = [_preflight(columns, env)]
    for target in columns.mapping.targets:
        made += [_loaded(columns, env, target, order), _loaded_checks(columns, env, target)]
    made += [_verification(columns, env, order), _report(columns, env)]
    return [*made, *([_sign_off(columns)] if env == "sandbox" else [_cutover(columns), _hypercare(columns)])]


def sign_off_key(columns: ColumnCatalogue) -> dg.AssetKey:
    """The asset that production waits for."""
    return asset_key(columns.catalogue.environment_asset("sandbox", "sign_off"))


def _preflight(columns: ColumnCatalogue, env: str) -> dg.AssetsDefinition:
    mapping, catalogue = columns.mapping, columns.catalogue
    key = catalogue.environment_asset(env, "preflight")
    staged = [asset_key(catalogue.staged_asset(target)) for target in mapping.targets]

    @dg.asset(
        key=asset_key(key), group_name=f"{mapping.name}_{env}", kinds={"odoo"}, owners=OWNERS, pool=mapping.name,
        description=f"What would stop the load: the {env}'s version, rights, apps, schema, settings and records against the "
        "mapping and every staged value, before anything is written. Leaves a page of its own beside the report.",
        deps=[*staged, *([sign_off_key(columns)] if env == "production" else [])],
        check_specs=check_specs(catalogue.preflight_checks(env).values()), code_version=mapping.hash[:16],
    )  # fmt: skip
    def preflight(context: dg.AssetExecutionContext, migrations: MigrationResource) -> Results:
        with explained():
            opened = migrations.open(mapping.name, context.log, context.run)
            destination = opened.destination(env, to_write=True)
            opened.migration.start(env, opened.drop, destination, owes_report=True)
            results = opened.migration.preflight(env, destination)
            announce(context.log, results)
            metadata = preflight_metadata(opened.migration, env)
            yield dg.MaterializeResult(check_results=check_results(results, key), metadata=metadata)

    return preflight


def _loaded(columns: ColumnCatalogue, env: str, target: TargetSpec, order: LoadOrder) -> dg.AssetsDefinition:
    mapping, catalogue = columns.mapping, columns.catalogue
    before = [catalogue.loaded_asset(env, other) for other in order.before(target)]

    @dg.asset(
        key=asset_key(catalogue.loaded_asset(env, target)), group_name=f"{mapping.name}_{env}", kinds={"odoo"},
        owners=OWNERS, pool=mapping.name, description=_loaded_text(target, env),
        code_version=mapping.target_hash(target.model)[:16],
        deps=[
            *(asset_key(catalogue.staged_asset(each)) for each in (target, mapping.parts_of(target.model)) if each is not None),
            *(asset_key(other) for other in before or [catalogue.environment_asset(env, "preflight")]),
        ],
        metadata={
            "dagster/column_schema": dg.TableSchema(columns.loaded_columns(target)),
            "dagster/column_lineage": columns.loaded_lineage(env, target),
        },
    )  # fmt: skip
    def load(context: dg.AssetExecutionContext, migrations: MigrationResource) -> Results:
        with explained():
            opened = migrations.open(mapping.name, context.log, context.run)
            destination = opened.destination(env, to_write=True)
            counts, stops = opened.migration.load(env, destination, target, only_newer=opened.migration.sends_only_changes())
            if counts is None:
                raise dg.Failure(stops[0].message, allow_retries=False)
            yield dg.MaterializeResult(
                metadata=loaded_metadata(opened.migration, env, target, destination.base_url)
            )

    return load


def _loaded_checks(columns: ColumnCatalogue, env: str, target: TargetSpec) -> dg.AssetChecksDefinition:
    mapping, catalogue = columns.mapping, columns.catalogue

    @dg.multi_asset_check(
        name=f"{mapping.name}__{env}__verify_{target.table}", can_subset=True, pool=mapping.name,
        specs=check_specs(catalogue.loaded_checks(env, target).values()),
        description=f"Reads every {target.model} record back and compares every mapped field.",
    )  # fmt: skip
    def verify(
        context: dg.AssetCheckExecutionContext, migrations: MigrationResource
    ) -> Iterator[dg.AssetCheckResult]:
        with explained():
            opened = migrations.open(mapping.name, context.log, context.run)
            m = opened.migration
            only_verified = target.model not in m.loaded_models(env)
            results = m.verify(
                env, opened.destination(env), target, contents=only_verified, only_written=m.sends_only_changes() and not only_verified
            )
            announce(context.log, results)
            wanted = {key.name for key in context.selected_asset_check_keys}
            yield from (check_result(result) for result in results if result.spec.name in wanted)

    return verify


def _verification(columns: ColumnCatalogue, env: str, order: LoadOrder) -> dg.AssetsDefinition:
    mapping, catalogue = columns.mapping, columns.catalogue
    key = catalogue.environment_asset(env, "verification")

    @dg.asset(
        key=asset_key(key), group_name=f"{mapping.name}_{env}", kinds={"duckdb", "odoo"}, owners=OWNERS,
        pool=mapping.name,
        description="Proof for the environment as a whole: every exported row has exactly one fate, sums are equal on "
        "both sides, and nobody was mailed, notified or subscribed.",
        deps=[asset_key(catalogue.loaded_asset(env, target)) for target in order.last()],
        check_specs=check_specs(catalogue.verification_checks(env).values()), code_version=mapping.hash[:16],
    )  # fmt: skip
    def verification(context: dg.AssetExecutionContext, migrations: MigrationResource) -> Results:
        with explained():
            opened = migrations.open(mapping.name, context.log, context.run)
            m = opened.migration
            only_verified = not m.loaded_models(env)
            results = m.finish(
                env, opened.destination(env), contents=only_verified, only_written=m.sends_only_changes() and not only_verified
            )
            announce(context.log, results)
            metadata = verification_metadata(opened.migration, env)
            yield dg.MaterializeResult(check_results=check_results(results, key), metadata=metadata)
            changed = [f"{r.spec.asset} {r.spec.name}: {r.message}" for r in results if r.stops and r.spec.asset != key]
            if changed:
                raise dg.Failure(f"read back again at the end: {'; '.join(changed)}", allow_retries=False)

    return verification


def _report(columns: ColumnCatalogue, env: str) -> dg.AssetsDefinition:
    mapping, catalogue = columns.mapping, columns.catalogue

    @dg.asset(
        key=asset_key(catalogue.environment_asset(env, "report")), group_name=f"{mapping.name}_{env}", kinds={"html"},
        owners=OWNERS, pool=mapping.name, code_version=mapping.hash[:16],
        description="The reconciliation report for the customer, with the quarantine and the queues beside it as CSV "
        "and Excel. A run that stops early leaves one too.",
        deps=[asset_key(catalogue.environment_asset(env, "verification"))],
    )  # fmt: skip
    def report(context: dg.AssetExecutionContext, migrations: MigrationResource) -> Results:
        with explained():
            opened = migrations.open(mapping.name, context.log, context.run)
            path, result = opened.conclude(env)
            context.log.info("report: %s", path)
            yield dg.MaterializeResult(metadata=report_metadata(opened.migration.store, env, path, result))

    return report


class SignOffConfig(dg.Config):
    """Who accepts the sandbox migration."""

    by: str = ""
    """As "Name <mail>"."""


def _sign_off(columns: ColumnCatalogue) -> dg.AssetsDefinition:
    name = columns.mapping.name

    @dg.asset(
        key=sign_off_key(columns), group_name=f"{name}_production", kinds={"odoo"}, owners=OWNERS, pool=name,
        description="The customer's acceptance of the sandbox migration, with the hashes of mapping, export and report. "
        "Production waits for it, and the loader itself refuses production without it. A changed mapping must be signed again.",
        deps=[asset_key(columns.catalogue.environment_asset("sandbox", "report"))], code_version=columns.mapping.hash[:16],
    )  # fmt: skip
    def sign_off(context: dg.AssetExecutionContext, config: SignOffConfig, migrations: MigrationResource) -> Results:
        with explained():
            m = migrations.open(name, context.log, context.run).migration
            signed = record_sign_off(m.store, m.confirmed, m.settings.data, "sandbox", config.by, m.clock())
            yield dg.MaterializeResult(metadata={key: str(value) for key, value in asdict(signed).items()})

    return sign_off


class CutoverConfig(dg.Config):
    """When the source was frozen, and who cuts over."""

    freeze: str = ""
    """ISO time, in the account's zone where it names none."""
    by: str = ""
    """As "Name <mail>"."""
    drop: str = ""
    """The last export; the newest one when empty."""


def _cutover(columns: ColumnCatalogue) -> dg.AssetsDefinition:
    name, catalogue = columns.mapping.name, columns.catalogue
    key = catalogue.environment_asset("production", "cutover")

    @dg.asset(
        key=asset_key(key), group_name=f"{name}_production", kinds={"odoo", "html"}, owners=OWNERS, pool=name,
        description="The final delta into production, every record read back, the certificate. From then on Odoo is the system of record "
        "and the migration does not write to production any more.",
        deps=[asset_key(catalogue.environment_asset("production", "report"))], code_version=columns.mapping.hash[:16],
        check_specs=check_specs(catalogue.cutover_checks().values()),
    )  # fmt: skip
    def cutover(context: dg.AssetExecutionContext, config: CutoverConfig, migrations: MigrationResource) -> Results:
        with explained():
            m = migrations.open(name, context.log, context.run).migration
            done = cut_over(m, freeze=config.freeze, by=config.by, drop_name=config.drop or None)
            announce(context.log, done.run.stopped_by)
            if done.certificate is None:
                raise dg.Failure("not cut over; production stays open. The log and the report say why.", allow_retries=False)
            results = [check_result(r) for r in kept_checks(m.store, "production", catalogue.cutover_checks().values())]
            yield dg.MaterializeResult(check_results=results, metadata={"certificate": dg.MetadataValue.path(str(done.certificate))})

    return cutover


def _hypercare(columns: ColumnCatalogue) -> dg.AssetsDefinition:
    name, catalogue = columns.mapping.name, columns.catalogue

    @dg.asset(
        key=asset_key(catalogue.environment_asset("production", "hypercare")), group_name=f"{name}_production", kinds={"odoo"}, owners=OWNERS,
        pool=name, deps=[asset_key(catalogue.environment_asset("production", "cutover"))], code_version=columns.mapping.hash[:16],
        description="Production looked at after the cutover: what people changed since, what is damaged, what waits. Nothing is written to Odoo.",
    )  # fmt: skip
    def hypercare(context: dg.AssetExecutionContext, migrations: MigrationResource) -> Results:
        with explained():
            m = migrations.open(name, context.log, context.run).migration
            outcome, sentence = look_after(m, "production")
            announce(context.log, outcome.stopped_by)
            seen = {"edits": outcome.result["edits"], "differences": outcome.result["verification"]["differences"], **outcome.result["queues"]}
            yield dg.MaterializeResult(metadata={"hypercare": sentence, "report": dg.MetadataValue.path(str(outcome.report)), **seen})
            if not outcome.ok:
                raise dg.Failure("records are not what was loaded, and nobody is known to have changed them; see the report", allow_retries=False)

    return hypercare


def _loaded_text(target: TargetSpec, env: str) -> str:
    return f"{target.title} ({target.model}) in the {env}. {target.description}".strip()


