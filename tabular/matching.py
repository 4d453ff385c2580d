"""A policy that ends where it is told to: of all with this terminal distribution the one nearest to another.

Near in relative entropy, with every state counted alike however seldom it is reached: from ``nu``, whose mass
at step ``t`` is ``n_t(s)``, a policy ``pi`` of mass ``m_t(s)`` is at the distance
``sum_t,s m_t(s) / n_t(s) KL(pi_t(.|s) || nu_t(.|s))``, a convex function of occupancies. Of all policies with
``Pr(s_T) = target`` the nearest is soft optimal for some terminal rewards ``h``, which minimise the convex

    Phi(h) = mu0 . V_0(h) - target . h,   V_T = h,   V_t = tau_t log sum_a nu_t(a) exp(P_a V_{t+1} / tau_t),

with temperatures ``tau_t(s) = 1 / n_t(s)``; its gradient is the soft policy's terminal distribution minus the
target (with ``tau = 1`` and uniform ``nu`` maximum causal entropy: Ziebart, Bagnell & Dey, *Modeling
interaction via the principle of maximum causal entropy*, 2010). At one temperature for all, a goal that is
reached with probability 1e-12 takes a reward of 1e12 to matter and must be weighed against its neighbours to
the twelfth digit; with these all entries of ``h`` times `target` are of one size.

Newton's method with conjugate gradients (Nocedal & Wright 2006, sec. 7.1) takes a few passes of the planner a
step and no matrix. No step changes a policy by more than a few powers of e; after a shortened one distances
are measured from the policy that it led to. Every target that policies with the support of ``nu`` achieve is
found; elsewhere ``h`` diverges, and nothing is returned.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components

from metaregret.tabular.policy import check_policy
from metaregret.tabular.process import ControlledMarkovProcess

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
FARTHEST = 2.0
"""Largest change of ``log pi``, in units of ``1 / sqrt(pi)``, in one step."""
SUFFICIENT = 0.1
"""Share of the predicted decrease that a step must attain (Armijo)."""
COLD = 1e-20
"""Temperatures that tell what the best policy earns, in units of those of the search and of its rewards."""
NEVER = 1e-290
"""Probability below which a state counts as never reached."""


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
        A distribution on states; at positive entries it is met up to the relative `accuracy`.
    start : ndarray, shape (T, C), optional
        A policy that takes every choice that may be needed; all choices alike unless given.
    passes : int
        Of the planner, at most.

    Raises
    ------
    UnsupportedError
        At a geometric horizon.
    InvalidArgumentError
        If `start` is no policy.
    """
    steps = process.steps_for("Targets of terminal distributions")
    if start is None:
        start = np.tile(1.0 / np.diff(process.choice_offsets)[process.choice_state], (steps, 1))
    check_policy(process, start)
    search, errors, size = _Search(process, np.asarray(target, dtype=float), start), list[float](), 1.0
    while search.passes < passes:
        errors.append(search.error)
        if errors[-1] <= accuracy:
            return search.policy
        if len(errors) > PATIENCE and errors[-1] > 0.5 * errors[-PATIENCE]:
            break
        if size < 1.0:
            search.recentre()
        size = search.newton(passes)
        if size == 0.0 or (size < 1.0 and search.separated()):
            break
    return None


