"""LaTeX statements as MathML, safe to put into a page whatever the statement holds.

Browsers differ in what they do with MathML when the machine has no font for mathematics. So nothing here
rests on one: limits are placed by structure, sizes of brackets are classes that the style sheet scales, and
a statement is cut where a line may break.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup, escape

__all__ = ["formula", "prose", "statement"]

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_ELEMENT_NAMES = """math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover
munderover mtable mtr mtd mstyle mpadded mphantom"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
_ROWS = frozenset({"math", "mrow", "mstyle", "mtd", "msqrt", "mpadded", "mphantom"})
"""Elements whose children stand in a row, whatever their number."""

_ATTRIBUTE_NAMES = """display mathvariant stretchy fence form separator accent width height depth
linethickness displaystyle scriptlevel columnalign lspace rspace largeop movablelimits symmetric"""
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
_STAND_INS = {"<": "\ue000", ">": "\ue001"}
"""The converter copies angle brackets in ``\\text`` as they are; they travel as characters nobody uses."""

_ARG = "\ue002"
"""Stands before max and min where the statement has ``\\arg``, which the converter does not know."""

_LIMITS = frozenset({"min", "max", "sup", "inf", "lim", "arg\u00a0max", "arg\u00a0min"})
_RELATIONS = frozenset("=<>≤≥∝≡∼∈⇒⇔⟺")
_SCRIPT = {"script": 0x1D49C, "double-struck": 0x1D538}
_EXCEPTIONS = {"𝒝": "ℬ", "𝒠": "ℰ", "𝒡": "ℱ", "𝒣": "ℋ", "𝒤": "ℐ", "𝒧": "ℒ", "𝒨": "ℳ", "𝒭": "ℛ", "𝔺": "ℂ",
               "𝔿": "ℍ", "𝕅": "ℕ", "𝕇": "ℙ", "𝕈": "ℚ", "𝕉": "ℝ", "𝕑": "ℤ"}  # fmt: skip
"""Letters that Unicode had before the rest of their alphabet."""


@cache
def formula(latex: str, *, display: bool = True) -> Markup:
    """Return a formula as MathML, in display style unless it stands in running text; what cannot be
    converted is shown as LaTeX source."""
    try:
        tree = _tree(latex)
        tree.set("displaystyle", "true" if display else "false")
        return Markup(ElementTree.tostring(tree, encoding="unicode"))
    except Exception:  # the converter raises whatever its parser stumbles over
        return Markup('<code class="latex">{}</code>').format(latex)


def statement(latex: str) -> Markup:
    """Return a statement as words and formulas that wrap like a paragraph, first where it has wide spaces:
    MathML itself breaks no lines."""
    clauses: list[list[Markup]] = [[]]
    for kind, part in _parts(latex):
        if kind == "space":
            clauses.append([])
        else:
            clauses[-1].append(formula(part) if kind == "math" else escape(part))
    spans = [Markup('<span class="clause">{}</span>').format(Markup("<wbr>").join(c)) for c in clauses if c]
    return Markup(" ").join(spans)


