"""The scope as a workbook: one sheet for each list, complete, with headings for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from crm_pipeline.discovery.profile import ColumnProfile
from crm_pipeline.discovery.scope import Scope
from crm_pipeline.reports.facts import InventoryFact
from crm_pipeline.reports.provenance import TYPE_WORDS
from crm_pipeline.reports.rendering import bytes_text, share_text

#: Widths of columns in characters, by heading.
WIDTHS = {
    "Fact": 34, "Says": 100, "About": 24, "Finding": 100, "File": 30, "Files": 34, "Object": 24, "Odoo models": 30, "Why": 80,
    "Status": 24, "Column": 28, "Formats": 40, "Values": 50, "Filled": 9, "Filled %": 9, "Longest": 9, "Unreadable": 11, "From": 12, "To": 12, "Rows": 9, "Type": 18, "Goes into Odoo": 16, "Name": 30, "E-mail": 38, "Examples": 50, "Reason": 30,
    "First name": 36, "Second name": 36, "Field in Odoo": 46, "Phase": 40, "Who": 44, "What is done": 80, "Days": 14, "Model": 24,
    "Rate from": 60, "Factor": 26, "Kind": 18, "Key": 26, "State": 20,
}  # fmt: skip


def scope_sheets(scope: Scope, lists: list[InventoryFact]) -> dict[str, pl.DataFrame]:
    """Name of a sheet → its rows."""
    return {
        "Summary": _summary(scope), "Findings": _findings(scope), "Objects": _objects(scope), "Compatibility": _compatibility(scope),
        "Columns": _columns(scope), "Keys": _keys(scope), "Owners": _owners(scope), **{_sheet_name(each.title): _frame(each.headings, each.rows) for each in lists}, "References": _references(scope),
        "Files": _files(scope), "Custom fields": _custom_fields(scope), "Similar names": _alike(scope), "Set aside": _set_aside(scope),
        "Plan": _plan(scope), "Loading": _loading(scope),
    }  # fmt: skip


def _sheet_name(title: str) -> str:
    """A title as the name of a sheet: at most 31 characters, without those that Excel refuses."""
    return re.sub(r"[\[\]:*?/\\']", " ", title.split(" and ", maxsplit=1)[0])[:31].strip()


def _frame(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Whole numbers stay numbers, everything else is text."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(headings)
    return pl.DataFrame(
        {
            heading: pl.Series(list(values), dtype=pl.Int64)
            if values and all(value is None or (isinstance(value, int) and not isinstance(value, bool)) for value in values)
            else pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
            for heading, values in zip(headings, columns, strict=True)
        }
    )


def _yes(value: bool) -> str:  # noqa: FBT001 - a fact to be said
    return "yes" if value else "no"


def _label(scope: Scope, name: str) -> str:
    return next((each.label for each in scope.objects if each.name == name), name)


def _summary(scope: Scope) -> pl.DataFrame:
    days = scope.effort.days
    facts = [
        ("Source", scope.label), ("Export", scope.drop), ("Fingerprint", scope.fingerprint),
        ("Exported", f"{scope.exported_at:%Y-%m-%d %H:%M} UTC" if scope.exported_at else "not known"),
        ("List of record counts", scope.manifest or "none"), ("Rows", f"{scope.rows:,}"), ("Object compatibility", scope.compatibility.sentence),
        ("Complexity", f"{scope.effort.grade}: {scope.effort.says}"), ("Working days", f"{days[0]:g} to {days[1]:g}"),
        ("Blocking problems", str(len(scope.blocking))), ("Findings to look at", str(len(scope.warnings))),
        *((limit.name, f"{limit.says}{'' if limit.is_kept else ' (exceeded)'}") for limit in scope.limits),
        ("Odoo version", f"{scope.odoo_version} ({scope.odoo_note})"), ("Automations to rebuild", str(len(scope.automations))),
        *((f"Grade: {factor.name}", factor.reason) for factor in scope.effort.factors),
    ]  # fmt: skip
    return _frame(("Fact", "Says"), facts)


def _findings(scope: Scope) -> pl.DataFrame:
    rows = [("blocks" if f.is_blocking else "to look at", f.about, f.message, f.file) for f in (*scope.blocking, *scope.warnings)]
    return _frame(("State", "About", "Finding", "File"), rows)


def _objects(scope: Scope) -> pl.DataFrame:
    headings = ("Object", "Files", "Encoding", "Delimiter or sheet", "Rows", "In the CRM", "In the list", "Counts", "Row cap", "Files at the cap", "From", "To")
    rows = [
        (o.label, "\n".join(f.name for f in o.files) or "no file", ", ".join(dict.fromkeys(f.encoding for f in o.files)),
         ", ".join(dict.fromkeys("tab" if f.delimiter == "\t" else f.delimiter for f in o.files)), o.rows, o.in_crm, o.in_manifest, o.count_state, o.row_cap,
         ", ".join(o.full_files), o.first, o.last)
        for o in scope.objects
    ]  # fmt: skip
    return _frame(headings, rows)


def _compatibility(scope: Scope) -> pl.DataFrame:
    rows = [
        (o.label, "\n".join(o.models), o.relation, _yes(o.is_lossy), " ".join(o.why), o.status, ", ".join(o.not_carried)) for o in scope.compatibility.objects
    ]
    return _frame(("Object", "Odoo models", "Relation", "Lossy", "Why", "Status", "Not carried over"), rows)


def _columns(scope: Scope) -> pl.DataFrame:
    headings = ("Object", "Column", "Type", "State", "Filled", "Filled %", "Different values", "Longest", "Unreadable", "From", "To", "Formats", "Values", "Goes into Odoo")
    rows = [
        (o.label, c.heading, TYPE_WORDS.get(c.type, c.type), state_text(c), c.filled, share_text(c.filled, o.rows),
         c.distinct if c.is_exact else f"about {c.distinct:,}", c.longest, c.unreadable, c.first, c.last, counted(c.formats), counted(c.values),
         "no" if c.heading in o.not_carried else "documented" if o.mapping.relation == "documented" else "yes" if c.state != "missing" else "")
        for o in scope.objects for c in o.profile.columns
    ]  # fmt: skip
    return _frame(headings, rows)


def state_text(column: ColumnProfile) -> str:
    """Where a column is known from."""
    return {"contract": "known", "custom": "custom field", "unknown": "not in the mapping", "missing": "not in the files"}[column.state]


def counted(pairs: tuple[tuple[str, int], ...]) -> str:
    """Values with their counts, as a list."""
    return "; ".join(f"{value} ({count:,})" for value, count in pairs)


def _keys(scope: Scope) -> pl.DataFrame:
    rows = [
        (o.label, k.column, "declared" if k.declared else "also unique", k.rows, k.blank, k.repeated, ", ".join(k.examples)) for o in scope.objects for k in o.profile.keys
    ]
    return _frame(("Object", "Key", "Kind", "Rows", "Blank", "Repeated", "Examples"), rows)


def _owners(scope: Scope) -> pl.DataFrame:
    rows = [(o.name, o.email, _yes(o.is_listed), _yes(o.is_active), o.records, o.writings) for o in scope.owners]
    return _frame(("Name", "E-mail", "In the users' list", "Active", "Owns", "Wrote"), rows)


def _references(scope: Scope) -> pl.DataFrame:
    rows = [(_label(scope, r.object), r.column, r.reason.replace("_", " "), r.rows, ", ".join(r.examples)) for r in scope.references]
    return _frame(("Object", "Column", "Reason", "Rows", "Examples"), rows)


def _files(scope: Scope) -> pl.DataFrame:
    rows = [
        (_label(scope, f.object), f.rows, f.found, bytes_text(f.bytes), f.addresses, f.missing, counted(tuple((r.replace("_", " "), n) for r, n in f.problems)), f.unindexed)
        for f in scope.files
    ]
    return _frame(("Object", "Rows", "Found", "Size", "Web addresses", "Without usable file", "Reason", "Files no row names"), rows)


def _custom_fields(scope: Scope) -> pl.DataFrame:
    rows = [
        (_label(scope, f.object), f.label, f.heading, _yes(f.is_listed), _yes(f.in_data), share_text(f.filled, f.rows), f.kind, f.options, f.field) for f in scope.custom_fields
    ]
    return _frame(("Object", "Name", "Column", "In the inventory", "In the data", "Filled %", "Kind", "Options", "Field in Odoo"), rows)


def _alike(scope: Scope) -> pl.DataFrame:
    rows = [(p.kind, p.first, p.first_rows, p.second, p.second_rows, p.likeness) for p in scope.alike]
    return _frame(("Kind", "First name", "Rows of it", "Second name", "Rows of that", "Likeness %"), rows)


def _set_aside(scope: Scope) -> pl.DataFrame:
    return _frame(("Object", "State", "Reason", "Rows"), [(_label(scope, s.object), s.fate, s.reason.replace("_", " "), s.rows) for s in scope.set_aside])


def _plan(scope: Scope) -> pl.DataFrame:
    rows = [(p.title, p.who, p.does, f"{p.days[0]:g} to {p.days[1]:g}" if p.days[0] != p.days[1] else f"{p.days[0]:g}") for p in scope.effort.phases]
    return _frame(("Phase", "Who", "What is done", "Days"), rows)


def _loading(scope: Scope) -> pl.DataFrame:
    rows = [(e.model, e.title, e.records, round(e.per_second), round(e.seconds[0]), round(e.seconds[1]), e.source) for e in scope.effort.loads]
    return _frame(("Model", "Name", "Records at most", "Records a second", "Seconds from", "Seconds to", "Rate from"), rows)
