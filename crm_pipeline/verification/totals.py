"""Control totals: what must add up to the same on both sides, in decimals, never in binary floating point.

Sums of amounts by currency, counts of records by stage, owner or month, and the amounts of the exported rows by what
became of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Literal

import polars as pl

from crm_pipeline.odoo.comparison import fetch_records
from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.lanes import ahead
from crm_pipeline.odoo.resolved import ResolvedField, resolve_fields, resolved_select, streams
from crm_pipeline.specs import FieldSpec, Mapping, TargetSpec
from crm_pipeline.specs.target import Count
from crm_pipeline.staging.store import StagingStore, literal, quote

_PART = 1000
_CENT = Decimal("0.01")

#: What Odoo holds where people's changes are kept, by external id.
_KEPT = """
    SELECT external_id, odoo_now FROM ops.conflict WHERE env = $1 AND model = $2 AND field = $3
    UNION SELECT external_id, odoo_now FROM ops.edit WHERE env = $1 AND model = $2 AND field = $3
"""


@dataclass(frozen=True)
class ControlTotal:
    """One sum on both sides as text with two decimals, or one count.

    Attributes:
        name: model and field, and the values the sum is broken down by; for a count the field and the value counted.
        rounding: what Odoo's rounding of single records adds up to; these are listed one by one as differences.
        edited: what the changes add up to that people made in Odoo and that are kept; listed one by one as well.
        records: how many were added up.
    """

    name: str
    currency: str | None
    source: str
    odoo: str
    rounding: str
    records: int
    kind: Literal["sum", "count"] = "sum"
    edited: str = "0"

    @property
    def equal(self) -> bool:
        """Whether both sides are the same to the cent, but for rounding and people's changes, which are listed."""
        return Decimal(self.source) + Decimal(self.rounding) + Decimal(self.edited) == Decimal(self.odoo)


def control_totals(store: StagingStore, mapping: Mapping, destination: Destination, env: str) -> list[ControlTotal]:
    """All control totals of a mapping, by currency and as broken down, over the records that are in the destination."""
    totals: list[ControlTotal] = []
    for target in mapping.targets:
        if target.control_totals:
            _read_amounts(store, target, destination, env)
        for rule in target.control_totals:
            currency = f"staged.{quote(rule.currency)}" if rule.currency else "NULL::VARCHAR"
            parts = ", ".join(f"coalesce(staged.{quote(name)}::VARCHAR, 'none')" for name in rule.by)
            meant = f"staged.{quote(rule.field)}"
            summed = f"""
                SELECT entry.odoo_id, {currency} AS currency, {f"concat_ws(', ', {parts})" if rule.by else "''"} AS part,
                       round({meant}::DECIMAL(24, 6), 2) AS meant, coalesce(off.off, 0)::DECIMAL(24, 6) AS off,
                       coalesce(round(kept.odoo_now::DECIMAL(24, 6), 2) - meant, 0)::DECIMAL(24, 6) AS edited
                FROM {quote(f"staged.{target.table}")} AS staged JOIN ops.ledger AS entry USING (external_id)
                LEFT JOIN (
                    SELECT external_id, round(actual::DECIMAL(24, 6), 2) - round(expected::DECIMAL(24, 6), 2) AS off
                    FROM ops.difference WHERE env = $1 AND model = $2 AND field = $3 AND class = 'rounded'
                ) AS off USING (external_id)
                LEFT JOIN ({_KEPT}) AS kept USING (external_id)
                WHERE entry.env = $1 AND entry.origin = 'created' AND {meant} IS NOT NULL"""
            totals += _compare(store, summed, [env, target.model, rule.field], has_currency=bool(rule.currency), broken_down=bool(rule.by))
    return totals


