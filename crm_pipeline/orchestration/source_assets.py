"""Assets of what does not need Odoo: the typed export, and the tables shaped for Odoo."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields

import dagster as dg

from crm_pipeline.exports.renaming import MANIFEST, Renaming
from crm_pipeline.migration.proposing import propose_source
from crm_pipeline.migration.renaming import check_of, rename_files
from crm_pipeline.orchestration.checks import announce, asset_key, check_results, check_specs
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.failures import explained
from crm_pipeline.orchestration.metadata import FINDING_TEXT, Metadata, table, table_metadata, table_schema
from crm_pipeline.orchestration.resources import MigrationResource
from crm_pipeline.proposals.review import ReviewedField
from crm_pipeline.specs import ObjectSpec, TargetSpec
from crm_pipeline.specs.source import SpecModel

OWNERS = ["team:migration"]


class DropConfig(dg.Config):
    """Which export to read."""

    drop: str = ""
    """Name of the export drop; the newest one when empty."""
    deltas: bool = False
    """Whether the newest may be a delta; then only what changed is sent and read back."""


def export_assets(columns: ColumnCatalogue) -> dg.AssetsDefinition:
    """One step that reads and types every file of a drop; one asset for each source object."""
    mapping, catalogue = columns.mapping, columns.catalogue
    name = mapping.name
    objects = mapping.source.objects
    specs = [
        dg.AssetSpec(
            asset_key(catalogue.source_asset(each)), description=_object_text(spec), group_name=f"{name}_export",
            kinds={"excel" if spec.sheet else "csv", "duckdb"}, owners=OWNERS, code_version=spec_version(spec),
            metadata={"dagster/column_schema": dg.TableSchema(columns.source_columns(each))},
        )
        for each, spec in objects.items()
    ]  # fmt: skip

    @dg.multi_asset(
        name=f"{name}__read_export", specs=specs, pool=name,
        check_specs=check_specs(c for each in objects for c in catalogue.source_checks(each).values()),
    )  # fmt: skip
    def read_export(
        context: dg.AssetExecutionContext, config: DropConfig, migrations: MigrationResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        with explained():
            opened = migrations.open(name, context.log, context.run)
            opened.drop = opened.migration.newest_drop(config.drop or None, deltas=config.deltas)
            results = opened.migration.read(opened.drop, only_changes=config.deltas)
            announce(context.log, results)
            for each in objects:
                key = catalogue.source_asset(each)
                files = ", ".join(file.name for file in opened.drop.files.get(each, ())) or "no file"
                metadata = table_metadata(opened.migration, f"typed.{each}")
                yield dg.MaterializeResult(
                    asset_key=asset_key(key), check_results=check_results(results, key),
                    metadata={"drop": opened.drop.name, "files": files, **metadata},
                )  # fmt: skip

    return read_export


def staged_assets(columns: ColumnCatalogue) -> dg.AssetsDefinition:
    """One step that builds derived and target-shaped tables; one asset for each of them."""
    mapping, catalogue = columns.mapping, columns.catalogue
    name = mapping.name
    derived = mapping.source.derived
    group = f"{name}_staged"
    specs = [
        dg.AssetSpec(
            asset_key(columns.derived_asset(each)), description=spec.description or None, group_name=group,
            kinds={"duckdb"}, owners=OWNERS, code_version=spec_version(spec),
            deps=[asset_key(key) for key in columns.inputs_of(each)],
        )
        for each, spec in derived.items()
    ] + [
        dg.AssetSpec(
            asset_key(catalogue.staged_asset(target)), description=_staged_text(target), group_name=group,
            kinds={"duckdb"}, owners=OWNERS, code_version=mapping.target_hash(target.model)[:16],
            deps=[asset_key(columns.table_asset(table)) for table in catalogue.objects_of(target)],
            metadata={
                "dagster/column_schema": dg.TableSchema(columns.staged_columns(target)),
                "dagster/column_lineage": columns.staged_lineage(target),
            },
        )
        for target in mapping.targets
    ]  # fmt: skip

    @dg.multi_asset(
        name=f"{name}__stage", specs=specs, pool=name,
        check_specs=check_specs(c for target in mapping.targets for c in catalogue.staged_checks(target).values()),
    )  # fmt: skip
    def stage(
        context: dg.AssetExecutionContext, migrations: MigrationResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        with explained():
            migration = migrations.open(name, context.log, context.run).migration
            results = migration.stage()
            announce(context.log, results)
            for each in derived:
                schema = table_schema(migration, f"derived.{each}")
                lineage = columns.derived_lineage(each, [column.name for column in schema.columns])
                described: Metadata = {"dagster/column_schema": schema, "dagster/column_lineage": lineage}
                yield dg.MaterializeResult(
                    asset_key=asset_key(columns.derived_asset(each)),
                    metadata={**table_metadata(migration, f"derived.{each}"), **described},
                )
            for target in mapping.targets:
                key = catalogue.staged_asset(target)
                yield dg.MaterializeResult(
                    asset_key=asset_key(key), check_results=check_results(results, key),
                    metadata=table_metadata(migration, f"staged.{target.table}"),
                )  # fmt: skip

    return stage


def renamed_assets(columns: ColumnCatalogue) -> list[dg.AssetsDefinition]:
    """One asset for each plan of new file names: the copies under these names, made when somebody asks for them."""
    mapping = columns.mapping
    return [_renamed(columns, plan) for plan, spec in mapping.source.derived.items() if spec.policy == "renamed_files"]


def _renamed(columns: ColumnCatalogue, plan: str) -> dg.AssetsDefinition:
    name = columns.mapping.name
    check = check_of(name, plan)

    @dg.asset(
        key=asset_key(check.asset), deps=[asset_key(columns.derived_asset(plan))], group_name=f"{name}_files", pool=name,
        kinds={"file"}, owners=OWNERS, check_specs=check_specs([check]), code_version=spec_version(columns.mapping.source.derived[plan]),
        description="Copies of the export's files under their new names and in their folders, with a list that leads back. "
        f"The export itself is never changed. {columns.mapping.source.derived[plan].description}",
        metadata={"dagster/column_schema": dg.TableSchema([dg.TableColumn(field.name) for field in fields(Renaming)])},
    )  # fmt: skip
    def renamed(context: dg.AssetExecutionContext, migrations: MigrationResource) -> Iterator[dg.MaterializeResult[None]]:
        with explained():
            migration = migrations.open(name, context.log, context.run).migration
            done = rename_files(migration, plan)
            announce(context.log, [done.check])
            yield dg.MaterializeResult(
                check_results=check_results([done.check], check.asset),
                metadata={
                    "folder": dg.MetadataValue.path(done.folder), "list": dg.MetadataValue.path(done.folder / MANIFEST),
                    "files": done.files, "bytes": done.bytes, "written": done.written, "keep_their_names": done.kept,
                    "preview": table_metadata(migration, f"derived.{plan}").get("preview", "no files"),
                },
            )  # fmt: skip

    return renamed


def spec_version(spec: SpecModel) -> str:
    """SHA-256 of a spec's meaning, short enough to read."""
    return hashlib.sha256(spec.model_dump_json(by_alias=True).encode()).hexdigest()[:16]


