"""Intervals over tasks and seeds, paired tests, corrections for many of them."""

from __future__ import annotations

import numpy as np
import pytest

from metaregret.experiments.statistics import holm, interval, paired_p_value


def test_holm_by_hand() -> None:
    """Holm 1979: the smallest times n, the next times n - 1, and so on; never decreasing, at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.4]) == pytest.approx([0.9, 0.8])
    assert holm([]).size == 0


def test_the_signed_rank_test_is_exact() -> None:
    """Eight differences of one sign: 2 / 2^8; none at all, or rounding only: 1."""
    base = np.zeros(8)
    assert paired_p_value(base + np.arange(1, 9), base) == pytest.approx(2 / 256)
    assert paired_p_value(base + np.arange(1, 9) * (-1.0) ** np.arange(8), base) > 0.5
    assert paired_p_value(base, base) == 1.0
    assert paired_p_value(base + 1e-12, base) == 1.0


def test_intervals_know_of_tasks_and_of_seeds() -> None:
    """Noise by task, by seed or by both widens the interval to about the normal one for that noise; noise by
    task alone must not be averaged away by many seeds."""
    rng = np.random.default_rng(3)
    by_task = np.repeat(rng.normal(size=(1, 25)), 100, axis=0)
    lower, upper = interval(by_task)
    normal = 2 * 1.96 * by_task[0].std() / 5
    assert upper - lower == pytest.approx(normal, rel=0.15)
    independent = rng.permuted(by_task.ravel()).reshape(by_task.shape)
    narrow = np.subtract(*interval(independent)[::-1])
    assert narrow < 0.5 * (upper - lower)
    assert interval(by_task) == (lower, upper)


def test_constant_results_have_no_interval() -> None:
    lower, upper = interval(np.full((3, 4, 2), 0.25))
    assert np.abs(lower - 0.25).max() < 1e-12
    assert np.abs(upper - 0.25).max() < 1e-12


def test_coverage_of_the_interval() -> None:
    """At least nine in ten of the intervals of normal results contain the mean (tasks and seeds random)."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        values = rng.normal(size=(20, 1)) + rng.normal(size=(1, 20)) + rng.normal(size=(20, 20))
        lower, upper = interval(values)
        hits += int(lower <= 0.0 <= upper)
    assert hits >= 90
