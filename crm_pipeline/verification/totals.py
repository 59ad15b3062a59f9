"""Control totals: what must add up to the same on both sides, in decimals, never in binary floating point."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.resolved import resolve_fields
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, quote

_PART = 1000


@dataclass(frozen=True)
class ControlTotal:
    """One sum on both sides, as text with two decimals.

    Attributes:
        name: model and field, and the values the sum is broken down by.
        rounding: what Odoo's rounding of single records adds up to; these are listed one by one as differences.
        records: how many were added up.
    """

    name: str
    currency: str | None
    source: str
    odoo: str
    rounding: str
    records: int

    @property
    def equal(self) -> bool:
        """Whether both sides are the same to the cent, but for the rounding that is listed."""
        return Decimal(self.source) + Decimal(self.rounding) == Decimal(self.odoo)


def control_totals(store: StagingStore, mapping: Mapping, destination: Destination, env: str) -> list[ControlTotal]:
    """All control totals of a mapping, by currency and as broken down, over the records that are in the destination."""
    totals: list[ControlTotal] = []
    for target in mapping.targets:
        schema = destination.fields_get(target.model) if target.control_totals else {}
        for rule in target.control_totals:
            fields = {f.name: f.schema.name for block in target.sources for f in resolve_fields(target, block, schema)}
            currency = f"staged.{quote(rule.currency)}" if rule.currency else "NULL::VARCHAR"
            parts = ", ".join(f"coalesce(staged.{quote(name)}::VARCHAR, 'none')" for name in rule.by)
            meant = f"staged.{quote(rule.field)}"
            store.execute(
                f"""CREATE OR REPLACE TEMP TABLE _summed AS
                    SELECT entry.odoo_id, {currency} AS currency, {f"concat_ws(', ', {parts})" if rule.by else "''"} AS part,
                           round({meant}::DECIMAL(24, 6), 2) AS meant, coalesce(off.off, 0)::DECIMAL(24, 6) AS off
                    FROM {quote(f"staged.{target.table}")} AS staged JOIN ops.ledger AS entry USING (external_id)
                    LEFT JOIN (
                        SELECT external_id, round(actual::DECIMAL(24, 6), 2) - round(expected::DECIMAL(24, 6), 2) AS off
                        FROM ops.difference WHERE env = ? AND model = ? AND field = ? AND class = 'rounded'
                    ) AS off USING (external_id)
                    WHERE entry.env = ? AND entry.origin = 'created' AND {meant} IS NOT NULL""",
                [env, target.model, rule.field, env],
            )
            if rule.currency:
                store.execute("DELETE FROM _summed WHERE currency IS NULL AND meant = 0")
            totals += _compare(store, destination, target.model, rule.field, fields[rule.field], broken_down=bool(rule.by))
    return totals


def _compare(
    store: StagingStore, destination: Destination, model: str, name: str, field: str, *, broken_down: bool
) -> list[ControlTotal]:
    """Sums over ``_summed`` on both sides: by currency, then by currency and part."""
    ids = [row[0] for row in store.rows("SELECT odoo_id FROM _summed ORDER BY 1")]
    store.execute("CREATE OR REPLACE TEMP TABLE _found (odoo_id BIGINT, amount DECIMAL(24, 6))")
    for start in range(0, len(ids), _PART):
        part = ids[start : start + _PART]
        records = destination.search_read(model, [("id", "in", part)], [field], context={"active_test": False})
        amounts = [Decimal(repr(record[field] or 0)).quantize(Decimal("0.01")) for record in records]
        frame = pl.DataFrame(
            {"odoo_id": [record["id"] for record in records], "amount": amounts},
            schema={"odoo_id": pl.Int64, "amount": pl.Decimal(24, 6)},
        )
        store.insert("_found", frame)
    sums = "sum(meant)::DECIMAL(38, 2), sum(coalesce(amount, 0))::DECIMAL(38, 2), sum(off)::DECIMAL(38, 2), count(*)"
    joined = "_summed LEFT JOIN _found USING (odoo_id)"
    rows = store.rows(f"SELECT currency, '', {sums} FROM {joined} GROUP BY 1 ORDER BY 1")
    if broken_down:
        rows += store.rows(f"SELECT currency, part, {sums} FROM {joined} GROUP BY 1, 2 ORDER BY 2, 1")
    return [
        ControlTotal(
            f"{model}.{name}" + (f" ({part})" if part else ""), currency, f"{meant:.2f}", f"{odoo:.2f}", f"{off:.2f}", count
        )
        for currency, part, meant, odoo, off, count in rows
    ]
