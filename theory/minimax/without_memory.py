"""Minimax blind and memoryless learners: the worst loss over tasks, minimised over the success polytope.

The problem is ``min_{rho in M} max_g phi_g(rho_g)`` with every ``phi_g`` convex and decreasing (T4). Where
the losses are homogeneous (infinitely many episodes) it is one linear program; otherwise Newton's method
on the value: at a level ``theta`` let ``r_g`` be the smallest success probability with
``phi_g(r_g) <= theta`` and ``d_g = -dr_g / dtheta``; the program ``max { s : rho_g >= r_g + s d_g }``
underestimates the curve ``r_g(theta - s)`` by convexity, so its solution moves ``theta`` to the optimum at
quadratic speed. Bounds are certified at every step.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.choices import choice
from metaregret.tabular.errors import (
    ContradictionError,
    ConvergenceError,
    InstanceTooLargeError,
    SolverError,
    UnsupportedError,
)
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.theory.learners import Learner, Progress
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.flow_program import FlowProgram, Program, SaddlePoint, certified_saddle_point
from metaregret.theory.minimax.parametric import Brackets, close
from metaregret.theory.minimax.proof import MarkedProof, PolicyProof
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, Best
from metaregret.theory.question import Method, Question
from metaregret.theory.regret import BracketedLoss, Loss, bracketed_loss
from metaregret.theory.success import Image, SuccessTasks, success_tasks
from metaregret.theory.tasks import RewardTasks, TaskFamily

if TYPE_CHECKING:
    from metaregret.theory.minimax.exact.achievable import Achievable
    from metaregret.theory.minimax.restricted import RestrictedPoint

__all__ = ["Brackets", "choose_program", "least_favourable", "newton", "solve_without_memory"]


MAX_NEWTON_STEPS = 60

RAREST = 1e-307
"""Smallest largest probability of a goal."""

MAX_STEPS = 100_000
MAX_SIZE = 100_000_000
"""Largest number of steps, and of pairs of a step and a choice, of a policy that is computed."""
MAX_PAIRS = 2 * 10**8
"""Largest number of pairs of a task and a state: one round keeps a number for each, in double precision."""
MAX_WORK = 2 * 10**12
"""Largest number of multiplications for one best response to every task (minutes on two cores)."""
GEOMETRIC_SWEEPS = 50
"""Sweeps of value iteration that are reckoned with at a geometric horizon."""
MAX_RESPONSES = 2**28
"""Largest number of terminal probabilities of the tasks' own policies (2 GiB)."""
MAX_MONOLITHIC = 5_000
"""Pairs of a step and a choice above which the linear program is decomposed."""


def solve_without_memory(
    tasks: TaskFamily, *, progress: Progress | None = None, **words: Any
) -> MinimaxSolution:
    """Ask a `Question` of a learner without memory, the memoryless one by default: see `metaregret.solve`."""
    question = Question(tasks, **words)
    if question.learner is Learner.MEMORY:
        raise UnsupportedError("Expected a learner without memory, but got 'memory'; use solve for it.")
    return question.learner.solve(question, progress)


def refuse(question: Question) -> None:
    """Raise `UnsupportedError` for what learners without memory cannot be asked."""
    if isinstance(question.tasks, RewardTasks):
        if question.learner is not Learner.BLIND:
            raise UnsupportedError(
                "General reward tables have no first success; use learner 'blind' or 'memory' for them."
            )
    elif question.in_steps:
        _refuse_steps(question)
    question.criterion.form(question.learner).check(question.episodes)
    whole = isinstance(question.tasks, RewardTasks) or question.in_steps
    if whole and question.method is Method.DECOMPOSITION:
        raise UnsupportedError(
            "Only 0-1 tasks counted in episodes are decomposed; use method 'auto' or 'program'."
        )


def _refuse_steps(question: Question) -> None:
    """Raise `UnsupportedError` for what is not solved where the loss is counted in steps."""
    if question.episodes is not None:
        raise UnsupportedError(
            "With finitely many episodes the hitting time in steps has level sets that are not convex; ask "
            "for infinitely many, goals detected at the end, or learner 'memory'."
        )
    question.tasks.process.steps_for("Hitting times in steps")
    if question.exact:
        raise UnsupportedError(
            "The best hitting time in steps is in general irrational; ask for a bracket instead of an exact "
            "value."
        )
    if question.restricted:
        raise UnsupportedError(
            "Hitting times in steps are ratios of linear functions, so that their mean over tasks is not "
            "convex; restrict the adversary with goals detected at the end, or learner 'memory'."
        )


