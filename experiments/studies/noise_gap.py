r"""Random processes from deterministic to noisy: what noise does to T4, T6 and T7.

Each point is one process: random deterministic moves of which a share ``noise`` is replaced by random
transitions, ``P = (1 - noise) D + noise R``. Measured are the minimax regret (T4), the worst-case regret of
the goal marginal that maximises mutual information (T6) with the certified capacity, and the largest cost
``max_rho KL(rho || q)`` of adapting from the uniform prior instead of the optimal one (T7). Without noise
both excesses vanish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

    from metaregret.tabular.process import ControlledMarkovProcess

LEVELS = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80)
"""Shares of noise in per cent."""

COPIES = {Scale.FULL: 200, Scale.SHORT: 4}
DENOMINATOR = 1000


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return 2,000 points: 200 random processes at each of ten levels of noise."""
    return [{"noise_percent": level, "copy": copy} for copy in range(COPIES[scale]) for level in LEVELS]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Draw a process and measure the three theorems on it."""
    import numpy as np

    from metaregret.theory.main_claim import check_main_claim
    from metaregret.theory.skills import terminal_vertices

    process = random_process(point["noise_percent"], generator)
    main = check_main_claim(process)
    count = len(main.goals)
    vertices = terminal_vertices(process)[0][:, main.goals]
    return {
        "states": process.n_states,
        "actions": process.n_actions,
        "steps": getattr(process.horizon, "steps", None),
        "goals": count,
        "minimax_regret_lower": main.minimax.value.lower,
        "minimax_regret_upper": main.minimax.value.upper,
        "proposal_regret": main.proposal_regret,
        "capacity_lower": main.mutual_information.lower,
        "capacity_upper": main.mutual_information.upper,
        "capacity_known": main.capacity_known,
        "uniform_cost": divergence(vertices, np.full(count, 1.0 / count)),
        "marginal_cost": divergence(vertices, main.marginal),
    }


def divergence(rows: np.ndarray, output: np.ndarray) -> float:
    """Return ``max_rho KL(rho || q)`` in nats over rows of shape (n, K)."""
    import numpy as np

    ratio = np.where(rows > 0, rows / output, 1.0)
    return float((rows * np.log(ratio)).sum(axis=1).max())


def random_process(noise_percent: int, generator: np.random.Generator) -> ControlledMarkovProcess:
    """Return an exact process of 3 or 4 states, 2 or 3 actions and 1 or 2 steps, started in state 0.

    Every state has a random deterministic move per action; `noise_percent` of it is replaced by transitions
    with random rational probabilities.
    """
    import numpy as np

    from metaregret.tabular.process import ControlledMarkovProcess

    states, actions = int(generator.integers(3, 5)), int(generator.integers(2, 4))
    steps = int(generator.integers(1, 3))
    counts = np.zeros((states, actions, states), dtype=np.int64)
    for state, action in np.ndindex(states, actions):
        spread = generator.multinomial(DENOMINATOR, generator.dirichlet(np.ones(states)))
        counts[state, action] = noise_percent * spread
        counts[state, action, generator.integers(states)] += (100 - noise_percent) * DENOMINATOR
    keys = np.stack(np.unravel_index(np.arange(counts.size), counts.shape), axis=1)
    positive = counts.ravel() > 0
    return ControlledMarkovProcess.from_counts(
        keys[positive],
        counts.ravel()[positive],
        100 * DENOMINATOR,
        states=states,
        actions=actions,
        horizon=steps,
        name="random",
    )


STUDY = Study(
    "noise_gap", "random processes: mutual information against minimax as noise grows", points, measure
)
