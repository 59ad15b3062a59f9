"""From typed tables to target-shaped ones: mapping specs compiled to one DuckDB statement for each source block.

A staged table ``staged.<model>`` holds, for every record meant for Odoo: ``external_id`` (name without module),
``_block``, ``_object``, ``_row_id``, ``_order``, ``_needed``, ``_creatable``, ``_label``, ``_deleted`` (in the CRM's list of deleted
records), ``_departed`` (see :mod:`crm_pipeline.odoo.departures`), one column for each mapped field
(links as external ids, lookups as the text to look up, files as their SHA-1), ``<field>__path`` and ``<field>__bytes`` of a file,
``<field>__tolerance`` where one is stated, and ``_hash`` (MD5 of the names and values of its block's fields).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from crm_pipeline.specs import FieldSpec, Mapping, SourceBlock, TargetSpec
from crm_pipeline.specs.target import ACTIVE, Join, Reference
from crm_pipeline.staging.restaging import PutAway
from crm_pipeline.staging.store import StagingStore, literal, quote
from crm_pipeline.staging.typed import DELETED

#: A statement → digest of it and of all it depends on.
Inputs = Callable[[str], str]
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class StagingError(Exception):
    """A block's SQL does not run on this export, or makes one external id twice.

    Args:
        block: the source block's name.
        reason: DuckDB's message, or the external ids concerned.
    """

    def __init__(self, block: str, reason: str) -> None:
        super().__init__(f"block '{block}': {reason}")


@dataclass(frozen=True)
class StagedCounts:
    """Rows staged for one target, in total and by block; ``made_of``: digest of its inputs, ``is_new``: whether it was made just now."""

    model: str
    rows: int
    blocks: dict[str, int]
    made_of: str
    is_new: bool


def stage_target(store: StagingStore, mapping: Mapping, target: TargetSpec, inputs: Inputs, before: PutAway) -> StagedCounts:
    """Build ``staged.<model>``, or take it as it is where its inputs are the same.

    Args:
        store: the staging store.
        mapping: the mapping.
        target: the target.
        inputs: what a statement depends on, as a digest.
        before: the tables of last time.

    Raises:
        StagingError: naming the block whose expression fails, or external ids that are not unique.
    """
    selects = [_block_select(mapping, number, block) for number, block in enumerate(target.sources)]
    table = quote(f"staged.{target.table}")
    union = " UNION ALL BY NAME ".join(f"({select})" for select in selects)
    try:
        made_of = inputs(union)
        is_new = not before.take_again(target.table, made_of)
        if is_new:
            store.execute(f"CREATE OR REPLACE TABLE {table} AS {union}")
    except duckdb.Error:
        for block, select in zip(target.sources, selects, strict=True):
            _explain(store, block, select)
        raise
    doubles = is_new and store.rows(
        f"SELECT external_id, count(*) FROM {table} GROUP BY 1 HAVING count(*) > 1 OR external_id IS NULL LIMIT 5"
    )
    if doubles:
        names = ", ".join(f"{name} ({count} times)" for name, count in doubles)
        raise StagingError(
            target.model, f"external ids must be there once; found {names}. Check one_per and external_id"
        )
    counts = dict(store.rows(f"SELECT _block, count(*) FROM {table} GROUP BY 1"))
    return StagedCounts(target.model, sum(counts.values()), counts, made_of, is_new)


def confirmed_fields(block: SourceBlock) -> dict[str, FieldSpec]:
    """The fields of a block that are loaded: proposed and ignored ones are not."""
    return {name: spec for name, spec in block.fields.items() if spec.status == "confirmed"}


def sent_fields(block: SourceBlock) -> list[str]:
    """Names of the fields of a block whose values go to Odoo."""
    return [name for name, spec in confirmed_fields(block).items() if not spec.staged_only]


def values_sql(target: TargetSpec, row: str) -> str:
    """SQL: the fields of the block of a staged row (an alias of the staged table) as JSON, as the ledger keeps them."""
    cases = " ".join(
        f"WHEN {literal(block.name)} THEN to_json(struct_pack({', '.join(f'{quote(n)} := {row}.{quote(n)}' for n in sent_fields(block))}))"
        for block in target.sources
    )
    return f"CASE {row}._block {cases} END"


def path_column(field: str) -> str:
    """Staged column with the path of a file whose SHA-1 is the field's staged value."""
    return f"{field}__path"


