"""Gymnasium's own steps, played many times, agree with the imported processes: every environment and option.

The default run plays 500 episodes a policy; ``HYPOTHESIS_PROFILE=search`` plays 20,000.
"""

from __future__ import annotations

import inspect
import os
import re
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pytest

from metaregret.tabular.engine import solve
from metaregret.tabular.environments import load
from metaregret.tabular.importers import Imported

EPISODES = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "search" else 500
STANDARD_ERRORS = 5
RARE = 20
"""Ends expected fewer times than this are not compared one by one."""

PLAYED: dict[str, tuple[str, dict[str, Any], int]] = {
    "lake": ("FrozenLake-v1", {}, 15),
    "large lake": ("FrozenLake8x8-v1", {}, 15),
    "dry lake": ("FrozenLake-v1", {"is_slippery": False, "map_name": "8x8"}, 15),
    "lake of its own rate": ("FrozenLake-v1", {"success_rate": 0.7}, 12),
    "lake of other rewards": ("FrozenLake-v1", {"reward_schedule": (5, -1, -0.25)}, 12),
    "lake of an own map": ("FrozenLake-v1", {"desc": ["SFS", "FHG"], "success_rate": 0.5}, 10),
    "cliff": ("CliffWalking-v1", {}, 14),
    "slippery cliff": ("CliffWalking-v1", {"is_slippery": True}, 14),
    "cliff by another name": ("CliffWalkingSlippery-v1", {}, 6),
    "taxi": ("Taxi-v4", {}, 16),
    "rainy taxi": ("Taxi-v4", {"is_rainy": True, "rainy_probability": 0.7}, 16),
    "fickle taxi": ("Taxi-v4", {"fickle_passenger": True}, 16),
    "rainy fickle taxi": (
        "Taxi-v4",
        {"is_rainy": True, "fickle_passenger": True, "fickle_probability": 0.6},
        16,
    ),
    "blackjack": ("Blackjack-v1", {}, 12),
    "blackjack with a bonus": ("Blackjack-v1", {"natural": True, "sab": False}, 12),
    "blackjack without the bonus": ("Blackjack-v1", {"natural": True, "sab": True}, 12),
    "plain blackjack": ("Blackjack-v1", {"sab": False}, 12),
}


def test_every_environment_and_option_is_played() -> None:
    kinds = {
        name: spec.entry_point
        for name, spec in gymnasium.registry.items()
        if str(spec.entry_point).startswith("gymnasium.envs.toy_text.")
    }
    assert {name for name, _, _ in PLAYED.values()} == set(kinds)
    for kind in set(kinds.values()):
        own = inspect.signature(gymnasium.envs.registration.load_env_creator(kind)).parameters
        played = {key for name, options, _ in PLAYED.values() if kinds[name] == kind for key in options}
        assert played == set(own) - {"render_mode"}, kind


def specification(name: str, options: dict[str, Any]) -> str:
    return ",".join([f"gym:{name}", *(f"{key}={value}" for key, value in options.items())])


def observation(name: str, n_observations: int | None) -> str:
    """What Gymnasium shows in a state of the process, spelled."""
    plain = re.sub(r", 'natural'| \(ended\)", "", name)
    return str(int(plain) % n_observations) if n_observations else plain


