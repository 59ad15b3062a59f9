"""A rollback, or its plan, as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

#: Rows of a list that are shown; the report has them all.
_SHOWN = 40


def rollback_tables(result: dict[str, Any]) -> list[Table]:
    """Counts by model, what stays and why, values, and checks."""
    done = "deleted" if result["applied"] else "to delete"
    models = Table("Odoo model", "of the migration", done, "stay", title="Records, in the order of deletion", title_justify="left")
    for row in result["models"]:
        models.add_row(row["model"], str(row["found"]), str(row["delete"]), str(row["keep"]))
    tables = [models]
    if result["kept"]:
        kept = _table("What stays, and why", ("record", "name", "because"), [(f"{r['model']} {r['odoo_id']}", r["label"], r["why"]) for r in result["kept"]])
        tables.append(kept)
    if result["edited"]:
        lost = [(f"{r['model']} {r['odoo_id']}", r["label"], r["why"]) for r in result["edited"]]
        tables.append(_table("Goes although people changed it", ("record", "name", "because"), lost))
    if result["restorations"]:
        rows = [(f"{r['model']} {r['odoo_id']}", r["field"], r["before"], r["now"], r["remark"] or r["state"]) for r in result["restorations"]]
        tables.append(_table("Values of records that were there before", ("record", "field", "before", "now", "state"), rows))
    if result["checks"]:
        proof = [(c["check"], "green" if c["passed"] else "failed" if c["severity"] == "ERROR" else "warning", c["message"]) for c in result["checks"]]
        tables.append(_table("Proof", ("check", "outcome", "message"), proof))
    return tables


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    more = f" (the first {_SHOWN} of {len(rows)})" if len(rows) > _SHOWN else ""
    table = Table(*columns, title=title + more, title_justify="left")
    for row in rows[:_SHOWN]:
        table.add_row(*(str(value)[:200] for value in row))
    return table
