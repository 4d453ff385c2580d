from __future__ import annotations

from metaregret.experiments.figures.gallery import DOCS, gallery
from metaregret.experiments.figures.registry import figures

PICTURES = {path.stem: path for path in (DOCS / "images" / "figures").glob("*.png")}


def test_the_page_is_what_the_registry_says() -> None:
    """To renew it: metaregret figures --out build/figures; python -m metaregret.experiments.figures.gallery
    build/figures."""
    assert (DOCS / "reference" / "gallery.md").read_text() == gallery(PICTURES)


def test_every_figure_that_is_made_without_asking_has_a_picture() -> None:
    assert {name for name, figure in figures().items() if not figure.long} <= set(PICTURES) <= set(figures())


def test_pictures_are_small() -> None:
    assert all(path.stat().st_size < 150_000 for path in PICTURES.values())
