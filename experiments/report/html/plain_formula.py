"""Formulas of docstrings, typed as code, as LaTeX: so that no page shows them in ASCII."""

from __future__ import annotations

import re

__all__ = ["latex_of"]

_GREEK = ("rho", "pi", "theta", "tau", "alpha")
_OPERATORS = ("sum", "prod", "min", "max", "log", "exp", "sqrt", "sup")
_UPRIGHT = ("Reg", "KL", "argmax", "floor", "sign")
_WORDS = ("leaf", "root", "for", "all", "every", "uniform", "row", "roots", "reachable", "blind", "memory",
          "memoryless", "minimax", "not", "found", "now")  # fmt: skip
_NAMES = {
    **{name: rf"\{name}" for name in (*_GREEK, *_OPERATORS)},
    **{name: rf"\mathrm{{{name}}}" for name in _UPRIGHT},
    **{name: rf"\text{{ {name} }}" for name in _WORDS},
    "eps": r"\varepsilon",
    "inf": r"\infty",
    "in": r"\in",
    "mod": r"\bmod",
}
_SIGNS = {"<=": r"\le ", ">=": r"\ge ", "!=": r"\ne ", "->": r"\to ", "..": r"\dots ", "||": r"\|",
          "∝": r"\propto ", "**": "^"}  # fmt: skip


_CODE = re.compile(r"""[\\"`#$&%]|\w\.\w""")
"""What no formula has."""


def latex_of(code: str) -> str | None:
    """Return a formula as LaTeX, or None where the code is no formula: it has a word that no formula has."""
    words = re.findall(r"[A-Za-z]{2,}", code)
    if any(word not in _NAMES and len(word) > 2 for word in words) or _CODE.search(code):
        return None
    text = re.sub(r"(?<![_^])\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", r"\\{\1\\}", code)  # a set, not a group
    text = re.sub(r"(?<=[A-Za-z])\*(?=_|[\s,)=|]|$)", "^*", text)  # v*_g, t*: optimal values
    text = re.sub(r"\*\*\(([^()]*)\)", r"^{\1}", text)
    text = re.sub(r"\*\*(\w+)", r"^{\1}", text)
    text = re.sub(r"sqrt\(([^()]*)\)", r"sqrt{\1}", text)
    text = re.sub(r"_(\w+)", r"_{\1}", text)
    for sign, latex in _SIGNS.items():
        text = text.replace(sign, latex)
    text = re.sub(r"\s\*\s", r"\,", text)
    return re.sub(r"[A-Za-z]+", lambda word: f"{_NAMES[word[0]]} " if word[0] in _NAMES else word[0], text)
