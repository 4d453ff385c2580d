"""Every value that the project names has a certificate; here the quick ones, written and proved again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from must_show import SHOWN, Shown, agrees, claimed

from metaregret.experiments.cli import main
from metaregret.theory.certificates.check import check

QUICK = [name for name, shown in SHOWN.items() if not shown.slow]


@pytest.mark.parametrize("name", QUICK)
def test_the_value_is_proved(name: str, tmp_path: Path) -> None:
    shown, file = SHOWN[name], tmp_path / "certificate.json"
    with pytest.raises(SystemExit) as stop:
        main([*shown.command.split(), "--certificate", str(file), "--json", str(tmp_path / "result.json")])
    assert not stop.value.code
    proved = check(file)[1:]
    assert agrees(shown, *proved)
    assert agrees(shown, *claimed(file))


def test_other_values_do_not_agree() -> None:
    half = Fraction(1, 2)
    assert agrees(Shown("", "1/2"), half, half)
    assert not agrees(Shown("", "1/2"), half, half + Fraction(1, 10**30))
    assert not agrees(Shown("", "1/3"), half, half)
    assert agrees(Shown("", "0.50"), half - Fraction(1, 101), half)
    assert not agrees(Shown("", "0.50"), half - Fraction(1, 99), half)
    assert not agrees(Shown("", "inf"), half, half)