def prose(text: str) -> Markup:
    """Return text in which ``$...$`` is mathematics."""
    parts = text.split("$")
    if len(parts) % 2 == 0:  # a dollar sign without a partner is a dollar sign
        return escape(text)
    inline = Markup('<span class="inline">{}</span>')
    return Markup("").join(
        inline.format(formula(part, display=False)) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_OPENING = frozenset({"{", "(", "[", r"\{", r"\begin", r"\left"})
_CLOSING = frozenset({"}", ")", "]", r"\}", r"\end", r"\right"})
_RELATION_COMMANDS = r"\le \ge \in \Rightarrow \iff \propto \equiv"
_BREAK_BEFORE = frozenset({"=", "<", ">", *_RELATION_COMMANDS.split()})


def _parts(latex: str) -> Iterator[tuple[str, str]]:
    """Cut LaTeX, outside of all brackets, at spaces, at words, and before relations."""
    depth, current, tokens = 0, "", _TOKEN.findall(latex)
    position = 0
    while position < len(tokens):
        token = tokens[position]
        words = _words(tokens, position) if depth == 0 and token == r"\text" else None
        space = depth == 0 and token in (r"\quad", r"\qquad")
        if current.strip() and (words or space or (depth == 0 and token in _BREAK_BEFORE)):
            yield "math", current
            current = ""
        if words:
            yield "text", words[0]
            position = words[1]
            continue
        if space:
            yield "space", token[1:]
        else:
            depth += (token in _OPENING) - (token in _CLOSING)
            current += token
        position += 1
    if current.strip():
        yield "math", current


def _words(tokens: list[str], position: int) -> tuple[str, int] | None:
    """The content of ``\\text{...}`` and where it ends; None where it holds more than words."""
    try:
        end = tokens.index("}", position)
    except ValueError:
        return None
    inside = tokens[position + 2 : end]
    plain = tokens[position + 1 : position + 2] == ["{"] and not any(
        t in "{$" or t[0] == "\\" for t in inside
    )
    return ("".join(inside), end + 1) if plain else None


def _tree(latex: str) -> Element:
    from latex2mathml.converter import convert

    source = re.sub(r"\\\\\[[^]]*\]", r"\\\\", latex)  # row spacing, which the converter takes for content
    source = re.sub(r"\\arg\s*(?=\\max|\\min)", _ARG, source)
    for character, stand_in in _STAND_INS.items():
        source = source.replace(character, stand_in)
    root = _plain(ElementTree.fromstring(convert(source, display="block")))
    root.set("xmlns", _NAMESPACE)
    root.attrib.pop("display", None)
    return root


def _plain(element: Element) -> Element:
    """Copy an element, checked to be known MathML, with the converter's habits mended."""
    name = element.tag.partition("}")[2] or element.tag
    if name not in _ELEMENTS:
        raise ValueError(f"{name} is not an element of a formula")
    copy = Element(name, {key: value for key, value in element.attrib.items() if key in _ATTRIBUTES})
    copy.text = _restored(element.text)
    children = [_plain(child) for child in element]
    copy.extend(_spaced(_joined(_argued(children))) if name in _ROWS else children)
    if name == "mi":
        _identifier(copy)
    elif name == "mo":
        _operator(copy, element.get("minsize"))
    elif name == "msub" and copy[0].text in _LIMITS:
        copy.tag = "munder"
    elif name == "mrow" and len(copy) > 1 and copy[0].get("class") == "fence" and copy[1].tag == "mtable":
        copy[0].set("class", f"tall rows{len(copy[1])}")
    return copy


def _restored(text: str | None) -> str | None:
    for character, stand_in in _STAND_INS.items():
        text = text.replace(stand_in, character) if text else text
    return text


def _identifier(mi: Element) -> None:
    """Letters of other alphabets by their own characters; upright words by a class."""
    text, variant = mi.text or "", mi.attrib.pop("mathvariant", None)
    if variant in _SCRIPT and len(text) == 1 and "A" <= text <= "Z":
        letter = chr(_SCRIPT[variant] + ord(text) - ord("A"))
        mi.text = _EXCEPTIONS.get(letter, letter)
        mi.set("class", "alphabet")
    elif variant == "normal" or len(text) > 1:
        mi.set("class", "upright")
    elif "\U0001d49c" <= text <= "\U0001d56b" or text in "ℂℍℕℙℚℝℤ":
        mi.set("class", "alphabet")
    if not text.isalnum() and text not in {
        *"∞∅∂′",
        _ARG,
    }:  # relations and punctuation that it takes for letters
        mi.tag = "mo"
        mi.attrib.pop("class", None)
        _operator(mi, None)


def _operator(mo: Element, size: str | None) -> None:
    mo.text = text = {"~": "∼"}.get(mo.text or "", mo.text or "")
    mo.attrib.pop("form", None)
    if text in _LIMITS:
        mo.tag = "mi"
        mo.set("class", "upright")
        return
    if size is not None:
        mo.set("class", f"tall size{size[:3].replace('.', '')}")
    elif mo.get("stretchy") == "true" and mo.get("fence") == "true":
        mo.set("class", "fence")
    if text in set("()[]{}|/") or size is not None:
        mo.set("stretchy", "false")
        mo.set("lspace", "0")
        mo.set("rspace", "0")
    elif text in _RELATIONS or text in {":", "∣", "‖"}:
        wide = "0.1667em" if text in {"∣", "‖"} else "0.2778em"
        mo.set("lspace", wide if text != ":" else "0.1667em")
        mo.set("rspace", wide)


def _argued(children: list[Element]) -> list[Element]:
    """Put "arg" before the max or min that it belongs to."""
    result: list[Element] = []
    for child in children:
        if result and result[-1].text == _ARG:
            result.pop()
            name = child if len(child) == 0 else child[0]
            name.text = f"arg\u00a0{name.text}"
        result.append(child)
    return result


def _joined(children: list[Element]) -> list[Element]:
    """Join the upright letters of a word: ``\\mathrm{Reg}`` comes as three identifiers."""
    result: list[Element] = []
    for child in children:
        word = child.tag == "mi" and child.get("class") == "upright" and (child.text or "").isalpha()
        single = word and len(child.text or "") == 1
        if single and result and result[-1].get("class") == "upright" and result[-1].get("open"):
            result[-1].text = (result[-1].text or "") + (child.text or "")
        else:
            if single:
                child.set("open", "yes")  # a word that may grow
            result.append(child)
    for child in result:
        child.attrib.pop("open", None)
    return result


def _spaced(children: list[Element]) -> list[Element]:
    """A thin space between the name of a function and an argument without brackets."""
    result: list[Element] = []
    for child in children:
        before = result[-1] if result else None
        name = before[0] if before is not None and before.tag == "munder" else before
        function = name is not None and name.tag == "mi" and name.text in {"log", "exp", *_LIMITS}
        if function and child.tag not in {"mo", "mspace"}:
            result.append(Element("mspace", {"width": "0.1667em"}))
        result.append(child)
    return result
