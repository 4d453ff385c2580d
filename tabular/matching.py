"""A policy that ends where it is told to: that of largest causal entropy with a given terminal distribution.

Among all policies with ``Pr(s_T) = target`` the one of largest causal entropy is soft optimal for some
terminal rewards ``h``, which minimise the convex function

    Phi(h) = mu0 . V_0(h) - target . h,   V_T = h,   V_t(s) = log sum_a exp(P_a V_{t+1})(s),

whose gradient is the soft policy's terminal distribution minus the target (Ziebart, Bagnell & Dey, *Modeling
interaction via the principle of maximum causal entropy*, 2010). Newton's method with conjugate gradients
(Nocedal & Wright 2006, sec. 7.1) takes a few passes of the planner a step and no matrix. It finds every
target that policies with all actions in their support achieve; elsewhere ``h`` diverges, and nothing is
returned.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["matching_policy"]

MAX_STEPS = 60
PATIENCE = 10
"""Newton steps in which the error must halve."""
MAX_INNER = 300
"""Conjugate gradients a Newton step."""
ROUNDING = 1e-7
"""Relative residual below which conjugate gradients gain nothing."""
NEAR = 1e-5
"""Relative error of the target from which on the gradient says whether a step is good."""
FARTHEST = 1e6
"""Changes of a reward from which on no policy is sought any further."""
SUFFICIENT = 0.1
"""Share of the predicted decrease that a step must attain (Armijo)."""


def matching_policy(
    process: ControlledMarkovProcess, target: np.ndarray, *, accuracy: float = 1e-12
) -> np.ndarray | None:
    """Return a Markov policy, shape (T, C), with the terminal distribution `target`, or None.

    Parameters
    ----------
    target : ndarray, shape (S,)
        A distribution on states; at positive entries it is met up to the relative `accuracy`.

    Raises
    ------
    UnsupportedError
        At a geometric horizon.
    """
    search = _Search(process, np.asarray(target, dtype=float))
    rewards, errors = np.zeros(process.n_states), list[float]()
    value, gradient = search.evaluate(rewards)
    for _ in range(MAX_STEPS):
        errors.append(search.off(gradient))
        if errors[-1] <= accuracy:
            return search.policy
        if len(errors) > PATIENCE and errors[-1] > 0.5 * errors[-PATIENCE]:
            break
        with np.errstate(over="ignore", invalid="ignore"):  # where no policy matches, steps grow without end
            step = search.newton_step(gradient)
        if not np.abs(step).max(initial=0.0) < FARTHEST:
            break
        fall, size = -float(gradient @ step), 1.0
        while size > 1e-4:
            there, slope = search.evaluate(rewards + size * step)
            # Near the optimum the values are all rounding, but the gradient is not.
            if errors[-1] < NEAR:
                good = search.off(slope) < errors[-1]
            else:
                good = there <= value - SUFFICIENT * size * fall
            if good:
                break
            size *= 0.5
        else:
            break
        rewards, value, gradient = rewards + size * step, there, slope
    return None


class _Search:
    """Values and derivatives of ``Phi`` at the last point that was evaluated."""

    def __init__(self, process: ControlledMarkovProcess, target: np.ndarray) -> None:
        steps = process.steps_for("Targets of terminal distributions")
        self._process, self._target = process, target
        self._arrays = (process.offsets, process.successors, process.probabilities)
        self.policy = np.empty((steps, process.n_choices))
        self._mass, self._moved = np.empty((steps + 1, process.n_states)), np.empty_like(self.policy)

    def evaluate(self, rewards: np.ndarray) -> tuple[float, np.ndarray]:
        """Return ``Phi`` and its gradient."""
        from metaregret.tabular.engine.soft_kernels import soft_backward, soft_forward

        process = self._process
        values = soft_backward(process.choice_offsets, *self._arrays, rewards, self.policy)
        soft_forward(process.choice_state, *self._arrays, process.initial, self.policy, self._mass)
        value = float(process.initial @ values - self._target @ rewards)
        return value, self._mass[-1] - self._target

    def off(self, gradient: np.ndarray) -> float:
        """Return the largest error of a terminal probability, relative to its target."""
        wanted = self._target > 0
        return float(np.abs(gradient[wanted] / self._target[wanted]).max())

    def newton_step(self, gradient: np.ndarray) -> np.ndarray:
        """Return minus the inverse of the Hessian times the gradient, by preconditioned conjugate gradients.

        Where actions decide everything the Hessian is that of a distribution's logarithm, with the target
        on its diagonal: hence the preconditioner.
        """
        from metaregret.tabular.engine.soft_kernels import soft_change

        scale = np.where(self._target > 0, 1.0 / np.maximum(self._target, 1e-300), 0.0)
        wanted = self._target > 0
        # Where episodes can end at positive targets only, equal rewards for all of them change nothing.
        free = not np.any(self._mass[-1][~wanted])
        step, residual = np.zeros_like(gradient), np.where(wanted, -gradient, 0.0)
        residual -= residual.sum() * self._target if free else 0.0
        ahead = scale * residual
        size = first = float(residual @ ahead)
        enough = max(ROUNDING, min(0.01, np.sqrt(first))) ** 2 * first
        for _ in range(MAX_INNER):
            curved = soft_change(
                self._process.choice_offsets, *self._arrays, self.policy, self._mass, ahead, self._moved
            )
            curved = np.where(wanted, curved, 0.0)
            with np.errstate(over="ignore", invalid="ignore"):
                curvature = float(ahead @ curved)
            if not 0.0 < curvature < np.inf:
                break
            share = size / curvature
            step += share * ahead
            residual -= share * curved
            residual -= residual.sum() * self._target if free else 0.0
            fresh = scale * residual
            before, size = size, float(residual @ fresh)
            if size <= enough:
                break
            ahead = fresh + size / before * ahead
        return step