class _Search:
    """``Phi``, its derivatives and the soft policy at the rewards found so far."""

    def __init__(self, process: ControlledMarkovProcess, target: np.ndarray, start: np.ndarray) -> None:
        self._process, self._target, self._wanted = process, target, target > 0
        self._arrays = (process.offsets, process.successors, process.probabilities)
        self.policy, self.passes = start.copy(), 0
        # No transition connects states of different classes: the mass of a class is what it is.
        self._classes, self._class = connected_components(process.graph, directed=False)
        self._mass, self._moved = np.empty((len(start) + 1, process.n_states)), np.empty_like(start)
        self._forward()
        self.recentre()

    def _forward(self) -> None:
        from metaregret.tabular.engine.soft_kernels import soft_forward

        process = self._process
        soft_forward(process.choice_state, *self._arrays, process.initial, self.policy, self._mass)

    def recentre(self) -> None:
        """Measure distances from the present policy."""
        self._reference, mass = self.policy.copy(), self._mass[:-1]
        self._temperature = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > NEVER)
        self._rewards = np.zeros(self._process.n_states)
        self._evaluate(self._rewards)

    def _soft(
        self, rewards: np.ndarray, temperature: np.ndarray, reference: np.ndarray, policy: np.ndarray
    ) -> float:
        """Return the soft value of the start; write the soft policy."""
        from metaregret.tabular.engine.soft_kernels import soft_backward

        self.passes += 1
        offsets = self._process.choice_offsets
        values = soft_backward(offsets, *self._arrays, rewards, temperature, reference, policy)
        return float(self._process.initial @ values)

    def _evaluate(self, rewards: np.ndarray) -> None:
        worth = self._soft(rewards, self._temperature, self._reference, self.policy)
        self._forward()
        self._phi = worth - float(self._target @ rewards)
        self._gradient = np.where(self._wanted, self._mass[-1] - self._target, 0.0)

    @property
    def error(self) -> float:
        """The largest error of a terminal probability, relative to its target."""
        wanted = self._wanted
        return float(np.abs(self._gradient[wanted] / self._target[wanted]).max())

    def separated(self) -> bool:
        """Whether no policy is worth as much as the target at the present rewards: none matches it then."""
        rewards = self._rewards
        cold = COLD * float(np.abs(rewards * self._target).max()) * self._temperature
        # Soft values over choices that count in full are above those of every policy.
        most = self._soft(rewards, cold, np.ones_like(self.policy), self._moved)
        return most < float(self._target @ rewards)

    def newton(self, passes: int) -> float:
        """Take one step; return its size, one for a whole step, zero where none is any good."""
        with np.errstate(over="ignore", invalid="ignore"):  # where no policy matches, steps grow without end
            step = self._direction(passes)
            self._change(step)
            change = np.abs(self._moved) / np.sqrt(np.maximum(self.policy, NEVER))
            far = float(change.max())
        if not 0.0 < far < np.inf:
            return 0.0
        before, error, value = self._rewards, self.error, self._phi
        fall, size = -float(self._gradient @ step), min(1.0, FARTHEST / far)
        for _ in range(14):
            self._rewards = before + size * step
            self._evaluate(self._rewards)
            # Near the optimum the values are all rounding, but the gradient is not.
            if self.error < error if error < NEAR else self._phi <= value - SUFFICIENT * size * fall:
                return size
            size *= 0.5
        return 0.0

    def _change(self, direction: np.ndarray) -> np.ndarray:
        """Return the Hessian times a direction; how the policy moves is left in `_moved`."""
        from metaregret.tabular.engine.soft_kernels import soft_change

        self.passes += 1
        changed = soft_change(
            self._process.choice_offsets,
            *self._arrays,
            self._temperature,
            self.policy,
            self._mass,
            direction,
            self._moved,
        )
        return np.where(self._wanted, changed, 0.0)

    def _changeable(self, residual: np.ndarray) -> np.ndarray:
        """Return a residual without the roundings that no change of policy can mend.

        Where episodes of a class can end at positive targets only, equal rewards for all change nothing.
        """
        target, of, count = self._target, self._class, self._classes
        elsewhere = np.bincount(of, np.where(self._wanted, 0.0, self._mass[-1]), count)
        whole, rest = np.bincount(of, target, count), np.bincount(of, residual, count)
        share = np.divide(rest, whole, out=np.zeros(count), where=(elsewhere == 0.0) & (whole > 0.0))
        return residual - share[of] * target

    def _direction(self, passes: int) -> np.ndarray:
        """Return minus the inverse of the Hessian times the gradient, by conjugate gradients.

        They are preconditioned by the squares of the targets, in units of which the temperatures make all
        entries alike.
        """
        target, residual = self._target, -self._gradient
        scale = np.divide(1.0, target, out=np.zeros_like(target), where=self._wanted) ** 2
        residual = self._changeable(residual)
        step, ahead = np.zeros_like(residual), scale * residual
        size = first = float(residual @ ahead)
        enough = max(ROUNDING, min(0.01, np.sqrt(first))) ** 2 * first
        for _ in range(MAX_INNER):
            curved = self._change(ahead)
            curvature = float(ahead @ curved)
            if not 0.0 < curvature < np.inf or self.passes >= passes:
                break
            share = size / curvature
            step += share * ahead
            residual = residual - share * curved
            residual = self._changeable(residual)
            fresh = scale * residual
            before, size = size, float(residual @ fresh)
            if size <= enough:
                break
            ahead = fresh + size / before * ahead
        return step