def size_column(field: str) -> str:
    """Staged column with the size of a file in bytes."""
    return f"{field}__bytes"


def tolerance_column(field: str) -> str:
    """Staged column with the difference up to which a field's value counts as rounded."""
    return f"{field}__tolerance"


def field_expression(mapping: Mapping, block: SourceBlock, spec: FieldSpec) -> str:
    """The DuckDB expression for one field, over the block's own table ``src`` and its joins."""
    if spec.named_for_model is not None:
        expression = _model_case(mapping, block.fields[spec.named_for_model])
    elif spec.from_ is not None:
        column = f"src.{quote(spec.from_)}"
        expression = f"{spec.as_}({column})" if spec.as_ else column
    elif spec.map is not None:
        cases = " ".join(
            f"WHEN fold({literal(str(value))}) THEN {literal(target)}" for value, target in spec.map.values.items()
        )
        otherwise = literal(spec.map.otherwise)
        expression = f"CASE fold(src.{quote(spec.map.column)}) {cases} ELSE {otherwise} END" if cases else otherwise
    elif spec.refs is not None:
        expression = " || ".join(_link_list(mapping, link, coalesced=len(spec.links) > 1) for link in spec.links)
    elif spec.ref is not None:
        expression = "CASE " + " ".join(_link_case(mapping, link) for link in spec.links) + " END"
    elif spec.lookup is not None:
        expression = str(spec.lookup.key)
    elif spec.xmlid is not None:
        expression = literal(spec.xmlid)
    elif spec.sql is not None:
        expression = spec.sql
    elif spec.file is not None:
        expression = f"src.{quote(spec.file.digest)}"
    else:
        expression = "NULL::VARCHAR" if spec.const is None else literal(spec.const)
    return f"coalesce({expression}, {literal(spec.default)})" if spec.default is not None else f"({expression})"


def _link_list(mapping: Mapping, link: Reference, *, coalesced: bool) -> str:
    pattern = id_expression(mapping.blocks[link.to][1].external_id, ("_element",))
    names = f"list_transform({link.key[0]}, lambda _element: {pattern})"
    return f"coalesce({names}, [])" if coalesced else names


def _link_case(mapping: Mapping, link: Reference) -> str:
    identity = id_expression(mapping.blocks[link.to][1].external_id, link.key)
    return f"WHEN {f'({link.when})' if link.when else 'TRUE'} THEN {identity}"


def _model_case(mapping: Mapping, spec: FieldSpec) -> str:
    """The model of the record that a link leads to."""
    models = [(link.when or "TRUE", mapping.blocks[link.to][0].model) for link in spec.links]
    return "CASE " + " ".join(f"WHEN ({when}) THEN {literal(model)}" for when, model in models) + " END"


def external_id_of(block: SourceBlock) -> str:
    """The DuckDB expression for a block's external ids, over its own table ``src`` and its joins."""
    return id_expression(block.external_id)


def id_expression(pattern: str, key: tuple[str, ...] | None = None) -> str:
    """SQL that fills an external-id pattern, with its own expressions or with another block's ``key`` in their order."""
    parts: list[str] = []
    end, index = 0, 0
    for match in _PLACEHOLDER.finditer(pattern):
        if match.start() > end:
            parts.append(literal(pattern[end : match.start()]))
        expression = match.group(1) if key is None else key[index]
        parts.append(f"external_name(({expression})::VARCHAR)")
        end, index = match.end(), index + 1
    if end < len(pattern):
        parts.append(literal(pattern[end:]))
    return " || ".join(parts)