@dataclass
class Player:
    """Follows a policy in the environment, keeping track of where the process is."""

    model: Imported
    environment: Any
    steps: int

    def __post_init__(self) -> None:
        process = self.model.process
        count = getattr(self.environment.observation_space, "n", None)
        self.seen = [observation(name, None if count is None else int(count)) for name in process.states]
        self.starts = {self.seen[s]: s for s in np.flatnonzero(process.initial).tolist()}
        self.choice = {
            (s, int(process.choice_action[c])): c for s in range(process.n_states) for c in process.choices(s)
        }
        self.next = {
            (c, self.seen[to]): to
            for c, to in zip(process.transition_choice.tolist(), process.successors.tolist(), strict=True)
        }

    def play(self, policy: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum of rewards and the last state of every episode."""
        random = np.random.default_rng(seed)
        draws = random.random((EPISODES, self.steps))
        cumulated = [self._cumulated(step) for step in policy]
        actions = self.model.process.choice_action
        sums, ends = np.zeros(EPISODES), np.zeros(EPISODES, dtype=int)
        self.environment.reset(seed=seed)
        for episode in range(EPISODES):
            shown, _ = self.environment.reset()
            state = self.starts[str(shown)]
            for step in range(self.steps):
                first = self.model.process.choice_offsets[state]
                own = cumulated[step][state]
                choice = int(first + np.searchsorted(own, draws[episode, step] * own[-1], side="right"))
                shown, reward, ended, _, _ = self.environment.step(int(actions[choice]))
                state = self.next[choice, str(shown)]  # a KeyError is an outcome that the process lacks
                sums[episode] += reward
                if ended:
                    break
            ends[episode] = state
        return sums, ends

    def _cumulated(self, step: np.ndarray) -> list[np.ndarray]:
        offsets = self.model.process.choice_offsets
        return [np.cumsum(step[offsets[s] : offsets[s + 1]]) for s in range(len(offsets) - 1)]

    def expected(self, policy: np.ndarray) -> tuple[float, float, np.ndarray]:
        """Return mean and variance of the process's sum of rewards and its distribution of last states."""
        process, rewards = self.model.process, self.model.rewards
        assert rewards is not None
        p, r, to = process.probabilities, rewards.values[0], process.successors
        first, second = np.zeros(process.n_states), np.zeros(process.n_states)
        for step in policy[::-1]:
            ahead = (p * (r + first[to]), p * (r**2 + 2 * r * first[to] + second[to]))
            first, second = (
                np.bincount(
                    process.choice_state,
                    weights=step * np.add.reduceat(moment, process.offsets[:-1]),
                    minlength=process.n_states,
                )
                for moment in ahead
            )
        mass = process.initial.copy()
        for step in policy:
            mass = (mass[process.choice_state] * step) @ process.matrix
        mean = float(process.initial @ first)
        return mean, float(process.initial @ second) - mean**2, mass


def policies(model: Imported, steps: int) -> dict[str, np.ndarray]:
    """The uniformly random policy and an optimal one, shape (steps, C)."""
    process = model.process
    assert model.rewards is not None
    uniform = 1 / np.diff(process.choice_offsets)[process.choice_state]
    best = solve(process, model.rewards.values[0], objective="finite", steps=steps).policy
    assert best is not None
    chosen = np.zeros((steps, process.n_choices))
    chosen[np.arange(steps)[:, None], best] = 1
    return {"random": np.tile(uniform, (steps, 1)), "optimal": chosen}


@pytest.mark.parametrize("case", PLAYED)
def test_played_episodes_agree_with_the_process(case: str) -> None:
    name, options, steps = PLAYED[case]
    model = load(specification(name, options))
    player = Player(model, gymnasium.make(name, **options).unwrapped, steps)
    for kind, policy in policies(model, steps).items():
        sums, ends = player.play(policy, seed=7)
        expected, variance, last = player.expected(policy)
        error = np.sqrt(max(variance, sums.var(ddof=1)) / EPISODES)
        assert abs(sums.mean() - expected) <= STANDARD_ERRORS * error + 1e-9, kind
        often = last * EPISODES >= RARE
        shares = np.bincount(ends, minlength=len(last)) / EPISODES
        spread = np.sqrt(last * (1 - last) / EPISODES)
        assert np.all(np.abs(shares - last)[often] <= STANDARD_ERRORS * spread[often] + 1e-9), kind
        assert np.all(last[ends] > 0)


def test_a_process_without_the_option_is_caught() -> None:
    """Planted: the table of a steady passenger for a fickle one."""
    name, options, steps = PLAYED["rainy fickle taxi"]
    steady = load(specification(name, {"is_rainy": True}))
    player = Player(steady, gymnasium.make(name, **options).unwrapped, steps)
    with pytest.raises(KeyError):
        player.play(policies(steady, steps)["optimal"], seed=7)
