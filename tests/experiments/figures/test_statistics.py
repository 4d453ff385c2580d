"""Intervals over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from metaregret.experiments.statistics import interval


def test_the_width_is_that_of_the_noise_over_seeds() -> None:
    values = np.random.default_rng(3).normal(size=200)
    lower, upper = interval(values)
    assert lower < values.mean() < upper
    assert upper - lower == pytest.approx(2 * 1.96 * values.std() / np.sqrt(200), rel=0.1)
    assert interval(values) == (lower, upper)
    assert interval(values, level=0.5)[1] < upper


def test_constant_results_have_no_interval() -> None:
    assert interval(np.full(6, 0.25)) == (0.25, 0.25)


def test_coverage_of_the_interval() -> None:
    """With eight seeds at least 85 in 100 intervals of normal results contain the mean; of results half a
    standard deviation off, far fewer do."""
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=8) for _ in range(100)]
    assert sum(low <= 0 <= high for low, high in map(interval, drawn)) >= 85
    assert sum(low <= 0 <= high for low, high in (interval(one + 0.5) for one in drawn)) < 75
