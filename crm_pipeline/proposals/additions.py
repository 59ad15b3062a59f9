"""What a mapping in force lacks: columns of the export that nothing is made of, proposed as lines to add.

Files of the mapping are copied with the lines inserted, beside a diff; the mapping itself is never changed.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path

import yaml

from crm_pipeline.exports.headings import normalise_heading
from crm_pipeline.exports.names import fold_title, match_files
from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.proposals.column_types import column_type
from crm_pipeline.proposals.drafting import BlockDraft, FieldDraft, TargetDraft, flow
from crm_pipeline.proposals.export import Export
from crm_pipeline.proposals.proposal import Proposal, Understood
from crm_pipeline.proposals.table import ColumnReading, TableReading
from crm_pipeline.proposals.vocabulary import KEY, NO_FIELD, value_words
from crm_pipeline.specs import Mapping, ObjectSpec, SourceBlock
from crm_pipeline.specs.loader import SOURCE_FILE
from crm_pipeline.specs.source import SpecModel

DIFF_FILE = "proposal.diff"
#: Below this a field of its own is the better guess.
_LIKELY = 0.5
_PLAIN = {"char", "float", "integer", "date", "datetime", "boolean", "monetary"}


@dataclass(frozen=True)
class Additions:
    """Lines to add to a mapping.

    Attributes:
        proposal: the fields they are about; ``files`` are the mapping's files with the lines in them.
        before: the same files as they are.
    """

    proposal: Proposal
    before: MappingType[str, str]


def propose_additions(folder: Path, mapping: Mapping, understood: Understood, schema: MappingType[str, MappingType[str, FieldSchema]]) -> Additions:
    """What the mapping in ``folder`` lacks of an export.

    Args:
        folder: ``mapping_specs/<source>``.
        mapping: as loaded from it.
        understood: the export, as if nothing were known of it.
        schema: the destination's fields.
    """
    export = Export(mapping.name, mapping.source.label, understood.tables, understood.keys, understood.links, schema, value_words())
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.yaml"))}
    before, problems = dict(files), []
    targets: dict[str, dict[str, BlockDraft]] = {}
    for name, table in understood.tables.items():
        known = _object_of(mapping, understood.draft.objects[name])
        if known is None:
            problems.append(f"{table.label}: no object of the mapping is this table" + (f"; it looks like a table of the kind {table.kind}" if table.kind else ""))
            continue
        block = _block_of(mapping, known)
        for column in _lacking(mapping, known, table):
            if block is None:
                problems.append(f"{table.label}: {column.heading} is kept as text; nothing is loaded from this table")
                continue
            target, own = block
            field, draft = _drafted(export, schema, target, own, column)
            drafts = targets.setdefault(target, {}).setdefault(own.name, BlockDraft(own.name, name, {}))
            drafts.fields[field] = draft
            _insert_column(files, mapping, known, column)
            _insert_field(files, folder, target, own.name, field, draft)
    _insert_custom(files, export)
    drafted = tuple(TargetDraft(model, {}, list(blocks.values())) for model, blocks in targets.items())
    changed = {name: text for name, text in files.items() if text != before.get(name)}
    return Additions(Proposal(mapping.name, understood, changed, drafted, tuple(dict.fromkeys(problems))), before)


def write_additions(folder: Path, additions: Additions) -> Path:
    """Write the changed files and their diff; returns the diff's path."""
    folder.mkdir(parents=True, exist_ok=True)
    diff: list[str] = []
    for name, text in additions.proposal.files.items():
        (folder / name).write_text(text, encoding="utf-8")
        old = additions.before.get(name, "")
        diff += difflib.unified_diff(old.splitlines(keepends=True), text.splitlines(keepends=True), f"a/{name}", f"b/{name}")
    path = folder / DIFF_FILE
    path.write_text("".join(diff), encoding="utf-8")
    return path


def _object_of(mapping: Mapping, draft: ObjectSpec) -> str | None:
    """The mapping's object that a table of the export is."""
    suffix = ".csv" if draft.sheet is None else ".xlsx"
    found = match_files(mapping.source, f"{draft.file}{suffix}")
    for name in found[0] if found else ():
        spec = mapping.source.objects[name]
        titles = {fold_title(title) for title in (spec.sheet or "", *spec.sheet_aliases)}
        if draft.sheet is None or len(found[0] if found else ()) == 1 or fold_title(draft.sheet) in titles:
            return name
    manifest = mapping.source.manifest
    return "" if manifest is not None and fold_title(manifest.file) == fold_title(draft.file) else None


def _block_of(mapping: Mapping, name: str) -> tuple[str, SourceBlock] | None:
    """(model, block) that gives an object's rows their fate, where the block's rows are the object's own."""
    for target in mapping.targets:
        for block in target.sources:
            if block.accounts_for == name and block.object == name:
                return target.model, block
    return None


