"""Formulas of docstrings and of short texts, typed in ASCII, as LaTeX: so that no page shows them so."""

from __future__ import annotations

import re

__all__ = ["latex_of", "typeset"]

_GREEK = ("rho", "pi", "theta", "tau", "alpha", "gamma", "delta", "lambda", "mu", "phi")
_OPERATORS = ("sum", "prod", "min", "max", "log", "exp", "sqrt", "sup")
_UPRIGHT = ("Reg", "KL", "argmax", "floor", "sign", "loss", "radius")
_WORDS = ("leaf", "root", "for", "all", "every", "uniform", "row", "roots", "reachable", "blind", "memory",
          "memoryless", "minimax", "not", "found", "now")  # fmt: skip
_NAMES = {
    **{name: rf"\{name}" for name in (*_GREEK, *_OPERATORS)},
    **{name: rf"\mathrm{{{name}}}" for name in _UPRIGHT},
    **{name: rf"\text{{ {name} }}" for name in _WORDS},
    "eps": r"\varepsilon",
    "inf": r"\infty",
    "infimum": r"\inf",
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
    text = re.sub(r"(?:\*\*|\^)\(([^()]*)\)", r"^{\1}", text)
    text = re.sub(r"\*\*(\w+)", r"^{\1}", text)
    text = re.sub(r"\binf(?=_)", "infimum", text)
    text = re.sub(r"sqrt\(([^()]*)\)", r"sqrt{\1}", text)
    text = re.sub(r"_(\w+'?)", r"_{\1}", re.sub(r"\bmu0", "mu_0", text))
    text = re.sub(r"\s\.\s", r" \\cdot ", text)
    for sign, latex in _SIGNS.items():
        text = text.replace(sign, latex)
    text = re.sub(r"\s\*\s", r"\,", text)
    return re.sub(r"[A-Za-z]+", lambda word: f"{_NAMES[word[0]]} " if word[0] in _NAMES else word[0], text)


_ATOM = re.compile(
    rf"(?:(?<![A-Za-z])(?:{'|'.join(_GREEK)}|sum|max|min|Reg|exp(?=\()|inf|[A-Za-z])"
    r"(?![A-Za-z0-9.])|_max|_min|\d+|\.\.|[-+*/=<>|()_^'∝])+"
)
"""A word that can be part of a formula."""

_TELLING = re.compile(rf"{'|'.join(_GREEK)}|(?<![A-Za-z])[B-HJ-Zb-z](?![A-Za-z])|\^")
"""What makes a formula of such words; "a", "A" and "I" are words, and so are numbers."""


def typeset(text: str) -> str:
    """Return a text with its formulas between dollar signs, as LaTeX: "K for $K - 1$"."""
    done, run = [], ""
    pieces = re.split(r"(\s+|[,;:.]+(?=\s|$)(?<!\b[A-Z]\.))", text) if "$" not in text else [text]
    for piece in filter(None, pieces):
        inside = piece in (",", ";") and run.count("(") > run.count(")")
        if _ATOM.fullmatch(piece) or (run and piece == " ") or inside:
            run += piece
        else:
            done += [*_formula(run), piece]
            run = ""
    return "".join([*done, *_formula(run)])


def _formula(run: str) -> list[str]:
    """A run of such words: what stands around a formula, the formula, and the rest."""
    article = re.match(r"(?:[aA] (?![-+/=<>])|sum $)?", run)
    before, core = (article[0], run[article.end() :]) if article else ("", run)
    rest = core[len(core.rstrip()) :]
    core = core.rstrip()
    if core.startswith("(") and ")" not in core:
        before, core = before + core[0], core[1:]
    elif core.count("(") > core.count(")"):
        core, rest = core[: core.rindex("(")], core[core.rindex("(") :] + rest
        rest, core = core[len(core.rstrip()) :] + rest, core.rstrip()
    elif core.count("(") < core.count(")"):
        core, rest = core[:-1], core[-1] + rest
    told = _TELLING.search(core) or re.search(r"[-+/=<>] ", core)
    latex = latex_of(core) if core and told else None
    return [before, core if latex is None else f"${latex.strip()}$", rest]
