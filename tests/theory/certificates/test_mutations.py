"""No mutation of a valid certificate is accepted unless what it claims is true; see `mutation_fuzz`.

A short run with the seed of the long one, whose counts are in `mutations.json`, and errors planted in the
checker that the judge must find.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from mutation_fuzz import BASES, SEED, Harness, base, parsed

import metaregret.theory.certificates.check as checker

MUTANTS = 600


@pytest.mark.parametrize("name", BASES)
def test_the_unchanged_certificates_are_accepted_and_true(name: str, tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    harness.path.write_text(base(name))
    lower, upper = checker.check(harness.path)[1:]
    assert harness.fault(parsed(base(name))) == ""
    assert harness.report.counts["judged"] == 1
    assert lower <= upper


def test_mutations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Harness(tmp_path).run(MUTANTS)
    with capsys.disabled():
        print(f"\nmutations: {json.dumps(report.summary(SEED, 0))}")
    assert report.wrong == []
    assert report.counts["accepted"] == report.counts["judged"] >= MUTANTS // 40
    assert report.counts["rejected"] >= MUTANTS // 2
    assert report.widest < 1e-8


@pytest.mark.parametrize(
    "side", ["the lower bound is not proved", "the upper one is not proved", "not proved to be exact"]
)
def test_a_checker_that_accepts_too_much_is_found_out(side: str, tmp_path: Path) -> None:
    """One of the comparisons at the end is left out."""

    def lenient(path: Path, budget: int) -> None:
        try:
            checker.check(path, budget)
        except checker.CertificateError as error:
            if side not in str(error):
                raise

    assert Harness(tmp_path, lenient).run(500, seed=1).wrong


def test_a_wrong_loss_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that counts one episode too few accepts a claim that the judge knows to be false."""
    document = json.loads(base("blind regret"))  # N (v - rho): 3 episodes lose three times what one loses
    value = Fraction(document["claim"]["upper"])
    document["claim"] |= {"lower": "0", "upper": str(value * 2 / 3), "exact": False}
    harness = Harness(tmp_path)
    harness.path.write_text(json.dumps(document))
    with pytest.raises(checker.CertificateError, match="not proved"):
        checker.check(harness.path)
    right = checker.loss
    monkeypatch.setattr(checker, "loss", lambda claim, n, x, v: right(claim, n - 1, x, v))
    checker.check(harness.path)
    assert "but" in harness.fault(document)


def test_the_long_run_found_nothing() -> None:
    """The counts of the long run, kept in the repository."""
    counts = json.loads((Path(__file__).parent / "mutations.json").read_text())
    assert counts["mutants"] >= 100_000
    assert counts["seed"] == SEED
    assert counts["wrongly accepted or not judged"] == 0
    assert counts["accepted"] == counts["judged"] > 1000
    assert sorted(counts["accepted by kind"]) == sorted(BASES)
