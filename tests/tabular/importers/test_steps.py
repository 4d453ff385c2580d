"""Step functions are enumerated completely, or refused."""

from __future__ import annotations

import random as standard_random
from fractions import Fraction
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.toy_text.utils import categorical_sample

from metaregret.tabular.engine import solve
from metaregret.tabular.environments import load
from metaregret.tabular.environments.blackjack import drawn
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError, UnsupportedError
from metaregret.tabular.importers import from_environment, from_steps
from metaregret.tabular.importers.steps import Draws

OTHER = np.random.default_rng(0)


def rare(number: float) -> int:
    """What runs that are repeated a thousand times do not see."""
    return int(number < 1e-12)


def walk(state: int, action: int, random: Any) -> tuple[int, float, bool]:
    """Right with 3/10, else left; ends at 0 and 3, and pays at 3."""
    to = state + (1 if random.random() < 0.3 else -1)
    return to, float(to == 3), to in (0, 3)


def test_a_walk() -> None:
    """Gambler's ruin: from 1 of 3 with odds r = 7/3, (r - 1) / (r**3 - 1)."""
    model = from_steps(lambda random: 1, walk, 1)
    assert model.process.is_exact
    assert model.rewards is not None
    assert model.rewards.exact is not None
    r = Fraction(7, 3)
    found = solve(model.process, model.rewards.exact[0], objective="total", exact=True)
    assert found.value.exact == (r - 1) / (r**3 - 1)


def test_every_kind_of_draw() -> None:
    def step(state: int, action: int, random: Any) -> tuple[Any, float, bool]:
        u = random.random()
        kind = "low" if u < 0.25 else "middle" if u <= 0.5 else "high"
        return (
            (
                kind,
                int(random.integers(2)),
                str(random.choice(["x", "y", "y"])),
                int(random.choice(3, p=[0.5, 0.5, 0.0])),
                int(categorical_sample([0.2, 0.8], random)),
            ),
            0.0,
            True,
        )

    model = from_steps(lambda random: 0, step, 1)
    assert len(model.process.successors) == 3 * 2 * 2 * 2 * 2 + model.process.n_states - 1
    row = model.process.exact_probabilities[: 3 * 2 * 2 * 2 * 2]
    assert sum(row) == 1
    assert max(row) == Fraction(1, 2) * Fraction(1, 2) * Fraction(2, 3) * Fraction(1, 2) * Fraction(4, 5)