def answer(question: Question, progress: Progress | None = None) -> MinimaxSolution:
    """Return the minimax learner without memory and the least-favourable task distribution.

    Raises
    ------
    NotExactError, InstanceTooLargeError
        If rational bounds are asked for and the process is known in floating point only or too large.
    ConvergenceError
        If the bracket does not close to the tolerance; it carries the best bounds.

    Notes
    -----
    Where goals noticed on the way are too many to remember, the answer is a bracket
    (`metaregret.theory.minimax.visits`).
    """
    if question.in_steps:
        from metaregret.theory.minimax import steps_on_the_way

        return steps_on_the_way.answer(question, progress)
    try:
        return _answer(question, progress)
    except InstanceTooLargeError:
        from metaregret.theory.minimax import visits

        if not visits.applies(question):
            raise
        return visits.bracket(question, progress)


def _answer(question: Question, progress: Progress | None) -> MinimaxSolution:
    began = time.perf_counter()
    tasks, achievable = _tasks(question)
    loss = bracketed_loss(question.learner, question.criterion, tasks.optimum, question.episodes)
    if achievable is not None and question.method is Method.AUTO and not question.restricted:
        proved = _closed_exactly(question, tasks, loss, achievable, began)
        if proved is not None:
            return proved
    if question.restricted:
        return _restricted(question, tasks, loss, progress, began)
    program: Program
    if isinstance(tasks, SuccessTasks):
        program, level = choose_program(tasks, question.method), None
    else:  # rewards are asked for what their tables lose at once: one linear program
        program, level = FlowProgram(tasks), 0.0
    try:
        found = newton(program, loss, question.tolerance, progress, level=level)
    except ContradictionError:
        raise
    except SolverError:
        if achievable is None or not isinstance(tasks, SuccessTasks):
            raise
        program = Decomposition(tasks)  # rational arithmetic needs only a start
        found = newton(program, loss, question.tolerance, progress)
    if not (found.closed or found.interrupted or achievable):
        raise _not_closed(found, question.tolerance)
    solution = _solution(question, tasks, loss, program, found, began)
    if achievable is None or found.interrupted:
        return solution
    from metaregret.theory.minimax.exact import sharpen

    return sharpen(achievable, solution, question.tolerance)


def _tasks(question: Question) -> tuple[Image, Achievable | None]:
    """Return the tasks as a linear image, and in exact arithmetic where that is asked for; what cannot be
    done is refused before any time is spent."""
    from metaregret.theory.minimax import exact

    if isinstance(question.tasks, RewardTasks):
        from metaregret.theory.minimax.earned_rewards import EarnedRewards

        achievable = exact.AchievableRewards(question.tasks) if question.exact else None
        return EarnedRewards(question.tasks, question.tolerance), achievable
    marked = success_tasks(question.tasks)
    _refuse_large(marked)
    _refuse_rare(marked)
    return marked, exact.AchievableSuccess(marked) if question.exact else None


def _closed_exactly(
    question: Question,
    tasks: Image,
    loss: BracketedLoss,
    achievable: Achievable,
    began: float,
) -> MinimaxSolution | None:
    """Return the exact solution where one rational linear solve gives it, whatever floating point would."""
    from metaregret.theory.minimax.exact import closed_form, complete

    proved = closed_form(achievable, question.criterion.form(question.learner), question.episodes)
    if proved is None:
        return None
    exact = proved[1]
    numbers = (np.array(part, dtype=float) for part in (exact.policy, exact.weights))
    point = certified_saddle_point(tasks, loss, *numbers)
    by = _ClosedForm("closed form", {"policies": len(tasks.names)})
    solution = _solution(question, tasks, loss, by, Brackets(point, point), began)
    found = complete(solution, *proved, question.tolerance)
    return dataclasses.replace(
        found, method=f"closed form: {exact.method}", seconds=time.perf_counter() - began
    )


def _refuse_rare(marked: SuccessTasks) -> None:
    """Refuse goals whose probability has no inverse in double precision, where exact answers start, too."""
    rarest = int(marked.optimum.values.argmin())
    if (least := float(marked.optimum.values[rarest])) < RAREST:
        raise UnsupportedError(
            f"Goal {marked.names[rarest]!r} is reached with probability {least:.3g} at best, below the "
            f"{RAREST:.0e} that double precision can divide by; leave it out."
        )


