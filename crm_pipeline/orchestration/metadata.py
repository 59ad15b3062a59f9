"""What people see beside an asset: rows, schema, rates, a few of its rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import dagster as dg

from crm_pipeline.migration.migration import Migration
from crm_pipeline.specs import TargetSpec
from crm_pipeline.staging.store import literal, quote

#: Rows of a preview; enough to see the shape, too few to be a copy of the data.
PREVIEW_ROWS = 10
PREVIEW_COLUMNS = 12
#: Characters of a text in a preview: long bodies hold personal matters and break tables.
PREVIEW_TEXT = 40
#: Findings are sentences, and are shown whole as far as that helps.
FINDING_TEXT = 300

Metadata = dict[str, Any]


def scalar(value: object, longest: int = PREVIEW_TEXT) -> str | int | float | bool | None:
    """A cell as Dagster's tables take it: long text cut, everything unknown as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = " ".join(str(value).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def table(
    rows: list[dict[str, Any]] | tuple[dict[str, Any], ...], longest: int = PREVIEW_TEXT
) -> dg.TableMetadataValue:
    """Rows as a table; columns in order of first appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return dg.MetadataValue.table(
        [dg.TableRecord({name: scalar(row.get(name), longest) for name in names}) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name) for name in names]),
    )


def table_metadata(migration: Migration, name: str) -> Metadata:
    """Row count and first rows of a table of the staging store."""
    store = migration.store
    shown = [column for column in store.columns(name) if not column.startswith("_")]
    picked = ", ".join(quote(column) for column in shown[:PREVIEW_COLUMNS])
    rows = store.frame(f"SELECT {picked} FROM {quote(name)} LIMIT {PREVIEW_ROWS}").to_dicts()
    return {
        "dagster/row_count": int(store.value(f"SELECT count(*) FROM {quote(name)}")),
        "dagster/table_name": f"{store.path.stem}.{name}",
        **({"preview": table(rows)} if rows else {}),
    }


def table_schema(migration: Migration, name: str) -> dg.TableSchema:
    """The schema of a table no spec lists the columns of, with DuckDB's types."""
    found = migration.store.columns(name).items()
    return dg.TableSchema([dg.TableColumn(column, kind) for column, kind in found if not column.startswith("_")])


def loaded_metadata(migration: Migration, env: str, target: TargetSpec, base_url: str | None) -> Metadata:
    """What a load did, how fast, the first records with their Odoo ids, and where to see them."""
    store = migration.store
    here = f"env = {literal(env)} AND model = {literal(target.model)}"
    counts = store.frame(f"SELECT * EXCLUDE (env, model) FROM ops.load_count WHERE {here}").to_dicts()[0]
    seconds = float(counts.pop("seconds") or 0)
    sent = int(counts["created"] or 0) + int(counts["updated"] or 0)
    fields = [name for name, spec in target.field_specs.items() if not spec.staged_only][: PREVIEW_COLUMNS - 3]
    picked = ", ".join(f"staged.{quote(name)}" for name in fields)
    records = store.frame(
        f"""SELECT external_id, entry.odoo_id, entry.origin, {picked}
            FROM {quote(f"staged.{target.table}")} AS staged JOIN ops.ledger AS entry USING (external_id)
            WHERE entry.env = ? AND entry.model = ? ORDER BY _order LIMIT {PREVIEW_ROWS}""",
        [env, target.model],
    ).to_dicts()
    in_odoo = int(store.value(f"SELECT count(*) FROM ops.ledger WHERE {here} AND odoo_id IS NOT NULL"))
    link = f"{base_url}/web#model={target.model}&view_type=list"
    return {
        "dagster/row_count": in_odoo,
        **{name: int(value or 0) for name, value in counts.items()},
        "seconds": round(seconds, 2),
        **({"records_per_second": round(sent / seconds)} if sent and seconds else {}),
        **({"records": table(records)} if records else {}),
        **({"in_odoo": dg.MetadataValue.url(link)} if base_url else {}),
    }
