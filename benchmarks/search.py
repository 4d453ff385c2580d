"""How strong `metaregret.search` is: thirty claims that are subtly false, each with its domain.

    python -m benchmarks.search --seconds 60 --csv benchmarks/results/search.csv

For every claim: whether a counterexample is found in 10 s and in 60 s, after how many processes, and how
large the witness is. A claim is a function that returns by how much it holds; none is written so that the
searcher knows where it fails.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log
from pathlib import Path
from typing import Any

import flint
import numpy as np

from metaregret.tabular.goals import goal_values
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.claims.shrinking import initial_of, rows_of
from metaregret.theory.counterexamples import SearchResult, search
from metaregret.theory.information import channel_capacity
from metaregret.theory.minimax.exact.matrix_game import solve_game

Process = ControlledMarkovProcess
Point = tuple[Fraction, ...]


def values(process: Process, steps: int | None = None) -> list[Fraction]:
    """The best probability of ending in each state, after so many steps."""
    chosen = process if steps is None else process.replaced(horizon=steps)
    exact = goal_values(chosen, representation="rational").exact
    assert exact is not None
    return [Fraction(v) for v in exact]


def positive(process: Process) -> list[Fraction]:
    """The positive ones."""
    return [v for v in values(process) if v]


def ends(process: Process) -> list[Point]:
    """Ends of all deterministic policies."""
    return deterministic_outcomes(process, limit=300)


def steps(process: Process) -> int:
    """The horizon."""
    assert isinstance(process.horizon, FiniteHorizon)
    return process.horizon.steps


@dataclass(frozen=True)
class Game:
    """The game between policies and goals: goals, their values, the least worst ratio, mixture and prior."""

    points: list[Point]
    goals: list[int]
    best: list[Fraction]
    ratio: Fraction
    mixture: list[Fraction]
    prior: list[Fraction]

    @property
    def explored(self) -> list[Fraction]:
        """The minimax distribution over the goals."""
        return [
            sum((w * x[g] for w, x in zip(self.mixture, self.points, strict=True)), Fraction(0))
            for g in self.goals
        ]


def game(process: Process) -> Game:
    """Solve it exactly."""
    points = ends(process)
    goals = [g for g in range(process.n_states) if any(x[g] for x in points)]
    best = [max(x[g] for x in points) for g in goals]
    ratios = [[x[g] / v for x in points] for g, v in zip(goals, best, strict=True)]
    found = solve_game(np.array([[flint.fmpq(r.numerator, r.denominator) for r in row] for row in ratios]))
    spell = lambda x: Fraction(int(flint.fmpq(x).p), int(flint.fmpq(x).q))
    level = spell(found.value)
    return Game(points, goals, best, 1 / level, list(map(spell, found.columns)), list(map(spell, found.rows)))


def visits(process: Process, goal: int) -> Fraction:
    """The best probability of visiting a state, the start included."""
    rows = rows_of(process)
    value = [Fraction(int(s == goal)) for s in range(process.n_states)]
    for _ in range(steps(process)):
        after = list(value)
        for s in range(process.n_states):
            if s != goal:
                by_action: dict[int, Fraction] = {}
                for (source, action, t), p in rows.items():
                    if source == s:
                        by_action[action] = by_action.get(action, Fraction(0)) + p * value[t]
                after[s] = max(by_action.values())
        value = after
    return sum((p * value[s] for s, p in initial_of(process).items()), Fraction(0))


def stationary_ends(process: Process) -> set[Point]:
    """Ends of the deterministic policies that do not depend on time."""
    from itertools import product

    rows = rows_of(process)
    actions = [sorted({a for s, a, _ in rows if s == state}) for state in range(process.n_states)]
    found = set()
    for chosen in product(*actions):
        mass = [initial_of(process).get(s, Fraction(0)) for s in range(process.n_states)]
        for _ in range(steps(process)):
            after = [Fraction(0)] * process.n_states
            for (s, a, t), p in rows.items():
                if a == chosen[s]:
                    after[t] += mass[s] * p
            mass = after
        found.add(tuple(mass))
    return found


def capacity(process: Process) -> Any:
    """Capacity of the set of policies."""
    return channel_capacity(np.array([[float(p) for p in x] for x in ends(process)]), tolerance=1e-9)


def longer_horizons_help(process: Process) -> Fraction:
    """Longer horizons help."""
    return min(a - b for a, b in zip(values(process, steps(process) + 1), values(process), strict=True))


def price_is_the_sum_of_the_values(process: Process) -> Fraction:
    """Price is the sum of the values."""
    found = game(process)
    return sum(found.best) - found.ratio


def price_is_within_half_of_the_sum(process: Process) -> Fraction:
    """Price is within half of the sum."""
    return price_is_the_sum_of_the_values(process) + Fraction(1, 2)


def no_goal_is_rare(process: Process) -> Fraction:
    """No goal is rare."""
    return min(positive(process)) - Fraction(1, 40)


def few_ends(process: Process) -> int:
    """Few ends."""
    return process.n_states + process.n_choices - len(ends(process))


def uniform_is_minimax_where_achievable(process: Process) -> Fraction | None:
    """Uniform is minimax where achievable."""
    found = game(process)
    count = len(found.goals)
    ratios = [[count * x[g] for x in found.points] for g in found.goals]
    level = solve_game(
        np.array([[flint.fmpq(r.numerator, r.denominator) for r in row] for row in ratios])
    ).value
    return found.ratio - max(found.best) * count if flint.fmpq(level) == 1 else None


def one_step_adds_little(process: Process) -> Fraction | None:
    """One step adds little."""
    if steps(process) < 3:
        return None
    gains = zip(values(process), values(process, steps(process) - 1), strict=True)
    return Fraction(9, 10) - max(a - b for a, b in gains)


def least_favourable_prior_has_full_support(process: Process) -> bool:
    """Least favourable prior has full support."""
    return min(game(process).prior) > 0


def equal_values_make_uniform_least_favourable(process: Process) -> Fraction | None:
    """Equal values make uniform least favourable."""
    found = game(process)
    if len(set(found.best)) > 1:
        return None
    average = max(sum(x[g] for g in found.goals) / found.best[0] / len(found.goals) for x in found.points)
    return 1 / average - found.ratio


def two_policies_suffice(process: Process) -> int:
    """Two policies suffice."""
    return 2 - sum(w > 0 for w in game(process).mixture)


def three_policies_suffice(process: Process) -> int:
    """Three policies suffice."""
    return 3 - sum(w > 0 for w in game(process).mixture)


def what_is_reached_was_near(process: Process) -> bool | None:
    """What is reached was near."""
    if steps(process) < 2:
        return None
    now, before = values(process), values(process, steps(process) - 1)
    started = [Fraction(p) for p in map(float, process.initial)]
    return all(not a or b or s for a, b, s in zip(now, before, started, strict=True))


def visiting_is_ending(process: Process) -> Fraction:
    """Visiting is ending."""
    return min(v - visits(process, g) for g, v in enumerate(values(process)))


def visiting_is_at_most_half_above_ending(process: Process) -> Fraction:
    """Visiting is at most half above ending."""
    return visiting_is_ending(process) + Fraction(1, 2)


def longer_horizons_cost_more(process: Process) -> Fraction:
    """Longer horizons cost more."""
    return game(process.replaced(horizon=steps(process) + 1)).ratio - game(process).ratio


def price_is_at_least_scaled_count(process: Process) -> Fraction:
    """Price is at least scaled count."""
    found = game(process)
    return found.ratio - 1 - (len(found.goals) - 1) * min(found.best)


def two_sure_goals_make_all_sure(process: Process) -> bool | None:
    """Two sure goals make all sure."""
    found = positive(process)
    return None if sum(v == 1 for v in found) < 2 else min(found) == 1


def late_goals_are_sure(process: Process) -> bool | None:
    """Late goals are sure."""
    if steps(process) < 3:
        return None
    late = [
        v for v, w in zip(values(process), values(process, steps(process) - 1), strict=True) if v and not w
    ]
    return all(v == 1 for v in late) if late else None


def exploration_is_spread(process: Process) -> Fraction:
    """Exploration is spread."""
    found = game(process)
    total = sum(found.explored)
    return total**2 / sum(x**2 for x in found.explored) - len(found.goals) + Fraction(3, 4)


def stationary_policies_reach_all_ends(process: Process) -> int:
    """Stationary policies reach all ends."""
    return len(stationary_ends(process)) - len(ends(process))


def some_state_is_likely(process: Process) -> Fraction:
    """Some state is likely."""
    return max(values(process)) - Fraction(1, 2)


def some_state_is_not_unlikely(process: Process) -> Fraction:
    """Some state is not unlikely."""
    return max(values(process)) - Fraction(27, 100)


def capacity_is_near_its_bound(process: Process) -> float:
    """Capacity is near its bound."""
    return float(capacity(process).capacity.upper) - log(sum(positive(process))) + 0.05


def information_is_minimax(process: Process) -> float:
    """Information is minimax."""
    found = game(process)
    output = capacity(process).output_distribution
    worst = max(
        float(v) / max(float(output[g]), 1e-300) for g, v in zip(found.goals, found.best, strict=True)
    )
    return 0.01 - (worst - float(found.ratio))


def information_is_never_far_from_minimax(process: Process) -> float:
    """Information is never far from minimax."""
    return information_is_minimax(process) + 0.24


def goals_carry_half_their_information(process: Process) -> float:
    """Goals carry half their information."""
    return float(capacity(process).capacity.upper) - 0.5 * log(len(positive(process)))


def more_steps_more_ends(process: Process) -> int:
    """More steps more ends."""
    return len(ends(process.replaced(horizon=steps(process) + 1))) - len(ends(process))


def noisy_choices_leave_an_end_to_choose(process: Process) -> int | None:
    """Noisy choices leave an end to choose."""
    start = [s for s, p in initial_of(process).items() if p == 1]
    if not start or len(process.choices(start[0])) < 2:
        return None
    rows = rows_of(process)
    by_action = {tuple(sorted((t, p) for (s, b, t), p in rows.items() if (s, b) == (start[0], a)))
                 for s, a, _ in rows if s == start[0]}  # fmt: skip
    return len(ends(process)) - 2 if len(by_action) > 1 else None


def reachable_stays_reachable(process: Process) -> bool:
    """Reachable stays reachable."""
    later = values(process, steps(process) + 1)
    return all(bool(b) or not a for a, b in zip(values(process), later, strict=True))


def sum_of_values_is_far_from_five_halves(process: Process) -> Fraction:
    """Sum of values is far from five halves."""
    return abs(sum(values(process)) - Fraction(5, 2)) - Fraction(1, 100)


@dataclass(frozen=True)
class Planted:
    """A false claim and where it is made."""

    claim: Callable[[Process], Any]
    domain: str
    threshold: float = 0.0

    @property
    def name(self) -> str:
        """In words."""
        return self.claim.__name__.replace("_", " ")


PLANTED: Sequence[Planted] = (
    Planted(longer_horizons_help, "deterministic"),
    Planted(longer_horizons_help, "stochastic"),
    Planted(price_is_the_sum_of_the_values, "stochastic"),
    Planted(price_is_within_half_of_the_sum, "stochastic"),
    Planted(no_goal_is_rare, "stochastic"),
    Planted(few_ends, "stochastic"),
    Planted(uniform_is_minimax_where_achievable, "stochastic"),
    Planted(one_step_adds_little, "stochastic"),
    Planted(least_favourable_prior_has_full_support, "stochastic"),
    Planted(equal_values_make_uniform_least_favourable, "stochastic"),
    Planted(two_policies_suffice, "stochastic"),
    Planted(three_policies_suffice, "controllable"),
    Planted(what_is_reached_was_near, "deterministic"),
    Planted(visiting_is_ending, "deterministic"),
    Planted(visiting_is_at_most_half_above_ending, "stochastic"),
    Planted(longer_horizons_cost_more, "deterministic"),
    Planted(price_is_at_least_scaled_count, "stochastic"),
    Planted(two_sure_goals_make_all_sure, "stochastic"),
    Planted(late_goals_are_sure, "finite"),
    Planted(exploration_is_spread, "stochastic"),
    Planted(stationary_policies_reach_all_ends, "deterministic"),
    Planted(some_state_is_likely, "any"),
    Planted(some_state_is_not_unlikely, "finite"),
    Planted(capacity_is_near_its_bound, "stochastic", 1e-6),
    Planted(information_is_minimax, "stochastic", 1e-6),
    Planted(information_is_never_far_from_minimax, "stochastic", 1e-6),
    Planted(goals_carry_half_their_information, "stochastic", 1e-6),
    Planted(more_steps_more_ends, "deterministic"),
    Planted(noisy_choices_leave_an_end_to_choose, "stochastic"),
    Planted(sum_of_values_is_far_from_five_halves, "stochastic"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line per claim and the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, help="write one line per claim to this file")
    chosen = parser.parse_args(arguments)
    found: list[SearchResult] = []
    for planted in PLANTED:
        result = search(
            planted.claim,
            domain=planted.domain,
            seconds=chosen.seconds,
            seed=chosen.seed,
            threshold=planted.threshold,
        )
        found.append(result)
        print(
            f"{planted.name} ({planted.domain}): {result!r}, {result.how}, {result.seconds:.1f} s", flush=True
        )
    if chosen.csv:
        with chosen.csv.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("claim", "domain", "found", "how", "tried", "seconds", "states", "choices"))
            for planted, result in zip(PLANTED, found, strict=True):
                size = (result.witness.n_states, result.witness.n_choices) if result.witness else ("", "")
                measured = result.found, result.how, result.tried, f"{result.seconds:.2f}"
                writer.writerow((planted.name, planted.domain, *measured, *size))
    for limit in (10.0, chosen.seconds):
        within = sum(result.found and result.seconds <= limit for result in found)
        print(f"{within} of {len(found)} within {limit:.0f} s")
    sizes = [result.witness.n_states for result in found if result.witness is not None]
    print(f"states of the witnesses: mean {sum(sizes) / len(sizes):.2f}, most {max(sizes)}")


if __name__ == "__main__":
    main()
