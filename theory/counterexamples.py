"""`search`: a counterexample to a claim about processes, as small as can be, or how hard it was looked for.

Four searches take turns until one succeeds or the time is over: the small processes on which subtly false
claims fail first; all episodes of one step, from few states and small denominators on; processes that
Hypothesis draws from the domain, climbing towards failure; changes of the processes nearest to failure, one
number or arrow at a time. What is found is made smaller, in states, choices, steps and denominators, and
stays inside the domain.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import combinations, islice, permutations, product
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import seed as hypothesis_seed
from hypothesis.strategies import SearchStrategy

from metaregret.tabular.choices import expect, one_of
from metaregret.tabular.domains import belongs, edge_cases
from metaregret.tabular.errors import ConvergenceError, InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.files import process_document
from metaregret.tabular.goals import exact_goal_values, goal_values
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import (
    controllable_processes,
    deterministic_processes,
    processes,
    stochastic_processes,
)
from metaregret.theory.claims.evidence import Trial
from metaregret.theory.claims.shrinking import Rows, initial_of, rebuilt, rows_of, smallest_process
from metaregret.theory.claims.theorem import Theorem
from metaregret.theory.presentation import table
from metaregret.theory.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["SearchResult", "search"]

Margin = Callable[[ControlledMarkovProcess], Any]

DOMAINS: dict[str, Callable[..., SearchStrategy[ControlledMarkovProcess]]] = {
    "any": processes,
    "finite": partial(processes, geometric=False),
    "deterministic": deterministic_processes,
    "stochastic": stochastic_processes,
    "controllable": partial(controllable_processes, noisy=True),
}
"""Domains by word, to be called with a largest number of states."""

MOST_STATES = 6
"""States of the largest processes of the domains by word; every other round draws the default, which is
smaller."""

DRAWS = 100
"""Processes that Hypothesis draws before the local search has a turn."""

NEIGHBOURS = 200
"""Changes that the local search tries before new processes are drawn."""

KEPT = 12
"""Processes nearest to failure that are kept to be changed."""

SHRINKING = 0.5
"""Share of the time, beyond which minimisation ends, that it may take after the search."""


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult(Result):
    """What a search found.

    Attributes
    ----------
    witness : ControlledMarkovProcess or None
        The smallest counterexample that was reached; None if none was found, which proves nothing.
    margin : Fraction, float, bool or None
        What the claim says of it; exact if the claim is.
    how : str
        Which search found it: ``"edge case"``, ``"generated"`` or ``"local search"``; empty if none did.
    tried : int
        Processes on which the claim was evaluated, minimisation included.
    passed_over : int
        Of these, processes on which the claim says nothing or could not be evaluated.
    seconds : float
    seed : int
    numbers : mapping
        Exact facts of the witness: the best probability of ending in each state.

    Examples
    --------
    >>> import metaregret as mr
    >>> result = mr.search(lambda process: process.n_states != 2, domain="deterministic", seconds=5)
    >>> result.margin, result.how, result.to_json()["process"]["states"]
    (False, 'edge case', 2)
    """

    witness: ControlledMarkovProcess | None
    margin: Any
    how: str
    tried: int
    passed_over: int
    seconds: float
    seed: int
    numbers: Mapping[str, str] = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """Whether there is a counterexample."""
        return self.witness is not None

    def __bool__(self) -> bool:
        return self.found

    def __repr__(self) -> str:
        if self.witness is None:
            return f"<SearchResult: no counterexample among {self.tried} processes in {self.seconds:.1f} s>"
        return f"<SearchResult: margin {self.margin} on {self._size()}, after {self.tried} processes>"

    def _size(self) -> str:
        assert self.witness is not None
        process = self.witness
        horizon = (
            f"T = {process.horizon.steps}"
            if isinstance(process.horizon, FiniteHorizon)
            else f"gamma = {process.horizon.gamma}"
        )
        return f"{process.n_states} states, {process.n_choices} choices, {horizon}"

    def parts(self) -> Iterator[str | Table]:
        if self.witness is None:
            found = f"no counterexample among {self.tried} processes in {self.seconds:.1f} s"
            yield f"{found}; this proves nothing"
            return
        yield f"counterexample: {self._size()}, margin {self.margin}"
        yield f"found by {self.how}, after {self.tried} processes in {self.seconds:.1f} s"
        for name, value in self.numbers.items():
            yield f"{name}: {value}"
        yield table("transitions", ("state", "action", "successor", "probability"), self._rows())

    def _rows(self) -> list[tuple[str, str, str, str]]:
        if self.witness is None:
            return []
        document = process_document(self.witness)
        return [(str(s), str(a), str(to), str(p)) for s, a, to, p in document["transitions"]]

    def _document(self) -> dict[str, Any]:
        exact = isinstance(self.margin, Fraction)
        return {
            "format": "metaregret-search/1",
            "found": self.found,
            "margin": str(self.margin) if exact else self.margin,
            "how": self.how,
            "tried": self.tried,
            "passed_over": self.passed_over,
            "seconds": round(self.seconds, 3),
            "seed": self.seed,
            "numbers": dict(self.numbers),
            "process": None if self.witness is None else process_document(self.witness),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the transitions of the witness."""
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=["state", "action", "successor", "probability"])

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the witness with the best probability of ending in each state; write the picture where a path
        is given.

        Raises
        ------
        InvalidArgumentError
            If there is no witness, or the file is no .pdf, .png or .svg, or cannot be written.
        """
        from metaregret.theory.plotting.state_map import Panel, states_figure

        if self.witness is None:
            raise InvalidArgumentError("There is no witness to draw; search longer, or in a larger domain.")
        values = goal_values(self.witness).values
        panel = Panel(self._size(), {s: float(v) for s, v in enumerate(values)})
        return states_figure(self.witness, [panel], label="best probability of ending here", path=path)

    def _picture(self) -> Figure | None:
        return None if self.witness is None else self.plot()


def search(
    claim: Margin | Theorem,
    *,
    domain: SearchStrategy[ControlledMarkovProcess] | str = "any",
    seconds: float = 60.0,
    seed: int = 0,
    threshold: float = 0.0,
) -> SearchResult:
    """Look for a process that refutes a claim, and make it as small as can be.

    Parameters
    ----------
    claim : callable or Theorem
        ``claim(process)`` returns by how much the claim holds, negative where it fails; or True or False; or
        None where it says nothing. Of a theorem made by `metaregret.theory.claims.property_claim`, its margin
        and its assumptions.
    domain : SearchStrategy or str
        Processes among which to look: a strategy (`metaregret.strategies`) or ``"any"``, ``"finite"``
        (horizons), ``"deterministic"``, ``"stochastic"``, ``"controllable"``. The witness lies inside it.
    seconds : float
        When to give up; minimisation may take half as long again.
    seed : int
        Of every random draw. How far a search comes in its time depends on the machine.
    threshold : float
        A margin below minus this is a counterexample; positive where the margin carries rounding errors.

    Returns
    -------
    SearchResult
        True in a condition if there is a counterexample.

    Raises
    ------
    InvalidArgumentError
        If an argument is malformed, or the claim raises an exception of its own.

    Examples
    --------
    >>> import metaregret as mr
    >>> result = mr.search(lambda process: process.n_states != 2, domain="deterministic", seconds=5)
    >>> result.found, result.witness.n_states
    (True, 2)
    """
    if isinstance(domain, str):
        by_word = DOMAINS[one_of(tuple(DOMAINS), domain, "domain")]
        strategies = [by_word(), by_word(max_states=MOST_STATES)]
    else:
        expect(
            SearchStrategy, domain, "domain", f"give a strategy of processes or one of {', '.join(DOMAINS)}"
        )
        strategies = [domain]
    for name, number, least in (("seconds", seconds, 0.0), ("threshold", threshold, 0.0), ("seed", seed, 0)):
        fine = isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        if not fine or number < least or (name == "seconds" and number == 0):
            raise InvalidArgumentError(
                f"Expected {name} to be a number of at least {least}, but got {number!r:.60}."
            )
    hunt = _Hunt(
        _margin_of(claim), strategies, Random(seed), seed, float(threshold), time.monotonic() + seconds
    )
    began = time.monotonic()
    witness, how = hunt.run()
    if witness is not None:
        hunt.ends = time.monotonic() + SHRINKING * seconds
        witness = hunt.smallest(witness)
    margin = None if witness is None else hunt.margin(witness)
    spent = time.monotonic() - began
    return SearchResult(witness, margin, how, hunt.tried, hunt.passed_over, spent, seed, _numbers(witness))


def _margin_of(claim: object) -> Margin:
    if not isinstance(claim, Theorem):
        if not callable(claim):
            raise InvalidArgumentError(
                f"Expected claim to be a function of a process or a theorem, but got {claim!r:.60}."
            )
        return claim
    margin, assumptions = claim.claim, claim.assumptions
    if not callable(margin):
        raise InvalidArgumentError(
            f"{claim.uid} is no claim about processes one by one; give a function that returns by how much "
            f"it holds "
            f"on a process, or look at it with metaregret.verify."
        )
    return lambda process: margin(process) if all(a.holds(process) for a in assumptions) else None


def _numbers(witness: ControlledMarkovProcess | None) -> dict[str, str]:
    if witness is None or not witness.is_exact:
        return {}
    return {"best probability of ending in each state": ", ".join(map(str, exact_goal_values(witness)))}


class _FoundError(Exception):
    """Ends a round of Hypothesis; never leaves this module."""


@dataclass
class _Hunt:
    """One search: the claim, where to look, and what was nearest to failure so far."""

    claim: Margin
    strategies: list[SearchStrategy[ControlledMarkovProcess]]
    """What rounds draw in turn; the last is the domain."""
    random: Random
    seed: int
    threshold: float
    ends: float
    tried: int = 0
    passed_over: int = 0
    last: float | None = None
    near: list[tuple[float, int, ControlledMarkovProcess]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inside = belongs(self.strategies[-1])
        self.one_step = one_step_processes()

    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self.ends

    def margin(self, process: ControlledMarkovProcess) -> Any:
        """Evaluate the claim; None where it says nothing or a solver cannot decide.

        Raises
        ------
        InvalidArgumentError
            If the claim fails with an exception of its own.
        """
        self.tried += 1
        try:
            value = self.claim(process)
        except (ConvergenceError, InstanceTooLargeError):
            value = None
        except Exception as error:
            raise InvalidArgumentError(
                f"The claim itself failed, with {type(error).__name__}: {error}; mend it so that it "
                f"returns a number, "
                f"a Boolean or None for {process_document(process)!s:.1500}"
            ) from error
        self.passed_over += value is None
        value = value.margin if isinstance(value, Trial) else value
        if value is not None and not isinstance(value, int | float | Fraction | np.bool_ | np.number):
            raise InvalidArgumentError(
                f"Expected a claim to return a number, a Boolean or None, but got {value!r:.60}."
            )
        return value

    def number(self, process: ControlledMarkovProcess) -> float | None:
        """Return the margin as a number."""
        value = self.margin(process)
        if value is None:
            return None
        if isinstance(value, bool | np.bool_):
            return 0.0 if value else -math.inf
        if isinstance(value, Fraction) and value < 0 and not self.threshold:
            return min(float(value), -5e-324)
        return -math.inf if math.isnan(value) else float(value)

    def fails(self, process: ControlledMarkovProcess) -> bool:
        """Whether the claim fails on a process; those nearest to failure are kept."""
        found = self.last = self.number(process)
        if found is not None and math.isfinite(found):
            entry = (-found, self.tried, process)
            (heapq.heappush if len(self.near) < KEPT else heapq.heappushpop)(self.near, entry)
        return found is not None and found < -self.threshold

    def run(self) -> tuple[ControlledMarkovProcess | None, str]:
        """Take turns until a counterexample is found or the time is over."""
        if self.inside is not None:
            for case in edge_cases():
                if self.inside(case) and self.fails(case):
                    return case, "edge case"
        turn = 0
        while not self.over():
            found = self.draw(turn)
            if found is not None:
                return found, "generated"
            if self.inside is not None:
                found = self.walk()
                if found is not None:
                    return found, "local search"
                found = self.enumerate()
                if found is not None:
                    return found, "enumeration"
            turn += 1
        return None, ""

    def draw(self, turn: int) -> ControlledMarkovProcess | None:
        """Let Hypothesis draw processes and climb towards failure."""
        failed: list[ControlledMarkovProcess] = []

        @hypothesis_seed(self.seed + turn)
        @settings(
            max_examples=DRAWS,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.target),
            report_multiple_bugs=False,
        )
        @given(self.strategies[turn % len(self.strategies)])
        def look(process: ControlledMarkovProcess) -> None:
            expect(ControlledMarkovProcess, process, "what the domain draws", "give a strategy of processes")
            if self.over():
                return
            if self.fails(process):
                failed.append(process)
                raise _FoundError
            if self.last is not None:
                target(-self.last)

        try:
            look()
        except _FoundError:
            return failed[-1]
        return None

    def walk(self) -> ControlledMarkovProcess | None:
        """Change the processes nearest to failure, a little or a lot, inside the domain."""
        for _ in range(NEIGHBOURS):
            if self.over() or not self.near:
                return None
            _, _, process = self.random.choice(self.near)
            changed = process
            for _ in range(self.random.choice((1, 1, 1, 2, 3))):
                changed = changed_process(changed, self.random)
            assert self.inside is not None
            if changed is not process and self.inside(changed) and self.fails(changed):
                return changed
        return None

    def enumerate(self) -> ControlledMarkovProcess | None:
        """Go on with the episodes of one step."""
        assert self.inside is not None
        for process in islice(self.one_step, DRAWS):
            if self.over():
                return None
            if self.inside(process) and self.fails(process):
                return process
        return None

    def smallest(self, process: ControlledMarkovProcess) -> ControlledMarkovProcess:
        """Make a counterexample smaller while it stays one, inside the domain."""
        if self.inside is None or not process.is_exact:
            return process
        inside = self.inside
        fails: Any = lambda smaller: not self.over() and inside(smaller) and self.fails(smaller)
        while not self.over():
            before = process
            process = smallest_process(process, fails)
            process = next((simpler for simpler in simpler_processes(process) if fails(simpler)), process)
            if process is before:
                break
        return process


def one_step_processes() -> Iterator[ControlledMarkovProcess]:
    """Yield all episodes of one step with two to four states and up to three choices, whose probabilities
    share a denominator of at most six, one for each up to names; the simplest first."""
    sizes = sorted(product((2, 3, 4), (1, 2, 3, 4, 5, 6), (1, 2, 3)), key=lambda size: (sum(size), size))
    for states, denominator, choices in sizes:
        weights = [w for w in product(range(denominator + 1), repeat=states) if sum(w) == denominator]
        for rows in combinations(weights, choices):
            named = (
                tuple(sorted(zip(*columns, strict=True))) for columns in permutations(zip(*rows, strict=True))
            )
            if math.gcd(*(w for row in rows for w in row)) == 1 and rows == min(named):
                yield ControlledMarkovProcess.from_transitions(
                    [
                        (0, action, to, Fraction(w, denominator))
                        for action, row in enumerate(rows)
                        for to, w in enumerate(row)
                        if w
                    ]
                    + [(state, 0, state, 1) for state in range(1, states)],
                    states=states,
                    actions=choices,
                    initial=0,
                    horizon=1,
                    name="one step",
                )


def _row(rows: Rows, state: int, action: int) -> dict[int, Fraction]:
    return {t: p for (s, a, t), p in rows.items() if (s, a) == (state, action)}


def _with_row(rows: Rows, state: int, action: int, row: Mapping[int, Fraction]) -> Rows:
    kept = {key: p for key, p in rows.items() if key[:2] != (state, action)}
    return {**kept, **{(state, action, t): p for t, p in row.items() if p}}


def changed_process(process: ControlledMarkovProcess, random: Random) -> ControlledMarkovProcess:
    """Return a process that differs in one row, one choice, one state, the start or the horizon."""
    if not process.is_exact:
        return process
    rows, initial, horizon = rows_of(process), initial_of(process), process.horizon
    count = process.n_states
    state, action, _ = random.choice(list(rows))
    kind = random.choice(
        ("row", "row", "row", "shift", "shift", "twin", "twin", "choice", "drop", "state", "start", "horizon")
    )
    if kind == "row":
        rows = _with_row(rows, state, action, _random_row(count, random))
    elif kind == "shift":
        row = _row(rows, state, action)
        source, to = random.choice(list(row)), random.randrange(count)
        moved = row[source] * random.choice((Fraction(1, 2), Fraction(1, 3), Fraction(1, 10), Fraction(1)))
        if source != to:
            row[source] -= moved
            row[to] = row.get(to, Fraction(0)) + moved
            rows = _with_row(rows, state, action, row)
    elif kind == "twin":  # like another choice, perhaps with two successors exchanged: symmetry breaks claims
        one, other = random.randrange(count), random.randrange(count)
        exchanged = {one: other, other: one} if random.random() < 0.5 else {}
        row = {exchanged.get(t, t): p for t, p in _row(rows, state, action).items()}
        at, choice, _ = random.choice([*rows, (state, 1 + max(a for s, a, _ in rows if s == state), 0)])
        rows = _with_row(rows, at, choice, row)
    elif kind == "choice":
        fresh = 1 + max(a for s, a, _ in rows if s == state)
        rows = _with_row(rows, state, fresh, _random_row(count, random))
    elif kind == "drop" and len({a for s, a, _ in rows if s == state}) > 1:
        rows = {key: p for key, p in rows.items() if key[:2] != (state, action)}
    elif kind == "state":
        rows = _with_row(rows, count, 0, _random_row(count + 1, random))
        rows = _with_row(rows, state, action, _random_row(count + 1, random))
    elif kind == "start":
        initial = _random_row(count, random)
    elif kind == "horizon" and isinstance(horizon, FiniteHorizon):
        horizon = FiniteHorizon(max(1, horizon.steps + random.choice((-1, 1))))
    return rebuilt(process.replaced(horizon=horizon), rows, initial)


def _random_row(count: int, random: Random) -> dict[int, Fraction]:
    if random.random() < 0.4:
        return {random.randrange(count): Fraction(1)}
    weights = [random.choice((0, 0, 1, 1, 2, 3, 9)) for _ in range(count)]
    if not sum(weights):
        weights[random.randrange(count)] = 1
    return {t: Fraction(w, sum(weights)) for t, w in enumerate(weights) if w}


def simpler_processes(process: ControlledMarkovProcess) -> Iterator[ControlledMarkovProcess]:
    """Yield processes that differ in one row, or the start, and are simpler there: fewer successors, smaller
    denominators."""
    rows, initial = rows_of(process), initial_of(process)
    for simpler in _simpler(initial):
        yield rebuilt(process, rows, simpler)
    for state, action in dict.fromkeys(key[:2] for key in rows):
        for simpler in _simpler(_row(rows, state, action)):
            yield rebuilt(process, _with_row(rows, state, action, simpler), initial)


def _simpler(row: Mapping[int, Fraction]) -> Iterator[dict[int, Fraction]]:
    """Yield distributions on the support of a row, or on less of it, with less to write down."""
    support = list(row)
    cost = _cost(row)
    options = [{t: Fraction(1)} for t in support]
    options += [
        {t: row[t] / (1 - row[gone]) for t in support if t != gone} for gone in support if len(row) > 1
    ]
    options.append({t: Fraction(1, len(support)) for t in support})
    for denominator in (2, 3, 4, 5, 6, 8, 10, 12):
        for last in support:
            rounded: dict[int, Fraction] = {
                t: Fraction(round(row[t] * denominator), denominator) for t in support if t != last
            }
            rounded[last] = 1 - sum(rounded.values(), Fraction(0))
            options.append({t: p for t, p in rounded.items() if p})
    seen: list[dict[int, Fraction]] = []
    for option in options:
        if option and min(option.values()) > 0 and _cost(option) < cost and option not in seen:
            seen.append(option)
            yield option


def _cost(row: Mapping[int, Fraction]) -> tuple[int, int]:
    return len(row), sum(p.denominator for p in row.values())
