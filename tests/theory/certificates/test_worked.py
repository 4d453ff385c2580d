"""The certificates that theorems and controls name: of the values in their pages, and accepted."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from metaregret.theory.certificates.check import check
from metaregret.theory.certificates.drafting import write_certificate
from metaregret.theory.claims import claim, controls, theorems

WORTH = {
    "T01": ("minimax", "38/27"),  # (1 - (2/3)^3) 2
    "T04": ("minimax", "2279601/320000"),  # 7.1238, the specification's minimax regret at slip 1/10
    "T05": ("proposal", "8"),  # K - 1
    "T06": ("capacity", 2.1972245773362196),  # ln 9
    "T07": ("capacity", 0.22314355131420976),  # ln(5/4)
    "T09": ("minimax", "24"),  # n(root) - 1
    "T10": ("minimax", "26"),  # 3^3 - 1
    "T12": ("minimax", "2"),  # (K - 1)/2
    "T13": ("minimax", "1/2"),
    "T17": ("proposal", "inf"),
    "T23": ("minimax", "1"),  # two ends of the line: tau* = 2
    "T24": ("minimax", "1/2"),
    "T25": ("minimax", "7/18"),  # three episodes; 2/5 in the limit
    "T26": ("proposal", "3"),  # K - 1
    "T27": ("minimax", "2"),  # (K - 1)/2
    "C01": ("proposal", "3/2"),
    "C02": ("capacity", 0.8691572699887),
    "C03": ("minimax", "1/2"),
    "C07": ("minimax", "1/2"),
    "C08": ("proposal", "inf"),
    "C11": ("minimax", "1/2"),  # 1/(K - 1)
}


def test_the_list_is_complete() -> None:
    assert set(WORTH) == {
        uid for uid, item in {**theorems(), **controls()}.items() if item.certificate is not None
    }


@pytest.mark.parametrize("uid", WORTH)
def test_certificates_of_claims(uid: str, tmp_path: Path) -> None:
    write = claim(uid).certificate
    assert write is not None
    document = write()
    write_certificate(document, tmp_path / "certificate.json")
    text, lower, upper = check(tmp_path / "certificate.json")
    problem, value = WORTH[uid]
    assert text.startswith(problem)
    if isinstance(value, float):
        assert upper - lower < 1e-9
        assert abs(float(lower) - value) < 1e-9
    else:
        expected = float(value) if value == "inf" else Fraction(value)
        assert lower == upper == expected
        assert document["claim"]["exact"]


def test_the_marginal_of_all_states_is_located() -> None:
    """C02: by Pinsker's inequality the output of a bracket of width d is within sqrt(2 d) of the optimum."""
    write = claim("C02").certificate
    assert write is not None
    document = write()
    gap = Fraction(document["claim"]["upper"]) - Fraction(document["claim"]["lower"])
    output = sorted(float(Fraction(p)) for p in document["witness"]["output"].values())
    assert (2 * float(gap)) ** 0.5 < 5e-5
    assert output == pytest.approx([0.1614, 0.4193, 0.4193], abs=5e-5)
