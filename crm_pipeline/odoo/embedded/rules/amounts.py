"""Amounts of document lines: rounding, percentage taxes and currency rates (measured on 17.0, 18.0, 19.0).

A line's net amount is rounded to its currency, halves away from zero. Its taxes are worked out from the rounded amount
(``round_per_line``) or from the unrounded one (``round_globally``, the default of a fresh 19.0), where the document's
totals are sums of unrounded amounts, rounded once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.embedded.values import round_half_up
from crm_pipeline.odoo.errors import CallError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

COMPANY = 1
_PERCENT = 100.0
Rates = tuple[list[str], list[float]]


@dataclass(frozen=True, slots=True)
class LineAmounts:
    """A line in its currency: ``raw`` unrounded, ``net`` rounded, ``taxes`` by tax as ``(rate, rounded amount)``."""

    raw: float
    net: float
    taxes: dict[int, tuple[float, float]]

    @property
    def tax(self) -> float:
        """All taxes of the line."""
        return sum(amount for _, amount in self.taxes.values())


class Money:
    """Currencies, rates and taxes, each read once in a call."""

    def __init__(self, orm: Orm) -> None:
        self._orm = orm
        ((_, company),) = orm.store.get("res.company", [COMPANY]).items()
        self.currency: int = company["currency_id"]
        self._method = company.get("tax_calculation_rounding_method")
        self._price_include = company.get("account_price_include") == "tax_included"
        self._places: dict[int, int] = {}
        self._rates: dict[int, Rates] = {}
        self._taxes: dict[int, tuple[Doc, float]] = {}
        self._shares: dict[tuple[int, ...], dict[int, float]] = {}

    @property
    def globally(self) -> bool:
        """Whether taxes are rounded for a document as a whole."""
        if self._method != "round_globally":
            return False
        if not self._orm.differences.knows_global_rounding:
            message = "the embedded destination does not know how this version rounds taxes globally"
            raise CallError(message, call="res.company")
        return True

    def places(self, currency: int) -> int:
        """Decimal places of a currency."""
        found = self._places.get(currency)
        if found is None:
            (doc,) = self._orm.store.get("res.currency", [currency]).values()
            found = self._places[currency] = max(0, round(-math.log10(doc.get("rounding") or 0.01)))
        return found

    def rounded(self, amount: float, currency: int) -> float:
        """An amount as its currency keeps it."""
        return round_half_up(amount, self.places(currency))

    def rate(self, currency: int, day: str) -> float:
        """Units of ``currency`` for one of the company's on a day: the last rate; before the first one 1 in 17.0."""
        if currency == self.currency:
            return 1.0
        return self._technical_rate(currency, day) / self._technical_rate(self.currency, day)

    def _technical_rate(self, currency: int, day: str) -> float:
        known = self._rates.get(currency)
        if known is None:
            rows = sorted(
                (doc["name"], doc.get("rate") or 1.0)
                for _, doc in self._orm.store.find("res.currency.rate", currency_id=currency)
            )
            known = self._rates[currency] = ([day for day, _ in rows], [rate for _, rate in rows])
        days, rates = known
        place = bisect_right(days, day) - 1
        if place < 0 and not self._orm.differences.first_rate_is_earlier_too:
            return 1.0
        return rates[max(0, place)] if rates else 1.0

    def line(self, quantity: float, price: float, discount: float, taxes: Sequence[int], currency: int) -> LineAmounts:
        """Net amount and taxes of a line."""
        raw = quantity * price * (1.0 - discount / _PERCENT)
        net = self.rounded(raw, currency)
        base = raw if self.globally else net
        rates = self.tax_rates(taxes)
        return LineAmounts(raw, net, {tax: (rate, self.rounded(base * rate, currency)) for tax, rate in rates.items()})

    def tax_rates(self, taxes: Iterable[int]) -> dict[int, float]:
        """The share of the net amount that each tax is; raises CallError for taxes that are worked out otherwise."""
        wanted = tuple(taxes)
        shares = self._shares.get(wanted)
        if shares is None:
            shares = self._shares[wanted] = self._read_shares(wanted)
        return shares

    def _read_shares(self, wanted: tuple[int, ...]) -> dict[int, float]:
        missing = [tax for tax in wanted if tax not in self._taxes]
        for key, doc in self._orm.store.get("account.tax", missing).items():
            self._taxes[key] = (doc, (doc.get("amount") or 0.0) / _PERCENT)
        found = [self._taxes[tax] for tax in wanted if tax in self._taxes]
        for doc, _ in found:
            if (
                doc.get("amount_type") != "percent"
                or self._included(doc)
                or (doc.get("include_base_amount") and wanted[1:])
            ):
                message = (
                    f"the embedded destination knows percentage taxes on top of the price only, not {doc.get('name')!r}"
                )
                raise CallError(message, call="account.tax")
        return {tax: self._taxes[tax][1] for tax in wanted if tax in self._taxes}

    def tax_name(self, tax: int) -> str:
        """The label of a tax line."""
        return str(self._taxes[tax][0].get("name"))

    def tax_group(self, tax: int) -> int | None:
        """The group of a tax."""
        group: int | None = self._taxes[tax][0].get("tax_group_id")
        return group

    def _included(self, doc: Doc) -> bool:
        override = doc.get("price_include_override")
        if override:
            return bool(override == "tax_included")
        return bool(doc.get("price_include")) or self._price_include


def spread(missing: float, weights: Sequence[float], places: int) -> list[float]:
    """Cents of a document's rounding over its lines, in proportion to their amounts, the largest first (19.0)."""
    step = 10.0**-places
    units = round(abs(missing) / step)
    shares = [0.0] * len(weights)
    whole = sum(abs(weight) for weight in weights)
    if not units or not whole:
        return shares
    order = sorted(range(len(weights)), key=lambda index: -abs(weights[index]))
    left = units
    counts = [0] * len(weights)
    for index in order:
        counts[index] = min(round(units * abs(weights[index]) / whole), left)
        left -= counts[index]
    for index in order[:left]:
        counts[index] += 1
    sign = 1.0 if missing > 0 else -1.0
    return [round_half_up(sign * count * step, places) for count in counts]
