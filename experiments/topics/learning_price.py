r"""The price of a wrong proposal for trained learners (T26), and whether distance to uniform orders it (T5).

Proposals ``q`` on the goals of a grid, with ``d_H(q, uniform)`` from 0 to 6 nats: ``log q`` takes two values
on random halves of the goals (for which T26 is tight on simplices), or is spread evenly, in random order.
Learners train on ``q`` and meet every goal equally often:

* ``explorer``: the memoryless learner of the theory, its exploration trained by gradient descent;
* ``initialisation``: the gradient learner, trained through sampled adaptation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.experiments.topics._learning import needs
from metaregret.theory.learning.settings import RUNS, MetaSettings
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

GRID = "grid:4x2"
LEVELS = (0.0, 1.0, 2.0, 3.0, 4.5, 6.0)
LEARNERS = {"explorer": "memoryless explorer", "initialisation": "trained through adaptation"}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point for each learner; in short, few proposals."""
    full = {"draws": 2, "iterations": MetaSettings().iterations, "proposals_from": seed}
    if scale is Scale.SHORT:
        full |= {"draws": 1, "iterations": 20}
    return [{"learner": name, **full} for name in LEARNERS]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train on every proposal; one row for each. `generator` is not used: the point names the seed."""
    import numpy as np

    from metaregret.tabular.environments import make
    from metaregret.theory.learning.worlds import sparse_goals

    tests = sparse_goals(make(GRID))
    kinds, q = proposals(point["draws"], point["proposals_from"], len(tests))
    mean, worst = {"explorer": _explorer, "initialisation": _gradient}[point["learner"]](point, tests, q)
    least = mean[q.max(axis=1) - q.min(axis=1) < 1e-12].mean()
    spread = np.log(q.max(axis=1) / q.min(axis=1))
    return [
        {
            "kind": kinds[i],
            "hilbert": spread[i],
            "distance": 0.5 * np.abs(q[i] - 1.0 / q.shape[1]).sum(),
            "theory": np.sqrt(q[i]).sum() / np.sqrt(q[i]).min() - 1.0,
            "bound": np.cosh(spread[i] / 4.0) ** 2,
            "price": (1.0 + mean[i]) / (1.0 + least),
            "mean_regret": mean[i],
            "worst_regret": worst[i],
        }
        for i in range(len(q))
    ]


def proposals(draws: int, seed: int, goals: int) -> tuple[list[str], np.ndarray]:
    """Return kinds and distributions, shape (n, goals)."""
    import numpy as np

    rng = np.random.default_rng([seed, goals])
    shapes = {"halves": np.arange(goals) < goals // 2, "even": np.linspace(0.0, 1.0, goals)}
    kinds, logs = [], []
    for level in LEVELS:
        for kind, shape in shapes.items():
            for _ in range(draws):
                kinds.append(kind)
                logs.append(level * rng.permutation(shape.astype(np.float64)))
    q = np.exp(np.array(logs))
    return kinds, q / q.sum(axis=1, keepdims=True)


def _explorer(point: Point, tests: Any, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and worst regret, without a limit on episodes."""
    from metaregret.theory.learning import train_explorer
    from metaregret.theory.tasks import GoalTasks

    goals = GoalTasks.reachable(tests.process)
    rho = train_explorer(goals, q, iterations=5 * point["iterations"])[:, goals.goals]
    return (1.0 / rho - 1.0).mean(axis=1), (1.0 / rho - 1.0).max(axis=1)


def _gradient(point: Point, tests: Any, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and worst regret over the episodes of a trial."""
    import numpy as np

    from metaregret.theory.learning import adapt, dynamics, meta_train

    world, settings = dynamics(tests.process), MetaSettings(iterations=point["iterations"])
    rewards = np.repeat(tests.rewards[None], len(q), axis=0)
    learners = meta_train(world, rewards, q, "initialisation", settings, np.arange(len(q)))
    who, run, task = np.indices((len(q), RUNS, len(tests))).reshape(3, -1)
    curves = adapt(world, learners, settings, who, tests.rewards[task], 1_000_000 + run * len(tests) + task)
    lost = settings.episodes * (1.0 - curves).sum(axis=1).reshape(len(q), RUNS, len(tests)).mean(axis=1)
    return lost.mean(axis=1), lost.max(axis=1)


STUDY = Study(
    "learning_price", "The price of a wrong proposal for trained learners", points, measure, needs=needs
)


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the price against Hilbert's distance, and the worst regret against T5's."""
    import numpy as np
    from scipy.stats import spearmanr

    data = results["learning_price"]
    figure = style.canvas("line", ratio=0.40)
    left, right = figure.subplots(1, 2)
    line = np.linspace(0.0, float(data["hilbert"].max()), 100)
    left.plot(line, np.cosh(line / 4) ** 2, **style.series(0, marker=False), label="$\\cosh^2(d_H/4)$")
    numbers: dict[str, float | str] = {"proposals": float((data["learner"] == "explorer").sum())}
    for index, (learner, label) in enumerate(LEARNERS.items(), start=1):
        rows = data[data["learner"] == learner]
        left.plot(rows["hilbert"], rows["price"], **style.points(index), label=label)
        right.plot(rows["theory"], rows["worst_regret"], **style.points(index), label=label)
        away = rows[rows["bound"] > 1.0001]
        numbers[f"{learner}LargestShare"] = float(((away["price"] - 1) / (away["bound"] - 1)).max())
        for column, name in (("hilbert", "Hilbert"), ("distance", "Distance"), ("theory", "Theory")):
            against = "price" if column == "hilbert" else "worst_regret"
            numbers[f"{learner}{name}"] = float(spearmanr(rows[column], rows[against]).statistic)
    left.set(xlabel="Hilbert's distance $d_H$ to uniform (nats)", ylabel="price (ratio of $1+$ mean regret)")
    right.plot(*[[data["theory"].min(), data["theory"].max()]] * 2, color="0.35", linewidth=0.8)
    right.set(xscale="log", yscale="log", xlabel="$W(q)$ of T5", ylabel="worst-goal regret")
    left.legend(loc="upper left")
    names = ("learner", "kind", "hilbert", "distance", "theory", "bound", "price", "mean_regret")
    return Drawing(
        figure,
        data[[*names, "worst_regret"]],
        numbers,
        "Learners trained on proposals at a distance from uniform, which then meet all goals equally often. "
        "Left: what the wrong proposal costs, and the bound for memoryless learners, which is attained by "
        "proposals of two levels. Right: regret on the worst goal against that of an ideal memoryless "
        "learner.",
    )


FIGURE = Figure(
    name="learning_price",
    title="The price of a wrong proposal for trained learners",
    studies=("learning_price",),
    theorems=("T05", "T26"),
    draw=draw,
    long=True,
)
