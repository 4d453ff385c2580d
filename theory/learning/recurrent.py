r"""A recurrent learner in the manner of RL^2, trained by proximal policy optimisation on sampled trials.

The policy is a gated recurrent unit (Cho et al. 2014) over (state, last action, last reward, whether an
episode has just ended); its memory lasts through all ``N`` episodes of a trial with one task (Duan et al.
2016, arXiv 1611.02779; Wang et al. 2016). A batch of trials is played side by side on tasks drawn from the
training distribution; PPO (Schulman et al. 2017) with generalised advantage estimation then improves the
policy and a value read from the same memory. Trials may later be longer than those trained on.

Differs from the paper: PPO in place of TRPO; whole trials, never cut, are the batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.learning.backend import load_jax, load_optax
from metaregret.theory.learning.distributions import check_batch, train_each
from metaregret.theory.learning.settings import RecurrentSettings
from metaregret.theory.learning.softmax import CLOSED, Dynamics, pick, uniform

__all__ = ["RecurrentLearners", "decide", "embed", "memorise", "play", "train_recurrent"]


@dataclass(frozen=True, eq=False)
class RecurrentLearners:
    """``B`` trained learners.

    Attributes
    ----------
    parameters : mapping of arrays
        Each with ``B`` in front.
    curve : ndarray, shape (B, iterations)
        Mean reward of a trial in each training batch.
    """

    parameters: dict[str, np.ndarray]
    curve: np.ndarray


def embed(world: Dynamics, parameters: Any, seen: Any) -> Any:
    """Return what is seen before a decision as inputs to the memory, shape (..., 3 hidden).

    Parameters
    ----------
    seen : tuple of arrays of one shape
        State, last action (``A`` before the first), last reward, and 1 where an episode has just ended.
    """
    jax = load_jax()
    state, action, reward, done = seen
    states, actions = world.shape
    parts = [
        jax.nn.one_hot(state, states, dtype=reward.dtype),
        jax.nn.one_hot(action, actions + 1, dtype=reward.dtype),
        jax.numpy.stack([reward, done, jax.numpy.ones_like(reward)], axis=-1),
    ]
    return jax.numpy.concatenate(parts, axis=-1) @ parameters["inputs"]


def memorise(parameters: Any, memory: Any, inputs: Any) -> Any:
    """Return the new memory, shape (n, hidden), of the gated recurrent unit."""
    jax = load_jax()
    jnp = jax.numpy
    reset, update, candidate = jnp.split(inputs, 3, axis=-1)
    from_reset, from_update, from_candidate = jnp.split(memory @ parameters["memory"], 3, axis=-1)
    keep = jax.nn.sigmoid(update + from_update)
    fresh = jnp.tanh(candidate + jax.nn.sigmoid(reset + from_reset) * from_candidate)
    return keep * memory + (1.0 - keep) * fresh


def decide(world: Dynamics, parameters: Any, memory: Any, state: Any) -> tuple[Any, Any]:
    """Return the log-probabilities of actions, shape (..., A), and the value expected, from the memory."""
    jax = load_jax()
    jnp = jax.numpy
    logits = jnp.where(jnp.asarray(world.available)[state], memory @ parameters["act"], CLOSED)
    return jax.nn.log_softmax(logits, axis=-1), memory @ parameters["value"]


def _first_parameters(world: Dynamics, hidden: int, key: Any) -> dict[str, Any]:
    jax = load_jax()
    states, actions = world.shape
    shapes = {
        "inputs": ((states + actions + 4, 3 * hidden), 0.5),
        "memory": ((hidden, 3 * hidden), hidden**-0.5),
        "act": ((hidden, actions), 0.1),
        "value": ((hidden,), 0.1),
    }
    keys = jax.random.split(key, len(shapes))
    return {
        name: scale * jax.random.normal(key, shape, jax.numpy.float32)
        for key, (name, (shape, scale)) in zip(keys, shapes.items(), strict=True)
    }


def _trials(world: Dynamics, parameters: Any, rewards: Any, key: Any, episodes: int) -> dict[str, Any]:
    """Play ``n`` trials side by side on tasks (n, T, S); everything seen and done, shape (N T, n) each."""
    jax = load_jax()
    jnp = jax.numpy
    count, steps = rewards.shape[0], world.steps
    row = jnp.arange(count)
    starts, moves = (jnp.asarray(one, jnp.float32) for one in (world.initial.cumsum(), world.cumulative))
    successors = jnp.asarray(world.successors)
    first = pick(starts, uniform(key, (episodes + 1, count), stream=1))

    def step(carry: Any, inputs: Any) -> tuple[Any, Any]:
        memory, seen = carry
        time, following, luck = inputs
        memory = memorise(parameters, memory, embed(world, parameters, seen))
        scores, value = decide(world, parameters, memory, seen[0])
        action = pick(jnp.exp(scores).cumsum(axis=-1), luck[0])
        onward = successors[seen[0], action, pick(moves[seen[0], action], luck[1])]
        paid = rewards[row, time, onward]
        ends = time == steps - 1
        done = jnp.full(count, ends, jnp.float32)
        known = {"seen": seen, "action": action, "paid": paid, "score": scores[row, action], "value": value}
        return (memory, (jnp.where(ends, following, onward), action, paid, done)), known

    nothing = jnp.zeros(count, jnp.float32)
    memory = jnp.zeros((count, parameters["memory"].shape[0]), jnp.float32)
    carry = memory, (first[0], jnp.full(count, world.shape[1]), nothing, nothing)
    times = jnp.tile(jnp.arange(steps), episodes)
    luck = uniform(key, (episodes * steps, 2, count))
    return jax.lax.scan(step, carry, (times, jnp.repeat(first[1:], steps, axis=0), luck))[1]


def _loss(world: Dynamics, settings: RecurrentSettings, parameters: Any, batch: Any, weight: Any) -> Any:
    """PPO's clipped objective, the value's squared error and the entropy, to be descended."""
    jax = load_jax()
    jnp = jax.numpy

    def step(memory: Any, inputs: Any) -> tuple[Any, Any]:
        memory = memorise(parameters, memory, inputs)
        return memory, memory

    nothing = jnp.zeros((batch["action"].shape[1], settings.hidden), jnp.float32)
    _, memory = jax.lax.scan(step, nothing, embed(world, parameters, batch["seen"]))
    scores, value = decide(world, parameters, memory, batch["seen"][0])
    now = (scores * jax.nn.one_hot(batch["action"], world.shape[1], dtype=scores.dtype)).sum(axis=-1)
    ratio = jnp.exp(now - batch["score"])
    clipped = jnp.clip(ratio, 1 - settings.clip, 1 + settings.clip)
    gain = jnp.minimum(ratio * batch["advantage"], clipped * batch["advantage"]).mean()
    entropy = -(jnp.exp(scores) * jnp.where(scores > CLOSED / 2, scores, 0)).sum(axis=-1).mean()
    return 0.5 * ((value - batch["goal"]) ** 2).mean() - gain - weight * entropy


def _advantages(settings: RecurrentSettings, batch: dict[str, Any]) -> dict[str, Any]:
    """Add generalised advantages, standardised, and the values to be learned."""
    jax = load_jax()
    jnp = jax.numpy

    def back(carry: Any, row: Any) -> tuple[Any, Any]:
        ahead, following = carry
        paid, value = row
        error = paid + settings.discount * following - value
        ahead = error + settings.discount * settings.trace * ahead
        return (ahead, value), ahead

    nothing = jnp.zeros_like(batch["paid"][0])
    _, ahead = jax.lax.scan(back, (nothing, nothing), (batch["paid"], batch["value"]), reverse=True)
    scaled = (ahead - ahead.mean()) / (ahead.std() + 1e-6)
    return batch | {"advantage": scaled, "goal": ahead + batch["value"]}


def train_recurrent(
    world: Dynamics,
    rewards: np.ndarray,
    weights: np.ndarray,
    episodes: int,
    settings: RecurrentSettings,
    seeds: np.ndarray,
) -> RecurrentLearners:
    """Train ``B`` learners, each on its own tasks, in trials of `episodes` episodes.

    Parameters
    ----------
    rewards : ndarray, shape (B, Z, T, S)
    weights : ndarray, shape (B, Z)
        The training distribution ``q`` of each.
    seeds : ndarray of int, shape (B,)

    Raises
    ------
    InvalidArgumentError
        If the shapes do not match, a row of `weights` is not a distribution, or there is no episode.
    """
    check_batch(rewards, weights, seeds)
    if episodes < 1:
        raise InvalidArgumentError(f"Expected at least one episode, but got episodes={episodes}.")
    return RecurrentLearners(*train_each(_trainer(world, settings, episodes), rewards, weights, seeds))


@lru_cache(maxsize=8)
def _trainer(world: Dynamics, settings: RecurrentSettings, episodes: int) -> Any:
    jax, optax = load_jax(), load_optax()
    jnp = jax.numpy
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(settings.rate))

    def train(rewards: Any, weights: Any, seed: Any) -> Any:
        starting, drawing = jax.random.split(jax.random.key(seed))

        def step(carry: Any, inputs: Any) -> tuple[Any, Any]:
            parameters, state = carry
            key, entropy = inputs
            choosing, playing = jax.random.split(key)
            drawn = jax.random.choice(choosing, rewards.shape[0], (settings.trials,), p=weights)
            played = _trials(world, parameters, rewards[drawn], playing, episodes)
            batch = _advantages(settings, played)
            for _ in range(int(settings.epochs)):
                slope = jax.grad(_loss, argnums=2)(world, settings, parameters, batch, entropy)
                update, state = optimiser.update(slope, state, parameters)
                parameters = optax.apply_updates(parameters, update)
            return (parameters, state), batch["paid"].sum(axis=0).mean()

        parameters = _first_parameters(world, settings.hidden, starting)
        keys = jax.random.split(drawing, settings.iterations)
        entropy = settings.entropy * jnp.linspace(1.0, 0.0, settings.iterations, dtype=jnp.float32)
        start = (parameters, optimiser.init(parameters))
        (parameters, _), curve = jax.lax.scan(step, start, (keys, entropy))
        return parameters, curve

    return jax.jit(train)


def play(
    world: Dynamics,
    parameters: dict[str, np.ndarray],
    rewards: np.ndarray,
    episodes: int,
    *,
    trials: int,
    seed: int,
) -> np.ndarray:
    """Return the mean reward of each episode of sampled trials of one learner, shape (Z, N).

    Parameters
    ----------
    parameters : mapping of arrays
        Of one learner.
    rewards : ndarray, shape (Z, T, S)
    episodes : int
        ``N``, as in training or more.
    trials : int
        Trials on each task.
    seed : int
    """
    repeated = np.repeat(rewards.astype(np.float32), trials, axis=0)
    paid = np.asarray(_player(world, episodes)(parameters, repeated, seed), dtype=np.float64)
    by_episode = paid.reshape(episodes, world.steps, len(rewards), trials).sum(axis=1)
    return np.asarray(by_episode.mean(axis=-1).T)


@lru_cache(maxsize=8)
def _player(world: Dynamics, episodes: int) -> Any:
    jax = load_jax()
    return jax.jit(lambda p, r, seed: _trials(world, p, r, jax.random.key(seed), episodes)["paid"])
