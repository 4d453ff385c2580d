"""All goals of a 30 x 30 grid, T = 60: one pass of this engine against a loop over goals with the fastest
peer."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np

from benchmarks.planning_measure import OURS, Comparison, in_turns
from benchmarks.planning_peers import Prepared
from metaregret.tabular.environments.grid import grid
from metaregret.tabular.goals import goal_values
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["measure_goals"]

STEPS = 60

PEER = "quantecon-finite"


def _quantecon_loop(process: ControlledMarkovProcess) -> Prepared:
    import quantecon as qe
    import scipy.sparse as sp

    model = qe.markov.DiscreteDP(
        np.zeros(process.n_choices),
        sp.csr_matrix(process.matrix),
        1.0,
        process.choice_state,
        process.choice_action,
    )

    def run() -> np.ndarray:
        table = np.empty((process.n_states, process.n_states))
        for goal in range(process.n_states):
            terminal = np.zeros(process.n_states)
            terminal[goal] = 1.0
            table[:, goal] = qe.markov.backward_induction(model, STEPS, terminal)[0][0]
        return table

    return Prepared(run)


def _ours(process: ControlledMarkovProcess) -> np.ndarray:
    bounds = goal_values(process, everywhere=True).everywhere
    assert bounds is not None
    return np.asarray(bounds.mean(axis=0))


def measure_goals(rounds: int, side: int, *, peer: bool) -> list[Comparison]:
    """Time both on the deterministic and the slippery grid, in turns; the answers must agree to 1e-12."""
    found = []
    for name, slip, required in (("noise", Fraction(1, 10), 10.0), ("deterministic", Fraction(0), 30.0)):
        process = grid(side, side, slip=slip).replaced(horizon=STEPS)
        contestants = {OURS: Prepared(partial(_ours, process))}
        if peer:
            contestants[PEER] = _quantecon_loop(process)
        answers = {key: contestant.solve() for key, contestant in contestants.items()}  # also compiles
        middle = np.mean(list(answers.values()), axis=0)
        found.append(
            Comparison(
                f"goals-{name}",
                f"goals-{name}-{process.n_states}",
                process.n_states,
                process.n_transitions,
                in_turns(contestants, rounds),
                {key: float(np.abs(answer - middle).max()) for key, answer in answers.items()},
                1e-12,
                required,
                [] if peer else [PEER],
                f"all {process.n_states} goals, {STEPS} steps",
            )
        )
    return found
