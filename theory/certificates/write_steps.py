"""Certificates of costs in steps, goals detected on the way, for learners without memory.

With ``c_g`` the expected steps of an episode until the first visit of ``g``, and ``rho_g`` the probability of
one, the cost is ``c_g / (b_g rho_g)``. The witness is the policy (upper bound), the task distribution with a
level below which it lets no policy come (lower bound), and for the ratio the least costs ``b_g``, found here
exactly by the method of Dinkelbach (1967) in rational numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from metaregret.tabular.errors import InstanceTooLargeError, SolverError, UnreachableGoalError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.certificates.drafting import Document, certificate, named, policy_rows, proved
from metaregret.theory.certificates.minimax_claims import exploration, minimax_claim, prior_of
from metaregret.theory.minimax.solution import Criterion, MinimaxSolution
from metaregret.theory.tasks import GoalTasks

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
    assert isinstance(process.horizon, FiniteHorizon)
    level = Fraction(10**9 * process.horizon.steps)
    while True:
        steps, found = _best_reply(process, goal, process.horizon.steps, level)
        if not found:
            raise UnreachableGoalError(f"No policy visits {process.states[goal]!r}; leave this goal out.")
        if steps / found == level:
            return level
        level = steps / found


def _best_reply(
    process: ControlledMarkovProcess, goal: int, horizon: int, level: Fraction
) -> tuple[Fraction, Fraction]:
    """Return ``c`` and ``rho`` of a policy that minimises ``c - level rho``."""
    zero, one = Fraction(0), Fraction(1)
    probabilities = process.exact_probabilities
    ahead = [(zero, one if s == goal else zero) for s in range(process.n_states)]
    for _ in range(horizon):
        pairs = []
        for c in range(process.n_choices):
            row = range(process.offsets[c], process.offsets[c + 1])
            after = [(probabilities[k], ahead[int(process.successors[k])]) for k in row]
            pairs.append(
                (1 + sum((p * x for p, (x, _) in after), zero), sum((p * y for p, (_, y) in after), zero))
            )
        ahead = [
            (zero, one)
            if s == goal
            else min((pairs[c] for c in process.choices(s)), key=lambda x: x[0] - level * x[1])
            for s in range(process.n_states)
        ]
    assert process.exact_initial is not None
    start = list(zip(process.exact_initial, ahead, strict=True))
    return sum((p * x for p, (x, _) in start), zero), sum((p * y for p, (_, y) in start), zero)
