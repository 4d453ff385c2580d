"""Rational solutions for learners without memory: equal bounds, proved with tolerance zero."""

from __future__ import annotations

from theory.minimax.exact.achievable import Achievable
from theory.minimax.exact.generation import LinearOptimum, solve_linear
from theory.minimax.exact.loss import ExactLoss, LinearForm
from theory.minimax.exact.matrix_game import GameSolution, solve_game
from theory.minimax.exact.rewards import AchievableRewards
from theory.minimax.exact.sharpen import ExactSolution, outward_bracket, sharpen
from theory.minimax.exact.successes import AchievableSuccess

__all__ = [
    "Achievable",
    "AchievableRewards",
    "AchievableSuccess",
    "ExactLoss",
    "ExactSolution",
    "GameSolution",
    "LinearForm",
    "LinearOptimum",
    "outward_bracket",
    "sharpen",
    "solve_game",
    "solve_linear",
]