def _lacking(mapping: Mapping, name: str, table: TableReading) -> Iterator[ColumnReading]:
    """Columns that the object does not have, or that nothing uses; custom fields of an inventory are no columns."""
    spec = mapping.source.objects.get(name)
    if spec is None or spec.scope == "documented":
        return
    headings = {normalise_heading(h): column for column, c in spec.columns.items() for h in (c.heading, *c.aliases)}
    said = " ".join(_said(mapping, name))
    for column in table.columns:
        known = headings.get(normalise_heading(column.heading))
        custom = spec.custom_prefix is not None and column.heading.casefold().startswith(spec.custom_prefix.casefold())
        inventory = mapping.source.custom_fields is not None and known is None and name in mapping.source.custom_fields.objects.values()
        if known is None and (custom or (inventory and spec.custom_prefix is None)):
            continue
        if known is not None and re.search(rf"\b{re.escape(known)}\b", said):
            continue
        if not column.profile.is_empty and column.best.says != KEY:
            yield column


def _said(mapping: Mapping, name: str) -> Iterator[str]:
    """All that the specs say, in which a used column's name stands."""
    spec = mapping.source.objects[name]
    yield spec.model_dump_json(exclude={"columns"})
    for derived in mapping.source.derived.values():
        yield json.dumps(derived.model_dump(mode="json"))
    for target in mapping.targets:
        yield from (_dumped(block) for block in target.sources)


def _dumped(spec: SpecModel) -> str:
    return spec.model_dump_json(by_alias=True)


def _drafted(
    export: Export, schema: MappingType[str, MappingType[str, FieldSchema]], model: str, block: SourceBlock, column: ColumnReading
) -> tuple[str, FieldDraft]:
    """A field for a column: what it says where that is free and takes the value as it is, else a field of its own."""
    for candidate in column.candidates[:3]:
        there = schema.get(model, {}).get(candidate.says)
        plain = there is not None and there.type in _PLAIN and candidate.says not in block.fields
        if candidate.says not in {NO_FIELD, KEY} and plain and candidate.confidence > _LIKELY:
            others = tuple(c for c in column.candidates if c is not candidate)[:2]
            return candidate.says, FieldDraft({"from": column.name}, candidate.confidence, candidate.reasons, (column,), others)
    name = export.custom_field(model, column, column_type(column))
    sure = column.best.confidence if column.best.says == NO_FIELD else 0.5
    why = "the mapping has no use for it yet; kept in a field of its own"
    return name, FieldDraft({"from": column.name}, sure, (why, *column.best.reasons), (column,), column.candidates[:2])


def _insert_column(files: dict[str, str], mapping: Mapping, name: str, column: ColumnReading) -> None:
    if any(normalise_heading(c.heading) == normalise_heading(column.heading) for c in mapping.source.objects[name].columns.values()):
        return
    line = f"{column.name}: {flow({'heading': column.heading, 'type': column_type(column)})}"
    files[SOURCE_FILE] = _with_line(files[SOURCE_FILE], ("objects", name, "columns"), line)


def _insert_field(files: dict[str, str], folder: Path, model: str, block: str, field: str, draft: FieldDraft) -> None:
    for name in (n for n in files if n != SOURCE_FILE):
        root = yaml.compose(files[name], Loader=yaml.SafeLoader)
        if _word(_get(root, "model")) == model:
            files[name] = _with_line(files[name], ("sources", block, "fields"), f"{field}: {draft.text}")
            return
    raise KeyError(f"{folder}: no file maps {model}")


def _insert_custom(files: dict[str, str], export: Export) -> None:
    """Rows for new custom fields, into the mapping's block of rows, else as a spec of their own."""
    if not export.custom:
        return
    rows = [{"model": model, "name": name, "label": label, "ttype": ttype} for (model, name), (label, ttype) in export.custom.items()]
    for name, text in files.items():
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if _word(_get(root, "model")) != "ir.model.fields":
            continue
        for block in getattr(_get(root, "sources"), "value", []):
            listed = _get(block, "rows")
            if isinstance(listed, yaml.SequenceNode) and listed.value and not listed.flow_style:
                column = listed.start_mark.column
                line = listed.value[-1].end_mark.line
                lines = text.splitlines(keepends=True)
                lines[line + 1 : line + 1] = [f"{' ' * column}- {flow(row)}\n" for row in rows]
                files[name] = "".join(lines)
                return


def _with_line(text: str, path: tuple[str, ...], line: str) -> str:
    """The text with a line at the end of a block mapping, in its indentation."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in path:
        node = next(b for b in node.value if _word(_get(b, "name")) == key) if isinstance(node, yaml.SequenceNode) else _get(node, key)
    if not isinstance(node, yaml.MappingNode):
        raise KeyError(".".join(path))
    if node.flow_style:
        at = node.end_mark.index - 1
        return f"{text[:at]}, {line}{text[at:]}"
    last = node.value[-1][1].end_mark
    at_line = last.line if last.column else last.line - 1
    lines = text.splitlines(keepends=True)
    while at_line > 0 and not lines[at_line].strip():
        at_line -= 1
    lines.insert(at_line + 1, f"{' ' * node.value[0][0].start_mark.column}{line}\n")
    return "".join(lines)


def _word(node: yaml.Node | None) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    return None


