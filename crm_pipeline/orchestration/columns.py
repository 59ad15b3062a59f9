"""Column schemas and column lineage of every asset, derived from the mapping specs.

The open-source UI does not draw column lineage, so each column's description says where it comes from as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from crm_pipeline.discovery.expressions import ExpressionReader, expressions_of, placeholders, strings
from crm_pipeline.migration.catalogue import Catalogue
from crm_pipeline.odoo.schemas import bundled_versions, load_attributes
from crm_pipeline.reports.provenance import TYPE_WORDS, column_text, handling_text, origin_text
from crm_pipeline.specs import FieldSpec, Mapping, SourceBlock, TargetSpec
from crm_pipeline.specs.custom_fields import DEFINITIONS, OPTIONS

Deps = dict[str, list[dg.TableColumnDep]]


class ColumnCatalogue:
    """Columns of one source's assets, before anything has run."""

    def __init__(self, mapping: Mapping, catalogue: Catalogue) -> None:
        self.mapping, self.catalogue = mapping, catalogue
        self._reader = ExpressionReader()
        self._odoo = load_attributes(bundled_versions()[-1])

    # -- schemas -----------------------------------------------------------------------------------------------------

    def source_columns(self, name: str) -> list[dg.TableColumn]:
        """Columns of a typed source object: those of the files, then those the contract derives from them."""
        spec = self.mapping.source.objects[name]
        return [
            dg.TableColumn(
                column, TYPE_WORDS[each.type], column_text(each),
                constraints=dg.TableColumnConstraints(nullable=not each.required, unique=column == spec.key),
            )
            for column, each in spec.columns.items()
        ] + [dg.TableColumn(column, "derived", text) for column, text in spec.further_columns.items()]  # fmt: skip

    def staged_columns(self, target: TargetSpec) -> list[dg.TableColumn]:
        """Columns of a target-shaped table: the external id and every mapped field, with where it comes from."""
        unique = dg.TableColumnConstraints(nullable=False, unique=True)
        patterns = ", ".join(f"{block.name}: {block.external_id}" for block in target.sources)
        first = dg.TableColumn("external_id", "external id", f"identity in Odoo; {patterns}", constraints=unique)
        origins = _origins(target)
        return [first, *(dg.TableColumn(name, self._type(target, name), text) for name, text in origins.items())]

    def loaded_columns(self, target: TargetSpec) -> list[dg.TableColumn]:
        """Fields of a loaded model."""
        kept = [c for c in self.staged_columns(target) if c.name in {"external_id", *_sent(target)}]
        return [dg.TableColumn("id", "Odoo id", "database id that Odoo gave, kept in the ledger"), *kept]

    def _type(self, target: TargetSpec, name: str) -> str:
        """A field's type as the newest bundled Odoo has it; fields the mapping adds are custom ones."""
        if target.field_specs[name].staged_only:
            return "not sent"
        found = self._odoo.get(target.model, {}).get(name)
        if found is None:
            return "custom field" if name.startswith("x_") else "field"
        return f"{found['type']} {found['relation']}" if found.get("relation") else str(found["type"])

    # -- lineage -----------------------------------------------------------------------------------------------------

    def derived_lineage(self, name: str, columns: list[str]) -> dg.TableColumnLineage:
        """Columns of a derived table that carry a column of the object it is made from."""
        inputs = self.inputs_of(name)
        deps: Deps = {}
        for column in columns:
            origin = column.removesuffix("__from")
            found = [(asset, origin) for asset, known in inputs.items() if origin in known]
            if found:
                deps[column] = [dg.TableColumnDep(asset_key=dg.AssetKey(a.split("/")), column_name=c) for a, c in found]
        return dg.TableColumnLineage(deps)

    def staged_lineage(self, target: TargetSpec) -> dg.TableColumnLineage:
        """Each mapped field's columns in the tables it is computed from."""
        deps: Deps = {}
        for block in target.sources:
            tables = self._tables(block)
            expressions = {name: list(expressions_of(spec)) for name, spec in block.fields.items() if _is_staged(spec)}
            for name, found in {"external_id": placeholders(block.external_id), **expressions}.items():
                for expression in found:
                    for dep in self._columns_in(expression, tables, block):
                        if dep not in deps.setdefault(name, []):
                            deps[name].append(dep)
        return dg.TableColumnLineage({name: found for name, found in deps.items() if found})

    def loaded_lineage(self, env: str, target: TargetSpec) -> dg.TableColumnLineage:
        """Each field's staged column, and the loaded model a link leads to."""
        staged = dg.AssetKey(self.catalogue.staged_asset(target).split("/"))
        deps: Deps = {
            name: [dg.TableColumnDep(asset_key=staged, column_name=name)] for name in ("external_id", *_sent(target))
        }
        for block in target.sources:
            for name in set(block.fields) & set(deps):
                for link in block.fields[name].links:
                    other = self.mapping.blocks[link.to][0]
                    key = dg.AssetKey(self.catalogue.loaded_asset(env, other).split("/"))
                    dep = dg.TableColumnDep(asset_key=key, column_name=link.via or "id")
                    if other.model != target.model and dep not in deps[name]:
                        deps[name].append(dep)
        return dg.TableColumnLineage(deps)

    def inputs_of(self, derived: str) -> dict[str, set[str]]:
        """Assets a derived table is made from, with the columns known of each."""
        source = self.mapping.source
        named = set(strings(source.derived[derived].options))
        if source.custom_fields is not None and named & {DEFINITIONS, OPTIONS}:
            named.add(source.custom_fields.inventory)
        inputs = {
            self.catalogue.source_asset(name): {*spec.columns, *spec.further_columns}
            for name, spec in source.objects.items() if name in named
        }  # fmt: skip
        others = [name for name in source.derived if name in named and name != derived]
        return inputs | {self.derived_asset(name): set() for name in others}

    def derived_asset(self, name: str) -> str:
        """Key of a derived table (its members table goes with it)."""
        return f"{self.mapping.name}/derived_{name}"

    def table_asset(self, table: str) -> str:
        """Key of the asset that a table named in a spec belongs to."""
        if table in self.mapping.source.objects:
            return self.catalogue.source_asset(table)
        return self.derived_asset(table if table in self.mapping.source.derived else table.removesuffix("_members"))

    def _tables(self, block: SourceBlock) -> dict[str, str]:
        """The block's table aliases and the assets behind them; custom fields have columns no asset shows."""
        is_shown = block.object is not None and block.object not in {DEFINITIONS, OPTIONS}
        own = {"src": self.table_asset(str(block.object))} if is_shown else {}
        return own | {join.as_: self.table_asset(join.table) for join in block.join}

    def _columns_in(self, expression: str, tables: dict[str, str], block: SourceBlock) -> Iterator[dg.TableColumnDep]:
        for names in self._reader.references(expression):
            alias, column = ("src", names[0]) if len(names) == 1 else (names[0], names[1])
            column = block.each.get(column, column)
            if alias in tables:
                yield dg.TableColumnDep(asset_key=dg.AssetKey(tables[alias].split("/")), column_name=column)


def _is_staged(spec: FieldSpec) -> bool:
    return spec.status == "confirmed"


def _sent(target: TargetSpec) -> list[str]:
    return [name for name, spec in target.field_specs.items() if not spec.staged_only]


def _origins(target: TargetSpec) -> dict[str, str]:
    """What is said of each staged field; blocks that say the same are named together."""
    texts: dict[str, dict[str, list[str]]] = {}
    for block in target.sources:
        for name, spec in block.fields.items():
            if _is_staged(spec):
                text = "; ".join(part for part in (origin_text(spec), handling_text(spec)) if part)
                texts.setdefault(name, {}).setdefault(text, []).append(block.name)
    several = len(target.sources) > 1
    return {
        name: " | ".join(f"{', '.join(blocks)}: {text}" if several else text for text, blocks in said.items())
        for name, said in texts.items()
    }
