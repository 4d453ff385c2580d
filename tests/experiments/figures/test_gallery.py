from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from metaregret.experiments.figures.gallery import DOCS, gallery, small_picture
from metaregret.experiments.figures.registry import figures
from metaregret.theory.plotting.style import COLOURS

PICTURES = {path.stem: path for path in (DOCS / "images" / "figures").glob("*.png")}


def test_the_page_is_what_the_registry_says() -> None:
    """To renew it: metaregret figures --out build/figures; python -m metaregret.experiments.figures.gallery
    build/figures."""
    assert (DOCS / "reference" / "gallery.md").read_text() == gallery(PICTURES)


def test_every_figure_that_is_made_without_asking_has_a_picture() -> None:
    assert {name for name, figure in figures().items() if not figure.long} <= set(PICTURES) <= set(figures())


def test_pictures_are_small() -> None:
    assert all(path.stat().st_size < 150_000 for path in PICTURES.values())


def test_a_small_picture_keeps_the_colour_of_every_series() -> None:
    """Also of one that covers little of it."""
    drawing, content = Figure(figsize=(7, 3)), io.BytesIO()
    axes = drawing.subplots()
    for index, colour in enumerate(COLOURS):
        axes.fill_between([0, 1 if index else 100], index, index + 0.9, color=colour)
    drawing.savefig(content, format="png", dpi=200)
    small = Image.open(io.BytesIO(small_picture(content.getvalue())))
    assert small.width == 1000
    found = np.asarray(small.convert("RGB"), dtype=int).reshape(-1, 3)
    for colour in COLOURS:
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.abs(found - wanted).max(axis=1).min() <= 16, colour
