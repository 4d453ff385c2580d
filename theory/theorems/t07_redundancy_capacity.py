r"""T07, redundancy equals capacity: the most informative skills and the best prior for compression are one
saddle point.

Statement
---------
``max_{p(z), pi_z} I(s_T; z) = min_q max_{rho in M} KL(rho || q)``. The optimal output ``q*`` is unique;
``KL(rho_z || q*) = C`` for active skills and ``<= C`` for all of ``M``. Any ``(p, q)`` gives the certified
bracket ``I(p) <= C <= max_{rho in M} KL(rho || q)``. Some optimum uses no more skills than there are states,
all of them at vertices of ``M``. Uniqueness is quantitative: ``I(p) + KL(pW || q*) <= C`` for every ``p``.

Dropped: ``q*`` is minimax for the KL cost of adapting, not for regret; on a stochastic grid it is not
uniform (C04).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import distributions, stochastic_processes
from metaregret.theory.certificates.worked import capacity, witness_process
from metaregret.theory.claims import Context, Trial, method, theorem, vanishes
from metaregret.theory.information import channel_capacity
from metaregret.theory.optimise import CONVEX_SOLVERS, solve_certified
from metaregret.theory.skills import terminal_vertices


@dataclass(frozen=True)
class Claim:
    """What is claimed of the saddle point.

    ``term(w, q, log)``: one entry of the dual function of a row; ``optimal_output(p, W)``: the saddle output;
    ``skills(states)``: how many skills are enough; ``loss(I, KL)``: what a prior of information ``I`` whose
    output is ``KL`` away from ``q*`` has of ``C`` at most.
    """

    term: Any = lambda w, q, logarithm: w * logarithm(w / q)
    optimal_output: Any = lambda p, channel: p @ channel
    skills: Any = lambda states: states
    loss: Any = lambda information, divergence: information + divergence

    def divergence(self, row: np.ndarray, output: np.ndarray) -> float:
        """Return the dual function of a row, the sum of its terms."""
        positive = row > 0
        if np.any(output[positive] <= 0):
            return float("inf")
        return float(np.sum(self.term(row[positive], output[positive], np.log)))


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The compensation identity, for one pair of an input and an output: it sums to both bounds of the
    bracket.

    ``sum_x p_x KL(W_x || q) = I(p) + KL(pW || q)``: the term of ``(x, y)`` on the left minus that of ``I`` is
    ``p_x W_xy log((pW)_y / q_y)``, and these sum over ``x`` to ``(pW)_y log((pW)_y / q_y)``. So ``I(p)``
    is at most a mean of the divergences, hence at most the largest; and at ``q = pW`` with equal
    divergences both bounds meet.
    """
    p, w, m, q = sympy.symbols("p_x W_xy m_y q_y", positive=True)
    left, information = p * claim.term(w, q, sympy.log), p * claim.term(w, m, sympy.log)
    rest = p * w * sympy.log(m / q)  # sums over x to m log(m / q), because sum_x p_x W_xy = m_y
    yield vanishes("compensation identity of one pair", sympy.expand_log(left - information - rest))
    yield vanishes("what is left is a divergence", claim.term(m, q, sympy.log) - m * sympy.log(m / q))
    excess = claim.loss(information, rest) - left
    yield vanishes("uniqueness: no slack in one pair", sympy.expand_log(excess))


