r"""A02, memory in exploration: Markov policies lose entropy within a single trial, if the dynamics are noisy.

Statement
---------
For the expected entropy of the states visited in *one* episode, policies that remember what they have visited
are better than Markov policies in general, even where these may depend on time. With deterministic dynamics
and one first state they are not: what a policy with memory visits, an open-loop plan visits.

Dropped: no noise (a random first state is noise, too). In the witness a random first move decides which of
two states was seen, and the walk comes back to one state, where the best last move goes to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import deterministic_processes
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, document
from metaregret.theory.claims import Context, Trial, all_hold, exact_agreement, method, published
from metaregret.theory.claims.oracles import sign_of_log_sum, trajectory_tree

Counts = tuple[int, ...]
Rows = list[list[dict[int, Fraction]]]


@dataclass(frozen=True)
class Claim:
    """When a Markov policy chooses: by the step and the state that it is given."""

    sees: Any = lambda step, state: (step, state)


def _steps(process: ControlledMarkovProcess) -> int:
    assert isinstance(process.horizon, FiniteHorizon)  # as the claim assumes
    return process.horizon.steps


def _rows(process: ControlledMarkovProcess) -> Rows:
    probabilities = process.exact_probabilities
    return [
        [
            {
                int(process.successors[m]): probabilities[m]
                for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
            }
            for choice in process.choices(state)
        ]
        for state in range(process.n_states)
    ]


def visited(rows: Rows, steps: int, policy: Mapping[Any, int], sees: Any) -> dict[Counts, Fraction]:
    """Return the distribution of how often each state is visited, from state 0, the start counted."""
    start = tuple(int(s == 0) for s in range(len(rows)))
    layer = {(0, start): Fraction(1)}
    for step in range(steps):
        after: dict[tuple[int, Counts], Fraction] = {}
        for (state, counts), mass in layer.items():
            for t, p in rows[state][policy.get(sees(step, state), 0) % len(rows[state])].items():
                key = (t, tuple(c + (s == t) for s, c in enumerate(counts)))
                after[key] = after.get(key, Fraction(0)) + mass * p
        layer = after
    result: dict[Counts, Fraction] = {}
    for (_, counts), mass in layer.items():
        result[counts] = result.get(counts, Fraction(0)) + mass
    return result


def markov(rows: Rows, steps: int, sees: Any) -> Iterable[dict[Counts, Fraction]]:
    """Yield what every deterministic Markov policy visits; the objective is multilinear in the policy, so one
    of them is best."""
    slots = list(
        dict.fromkeys(sees(t, s) for t in range(steps) for s, row in enumerate(rows) if len(row) > 1)
    )
    most = max(map(len, rows))
    for chosen in product(range(most), repeat=len(slots)):
        yield visited(rows, steps, dict(zip(slots, chosen, strict=True)), sees)


SMALL = deterministic_processes(min_states=3, max_states=3, max_actions=2, max_steps=3)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """The visit counts of all Markov policies are those of all trajectories, as sets."""

    def check(process: ControlledMarkovProcess) -> Trial | None:
        if process.initial[0] != 1:
            return None
        rows, steps = _rows(process), _steps(process)
        open_loop = {next(iter(found)) for found in markov(rows, steps, claim.sees)}
        paths: set[Counts] = set()

        def walk(node: Any, counts: Counts) -> None:
            here = tuple(c + (s == node.state) for s, c in enumerate(counts))
            if not node.actions:
                paths.add(here)
            for results in node.actions:
                for child in results:
                    walk(child, here)

        walk(trajectory_tree(process)[0], (0,) * len(rows))
        return all_hold(str(process.name), f"{open_loop} and {paths}", same_counts=open_loop == paths)

    return context.examples(SMALL, check, name="A02 enumeration", share=2, most=MOST)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """The best expected collision index of the visits, a rational stand-in for the entropy, by recursion over
    histories and over Markov policies."""

    def check(process: ControlledMarkovProcess) -> Trial | None:
        if process.initial[0] != 1:
            return None
        rows, steps = _rows(process), _steps(process)
        spread: Any = lambda counts: 1 - sum(Fraction(c, steps + 1) ** 2 for c in counts)
        policies = markov(rows, steps, claim.sees)
        best = max(sum(p * spread(c) for c, p in found.items()) for found in policies)
        start = tuple(int(s == 0) for s in range(len(rows)))
        return exact_agreement(str(process.name), best, with_memory(rows, steps, 0, start, spread))

    return context.examples(SMALL, check, name="A02 exact", share=3, most=MOST)


def with_memory(rows: Rows, steps: int, state: int, counts: Counts, spread: Any) -> Fraction:
    """Return the best expected spread of the visits over all policies with memory."""
    if not steps:
        return spread(counts)
    more: Any = lambda t: tuple(c + (s == t) for s, c in enumerate(counts))
    return max(
        sum((p * with_memory(rows, steps - 1, t, more(t), spread) for t, p in row.items()), Fraction(0))
        for row in rows[state]
    )


def _entropy(found: Mapping[Counts, Fraction], total: int) -> list[tuple[Fraction, Fraction]]:
    return [
        (-mass * Fraction(c, total), Fraction(c, total))
        for counts, mass in found.items()
        for c in counts
        if c
    ]


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: a policy that looks at the counts has more expected entropy than every Markov policy."""
    model = replay.read(witness["process"])
    if model.start != {0: 1}:
        return None
    chosen = {
        (int(step), int(state), tuple(map(int, counts))): int(action)
        for step, state, counts, action in witness["policy_with_memory"]
    }
    start = tuple(int(s == 0) for s in range(len(model.rows)))
    layer = {(0, start): Fraction(1)}
    for step in range(model.steps):
        after: dict[tuple[int, Counts], Fraction] = {}
        for (state, counts), mass in layer.items():
            action = chosen.get((step, state, counts), 0)
            if not 0 <= action < len(model.rows[state]):
                return None
            for t, p in model.rows[state][action].items():
                key = (t, tuple(c + (s == t) for s, c in enumerate(counts)))
                after[key] = after.get(key, Fraction(0)) + mass * p
        layer = after
    remembered: dict[Counts, Fraction] = {}
    for (_, counts), mass in layer.items():
        remembered[counts] = remembered.get(counts, Fraction(0)) + mass
    total = model.steps + 1
    reached = _entropy(remembered, total)
    for found in markov(model.rows, model.steps, lambda step, state: (step, state)):
        if sign_of_log_sum([*reached, *replay.weighted(-1, _entropy(found, total))]) <= 0:
            return None
    spelled = "; ".join(f"{counts} with probability {p}" for counts, p in sorted(remembered.items()))
    return {"visits with memory": spelled, "Markov policies": "less entropy, every one"}


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Build the smallest process of the kind: a coin, a way back, a choice."""
    coin = ["start go left 1/2", "start go right 1/2"]
    moves = [*coin, "left go home 1", "right go home 1", "home go left 1", "home turn right 1"]
    policy = [[2, 3, [1, 1, 0, 1], 1], [2, 3, [1, 0, 1, 1], 0]]
    yield {"process": document([move.split() for move in moves], 3), "policy_with_memory": policy}


PUBLISHED = published(
    uid="A02",
    title="Markov policies lose entropy within a single trial",
    statement=r"\max_{\pi\ \text{with memory}}\mathbb E\,H(\hat d)>\max_{\pi\ \text{Markov}}\mathbb "
    r"E\,H(\hat d)\quad\text{in general}",
    source="M. Mutti, R. De Santi & M. Restelli, The importance of non-Markovianity in maximum state "
    "entropy exploration, ICML 2022, arXiv:2202.03060",
    finite="Entropy of the visit frequencies of one episode; Markov policies may depend on time.",
    needs="random dynamics or a random first state; without, Markov policies that depend on time lose "
    "nothing",
    holds=(
        "Without noise Markov policies that depend on time lose nothing",
        r"P,\mu_0\ \text{deterministic}\Rightarrow\max_{\pi\ \text{with memory}}\mathbb E\,H(\hat "
        r"d)=\max_{\pi\ \text{Markov}}\mathbb E\,H(\hat d)",
    ),
    claim=Claim(),
    methods=(
        method("sets of visits", "enumeration", enumeration),
        method("recursion over histories", "exact", exact),
    ),
    planted={
        "stationary policies suffice": Claim(lambda step, state: state),
        "one action for two steps suffices": Claim(lambda step, state: step // 2),
        "one action throughout suffices": Claim(lambda step, state: 0),
    },
    fails=(
        "Markov policies suffice for the entropy of a single trial",
        r"\max_{\pi\ \text{with memory}}\mathbb E\,H(\hat d)=\max_{\pi\ \text{Markov}}\mathbb "
        r"E\,H(\hat d)",
    ),
    drops="deterministic dynamics from one first state",
    refute=refute,
    search=search,
)
