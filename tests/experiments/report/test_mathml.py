"""Statements as MathML: every statement of the project converts, nothing hostile gets through."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.experiments.report.html.mathml import formula, prose, statement
from metaregret.experiments.report.html.plain_formula import latex_of, typeset
from metaregret.theory.claims import controls, theorems

CLAIMS = {**theorems(), **controls()}
MATH = "{http://www.w3.org/1998/Math/MathML}"


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{markup.replace('<wbr>', '')}</div>")


@pytest.mark.parametrize("uid", CLAIMS)
def test_every_statement_becomes_mathml(uid: str):
    shown = parsed(statement(CLAIMS[uid].statement))
    assert shown.find(f".//{MATH}math") is not None
    assert shown.find(".//code") is None, "a part was not understood"
    assert "\\" not in "".join(shown.itertext()), "a command was not understood"


ARITY = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}


@pytest.mark.parametrize("uid", CLAIMS)
def test_scripts_and_fractions_have_their_parts(uid: str):
    """A browser shows a fraction with three children as a row, silently."""
    for element in parsed(statement(CLAIMS[uid].statement)).iter():
        name = element.tag.removeprefix(MATH)
        assert len(element) == ARITY.get(name, len(element)), ElementTree.tostring(element)


def test_limits_stand_below():
    shown = parsed(formula(r"\arg\min_{\rho\in M}\max_p x"))
    bases = ["".join(under[0].itertext()) for under in shown.iter(f"{MATH}munder")]
    assert bases == ["arg\u00a0min", "max"]


def test_words_are_one_identifier_and_letters_are_not_joined():
    texts = [mi.text for mi in parsed(formula(r"\mathrm{Reg}_N + K v")).iter(f"{MATH}mi")]
    assert texts == ["Reg", "N", "K", "v"]


def test_calligraphic_letters_are_their_own_characters():
    assert "𝒫" in formula(r"\mathcal P")
    assert "ℋ" in formula(r"\mathcal H")


def test_row_spacing_is_no_content():
    shown = formula(r"\begin{cases}1&a\\[1ex]2&b\end{cases}")
    assert "ex" not in shown
    assert shown.count("<mtr") == 2


def test_breaks_are_outside_of_brackets():
    shown = statement(r"(a=b)\Rightarrow\{x=y\}\qquad c=d")
    assert shown.count('class="clause"') == 2
    assert [len(re.findall("<math", clause)) for clause in shown.split('class="clause"')[1:]] == [2, 2]


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=x>', "&lt;", "a & b", "\\text{<b>}", "]]>"]
WRAPS = ["{}", r"\text{{{}}}", r"x=\text{{{}}}", r"\mathrm{{{}}}", r"\frac{{{}}}{{2}}"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("wrap", WRAPS)
def test_markup_stays_text(text: str, wrap: str):
    shown = parsed(statement(wrap.format(text)))
    names = {element.tag.removeprefix(MATH) for element in shown.iter()}
    assert not names & {"script", "img", "b", "a", "style"}
    assert all(not key.startswith("on") for element in shown.iter() for key in element.attrib)


@given(st.text(alphabet=r"\{}()[]&<>$^_=ab1 ,'" + '"', max_size=40))
def test_any_text_gives_well_formed_markup(text: str):
    names = {element.tag.removeprefix(MATH) for element in parsed(statement(text)).iter()}
    assert "script" not in names


def test_prose_with_mathematics():
    shown = prose("It is $x_1$ <b>here</b>.")
    assert shown.startswith('It is <span class="inline"><math')
    assert "&lt;b&gt;" in shown
    assert prose("5 $ each") == "5 $ each"


@pytest.mark.parametrize(
    ("code", "latex"),
    [
        ("t* = 1 / K", "t^* = 1 / K"),
        ("v*_g", "v^*_{g}"),
        ("K * v", r"K\,v"),
        ("(1 - rho)**N", r"(1 - \rho )^{N}"),
        ("sum_h sqrt(q_h) <= 1", r"\sum _{h} \sqrt {q_{h}} \le  1"),
        ("max_{rho in M} f(rho)", r"\max _{\rho  \in  M} f(\rho )"),
        ("{p <= q}", r"\{p \le  q\}"),
    ],
)
def test_formulas_typed_as_code_are_mathematics(code: str, latex: str):
    found = latex_of(code)
    assert found is not None
    assert re.sub(r"\s+", " ", found) == re.sub(r"\s+", " ", latex)
    assert "<math" in formula(found)


@pytest.mark.parametrize(
    "code", ["metaregret verify T04", "theory/regret.py", "property_claim(uid)", "x.lower"]
)
def test_code_is_left_as_code(code: str):
    assert latex_of(code) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("K - 1 for K + v - 1", "$K - 1$ for $K + v - 1$"),
        ("sum v without - 1", r"$\sum v$ without $- 1$"),
        ("v_max for v_min", r"$v_{\max }$ for $v_{\min }$"),
        ("all tau* and N; then more", r"all $\tau ^*$ and $N$; then more"),
        ("reached for sure (v* = 1).", "reached for sure $(v^* = 1)$."),
        ("nothing; at most |S| skills, (M is compact)", "nothing; at most $|S|$ skills, ($M$ is compact)"),
        ("maximises I(s; z), all k (0-1 rewards)", "maximises $I(s; z)$, all $k$ (0-1 rewards)"),
        ("that 2 gamma / (1 - gamma) is sharp", r"that $2 \gamma / (1 - \gamma )$ is sharp"),
        ("(25/16)^(1/2)", "$(25/16)^{1/2}$"),
    ],
)
def test_formulas_in_short_texts_are_mathematics(text: str, shown: str):
    found = typeset(text)
    assert re.sub(r"\s+", " ", found) == shown
    assert all("<math" in formula(latex) for latex in found.split("$")[1::2])


@pytest.mark.parametrize(
    "text",
    [
        "T. M. Cover & J. A. Thomas, Elements of Information Theory, thm 2.6.4",
        "the sum over pairs; a sum of squares, min for max, the best A",
        "a claim of T04 and A07, i.e. a bound; 1/2 of two-sided, (see C05)",
        "costs $5 a month",
    ],
)
def test_words_are_left_as_words(text: str):
    assert typeset(text) == text
