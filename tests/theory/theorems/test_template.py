"""The template is itself a checked claim, so that a copy of it starts green."""

from __future__ import annotations

from pathlib import Path

import metaregret.theory.theorems
from metaregret.theory.claims import (
    Context,
    Theorem,
    Verdict,
    from_file,
    planted_score,
    theorems,
    verify_theorem,
)

PATH = Path(str(metaregret.theory.theorems.__file__)).parent / "_template.py"


def test_the_template_is_proved_and_its_planted_errors_are_caught():
    template = from_file(PATH)
    assert isinstance(template, Theorem)
    assert verify_theorem(template, Context()).verdict is Verdict.PROVED
    assert not planted_score(template, Context()).missed


def test_the_template_is_not_collected():
    assert "T99" not in theorems()