def _read_amounts(store: StagingStore, target: TargetSpec, destination: Destination, env: str) -> None:
    """``_found``: id and the amounts, to the cent, of all created records that a control total of the target adds up."""
    schema = destination.fields_get(target.model)
    names = {f.name: f.schema.name for block in target.sources for f in resolve_fields(target, block, schema)}
    fields = list(dict.fromkeys(rule.field for rule in target.control_totals))
    ids = [row[0] for row in store.rows(
        f"""SELECT entry.odoo_id FROM {quote(f"staged.{target.table}")} AS staged JOIN ops.ledger AS entry USING (external_id)
            WHERE entry.env = ? AND entry.origin = 'created' AND ({" OR ".join(f"staged.{quote(name)} IS NOT NULL" for name in fields)})
            ORDER BY 1""",
        [env],
    )]  # fmt: skip
    store.execute(f"CREATE OR REPLACE TEMP TABLE _found (odoo_id BIGINT, {', '.join(f'{quote(name)} DECIMAL(24, 6)' for name in fields)})")
    size, read = destination.batch_records or _PART, [names[name] for name in fields]
    pages = ahead(
        partial(
            destination.search_columns, target.model, [("id", "in", ids[start : start + size])], list(dict.fromkeys(read)),
            context={"active_test": False},
        )
        for start in range(0, len(ids), size)
    )  # fmt: skip
    for page in pages:
        amounts = [
            pl.Series(name, [Decimal(repr(amount or 0)).quantize(_CENT) for amount in page[names[name]]], pl.Decimal(24, 6)) for name in fields
        ]
        store.insert("_found", pl.DataFrame([page["id"].alias("odoo_id"), *amounts]))


def _compare(store: StagingStore, summed: str, here: list[str], *, has_currency: bool, broken_down: bool) -> list[ControlTotal]:
    """Sums over the rows of a query on both sides: by currency, then by currency and part. ``here``: env, model and field."""
    _, model, name = here
    rows = store.rows(
        f"""SELECT currency, coalesce(part, ''), sum(meant)::DECIMAL(38, 2), sum(coalesce(amount, 0))::DECIMAL(38, 2), sum(off)::DECIMAL(38, 2),
                   sum(edited)::DECIMAL(38, 2), count(*)
            FROM ({summed}) LEFT JOIN (SELECT odoo_id, {quote(name)} AS amount FROM _found) USING (odoo_id)
            {"WHERE currency IS NOT NULL OR meant <> 0" if has_currency else ""}
            GROUP BY GROUPING SETS ({"(currency), (currency, part)" if broken_down else "(currency, part)"}) ORDER BY part NULLS FIRST, currency""",
        here,
    )
    return [
        ControlTotal(
            f"{model}.{name}" + (f" ({part})" if part else ""), currency, f"{meant:.2f}", f"{odoo:.2f}", f"{off:.2f}", count,
            edited=f"{edited:.2f}",
        )
        for currency, part, meant, odoo, off, edited, count in rows
    ]


def record_counts(store: StagingStore, mapping: Mapping, destination: Destination, env: str) -> list[ControlTotal]:
    """Created records counted by the fields the specs name: as meant, and as Odoo holds them now.

    A record whose field people changed counts as they have it.
    """
    counts: list[ControlTotal] = []
    for target in mapping.targets:
        if target.counts:
            counts += _target_counts(store, mapping, target, destination, env)
    return counts


def _target_counts(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, env: str
) -> list[ControlTotal]:
    schema = destination.fields_get(target.model)
    names = {count.by for count in target.counts}
    selects = []
    fields: dict[str, ResolvedField] = {}
    for blocks in streams(target):
        found = {f.name: f for f in resolve_fields(target, target.as_one(blocks), schema)}
        fields |= {name: found[name] for name in names if name in found}
        mine = [found[name] for name in sorted(names) if name in found]
        columns = ", ".join(
            f"resolved.{quote(name)}" if name in found else f"NULL AS {quote(name)}" for name in sorted(names)
        )
        selects.append(
            f"SELECT entry.odoo_id, external_id, {columns} FROM ({resolved_select(mapping, target, blocks, mine, env)}) AS resolved "
            f"JOIN ops.ledger AS entry USING (external_id) WHERE entry.env = {literal(env)} AND entry.origin = 'created'"
        )
    store.execute(f"CREATE OR REPLACE TEMP TABLE _meant AS {' UNION ALL BY NAME '.join(selects)}")
    ids = [row[0] for row in store.rows("SELECT odoo_id FROM _meant ORDER BY 1")]
    fetch_records(store, destination, target.model, [f.schema for f in fields.values()], ids, "_counted")
    kept = {name for (name,) in store.rows(
        "FROM (SELECT field FROM ops.conflict WHERE env = $1 AND model = $2 UNION SELECT field FROM ops.edit WHERE env = $1 AND model = $2)",
        [env, target.model],
    )}  # fmt: skip
    counts: list[ControlTotal] = []
    for count in target.counts:
        if count.by in fields:
            field = fields[count.by]
            if field.name in kept:
                store.execute(
                    f"""UPDATE _meant SET {quote(field.name)} = _counted.{quote(field.schema.name)} FROM _counted
                        WHERE _counted.id = _meant.odoo_id AND external_id IN (SELECT external_id FROM ({_KEPT}))""",
                    [env, target.model, field.name],
                )
            meant, found_ = f"_meant.{quote(field.name)}", f"_counted.{quote(field.schema.name)}"
            rows = store.rows(f"""
                SELECT coalesce(meant.part, found.part) AS part, coalesce(meant.n, 0), coalesce(found.n, 0)
                FROM (SELECT {_part_sql(field, count, meant, env)} AS part, count(*) AS n FROM _meant GROUP BY 1) AS meant
                FULL JOIN (SELECT {_part_sql(field, count, found_, env)} AS part, count(*) AS n FROM _counted GROUP BY 1) AS found
                ON found.part = meant.part ORDER BY 1
            """)
            by = f"{count.by} by month" if count.period else count.by
            counts += [ControlTotal(f"{target.model} records, {by}: {part}", None, str(n), str(m), "0", n, "count") for part, n, m in rows]
    return counts


