"""Garnet processes: random transitions with a fixed branching factor, as exact rationals.

Source: Archibald, McKinnon & Thomas, *On the generation of Markov decision processes*, J. Oper. Res. Soc.
46 (1995); Bhatnagar et al., *Natural actor-critic algorithms* (2009). Here the probabilities are random
integer weights over a common denominator, so that the process is exact.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.environments.options import Environment, Options, check_transitions
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.horizon import FiniteHorizon, Horizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "garnet"]

DENOMINATOR = 1000
DEFAULT_HORIZON = FiniteHorizon(10)


def garnet(
    n_states: int,
    n_actions: int,
    branching: int,
    *,
    seed: int = 0,
    start: int = 0,
    horizon: Horizon | int = DEFAULT_HORIZON,
) -> ControlledMarkovProcess:
    """Return a random process where every choice has `branching` successors with weights over 1000.

    Parameters
    ----------
    n_states, n_actions, branching : int
        ``S``, ``A`` and the number of successors ``b <= min(S, 1000)`` of every choice.
    seed : int
        Seed of NumPy's PCG64 generator; the same seed gives the same process.

    Raises
    ------
    EnvironmentSpecError
        If the branching factor is larger than the number of states, or the start is not a state.
    InstanceTooLargeError
        If there would be more transitions than fit in memory.
    """
    if not 1 <= branching <= min(n_states, DENOMINATOR):
        raise EnvironmentSpecError(
            f"Expected branching b between 1 and min(S, {DENOMINATOR}) = {min(n_states, DENOMINATOR)}, "
            f"but got b={branching}."
        )
    if not 0 <= start < n_states:
        raise EnvironmentSpecError(f"Expected start in 0..{n_states - 1}, but got start={start}.")
    choices = n_states * n_actions
    check_transitions(choices * branching, f"garnet:S={n_states},A={n_actions},b={branching}")
    random = np.random.default_rng(seed)
    successors = _distinct(random, choices, n_states, branching)
    cuts = np.sort(_distinct(random, choices, DENOMINATOR - 1, branching - 1) + 1, axis=1)
    edges = np.concatenate(
        [np.zeros((choices, 1), np.int64), cuts, np.full((choices, 1), DENOMINATOR)], axis=1
    )
    state, action = np.divmod(np.arange(choices), n_actions)
    keys = np.column_stack([np.repeat(state, branching), np.repeat(action, branching), successors.ravel()])
    return ControlledMarkovProcess.from_counts(
        keys,
        np.diff(edges, axis=1).ravel(),
        DENOMINATOR,
        states=n_states,
        actions=n_actions,
        initial=start,
        horizon=horizon,
        name=f"garnet:S={n_states},A={n_actions},b={branching},seed={seed}",
    )


def _distinct(random: np.random.Generator, rows: int, limit: int, count: int) -> np.ndarray:
    """Uniformly random subsets of ``0..limit-1`` of size `count`, one per row (rejection of repeats)."""
    if 3 * count >= limit or count * count > 4 * limit:  # rejection would hardly ever accept
        block = max(1, 2**24 // limit)
        parts = [
            np.argsort(random.random((min(block, rows - first), limit)), axis=1)[:, :count]
            for first in range(0, rows, block)
        ]
        return np.concatenate(parts).astype(np.int64)
    drawn = random.integers(limit, size=(rows, count))
    while True:
        ordered = np.sort(drawn, axis=1)
        bad = np.flatnonzero(np.any(ordered[:, 1:] == ordered[:, :-1], axis=1))
        if not bad.size:
            return drawn
        drawn[bad] = random.integers(limit, size=(len(bad), count))


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    if body:
        raise EnvironmentSpecError(f"Expected garnet:S=..,A=..,b=..,seed=.., but got {body!r}.")
    return garnet(
        options.integer("S", minimum=1),
        options.integer("A", minimum=1, maximum=10_000),
        options.integer("b", minimum=1, maximum=DENOMINATOR),
        seed=options.integer("seed", 0, maximum=2**40),
        start=options.integer("start", 0),
    )


ENVIRONMENT = Environment(
    "garnet",
    "garnet:S=STATES,A=ACTIONS,b=BRANCHING[,seed=N][,start=INDEX]",
    "a random process with b successors per choice",
    ("garnet:S=20,A=3,b=3,seed=1",),
    _build,
)
