r"""Processes of one step that are classical channels: the Z-channel and a symmetric one (C01, T15).

Z-channel of C01: one action reaches state 1 with certainty, the other reaches state 2 unless it slips.
Symmetric: each of three actions reaches its state unless it slips, and else any other state equally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    from metaregret.tabular.process import ControlledMarkovProcess


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return both channels at slips from 0 to 9/10 (the symmetric one below 2/3, where it is pure noise)."""
    steps = 20 if scale is Scale.FULL else 4
    slips = [Fraction(count, steps) for count in range(steps)]
    return [
        {"channel": channel, "slip": str(slip)}
        for channel, most in (("Z", Fraction(9, 10)), ("symmetric", Fraction(3, 5)))
        for slip in slips
        if slip <= most
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return what mutual information and minimax propose, certified."""
    from metaregret.theory.main_claim import check_main_claim

    main = check_main_claim(process_of(point["channel"], Fraction(point["slip"])))
    return {
        "noise": float(Fraction(point["slip"])),
        "capacity_lower": main.mutual_information.lower,
        "capacity_upper": main.mutual_information.upper,
        "proposal_regret": main.proposal_regret,
        "minimax_lower": main.minimax.value.lower,
        "minimax_upper": main.minimax.value.upper,
    }


def process_of(channel: str, slip: Fraction) -> ControlledMarkovProcess:
    """Return the process of one step whose actions are the inputs of a channel."""
    from metaregret.tabular.process import ControlledMarkovProcess

    if channel == "Z":
        rows: list[tuple[int, int, int, object]] = [(0, 0, 0, 1), (0, 1, 1, 1 - slip), (0, 1, 0, slip)]
        rows += [(1, 0, 1, 1)]
        count = 2
    else:
        count = 3
        rows = [(0, a, s, 1 - slip if a == s else slip / 2) for a in range(count) for s in range(count)]
        rows += [(s, 0, s, 1) for s in range(1, count)]
    kept = [row for row in rows if row[3] != 0]
    return ControlledMarkovProcess.from_transitions(
        kept, states=count, actions=count, initial=0, horizon=1, name=f"{channel} channel, slip {slip}"
    )


STUDY = Study("noisy_channels", "mutual information against minimax on classical channels", points, measure)