def _block_select(mapping: Mapping, number: int, block: SourceBlock) -> str:
    confirmed = confirmed_fields(block)
    fields = {name: field_expression(mapping, block, spec) for name, spec in confirmed.items()}
    deleted = _deleted(block)
    if block.archive_deleted and ACTIVE in fields:
        when = "" if block.archive_deleted is True else f" AND coalesce({block.archive_deleted}, FALSE)"
        fields[ACTIVE] = f"({fields[ACTIVE]})::BOOLEAN AND NOT ({deleted}{when})"
    for name, spec in confirmed.items():
        if spec.file is not None:
            fields |= {path_column(name): f"src.{quote(spec.file.path)}", size_column(name): f"src.{quote(spec.file.size)}"}
    fields |= {
        tolerance_column(name): f"({spec.tolerance})::DOUBLE" for name, spec in confirmed.items() if spec.tolerance
    }
    columns = ", ".join(f"{expression} AS {quote(name)}" for name, expression in fields.items())
    where = _conditions(block)
    order = f"({number})::BIGINT * 1000000000000 + coalesce(src._row_id, 999999999999)"
    return f"""
        SELECT *, {_hash(block)} AS _hash
        FROM (
            SELECT {external_id_of(block)} AS external_id, {literal(block.name)} AS _block,
                   {literal(block.accounts_for or block.object)}::VARCHAR AS _object, src._row_id, {order} AS _order,
                   coalesce({block.needed_when or "TRUE"}, FALSE) AS _needed,
                   coalesce({block.create_when or "TRUE"}, FALSE) AS _creatable,
                   ({block.label or "NULL"})::VARCHAR AS _label, {deleted} AS _deleted, FALSE AS _departed, {columns}
            FROM {rows_from(mapping, block)} {where} {_one_per(block)}
        )
    """


def _hash(block: SourceBlock) -> str:
    names = sent_fields(block)
    fields = hashlib.md5(" ".join(names).encode(), usedforsecurity=False).hexdigest()
    return f"md5({literal(fields)} || row({', '.join(map(quote, names))})::VARCHAR)"


def _deleted(block: SourceBlock) -> str:
    """SQL: whether the exported row that a row stands for was deleted in the CRM."""
    if block.accounts_for is None:
        return "FALSE"
    if block.object == block.accounts_for:
        return f"coalesce(src.{DELETED}, FALSE)"
    exported = quote(f"typed.{block.accounts_for}")
    return f"coalesce((SELECT exported.{DELETED} FROM {exported} AS exported WHERE exported._row_id = src._row_id), FALSE)"


def _conditions(block: SourceBlock) -> str:
    conditions = [f"({block.where})"] if block.where else []
    conditions += [f"({expression}) IS NOT NULL" for expression in block.one_per]
    conditions += [f"({diversion.where}) IS NOT TRUE" for diversion in block.divert]
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _one_per(block: SourceBlock) -> str:
    if not block.one_per:
        return ""
    return f"QUALIFY row_number() OVER (PARTITION BY {', '.join(block.one_per)} ORDER BY src._row_id) = 1"


def rows_from(mapping: Mapping, block: SourceBlock, uses: str | None = None) -> str:
    """SQL for a block's rows with its joins; with ``uses`` without the joins that this SQL does not mention."""
    if block.rows:
        keys = list(dict.fromkeys(key for row in block.rows for key in row))
        values = ", ".join(
            f"({index}, {', '.join(literal(row.get(key)) for key in keys)})" for index, row in enumerate(block.rows, 1)
        )
        base = f"(VALUES {values}) AS src(_row_id, {', '.join(quote(key) for key in keys)})"
    else:
        table = quote(_table_name(mapping, str(block.object)))
        lists = "".join(f", unnest({quote(column)}) AS {quote(name)}" for name, column in block.each.items())
        base = f"(SELECT *{lists} FROM {table}) AS src"
    for join in block.join if uses is None else _used(block, uses):
        on = " AND ".join(f"{quote(join.as_)}.{quote(column)} = ({here})" for column, here in join.on.items())
        base += f" LEFT JOIN {quote(_table_name(mapping, join.table))} AS {quote(join.as_)} ON {on}"
    return base


def _used(block: SourceBlock, sql: str) -> list[Join]:
    """The joins that SQL needs: those it mentions, and those that these are joined by."""
    found: list[Join] = []
    for join in reversed(block.join):
        if re.search(rf"\b{re.escape(join.as_)}\b", sql):
            found.insert(0, join)
            sql += " " + " ".join(join.on.values())
    return found


def _table_name(mapping: Mapping, name: str) -> str:
    return f"typed.{name}" if name in mapping.source.objects else f"derived.{name}"


def _explain(store: StagingStore, block: SourceBlock, select: str) -> None:
    """Run a block's statement alone, so that a wrong expression names its block."""
    try:
        store.rows(f"SELECT count(*) FROM ({select}) AS block")
    except duckdb.Error as error:
        raise StagingError(block.name, str(error).split("\n\n")[0]) from error
