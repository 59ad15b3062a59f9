from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_pipeline.discovery.compatibility import Compatibility, compatibility
from crm_pipeline.discovery.effort import Effort, MeasuredRate, effort_settings, estimate
from crm_pipeline.settings import Settings
from crm_pipeline.specs import load_mapping

TABLE = compatibility(load_mapping(Settings.load(environ={}).specs_root / "leadforce"))


def effort(table: Compatibility = TABLE, **options: Any) -> Effort:
    given: dict[str, Any] = {"access": "files", "access_note": "", "records": 700, "unmapped": 0, "columns": 150, "staged": [("crm.lead", "Leads", 1000)], "measured": []}
    return estimate(table, **(given | options))


def test_the_sample_is_a_standard_migration_of_three_to_five_weeks() -> None:
    found = effort()
    assert found.grade == "B"
    assert 14 <= found.days[0] <= 16
    assert found.days[1] == 25
    assert [factor.name for factor in found.factors] == ["Object compatibility", "Field mapping clarity", "API constraints", "Data volume"]
    assert found.points == sum(factor.points for factor in found.factors)


@pytest.mark.parametrize(("records", "individual"), [(1_999_999, False), (2_000_000, True)])
def test_two_million_records_are_scoped_individually(records: int, individual: bool) -> None:  # noqa: FBT001 - a parameter of the case
    found = effort(records=records)
    assert found.is_individual == individual
    assert (found.grade == "D") == individual
    assert "2,000,000" in found.factors[3].reason


def test_worse_never_grades_better() -> None:
    direct = Compatibility(tuple(replace(each, relation="1:1") for each in TABLE.objects))
    assert effort(direct, access="bulk_api").grade == "A"
    split = Compatibility(tuple(replace(each, relation="1:many", confirmed=0) for each in TABLE.objects))
    assert effort(split, records=600_000).grade == "D"
    points = [effort(unmapped=unmapped).points for unmapped in range(0, 150, 10)]
    assert points == sorted(points)


def test_measured_rates_come_before_stated_ones() -> None:
    stated, measured = effort().loads[0], effort(measured=[MeasuredRate("crm.lead", 500.0, "measured on 2026-11-01, Odoo 18.0")]).loads[0]
    assert stated.per_second == effort_settings().rates.models["crm.lead"]
    assert stated.source == effort_settings().rates.source
    assert measured.per_second == 500
    assert measured.source == "measured on 2026-11-01, Odoo 18.0"
    assert measured.seconds[0] < 1000 / 500 < measured.seconds[1]
    assert measured.seconds[1] - measured.seconds[0] < stated.seconds[1] - stated.seconds[0], "a measured rate is narrower"


def test_every_phase_has_days_for_every_grade() -> None:
    for phase in effort_settings().phases:
        assert [phase.days[grade][1] for grade in ("A", "B", "C", "D")] == sorted(phase.days[grade][1] for grade in ("A", "B", "C", "D"))
        assert all(first <= last for first, last in phase.days.values())
