"""The planner for processes with rewards: discounted, finite-horizon, reachability and total reward.

`solve` returns certified bounds for every state; see ``docs/how-to/planning.md`` for how to choose and what
is proved.
"""

from metaregret.tabular.engine.solution import Objective, PlanningSolution
from metaregret.tabular.engine.solver import METHODS, solve

__all__ = ["METHODS", "Objective", "PlanningSolution", "solve"]
