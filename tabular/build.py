"""`make`: a controlled Markov process from whatever describes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.files import process_from_document
from metaregret.tabular.horizon import GeometricHorizon, Horizon
from metaregret.tabular.importers import Imported, read
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

__all__ = ["make"]

Start = int | str | Mapping[Any, Any] | Sequence[Any] | np.ndarray


def make(
    source: object,
    *,
    horizon: int | Horizon | None = None,
    gamma: float | str | Fraction | None = None,
    start: Start | None = None,
) -> ControlledMarkovProcess:
    """Return a controlled Markov process.

    Parameters
    ----------
    source : str, Path, array, mapping, environment or ControlledMarkovProcess
        * a specification such as ``"grid:3x3,slip=1/10"`` (``metaregret env list`` shows them all);
        * the path of a ``metaregret-cmp/1`` document, or of an NPZ, PRISM, JANI, DRN or explicit file;
        * transition probabilities, shape ``(A, S, S)`` or ``(S, A, S)`` (an array or nested lists, which
          may hold ``"p/q"``; where both fit they are ``(A, S, S)``), or a list of one sparse ``(S, S)``
          matrix per action;
        * a Gymnasium environment, or a transition table ``P``;
        * a ``DiscreteDP`` of QuantEcon, an ``MDP`` of pymdptoolbox, a problem of msdm, or their arrays: see
          `metaregret.tabular.importers.read`, which also returns the rewards and what to know about them;
        * a process, whose horizon or start is to be replaced.
    horizon : int, FiniteHorizon or GeometricHorizon, optional
        Steps per episode; by default that of the source, its discount, or 20.
    gamma : float, str or Fraction, optional
        Instead: the probability that an episode goes on before each step.
    start : int, str, mapping or array, optional
        A state by index or name (of a transition table, by its key), or a distribution: ``{state:
        probability}``, or the probability of every state.

    Returns
    -------
    ControlledMarkovProcess

    Raises
    ------
    InvalidArgumentError
        If the source is none of these, or both `horizon` and `gamma` are given.
    EnvironmentSpecError, FileFormatError, InvalidProcessError
        If a specification, a file or the probabilities are malformed.

    Examples
    --------
    >>> make("line:5", horizon=4, start="2")
    <ControlledMarkovProcess 'line:5': 5 states, 3 actions, 15 transitions, deterministic, exact, horizon=4>
    >>> make([[["1/2", "1/2"], [0, 1]]], horizon=3).is_exact
    True
    """
    if horizon is not None and gamma is not None:
        raise InvalidArgumentError("Give a horizon or a gamma, not both.")
    if isinstance(source, Mapping) and "format" in source:
        model = Imported(process_from_document(source))
        model = model if start is None else model.with_start(start)
    else:
        model = read(source, start=start)
    if gamma is not None:
        horizon = GeometricHorizon(parse_fraction(gamma, "gamma"))
    return model.process if horizon is None else model.process.replaced(horizon=horizon)
