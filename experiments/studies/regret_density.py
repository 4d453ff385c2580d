r"""The memoryless learner's regret at goals of different density, simulated episode by episode (T1, T2).

A learner explores a grid by random moves until it has found the goal, then goes there. Each replication plays
episodes until the goal is found: with ``tau`` the episode in which it is, the regret is ``v tau - 1`` if
``tau <= N`` and ``N v`` otherwise, and has the mean ``(1 - (1 - rho)**N) (v / rho - 1)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

    from metaregret.tabular.process import ControlledMarkovProcess

PROCESS, HORIZON = "grid:4x4", 6
REPLICATIONS = {Scale.FULL: 400, Scale.SHORT: 50}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the points: finite and infinite numbers of episodes without slip, infinitely many with."""
    shared = {"process": PROCESS, "horizon": HORIZON, "replications": REPLICATIONS[scale]}
    cases = [(5, "0"), (20, "0"), (80, "0"), (None, "0"), (None, "1/5"), (None, "2/5")]
    return [{**shared, "slip": slip, "episodes": episodes} for episodes, slip in cases]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Simulate the learner at every goal; one row per goal."""
    import numpy as np

    from metaregret.tabular import goal_values, make, terminal_distribution, uniform_policy
    from metaregret.theory import memoryless_regret

    process = make(f"{point['process']},slip={point['slip']}").replaced(horizon=point["horizon"])
    policy = uniform_policy(process)
    density = terminal_distribution(process, policy).probabilities
    optimum = goal_values(process).values
    episodes, count = point["episodes"], int(point["replications"])
    found = first_success(process, policy, count, episodes, generator)
    if episodes is None:
        samples = optimum * found - 1.0
    else:
        samples = np.where(found <= episodes, optimum * found - 1.0, optimum * episodes)
    closed = memoryless_regret(density, optimum, episodes)
    return [
        {
            "goal": process.states[goal],
            "density": density[goal],
            "optimum": optimum[goal],
            "regret": samples[:, goal].mean(),
            "standard_error": samples[:, goal].std(ddof=1) / np.sqrt(count),
            "closed_form": closed[goal],
        }
        for goal in range(process.n_states)
    ]


def first_success(
    process: ControlledMarkovProcess,
    policy: np.ndarray,
    count: int,
    episodes: int | None,
    generator: np.random.Generator,
) -> np.ndarray:
    """Play episodes of a policy and return in which each state was first the last one, shape (count, S).

    States that do not occur in `episodes` episodes get ``episodes + 1``.
    """
    import numpy as np

    chains = [np.cumsum(_chain(process, weights), axis=1) for weights in policy]
    found = np.zeros((count, process.n_states), dtype=np.int64)
    played = 0
    while np.any(found == 0) and (episodes is None or played < episodes):
        played += 1
        ends = _last_states(process, chains, count, generator)
        fresh = found[np.arange(count), ends] == 0
        found[np.flatnonzero(fresh), ends[fresh]] = played
    return np.where(found == 0, played + 1, found)


def _chain(process: ControlledMarkovProcess, weights: np.ndarray) -> np.ndarray:
    """The transition matrix of one step of a policy, shape (S, S)."""
    import numpy as np

    chain = np.zeros((process.n_states, process.n_states))
    moves = process.transition_choice
    where = (process.choice_state[moves], process.successors)
    np.add.at(chain, where, weights[moves] * process.probabilities)
    return chain


def _last_states(
    process: ControlledMarkovProcess, chains: Sequence[np.ndarray], count: int, generator: np.random.Generator
) -> np.ndarray:
    """Play one episode `count` times, step by step, and return the last states."""
    states = generator.choice(process.n_states, size=count, p=process.initial)
    for reached in chains:
        draws = generator.random(count) * reached[states, -1]
        states = (reached[states] > draws[:, None]).argmax(axis=1)
    return states


STUDY = Study(
    "regret_density", "regret of memoryless learners at goals of different density", points, measure
)
