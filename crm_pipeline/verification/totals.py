"""Control totals: what must add up to the same on both sides, in decimals, never in binary floating point."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.resolved import resolve_fields
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore, quote

_PART = 1000


@dataclass(frozen=True)
class ControlTotal:
    """One sum on both sides, as text with two decimals; ``records`` is how many were added up."""

    name: str
    currency: str | None
    source: str
    odoo: str
    records: int

    @property
    def equal(self) -> bool:
        """Whether both sides are the same to the cent."""
        return self.source == self.odoo


def control_totals(store: StagingStore, mapping: Mapping, destination: Destination, env: str) -> list[ControlTotal]:
    """All control totals of a mapping, by currency, over the records that are in the destination."""
    totals: list[ControlTotal] = []
    for target in mapping.targets:
        schema = destination.fields_get(target.model) if target.control_totals else {}
        for rule in target.control_totals:
            fields = {f.name: f.schema.name for block in target.sources for f in resolve_fields(target, block, schema)}
            currency = quote(rule.currency) if rule.currency else "NULL::VARCHAR"
            rows = store.rows(
                f"""SELECT entry.odoo_id, coalesce({currency}, ''), round(coalesce({quote(rule.field)}, 0)::DECIMAL(24, 6), 2)
                    FROM {quote(f"staged.{target.table}")} AS staged JOIN ops.ledger AS entry USING (external_id)
                    WHERE entry.env = ? AND entry.origin = 'created'
                    AND ({currency} IS NOT NULL OR coalesce({quote(rule.field)}, 0) <> 0) ORDER BY 1""",
                [env],
            )
            totals += _compare(destination, target.model, rule.field, fields[rule.field], rows)
    return totals


def _compare(
    destination: Destination, model: str, name: str, field: str, rows: list[tuple[int, str, Decimal]]
) -> list[ControlTotal]:
    source: dict[str, Decimal] = {}
    odoo: dict[str, Decimal] = {}
    counts: dict[str, int] = {}
    currencies = {odoo_id: currency for odoo_id, currency, _ in rows}
    for _, currency, amount in rows:
        source[currency] = source.get(currency, Decimal(0)) + Decimal(str(amount))
        counts[currency] = counts.get(currency, 0) + 1
    ids = list(currencies)
    for start in range(0, len(ids), _PART):
        part = ids[start : start + _PART]
        for record in destination.search_read(model, [("id", "in", part)], [field], context={"active_test": False}):
            currency = currencies[record["id"]]
            amount = Decimal(repr(record[field] or 0)).quantize(Decimal("0.01"))
            odoo[currency] = odoo.get(currency, Decimal(0)) + amount
    return [
        ControlTotal(
            f"{model}.{name}",
            currency or None,
            f"{total:.2f}",
            f"{odoo.get(currency, Decimal(0)):.2f}",
            counts[currency],
        )
        for currency, total in sorted(source.items())
    ]
