r"""Does the distance of a proposal to uniform predict the worst-case regret of trained learners (T5)?

Proposals ``q = (1 - c) uniform + c peaked`` on the goals of a process, ``peaked`` drawn from a Dirichlet
distribution, ``c`` from 0 to 1. Learners are trained on each and meet every goal:

* ``explorer``: the memoryless learner of the theory, its exploration trained by gradient descent;
* ``maml-exact``, ``maml-episodes``: MAML, adapting by exact gradients or from sampled episodes;
* ``recurrent``: the recurrent learner, with the Bayes-optimal learner for ``q`` as its ideal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

    from metaregret.tabular.process import ControlledMarkovProcess

GRID, GRID_STEPS = "grid:3x3", 4
STAR, TRIAL = "tree:0,0,0", 4
DRAWS = 5
FULL = {"levels": 8, "iterations": 1000, "meta_iterations": 200, "seeds": 3}
SHORT = {"levels": 3, "iterations": 300, "meta_iterations": 20, "seeds": 1}
LEARNERS = ("explorer", "maml", "recurrent")


def needs() -> None:
    """JAX and optax, of the extra ``learn``."""
    from metaregret.theory.learning.backend import require_extra

    require_extra()


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point for each learner; in short, the explorer and the recurrent learner only."""
    if scale is Scale.SHORT:
        return [{"learner": name, "proposals_from": seed, **SHORT} for name in ("explorer", "recurrent")]
    return [{"learner": name, "proposals_from": seed, **FULL} for name in LEARNERS]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train on every proposal; one row for each proposal and learner.

    All learners on a process see the same proposals, drawn from the seed that the point names; `generator` is
    not used.
    """
    return {"explorer": _explorers, "maml": _maml, "recurrent": _recurrent}[point["learner"]](point)


def _proposals(point: Point, goals: int) -> tuple[np.ndarray, np.ndarray]:
    """Return concentrations ``c``, shape (B,), and distributions, shape (B, goals)."""
    import numpy as np

    rng = np.random.default_rng([point["proposals_from"], goals])
    level = np.repeat(np.linspace(0.0, 1.0, point["levels"]), DRAWS)
    peaked = np.tile(rng.dirichlet(np.full(goals, 0.5), size=DRAWS), (point["levels"], 1))
    return level, (1.0 - level)[:, None] / goals + level[:, None] * peaked


def _rows(
    name: str, level: np.ndarray, q: np.ndarray, regret: np.ndarray, ideal: np.ndarray | None
) -> list[dict[str, Any]]:
    import numpy as np

    distance = 0.5 * np.abs(q - 1.0 / q.shape[1]).sum(axis=1)
    theory = np.sqrt(q).sum(axis=1) / np.sqrt(q).min(axis=1) - 1.0
    return [
        {
            "kind": name,
            "concentration": level[i],
            "distance": distance[i],
            "theory": theory[i],
            "ideal": None if ideal is None else ideal[i],
            "trained": regret[i],
        }
        for i in range(len(q))
    ]


def _grid() -> ControlledMarkovProcess:
    from metaregret.tabular.environments import make

    return make(GRID).replaced(horizon=GRID_STEPS)


def _explorers(point: Point) -> list[dict[str, Any]]:
    from metaregret.theory.learning import train_explorer
    from metaregret.theory.tasks import GoalTasks

    goals = GoalTasks.reachable(_grid())
    level, q = _proposals(point, len(goals.goals))
    rho = train_explorer(goals, q, iterations=point["iterations"])[:, goals.goals]
    rows = _rows("explorer", level, q, 1.0 / rho.min(axis=1) - 1.0, None)
    return [row | {"ideal": row["theory"]} for row in rows]


def _maml(point: Point) -> list[dict[str, Any]]:
    import numpy as np

    from metaregret.theory.learning.distributions import Training
    from metaregret.theory.learning.families import sparse_goals
    from metaregret.theory.learning.meta import MetaMethod, Schedule
    from metaregret.theory.learning.pipeline import Adaptation, learn

    process = _grid()
    tests = sparse_goals(process, np.arange(process.n_states))
    level, q = _proposals(point, len(tests))
    trainings = [[Training(str(i), tests, weights)] * point["seeds"] for i, weights in enumerate(q)]
    adaptations = [Adaptation(20), Adaptation(20, 5)]
    schedule = Schedule(iterations=point["meta_iterations"])
    learned = learn(tests, trainings, MetaMethod.MAML, schedule, adaptations)
    rows = []
    for adaptation in adaptations:
        found = [one for one in learned if one.adaptation is adaptation]
        curves = np.stack([one.curves.mean(axis=0) for one in found])
        lost = (tests.optimum[:, None] - curves)[..., :-1].sum(axis=-1)
        rows += _rows(f"maml-{adaptation.name}", level, q, lost.max(axis=1), None)
    return rows


def _recurrent(point: Point) -> list[dict[str, Any]]:
    import numpy as np

    from metaregret.tabular.environments import make
    from metaregret.theory.learning import RecurrentSchedule, history_tree, train_recurrent
    from metaregret.theory.learning.families import sparse_goals
    from metaregret.theory.learning.limits import bayes_learner

    process = make(STAR).replaced(horizon=1)
    tests = sparse_goals(process, np.arange(process.n_states))
    level, q = _proposals(point, len(tests))
    schedule = RecurrentSchedule(iterations=2 * point["meta_iterations"])
    seeds = point["seeds"]
    learners = train_recurrent(
        history_tree(tests, TRIAL), np.repeat(q, seeds, axis=0), np.tile(np.arange(seeds), len(q)), schedule
    )
    lost = TRIAL * tests.optimum - learners.payoffs.reshape(len(q), seeds, -1).mean(axis=1)
    ideal = np.array([bayes_learner(tests, TRIAL, weights).per_task.max() for weights in q])
    return _rows("recurrent", level, q, lost.max(axis=1), ideal)


STUDY = Study(
    "learning_link", "Distance to uniform and the regret of trained learners", points, measure, needs=needs
)