def test_orders_and_counts() -> None:
    """By hand: six orders of three cards; 0, 1 or 2 of two trials; six pairs of three cards."""

    def drawn_by(draw: Any) -> list[Fraction]:
        initial = from_steps(draw, lambda s, a, random: (s, 0.0, True), 1).process.exact_initial
        return sorted(initial or ())

    def shuffled(random: Any) -> Any:
        cards = [0, 1, 2]
        random.shuffle(cards)
        return tuple(cards)

    sixth = [Fraction(1, 6)] * 6
    assert drawn_by(shuffled) == drawn_by(lambda random: tuple(random.permutation([5, 6, 7]))) == sixth
    assert drawn_by(lambda random: tuple(random.choice(3, size=2, replace=False))) == sixth
    assert drawn_by(lambda random: random.binomial(2, 0.3)) == [Fraction(k, 100) for k in (9, 42, 49)]
    assert drawn_by(lambda random: bool(random.uniform() < 0.25)) == [Fraction(1, 4), Fraction(3, 4)]


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        (lambda s, a, random: (s + 1, 0.0, False), InstanceTooLargeError, "limit=500"),
        (lambda s, a, random: (random.normal(), 0.0, True), UnsupportedError, "normal"),
        (lambda s, a, random: ([s], 0.0, True), InvalidArgumentError, r"can be hashed.*got \[0\]"),
        (lambda s, a, random: (s, 0.0), InvalidArgumentError, r"\(next state, reward, terminated\)"),
        (lambda s, a, random: (0, 2 * random.random(), True), UnsupportedError, "continuous"),
        (lambda s, a, random: (0, standard_random.random(), True), UnsupportedError, "draws elsewhere"),
        (lambda s, a, random: (rare(standard_random.random()), 0, True), UnsupportedError, "of its own"),
        (lambda s, a, random: (rare(OTHER.random()), 0, True), UnsupportedError, "of its own"),
        (lambda s, a, random: (random.uniform(1, 2), 0, True), UnsupportedError, "uniform"),
        (lambda s, a, random: (random.choice(2, 3, False), 0, True), UnsupportedError, "replace=False"),
        (lambda s, a, random: (int(random.choice(2, p=[0.5, 0.4])), 0.0, True), InvalidArgumentError, "0.9"),
    ],
)
def test_refused(step: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        from_steps(lambda random: 0, step, 1, limit=500)


@pytest.mark.parametrize("limit", [0, -3, True, 2.5, "many"])
def test_limits_are_whole_numbers(limit: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="limit"):
        from_steps(lambda random: 0, walk, 1, limit=limit)


class Coin(gymnasium.Env):
    """Guess a coin that was tossed at the start: shown or hidden."""

    def __init__(self, shown: bool = True) -> None:
        self.action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = gymnasium.spaces.Discrete(3)
        self.shown = shown
        self.coin = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.coin = int(self.np_random.integers(2))
        return (self.coin if self.shown else 2), {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        return 2, float(action == self.coin), True, False, {}


def test_an_environment_is_stepped_in_copies() -> None:
    model = from_environment(Coin())
    assert model.rewards is not None
    assert model.rewards.exact is not None
    assert solve(model.process, model.rewards.exact[0], objective="total", exact=True).value.exact == 1


def test_observations_that_hide_the_state_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="does not tell what happens next"):
        from_environment(Coin(shown=False))


class Restless(Coin):
    """A coin that is rarely tossed again: by which generator?"""

    tosses = 0

    def __init__(self, by: str) -> None:
        super().__init__()
        self.kept: Any = [np.random.default_rng(5), standard_random.Random(5)]
        self.by = by

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        draw: dict[str, Any] = {
            "numpy": self.kept[0].random,
            "python": self.kept[-1].random,
            "global": standard_random.random,
            "legacy": np.random.mtrand.rand,
            "module": OTHER.random,
            "space": lambda: float(self.action_space.sample()) + 1,
            "class": self.count,
        }
        rare(draw.get(self.by, float)() + (self.by in ("cut", "its own")))
        return self.coin, float(action == self.coin), self.by != "cut", self.by == "cut", {}

    def count(self) -> float:
        Restless.tosses += 1
        return 1.0


@pytest.mark.parametrize("by", ["numpy", "python", "global", "legacy", "module", "space", "class"])
def test_environments_that_draw_elsewhere_are_refused(by: str) -> None:
    with pytest.raises(UnsupportedError, match=r"of its own or a global one.*self\.np_random"):
        from_environment(Restless(by))
    assert from_environment(Restless("its own")).process.is_exact


def test_episodes_that_the_environment_cuts_short_are_said() -> None:
    assert any("truncated" in text for text in from_environment(Restless("cut")).warnings())


class Dealer(Coin):
    """Leaves the draws to an object that keeps the generator."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        shown = super().reset(seed=seed)
        self.table = {"dealer": self.np_random}
        return shown

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        return 2, float(self.table["dealer"].random() < 0.3), True, False, {}


def test_draws_follow_the_generator_into_objects() -> None:
    model = from_environment(Dealer())
    assert model.rewards is not None
    assert model.rewards.exact is not None
    assert solve(
        model.process, model.rewards.exact[0], objective="total", exact=True
    ).value.exact == Fraction(3, 10)


def test_continuous_environments_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="uniform"):
        from_environment(gymnasium.make("CartPole-v1"), limit=100)


DECK = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]


def test_blackjack_is_the_enumeration_of_its_rules() -> None:
    """The player's part against a five, enumerated by the step function, has the model's probabilities."""

    def reset(random: Any) -> tuple[int, int, int]:
        total, ace = drawn(*drawn(0, False, int(random.choice(DECK))), int(random.choice(DECK)))
        return total, 5, int(ace)

    def step(state: tuple[int, int, int], action: int, random: Any) -> tuple[Any, float, bool]:
        if action == 0:
            return state, 0.0, True
        total, ace = drawn(state[0], bool(state[2]), int(random.choice(DECK)))
        return (total, 5, int(ace)), -float(total > 21), total > 21

    rules = from_steps(reset, step, 2).process
    model = load("gym:Blackjack-v1,sab=false").process
    order = np.array([model.states.position(name) for name in rules.states])
    assert rules.exact_initial is not None
    assert model.exact_initial is not None
    assert [p / 13 for p in rules.exact_initial] == [model.exact_initial[s] for s in order]
    np.testing.assert_array_equal(rules.dense(), model.dense()[:, order][:, :, order])


def test_draws_replay_their_decisions() -> None:
    draws = Draws((1,))
    assert draws.choice(["a", "b", "c"]) == "b"
    assert draws.probability == Fraction(1, 3)