def _object_text(spec: ObjectSpec) -> str:
    text = [f"{spec.label}: rows of {spec.file_name} that fit the contract, with its types."]
    if spec.description:
        text.append(spec.description)
    if spec.scope == "documented":
        text.append("Read, checked and reported; no record is made of it.")
    return " ".join(text)


def _staged_text(target: TargetSpec) -> str:
    return f"{target.title}, shaped for {target.model}. {target.description}".strip()


def proposed_asset(name: str) -> dg.AssetsDefinition:
    """What the mapping of a source lacks of its newest export, proposed for people to confirm; nothing is changed."""

    @dg.asset(
        key=asset_key(f"{name}/proposed_mapping"), group_name=f"{name}_proposal", pool=name, kinds={"yaml", "html"}, owners=OWNERS,
        code_version="1",
        description="The proposed map of what the newest export has and the mapping does not: columns to fields, each with a confidence and "
        "its reasons, as YAML with the status 'proposed' beside the mapping in force, and as a table to review. Nothing of it is loaded "
        "before somebody confirms it.",
        metadata={"dagster/column_schema": dg.TableSchema([dg.TableColumn(column.name) for column in fields(ReviewedField)])},
    )  # fmt: skip
    def proposed_mapping(context: dg.AssetExecutionContext, migrations: MigrationResource) -> dg.MaterializeResult[None]:
        with explained():
            done = propose_source(migrations.settings(), name)
            for problem in done.problems:
                context.log.info(problem)
            rows = [{"field": f.name, "columns": ", ".join(f.columns), "confidence": f.confidence, "why": f.reasons[0]} for f in done.fields]
            return dg.MaterializeResult(
                metadata={
                    "review": dg.MetadataValue.path(done.page), "folder": dg.MetadataValue.path(done.folder), "fields": len(rows),
                    "more_than_90_percent_sure": done.sure, **({"proposed": table(rows[:20], FINDING_TEXT)} if rows else {}),
                },
            )  # fmt: skip

    return proposed_mapping
