"""DIAYN's alternation round by round: mutual information and worst-case regret on the way (T6, T8).

Skills start from random discriminators; each round updates the discriminator by Bayes' rule and plans every
skill anew. The learner explores with the mixture of the skills.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

EPISODES = 50
MOST_ROUNDS = 12


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the points: random starts on a grid without slip and with two degrees of it."""
    starts = 8 if scale is Scale.FULL else 2
    return [
        {"process": f"grid:3x3,slip={slip}", "slip": slip, "horizon": 4, "episodes": EPISODES, "start": start}
        for slip in ("0", "1/20", "1/5")
        for start in range(starts)
    ]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Run the alternation from one random start; one row a round."""
    import numpy as np

    from metaregret.tabular import goal_values, make
    from metaregret.theory import GoalTasks, memoryless_regret, solve_without_memory
    from metaregret.theory.proposals.alternation import plan, posterior_rewards, random_rewards
    from metaregret.theory.skills import process_capacity

    process = make(point["process"]).replaced(horizon=point["horizon"])
    count = process.n_states
    support, prior = np.arange(count), np.full(count, 1.0 / count)
    optimum = goal_values(process).values
    minimax = solve_without_memory(GoalTasks.reachable(process), episodes=point["episodes"])
    best = process_capacity(process)
    capacity = best.mutual_information
    skills = plan(process, prior, random_rewards(count, count, generator))
    rows = []
    for number in range(MOST_ROUNDS):
        exploration = prior @ skills.rows
        rows.append(
            {
                "round": number,
                "information": skills.information,
                "worst_case_regret": float(memoryless_regret(exploration, optimum, point["episodes"]).max()),
                "covered": int(np.count_nonzero(exploration > 1e-12)),
                "capacity_lower": capacity.lower,
                "capacity_upper": capacity.upper,
                "capacity_regret": float(
                    memoryless_regret(best.goal_distribution, optimum, point["episodes"]).max()
                ),
                "minimax_lower": minimax.value.lower,
                "minimax_upper": minimax.value.upper,
            }
        )
        skills = plan(process, prior, posterior_rewards(skills, support, generator))
    return rows


STUDY = Study("information_path", "information and worst-case regret along DIAYN's rounds", points, measure)
