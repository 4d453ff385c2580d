"""A policy that ends where it is told to: the one nearest to another of all with this terminal distribution.

Near in relative entropy, with every state counted alike however seldom it is reached (`SoftPlanner`), which
is a convex function of occupancies. Of all policies with ``Pr(s_T) = target`` the nearest is soft optimal for
some terminal rewards ``h``, which minimise the convex ``Phi(h) = mu0 . V_0(h) - target . h``; the gradient is
the soft policy's terminal distribution minus the target (with one temperature and all choices alike maximum
causal entropy: Ziebart, Bagnell & Dey, *Modeling interaction via the principle of maximum causal entropy*,
2010).

Newton's method with conjugate gradients (Nocedal & Wright 2006, sec. 7.1) takes a few passes of the planner a
step and no matrix. No step changes a policy by more than a few powers of e; after a shortened one distances
are measured from the policy that it led to. Every target that policies with the support of the first one
achieve is found; elsewhere ``h`` diverges, and nothing is returned.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components

from metaregret.tabular.conjugate_gradients import conjugate_gradients
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.soft_planning import SoftPlanner

__all__ = ["matching_policy"]

MAX_PASSES = 20_000
PATIENCE = 20
"""Newton steps in which the error must halve."""
MAX_INNER = 300
"""Conjugate gradients a Newton step."""
ROUNDING = 1e-7
"""Relative residual below which conjugate gradients gain nothing."""
NEAR = 1e-5
"""Relative error of the target from which on the gradient says whether a step is good."""
SUFFICIENT = 0.1
"""Share of the predicted decrease that a step must attain (Armijo)."""


def matching_policy(
    process: ControlledMarkovProcess,
    target: np.ndarray,
    *,
    start: np.ndarray | None = None,
    accuracy: float = 1e-12,
    passes: int = MAX_PASSES,
) -> np.ndarray | None:
    """Return a Markov policy, shape (T, C), with the terminal distribution `target`, or None.

    Parameters
    ----------
    target : ndarray, shape (S,)
        Probabilities of states; where positive they are met up to the relative `accuracy`, and the rest of
        the mass may end where they are zero.
    start : ndarray, shape (T, C), optional
        A policy that takes every choice that may be needed; all choices alike unless given.
    passes : int
        Of the planner, at most.

    Raises
    ------
    UnsupportedError, InvalidArgumentError
        If `target` has another shape, or no probabilities; and as `SoftPlanner`.
    """
    target = np.asarray(target, dtype=float)
    apt = target.shape == (process.n_states,) and np.all(target >= 0)
    if not (apt and 0 < target.sum() <= 1 + 1e-6):
        raise InvalidArgumentError(
            f"Expected a target of shape ({process.n_states},), not negative, with a sum of up to one, but "
            f"got shape {target.shape}, sum {target.sum()}."
        )
    search, errors, size = _Search(process, target, start), list[float](), 1.0
    while search.planner.passes < passes:
        errors.append(search.error)
        if errors[-1] <= accuracy:
            return search.planner.policy
        if len(errors) > PATIENCE and errors[-1] > 0.5 * errors[-1 - PATIENCE]:
            break
        if size < 1.0:
            search.recentre()
        size = search.newton(passes)
        if size == 0.0 or (size < 1.0 and search.separated()):
            break
    return None


class _Search:
    """Rewards that lead ever nearer to the target, since distances were measured anew."""

    def __init__(
        self, process: ControlledMarkovProcess, target: np.ndarray, start: np.ndarray | None
    ) -> None:
        self.planner, self._target, self._wanted = SoftPlanner(process, start), target, target > 0
        # No transition connects states of different classes: the mass of a class is what it is.
        self._classes, self._class = connected_components(process.graph, directed=False)
        self._rewards = np.zeros(process.n_states)

    def recentre(self) -> None:
        """Measure distances from the present policy."""
        self.planner.recentre()
        self._rewards[:] = 0.0

    @property
    def _gradient(self) -> np.ndarray:
        return np.where(self._wanted, self.planner.mass[-1] - self._target, 0.0)

    @property
    def error(self) -> float:
        """The largest error of a terminal probability, relative to its target."""
        wanted = self._wanted
        return float(np.abs(self._gradient[wanted] / self._target[wanted]).max())

    def separated(self) -> bool:
        """Whether no policy is worth as much as the target at the present rewards: none matches it then."""
        return self.planner.ceiling(self._rewards) < float(self._target @ self._rewards)

    def newton(self, passes: int) -> float:
        """Take one step; return its size, one for a whole step, zero where none is any good."""
        gradient = self._gradient
        with np.errstate(over="ignore", invalid="ignore"):  # where no policy matches, steps grow without end
            step = self._direction(gradient, passes)
            self.planner.change(step)
        far = self.planner.farthest()
        if not 0.0 < far < np.inf:
            return 0.0
        error, fall, size = self.error, -float(gradient @ step), min(1.0, 1.0 / far)
        for _ in range(14):
            change = self.planner.respond(size * step) - size * float(self._target @ step)
            # Near the optimum the values are all rounding, but the gradient is not.
            if self.error < error if error < NEAR else change <= -SUFFICIENT * size * fall:
                self.planner.keep()
                self._rewards += size * step
                return size
            size *= 0.5
        return 0.0

    def _changeable(self, residual: np.ndarray) -> np.ndarray:
        """Return a residual without the roundings that no change of policy can mend.

        Where episodes of a class can end at positive targets only, equal rewards for all change nothing.
        """
        target, of, count = self._target, self._class, self._classes
        elsewhere = np.bincount(of, np.where(self._wanted, 0.0, self.planner.mass[-1]), count)
        whole, rest = np.bincount(of, target, count), np.bincount(of, residual, count)
        share = np.divide(rest, whole, out=np.zeros(count), where=(elsewhere == 0.0) & (whole > 0.0))
        return residual - share[of] * target

    def _direction(self, gradient: np.ndarray, passes: int) -> np.ndarray:
        """Return minus the inverse of the Hessian times the gradient.

        It is preconditioned by the squares of the targets, in units of which the temperatures make all
        entries alike.
        """
        target, wanted = self._target, self._wanted
        scale = np.divide(1.0, target, out=np.zeros_like(target), where=wanted) ** 2
        first = self._changeable(gradient)
        found, _ = conjugate_gradients(
            lambda ahead: np.where(wanted, self.planner.change(ahead), 0.0),
            -gradient,
            lambda residual: scale * residual,
            self._changeable,
            accuracy=max(ROUNDING, min(0.01, np.sqrt(float(first @ (scale * first))))),
            rounds=min(MAX_INNER, passes - self.planner.passes),
        )
        return found
