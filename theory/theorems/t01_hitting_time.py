r"""T01, hitting time: what the memoryless learner loses in N episodes.

Statement
---------
The learner explores with success probability ``rho`` until its first success and then plays optimally,
with success probability ``v``. Its expected loss against an oracle is ``(1 - (1 - rho)**N) (v / rho - 1)``.

What happens without the assumptions: a learner that remembers failed episodes does not explore
independently in every episode, and its loss is smaller (T12).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.goals import exact_goal_values
from metaregret.tabular.policy import exact_terminal
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import policies, processes
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import Context, Trial, exact_agreement, method, theorem, vanishes
from metaregret.theory.regret import memoryless_regret


def regret(rho: Fraction, optimum: Fraction, episodes: int) -> Fraction:
    """Return the claimed regret; the limit ``N v`` at ``rho = 0``."""
    if rho == 0:
        return episodes * optimum
    return (1 - (1 - rho) ** episodes) * (optimum / rho - 1)


def symbolic(claim: Any, context: Context) -> Iterable[Trial]:
    """Induction on N: the formula holds for N = 1 and grows by ``(1 - rho)**N (v - rho)``, the loss of
    episode N + 1."""
    rho, v = sympy.symbols("rho v", positive=True)
    n = sympy.symbols("N", integer=True, positive=True)
    yield vanishes("N = 1", claim(rho, v, sympy.Integer(1)) - (v - rho))
    growth = claim(rho, v, n + 1) - claim(rho, v, n) - (1 - rho) ** n * (v - rho)
    yield vanishes("N to N + 1", sympy.expand(sympy.powsimp(growth)))


def _learner_loss(rho: Fraction, optimum: Fraction, episodes: int) -> Fraction:
    """Follow the learner episode by episode: ``searching`` is the probability that it has not succeeded
    yet."""
    searching, reward = Fraction(1), Fraction(0)
    for _ in range(episodes):
        reward += searching * rho + (1 - searching) * optimum
        searching *= 1 - rho
    return episodes * optimum - reward


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, np.ndarray, int]:
    process = draw(processes(max_states=3, max_steps=3))
    return process, draw(policies(process)), draw(st.integers(1, 6))


def exact(claim: Any, context: Context) -> Iterable[Trial]:
    """Rational processes and policies: the learner is followed episode by episode, tolerance zero."""

    def check(situation: tuple[ControlledMarkovProcess, np.ndarray, int]) -> Trial:
        process, policy, episodes = situation
        rho, optimum = exact_terminal(process, policy), exact_goal_values(process)
        worst = Trial("", 0.0)
        for goal, (r, v) in enumerate(zip(rho, optimum, strict=True)):
            trial = exact_agreement(
                f"generated process, goal {goal}, N = {episodes}",
                claim(r, v, episodes),
                _learner_loss(r, v, episodes),
            )
            worst = min(worst, trial, key=lambda t: t.margin)
        return worst

    return context.examples(_situations(), check, name="T01 exact")


def simulation(claim: Any, context: Context) -> Iterable[Trial]:
    """The learning procedure is run; its mean loss lies within a Hoeffding interval of level 1 - 1e-6."""
    runs = 20_000
    for rho, v, episodes in ((0.3, 1.0, 4), (0.05, 0.6, 10), (0.5, 0.8, 3)):
        random = context.generator(f"T01 {rho} {v} {episodes}")
        outcomes = random.random((runs, episodes))
        found = np.zeros(runs, dtype=bool)
        reward = np.zeros(runs)
        for episode in range(episodes):
            success = outcomes[:, episode] < np.where(found, v, rho)
            reward += success
            found |= success
        half = episodes * np.sqrt(np.log(2 / 1e-6) / (2 * runs))
        mean = episodes * v - reward.mean()
        expected = float(claim(Fraction(rho), Fraction(v), episodes))
        yield Trial(
            f"{runs} runs, rho = {rho}, v = {v}, N = {episodes}",
            float(half - abs(mean - expected)),
            f"mean {mean:.4f} against {expected:.4f}, half-width {half:.4f}",
        )


def library(claim: Any, context: Context) -> Iterable[Trial]:
    """The vectorised function that the solvers use agrees with the formula to 1e-12, tiny probabilities
    included."""
    for rho in (Fraction(1, 10**15), Fraction(1, 10**6), Fraction(1, 3), Fraction(1, 2)):
        for episodes in (1, 2, 7, 1000):
            v = Fraction(2, 3)
            computed = float(memoryless_regret(np.array(float(rho)), np.array(float(v)), episodes))
            expected = float(claim(rho, v, episodes))
            error = abs(computed - expected) / max(1.0, abs(expected))
            yield Trial(f"rho = {rho}, N = {episodes}", 1e-12 - error, f"{computed} against {expected}")


THEOREM = theorem(
    uid="T01",
    title="Hitting time",
    statement=(
        r"\mathrm{Reg}_N = \bigl(1-(1-\rho)^N\bigr)\Bigl(\frac{v}{\rho}-1\Bigr), \qquad "
        r"\lim_{\rho\to 0}\mathrm{Reg}_N = N v, \qquad \mathrm{Reg}_\infty = \frac{v}{\rho}-1"
    ),
    kind="source",
    source="arXiv 1806.04640, goal-reaching case",
    claim=regret,
    methods=(
        method(
            "induction on N",
            "symbolic",
            symbolic,
            general="all N >= 1, all rho and v",
            prose="the principle of induction; that episodes are independent until the first success",
        ),
        method("episode by episode on rational processes", "exact", exact),
        method("the learner simulated", "simulation", simulation),
        method("the library's vectorised formula", "property", library),
    ),
    planted={
        "exponent N - 1": lambda rho, v, n: (1 - (1 - rho) ** (n - 1)) * (v / rho - 1) if rho else n * v,
        "dropped factor": lambda rho, v, n: v / rho - 1 if rho else n * v,
        "v and rho exchanged": lambda rho, v, n: (1 - (1 - rho) ** n) * (rho / v - 1) if v else n * v,
        "success instead of failure": lambda rho, v, n: (1 - rho**n) * (v / rho - 1) if rho else n * v,
    },
    expected="proved",
    certificate=lambda: solved("line:3", 2, episodes=3),
)