@once
@st.composite
def _channels(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inputs, outputs = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    rows = [draw(distributions(outputs, largest=5)) for _ in range(inputs)]
    prior = draw(distributions(inputs))
    output = draw(distributions(outputs, positive=True))
    return np.array(rows, dtype=float), np.array(prior, dtype=float), np.array(output, dtype=float)


def bracket(claim: Claim, context: Context) -> Iterable[Trial]:
    """Any rational ``(p, q)`` on any rational channel brackets the capacity computed by the interior-point
    method."""

    def check(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Trial:
        channel, prior, output = drawn
        capacity = channel_capacity(channel).capacity
        marginal = claim.optimal_output(prior, channel)
        lower = sum(p * claim.divergence(row, marginal) for p, row in zip(prior, channel, strict=True) if p)
        upper = max(claim.divergence(row, output) for row in channel)
        margin = min(capacity.upper - lower, upper - capacity.lower) + 1e-12
        return Trial(
            f"{channel.shape[0]} x {channel.shape[1]} channel", margin, f"{lower} <= {capacity} <= {upper}"
        )

    return context.examples(_channels(), check, name="T07 bracket", share=3)


def saddle(claim: Claim, context: Context) -> Iterable[Trial]:
    """At the capacity-achieving input, active rows have divergence C from the output and no row has more."""

    def check(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Trial:
        channel, _, _ = drawn
        result = channel_capacity(channel, tolerance=1e-11)
        output = claim.optimal_output(result.input_distribution, channel)
        divergences = np.array([claim.divergence(row, output) for row in channel])
        active = result.input_distribution > 1e-4
        most = 1e-6 - float(divergences.max() - result.capacity.lower)
        least = 1e-6 - float(np.abs(divergences[active] - result.capacity.lower).max())
        return Trial(
            f"{channel.shape[0]} x {channel.shape[1]} channel", min(most, least), f"divergences {divergences}"
        )

    return context.examples(_channels(), check, name="T07 saddle", share=2)


def _fewer(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Move weight along linear relations of the active rows until they are independent: Caratheodory's
    theorem.

    The output ``weights @ rows`` stays, and with it the information, as the active rows are equally far
    from it.
    """
    weights = weights.copy()
    while True:
        active = np.flatnonzero(weights > 0)
        basis, singular, _ = np.linalg.svd(rows[active], full_matrices=True)
        rank = int((singular > 1e-9).sum())
        if rank == len(active):
            return weights
        step = basis[:, -1]
        step = step if step.max() > 0 else -step
        ratios = np.where(step > 1e-12, weights[active] / np.where(step > 1e-12, step, 1.0), np.inf)
        weights[active] -= ratios.min() * step
        weights[active[int(np.argmin(ratios))]] = 0.0
        weights = np.maximum(weights, 0.0)


_WITH_WEIGHTS = st.tuples(
    stochastic_processes(max_states=3, max_actions=3, max_steps=2),
    st.lists(st.integers(1, 9), min_size=3, max_size=7),
)


def few_and_unique(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated processes: as few skills as claimed attain the capacity of all vertices, and no prior reaches
    further than the loss allows."""

    def check(drawn: tuple[ControlledMarkovProcess, list[int]]) -> Trial:
        process, integers = drawn
        rows, _ = terminal_vertices(process)
        found = channel_capacity(rows, tolerance=1e-11)
        few = _fewer(np.where(found.input_distribution > 1e-7, found.input_distribution, 0.0), rows)
        few /= few.sum()
        output = claim.optimal_output(few, rows)
        attained = sum(p * claim.divergence(row, output) for p, row in zip(few, rows, strict=True) if p)
        prior = np.resize(np.array(integers, dtype=float), len(rows))
        prior /= prior.sum()
        other = prior @ rows
        information = sum(p * claim.divergence(row, other) for p, row in zip(prior, rows, strict=True))
        reached = claim.loss(information, claim.divergence(other, found.output_distribution))
        count = int(np.count_nonzero(few))
        enough = count <= claim.skills(process.n_states)
        margin = min(1e-5 - abs(attained - found.capacity.lower), found.capacity.upper + 1e-9 - reached)
        return Trial(
            f"{len(rows)} vertices, {process.n_states} states",
            margin if enough else -1.0,
            f"{count} skills attain {attained} of {found.capacity}; a prior reaches {reached}",
        )

    return context.examples(_WITH_WEIGHTS, check, name="T07 few and unique", most=1000)


@dataclass(frozen=True)
class _Bounds:
    lower: float
    upper: float


def redundancy(claim: Claim, context: Context) -> Iterable[Trial]:
    """``min_q max_rho KL(rho || q)`` posed separately in cvxpy over all vertices of ``M``; primal equals
    dual."""
    from metaregret.tabular.modelling import cvxpy as cp

    def check(process: ControlledMarkovProcess) -> Trial:
        rows, _ = terminal_vertices(process)
        capacity = channel_capacity(rows).capacity
        support = np.flatnonzero(rows.max(axis=0) > 0)
        output = cp.Variable(len(support), nonneg=True)
        level = cp.Variable()
        constraints = [cp.sum(output) == 1]
        constraints += [cp.sum(cp.kl_div(row[support], output)) + 1 - cp.sum(output) <= level for row in rows]
        problem = cp.Problem(cp.Minimize(level), constraints)

        def certify() -> _Bounds | None:
            if output.value is None or not np.all(np.isfinite(output.value)):
                return None
            q = np.zeros(rows.shape[1])
            q[support] = np.maximum(output.value, 1e-300)
            q /= q.sum()
            return _Bounds(-np.inf, max(claim.divergence(row, q) for row in rows))

        best = solve_certified(problem, certify, tolerance=1e-7, attempts=CONVEX_SOLVERS[:1])
        margin = min(best.upper - capacity.lower + 1e-12, 1e-5 - abs(best.upper - capacity.upper))
        return Trial(f"{len(rows)} vertices", margin, f"redundancy {best.upper}, capacity {capacity}")

    small = stochastic_processes(max_states=3, max_actions=2, max_steps=2)
    return context.examples(small, check, name="T07 redundancy", share=0.5, most=1000)


def _transposed(p: np.ndarray, channel: np.ndarray) -> np.ndarray:
    """Apply the channel the wrong way round, as far as shapes allow."""
    square = np.zeros((max(channel.shape), max(channel.shape)))
    square[: channel.shape[0], : channel.shape[1]] = channel
    padded = np.zeros(len(square))
    padded[: len(p)] = p
    output = (square @ padded)[: channel.shape[1]]
    return output / output.sum() if output.sum() > 0 else np.full(channel.shape[1], 1.0 / channel.shape[1])


THEOREM = theorem(
    uid="T07",
    title="Redundancy equals capacity",
    statement=(
        # The bracket and uniqueness are symbolic; that some p and q meet is the classical theorem.
        r"\max_{p(z),\pi_z} I(s_T;z)=\min_q\max_{\rho\in M}\mathrm{KL}(\rho\,\|\,q), \qquad "
        r"I(p)+\mathrm{KL}(pW\,\|\,q^*)\le C\le\max_{\rho\in M}\mathrm{KL}(\rho\,\|\,q)\ \text{ for all } p,q"
    ),
    kind="classical",
    source="R. G. Gallager, Source coding with side information and universal coding (1979); B. Ya. "
    "Ryabko (1979)",
    claim=Claim(),
    methods=(
        method(
            "compensation identity",
            "symbolic",
            symbolic,
            general="all finite channels",
            prose="the sum over all pairs; that a saddle point exists (M is compact, I is concave in p "
            "and KL convex in q: Sion's minimax theorem); that divergences are not negative (T06); "
            "that a mixture of active rows needs no more rows than there are states (Caratheodory)",
        ),
        method("any prior and output bracket the capacity", "property", bracket, "interior point"),
        method("conditions at the saddle point", "enumeration", saddle, "interior point"),
        method("redundancy in cvxpy", "optimisation", redundancy, "Clarabel"),
        method("few skills, one output", "enumeration", few_and_unique, "interior point"),
    ),
    planted={
        "arguments of the divergence exchanged": Claim(lambda w, q, log: q * log(q / w)),
        "logarithm to base two": Claim(lambda w, q, log: w * log(w / q) / log(2)),
        "channel transposed": Claim(optimal_output=_transposed),
        "output of the uniform prior": Claim(optimal_output=lambda p, channel: channel.mean(axis=0)),
        "one skill fewer than states": Claim(skills=lambda states: states - 1),
        "distance counted twice": Claim(loss=lambda information, divergence: information + 2 * divergence),
    },
    expected="proved",
    certificate=lambda: capacity(witness_process("C01")),
)
