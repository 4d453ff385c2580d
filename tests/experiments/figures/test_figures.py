from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from math import comb
from pathlib import Path as File
from typing import Any

import numpy as np
import pandas as pd
import pytest
from legibility import complaints
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.text import Text
from snapshot import FOLDER, STYLE, described, drawn, results_of, stored

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.figures.registry import figure, figures
from metaregret.experiments.figures.render import csv_of, draw, images, macros, write
from metaregret.experiments.runs.job import measure
from metaregret.experiments.sweeps import Sweep, study
from metaregret.experiments.topics import benchmark
from metaregret.experiments.topics.noise_gap import median_interval
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.plotting.style import COLOURS, HATCHES, LINES, MARKERS, STYLES, Style, style

SHOWN = {
    name: each
    for name, each in figures().items()
    if not each.long or (FOLDER / f"{name}.figure.json").exists()
}
QUICK = {name for each in SHOWN.values() if not each.long for name in each.studies}
LOOKS = (("icml", None), ("icml", 1), ("neurips", None), ("neurips", 1))
RENEW = "look at the figure, then: PYTHONPATH=. python tests/experiments/figures/snapshot.py"


@cache
def shown(name: str, look: str, columns: int | None = None) -> tuple[Drawing, dict[str, Any]]:
    """A drawing that several tests look at and, in the first look, what it was before they did."""
    drawing = drawn(SHOWN[name], style(look, columns))
    return drawing, described(drawing) if (look, columns) == LOOKS[0] else {}


@pytest.mark.parametrize("name", SHOWN)
def test_a_figure_is_what_it_was(name: str) -> None:
    """Caption, numbers, data and every line, area and word, from the committed results."""
    found = json.loads(json.dumps(shown(name, "icml")[1]))
    assert found == json.loads((FOLDER / f"{name}.figure.json").read_text()), f"{RENEW} {name}"


def _move_a_line(drawing: Drawing) -> None:
    line = next(line for axes in drawing.figure.axes for line in axes.lines)
    line.set_ydata(np.asarray(line.get_ydata(), dtype=float) * 1.001)


def _recolour(drawing: Drawing) -> None:
    next(line for axes in drawing.figure.axes for line in axes.lines).set_color("red")


def _rename(drawing: Drawing) -> None:
    drawing.figure.axes[0].set_xlabel("something else")


def _rescale(drawing: Drawing) -> None:
    drawing.figure.axes[-1].set_ylim(1, 7)


@pytest.mark.parametrize("change", [_move_a_line, _recolour, _rename, _rescale])
def test_a_planted_change_is_noticed(change: Callable[[Drawing], None]) -> None:
    drawing = drawn(figure("regret_density"))
    before = described(drawing)
    change(drawing)
    assert described(drawing) != before


def test_changed_results_are_noticed() -> None:
    results = results_of(figure("adversary_budget"))
    before = described(draw(figure("adversary_budget"), results, STYLE))
    results["adversary_budget"].loc[3, "value_upper"] += 1e-3
    assert described(draw(figure("adversary_budget"), results, STYLE)) != before


