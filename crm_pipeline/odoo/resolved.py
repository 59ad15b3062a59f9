"""Staged rows as Odoo will hold them: links and lookups resolved to database ids, one SQL query for a whole stream.

Only here is decided which field of the destination a mapped field goes to, so that a new Odoo version is a matter of
its schema: a field with ``or_field`` goes to the first of the two that exists.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.specs import FieldSpec, Mapping, SourceBlock, TargetSpec
from crm_pipeline.staging.staged import confirmed_fields, path_column, size_column, values_sql
from crm_pipeline.staging.store import literal, quote

_TEXT = {"char", "text", "html", "selection", "reference"}
_NUMBER = {"float", "monetary", "integer"}
_MANY = {"many2many", "one2many"}


class FieldMissingError(Exception):
    """A mapped field does not exist in the destination's schema, or can't be written there."""

    def __init__(self, model: str, field: str, reason: str) -> None:
        self.model, self.field, self.reason = model, field, reason
        super().__init__(f"{model}.{field}: {reason}")


@dataclass(frozen=True)
class ResolvedField:
    """A mapped field and the destination's field it goes to."""

    name: str
    spec: FieldSpec
    schema: FieldSchema

    @property
    def column(self) -> str:
        """Column header in ``load``."""
        is_link = self.schema.type in {"many2one", *_MANY}
        return f"{self.schema.name}/.id" if is_link else self.schema.name

    @property
    def found_as(self) -> str:
        """The destination's field whose value is compared: a file's checksum, else the field itself."""
        return self.spec.file.compared_with if self.spec.file is not None else self.schema.name


def resolve_fields(target: TargetSpec, block: SourceBlock, schema: dict[str, FieldSchema]) -> list[ResolvedField]:
    """The block's confirmed fields on this destination.

    Raises:
        FieldMissingError: for the first field that neither exists nor has a fallback, or that is not stored.
    """
    resolved = []
    for name, spec in confirmed_fields(block).items():
        if spec.staged_only:
            continue
        if spec.awaited:
            kind = "many2many" if spec.refs is not None else "many2one"
            resolved.append(ResolvedField(name, spec, FieldSchema(name, kind, name, False, False, False)))
            continue
        found = schema.get(name) or (schema.get(spec.or_field) if spec.or_field else None)
        if spec.optional and (found is None or (found.readonly and not found.store)):
            continue
        if found is None:
            raise FieldMissingError(target.model, name, "the destination has no such field; is the app installed?")
        resolved.append(ResolvedField(name, spec, found))
    return resolved


def streams(target: TargetSpec) -> list[tuple[SourceBlock, ...]]:
    """Blocks that are sent together: all when the target states an order over them, else one after the other."""
    return [target.sources] if target.load.order_by else [(block,) for block in target.sources]


def resolved_select(
    mapping: Mapping,
    target: TargetSpec,
    blocks: tuple[SourceBlock, ...],
    fields: list[ResolvedField],
    env: str,
    relation: str | None = None,
) -> str:
    """SQL for the rows of ``blocks`` with typed values as Odoo holds them.

    Columns: external_id, _block, _order, _hash, _values, ``_unresolved`` (fields whose record is not in Odoo and which
    hold the row back), ``_blanked`` (those left empty), one column for each field under its mapped name, and the
    staged-only columns. ``relation`` is a table of the staged shape to read instead of the staged one.
    """
    table = relation or quote(f"staged.{target.table}")
    joins: list[str] = []
    columns: list[str] = []
    held: list[str] = []
    blanked: list[str] = []
    for index, field in enumerate(fields):
        staged, alias = f"staged.{quote(field.name)}", f"_j{index}"
        missing: str | None = None
        if field.spec.links:
            expression, join, missing = _link(mapping, table, field, staged, alias, env)
            joins.append(join)
        elif field.spec.looked_up_in is not None:
            joins.append(
                f"LEFT JOIN ops.lookup AS {alias} ON {alias}.env = {literal(env)} "
                f"AND {alias}.reference = {literal(field.spec.looked_up_in)} AND {alias}.key = {staged}"
            )
            expression, missing = f"{alias}.odoo_id", f"{staged} IS NOT NULL AND {alias}.odoo_id IS NULL"
            if field.schema.type in _MANY:
                expression = f"CASE WHEN {alias}.odoo_id IS NULL THEN [] ELSE [{alias}.odoo_id] END"
        else:
            expression = _typed(field, staged)
        if missing is not None:
            problem = f"CASE WHEN {missing} THEN {literal(field.name)} END"
            if not field.spec.late:
                (held if field.spec.on_unresolved == "hold" else blanked).append(problem)
        columns.append(f"{expression} AS {quote(field.name)}")
    extra = [
        f"staged.{quote(name)}"
        for block in blocks
        for name, spec in confirmed_fields(block).items()
        if spec.staged_only
    ]
    extra += [f"staged.{quote(column(f.name))}" for f in fields if f.spec.file for column in (path_column, size_column)]
    names = ", ".join(literal(block.name) for block in blocks)
    return f"""
        SELECT staged.external_id, staged._block, staged._order, staged._hash, {values_sql(target, 'staged')} AS _values,
               {_list(held)} AS _unresolved, {_list(blanked)} AS _blanked,
               {", ".join([*columns, *dict.fromkeys(extra)])}
        FROM {table} AS staged {" ".join(joins)}
        WHERE staged._block IN ({names})
    """


