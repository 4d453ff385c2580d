"""Gymnasium's toy-text environments as controlled Markov processes.

The transition lists repeat successors (they are summed), mark terminal states by a flag (they become
absorbing), and spell one third as 0.333... (rationalised here, and refused where the nearest fractions do
not sum to one). Rewards are dropped: a controlled Markov process has none.
"""

from __future__ import annotations

import ast
import re
import warnings
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.environments.options import MAX_STATES, Environment, Options
from metaregret.tabular.errors import EnvironmentSpecError, InvalidProcessError
from metaregret.tabular.horizon import FiniteHorizon, Horizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "from_gymnasium", "gymnasium_process"]

MAX_DENOMINATOR = 1000
DEFAULT_HORIZON = 20
_NAME = re.compile(r"[\w.-]{1,80}(/[\w.-]{1,80})?")
_CURRENT = {"Taxi-v3": "Taxi-v4", "CliffWalking-v0": "CliffWalking-v1"}


def gymnasium_process(
    name: str, *, horizon: Horizon | int = DEFAULT_HORIZON, **options: Any
) -> ControlledMarkovProcess:
    """Return the process of a Gymnasium toy-text environment, by name.

    Parameters
    ----------
    name : str
        For example ``"FrozenLake-v1"``.
    **options
        Passed on to ``gymnasium.make`` (``map_name="8x8"``, ``is_slippery=False``).

    Raises
    ------
    EnvironmentSpecError
        If Gymnasium has no such environment or it has no transition table.
    """
    import gymnasium

    if not _NAME.fullmatch(name):  # "module:name" would import any module
        raise EnvironmentSpecError(
            f"Expected the name of a Gymnasium environment, but got {name[:80]!r}; for example FrozenLake-v1."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of newer versions and rendering; what matters is an error here
            environment = gymnasium.make(name, **options).unwrapped
    except (
        gymnasium.error.Error,
        ImportError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        hint = f"; its current name is {_CURRENT[name]}" if name in _CURRENT else ""
        said = str(error).rstrip(".")
        raise EnvironmentSpecError(f"Gymnasium cannot make {name!r} with {options}: {said}{hint}.") from error
    table = getattr(environment, "P", None)
    if not isinstance(table, dict):
        raise EnvironmentSpecError(
            f"Gymnasium environment {name!r} has no transition table P; toy-text environments have one."
        )
    initial = np.asarray(getattr(environment, "initial_state_distrib", None), dtype=float)
    suffix = "".join(f",{key}={value}" for key, value in options.items())
    return from_gymnasium(
        table, initial, horizon=horizon, name=f"gym:{name}{suffix}", picture=_picture(environment)
    )


def from_gymnasium(
    table: dict[int, dict[int, list[tuple[float, int, float, bool]]]],
    initial: np.ndarray,
    *,
    horizon: Horizon | int,
    name: str = "gymnasium",
    picture: tuple[tuple[int | None, ...], ...] | None = None,
) -> ControlledMarkovProcess:
    """Return the exact process of a table
    ``P[state][action] = [(probability, next, reward, terminated), ...]``.

    States entered with the flag ``terminated`` become absorbing.

    Raises
    ------
    InvalidProcessError
        If the probabilities of a row, as the nearest fractions with denominators up to 1000, do not sum to
        one.
    """
    absorbing = {
        int(successor)
        for actions in table.values()
        for outcomes in actions.values()
        for _, successor, _, terminated in outcomes
        if terminated
    }
    rows: list[tuple[int, int, int, Fraction]] = []
    for state, actions in table.items():
        for action, outcomes in actions.items():
            totals: dict[int, Fraction] = {}
            for probability, successor, _, _ in outcomes:
                share = Fraction(float(probability)).limit_denominator(MAX_DENOMINATOR)
                totals[int(successor)] = totals.get(int(successor), Fraction(0)) + share
            if state in absorbing:
                totals = {state: Fraction(1)}
            if sum(totals.values()) != 1:
                raise InvalidProcessError(
                    f"State {state}, action {action}: the nearest fractions sum to "
                    f"{sum(totals.values())}, not 1."
                )
            rows += [(int(state), int(action), successor, p) for successor, p in totals.items() if p]
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=len(table),
        actions=max(len(actions) for actions in table.values()),
        initial=_exact_initial(initial),
        horizon=horizon,
        name=name,
        picture=picture,
    )


def _exact_initial(initial: np.ndarray) -> dict[int, object]:
    exact = {
        int(s): Fraction(float(initial[s])).limit_denominator(MAX_DENOMINATOR)
        for s in np.flatnonzero(initial)
    }
    if sum(exact.values()) == 1:
        return dict(exact)
    return {int(s): float(initial[s]) for s in np.flatnonzero(initial)}


def _picture(environment: Any) -> tuple[tuple[int | None, ...], ...] | None:
    """Map of the states, where the environment is laid out as a grid."""
    shape = getattr(environment, "shape", None) or getattr(getattr(environment, "desc", None), "shape", None)
    if shape is None or len(shape) != 2 or shape[0] * shape[1] != environment.observation_space.n:
        return None
    return tuple(tuple(range(r * shape[1], (r + 1) * shape[1])) for r in range(shape[0]))


def _option(text: str) -> Any:
    """Read an option value: a Python literal (true/false in any case), else text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text) if len(text) < 200 else text
    except (ValueError, SyntaxError):
        return text


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    horizon = options.integer("horizon", DEFAULT_HORIZON, minimum=1, maximum=MAX_STATES)
    return gymnasium_process(
        body, horizon=FiniteHorizon(horizon), **{key: _option(value) for key, value in options.rest().items()}
    )


ENVIRONMENT = Environment(
    "gym",
    "gym:NAME[,key=value...]",
    "a Gymnasium toy-text environment; terminal states are absorbing",
    ("gym:FrozenLake-v1,map_name=4x4,is_slippery=false", "gym:CliffWalking-v1", "gym:Taxi-v4"),
    _build,
)
