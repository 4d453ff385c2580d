"""Editing one constant in a theorem's formula makes its row red: tried on copies of the files themselves."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from metaregret.theory.claims import Context, Theorem, Verdict, from_file, verify_theorem

EDITS = [
    ("t01_hitting_time", "(optimum / rho - 1)", "(optimum / rho - 2)"),
    ("t02_inverse_relation", "return optimum / rho - 1\n", "return optimum / rho - 2\n"),
    ("t03_known_distribution", "return sum(roots) ** 2 - 1", "return sum(roots) ** 3 - 1"),
    ("t04_minimax", "lambda t: 1 / t - 1\n", "lambda t: 1 / t - 2\n"),
    ("t05_best_proposal", "return sum(roots) / least - 1", "return sum(roots) / least - 2"),
    ("t06_mutual_information", "odds: Any = lambda count: count\n", "odds: Any = lambda count: count + 1\n"),
    ("t07_redundancy_capacity", "w * logarithm(w / q)", "2 * w * logarithm(w / q)"),
    ("t08_skill_reward", "prior: posterior / prior\n", "prior: posterior / prior**2\n"),
    ("t09_trajectory_matching", "lambda n: n - 1", "lambda n: n - 2"),
    ("t10_general_rewards", "lambda pi: 1 / min(pi) - 1", "lambda pi: 2 / min(pi) - 1"),
    ("t11_no_free_lunch", "1 - Fraction(comb(m - j, k)", "1 - Fraction(comb(m - j, k + 1)"),
    ("t12_memory", "(count - 1) * Fraction(1, 2)", "(count - 1) * Fraction(1, 3)"),
    ("t13_on_the_way", "value: Fraction = Fraction(1, 2)", "value: Fraction = Fraction(1, 3)"),
    ("t14_point_masses", "    worst: Any = max\n", "    worst: Any = lambda losses: 2 * max(losses)\n"),
    ("t15_symmetric_channels", "count * v - 1\n", "count * v - 2\n"),
    ("t16_adversary_budget", "sum(roots) ** 2 - 1\n", "sum(roots) ** 2 - 2\n"),
    ("t17_number_of_skills", "lambda episodes, v: episodes * v\n", "lambda episodes, v: 2 * episodes * v\n"),
    ("t18_order_of_classes", "memoryless - memory\n", "memoryless - 2 * memory\n"),
]


@pytest.mark.parametrize(("module", "before", "after"), EDITS, ids=[edit[0] for edit in EDITS])
def test_an_edited_constant_is_refuted(module: str, before: str, after: str, tmp_path: Path):
    source = Path(str(importlib.import_module(f"metaregret.theory.theorems.{module}").__file__)).read_text()
    assert source.count(before) == 1, "the edit must hit one place"
    copy = tmp_path / f"{module}.py"
    copy.write_text(source.replace(before, after))
    edited = from_file(copy)
    assert isinstance(edited, Theorem)
    assert verify_theorem(edited, Context(instances=10, shrink=False)).verdict is Verdict.REFUTED