def _list(cases: list[str]) -> str:
    return f"list_filter([{', '.join(cases)}], lambda x: x IS NOT NULL)" if cases else "[]::VARCHAR[]"


def _link(
    mapping: Mapping, table: str, field: ResolvedField, staged: str, alias: str, env: str
) -> tuple[str, str, str]:
    """Value, join and 'is missing' condition of a link."""
    unfinished = [literal(link.to) for link in field.spec.links if link.finished]
    done = f" AND (finished OR block NOT IN ({', '.join(unfinished)}))" if unfinished else ""
    models = ", ".join(literal(model) for model in dict.fromkeys(mapping.blocks[link.to][0].model for link in field.spec.links))
    entries = f"(SELECT external_id, odoo_id, block FROM ops.ledger WHERE env = {literal(env)} AND model IN ({models}){done})"
    vias = dict.fromkeys((link.to, link.via) for link in field.spec.links if link.via is not None)

    def through(entry: str) -> tuple[str, str]:
        """Id and joins of an entry, or of the record that it leads to by ``via``."""
        value, joins = f"{entry}.odoo_id", ""
        for number, (to, via) in enumerate(vias):
            linked_model, linked = mapping.blocks[to][0].model, f"{alias}v{number}"
            joins += (
                f" LEFT JOIN ops.via AS {linked} ON {linked}.env = {literal(env)} AND {linked}.model = {literal(linked_model)} "
                f"AND {linked}.field = {literal(via)} AND {linked}.odoo_id = {entry}.odoo_id AND {entry}.block = {literal(to)}"
            )
            value = f"CASE WHEN {entry}.block = {literal(to)} THEN {linked}.linked_id ELSE {value} END"
        return value, joins

    if field.spec.refs is not None:
        value, joins = through("entry")
        join = f"""LEFT JOIN (
            SELECT link.external_id, list(DISTINCT {value} ORDER BY {value}) FILTER (({value}) IS NOT NULL) AS ids,
                   bool_or(entry.external_id IS NULL) AS missing
            FROM (SELECT external_id, unnest({quote(field.name)}) AS wanted FROM {table}) AS link
            LEFT JOIN {entries} AS entry ON entry.external_id = link.wanted{joins} GROUP BY link.external_id
        ) AS {alias} ON {alias}.external_id = staged.external_id"""
        return f"coalesce({alias}.ids, [])", join, f"coalesce({alias}.missing, FALSE)"
    value, joins = through(alias)
    join = f"LEFT JOIN {entries} AS {alias} ON {alias}.external_id = {staged}{joins}"
    if field.schema.type in _MANY:
        value = f"CASE WHEN ({value}) IS NULL THEN [] ELSE [{value}] END"
    return value, join, f"{staged} IS NOT NULL AND {alias}.external_id IS NULL"


def _typed(field: ResolvedField, staged: str) -> str:
    kind = field.schema.type
    if kind == "boolean":
        return f"coalesce({staged}::BOOLEAN, FALSE)"
    if kind == "integer":
        return f"{staged}::BIGINT"
    if kind in _NUMBER:
        return f"{staged}::DOUBLE"
    if kind == "date":
        return f"strftime({staged}::DATE, '%Y-%m-%d')"
    if kind in _MANY:
        return "[]::BIGINT[]"
    if kind == "datetime":
        return f"strftime({staged}::TIMESTAMP, '%Y-%m-%d %H:%M:%S')"
    return f"nullif({staged}::VARCHAR, '')"


def load_cell(field: ResolvedField, column: str) -> str:
    """SQL that writes a resolved value as a cell of ``load``: text, ``''`` for empty.

    A file's cell is its SHA-1 and path; the sender puts the content in its place.
    """
    kind = field.schema.type
    if field.spec.file is not None:
        return f"coalesce({column} || ' ' || {quote(path_column(field.name))}, '')"
    if kind == "boolean":
        return f"CASE WHEN {column} THEN 'True' ELSE 'False' END"
    if kind in _MANY:
        return f"array_to_string({column}, ',')"
    return f"coalesce({column}::VARCHAR, '')"
