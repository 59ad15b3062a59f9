"""Whether every staged value fits its field: readable as the field's type, short enough, one of a selection's values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crm_pipeline.odoo.preflight.findings import Finding, Verdict, counted
from crm_pipeline.odoo.preflight.subject import Subject
from crm_pipeline.odoo.resolved import FieldMissingError, ResolvedField, resolve_fields
from crm_pipeline.specs import FieldSpec, SourceBlock, TargetSpec
from crm_pipeline.staging.store import literal, quote

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
_NUMBERS = {*_INTEGERS, "FLOAT", "DOUBLE", "DECIMAL"}
_MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
#: Odoo's type → staged types that hold it; text is read as the type, value by value.
_HOLDS = {
    "integer": _NUMBERS, "float": _NUMBERS, "monetary": _NUMBERS, "boolean": {"BOOLEAN"}, "date": _MOMENTS, "datetime": _MOMENTS,
}  # fmt: skip
_READ_AS = {
    "integer": "BIGINT", "float": "DOUBLE", "monetary": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP",
}  # fmt: skip
_TEXTS = {"char", "text", "html", "selection"}
_RECORDS = {"many2one", "many2many", "one2many"}
_HIGHEST = 2**31 - 1
#: Values of a selection that are named in one finding.
_SHOWN = 5


@dataclass(frozen=True)
class _Probe:
    """A condition that no staged value of a field may meet."""

    where: str
    column: str
    condition: str
    problem: str
    what_to_do: str


def values_fit(subject: Subject) -> Verdict:
    """Every staged value can be read as its field's type and is not cut off."""
    findings: list[Finding] = []
    count = 0
    for target, block, fields in _mapped(subject):
        columns = subject.store.columns(f"staged.{target.table}")
        probes = [probe for field in fields if field.name in columns for probe in _probes(target, field, columns[field.name])]
        count += len(fields)
        findings += _ask(subject, target, block, probes)
    return Verdict(tuple(findings), f"the values of {count} mapped fields fit")


def values_allowed(subject: Subject) -> Verdict:
    """Every staged value of a selection is one that Odoo offers."""
    findings: list[Finding] = []
    count = 0
    for target, block, fields in _mapped(subject):
        for field in fields:
            if field.schema.type == "selection" and field.schema.selection:
                count += 1
                findings += _foreign_values(subject, target, block, field)
    return Verdict(tuple(findings), f"the values of {count} selections exist")


def mapping_values_allowed(subject: Subject) -> Verdict:
    """What the mapping could give a selection, beyond what this export needs, is one that Odoo offers."""
    findings = [
        Finding(
            f"{target.model}.{field.schema.name}", f"the mapping can give '{value}', which Odoo doesn't offer ({_few(field.schema.selection)})",
            "correct it in the mapping; no row of this export has it",
        )
        for target, _block, fields in _mapped(subject, staged=False)
        for field in fields if field.schema.type == "selection" and field.schema.selection
        for value in _stated(field.spec) if value not in field.schema.selection
    ]  # fmt: skip
    return Verdict(tuple(dict.fromkeys(findings)), "every value the mapping names exists")


def _mapped(subject: Subject, *, staged: bool = True) -> Iterator[tuple[TargetSpec, SourceBlock, list[ResolvedField]]]:
    """Blocks with the fields whose values go into Odoo or are compared with it."""
    for target in subject.present:
        if staged and not subject.staged(target):
            continue
        for block in target.sources:
            try:
                fields = resolve_fields(target, block, subject.schema(target))
            except FieldMissingError:
                continue  # said by another rule
            yield target, block, [f for f in fields if not f.spec.awaited and f.spec.compare != "never"]


def _probes(target: TargetSpec, field: ResolvedField, staged: str) -> Iterator[_Probe]:
    kind, column, spec = field.schema.type, quote(field.name), field.spec
    where, base = f"{target.model}.{field.schema.name}", staged.partition("(")[0]
    if spec.is_resolved:
        return
    if kind in _RECORDS:
        advice = "map it with ref, refs or lookup"
        yield _Probe(where, column, f"{column} IS NOT NULL", f"links to {field.schema.relation}, but a plain value is mapped", advice)
    elif kind in _HOLDS:
        yield from _typed_probes(where, column, kind, base)
    elif kind in _TEXTS:
        if base == "BOOLEAN" or staged.endswith("[]"):
            what = "yes/no" if base == "BOOLEAN" else "a list"
            yield _Probe(where, column, f"{column} IS NOT NULL", f"is text in Odoo, but {what} is mapped", "map it with an expression that gives text")
        elif field.schema.size and not spec.computed:
            size = field.schema.size
            problem = f"Odoo cuts it off after {size} characters"
            yield _Probe(where, column, f"len({column}::VARCHAR) > {size}", problem, f"shorten it in the source or with left(…, {size})")


