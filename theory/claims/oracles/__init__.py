"""Brute-force references in rational arithmetic: slow, small, and sharing no code with the solvers they
judge."""

from __future__ import annotations

from metaregret.theory.claims.oracles.logarithms import logarithm_bounds, sign_of_log_sum
from metaregret.theory.claims.oracles.memory import bayes_learner, bayes_regret_at
from metaregret.theory.claims.oracles.orders import mixed_value, order_game, sequence_losses
from metaregret.theory.claims.oracles.outcomes import deterministic_outcomes
from metaregret.theory.claims.oracles.paths import path_sets
from metaregret.theory.claims.oracles.trajectories import TrajectoryTree, trajectory_tree

__all__ = [
    "TrajectoryTree",
    "bayes_learner",
    "bayes_regret_at",
    "deterministic_outcomes",
    "logarithm_bounds",
    "mixed_value",
    "order_game",
    "path_sets",
    "sequence_losses",
    "sign_of_log_sum",
    "trajectory_tree",
]
