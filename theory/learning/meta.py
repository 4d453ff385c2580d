r"""Learners that adapt by gradient steps from sampled episodes, trained through that adaptation.

A trial on a task ``z``: start at ``theta_0``; in each of ``k`` steps sample episodes of the current policy,
estimate the gradient by REINFORCE (Williams 1992) with the other episodes' rewards to go as baseline, and
step, ``theta_{i+1} = theta_i + rule(estimate)``. Meta-training ascends the mean return over the trial,
``F = E (1/k) sum_i J_z(theta_i)``. Episodes depend on the parameters in two ways: through the steps that
are computed from them (derivatives go through the steps) and through what was sampled. For the second each
batch of episodes is credited with the returns of all *later* policies,

    grad F = (1/k) E sum_i [ d J(theta_i) + grad log Pr(episodes_i; theta_i) sum_{j > i} J(theta_j) ],

the exploration credit of E-MAML (Stadie et al., "Some considerations on learning to explore via
meta-reinforcement learning", 2018), which ProMP (Rothfuss et al. 2019) switches on or off; the other
trials of the same task are its baseline. Returns are exact (`expected_return`); only learners sample.

What is learned is one of the knobs that a learning procedure has: the first parameters (with a step size),
the step size alone, or an update rule: a small network from the gradient and its moments to the step, shared
by all parameters (Andrychowicz et al., "Learning to learn by gradient descent by gradient descent", 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.learning.backend import load_jax, load_optax
from metaregret.theory.learning.distributions import check_batch, train_each
from metaregret.theory.learning.settings import MetaSettings
from metaregret.theory.learning.softmax import Dynamics, expected_return, log_policy, sample

__all__ = [
    "Knob",
    "MetaLearners",
    "adapt",
    "first_parameters",
    "meta_train",
    "surrogate",
    "trial",
    "untrained",
]


class Knob(Enum):
    """What is meta-trained, and how a learner steps."""

    INITIALISATION = "initialisation"
    """The first parameters and the step size, with exploration credit (E-MAML)."""
    NO_CREDIT = "no-credit"
    """The same without credit: nothing trains exploration."""
    EXACT = "exact"
    """The same with exact gradients in place of episodes (MAML): there is nothing to explore."""
    STEP_SIZE = "step-size"
    """The step size alone, from uniform actions: learning from scratch."""
    RULE = "rule"
    """The update rule alone, from uniform actions."""

    @property
    def starts(self) -> bool:
        """Whether the first parameters are learned."""
        return self in (Knob.INITIALISATION, Knob.NO_CREDIT, Knob.EXACT)

    @property
    def credit(self) -> bool:
        """Whether episodes are credited with what later policies return."""
        return self not in (Knob.NO_CREDIT, Knob.EXACT)

    @property
    def steps_as(self) -> Knob:
        """The knob that stands for all whose learners step in the same way, so that they share what is
        compiled."""
        return self if self in (Knob.EXACT, Knob.RULE) else Knob.INITIALISATION


@dataclass(frozen=True, eq=False)
class MetaLearners:
    """``B`` trained learners.

    Attributes
    ----------
    knob : Knob
    parameters : mapping of arrays
        ``theta`` (B, S, A), ``rate`` (B,) the logarithm of the step size, and the rule's weights.
    curve : ndarray, shape (B, iterations)
        Mean return over the trials of each batch.
    """

    knob: Knob
    parameters: dict[str, np.ndarray]
    curve: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "knob", choice(Knob, self.knob, "knob"))


def first_parameters(world: Dynamics, knob: Knob | str, settings: MetaSettings, key: Any) -> dict[str, Any]:
    """Return untrained parameters, in single precision."""
    knob = choice(Knob, knob, "knob")
    jax = load_jax()
    jnp = jax.numpy
    keys = jax.random.split(key, 3)
    parameters = {
        "theta": settings.noise * jax.random.normal(keys[0], world.shape, jnp.float32),
        "rate": jnp.log(jnp.float32(settings.first_rate)),
    }
    if knob is Knob.RULE:
        parameters["inner"] = 0.5 * jax.random.normal(keys[1], (4, settings.hidden), jnp.float32)
        parameters["outer"] = jnp.zeros(settings.hidden, jnp.float32)
    return parameters


def trial(
    world: Dynamics, knob: Knob | str, settings: MetaSettings, parameters: Any, rewards: Any, key: Any
) -> tuple[Any, Any]:
    """Return the exact return of the policy of each step, and the log-likelihood of its episodes, (k,) each.

    Parameters
    ----------
    parameters : mapping
        See `first_parameters`.
    rewards : array, shape (T, S)
    key : array
        Fixes the episodes.
    """
    knob = choice(Knob, knob, "knob")
    jax = load_jax()
    jnp = jax.numpy

    def step(carry: Any, key: Any) -> tuple[Any, Any]:
        theta, moments = carry
        if knob is Knob.EXACT:
            value, slope = jax.value_and_grad(expected_return, argnums=1)(world, theta, rewards)
            return (theta + jnp.exp(parameters["rate"]) * slope, moments), (value, jnp.zeros_like(value))
        scores = log_policy(world, theta)
        visits, gains = _counts(world, jax.lax.stop_gradient(scores), rewards, key, settings.episodes)
        slope = gains - gains.sum(axis=-1, keepdims=True) * jnp.exp(scores)
        move, moments = _rule(knob, parameters, slope, moments)
        likelihood = (visits * jnp.where(world.available, scores, 0)).sum()
        return (theta + move, moments), (expected_return(world, theta, rewards), likelihood)

    theta = parameters["theta"]
    moments = (jnp.zeros_like(theta),) * 3 if knob is Knob.RULE else ()
    return jax.lax.scan(step, (theta, moments), jax.random.split(key, settings.steps))[1]


def _counts(world: Dynamics, scores: Any, rewards: Any, key: Any, episodes: int) -> tuple[Any, Any]:
    """How often each choice was made in sampled episodes, and the sum of its advantages over their number.

    The REINFORCE estimate is ``gains - pi sum_a gains``: all that a gradient step needs of its episodes.
    """
    jax = load_jax()
    jnp = jax.numpy
    states, actions, paid = sample(world, scores, rewards, key, episodes)
    to_go = jnp.cumsum(paid[::-1], axis=0)[::-1]
    advantage = (to_go - (to_go.sum(axis=1, keepdims=True) - to_go) / (episodes - 1)).ravel()
    # Added up in five parts, in the order in which a product of matrices would add: the same numbers, sooner.
    count = advantage.size
    part = np.where(np.arange(count) < count - count % 4, np.arange(count) % 4, 4)
    pairs = jnp.stack([jnp.ones_like(advantage), advantage], axis=-1)
    sums = jnp.zeros((5, *world.shape, 2), scores.dtype)
    a, b, c, d, rest = sums.at[part, states.ravel(), actions.ravel()].add(pairs, mode="promise_in_bounds")
    total = ((a + b) + (c + d)) + rest
    return total[..., 0], total[..., 1] / episodes


def _rule(knob: Knob, parameters: Any, slope: Any, moments: Any) -> tuple[Any, Any]:
    """Return the step and the new moments; a gradient of zero so far moves nothing."""
    jnp = load_jax().numpy
    rate = jnp.exp(parameters["rate"])
    if knob is not Knob.RULE:
        return rate * slope, moments
    fast, slow, square = moments
    fast, slow = 0.5 * fast + 0.5 * slope, 0.9 * slow + 0.1 * slope
    square = 0.9 * square + 0.1 * slope**2
    seen = jnp.stack([slope, fast, slow, slope / jnp.sqrt(square + 1e-4)], axis=-1)
    correction = jnp.tanh(seen @ parameters["inner"]) @ parameters["outer"]
    return rate * (slope + correction), (fast, slow, square)


def surrogate(
    world: Dynamics,
    knob: Knob | str,
    settings: MetaSettings,
    credited: Any,
    parameters: Any,
    batch: Any,
    keys: Any,
) -> tuple[Any, Any]:
    """Return a scalar whose gradient estimates that of the mean return over a trial, and that mean.

    Parameters
    ----------
    credited : float
        1 with exploration credit, 0 without.
    batch : array, shape (tasks, T, S)
    keys : array of keys, shape (tasks, trials)
    """
    knob = choice(Knob, knob, "knob")
    jax = load_jax()

    def one(rewards: Any, key: Any) -> tuple[Any, Any]:
        return trial(world, knob, settings, parameters, rewards, key)

    returns, likelihoods = jax.vmap(lambda rewards, row: jax.vmap(lambda key: one(rewards, key))(row))(
        batch, keys
    )
    value = returns.mean()
    if knob is Knob.EXACT:
        return value, value
    later = returns[..., ::-1].cumsum(axis=-1)[..., ::-1] - returns
    others = (later.sum(axis=1, keepdims=True) - later) / (later.shape[1] - 1)
    credit = jax.lax.stop_gradient(later - others)
    return value + credited * (likelihoods * credit).sum(axis=-1).mean() / settings.steps, value


def meta_train(
    world: Dynamics,
    rewards: np.ndarray,
    weights: np.ndarray,
    knob: Knob | str,
    settings: MetaSettings,
    seeds: np.ndarray,
) -> MetaLearners:
    """Train ``B`` learners, each on its own tasks.

    Parameters
    ----------
    rewards : ndarray, shape (B, Z, T, S)
        Training tasks of each learner.
    weights : ndarray, shape (B, Z)
        Their probabilities ``q``.
    knob : Knob
    settings : MetaSettings
    seeds : ndarray of int, shape (B,)
        Of each learner's start, tasks and episodes; learners with the same seed draw the same.

    Raises
    ------
    InvalidArgumentError
        If the numbers of learners or tasks do not match, or a row of `weights` is not a distribution.
    """
    knob = choice(Knob, knob, "knob")
    check_batch(rewards, weights, seeds)
    switches = np.float32(knob.credit), np.float32(knob.starts)
    run = _trainer(world, knob.steps_as, settings)
    return MetaLearners(knob, *train_each(run, rewards, weights, seeds, *switches))


@lru_cache(maxsize=16)
def _trainer(world: Dynamics, knob: Knob, settings: MetaSettings) -> Any:
    jax, optax = load_jax(), load_optax()
    optimiser = optax.adam(settings.outer_rate)
    trials = 1 if knob is Knob.EXACT else settings.trials

    def train(rewards: Any, weights: Any, seed: Any, credited: Any, starts: Any) -> Any:
        starting, drawing = jax.random.split(jax.random.key(seed))

        def step(carry: Any, key: Any) -> tuple[Any, Any]:
            parameters, state = carry
            choosing, playing = jax.random.split(key)
            drawn = jax.random.choice(choosing, rewards.shape[0], (settings.tasks,), p=weights)
            keys = jax.random.split(playing, (settings.tasks, trials))

            def loss(parameters: Any) -> tuple[Any, Any]:
                objective, value = surrogate(
                    world, knob, settings, credited, parameters, rewards[drawn], keys
                )
                return -objective, value

            (_, value), slope = jax.value_and_grad(loss, has_aux=True)(parameters)
            slope["theta"] *= starts
            update, state = optimiser.update(slope, state, parameters)
            return (optax.apply_updates(parameters, update), state), value

        parameters = first_parameters(world, knob, settings, starting)
        keys = jax.random.split(drawing, settings.iterations)
        (parameters, _), curve = jax.lax.scan(step, (parameters, optimiser.init(parameters)), keys)
        return parameters, curve

    return jax.jit(train)


def adapt(
    world: Dynamics,
    learners: MetaLearners,
    settings: MetaSettings,
    who: np.ndarray,
    rewards: np.ndarray,
    seeds: np.ndarray,
    rates: np.ndarray | None = None,
) -> np.ndarray:
    """Return the exact return of the policy of each step of ``n`` adaptations, shape (n, k).

    Parameters
    ----------
    who : ndarray of int, shape (n,)
        Which learner adapts.
    rewards : ndarray, shape (n, T, S)
        To which task.
    seeds : ndarray of int, shape (n,)
        Of the episodes.
    rates : ndarray, shape (n,), optional
        Step sizes in place of those learned; NaN keeps the learned one.

    Raises
    ------
    InvalidArgumentError
        If the numbers do not match, or a step size is not positive.
    """
    if not len(who) == len(rewards) == len(seeds):
        raise InvalidArgumentError(
            f"Expected a learner, a task and a seed for each adaptation, but got {len(who)}, {len(rewards)} "
            f"and {len(seeds)}."
        )
    learned = learners.parameters["rate"][who]
    given = np.full(len(who), np.nan) if rates is None else np.asarray(rates, dtype=np.float64)
    bad = np.flatnonzero(~np.isnan(given) & ~((given > 0) & np.isfinite(given)))
    if len(bad):
        raise InvalidArgumentError(
            f"Expected positive step sizes, but that of adaptation {int(bad[0])} is {float(given[bad[0]])}."
        )
    logs = np.where(np.isnan(given), learned, np.log(np.where(np.isnan(given), 1.0, given)))
    chosen = {name: value[who] for name, value in learners.parameters.items()}
    chosen["rate"] = logs.astype(np.float32)
    run = _player(world, learners.knob.steps_as, settings)
    padded = -len(who) % CHUNK  # one compiled shape for any number of adaptations
    index = np.concatenate([np.arange(len(who)), np.zeros(padded, dtype=np.int64)])
    parts = [
        np.asarray(
            run({name: value[part] for name, value in chosen.items()}, rewards[part].astype(np.float32),
                seeds[part])
        )
        for part in index.reshape(-1, CHUNK)
    ]  # fmt: skip
    return np.concatenate(parts)[: len(who)].astype(np.float64)


CHUNK = 256
"""Adaptations that run side by side."""


@lru_cache(maxsize=16)
def _player(world: Dynamics, knob: Knob, settings: MetaSettings) -> Any:
    jax = load_jax()

    def play(parameters: Any, rewards: Any, seed: Any) -> Any:
        return trial(world, knob, settings, parameters, rewards, jax.random.key(seed))[0]

    return jax.jit(jax.vmap(play))


def untrained(world: Dynamics, knob: Knob | str, settings: MetaSettings, seeds: np.ndarray) -> MetaLearners:
    """Return learners that start from almost uniform actions, as before the first step of `meta_train`."""
    knob = choice(Knob, knob, "knob")
    jax = load_jax()
    found = [
        first_parameters(world, knob, settings, jax.random.split(jax.random.key(seed))[0]) for seed in seeds
    ]
    parameters = {name: np.stack([np.asarray(one[name]) for one in found]) for name in found[0]}
    return MetaLearners(knob, parameters, np.full((len(found), 1), np.nan))
