r"""T09, trajectory matching: explore so that every trajectory the dynamics allow is equally well covered.

Statement
---------
Let ``n(leaf) = 1`` and ``n(h) = sum_a max_o n(h, a, o)`` over the tree of histories. Then
``min_pi max_tau (v*_tau / Pr_pi(tau) - 1) = n(root) - 1``, attained by ``pi(a | h) ∝ max_o n(h, a, o)``.
With deterministic dynamics and ``|A|`` actions everywhere this is uniform exploration of the ``|A|**T``
action sequences, regret ``|A|**T - 1``.

The probabilities of the dynamics cancel in ``v*_tau / Pr_pi(tau) = 1 / prod_t pi(a_t | h_t)``; only which
outcomes are possible matters. With several start states the adversary picks one: ``n`` is the largest of
their values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import (
    DETERMINISTIC,
    FINITE_HORIZON,
    Context,
    Trial,
    all_hold,
    method,
    theorem,
    vanishes,
)
from metaregret.theory.claims.oracles import TrajectoryTree, trajectory_tree
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import TrajectoryTasks


@dataclass(frozen=True)
class Claim:
    """The claimed recursion and what follows from it.

    ``outcome(counts)`` combines the outcomes of one action, ``node(weights)`` the actions of a history,
    ``share(weight, total)`` is the claimed ``pi(a | h)``, ``value(n)`` the regret and ``uniform(A, T)`` its
    deterministic special case.
    """

    outcome: Any = max
    node: Any = sum
    share: Any = lambda weight, total: weight / total
    value: Any = lambda n: n - 1
    uniform: Any = lambda actions, steps: actions**steps - 1

    def count(self, counts: Sequence[Sequence[int]]) -> int:
        """Return ``n(h)`` from the counts of the children of ``h``."""
        return self.node([self.outcome(outcomes) for outcomes in counts])

    def policy(self, tree: TrajectoryTree) -> list[Fraction]:
        """Return the claimed ``pi(. | h)`` at the root of `tree`."""
        weights = [
            Fraction(self.outcome([child.count(self.count) for child in outcomes]))
            for outcomes in tree.actions
        ]
        return [Fraction(self.share(weight, sum(weights))) for weight in weights]


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """One step of the induction over the tree, for symbolic counts; then the recursion for ``|A|`` equal
    actions.

    Weighting the ratios ``n_a / pi_a`` by ``pi_a`` gives ``sum_a n_a`` for every ``pi``, so some ratio is
    at least that. The claimed shares make every ratio equal to the total, are additive and give 1 to the
    total: for any number of actions they are a distribution and attain it.
    """
    first, second, total, share = sympy.symbols("n_1 n_2 n pi_a", positive=True)
    yield vanishes("weighted ratio of one action", share * (first / share) - first)
    yield vanishes("every ratio equals the total", first / claim.share(first, total) - total)
    both = claim.share(first, total) + claim.share(second, total)
    yield vanishes("shares are additive", both - claim.share(first + second, total))
    yield vanishes("the total has share one", claim.share(total, total) - 1)
    yield vanishes("the node adds its actions", claim.node([first, second]) - first - second)
    actions, steps = sympy.symbols("A T", integer=True, positive=True)
    n = claim.uniform(actions, steps) + 1
    grown = claim.uniform(actions, steps + 1) + 1
    yield vanishes("A equal actions, one step more", sympy.powsimp(grown - actions * n))
    yield vanishes("A equal actions, no steps", claim.uniform(actions, sympy.Integer(0)))


MOST_ADVERSARIES = 2000
"""Ways to fix the outcomes of a tree that are listed; larger trees are left to the other checks."""


def _adversaries(tree: TrajectoryTree) -> list[int]:
    """List every way to fix the outcome of every action, by the number of trajectories it leaves.

    Nothing is maximised on the way: the list has one entry per way, the product over actions of the sums over
    outcomes of the lists below.
    """
    ways = [0] if tree.actions else [1]
    for outcomes in tree.actions:
        below = [left for child in outcomes for left in _adversaries(child)]
        if len(ways) * len(below) > MOST_ADVERSARIES:
            raise InstanceTooLargeError("More ways to fix the outcomes than are listed.")
        ways = [one + left for one in ways for left in below]
    return ways


def _most_trajectories(roots: Sequence[TrajectoryTree]) -> int | None:
    """The most trajectories that an adversary can leave, or None where the ways are too many to list."""
    try:
        return max(max(_adversaries(root)) for root in roots)
    except InstanceTooLargeError:
        return None


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[int]]:
    process = draw(processes(max_states=3, max_actions=2, max_steps=3, geometric=False))
    return process, draw(st.lists(st.integers(1, 4), min_size=3, max_size=3))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational trees: the claimed policy attains the claimed value on its worst trajectory, leaf by leaf.

    Lower bound without the recursion's algebra: with outcomes fixed by the adversary, the products ``prod
    pi`` of the remaining leaves sum to one for every ``pi``, so the worst of L leaves has ratio at least L.
    """

    def check(situation: tuple[ControlledMarkovProcess, list[int]]) -> Trial:
        process, weights = situation
        roots = trajectory_tree(process)
        counts = [root.count(claim.count) for root in roots]
        shares = [claim.policy(root) if root.actions else [Fraction(1)] for root in roots]
        least = [min(root.leaves(claim.policy)) for root in roots]
        attained = max(1 / x for x in least) - 1 if min(least) > 0 else None

        def rival(tree: TrajectoryTree) -> list[Fraction]:
            chosen = weights[: len(tree.actions)]
            return [Fraction(w, sum(chosen)) for w in chosen]

        rivals = max(1 / min(root.leaves(rival)) for root in roots) - 1
        value = claim.value(max(counts))
        return all_hold(
            f"generated tree of {sum(1 for root in roots for _ in root.leaves(rival))} trajectories",
            f"claimed {value}, attained {attained}, a rival policy has {rivals}",
            policy_sums_to_one=all(sum(share) == 1 for share in shares),
            claimed_value_attained=attained == value,
            no_policy_below=rivals >= value,
            adversary_proves_it=_most_trajectories(roots) in (None, value + 1),
        )

    return context.examples(_situations(), check, name="T09 exact", most=5000)


