"""All goals of a 30 x 30 grid, T = 60: one pass of this engine against a loop over goals with the fastest
peer."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from tabular.engine import goal_values_all
from tabular.environments.grid import grid
from tabular.process import ControlledMarkovProcess

__all__ = ["measure_goals"]

STEPS = 60


def _quantecon_loop(process: ControlledMarkovProcess) -> Callable[[], np.ndarray]:
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

    return run


def measure_goals(rounds: int, side: int, peers: bool) -> list[dict[str, Any]]:
    """Time both on the deterministic and the slippery grid, interleaved; values must agree to 1e-12."""
    records = []
    for name, slip, required in (("noise", Fraction(1, 10), 10.0), ("deterministic", Fraction(0), 30.0)):
        process = grid(side, side, slip=slip)
        contestants: dict[str, Callable[[], np.ndarray]] = {
            "metaregret": lambda process=process: goal_values_all(process, None, STEPS).values
        }
        if peers:
            contestants["quantecon-finite"] = _quantecon_loop(process)
        answers = {key: run() for key, run in contestants.items()}  # also compiles
        times: dict[str, list[float]] = {key: [] for key in contestants}
        for _ in range(rounds):
            for key, run in contestants.items():
                start = time.perf_counter()
                run()
                times[key].append(time.perf_counter() - start)
        error = max(float(np.abs(answers["metaregret"] - answer).max()) for answer in answers.values())
        records.append(
            {
                "case": f"goals-{process.n_states}-{name}",
                "seconds": {key: float(np.median(value)) for key, value in times.items()},
                "all_seconds": times,
                "errors": {"metaregret": error},
                "required": required,
                "missing": [] if peers else ["quantecon-finite"],
            }
        )
    return records
