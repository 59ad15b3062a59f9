"""How demanding a migration is, how long each phase takes, and why: computed from specs and data by ``effort.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from crm_pipeline.discovery.compatibility import Compatibility
from crm_pipeline.specs.discovery import Access

Grade = Literal["A", "B", "C", "D"]
_ACCESS = {
    "files": "The CRM has no API; everything is exported by hand as files.",
    "limited_api": "The CRM has an API with limits.",
    "bulk_api": "The CRM has an API for bulk exports.",
}


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Step(_Settings):
    at_least: float
    points: int


class _Grade(_Settings):
    grade: Grade
    points: int
    says: str


class _Phase(_Settings):
    title: str
    who: str
    does: str
    days: dict[Grade, tuple[float, float]]
    loads: bool = False


class _Rates(_Settings):
    source: str
    models: dict[str, float]
    other: float
    range: tuple[float, float]
    measured_range: tuple[float, float]


class _Factors(_Settings):
    compatibility: tuple[_Step, ...]
    mapping: tuple[_Step, ...]
    access: dict[Access, int]
    volume: tuple[_Step, ...]


class EffortSettings(_Settings):
    """The stated defaults."""

    rates: _Rates
    scoped_individually_from: int
    factors: _Factors
    grades: tuple[_Grade, ...]
    phases: tuple[_Phase, ...]


@cache
def effort_settings() -> EffortSettings:
    """``effort.yaml``."""
    text = (resources.files(__package__ or __name__) / "effort.yaml").read_text(encoding="utf-8")
    return EffortSettings.model_validate(yaml.safe_load(text))


@dataclass(frozen=True)
class MeasuredRate:
    """Records per second of an earlier load of a model, and what it was loaded into."""

    model: str
    per_second: float
    into: str


@dataclass(frozen=True)
class LoadEstimate:
    """Loading one model: records at most, the rate, where that is from, and seconds from and to."""

    model: str
    title: str
    records: int
    per_second: float
    source: str
    seconds: tuple[float, float]


@dataclass(frozen=True)
class Factor:
    """One reason for the grade."""

    name: str
    points: int
    reason: str


@dataclass(frozen=True)
class Phase:
    """One phase of the plan; working days from and to, without the loading, whose seconds stand beside."""

    title: str
    who: str
    does: str
    days: tuple[float, float]
    load_seconds: tuple[float, float] | None


@dataclass(frozen=True)
class Effort:
    """Grade, reasons and plan.

    Attributes:
        is_individual: so many records that the migration is scoped individually.
        loads: what the loading time is made of.
    """

    grade: Grade
    says: str
    points: int
    records: int
    is_individual: bool
    factors: tuple[Factor, ...]
    phases: tuple[Phase, ...]
    loads: tuple[LoadEstimate, ...]

    @property
    def days(self) -> tuple[float, float]:
        """Working days of all phases, from and to."""
        return sum(p.days[0] for p in self.phases), sum(p.days[1] for p in self.phases)

    @property
    def load_seconds(self) -> tuple[float, float]:
        """Seconds of one whole load, from and to."""
        return sum(each.seconds[0] for each in self.loads), sum(each.seconds[1] for each in self.loads)


def estimate(
    table: Compatibility, access: Access, access_note: str, records: int, unmapped: int, columns: int,
    staged: list[tuple[str, str, int]], measured: list[MeasuredRate],
) -> Effort:  # fmt: skip
    """Grade and plan of one export.

    Args:
        table: the compatibility table.
        access: how the CRM gives its data away.
        access_note: what that means, for the reason.
        records: rows of the export.
        unmapped: columns of the files that no field takes.
        columns: columns of the files in all.
        staged: model, title and the records that are loaded into it at most.
        measured: rates of earlier loads, where there are any.
    """
    settings = effort_settings()
    factors = (
        _compatibility(table, settings), _mapping(table, unmapped, columns, settings),
        Factor("API constraints", settings.factors.access[access], access_note or _ACCESS[access]), _volume(records, settings),
    )  # fmt: skip
    points = sum(factor.points for factor in factors)
    is_individual = records >= settings.scoped_individually_from
    found = settings.grades[-1] if is_individual else next(g for g in settings.grades if points <= g.points)
    loads = tuple(_load(model, title, count, measured, settings.rates) for model, title, count in staged if count)
    seconds = (sum(each.seconds[0] for each in loads), sum(each.seconds[1] for each in loads))
    phases = tuple(
        Phase(each.title, each.who, each.does, each.days[found.grade], seconds if each.loads else None) for each in settings.phases
    )
    return Effort(found.grade, found.says, points, records, is_individual, factors, phases, loads)


def _points(steps: tuple[_Step, ...], value: float) -> int:
    return next(step.points for step in steps if value >= step.at_least)


def _compatibility(table: Compatibility, settings: EffortSettings) -> Factor:
    share = table.direct / len(table.objects) if table.objects else 1.0
    lossy = sum(each.is_lossy for each in table.objects)
    return Factor("Object compatibility", _points(settings.factors.compatibility, share), f"{table.sentence}; {lossy} of {len(table.objects)} lose something.")


def _mapping(table: Compatibility, unmapped: int, columns: int, settings: EffortSettings) -> Factor:
    fields, confirmed = sum(o.fields for o in table.objects), sum(o.confirmed for o in table.objects)
    share = (confirmed / fields if fields else 1.0) * (1 - unmapped / columns if columns else 1.0)
    reason = f"{confirmed:,} of {fields:,} mapped fields are confirmed; {unmapped} of {columns} columns in the files go into no field."
    return Factor("Field mapping clarity", _points(settings.factors.mapping, share), reason)


def _volume(records: int, settings: EffortSettings) -> Factor:
    limit = settings.scoped_individually_from
    more = f" That is {limit:,} or more: such migrations are scoped individually." if records >= limit else f" Below the {limit:,} from which migrations are scoped individually."
    return Factor("Data volume", _points(settings.factors.volume, records), f"{records:,} rows in the export.{more}")


def _load(model: str, title: str, records: int, measured: list[MeasuredRate], rates: _Rates) -> LoadEstimate:
    own = next((each for each in measured if each.model == model and each.per_second > 0), None)
    rate = own.per_second if own is not None else rates.models.get(model, rates.other)
    spread = rates.measured_range if own is not None else rates.range
    source = own.into if own is not None else rates.source if model in rates.models else "stated default; never measured"
    return LoadEstimate(model, title, records, rate, source, (records / (rate * spread[1]), records / (rate * spread[0])))
