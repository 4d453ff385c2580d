"""VIC by start state, the curriculum of VALOR, and when a regret is the minimax regret."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import mutual_information
from metaregret.theory.proposals import propose


def test_vic_weighs_starts_by_their_probability() -> None:
    """``I(s_T; z | s_0)`` by hand: from 0 (probability 1/4) two ends can be told apart, from 1 (3/4) none."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (0, 1, 2, 1), (1, 0, 1, 1), (2, 0, 2, 1)],
        states=3,
        actions=2,
        initial={0: Fraction(1, 4), 1: Fraction(3, 4)},
        horizon=1,
    )
    found = propose(process, "vic")
    assert found.mutual_information.lower == pytest.approx(np.log(2) / 4, abs=1e-9)
    np.testing.assert_allclose(found.goal_distribution, [1 / 8, 3 / 4, 1 / 8], atol=1e-9)
    by_start = {start: [s for s in found.skills if s.start == start] for start in (0, 1)}
    assert sum(s.probability for s in by_start[0]) == pytest.approx(1 / 4)
    assert sum(s.probability for s in by_start[1]) == pytest.approx(3 / 4)


def test_valor_adds_skills_while_its_decoder_is_sure() -> None:
    """Without noise 2, 4, 7 and 9 skills, four phases in each of four runs; each ends in ``log K``."""
    found = propose(make("grid:3x3").replaced(horizon=4), "valor", certify=False)
    assert [curve[-1] for curve in found.curves] == pytest.approx(np.tile(np.log([2, 4, 7, 9]), 4))
    assert len(found.skills) == 9


def test_valor_stops_short_where_its_decoder_is_not() -> None:
    found = propose(make("grid:3x3,slip=6/10").replaced(horizon=4), "valor", certify=False)
    assert len(found.skills) < 9
    prior = np.array([skill.probability for skill in found.skills])
    rows = np.array([skill.marginal for skill in found.skills])
    posterior = prior[:, None] * rows / (prior @ rows)
    assert (prior[:, None] * rows * posterior).sum() < 0.86
    assert mutual_information(prior, rows) == pytest.approx(max(c[-1] for c in found.curves), abs=1e-9)


def test_a_regret_near_the_minimax_regret_is_not_it() -> None:
    """Uniform goals lose 7.516 where 7.124 is possible; the adversary's own goals lose just that."""
    process = make("grid:3x3,slip=1/10").replaced(horizon=4)
    near, same = (propose(process, method, certify=False) for method in ("uniform", "hand-made"))
    assert 1.03 < near.price < 1.1
    assert not near.matches_minimax
    assert same.matches_minimax
    assert not same.matches_uniform
