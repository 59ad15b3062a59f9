"""What benchmarks say about growth."""

from __future__ import annotations

import math

import pytest

from benchmarks.measure import slope


@pytest.mark.parametrize("power", [0, 0.3, 1, 2])
def test_the_slope_is_the_power(power: float) -> None:
    sizes = [1_000, 10_000, 70_000]
    assert slope(sizes, [3.5 * size**power for size in sizes]) == pytest.approx(power)


def test_one_size_has_no_slope() -> None:
    assert math.isnan(slope([10], [1.0]))
    assert math.isnan(slope([10, 20], [0.0, 1.0]))
