"""Where a field comes from, in words: for reports, for Dagster's column descriptions, for whoever signs the mapping."""

from __future__ import annotations

from crm_pipeline.specs import ColumnSpec, FieldSpec, SourceBlock
from crm_pipeline.specs.target import Reference

#: Column types of the contract, as people say them.
TYPE_WORDS = {
    "key": "key", "str": "text", "text": "long text", "html": "rich text", "email": "e-mail", "url": "web address",
    "money": "amount", "dec": "number", "int": "whole number", "pct": "percentage", "bool": "yes/no", "date": "date",
    "dt": "date and time", "enum": "one of a list",
}  # fmt: skip


def column_text(spec: ColumnSpec) -> str:
    """What a column of the export is: its heading, what it may hold, and its note."""
    parts = [f"column '{spec.heading}' of the export, {TYPE_WORDS[spec.type]}"]
    if spec.values:
        parts[0] += f" ({', '.join(spec.values)})"
    if spec.required:
        parts.append("required")
    if spec.note:
        parts.append(spec.note)
    return "; ".join(parts)


def origin_text(spec: FieldSpec) -> str:
    """Where one field's value comes from, as a phrase."""
    if spec.status == "ignored":
        return "not migrated"
    text = _value_text(spec)
    if spec.default is not None:
        text += f"; {_plain(spec.default)} where blank"
    return text


def _value_text(spec: FieldSpec) -> str:
    return _column_value(spec) or _link_value(spec) or _given_value(spec)


def _column_value(spec: FieldSpec) -> str | None:
    if spec.from_ is not None:
        return f"column {spec.from_}" + (f", through {spec.as_}" if spec.as_ else "")
    if spec.file is not None:
        return f"content of the file named in {spec.file.path}"
    if spec.map is not None:
        pairs = ", ".join(f"{source} → {_plain(target)}" for source, target in spec.map.values.items())
        otherwise = f"{'; anything else' if pairs else 'always'} {_plain(spec.map.otherwise)}"
        return f"column {spec.map.column}, translated: {pairs}{otherwise}" if pairs else otherwise
    return f"expression {_squeeze(spec.sql)}" if spec.sql is not None else None


def _link_value(spec: FieldSpec) -> str | None:
    if spec.refs is not None:
        return "links to " + " and to ".join(_link_text(link) for link in spec.links)
    if spec.ref is not None:
        return "link to " + ", else to ".join(_link_text(link) for link in spec.links)
    if spec.lookup is not None and spec.lookup.key is not None:
        return f"looked up in Odoo ({spec.lookup.reference}) by {_squeeze(spec.lookup.key)}"
    if spec.named_for_model is not None:
        return f"the model of what {spec.named_for_model} links to"
    return f"Odoo's own record {spec.xmlid}" if spec.xmlid is not None else None


def _given_value(spec: FieldSpec) -> str:
    return "always empty" if spec.const is None else f"always {_plain(spec.const)}"


def handling_text(spec: FieldSpec) -> str:
    """What is special about how a field is sent or compared; empty for the usual."""
    said = [
        (spec.staged_only, "orders or partitions the load; no field of Odoo"),
        (spec.computed, "not sent: Odoo computes it, and the result is compared"),
        (spec.late, "sent when the record is finished"),
        (spec.awaited, "no field of Odoo: the row waits for the records it links to"),
        (spec.at_end, "compared when later models are loaded"),
        (spec.tolerance is not None, "a difference by Odoo's rounding is listed, no error"),
        (spec.or_field is not None, f"goes to {spec.or_field} where the Odoo version has no such field"),
        (spec.optional, "left out where Odoo has no such field"),
        (spec.on_unresolved == "blank", "left empty, with a warning, where nothing is found"),
        (spec.compare == "given", "compared where there is a value"),
        (spec.compare == "never", "not compared"),
        (spec.status == "proposed", "proposed, not confirmed: not loaded"),
        (bool(spec.note), spec.note),
    ]
    return "; ".join(text for applies, text in said if applies)


def rows_text(block: SourceBlock) -> str:
    """Which rows a source block takes."""
    if block.object is None:
        return f"{len(block.rows)} fixed rows of the mapping"
    text = f"rows of {block.object}"
    if block.each:
        text = f"every {' and '.join(block.each)} in {', '.join(block.each.values())} of {block.object}"
    if block.one_per:
        text += f", one for each {', '.join(block.one_per)}"
    if block.where:
        text += f", where {_squeeze(block.where)}"
    return text


def _link_text(link: Reference) -> str:
    text = f"{link.to} by {', '.join(_squeeze(key) for key in link.key)}"
    if link.via is not None:
        text += f" (its {link.via})"
    return f"{text} when {_squeeze(link.when)}" if link.when else text


def _plain(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _squeeze(sql: str) -> str:
    return " ".join(sql.split())
