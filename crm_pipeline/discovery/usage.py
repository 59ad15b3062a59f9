"""Which columns of an export the mapping carries over, directly or through what is derived of them."""

from __future__ import annotations

from collections.abc import Iterator

from crm_pipeline.discovery.expressions import ExpressionReader, expressions_of, placeholders, strings
from crm_pipeline.specs import Mapping, SourceBlock
from crm_pipeline.specs.target import TargetSpec

#: Fields by which Odoo keeps several kinds of things in one model (17.0, 18.0, 19.0).
KIND_FIELDS = {"crm.lead": "type", "account.move": "move_type", "res.partner": "is_company"}
_STATED_CURRENCY = "__currency"


class ColumnUsage:
    """Columns of source objects that reach a record, by what the specs say.

    A column counts as carried over when a confirmed field, an external id, a condition that chooses rows or a derived table
    takes it, whether by itself or through ``derive``, ``details``, ``files`` or ``texts``. Checks, warnings and the decision
    between two versions of a row read a column without carrying it over.

    Attributes:
        used: source object → its columns that are carried over.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping, self._reader = mapping, ExpressionReader()
        self.used: dict[str, set[str]] = {name: set() for name in mapping.source.objects}
        for target in mapping.targets:
            for block in target.sources:
                self._take_block(block)
        self._take_derived()
        self._take_objects()

    def unused(self, name: str) -> list[str]:
        """Columns of an object's contract that no record gets anything of, in their order."""
        spec = self._mapping.source.objects[name]
        return [column for column in spec.columns if column not in self.used[name] and column != spec.key]

    def fields_from(self, block: SourceBlock, column: str) -> list[str]:
        """Fields of a block whose value depends on a column of its own object, those that are the column itself first."""
        own = block.object if block.object in self._mapping.source.objects else None
        if own is None:
            return []
        direct, further = [], []
        for name, spec in block.fields.items():
            if spec.status != "confirmed" or spec.staged_only:
                continue
            if column in (spec.from_, spec.map.column if spec.map else None):
                direct.append(name)
            elif column in {base for e in expressions_of(spec) for base in self._bases(block, own, e)}:
                further.append(name)
        return direct + further

    def _bases(self, block: SourceBlock, own: str, expression: str) -> set[str]:
        """Columns of the block's own object that an expression is computed from, also through joined rows' conditions."""
        found: set[str] = set()
        joins = {join.as_: join for join in block.join}
        for alias, column in self._named(block, expression):
            if alias == "src":
                found |= self._closure(own, {column})
            elif alias in joins:
                found |= {base for on in joins[alias].on.values() for base in self._bases(_without(block, alias), own, on)}
        return found

    def _named(self, block: SourceBlock, expression: str) -> Iterator[tuple[str, str]]:
        for names in self._reader.references(expression):
            alias, column = ("src", names[0]) if len(names) == 1 else (names[0], names[1])
            yield alias, block.each.get(column, column)

    def _take_block(self, block: SourceBlock) -> None:
        tables = {"src": block.object} | {join.as_: join.table for join in block.join}
        for expression in _expressions(block):
            for alias, column in self._named(block, expression):
                self._take(tables.get(alias), column)

    def _take(self, table: str | None, column: str) -> None:
        if table in self.used:
            self.used[str(table)].add(column)

    def _take_derived(self) -> None:
        objects = self._mapping.source.objects
        for spec in self._mapping.source.derived.values():
            texts = set(strings(spec.options))
            named = {part for text in texts for names in self._reader.references(text) for part in names[-1:]} | texts
            for name in texts & set(objects):
                self.used[name] |= named & {*objects[name].columns, *objects[name].derive}

    def _take_objects(self) -> None:
        """What comes by other ways than a field: files, texts, lists, inventories; then what all that is made of."""
        source = self._mapping.source
        for name, spec in source.objects.items():
            for reference in spec.references:
                if reference.column in self.used[name]:
                    self.used[name].update({reference.by} if reference.by else ())
            if spec.files is not None:
                self.used[name].update(spec.files.columns.values())
            if spec.texts is not None:
                self.used[name].add(spec.texts.path)
            if spec.listed_in is not None:
                self.used[spec.listed_in.object].add(spec.listed_in.column)
            for detail in spec.details:
                taken = [sql for column, sql in detail.columns.items() if column in self._closure(name, self.used[name])]
                for sql in taken:
                    self.used[detail.object].update(names[-1] for names in self._reader.references(sql))
        custom = source.custom_fields
        if custom is not None:
            roles = (custom.object, custom.label, custom.heading, custom.type, custom.options, custom.help)
            self.used[custom.inventory].update(column for column in roles if column)
        for name in source.objects:
            self.used[name] = self._closure(name, self.used[name])

    def headings(self, name: str, column: str) -> str:
        """What people call a column; one that is derived by those it is made of."""
        columns = self._mapping.source.objects[name].columns
        bases = [columns[base].heading for base in columns if base in self._closure(name, {column})]
        return " and ".join(bases) or column.replace("_", " ")

    def _closure(self, name: str, columns: set[str]) -> set[str]:
        """The columns with those they are derived from."""
        spec = self._mapping.source.objects[name]
        found: set[str] = set()
        waiting = set(columns)
        while waiting:
            column = waiting.pop().removesuffix(_STATED_CURRENCY)
            if column in found:
                continue
            found.add(column)
            if column in spec.derive:
                waiting.update(names[-1] for names in self._reader.references(spec.derive[column]))
        return found


def _expressions(block: SourceBlock) -> Iterator[str]:
    """All expressions of a block that choose rows or make values."""
    for spec in block.fields.values():
        if spec.status == "confirmed":
            yield from expressions_of(spec)
    yield from placeholders(block.external_id)
    yield from block.one_per
    yield from block.each.values()
    for join in block.join:
        yield from join.on.values()
        yield from (f'{join.as_}."{column}"' for column in join.on)
    for diversion in block.divert:
        yield diversion.where
    yield from (each for each in (block.where, block.create_when) if each)


def _without(block: SourceBlock, alias: str) -> SourceBlock:
    return block.model_copy(update={"join": tuple(join for join in block.join if join.as_ != alias)})


def blocks_of(mapping: Mapping, name: str) -> list[tuple[TargetSpec, SourceBlock]]:
    """Blocks whose rows are those of a source object, the ones that account for them first."""
    found = [(t, b) for t in mapping.targets for b in t.sources if name in (b.object, b.accounts_for)]
    return sorted(found, key=lambda each: each[1].accounts_for != name)
