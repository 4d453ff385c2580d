"""The ring with speeds: its moves, what can be reached when, and malformed specifications."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.environments.ring import ring
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.goals import goal_values


@given(st.integers(1, 6), st.integers(1, 4), st.data())
def test_moves_follow_the_law_of_motion(length: int, speed: int, data: st.DataObject) -> None:
    process = ring(length, speed=speed)
    state = data.draw(st.integers(0, process.n_states - 1))
    moving, position = divmod(state, length)
    for action, change in (("slower", -1), ("faster", 1), ("coast", 0)):
        index = process.actions.position(action)
        (choice,) = (c for c in process.choices(state) if process.choice_action[c] == index)
        (to,) = process.successors[process.offsets[choice] : process.offsets[choice + 1]]
        following = min(max(moving - speed + change, -speed), speed)
        assert to == (following + speed) * length + (position + following) % length
    assert process.is_exact
    assert process.is_deterministic


def test_a_speed_takes_as_many_steps_as_it_is_large() -> None:
    speeds = np.repeat(np.arange(-2, 3), 3)  # of the states, in their order
    for steps in (1, 2):
        reached = goal_values(make("ring:3").replaced(horizon=steps)).values > 0
        assert set(speeds[reached].tolist()) == set(range(-steps, steps + 1))


def test_the_agent_starts_at_rest_and_is_drawn_by_speed() -> None:
    process = make("ring:5,speed=4")
    assert process.n_states == 45
    assert int(np.argmax(process.initial)) // 5 == 4  # of the speeds -4..4
    assert process.picture is not None
    assert process.picture[0] == (40, 41, 42, 43, 44)


@pytest.mark.parametrize(
    ("specification", "words"),
    [
        ("ring:0", "ring length to be a whole number from 1"),
        ("ring:5,speed=0", "speed to be a whole number from 1"),
        ("ring:5,sped=1", "no option 'sped'"),
    ],
)
def test_malformed_specifications_are_refused(specification: str, words: str) -> None:
    with pytest.raises(EnvironmentSpecError, match=words):
        make(specification)
    with pytest.raises(EnvironmentSpecError, match="length=0, speed=1"):
        ring(0, speed=1)
