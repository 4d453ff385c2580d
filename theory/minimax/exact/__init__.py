"""Rational solutions for learners without memory: equal bounds, proved with tolerance zero."""

from __future__ import annotations

from metaregret.theory.minimax.exact.achievable import Achievable
from metaregret.theory.minimax.exact.generation import LinearOptimum, equalise, solve_linear
from metaregret.theory.minimax.exact.matrix_game import GameSolution, solve_game
from metaregret.theory.minimax.exact.rewards import AchievableRewards
from metaregret.theory.minimax.exact.sharpen import (
    closed_form,
    complete,
    outward_bracket,
    sharpen,
)
from metaregret.theory.minimax.exact.successes import AchievableSuccess
from metaregret.theory.regret import ExactLoss, LinearForm

__all__ = [
    "Achievable",
    "AchievableRewards",
    "AchievableSuccess",
    "ExactLoss",
    "GameSolution",
    "LinearForm",
    "LinearOptimum",
    "closed_form",
    "complete",
    "equalise",
    "outward_bracket",
    "sharpen",
    "solve_game",
    "solve_linear",
]
