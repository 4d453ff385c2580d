"""Certificates of costs in steps, goals detected on the way, for learners without memory.

With ``c_g`` the expected steps of an episode until the first visit of ``g``, and ``rho_g`` the probability of
one, the cost is ``c_g / (b_g rho_g)``. The witness is the policy (upper bound), the task distribution with a
level below which it lets no policy come (lower bound), and for the ratio the least costs ``b_g``, found here
exactly by the method of Dinkelbach (1967) in rational numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from metaregret.tabular.engine import solve
from metaregret.tabular.errors import InstanceTooLargeError, SolverError
from metaregret.tabular.goals import exact_support
from metaregret.tabular.policy import deterministic_policy, exact_terminal
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.certificates.drafting import Document, certificate, named, policy_rows, proved
from metaregret.theory.certificates.minimax_claims import exploration, minimax_claim, prior_of
from metaregret.theory.minimax.solution import Criterion, MinimaxSolution
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks

__all__ = ["least_steps", "steps_certificate"]

SMALL_DENOMINATOR = 1000
MARGINS = tuple(Fraction(1, 10**k) for k in range(15, 5, -1))
"""Distances below the solver's lower bound, relative to it, at which a level is tried."""


def steps_certificate(tasks: GoalTasks, solution: MinimaxSolution, *, budget: int) -> Document:
    """Return a certificate of the worst hitting time in steps, or of its ratio to the least.

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    InstanceTooLargeError
        If the checker would need more than the budget.
    SolverError
        If no level near the lower bound of the solution is accepted.
    """
    tasks.process.require_exact()
    marked = solution.marked_proof.marked
    process, names, state, block = exploration(tasks, marked)
    claim = minimax_claim(tasks, solution, {"goals": list(names)}, "inf")
    rows = policy_rows(marked.process, solution.marked_proof.policy, state=state, block=block)
    witness: Document = {"prior": prior_of(solution), "learners": [{"rows": rows}]}
    if solution.criterion is Criterion.RATIO:
        witness["least"] = named(names, [least_steps(process, int(goal)) for goal in tasks.goals])
    refused = SolverError("No level was tried.")
    for level in _levels(solution):
        try:
            return proved(certificate(process, claim, {**witness, "level": str(level)}), budget=budget)
        except InstanceTooLargeError:
            raise
        except SolverError as error:
            refused = error
    raise refused


def _levels(solution: MinimaxSolution) -> Iterator[Fraction]:
    """Yield levels to try: a small denominator within the bracket first, then slightly below the bound."""
    lower, upper = Fraction(solution.value.lower), Fraction(solution.value.upper)
    small = ((lower + upper) / 2).limit_denominator(SMALL_DENOMINATOR)
    if lower <= small <= upper:
        yield small
    for margin in MARGINS:
        yield Fraction(int(lower * (1 - margin) * 10**18), 10**18)


def least_steps(process: ControlledMarkovProcess, goal: int) -> Fraction:
    """Return ``b_g = min c_g / rho_g`` over the policies of an episode, exactly.

    Raises
    ------
    UnreachableGoalError
        If no policy visits the goal.
    """
    steps = process.steps_for("Hitting times in steps")
    marked = success_tasks(GoalTasks(process, np.array([goal]), Detection.VISIT))
    seen = marked.success.indices
    pays, end = np.full((2, marked.process.n_states), Fraction(0), dtype=object)
    pays[:] = Fraction(1)
    pays[seen] = Fraction(0)
    # Whoever visits the goal as surely as possible pays at most T an episode.
    level = steps / exact_support(marked.process, seen, [Fraction(1)] * len(seen))
    while True:
        end[seen] = -level
        plan = solve(marked.process, pays, steps=steps, terminal=end, maximise=False, exact=True)
        assert plan.policy is not None
        assert plan.value.exact is not None
        found = exact_terminal(marked.process, deterministic_policy(marked.process, plan.policy))[seen].sum()
        if plan.value.exact == 0:
            return level
        level += plan.value.exact / found
