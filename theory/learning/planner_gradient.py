"""The exact policy gradient from the planner: occupancy measures and advantages, in NumPy.

The policy gradient theorem at a finite horizon (Sutton, McAllester, Singh and Mansour 2000), for a tabular
softmax policy ``pi_t(a|s) = exp(theta[t, s, a]) / sum_b exp(theta[t, s, b])``:

    dJ / dtheta[t, s, a] = d_t(s) pi_t(a|s) (Q_t(s, a) - V_t(s)),

``d_t(s) = Pr(s_t = s)`` the occupancy. A stationary policy shares its parameters between steps, so its
gradient is the sum over ``t``. This is the independent reference for the gradients that JAX derives from
the return itself (`metaregret.theory.learning.softmax`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.backup import backup
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning.step_tasks import StepTasks

__all__ = ["PolicyGradient", "policy_gradient", "softmax_policy"]


@dataclass(frozen=True, eq=False)
class PolicyGradient:
    """What the planner says about a policy on every task.

    Attributes
    ----------
    returns : ndarray, shape (Z,)
        Expected return ``J_z``.
    gradient : ndarray, shape (Z,) + the shape of the parameters
    occupancy : ndarray, shape (T, S)
    advantages : ndarray, shape (Z, T, C)
        ``Q_t(s, a) - V_t(s)`` of every choice.
    """

    returns: np.ndarray
    gradient: np.ndarray
    occupancy: np.ndarray
    advantages: np.ndarray


def softmax_policy(process: ControlledMarkovProcess, theta: np.ndarray) -> np.ndarray:
    """Return the choice probabilities of a softmax policy: shape (..., S, A) to (..., C)."""
    logits = theta[..., process.choice_state, process.choice_action]
    starts = process.choice_offsets[:-1]
    top = np.maximum.reduceat(logits, starts, axis=-1)
    weights = np.exp(logits - top[..., process.choice_state])
    total = np.add.reduceat(weights, starts, axis=-1)
    return np.asarray(weights / total[..., process.choice_state])


def policy_gradient(tasks: StepTasks, theta: np.ndarray) -> PolicyGradient:
    """Return the exact gradient of every task's expected return.

    Parameters
    ----------
    theta : ndarray, shape (S, A) or (T, S, A)
        Parameters of a stationary policy, or of one that knows the step; those of unavailable actions are
        ignored.

    Raises
    ------
    InvalidArgumentError
        If the shape does not match.
    """
    process, steps = tasks.process, tasks.steps
    shape = (process.n_states, process.n_actions)
    if theta.shape not in (shape, (steps, *shape)):
        raise InvalidArgumentError(
            f"Expected parameters of shape {shape} or {(steps, *shape)}, but got {theta.shape}."
        )
    operator, owner, starts = backup(process), process.choice_state, process.choice_offsets[:-1]
    policy = np.broadcast_to(softmax_policy(process, theta), (steps, process.n_choices))
    occupancy = np.zeros((steps, process.n_states))
    now = operator.initial()
    for step in range(steps):
        occupancy[step] = now
        now = operator.push(now[owner] * policy[step])
    values = np.zeros((process.n_states, len(tasks)))
    advantages = np.zeros((len(tasks), steps, process.n_choices))
    for step in reversed(range(steps)):
        q = operator.expected(tasks.rewards[:, step].T + values)
        values = np.add.reduceat(q * policy[step][:, None], starts, axis=0)
        advantages[:, step] = (q - values[owner]).T
    per_step = np.zeros((len(tasks), steps, *shape))
    per_step[..., owner, process.choice_action] = occupancy[:, owner] * policy * advantages
    gradient = per_step if theta.ndim == 3 else per_step.sum(axis=1)
    return PolicyGradient(np.asarray(process.initial @ values), gradient, occupancy, advantages)