def _not_closed(found: Brackets[Any], tolerance: float) -> ConvergenceError:
    primal, dual = found.best
    lower, upper = dual.lower, primal.upper
    return ConvergenceError(
        f"The bracket [{lower}, {upper}] did not close to {tolerance}; ask for a larger tolerance.",
        lower=lower,
        upper=upper,
    )


def _restricted(
    question: Question,
    tasks: Image,
    loss: BracketedLoss,
    progress: Progress | None,
    began: float,
) -> MinimaxSolution:
    """Return the answer against a restricted adversary."""
    from metaregret.theory.minimax.restricted import solve_restricted

    decomposed = isinstance(tasks, SuccessTasks) and is_decomposed(tasks, question.method)
    found, body = solve_restricted(
        tasks, loss, question.adversary, question.tolerance, progress, decomposed=decomposed
    )
    if not (found.closed or found.interrupted):
        raise _not_closed(found, question.tolerance)
    return _solution(question, tasks, loss, body, found, began)


def choose_program(marked: SuccessTasks, method: Method | str = Method.AUTO) -> Program:
    """Return what solves the linear programs of T4 on `marked`; see `solve_without_memory`.

    Raises
    ------
    InstanceTooLargeError
        Before any time is spent on what would take too long or too much memory.
    """
    method = choice(Method, method, "method")
    _refuse_large(marked)
    otherwise: Callable[[SuccessTasks], Program] = (
        Decomposition if is_decomposed(marked, method) else FlowProgram
    )
    if method is Method.AUTO and len(marked.names) * marked.process.n_states <= MAX_RESPONSES:
        from metaregret.theory.minimax.closed_form import ClosedForm

        return ClosedForm(marked, otherwise)
    return otherwise(marked)


def _refuse_large(marked: SuccessTasks) -> None:
    """Raise `InstanceTooLargeError` for what would take too long or too much memory, in no time."""
    steps = marked.process.layers
    size = steps * marked.process.n_choices
    if steps > MAX_STEPS or size > MAX_SIZE:
        raise InstanceTooLargeError(
            f"A policy of {marked.process.name!r} has {steps} steps of {marked.process.n_choices} choices, "
            f"over the limit of {MAX_STEPS} steps and {MAX_SIZE} in all; reduce the horizon or the number of "
            "states."
        )
    pairs = len(marked.names) * marked.process.n_states
    if pairs > MAX_PAIRS:
        raise InstanceTooLargeError(
            f"Of {marked.process.name!r}, {len(marked.names)} tasks times {marked.process.n_states} states "
            f"are {pairs} numbers per round, over the limit of {MAX_PAIRS}; reduce the number of states, or "
            "name fewer goals."
        )
    work = _work(marked)
    if work > MAX_WORK:
        raise InstanceTooLargeError(
            f"Planning once for each of the {len(marked.names)} tasks of {marked.process.name!r} needs about "
            f"{work:.1e} multiplications (tasks x steps x transitions), over the limit of {MAX_WORK:.0e}; "
            "reduce the horizon or the number of states, or name fewer goals."
        )


def is_decomposed(marked: SuccessTasks, method: Method) -> bool:
    """Whether the linear programs are decomposed, not written down whole.

    `Method.AUTO` decomposes above `MAX_MONOLITHIC` pairs of a step and a choice. CPU seconds of the program
    and of the decomposition, regret over infinitely many episodes: grid:5x5,slip=1/5 T = 8 (1,000 pairs) 0.03
    and 0.01, T = 30 (3,750) 0.68 and 0.01; grid:8x8 T = 14 without slips (4,480) 0.04 and 0.01, with slips
    0.31 and 0.02, T = 40 (12,800) 5.3 and 0.05; FrozenLake-v1 T = 100 (6,400) 0.48 and 0.02, its 8x8 map
    T = 50 (12,800) 10.5 and 0.08. The program loses where moves slip, and the more the longer the horizon.
    """
    if method is not Method.AUTO:
        return method is Method.DECOMPOSITION
    return marked.process.layers * marked.process.n_choices > MAX_MONOLITHIC


def _work(marked: SuccessTasks) -> int:
    """Return the multiplications of one best response to every task."""
    horizon = marked.process.horizon
    sweeps = horizon.steps if isinstance(horizon, FiniteHorizon) else GEOMETRIC_SWEEPS
    return len(marked.names) * sweeps * marked.process.n_transitions