def _part_sql(field: ResolvedField, count: Count, value: str, env: str) -> str:
    """SQL for what a record counts under: the month, the external id of the linked record, or the value."""
    if count.period == "month":
        return f"coalesce(left({value}::VARCHAR, 7), 'none')"
    if field.schema.type in {"many2one", "many2many"}:
        one = f"{value}[1]" if field.schema.type == "many2many" else f"nullif({value}, 0)"
        models = ", ".join(literal(model) for model in [field.schema.relation])
        name = (
            f"(SELECT min(entry.external_id) FROM ops.ledger AS entry WHERE entry.env = {literal(env)} "
            f"AND entry.model IN ({models}) AND entry.odoo_id = {one})"
        )
        return f"coalesce({name}, 'Odoo record ' || {one}::VARCHAR, 'none')"
    if field.schema.type == "boolean":
        return f"coalesce({value}, FALSE)::VARCHAR"
    return f"coalesce(nullif({value}::VARCHAR, ''), 'none')"


def exported_amounts(store: StagingStore, mapping: Mapping) -> pl.DataFrame:
    """What the amounts of the exported rows came to: object, column, fate, rows, amount, staged.

    One row for each column that a control total takes as it is, and for each fate of its rows. ``staged`` is what the
    records of the loaded rows were meant to hold; it must equal their ``amount``. Reads ``ops.row_fate``.
    """
    frames = [pl.DataFrame(schema={"object": pl.String, "column": pl.String, "fate": pl.String, "rows": pl.Int64,
                                   "amount": pl.String, "staged": pl.String})]  # fmt: skip
    for target in mapping.targets:
        for rule in target.control_totals:
            for block in target.sources:
                column = _taken_as_is(block.fields.get(rule.field))
                if block.accounts_for is None or block.accounts_for != block.object or column is None:
                    continue
                name = block.accounts_for
                rows = " UNION ALL ".join(
                    f"SELECT _row_id, {quote(column)} AS amount FROM {quote(f'typed.{table}')}" for table in (name, f"{name}__rejected")
                )
                frames.append(store.frame(
                    f"""SELECT ? AS object, ? AS "column", fate, count(*) AS rows,
                               coalesce(sum(amount::DECIMAL(24, 6)), 0)::DECIMAL(38, 2)::VARCHAR AS amount,
                               CASE WHEN fate = 'loaded' THEN coalesce(sum(staged.meant::DECIMAL(24, 6)), 0)::DECIMAL(38, 2)::VARCHAR END AS staged
                        FROM ops.row_fate AS told JOIN ({rows}) AS source ON source._row_id = told.row_id
                        LEFT JOIN (SELECT _row_id, {quote(rule.field)} AS meant FROM {quote(f'staged.{target.table}')}
                                   WHERE _block = ?) AS staged ON staged._row_id = told.row_id
                        WHERE told.object = ? GROUP BY fate ORDER BY fate""",
                    [name, column, block.name, name],
                ))  # fmt: skip
    return pl.concat(frames)


def _taken_as_is(spec: FieldSpec | None) -> str | None:
    return spec.from_ if spec is not None and spec.as_ is None and spec.status == "confirmed" else None