def deterministic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Deterministic processes with the same number of actions everywhere: ``|A|**T`` leaves are counted one
    by one."""
    for actions in (1, 2, 3):
        for steps in (1, 2, 3):
            cycle = [(s, a, (s + a) % 3, 1) for s in range(3) for a in range(actions)]
            process = ControlledMarkovProcess.from_transitions(
                cycle, states=3, actions=actions, initial=0, horizon=steps
            )
            assert DETERMINISTIC.holds(process)
            (root,) = trajectory_tree(process)
            ratios = [1 / weight for weight in root.leaves(claim.policy)]
            yield all_hold(
                f"{actions} actions, {steps} steps",
                f"claimed {claim.uniform(actions, steps)}, ratios {sorted(set(map(str, ratios)))}",
                one_leaf_a_sequence=len(ratios) == claim.uniform(actions, steps) + 1,
                uniform=set(ratios) == {Fraction(len(ratios))},
            )


def program(claim: Claim, context: Context) -> Iterable[Trial]:
    """The linear program over occupancy measures of the trajectory tree, bracketed."""
    named = ("line:3", 3), ("tree:0,0,1,1,2,2", 3), ("grid:2x2,slip=1/5", 2), ("garnet:S=4,A=2,b=2,seed=3", 3)
    for specification, steps in named:
        process = make(specification).replaced(horizon=steps)
        solution = solve_without_memory(TrajectoryTasks(process), tolerance=1e-8)
        claimed = claim.value(max(root.count(claim.count) for root in trajectory_tree(process)))
        slack = 1e-8 * max(1.0, claimed)
        margin = min(claimed - solution.value.lower, solution.value.upper - claimed) + slack
        note = f"claimed {claimed}, bracket [{solution.value.lower}, {solution.value.upper}]"
        yield Trial(f"{specification} T={steps}", min(margin, slack - solution.value.gap), note)


THEOREM = theorem(
    uid="T09",
    title="Trajectory matching",
    statement=(
        r"n(\text{leaf})=1,\quad n(h)=\sum_a\max_o n(h,a,o):\qquad "
        r"\min_\pi\max_\tau\Bigl(\frac{v^*_\tau}{\Pr_\pi(\tau)}-1\Bigr)=n(\text{root})-1,\qquad "
        r"\pi^*(a\mid h)\propto\max_o n(h,a,o)"
    ),
    kind="source",
    source=(
        "arXiv 1806.04640, trajectory-matching case (deterministic); "
        "stochastic dynamics are an extension by this project"
    ),
    claim=Claim(),
    methods=(
        method(
            "induction over the tree",
            "symbolic",
            symbolic,
            general="any number of actions, any depth",
            prose="the induction over the depth of the tree; that the adversary may fix the worst outcome of "
            "every action, whose probabilities cancel",
        ),
        method("leaf by leaf on rational trees", "exact", exact),
        method("equal numbers of actions, counted", "enumeration", deterministic),
        method("linear program over the tree, bracketed", "optimisation", program, "HiGHS"),
    ),
    planted={
        "sum over outcomes for max": Claim(outcome=sum),
        "min over outcomes for max": Claim(outcome=min),
        "product over actions for sum": Claim(node=math.prod),
        "uniform over actions": Claim(share=lambda weight, total: weight / weight / 2),
        "dropped constant": Claim(value=lambda n: n),
        "factor for exponent": Claim(uniform=lambda actions, steps: actions * steps - 1),
    },
    assumptions=(FINITE_HORIZON,),
    uses=("T01", "T04"),
    expected="proved",
    certificate=lambda: solved("grid:2x2,slip=1/2", 2, trajectories=True),
)