def newton(
    program: Program,
    loss: BracketedLoss,
    tolerance: float,
    progress: Callable[[float, float], None] | None = None,
    *,
    level: float | None = None,
) -> Brackets[SaddlePoint]:
    """Return certified bounds on ``min_{rho in M} max_g phi_g(rho_g)``, as narrow as asked where possible.

    A keyboard interrupt after the first bounds ends the search; the first step is taken from `level` where
    the value is roughly known.

    Raises
    ------
    SolverError
        If no solver returned anything that could be certified.
    """
    homogeneous, found = loss.nominal.homogeneous, Brackets[SaddlePoint]()
    aim = np.zeros_like(loss.nominal.optimum), loss.nominal.direction
    if level is not None:
        aim = _tangent(loss.nominal, level)

    def ask(attempts: Sequence[Attempt]) -> Best[SaddlePoint]:
        base, direction = aim
        return program.solve(loss, base, direction / direction.max(), tolerance=tolerance, attempts=attempts)

    def learn(_: Best[SaddlePoint]) -> bool:
        nonlocal aim
        if program.interrupted:
            raise KeyboardInterrupt
        if not homogeneous:
            aim = _tangent(loss.nominal, found.best[0].upper)
        return not homogeneous

    attempts = LINEAR_SOLVERS if homogeneous else LINEAR_SOLVERS[:1]
    return close(found, ask, learn, tolerance, progress, rounds=MAX_NEWTON_STEPS, attempts=attempts)


def _tangent(loss: Loss, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return where the tangents of the losses at a level start, and how success trades off there.

    Where the level is above the loss at ``rho = 0`` the tangent starts below zero, for a task that asks for
    nothing yet must not hold the step back.
    """
    needed = np.minimum(loss.required(level), loss.optimum)
    direction = 1.0 / np.maximum(loss.slope(needed), 1e-300)
    spare = np.where(needed == 0, level - loss.value(needed), 0.0)
    return needed - np.minimum(spare * direction, 1e300), direction


def least_favourable(loss: BracketedLoss, dual: SaddlePoint) -> np.ndarray:
    """Return the task distribution ``p_g`` proportional to ``w_g / |phi_g'|`` at the lower bound's level."""
    needed = loss.nominal.required(dual.lower)
    reference = np.where(np.isfinite(needed), needed, loss.nominal.optimum)
    weights = dual.weights / np.maximum(loss.nominal.slope(reference), 1e-300)
    # Where slopes overflow (success probabilities below 1e-150) the weights themselves are all there is to
    # go by.
    return weights / weights.sum() if weights.sum() > 0 else dual.weights / dual.weights.sum()


class _Found(Protocol):
    """What found the bounds, for the report."""

    @property
    def method(self) -> str: ...
    @property
    def size(self) -> dict[str, int]: ...


class _ClosedForm(NamedTuple):
    method: str
    size: dict[str, int]


def _solution(
    question: Question,
    tasks: Image,
    loss: BracketedLoss,
    by: _Found,
    found: Brackets[SaddlePoint] | Brackets[RestrictedPoint],
    began: float,
) -> MinimaxSolution:
    primal, dual = found.best
    if isinstance(dual, SaddlePoint):
        prior, searched = least_favourable(loss, dual), dict[str, int]()
        from_weights, from_policy = "dual weights, evaluated by value iteration", ""
    else:
        prior, searched = dual.prior, {"rounds": found.rounds}
        from_weights = "a distribution of the adversary's set and weights, evaluated by value iteration"
        from_policy = ", and the adversary's dual bound"
    value = Bracket(
        min(dual.lower, primal.upper),
        primal.upper,
        lower_from=from_weights,
        upper_from=f"{tasks.what} of the returned policy, evaluated afresh{from_policy}",
    )
    proof = PolicyProof(
        policy=primal.policy,
        weights=dual.weights,
        adversary=question.adversary,
        interrupted=found.interrupted,
    )
    explored = None
    if isinstance(tasks, SuccessTasks):
        explored = primal.terminal if tasks.augmented is None else primal.success
        required = None if question.restricted else loss.nominal.required(primal.upper)
        proof = MarkedProof(**vars(proof), marked=tasks, required=required)
    return MinimaxSolution.answering(
        question,
        began,
        value=value,
        tasks=tasks.names,
        least_favourable=prior,
        per_task=loss.nominal.value(np.minimum(primal.success, loss.nominal.optimum)),
        exploration=explored,
        method=by.method,
        size={"states": tasks.process.n_states, "tasks": len(tasks.names), **by.size, **searched},
        proof=proof,
    )
