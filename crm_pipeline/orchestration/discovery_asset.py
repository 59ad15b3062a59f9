"""The asset of discovery: an export is audited, and its documents are linked."""

from collections.abc import Iterator

import dagster as dg

from crm_pipeline.migration.discovery import DiscoveryOutcome, check_of, discover
from crm_pipeline.orchestration.checks import announce, asset_key, check_results, check_specs
from crm_pipeline.orchestration.columns import ColumnCatalogue
from crm_pipeline.orchestration.failures import explained
from crm_pipeline.orchestration.metadata import FINDING_TEXT, Metadata, table
from crm_pipeline.orchestration.resources import MigrationResource
from crm_pipeline.orchestration.source_assets import OWNERS, DropConfig


def discovery_asset(columns: ColumnCatalogue) -> dg.AssetsDefinition:
    """One step that reads an export into a store of its own; it waits for nothing, so that a broken export has its documents."""
    mapping = columns.mapping
    name, check = mapping.name, check_of(mapping.name)

    @dg.asset(
        key=asset_key(check.asset), group_name=f"{name}_export", pool=name, kinds={"duckdb", "html"}, owners=OWNERS,
        check_specs=check_specs([check]), code_version=mapping.hash[:16],
        description=f"What an export of {mapping.source.label} holds, how it lands in Odoo, what stands in the way and what it takes, as a "
        "scope document; and each automation as a specification for whoever rebuilds it. Nothing is staged or loaded.",
    )  # fmt: skip
    def discovery(
        context: dg.AssetExecutionContext, config: DropConfig, migrations: MigrationResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        with explained():
            outcome = discover(migrations.settings(), name, drop_name=config.drop or None)
        announce(context.log, [outcome.check])
        yield dg.MaterializeResult(check_results=check_results([outcome.check], check.asset), metadata=_metadata(outcome))

    return discovery


def _metadata(outcome: DiscoveryOutcome) -> Metadata:
    scope = outcome.scope
    objects = [
        {"object": each.label, "rows": each.rows, "in_the_crm": each.in_crm, "counts": each.count_state, "odoo": ", ".join(each.mapping.models),
         "relation": each.mapping.relation, "lossy": each.mapping.is_lossy}
        for each in scope.objects
    ]  # fmt: skip
    findings = [{"about": each.about, "blocks": each.is_blocking, "finding": each.message} for each in (*scope.blocking, *scope.warnings)]
    return {
        "drop": scope.drop, "dagster/row_count": scope.rows, "compatibility": scope.compatibility.sentence,
        "complexity": f"{scope.effort.grade}: {scope.effort.says}", "working_days": "{:g} to {:g}".format(*scope.effort.days),
        "automations_to_rebuild": len(scope.automations), "rows_set_aside": scope.rows_set_aside,
        **({"objects": table(objects)} if objects else {}), **({"findings": table(findings, longest=FINDING_TEXT)} if findings else {}),
        **{kind: dg.MetadataValue.path(str(path)) for kind, path in outcome.documents.items()},
    }  # fmt: skip
