"""Write ``docs/explanation/atlas.md`` and its pictures from the claims: ``python
docs/_extensions/atlas_page.py``."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from metaregret.experiments.report.html.plain_formula import latex_of, typeset
from metaregret.experiments.report.html.witness import draw_witness
from metaregret.theory.claims import Published, Verdict, atlas, load_witness
from metaregret.theory.claims.registry import explanation

PAGE = Path(__file__).resolve().parents[1] / "explanation" / "atlas.md"
PICTURES = PAGE.parents[1] / "images" / "atlas"
WIDEST = 420.0
"""Width of a picture, in pixels."""

STYLE = """text{font:12px sans-serif;fill:#1d1c1a}.cell{fill:#fff;stroke:#5c5850}.shade,.bar{fill:#2c6fb3}
.start{fill:none;stroke:#1d1c1a;stroke-width:1.5}.share{font-weight:600;font-size:14px}.label{fill:#5c5850;stroke:#fff;stroke-width:3px;paint-order:stroke}
.arrow,.axis{fill:none;stroke:#5c5850;stroke-width:1.4}.head{fill:#5c5850}"""

HEAD = """# An atlas of published claims

What papers of the field say about finite processes, in our own words, decided exactly: what holds, by
independent methods whose planted errors are caught; and where it stops, by a stored witness that is
replayed in rational arithmetic. "In the spirit of" marks a claim that the source suggests and does not
state. This page is generated from the claims; `metaregret verify atlas` checks them all, `metaregret verify
A12` one, `mr.verify("atlas")` the same from Python.

"""

TAIL = """
## Submit the next

1. Copy `theory/atlas/_template.py` to `aNN_<slug>.py`. State the claim in your own words, with authors,
   title, year and place; say under `finite` what was made finite or exact, and what is therefore not
   judged. Attribute to a paper only what you read there.
2. `published(...)` takes the claim, or what repairs it (`holds`), with at least two methods of different
   groups and three planted errors by name; and the claim without its assumption, or the false claim itself
   (`fails`). [How to add a theorem](../how-to/add-a-theorem.md) has the parts of both. Pictures of the
   witnesses are drawn by the report's renderer.
3. Look for the witness with `mr.search(claim, domain=...)`, which makes it small inside the domain; replay
   it with the standard library in `refute`, and store it in `theory/atlas/witnesses/aNN.json` with
   `metaregret.theory.claims.store_witness`.
4. Run `metaregret verify ANN` and `python docs/_extensions/atlas_page.py`. A claim that is not part of the
   project runs with `metaregret verify --new FILE`.
"""


def page() -> str:
    """Return the page."""
    rows = [
        "| | claim | source | verdict | needs |",
        "|---|---|---|---|---|",
        *map(_row, atlas().values()),
    ]
    return HEAD + "\n".join(rows) + "\n" + "".join(map(_section, atlas().values())) + TAIL


def _row(item: Published) -> str:
    cells = (
        f"[{item.uid}](#{_slug(item)})",
        item.title,
        item.source,
        item.expected.name,
        typeset(item.needs),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _drawing(item: Published) -> tuple[str, str] | None:
    """Return the caption and the markup of the first drawing of the witness, as in the report."""
    witness = load_witness(item.uid)
    drawn = draw_witness(witness, item.fails.refute(witness) or {})
    return (drawn[0][0], str(drawn[0][1])) if drawn else None


def pictures() -> Mapping[Path, str]:
    """Return the pictures of the witnesses by path: small, and with a style of their own."""
    found = {}
    for item in atlas().values():
        drawn = _drawing(item)
        if drawn:
            width, height = (float(size) for size in re.findall(r'(?:width|height)="([\d.]+)"', drawn[1])[:2])
            scale = min(1.0, WIDEST / width)
            size = f'width="{scale * width:.0f}" height="{scale * height:.0f}"'
            small = re.sub(r'width="[\d.]+" height="[\d.]+"', size, drawn[1], count=1)
            found[PICTURES / f"{item.uid.lower()}.svg"] = (
                small.replace(">", f"><style>{STYLE}</style>", 1) + "\n"
            )
    return found


def _heading(item: Published) -> str:
    return f"{item.uid} {item.title}"


def _slug(item: Published) -> str:
    return re.sub(r"[^\w -]", "", _heading(item).lower()).replace(" ", "-")


def _section(item: Published) -> str:
    blocks = re.sub(r"^.*\n-{3,}\n", "", explanation(item), flags=re.MULTILINE).split("\n\n")[1:]
    words = [textwrap.fill(_marked(" ".join(block.split())), 125).replace("\0", " ") for block in blocks]
    facts = item.fails.refute(load_witness(item.uid)) or {}
    shown = [f"- {typeset(key)}: {_spelled(value)}" for key, value in facts.items()]
    drawn = _drawing(item)
    kind = "Its repair" if item.expected is Verdict.REFUTED else "Checked"
    methods = ", ".join(f"{method.name} ({method.group.value})" for method in item.holds.methods)
    return "\n".join(
        [
            f"\n## {_heading(item)}\n",
            f"**{item.expected.name}** · {item.source}\n",
            f"$$\n{item.statement}\n$$\n",
            "\n\n".join(words),
            "",
            f"**Made finite:** {typeset(item.finite)}",
            "",
            f"**Needs:** {typeset(item.needs)}.",
            "",
            f"**{kind}:** {typeset(item.holds.title)} ({item.holds.expected.name}: {methods}).",
            "",
            f"**Refuted:** {typeset(item.fails.title)}. The witness:",
            "",
            *shown,
            "",
            *([f"![{drawn[0]}](../images/atlas/{item.uid.lower()}.svg)", ""] if drawn else []),
        ]
    )


def _marked(text: str) -> str:
    """Words of a docstring: formulas between double backquotes as mathematics, other code as code."""
    parts = re.split(r"``(.+?)``", text)
    parts[::2] = map(typeset, parts[::2])
    parts[1::2] = (f"${tex}$" if (tex := latex_of(code)) else f"`{code}`" for code in parts[1::2])
    return re.sub(r"\$.*?\$", lambda tex: tex[0].replace(" ", "\0"), "".join(parts))  # no line ends inside


def _spelled(value: object) -> str:
    return "(" + ", ".join(map(_spelled, value)) + ")" if isinstance(value, list) else typeset(str(value))


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for path, text in {PAGE: page(), **pictures()}.items():
        path.write_text(text, encoding="utf-8")