@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_study_measures_what_it_did(name: str) -> None:
    """A few of the committed points are measured again."""
    if name == "planning_benchmark":
        return  # a saved table, see below
    committed = stored(name)
    for each in committed[:: max(1, len(committed) // 3)][:3]:
        again = Sweep(study(name), (each["point"],), 0)
        found = measure(again.jobs[0])
        assert found.error is None
        assert len(found.rows) == len(each["rows"])
        for row, known in zip(found.rows, each["rows"], strict=True):
            assert list(row) == list(known)
            for key, value in known.items():
                if isinstance(value, float):
                    assert row[key] == pytest.approx(value, rel=1e-5, abs=1e-8), key
                else:
                    assert row[key] == value, key


def test_a_saved_table_is_read_as_it_is(tmp_path: File, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table gives one point, another table another one, none gives none; a broken one is refused."""
    table = tmp_path / "planning.csv"
    monkeypatch.setattr(benchmark, "TABLE", table)
    saved = study("planning_benchmark")
    assert saved.sweep().points == ()
    table.write_text(
        "task,model,states,contestant,seconds,ratio,required,error,right\n"
        "a,m,10,metaregret,0.5,1,,0,True\na,m,10,peer,1.5,3,,0.1,False\n"
    )
    first = saved.sweep()
    found = measure(first.jobs[0])
    assert [row["ratio"] for row in found.rows] == [1.0, 3.0]
    assert [row["right"] for row in found.rows] == [True, False]
    table.write_text("task,model\na,m\n")
    second = saved.sweep()
    assert second.ids != first.ids
    broken = measure(second.jobs[0])
    assert broken.error is not None
    assert "'contestant' is missing" in broken.error


@pytest.mark.parametrize(
    ("name", "look", "columns"),
    [(name, *look) for name, each in SHOWN.items() for look in LOOKS if look[1] is None or not each.long],
)
def test_all_is_legible_in_print(name: str, look: str, columns: int | None) -> None:
    """Nothing overlaps or is clipped, no text is under six points, and the width is that of the columns."""
    figure = shown(name, look, columns)[0].figure
    assert complaints(figure) == []
    words = [text for text in figure.findobj(Text) if text.get_text().strip()]
    assert words
    assert min(text.get_fontsize() for text in words) >= 6
    inches, height = figure.get_size_inches()
    widths = {None: (style(look).column, style(look).line), 1: (style(look).column,)}[columns]
    assert inches in [pytest.approx(width) for width in widths]
    assert height <= 10.2


def test_two_columns_are_as_wide_as_the_text() -> None:
    assert style("icml", 2).canvas().get_size_inches()[0] == pytest.approx(style("icml").line)
    for columns in (0, 3, True, "1"):
        with pytest.raises(InvalidArgumentError, match="columns to be 1 or 2"):
            style("icml", columns)


def test_no_arrow_runs_through_a_claim() -> None:
    """Every drawn arrow, sampled along its curves, keeps clear of all boxes; a straight one does not."""
    patches = shown("theorem_graph", "icml")[0].figure.axes[0].patches
    boxes = [one.get_path().get_extents() for one in patches if isinstance(one, FancyBboxPatch)]
    arrows = [vars(one)["_path_original"] for one in patches if isinstance(one, FancyArrowPatch)]
    straight = Path([[boxes[0].x0, boxes[0].y0], [boxes[-1].x0, boxes[-1].y0]])
    assert len(boxes) > 30
    assert len(arrows) > 40
    for path in (*arrows, straight):
        (line,) = path.to_polygons(closed_only=False)
        points = Path(line).interpolated(20).vertices
        met = any(box.expanded(0.98, 0.98).count_contains(points) for box in boxes)
        assert met == (path is straight)


def test_other_styles_are_no_narrower() -> None:
    """So that what does not overlap in the two styles above does not in the others."""
    for each in map(style, STYLES):
        assert each.fonts in (style("icml").fonts, style("neurips").fonts)
        assert each.column >= style("neurips").column
        assert each.line >= style("neurips").line


def test_planted_overlap_and_clipping_are_seen() -> None:
    drawing = drawn(figure("regret_density"))
    drawing.figure.text(0.5, 0.5, "here")
    drawing.figure.text(0.505, 0.5, "there")
    drawing.figure.text(0.98, 0.4, "too far to the right")
    found = " ".join(complaints(drawing.figure))
    assert "'here' lies on 'there'" in found
    assert "'too far to the right' leaves the canvas" in found


@pytest.mark.parametrize("name", SHOWN)
def test_axes_have_names(name: str) -> None:
    """Every axis with numbers on it says what they are; panels of one row or column say it once."""
    unnamed = []
    panels = shown(name, "icml")[0].figure.axes
    for axes in panels:
        if not axes.axison:
            continue
        for axis, siblings, kind in (
            (axes.xaxis, [other for other in panels if _span(other, "col") == _span(axes, "col")], "xaxis"),
            (axes.yaxis, [other for other in panels if _span(other, "row") == _span(axes, "row")], "yaxis"),
        ):
            if any(getattr(other, kind).get_label_text() for other in siblings):
                continue
            if any(text.get_text() for text in axis.get_ticklabels()):
                unnamed.append((axes.get_title(), kind))
    assert unnamed == []


def _span(axes: Axes, way: str) -> object:
    """Which rows or columns of the grid a panel takes, or itself if it is in none."""
    place = axes.get_subplotspec()
    return axes if place is None else getattr(place, f"{way}span")


def test_series_can_be_told_apart_without_colour() -> None:
    count = len(COLOURS)
    for looks in (MARKERS, [str(line) for line in LINES], HATCHES):
        assert len(set(looks)) == count == len(looks)
    with pytest.raises(InvalidArgumentError, match="cannot be told apart"):
        Style.series(count)


def test_the_first_colours_differ_in_lightness() -> None:
    """In grey the first three are at least a tenth of the scale apart."""
    red, green, blue = (np.array([int(c[i : i + 2], 16) for c in COLOURS[:3]]) / 255 for i in (1, 3, 5))
    grey = np.sort(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    assert np.diff(grey).min() > 0.05


def test_the_same_results_give_the_same_bytes() -> None:
    first, second = (drawn(figure("learner_ladder")) for _ in range(2))
    assert images(first, STYLE, dpi=60) == images(second, STYLE, dpi=60)
    assert csv_of(first) == csv_of(second)


def test_fonts_are_embedded_as_outlines_of_true_type() -> None:
    pdf = images(drawn(figure("learner_ladder")), STYLE, ["pdf"])["pdf"]
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    svg = images(drawn(figure("learner_ladder")), STYLE, ["svg"])["svg"]
    assert b"<text" not in svg


def test_files_of_a_figure(tmp_path: File) -> None:
    chosen = figure("regret_density")
    drawing = drawn(chosen)
    manifest = write(chosen, drawing, STYLE, tmp_path, ["svg"])
    assert json.loads((tmp_path / "regret_density.json").read_text()) == manifest
    assert {"name", "title", "caption", "theorems", "command"} <= set(manifest)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*manifest["files"], "regret_density.json"]
    )
    data = pd.read_csv(tmp_path / "regret_density.csv")
    assert data["regret"].tolist() == pytest.approx(drawing.data["regret"].tolist(), rel=1e-11)
    text = (tmp_path / "regret_density.tex").read_text()
    assert re.findall(r"\\newcommand\{\\([A-Za-z]+)\}", text) == [
        "RegretDensityCoverage",
        "RegretDensityLargest",
        "RegretDensityReplications",
        "RegretDensityCaption",
    ]


def test_macros_spell_numbers_for_latex() -> None:
    drawing = drawn(figure("regret_density"))
    odd = Drawing(
        drawing.figure,
        drawing.data,
        {"tiny": 1.5e-7, "all": float("inf"), "own": "$x_1$"},
        "5 % of a_b, $a_b$",
    )
    text = macros("odd_one", odd)
    assert "\\newcommand{\\OddOneTiny}{\\ensuremath{1.5\\times 10^{-7}}}" in text
    assert "\\newcommand{\\OddOneAll}{\\ensuremath{\\infty}}" in text
    assert "\\newcommand{\\OddOneOwn}{$x_1$}" in text
    assert "\\newcommand{\\OddOneCaption}{5 \\% of a\\_b, $a_b$}" in text


def test_a_number_that_latex_cannot_name_is_refused() -> None:
    chosen = figure("regret_density")
    plain = drawn(chosen)

    def bad(results: object, look: Style) -> Drawing:
        return Drawing(plain.figure, plain.data, {"n_2": 1.0}, "caption")

    wrong = Figure("wrong", "wrong", (), (), bad)
    with pytest.raises(InvalidArgumentError, match="'n_2' needs a name of letters"):
        draw(wrong, {}, STYLE)


def test_the_interval_of_a_median_covers_it() -> None:
    """Ranks ``k`` and ``n + 1 - k`` miss it when fewer than ``k`` of ``n`` fair coins fall on one side."""
    for count in (6, 7, 21, 26, 75, 200, 204):
        low, high = median_interval(np.arange(1.0, count + 1.0))
        assert low + high == count + 1
        missed = 2 * sum(comb(count, k) for k in range(int(low))) / 2**count
        narrower = 2 * sum(comb(count, k) for k in range(int(low) + 1)) / 2**count
        assert missed <= 0.05 < narrower
    assert median_interval(np.array([1.0, 2.0, 5.0])) == (1.0, 5.0)
    assert median_interval(np.array([3.0])) == (3.0, 3.0)


def test_unknown_names_list_what_there_is() -> None:
    with pytest.raises(InvalidArgumentError, match="regret_density"):
        figure("nonsense")
    with pytest.raises(InvalidArgumentError, match="icml"):
        style("nonsense")
