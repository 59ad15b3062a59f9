"""The way of a record as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

_LONG = 90


def trace_tables(found: dict[str, Any]) -> list[Table]:
    """The exported rows with their cells, then each record with its fields and runs."""
    tables = []
    for row in found["rows"]:
        fate = f"{row.get('fate')}" + (f", {row['reason']}" if row.get("reason") else "")
        cells = Table("column", "as exported", "as read", title=f"{row['object']}: {row['file']}, row {row['row']} ({fate})", title_justify="left")
        for cell in row["cells"]:
            if cell["raw"] not in {None, ""} or cell["typed"] is not None:
                cells.add_row(cell["column"], _short(cell["raw"]), _short(cell["typed"]))
        tables.append(cells)
        if row["findings"]:
            findings = Table("finding", "", "", show_header=False)
            for each in row["findings"]:
                findings.add_row(each["severity"], each["reason"], each["message"])
            tables.append(findings)
    for record in found["records"]:
        tables += _record_tables(record)
    return tables


def _record_tables(record: dict[str, Any]) -> list[Table]:
    where = f"{record['model']} {record['odoo_id']}" if record["odoo_id"] else record["model"]
    head = Table("", "", title=f"{where}: {record['external_id']}", title_justify="left", show_header=False)
    for label, text in (
        ("is", record["origin"]), ("made of", record["rule"]), ("refused", record["refusal"] and record["refusal"]["message"]),
        ("in Odoo", record["link"]), ("last written by", record.get("changed_by") and f"{record['changed_by']}, {record['changed_at']} UTC"),
        *((run["did"], f"run {run['run_id']}, {run['started_at'] or '?'} UTC, export {run['drop'] or '?'}") for run in record["runs"]),
    ):  # fmt: skip
        if text:
            head.add_row(label, str(text))
    if not record["fields"]:
        return [head]
    fields = Table("field", "rule", "staged", "last loaded", "Odoo now", "")
    for each in record["fields"]:
        rule = each["rule"] + (f" [{each['handling']}]" if each["handling"] else "")
        fields.add_row(
            each["field"], _short(rule), _short(each["staged"]), _short(each["last_loaded"]), _short(each["odoo"]), "differs" if each["differs"] else ""
        )
    return [head, fields]


def _short(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    text = text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
    return text.replace("[", "\\[")
