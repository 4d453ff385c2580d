"""Task proposals: which tasks each unsupervised method proposes, and the regret of learning from them.

`propose(process, "diayn")` runs one method, `methods()` lists them, `compare(processes)` makes the table.
Adding a method is adding one file here that defines ``METHOD``; discovery is automatic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache

import numpy as np

from metaregret.tabular.choices import check_progress, check_seed, choice, did_you_mean, expect, flag
from metaregret.tabular.discovery import discover
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.theory.minimax.solution import Learner
from metaregret.theory.proposals.comparison import COLUMNS, CURVE_COLUMNS, Comparison, Entry
from metaregret.theory.proposals.proposal import Proposal, ProposedSkill, evaluate
from metaregret.theory.proposals.regrets import TrainedLearner, realise, trained_learner, worst_case_regret
from metaregret.theory.proposals.request import Draft, Method, Part, Request
from metaregret.theory.proposals.with_memory import WithMemory, with_memory
from metaregret.theory.skills import States, read_states

__all__ = [
    "COLUMNS",
    "CURVE_COLUMNS",
    "Comparison",
    "Draft",
    "Method",
    "Part",
    "Proposal",
    "ProposedSkill",
    "Request",
    "TrainedLearner",
    "WithMemory",
    "compare",
    "methods",
    "propose",
    "realise",
    "trained_learner",
    "with_memory",
    "worst_case_regret",
]


@cache
def methods() -> dict[str, Method]:
    """Return every method by name, found by looking into this folder and at the entry points
    ``metaregret.proposals`` of other distributions."""
    return discover(__name__, "METHOD", Method, group="metaregret.proposals")


def propose(
    process: ControlledMarkovProcess,
    method: str | Method = "capacity",
    states: States | str = "end",
    skills: int | None = None,
    seed: int = 0,
    *,
    test: np.ndarray | Mapping[str, object] | None = None,
    certify: bool = True,
    learner: Learner | str | None = None,
    episodes: int | None = None,
    alpha: object = None,
) -> Proposal:
    """Return what `method` proposes on `process`, with its regret beside the minimax regret.

    Parameters
    ----------
    process : ControlledMarkovProcess
    method : str or Method
        The name of one of `methods`, or a method of one's own.
    states : {"end", "all"}
        Whether skills are told apart by the last state or by a state at a random step.
    skills : int, optional
        Number of skills; by default one for every reachable outcome.
    seed : int
    test : ndarray, shape (S,), or mapping, optional
        The distribution of goals that hand-made proposals copy, also as weights by name of the goal; the
        adversary's own by default.
    certify : bool
        Whether to compute the capacity of the process, for an upper bound on the mutual information.
    learner : Learner or str, optional
        Also train this learner, ``"memoryless"`` or ``"memory"``, on the proposed goals.
    episodes : int, optional
        Of the learner with memory; by default one for every reachable goal.
    alpha : number or str, optional
        Order of the divergence, for the methods ``order`` (1, from 1.001 to 64, or ``"inf"``; 2 if left
        out) and ``diayn`` (finite; 1 if left out). ``"order:2"`` as the method says the same.

    Raises
    ------
    InvalidArgumentError
        If there is no such method, or an option is malformed.

    Examples
    --------
    >>> import metaregret as mr
    >>> proposal = mr.propose(mr.make("grid:3x3", horizon=4), "capacity")
    >>> proposal.matches_uniform, proposal.matches_minimax
    (True, True)
    """
    seen, certify = read_states(states), flag(certify, "certify")
    trained = None if learner is None else choice(Learner, learner, "learner")
    expect(ControlledMarkovProcess, process, "process", "make one with metaregret.make")
    if trained is Learner.BLIND:
        raise InvalidArgumentError("Expected learner to be 'memoryless' or 'memory', but got 'blind'.")
    if episodes is not None and trained is not Learner.MEMORY:
        raise InvalidArgumentError("episodes goes with the learner with memory; leave it out.")
    chosen = _method(methods(), method)
    chosen = chosen if alpha is None else chosen.of_order(alpha)
    if test is not None and chosen.name != "hand-made":
        raise InvalidArgumentError("test goes with the method 'hand-made'; leave it out.")
    shares = _distribution(process, test) if isinstance(test, Mapping) else test
    request = Request(process, seen, skills, seed, shares)
    return evaluate(chosen, request, certify=certify, learner=trained, episodes=episodes)


def _distribution(process: ControlledMarkovProcess, weights: Mapping[str, object]) -> np.ndarray:
    """Return a distribution on the states from positive weights by name of the state."""
    shares: dict[int, Fraction] = {}
    for goal, weight in weights.items():
        value = parse_fraction(weight, f"the weight of goal {goal!r}")
        if not value > 0:
            raise InvalidArgumentError(
                f"Expected a positive weight of goal {goal!r}, but got {weight!r}; leave out the goal."
            )
        shares[process.states.position(goal)] = value
    total = sum(shares.values())
    result = np.zeros(process.n_states)
    for position, value in shares.items():
        result[position] = value / total
        if not result[position] > 0:
            raise InvalidArgumentError(
                f"The weight of goal {process.states[position]!r} is too small beside the others for a "
                "floating-point probability; leave out the goal."
            )
    return result


def compare(
    processes: ControlledMarkovProcess | Iterable[ControlledMarkovProcess],
    methods: Iterable[str | Method] | None = None,
    states: States | str = "end",
    seeds: int = 1,
    seed: int = 0,
    *,
    episodes: int | None = None,
    memory: bool = True,
    certify: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Return the table proposal x process: every method run on every process.

    Parameters
    ----------
    processes : ControlledMarkovProcess or iterable of them
    methods : iterable of str or Method, optional
        By default those that `compared` names.
    states : {"end", "all"}
    seeds : int
        Number of seeds of the methods that depend on one.
    seed : int
        The first of them; the others follow it.
    episodes : int, optional
        Of the learners with memory; by default one for every reachable goal.
    memory : bool
        Whether to train learners with memory. Where they are out of reach the columns are None, and the
        entry says why.
    certify : bool
        Whether to compute the capacity of each process (once each).
    progress : callable, optional
        Called with a phrase before each proposal.

    Raises
    ------
    InvalidArgumentError
        If there is no process, no method or no seed, or one is named twice.
    UnsupportedError
        If no method can be run at all; otherwise a method is left out where it cannot, and the result says
        why.

    Examples
    --------
    >>> import metaregret as mr
    >>> table = mr.compare(mr.make("line:3", horizon=2), ["capacity", "uniform"], memory=False)
    >>> table.to_frame()["price"].round(6).tolist()
    [1.0, 1.0]
    """
    states, memory, certify = read_states(states), flag(memory, "memory"), flag(certify, "certify")
    check_progress(progress)
    seed, known = check_seed(seed), _all_methods()
    if isinstance(seeds, bool) or not isinstance(seeds, int | np.integer):
        raise InvalidArgumentError(f"Expected seeds to be a whole number >= 1, but got {seeds!r:.60}.")
    if isinstance(processes, ControlledMarkovProcess):
        processes = [processes]
    on = [expect(ControlledMarkovProcess, one, "process") for one in expect(Iterable, processes, "processes")]
    chosen = [_method(known, name) for name in (compared() if methods is None else methods)]
    if not on or not chosen or seeds < 1:
        raise InvalidArgumentError(
            f"Expected at least one process, method and seed, but got {len(on)}, {len(chosen)} and "
            f"seeds={seeds}."
        )
    for what, names in (("process", [p.name for p in on]), ("method", [m.name for m in chosen])):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidArgumentError(
                f"The {what} {twice!r} is given twice and its rows could not be told apart; give it once."
            )
    entries, left_out = [], dict[str, str]()
    for process in on:
        for method in chosen:
            for own in range(seed, seed + (seeds if method.seeded else 1)):
                if progress is not None:
                    progress(f"{method.name} on {process.name}, seed {own}")
                try:
                    found = evaluate(method, Request(process, states, None, own), certify=certify)
                except (InstanceTooLargeError, UnsupportedError) as error:
                    left_out[f"{process.name}, {method.name}"] = str(error)
                    break
                entries.append(Entry.with_memory(found, episodes) if memory else Entry(found, None))
    if not entries:
        raise UnsupportedError(next(iter(left_out.values())))
    return Comparison(tuple(entries), left_out, states)


_all_methods = methods


def compared() -> list[str]:
    """Return the names of the methods that `compare` shows by default: the family of orders at several, and
    none whose goals are noticed on the way."""
    return [
        name
        for method in _all_methods().values()
        if not method.on_the_way
        for name in (
            [f"order:{alpha}" for alpha in method.orders or ()] if method.name == "order" else [method.name]
        )
    ]


def _method(known: dict[str, Method], name: str | Method) -> Method:
    if isinstance(name, Method):
        return name
    plain, colon, alpha = name.partition(":") if isinstance(name, str) else (name, "", "")
    if not isinstance(plain, str) or plain not in known:
        raise InvalidArgumentError(
            f"Expected method to be one of {', '.join(known)}, but got method={name!r:.60}."
            + did_you_mean(name, known)
        )
    return known[plain].of_order(alpha) if colon else known[plain]
