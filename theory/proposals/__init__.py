"""Task proposals: which tasks each unsupervised method proposes, and the regret of learning from them.

`propose(process, "diayn")` runs one method, `methods()` lists them, `compare(processes)` makes the table.
Adding a method is adding one file here that defines ``METHOD``; discovery is automatic.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.proposals.comparison import COLUMNS, CURVE_COLUMNS, Comparison, comparison
from metaregret.theory.proposals.proposal import Proposal, ProposedSkill, evaluate
from metaregret.theory.proposals.regrets import TrainedLearner, realise, trained_learner, worst_case_regret
from metaregret.theory.proposals.request import Draft, Method, Part, Request
from metaregret.theory.proposals.with_memory import WithMemory, with_memory
from metaregret.theory.skills import States

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
    """Return every method by name, found by looking into this folder."""
    found: dict[str, Method] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        method = getattr(importlib.import_module(f"{__name__}.{module.name}"), "METHOD", None)
        if isinstance(method, Method):
            found[method.name] = method
    return found


def propose(
    process: ControlledMarkovProcess,
    method: str,
    states: States = "end",
    skills: int | None = None,
    seed: int = 0,
    *,
    test: np.ndarray | None = None,
    certify: bool = True,
) -> Proposal:
    """Return what `method` proposes on `process`, with its regret beside the minimax regret.

    Parameters
    ----------
    process : ControlledMarkovProcess
    method : str
        One of `methods`.
    states : {"end", "all"}
        Whether skills are told apart by the last state or by a state at a random step.
    skills : int, optional
        Number of skills; by default one for every reachable outcome.
    seed : int
    test : ndarray, shape (S,), optional
        The distribution of goals that hand-made proposals copy; the adversary's own by default.
    certify : bool
        Whether to compute the capacity of the process, for an upper bound on the mutual information.

    Raises
    ------
    InvalidArgumentError
        If there is no such method, or an option is malformed.
    """
    request = Request(process, states, skills, seed, test)
    return evaluate(_method(methods(), method), request, certify=certify)


def compare(
    processes: Iterable[ControlledMarkovProcess],
    names: Iterable[str] | None = None,
    states: States = "end",
    seeds: int = 1,
    seed: int = 0,
    *,
    episodes: int | None = None,
    memory: bool = True,
    certify: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Return the table proposal x process, by default of all methods whose goals are noticed at the end; see
    `comparison` for the options."""
    known = methods()
    chosen = [name for name in known if not known[name].on_the_way] if names is None else list(names)
    return comparison(
        processes,
        [_method(known, name) for name in chosen],
        states=states,
        seeds=seeds,
        seed=seed,
        episodes=episodes,
        memory=memory,
        certify=certify,
        progress=progress,
    )


def _method(known: dict[str, Method], name: str) -> Method:
    if name not in known:
        raise InvalidArgumentError(
            f"Expected method to be one of {', '.join(known)}, but got method={name!r}."
        )
    return known[name]
