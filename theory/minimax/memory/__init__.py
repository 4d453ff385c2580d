"""Learners with memory: the minimax game, solved exactly by decomposition (see
``docs/explanation/memory.md``)."""

from __future__ import annotations

from metaregret.theory.adversaries import (
    Adversary,
    ConditionalValueAtRisk,
    KullbackLeiblerBall,
    Polytope,
    Simplex,
    TotalVariationBall,
)
from metaregret.theory.minimax.memory.bayes import BayesLearner, bayes_optimal
from metaregret.theory.minimax.memory.exact import ExactMemory, sharpen_memory
from metaregret.theory.minimax.memory.game import MemoryGame, estimate_size, memory_game
from metaregret.theory.minimax.memory.horizon import enough_episodes
from metaregret.theory.minimax.memory.mixture import BehaviourPolicy, Mixture
from metaregret.theory.minimax.memory.solve import solve_memory
from metaregret.theory.minimax.memory.trained import TrainedWithMemory, trained_with_memory

__all__ = [
    "Adversary",
    "BayesLearner",
    "BehaviourPolicy",
    "ConditionalValueAtRisk",
    "ExactMemory",
    "KullbackLeiblerBall",
    "MemoryGame",
    "Mixture",
    "Polytope",
    "Simplex",
    "TotalVariationBall",
    "TrainedWithMemory",
    "bayes_optimal",
    "enough_episodes",
    "estimate_size",
    "memory_game",
    "sharpen_memory",
    "solve_memory",
    "trained_with_memory",
]
