r"""C07, uniform exploration: where goals are not equally reachable, even an achievable uniform exploration
is not minimax.

The false statement: whenever the uniform distribution over the goals can be achieved, it attains the
minimax regret (T04 without "every goal can be reached with certainty"). A goal that even the informed
baseline misses half of the time needs less exploration: the optimum is ``rho ∝ v*`` where that can be
achieved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.goals import exact_goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import stochastic_processes
from metaregret.theory.certificates.worked import solved, witness_process
from metaregret.theory.claims import Context, Control, find_witness
from metaregret.theory.claims.oracles import deterministic_outcomes

Vector = list[Fraction]


def _worst(optimum: Vector, rho: Vector) -> Fraction | None:
    """The worst-case memoryless regret over the reachable goals; None where one is never explored."""
    pairs = [(v, r) for v, r in zip(optimum, rho, strict=True) if v]
    return None if any(r == 0 for _, r in pairs) else max(v / r - 1 for v, r in pairs)


def _mixed(weights: Sequence[Fraction], outcomes: Sequence[Sequence[Fraction]]) -> Vector:
    return [
        sum((w * x for w, x in zip(weights, column, strict=True)), Fraction(0))
        for column in zip(*outcomes, strict=True)
    ]


def _is_uniform(optimum: Vector, rho: Vector) -> bool:
    return len({r for v, r in zip(optimum, rho, strict=True) if v}) == 1


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: both explorations are mixtures of deterministic policies; one is uniform, the other has less
    regret."""
    process = process_from_document(witness["process"], "witness")
    outcomes, optimum = deterministic_outcomes(process), exact_goal_values(process)
    mixtures = []
    for key in ("uniform_mixture", "better_mixture"):
        weights = [parse_fraction(w, key) for w in witness[key]]
        if len(weights) != len(outcomes) or min(weights) < 0 or sum(weights) != 1:
            return None
        mixtures.append(_mixed(weights, outcomes))
    worst = [_worst(optimum, rho) for rho in mixtures]
    if (
        not _is_uniform(optimum, mixtures[0])
        or worst[0] is None
        or worst[1] is None
        or not worst[1] < worst[0]
    ):
        return None
    return {
        "v*": [str(v) for v in optimum],
        "uniform exploration": [str(r) for r in mixtures[0]],
        "its worst-case regret": str(worst[0]),
        "other exploration": [str(r) for r in mixtures[1]],
        "its regret": str(worst[1]),
    }


def _weights(count: int, total: int) -> Iterator[tuple[int, ...]]:
    """All ways to write `total` as an ordered sum of `count` terms."""
    if count == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _weights(count - 1, total - first):
            yield (first, *rest)


def _mixtures(process: ControlledMarkovProcess) -> tuple[Fraction, Vector, Vector] | None:
    """The best improvement on an achievable uniform exploration, among mixtures with denominator 6."""
    try:
        outcomes = deterministic_outcomes(process, limit=5)
    except InstanceTooLargeError:
        return None
    optimum = exact_goal_values(process)
    grid = [[Fraction(w, 6) for w in weights] for weights in _weights(len(outcomes), 6)]
    valued = [(weights, _mixed(weights, outcomes)) for weights in grid]
    uniform = next((weights for weights, rho in valued if _is_uniform(optimum, rho)), None)
    regrets = [(worst, weights) for weights, rho in valued if (worst := _worst(optimum, rho)) is not None]
    if uniform is None or not regrets or sum(v > 0 for v in optimum) < 2:
        return None
    least, better = min(regrets)
    mine = _worst(optimum, _mixed(uniform, outcomes))
    return None if mine is None else (mine - least, uniform, better)


def _excess(process: ControlledMarkovProcess) -> Fraction | None:
    found = _mixtures(process)
    return None if found is None else found[0]


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among generated stochastic processes with few outcomes, from scratch."""
    process = find_witness(stochastic_processes(max_states=3, max_steps=2), _excess, context, name="C07")
    found = None if process is None else _mixtures(process)
    if process is None or found is None:
        return None
    return {
        "process": process_document(process),
        "uniform_mixture": [str(w) for w in found[1]],
        "better_mixture": [str(w) for w in found[2]],
    }


CONTROL = Control(
    uid="C07",
    title="Uniform exploration under unequal reachability",
    statement=(
        r"\bigl(\tfrac1K,\dots,\tfrac1K\bigr)\in M \Rightarrow "
        r"\max_g(K v^*_g-1)=\min_{\rho\in M}\max_g\frac{v^*_g}{\rho_g}-1"
    ),
    drops='"every goal can be reached with certainty", from T04',
    source="extension by this project",
    refute=refute,
    search=search,
    uses=("T04",),
    certificate=lambda: solved(witness_process("C07")),
)
