r"""The report for a paper: ``theorems.tex``, a table for the appendix, and ``numbers.tex``, a macro a number.

A macro's name is made of letters only, as LaTeX demands: ``\metaregretTFourInstances`` for the instances of
T04, ``\metaregretCOneMinimaxRegret`` for a fact of C01's witness.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from metaregret.tabular.documents import write_text

__all__ = ["escaped", "number_macros", "theorem_table", "write_latex"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    "“": "``",
    "”": "''",
    '"': "''",
    "`": r"\textquoteleft{}",
    **{character: f"\\{character}" for character in "{}$&#%_"},
    "∝": r"\ensuremath{\propto}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "∞": r"\ensuremath{\infty}",
    "−": r"\ensuremath{-}",
    "–": "--",
    "’": "'",
    "ρ": r"\ensuremath{\rho}",
    "γ": r"\ensuremath{\gamma}",
}
_UNIT_WORDS = """Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen Fourteen
Fifteen Sixteen Seventeen Eighteen Nineteen"""
_UNITS = _UNIT_WORDS.split()
_TENS = ["Zero", "Ten", "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"]


def write_latex(document: Mapping[str, Any], folder: Path) -> None:
    """Write ``theorems.tex`` and ``numbers.tex`` of a ``metaregret-report/1`` document."""
    write_text(folder / "theorems.tex", theorem_table(document))
    write_text(folder / "numbers.tex", number_macros(document))


def escaped(text: str) -> str:
    """Return text as LaTeX that shows it; characters that a plain font lacks become a question mark."""
    paired = re.sub(r'"([^"]*)"', r"“\1”", text)
    spelled = "".join(_SPECIAL.get(character, character) for character in paired)
    return "".join(
        character if character.isascii() and character.isprintable() else "?" for character in spelled
    )


def theorem_table(document: Mapping[str, Any]) -> str:
    """Return the tables of theorems and controls; they need the packages booktabs and longtable."""
    lines = [
        "% Made by: metaregret verify --report. Needs \\usepackage{booktabs,longtable,array}.",
        f"% metaregret {escaped(str(document['version']))}, seed {document['seed']}",
    ]
    if document["theorems"]:
        lines += _longtable(
            "theorems",
            "Theorems, each verified by independent methods.",
            r"p{0.36\linewidth}l>{\raggedright\arraybackslash}p{0.22\linewidth}rr",
            "Theorem & Verdict & Methods & Instances & Margin",
            [_theorem_line(row) for row in document["theorems"]],
        )
    if document["controls"]:
        lines += _longtable(
            "controls",
            "Negative controls, each refuted by an exact witness.",
            r"p{0.4\linewidth}>{\raggedright\arraybackslash}p{0.34\linewidth}l",
            "False claim & Dropped & Verdict",
            [_control_line(row) for row in document["controls"]],
        )
    return "\n".join(lines) + "\n"


def _longtable(name: str, caption: str, columns: str, heads: str, rows: list[str]) -> list[str]:
    """A table over pages, its head repeated; the first column holds identifiers."""
    return [
        rf"\begin{{longtable}}{{@{{}}l>{{\raggedright\arraybackslash}}{columns}@{{}}}}",
        rf"\caption{{{caption}}}\label{{tab:metaregret-{name}}}\\",
        r"\toprule",
        rf"& {heads} \\",
        r"\midrule\endfirsthead",
        rf"\toprule & {heads} \\ \midrule\endhead",
        r"\bottomrule\endfoot",
        *rows,
        r"\end{longtable}",
    ]


def _theorem_line(row: Mapping[str, Any]) -> str:
    groups = ", ".join(dict.fromkeys(str(method["group"]) for method in row["methods"]))
    margin = "0 (exact)" if row["margin"] == 0 else _spelled(row["margin"])
    cells = (row["uid"], row["title"], row["verdict"].lower(), groups)
    return " & ".join([*map(escaped, cells), str(row["instances"]), margin]) + r" \\"


def _control_line(row: Mapping[str, Any]) -> str:
    cells = (row["uid"], row["title"], row["drops"], row["verdict"].lower())
    return " & ".join(map(escaped, cells)) + r" \\"


def number_macros(document: Mapping[str, Any]) -> str:
    r"""Return one ``\newcommand`` for every number of the report; no two have the same name."""
    lines, taken = ["% Made by: metaregret verify --report."], set()
    for name, value in _numbers(document):
        macro = unique = f"metaregret{name}"
        repeat = 2
        while unique in taken:  # two names that differ in punctuation only
            unique, repeat = f"{macro}Again{_counted(repeat)}", repeat + 1
        taken.add(unique)
        lines.append(f"\\newcommand{{\\{unique}}}{{{_spelled(value)}}}")
    return "\n".join(lines) + "\n"


def _numbers(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "Seed", document["seed"]
    yield "InstancesAsked", document["settings"]["instances"]
    for key, value in document["summary"].items():
        if not isinstance(value, bool):
            yield _camel(key), value
    for row in document["theorems"]:
        yield from _theorem_numbers(row)
    for row in document["controls"]:
        name = _camel(row["uid"])
        yield f"{name}Seconds", row["seconds"]
        for key, value in (row["facts"] or {}).items():
            yield from _fact(f"{name}{_camel(key)}", value)
    for row in document["processes"]:
        yield from _process_numbers(f"Process{_camel(row['process'])}", row)


def _theorem_numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    name = _camel(row["uid"])
    for key in ("instances", "margin", "seconds"):
        yield f"{name}{key.capitalize()}", row[key]
    yield f"{name}Planted", len(row["planted"])
    yield f"{name}PlantedCaught", sum(error["caught"] for error in row["planted"])
    for position, method in enumerate(row["methods"], start=1):
        for key in ("instances", "margin", "seconds"):
            yield f"{name}Method{_counted(position)}{key.capitalize()}", method[key]


def _fact(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for position, item in enumerate(value, start=1):
            yield from _fact(f"{name}{_counted(position)}", item)
    elif _is_number(value):
        yield name, value


def _process_numbers(name: str, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("horizon", "states", "goals", "proposal_regret", "gap"):
        if row[key] is not None:
            yield f"{name}{_camel(key)}", row[key]
    for key in ("lower", "upper"):
        yield f"{name}MinimaxRegret{key.capitalize()}", row["minimax_regret"][key]
        yield f"{name}MutualInformation{key.capitalize()}", row["mutual_information"][key]
    for key, value in row["distance_to_uniform"].items():
        yield f"{name}DistanceToUniform{_camel(key)}", value


def _is_number(value: Any) -> bool:
    text = str(value)
    return not isinstance(value, bool) and bool(re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?(/\d+)?|-?inf", text))


def _camel(name: str) -> str:
    """Letters only: words capitalised, whole numbers in words, everything else left out."""
    words = re.findall(r"[A-Za-z]+|\d+", name)
    spelled = [_counted(int(w)) if w.isdigit() else w[0].upper() + w[1:] for w in words]
    return "".join(spelled) or "Unnamed"


def _counted(number: int) -> str:
    """A whole number in English words without spaces; from a thousand on, digit by digit."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (_UNITS[rest] if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_UNITS[hundreds]}Hundred" + (_counted(rest) if rest else "")
    return "".join(_UNITS[int(digit)] for digit in str(number))


def _spelled(value: Any) -> str:
    """A number as LaTeX, in text or in mathematics; six significant digits."""
    if value is None:
        return "--"
    if isinstance(value, str):
        value = Fraction(value) if re.fullmatch(r"-?\d+(/\d+)?", value) else float(value)
    if isinstance(value, (int, Fraction)):
        return str(value) if value >= 0 and Fraction(value).denominator == 1 else rf"\ensuremath{{{value}}}"
    digits, _, exponent = f"{value:.6g}".replace("inf", r"\infty").partition("e")
    if exponent:
        digits = rf"{digits}\times 10^{{{int(exponent)}}}"
    return digits if math.isfinite(value) and value >= 0 and not exponent else rf"\ensuremath{{{digits}}}"
