"""What staging finds about exported rows: those that a rule of the mapping diverts get their fate, and warnings about others."""

from __future__ import annotations

from crm_pipeline.specs import Mapping, SourceBlock, TargetSpec
from crm_pipeline.staging.staged import id_expression, rows_from
from crm_pipeline.staging.store import StagingStore, literal, quote


def forget_staging(store: StagingStore, mapping: Mapping) -> None:
    """Drop the fates and warnings an earlier staging gave, so that staging again starts from what reading found."""
    for target in mapping.targets:
        for block in target.sources:
            for diversion in block.divert:
                store.execute(
                    "DELETE FROM ops.fate WHERE object = ? AND fate = ? AND reason = ?",
                    [block.accounts_for, diversion.fate, diversion.reason],
                )
            for warning in block.warn:
                for table in ("ops.issue", "ops.decided"):
                    store.execute(f"DELETE FROM {table} WHERE object = ? AND reason = ?", [block.accounts_for, warning.reason])


def record_findings(store: StagingStore, mapping: Mapping, target: TargetSpec) -> None:
    """Write the fates of the rows of a target that are diverted, and its warnings."""
    for block in target.sources:
        _record_diversions(store, mapping, block)
        _record_warnings(store, mapping, block)


def _record_diversions(store: StagingStore, mapping: Mapping, block: SourceBlock) -> None:
    for number, diversion in enumerate(block.divert):
        into = "NULL"
        if diversion.into is not None:
            into = id_expression(mapping.blocks[diversion.into.to][1].external_id, diversion.into.key)
        earlier = "".join(f" AND ({other.where}) IS NOT TRUE" for other in block.divert[:number])
        store.execute(f"""
            INSERT INTO ops.fate BY NAME
            SELECT {_exported_row(mapping, block)}, {literal(diversion.fate)} AS fate,
                   {literal(diversion.reason)} AS reason, {into} AS detail
            FROM {_from_exported(mapping, block, f"{into} {diversion.where} {block.where}{earlier}")}
            WHERE ({diversion.where}) AND ({block.where or "TRUE"}){earlier}
        """)


def _record_warnings(store: StagingStore, mapping: Mapping, block: SourceBlock) -> None:
    for warning in block.warn:
        columns = mapping.source.objects[str(block.accounts_for)].columns
        column = columns.get(warning.column) if warning.column else None
        heading = literal(column.heading if column else warning.column)
        value = f"{_exported_alias(block)}.{quote(warning.column)}::VARCHAR" if warning.column else "NULL"
        diverted = "".join(f" AND ({diversion.where}) IS NOT TRUE" for diversion in block.divert)
        store.execute(f"""
            INSERT INTO ops.issue BY NAME
            SELECT {_exported_row(mapping, block)}, {heading} AS "column", {value} AS value,
                   {literal(warning.reason)} AS reason, 'warning' AS severity, {literal(warning.message)} AS message
            FROM {_from_exported(mapping, block, f"{warning.when} {block.where}{diverted}")}
            WHERE ({warning.when}) AND ({block.where or "TRUE"}){diverted}
        """)


def _exported_row(mapping: Mapping, block: SourceBlock) -> str:
    """Columns that say which exported row a block's row stands for."""
    key, row = quote(mapping.source.objects[str(block.accounts_for)].key), _exported_alias(block)
    return (
        f"{literal(block.accounts_for)} AS object, {row}._row_id AS row_id, {row}.{key}::VARCHAR AS key, "
        f'{row}._file AS file, {row}._row AS "row"'
    )


def _exported_alias(block: SourceBlock) -> str:
    return "src" if block.object == block.accounts_for else "exported"


def _from_exported(mapping: Mapping, block: SourceBlock, uses: str) -> str:
    """The tables of a block that SQL uses, with the exported row each of its rows stands for."""
    if block.object == block.accounts_for:
        return rows_from(mapping, block, uses)
    table = quote(f"typed.{block.accounts_for}")
    return f"{rows_from(mapping, block, uses)} JOIN {table} AS exported ON exported._row_id = src._row_id"
