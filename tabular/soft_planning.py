"""Soft planning around a policy: what terminal rewards do to it, at temperatures that reach every state.

The policy that maximises terminal rewards ``h`` minus its distance from a reference ``nu``,
``sum_t,s m_t(s) tau_t(s) KL(pi_t(.|s) || nu_t(.|s))`` with ``m`` its own mass on states, is soft optimal:

    V_T = h,   V_t = tau_t log sum_a nu_t(a) exp(P_a V_{t+1} / tau_t),   pi_t = nu_t exp((Q_t - V_t) / tau_t).

Temperatures ``tau_t(s) = 1 / n_t(s)``, with ``n`` the mass of the policy that distances were first measured
from, count every state alike however seldom it is reached. At one temperature for all, a goal that is reached
with probability 1e-12 takes a reward of 1e12 to matter and must be weighed against its neighbours to the
twelfth digit.

Soft values add up: with the policy of ``h`` as reference, rewards ``g`` lead to that of ``h + g``. Each step
is therefore planned from the policy of the last one, and rewards of any size lose no digits to roundings.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.policy import check_policy, uniform_policy
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["SoftPlanner"]

NEVER = 1e-290
"""Probability below which a state counts as never reached."""
LEAST = 1e-100
"""Probability that a choice is planned with at least where it was possible first: others may speak for it."""
COLD = 1e-20
"""Temperatures that tell what the best policy earns, in units of the others and of what there is to earn."""
FARTHEST = 2.0
"""Largest change of the logarithm of a sure choice in one step; others, see `SoftPlanner.farthest`."""


class SoftPlanner:
    """A policy and what changes of terminal rewards do to it.

    Parameters
    ----------
    process : ControlledMarkovProcess
        With a finite horizon of ``T`` steps.
    start : ndarray, shape (T, C), optional
        Where distances are measured from; all choices alike unless given. Choices of probability zero are
        never taken.

    Attributes
    ----------
    policy : ndarray, shape (T, C)
    mass : ndarray, shape (T + 1, S)
        The distribution of its states at every step.
    passes : int
        Of the planner, so far.

    Raises
    ------
    UnsupportedError
        At a geometric horizon.
    InvalidArgumentError
        If `start` is no policy.
    """

    def __init__(self, process: ControlledMarkovProcess, start: np.ndarray | None = None) -> None:
        steps = process.steps_for("Soft planning for terminal distributions")
        start = uniform_policy(process) if start is None else start
        check_policy(process, start)
        self._process, self._offsets = process, process.choice_offsets
        self._arrays = process.offsets, process.successors, process.probabilities
        self.policy, self.passes, self._possible = start.copy(), 0, start > 0.0
        self.mass, self._moved = np.empty((steps + 1, process.n_states)), np.empty_like(start)
        self._forward()
        self.recentre()

    def recentre(self) -> None:
        """Measure distances from the present policy."""
        mass = self.mass[:-1]
        self._temperature = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > NEVER)
        self.keep()

    def keep(self) -> None:
        """Plan from the present policy on; distances are measured from where they were."""
        self._reference = np.where(self._possible, np.maximum(self.policy, LEAST), 0.0)

    def respond(self, rewards: np.ndarray) -> float:
        """Find the policy of more terminal rewards, shape (S,), on top of those of the policy kept last.

        Returns
        -------
        float
            By how much they raise the soft value of the start.
        """
        raised = self._soft(rewards, self._temperature, self._reference, self.policy)
        self._forward()
        return raised

    def ceiling(self, rewards: np.ndarray) -> float:
        """Return a number just above what any policy earns that takes no choice of probability zero."""
        cold = COLD * float(np.abs(rewards * self.mass[-1]).max()) * self._temperature
        # Soft values over choices that count in full are above those of every policy.
        return self._soft(rewards, cold, np.ones_like(self.policy), self._moved)

    def change(self, direction: np.ndarray) -> np.ndarray:
        """Return how the terminal distribution changes with the rewards along a direction, shape (S,)."""
        from metaregret.tabular.engine.soft_kernels import soft_change

        self.passes += 1
        return soft_change(
            self._offsets,
            *self._arrays,
            self._temperature,
            self.policy,
            self.mass,
            direction,
            self._moved,
        )

    def farthest(self) -> float:
        """Return how many times too long a whole step is in the direction asked last.

        In a step that can be trusted ``log pi`` grows by at most ``2 - log(pi) / 2``, so that rare choices
        stay rare, and falls by at most ``2 / sqrt(pi)``.
        """
        probable = np.maximum(self.policy, LEAST)
        with np.errstate(over="ignore", invalid="ignore"):  # where no policy matches, steps grow without end
            change = self._moved / probable  # of log pi
            allowed = np.where(change > 0.0, FARTHEST - 0.5 * np.log(probable), FARTHEST / np.sqrt(probable))
            return float(np.abs(change / allowed).max())

    def _soft(
        self, rewards: np.ndarray, temperature: np.ndarray, reference: np.ndarray, policy: np.ndarray
    ) -> float:
        """Return the soft value of the start; write the soft policy."""
        from metaregret.tabular.engine.soft_kernels import soft_backward

        self.passes += 1
        values = soft_backward(self._offsets, *self._arrays, rewards, temperature, reference, policy)
        return float(self._process.initial @ values)

    def _forward(self) -> None:
        from metaregret.tabular.engine.soft_kernels import soft_forward

        soft_forward(self._process.choice_state, *self._arrays, self._process.initial, self.policy, self.mass)
