"""Losses of learners without memory: one linear program each, or Newton's method on the level."""

from metaregret.theory.minimax.solution import Criterion, Learner

__all__ = ["LOSSES"]

LOSSES = [
    (Learner.MEMORYLESS, Criterion.REGRET, None),
    (Learner.MEMORYLESS, Criterion.REGRET, 3),
    (Learner.BLIND, Criterion.REGRET, 2),
    (Learner.MEMORYLESS, Criterion.RATIO, None),
    (Learner.MEMORYLESS, Criterion.HITTING_TIME, None),
    (Learner.MEMORYLESS, Criterion.HITTING_TIME, 4),
]
