"""Small rational processes for the tests of skills and proposals."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.policy import deterministic_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess


def z_channel(horizon: Horizon | int = 1) -> ControlledMarkovProcess:
    """C1: one action stays in state 1, the other reaches state 2 with probability 1/2."""
    half = Fraction(1, 2)
    return ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (0, 1, 0, half), (0, 1, 1, half), (1, 0, 1, 1)],
        states=2,
        actions=2,
        initial=0,
        horizon=horizon,
        name="z-channel",
    )


@st.composite
def processes(
    draw: st.DrawFn, *, max_states: int = 3, max_steps: int = 2, geometric: bool = False
) -> ControlledMarkovProcess:
    """Draw a process with integer weights normalised as rationals."""
    size = draw(st.integers(2, max_states))
    rows = []
    for state, action in itertools.product(range(size), range(draw(st.integers(1, 2)))):
        weights = draw(st.lists(st.integers(0, 4), min_size=size, max_size=size).filter(any))
        rows += [(state, action, to, Fraction(w, sum(weights))) for to, w in enumerate(weights) if w]
    starts = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size).filter(any))
    horizon: Horizon = FiniteHorizon(draw(st.integers(1, max_steps)))
    if geometric:
        horizon = GeometricHorizon(Fraction(draw(st.integers(0, 9)), 10))
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=size,
        actions=2,
        initial={s: Fraction(w, sum(starts)) for s, w in enumerate(starts) if w},
        horizon=horizon,
        name="drawn",
    )


def all_markov_rows(process: ControlledMarkovProcess) -> np.ndarray:
    """Terminal distributions of all deterministic Markov policies, one policy at a time: the brute-force
    oracle."""
    options = [process.choices(s) for s in range(process.n_states)]
    if isinstance(process.horizon, GeometricHorizon):
        plans = [np.array(plan) for plan in itertools.product(*options)]
    else:
        per_step = [np.array(plan) for plan in itertools.product(*options)]
        plans = [np.stack(plan) for plan in itertools.product(per_step, repeat=process.horizon.steps)]
    return np.stack(
        [terminal_distribution(process, deterministic_policy(process, plan)).probabilities for plan in plans]
    )
