"""When an episode ends: after a fixed number of steps, or after each step with a fixed probability.

* `FiniteHorizon`: ``T`` steps; the terminal state is ``s_T``.
* `GeometricHorizon`: the discounted case. The terminal state has the normalised discounted occupancy
  ``rho(s) = (1 - gamma) sum_{t >= 0} gamma**t Pr(s_t = s)``: before every step the episode stops with
  probability ``1 - gamma``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from metaregret.tabular.errors import InvalidProcessError, UnsupportedError
from metaregret.tabular.rationals import parse_fraction

__all__ = ["FiniteHorizon", "GeometricHorizon", "Horizon"]

MAX_STEPS = 1_000_000

MIN_STOP = Fraction(1, 10**10)
"""Least ``1 - gamma`` for which floating point keeps enough accuracy."""


@dataclass(frozen=True)
class FiniteHorizon:
    """An episode of exactly `steps` >= 1 steps.

    Raises
    ------
    InvalidProcessError
        If `steps` is not a positive integer of at most one million.

    Examples
    --------
    >>> import metaregret as mr
    >>> mr.make("line:3", horizon=mr.FiniteHorizon(2)).horizon.steps
    2
    """

    steps: int

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int):
            raise InvalidProcessError(
                f"Expected horizon to be a whole number of steps, but got horizon={self.steps!r}; give an "
                "integer."
            )
        if self.steps < 1:
            raise InvalidProcessError(
                f"Expected horizon >= 1, but got horizon={self.steps}; an episode needs at least one step."
            )
        if self.steps > MAX_STEPS:
            raise InvalidProcessError(
                f"Expected horizon <= {MAX_STEPS}, but got horizon={self.steps}; use gamma for very long "
                "episodes."
            )


@dataclass(frozen=True)
class GeometricHorizon:
    """An episode that goes on with probability `gamma` before every step, ``0 <= gamma < 1``.

    Raises
    ------
    InvalidProcessError
        If `gamma` is not a number in ``[0, 1)``.

    Examples
    --------
    >>> from fractions import Fraction
    >>> import metaregret as mr
    >>> process = mr.make("line:3", horizon=mr.GeometricHorizon(Fraction(9, 10)))
    >>> mr.plan(process, goal="2", exact=True).value.exact
    Fraction(81, 100)
    """

    gamma: Fraction

    def __post_init__(self) -> None:
        gamma = parse_fraction(self.gamma, "gamma")
        if not 0 <= gamma < 1:
            raise InvalidProcessError(
                f"Expected 0 <= gamma < 1, but got gamma={self.gamma}; plan for reach or total where "
                "nothing ends the episode."
            )
        object.__setattr__(self, "gamma", gamma)

    @property
    def suits_floats(self) -> bool:
        """Whether gamma is far enough from one for floating point."""
        return self.gamma <= 1 - MIN_STOP

    def require_floats(self) -> None:
        """Raise `UnsupportedError` where gamma is too close to one for floating point."""
        if not self.suits_floats:
            raise UnsupportedError(
                f"gamma = 1 - {float(1 - self.gamma):.3g} is within {float(MIN_STOP)} of 1, beyond the "
                "precision of floating point; ask for the exact (rational) method, or use a finite horizon."
            )


Horizon = FiniteHorizon | GeometricHorizon
