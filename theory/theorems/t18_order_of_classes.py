r"""T18, order of the classes: more memory never costs.

Statement
---------
``minimax(memory) <= minimax(memoryless) <= minimax(blind)`` on every process and task family where all are
defined: a blind learner's exploration, stopped at the first success, is a memoryless learner with at most
its regret, and a memoryless learner is a learner with memory. The same holds against every single prior.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.policy import exact_terminal
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import distributions, policies, processes
from metaregret.theory.claims import FINITE_HORIZON, Context, Trial, method, theorem, vanishes
from metaregret.theory.claims.oracles import bayes_learner
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.solution import Learner
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import Detection, GoalTasks


@dataclass(frozen=True)
class Claim:
    """By how much each class is claimed to lose to the next smaller one; negative means out of order."""

    memory: Any = lambda memory, memoryless: memoryless - memory
    blind: Any = lambda memoryless, blind: blind - memoryless


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Memoryless against blind, episode by episode: the difference is ``(v - rho) (1 - (1 - rho)**i) >= 0``.

    In episode ``i + 1`` the blind learner loses ``v - rho``, the memoryless one does so only if it has
    failed ``i`` times.
    """
    rho, v = sympy.symbols("rho v", positive=True)
    i = sympy.symbols("i", integer=True, nonnegative=True)
    memoryless, blind = (1 - rho) ** i * (v - rho), v - rho
    expected = (v - rho) * (1 - (1 - rho) ** i)
    yield vanishes("loss of episode i + 1", claim.blind(memoryless, blind) - expected)


Situation = tuple[ControlledMarkovProcess, np.ndarray, list[Fraction], int]


@once
@st.composite
def _situations(draw: st.DrawFn) -> Situation:
    process = draw(processes(min_states=2, max_states=3, max_actions=2, max_steps=2, geometric=False))
    prior = draw(distributions(int(goal_support(process).sum()), largest=3))
    return process, draw(policies(process)), prior, draw(st.integers(1, 3))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Any policy and prior, rationally: the Bayes-optimal learner loses no more than the policy, stopped or
    not."""

    def check(situation: Situation) -> Trial:
        process, policy, prior, episodes = situation
        goals = np.flatnonzero(goal_support(process))
        rho = exact_terminal(process, policy)
        optimum, returns = bayes_learner(process, goals.tolist(), prior, episodes)
        memory = memoryless = blind = Fraction(0)
        for p, g, v, r in zip(prior, goals, optimum, returns, strict=True):
            failures = sum(((1 - rho[g]) ** i for i in range(episodes)), Fraction(0))
            memory += p * (episodes * v - r)
            memoryless += p * failures * (v - rho[g])
            blind += p * episodes * (v - rho[g])
        margin = min(claim.memory(memory, memoryless), claim.blind(memoryless, blind))
        return Trial(
            f"generated process with {len(goals)} goals, N = {episodes}",
            float(margin),
            f"memory {memory}, memoryless {memoryless}, blind {blind}",
        )

    return context.examples(_situations(), check, name="T18 exact", share=2, most=3000)


NAMED = (
    ("line:5,start=2", 4, 3, Detection.VISIT),
    ("line:4", 3, 4, Detection.END),
    ("grid:2x2,slip=1/5", 2, 3, Detection.END),
    ("grid:2x2,slip=1/5", 2, 2, Detection.VISIT),
    ("tree:0,0,1,1", 2, 5, Detection.END),
    ("tree:0,0,1,1", 3, 2, Detection.VISIT),
    ("grid:3x3", 4, 9, Detection.END),
    ("grid:3x3", 4, 4, Detection.VISIT),
    ("garnet:S=4,A=2,b=2,seed=3", 2, 3, Detection.END),
)


def programs(claim: Claim, context: Context) -> Iterable[Trial]:
    """The three solvers on named processes: their certified brackets are in order."""
    for specification, steps, episodes, detect in NAMED:
        tasks = GoalTasks.reachable(make(specification).replaced(horizon=steps), detect)
        yield _in_order(claim, f"{specification} T={steps}", tasks, episodes)


def _in_order(claim: Claim, name: str, tasks: GoalTasks, episodes: int) -> Trial:
    memory = solve_memory(tasks, episodes).value
    memoryless, blind = (
        solve_without_memory(tasks, learner=learner, episodes=episodes).value
        for learner in (Learner.MEMORYLESS, Learner.BLIND)
    )
    widest = max(memory.gap, memoryless.gap, blind.gap)
    # The midpoints' order is decided up to the brackets' widths, which must be narrow.
    margin = min(
        claim.memory(memory.midpoint, memoryless.midpoint) + 2 * widest,
        claim.blind(memoryless.midpoint, blind.midpoint) + 2 * widest,
        1e-7 - widest,
    )
    note = f"memory {memory.midpoint}, memoryless {memoryless.midpoint}, blind {blind.midpoint}"
    return Trial(f"{name} N={episodes} {tasks.detect.value}", float(margin), note)


_SMALL = st.tuples(
    processes(min_states=2, max_states=3, max_actions=2, max_steps=2, geometric=False),
    st.integers(1, 3),
    st.sampled_from(Detection),
)


def generated(claim: Claim, context: Context) -> Iterable[Trial]:
    """The three solvers on generated processes, goals noticed at the end or on the way."""

    def check(drawn: tuple[ControlledMarkovProcess, int, Detection]) -> Trial:
        process, episodes, detect = drawn
        tasks = GoalTasks.reachable(process, detect)
        return _in_order(claim, f"generated process with {len(tasks.goals)} goals", tasks, episodes)

    return context.examples(_SMALL, check, name="T18 generated", most=1000)


THEOREM = theorem(
    uid="T18",
    title="Order of the learner classes",
    statement=(
        r"\min_{f\,\in\,\text{memory}}\max_p\mathrm{Reg}_O\;\le\;\min_{f\,\in\,\text{memoryless}}\max_p\mathrm{Reg}_O"
        r"\;\le\;\min_{f\,\in\,\text{blind}}\max_p\mathrm{Reg}_O"
    ),
    kind="extension",
    source="extension by this project",
    claim=Claim(),
    methods=(
        method("episode by episode", "symbolic", symbolic),
        method("any policy against the Bayes-optimal learner", "exact", exact),
        method("three solvers, bracketed", "optimisation", programs, "HiGHS"),
        method("three solvers, generated processes", "optimisation", generated, "HiGHS"),
    ),
    planted={
        "memory costs": Claim(memory=lambda memory, memoryless: memory - memoryless),
        "memory is worth nothing": Claim(memory=lambda memory, memoryless: -abs(memory - memoryless)),
        "blind before memoryless": Claim(blind=lambda memoryless, blind: memoryless - blind),
        "memory halves the price": Claim(memory=lambda memory, memoryless: memoryless - 2 * memory),
    },
    assumptions=(FINITE_HORIZON,),
    uses=("T01", "T04", "T12"),
)
