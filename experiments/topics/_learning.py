"""What the topics of learners share: distributions compared, settings, words, each learner beside scratch."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from metaregret.experiments.statistics import interval
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from metaregret.theory.learning import StepTasks, Training

__all__ = [
    "FEW",
    "KNOBS",
    "MEASURES",
    "SCRATCH",
    "TRAINING_WORDS",
    "WORLD_WORDS",
    "arms",
    "draw_intervals",
    "gains",
    "groups",
    "leading",
    "needs",
    "over_seeds",
    "records",
]

SURE = ("diayn", "uniform", "order-1", "handmade", "diayn-held-out", "diayn-16", "random")
"""Distributions compared where every goal is reached with certainty (capacity is ``order-1``)."""

NOISY = ("diayn", "uniform", "handmade", "order-1", "order-2", "order-inf", "random")
DENSE = ("diayn", "uniform", "handmade", "diayn-16", "random")
EXACT = (*SURE[:-1], "diayn-3K", "random"), (*NOISY[:-1], "diayn-2", "random")
"""With those that are compared where nothing has to be trained."""

FEW = ("diayn", "uniform", "order-inf")


def needs() -> None:
    """JAX and optax, of the extra ``learn``."""
    from metaregret.theory.learning.backend import require_extra

    require_extra()


def arms(world: str, *, exact: bool = False) -> tuple[str, ...]:
    """Return the distributions that are compared in a world."""
    if exact:
        return EXACT[world == "ledge"]
    return {"ledge": NOISY, "shaped": DENSE}.get(world, SURE)


@lru_cache(maxsize=8)
def groups(tests: StepTasks, names: tuple[str, ...], seeds: int, first: int) -> dict[str, list[Training]]:
    """Return one realisation of each distribution per seed, identical distributions under one name."""
    from metaregret.theory.learning import merged, training

    return merged([training(name, tests, first + seed) for seed in range(seeds)] for name in names)


TRAINING_WORDS = {
    "diayn": "DIAYN, last state",
    "diayn-2": "DIAYN of order 2",
    "uniform": "uniform goals",
    "order-1": "capacity (order 1)",
    "order-2": "order 2",
    "order-inf": "order infinity",
    "handmade": "test tasks",
    "diayn-held-out": "a third held out",
    "diayn-16": "DIAYN, all states (16)",
    "diayn-3K": "DIAYN, all states (3K)",
    "random": "random discriminator",
}
WORLD_WORDS = {
    "grid": "4 x 4 grid",
    "rooms": "four rooms",
    "line": "line of 15",
    "ledge": "ledge (noisy)",
    "shaped": "4 x 4, shaped",
    "wide": "7 x 7 grid",
}
KNOBS = {
    "initialisation": "initialisation, with credit",
    "no-credit": "initialisation, no credit",
    "rule": "update rule",
    "exact": "initialisation, exact gradients",
}
SCRATCH = {"exact": "exact-scratch"}
"""The learner from scratch with which a knob is compared, where it is not ``step-size``."""

MEASURES = ("area", "first_25", "first_success", "regret_25", "regret_100", "worst_regret_100")


def records(table: pd.DataFrame) -> list[Any]:
    """Return the rows as named tuples, of whatever types their columns have."""
    return list(table.itertuples())


def leading(name: str) -> str:
    """Return the first of distributions under one name, ``a = b``."""
    return name.partition(" = ")[0]


def gains(data: pd.DataFrame) -> pd.DataFrame:
    """Return each learner's measures beside scratch's, by world, knob, distribution and rule for step sizes.

    Seeds are the unit: ``gain`` is the mean over seeds of the difference in area, with a bootstrap interval,
    and ``above`` counts the seeds in which it is positive.

    Parameters
    ----------
    data : DataFrame
        Results of the study ``learning_adaptation``.
    """
    import pandas as pd

    keys = ["world", "training", "rule"]
    base = {name: rows.set_index([*keys, "seed_of_run"]).sort_index() for name, rows in data.groupby("knob")}
    rows: list[dict[str, Any]] = []
    key: Any
    for knob in [name for name in KNOBS if name in base]:
        for key, found in data[data["knob"] == knob].groupby(keys, sort=False):
            world, training, rule = key
            scratch = base[SCRATCH.get(knob, "step-size")].loc[key]
            mine = found.set_index("seed_of_run")
            gain = (mine["area"] - scratch["area"]).to_numpy()
            lower, upper = interval(gain)
            rows.append(
                {"world": world, "knob": knob, "training": training, "rule": rule, "seeds": len(gain)}
                | {name: mine[name].mean() for name in MEASURES}
                | {f"scratch_{name}": scratch[name].mean() for name in MEASURES}
                | {"rate": mine["rate"].mean(), "scratch_rate": scratch["rate"].mean()}
                | {"gain": gain.mean(), "lower": lower, "upper": upper, "above": int((gain > 0).sum())}
            )
    return pd.DataFrame(rows)


def over_seeds(data: pd.DataFrame, keys: list[str], column: str) -> pd.DataFrame:
    """Return mean, interval and number of seeds of a column by `keys`, in the order of `data`."""
    import pandas as pd

    rows = []
    for key, found in data.groupby(keys, sort=False):
        values = found[column].dropna().to_numpy(dtype=float)
        if not len(values):
            continue
        lower, upper = interval(values)
        names = key if isinstance(key, tuple) else (key,)
        rows.append(
            dict(zip(keys, names, strict=True))
            | {"mean": values.mean(), "lower": lower, "upper": upper, "seeds": len(values)}
        )
    return pd.DataFrame(rows)


def draw_intervals(axes: Axes, rows: pd.DataFrame, height: list[float], index: int, label: str) -> None:
    """Draw the column ``mean`` (or ``gain``) with its interval at these heights."""
    look = Style.points(index)
    middle = rows["gain" if "gain" in rows else "mean"]
    reach = [(middle - rows["lower"]).clip(lower=0.0), (rows["upper"] - middle).clip(lower=0.0)]
    axes.errorbar(
        middle, height, xerr=reach, color=look["color"], linestyle="none", elinewidth=0.8, capsize=0.0
    )
    axes.plot(middle, height, **look, label=label)
