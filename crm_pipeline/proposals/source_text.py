"""The proposed contract of an export: its source.yaml."""

from __future__ import annotations

from collections.abc import Collection

from crm_pipeline.proposals.column_types import column_type
from crm_pipeline.proposals.drafting import flow
from crm_pipeline.proposals.export import Export
from crm_pipeline.specs import ObjectSpec, SourceSpec

#: Keys of a workbook are numbers when so many of their values are.
_NUMBERS = 0.8


def source_text(export: Export, draft: SourceSpec, used: Collection[str], conventions: Collection[str]) -> str:
    """The YAML of the source spec.

    Args:
        export: what the drafts asked for.
        draft: the first contract, with files and headings.
        used: tables that blocks account for; the others are documented.
        conventions: what was assumed of the account, as sentences.
    """
    lines = [
        "# Proposed by crm-pipeline propose. Check what it says about the account:",
        *(f"#   {sentence}" for sentence in conventions),
        f"source: {export.name}",
        f"label: {flow(draft.label)}",
        f"time_zone: {flow(draft.time_zone)}",
        f"date_order: {draft.date_order}",
        f"fallback_encoding: {draft.fallback_encoding}",
        f"account_currency: {draft.account_currency}",
        f"currency_symbols: {flow(dict(draft.currency_symbols))}",
        "objects:",
    ]
    for name, spec in draft.objects.items():
        if name in export.keys:
            lines += _object(export, name, spec, documented=name not in used)
    if export.derived:
        lines.append("derived:")
        lines += [f"  {name}: {flow(spec)}" for name, spec in export.derived.items()]
    return "\n".join(lines) + "\n"


def _object(export: Export, name: str, spec: ObjectSpec, *, documented: bool) -> list[str]:
    table, key = export.tables[name], export.keys[name]
    lines = [f"  {name}:", f"    label: {flow(spec.label)}", f"    file: {flow(spec.file)}"]
    lines += [f"    sheet: {flow(spec.sheet)}"] if spec.sheet is not None else []
    lines += ["    scope: documented   # nothing is proposed for its rows"] if documented else []
    lines += [f"    key: {key}", "    columns:"]
    for column in table.columns:
        kind = "key" if column.name == key else export.types.get((name, column.name)) or column_type(column)
        says: dict[str, object] = {"heading": column.heading, "type": kind} | ({"required": True} if column.name == key else {})
        if kind == "key" and spec.sheet is not None and column.profile.share("dec") >= _NUMBERS:
            says["as_number"] = True  # a spreadsheet writes one number as '1001', '001001' and '1001.0'
        lines.append(f"      {column.name}: {flow(says)}")
    derive = export.derive.get(name, {})
    if derive:
        lines += ["    derive:", *(f"      {made}: {flow(sql)}" for made, sql in derive.items())]
    references = export.references.get(name, {})
    if references:
        lines.append("    references:")
        for referring, to in references.items():
            said = {"column": referring, "to": to} if isinstance(to, str) else {"column": referring, "by": to[0], "to": to[1]}
            lines.append(f"      - {flow(said)}")
    return lines
