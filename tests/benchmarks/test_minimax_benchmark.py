"""The benchmark of minimax exploration: what its ratios mean, and that a run goes on where another ended."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import minimax
from benchmarks.minimax import ANCHORS, OURS, best_ratio, growth, ratio, saved


def line(row: str, method: str, busy: float | None, gap: float = 1e-9, how: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"row": row, "cmp": row, "horizon": 1, "method": method, "how": how}
    if busy is None:
        return found
    measured = {"seconds": busy, "processor_seconds": busy, "peak_gib": 1.0, "lower": 2.0, "upper": 2.0}
    return found | measured | {"relative_gap": gap}


def test_an_anchor_that_fails_counts_with_its_limit() -> None:
    ours = line("grid-20", OURS, 2.0)
    assert ratio(ours, line("grid-20", "a", 100.0), 60.0) == "50.0"
    assert ratio(ours, line("grid-20", "a", 100.0, gap=1e-3), 60.0) == "> 50.0"
    assert ratio(ours, line("grid-20", "a", None, how="no answer: stopped"), 60.0) == "> 30.0"
    assert ratio(ours, line("grid-20", "a", None, how="not tried: 9 variables"), 60.0) == ""
    assert ratio(line("grid-20", OURS, 2.0, gap=1e-3), line("grid-20", "a", 100.0), 60.0) == ""
    assert best_ratio([{"ratio": "70.0"}, {"ratio": "> 30.0"}, {"ratio": "50.0"}, {"ratio": ""}]) == "50.0"
    assert best_ratio([{"ratio": "> 30.0"}]) == "> 30.0"


def test_growth_is_the_slope_over_states() -> None:
    quadratic = [line(f"grid-{side}", OURS, side**4 / 1e4) for side in (20, 50, 100)]
    assert growth(quadratic, minimax.GRIDS) == pytest.approx(2.0)
    assert growth(quadratic[:1], minimax.GRIDS) is None


def test_a_run_goes_on_where_another_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def measure(name: str, method: str, limit: float) -> dict[str, Any]:
        asked.append((name, method))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return line(name, method, 2.0 if method == OURS else 100.0)

    monkeypatch.setattr(minimax, "measure", measure)
    monkeypatch.setattr(minimax, "RESULTS", tmp_path / "minimax.csv")
    monkeypatch.setattr(sys, "argv", ["minimax", "--resume", "--rows", "lake-60", "grid-100"])
    with pytest.raises(KeyboardInterrupt):
        minimax.main()
    assert [(found["row"], found["method"]) for found in saved()] == asked[:2]
    minimax.main()
    table = [("lake-60", method) for method in (OURS, *ANCHORS)] + [("grid-100", OURS)]
    assert asked == [*table[:3], *table[2:]]
    page = (tmp_path / "minimax.md").read_text()
    assert "| lake-60 | 2.00 | 2.00 | 1.00 | 2 | 1e-09 | 50.0 | 50.0 | 50.0 |" in page
    assert "| grid-100 | 2.00 | 2.00 | 1.00 | 2 | 1e-09 |  |  |  |" in page
    assert {found["how"] for found in saved() if found["row"] == "grid-100"} == {
        "",
        "not tried: 10,000,000 variables",
    }
