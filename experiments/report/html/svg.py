"""A thin layer over the standard library's XML, so that no name can break out of a drawing."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

__all__ = ["add", "canvas", "number", "serialised", "text"]


def number(value: float) -> str:
    """Spell a coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def canvas(width: float, height: float, label: str, **attributes: str) -> Element:
    """Return an empty drawing with a name for assistive technology."""
    size = {
        "width": number(width),
        "height": number(height),
        "viewBox": f"0 0 {number(width)} {number(height)}",
    }
    root = Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img", **_named(attributes)}
    )
    root.set("aria-label", label)
    return root


def add(parent: Element, tag: str, **attributes: float | str) -> Element:
    """Add a shape; numbers are coordinates, ``klass`` is the class, underscores in names are hyphens."""
    spelled = {key: value if isinstance(value, str) else number(value) for key, value in attributes.items()}
    return SubElement(parent, tag, _named(spelled))


def text(
    parent: Element, x: float, y: float, content: str, klass: str = "", anchor: str = "middle"
) -> Element:
    """Add text."""
    element = add(parent, "text", x=x, y=y, klass=klass, text_anchor=anchor)
    element.text = content
    return element


def serialised(root: Element) -> Markup:
    """Return a drawing as markup for a page."""
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _named(attributes: dict[str, str]) -> dict[str, str]:
    return {
        ("class" if key == "klass" else key.replace("_", "-")): value
        for key, value in attributes.items()
        if value != ""
    }