def _typed_probes(where: str, column: str, kind: str, base: str) -> Iterator[_Probe]:
    """Probes of numbers, checkboxes, dates and moments."""
    text = f"{column}::VARCHAR"
    if base == "VARCHAR":
        condition = f"nullif({text}, '') IS NOT NULL AND try_cast({text} AS {_READ_AS[kind]}) IS NULL"
        yield _Probe(where, column, condition, f"can't be read as {kind}", "map it through a transform or an expression that gives this type")
    elif base not in _HOLDS[kind]:
        what = base.lower()
        yield _Probe(where, column, f"{column} IS NOT NULL", f"has type {kind} in Odoo, but a {what} is mapped", "map a column of a fitting type")
        return
    if kind == "integer":
        value = f"try_cast({text} AS DOUBLE)"
        beyond = f"is beyond the whole numbers of Odoo ({_HIGHEST:,})"
        yield _Probe(where, column, f"abs({value}) > {_HIGHEST}", beyond, "map a field of type char or float")
        yield _Probe(where, column, f"{value} <> round({value})", "is a whole number in Odoo, and decimals would be lost", "map a field of type float")


def _ask(subject: Subject, target: TargetSpec, block: SourceBlock, probes: list[_Probe]) -> Iterator[Finding]:
    """One query for all probes of a block, and one more for an example of each that found something."""
    if not probes:
        return
    table, here = quote(f"staged.{target.table}"), f"_block = {literal(block.name)}"
    counts = subject.store.rows(
        f"SELECT {', '.join(f'count(*) FILTER ({probe.condition})' for probe in probes)} FROM {table} WHERE {here}"
    )[0]
    for probe, count in zip(probes, counts, strict=True):
        if count:
            example, name = subject.store.rows(
                f"SELECT {probe.column}::VARCHAR, external_id FROM {table} WHERE {here} AND {probe.condition} ORDER BY external_id LIMIT 1"
            )[0]
            shown = example if len(example) <= 60 else f"{example[:59]}…"
            yield Finding(probe.where, f"{probe.problem}: {counted(count, 'value')}, for example '{shown}' of {name}", probe.what_to_do, count)


def _foreign_values(subject: Subject, target: TargetSpec, block: SourceBlock, field: ResolvedField) -> Iterator[Finding]:
    known = ", ".join(literal(value) for value in field.schema.selection)
    column = quote(field.name)
    found = subject.store.rows(
        f"""SELECT {column}::VARCHAR, count(*) FROM {quote(f"staged.{target.table}")}
            WHERE _block = ? AND nullif({column}::VARCHAR, '') IS NOT NULL AND {column}::VARCHAR NOT IN ({known})
            GROUP BY 1 ORDER BY 2 DESC, 1""",
        [block.name],
    )
    if found:
        named = ", ".join(f"'{value}' ({count})" for value, count in found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "")
        custom = field.schema.name.startswith("x_")
        yield Finding(
            f"{target.model}.{field.schema.name}", f"has no option for {named}; Odoo offers {_few(field.schema.selection)}",
            "add the options to the field in Odoo, or map the values to those it has" if custom
            else "map the values to those Odoo has ('map' in the mapping)",
            sum(count for _, count in found),
        )  # fmt: skip


def _stated(spec: FieldSpec) -> list[str]:
    """Values that stand in the mapping itself."""
    given = [spec.const, spec.default, *((*spec.map.values.values(), spec.map.otherwise) if spec.map is not None else ())]
    return list(dict.fromkeys(str(value) for value in given if value is not None))


def _few(values: tuple[str, ...]) -> str:
    return ", ".join(values[:12]) + (" …" if len(values) > 12 else "")
