"""The benchmark measures what it says: both methods reach the same gap, and the table loads into pandas."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from benchmarks.capacity import GAP, as_csv, channels, measure, plain_blahut_arimoto
from metaregret.theory.information import channel_capacity
from tests.theory.information.textbook import z_channel


def test_the_plain_loop_finds_the_capacity() -> None:
    matrix, capacity = z_channel(0.5)
    _, gap, steps = plain_blahut_arimoto(matrix, 5.0)
    assert gap <= GAP
    assert steps > 1
    assert channel_capacity(matrix).capacity.midpoint == pytest.approx(capacity, abs=GAP)


def test_the_table_says_which_numbers_are_bounds() -> None:
    easy = measure("easy", 0.9 * np.eye(20) + 0.1 * np.full((20, 20), 1 / 20), 2, 5.0)
    rng = np.random.default_rng(0)
    hard = rng.exponential(size=(60, 60))
    cut = measure("cut short", hard / hard.sum(axis=1, keepdims=True), 1, 0.0)
    frame = pd.read_csv(io.StringIO(as_csv([easy, cut])))
    assert list(frame["channel"]) == ["easy", "cut short"]
    assert list(frame["plain_finished"]) == [True, False]
    assert (frame["ours_gap"] <= frame["asked_gap"]).all()
    assert frame["plain_gap"][0] <= GAP < frame["plain_gap"][1]
    assert {"ours_median", "plain_seconds", "ratio", "numpy", "threads"} <= set(frame.columns)


def test_no_channel_has_an_output_that_is_never_reached() -> None:
    for name in ("sparse 20000 x 2000, 5 a row", "identity with 10 % noise"):
        channel = channels(False)[name]()
        assert np.asarray(channel.sum(axis=0)).min() > 0
        np.testing.assert_allclose(np.asarray(channel.sum(axis=1)), 1)
