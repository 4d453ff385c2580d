"""How numbers and words of a report are spelled, whatever is made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

__all__ = [
    "GLYPHS",
    "fraction",
    "is_distribution",
    "margin",
    "page_name",
    "process_in_words",
    "seconds",
    "significant",
    "slug",
    "tone",
]

GLYPHS = {
    "PROVED": "■",
    "CERTIFIED": "✓",
    "SUPPORTED": "~",
    "REFUTED": "✗",
    "INCONCLUSIVE": "?",
    "VACUOUS": "∅",
}
"""A sign by verdict, so that nothing rests on colour."""


def tone(row: Mapping[str, Any]) -> str:
    """Return how a row is to be read: ``proved``, ``certified``, ``supported``, ``refuted`` (a control, as it
    must be), or ``failed``."""
    if not row["as_expected"]:
        return "failed"
    verdict = str(row["verdict"]).lower()
    return verdict if verdict in {"proved", "certified", "supported", "refuted"} else "failed"


def margin(value: float | None) -> str:
    """Spell a distance to failure; zero is that of exact checks."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits}e{int(exponent)}".replace("-", "−")


def seconds(value: float) -> str:
    """Spell a duration."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def significant(value: float | str, digits: int = 6) -> str:
    """Spell a number to so many significant digits; infinities come as text from JSON."""
    if isinstance(value, str):
        return {"inf": "∞", "-inf": "−∞"}.get(value, value)
    return {"inf": "∞", "-inf": "−∞"}.get(str(value), f"{value:.{digits}g}".replace("-", "−"))


_WORDS = (
    (r"line:(\d+)(?:,start=\d+)?(.*)", r"line of \1\2"),
    (r"grid:(\d+)x(\d+)(.*)", "\\1 \u00d7 \\2 grid\\3"),
    (r"four-rooms:(\d+)(.*)", r"four rooms, side \1\2"),
    (r"tree:0,0,1,1,2,2(.*)", r"binary tree\1"),
    (r"tree:0,0,0((?:,slip=.*)?)", r"star of 4\1"),
    (r"noisy-goal:K=(\d+),v=(.*)", r"noisy goal, $K=\1$, $v=\2$"),
    (r"garnet:S=(\d+),.*", r"random, \1 states"),
)


def process_in_words(name: str) -> str:
    """Spell the specification of a built-in process; other names stay as they are."""
    for pattern, words in _WORDS:
        if re.fullmatch(pattern, name):
            return re.sub(r",slip=(.*)", r", slip \1", re.sub(pattern, words, name))
    return name


def fraction(value: float, largest: int = 24) -> str:
    """Spell a share: as a fraction with a small denominator where it is one to five digits, else rounded."""
    near = Fraction(value).limit_denominator(largest)
    return str(near) if abs(near - value) < 1e-5 else f"{value:.3f}"


def slug(name: str) -> str:
    """Return a name that is safe as the name of a file and as an anchor: letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:60] or "unnamed"


_TAKEN = ("index", "figures")
"""Pages that every report has."""


def page_name(uid: str) -> str:
    """Return the file of a claim's page."""
    name = slug(uid)
    return f"claim_{name}.html" if name.lower() in _TAKEN else f"{name}.html"


def is_distribution(value: Any) -> bool:
    """Whether a value from a document is a list of rationals (as text) that sums to one."""
    if not isinstance(value, list) or not value or len(value) > 10_000:
        return False
    total = Fraction(0)
    for item in value:
        if not isinstance(item, str) or not re.fullmatch(r"\d{1,300}(/[1-9]\d{0,299})?", item):
            return False
        total += Fraction(item)
    return total == 1
