"""Write ``docs/explanation/atlas.md`` from the claims: ``python docs/_extensions/atlas_page.py``."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from metaregret.theory.claims import Published, Verdict, atlas, load_witness
from metaregret.theory.claims.registry import explanation

PAGE = Path(__file__).resolve().parents[1] / "explanation" / "atlas.md"

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
2. `holds` is the claim, or what repairs it, with at least two methods of different groups and three planted
   errors; `fails` is the claim without its assumption, or the false claim itself. [How to add a
   theorem](../how-to/add-a-theorem.md) has the parts of both.
3. Look for the witness with `mr.search(claim, domain=...)`, which makes it small inside the domain; replay
   it with the standard library in `refute`, and store it in `theory/atlas/witnesses/aNN.json` with
   `metaregret.theory.claims.store_witness`.
4. Run `metaregret verify ANN` and `python docs/_extensions/atlas_page.py`. A claim that is not part of the
   project runs with `metaregret verify --new FILE`.
"""


def page() -> str:
    """Return the page."""
    rows = ["| | claim | source | verdict | needs |", "|---|---|---|---|---|", *map(_row, atlas().values())]
    return HEAD + "\n".join(rows) + "\n" + "".join(map(_section, atlas().values())) + TAIL


def _row(item: Published) -> str:
    cells = (f"[{item.uid}](#{_slug(item)})", item.title, item.source, item.expected.name, item.needs)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _heading(item: Published) -> str:
    return f"{item.uid} {item.title}"


def _slug(item: Published) -> str:
    return re.sub(r"[^\w -]", "", _heading(item).lower()).replace(" ", "-")


def _section(item: Published) -> str:
    blocks = re.sub(r"^.*\n-{3,}\n", "", explanation(item), flags=re.MULTILINE).split("\n\n")[1:]
    words = [textwrap.fill(" ".join(block.split()).replace("``", "`"), 125) for block in blocks]
    facts = item.fails.refute(load_witness(item.uid)) or {}
    shown = [f"- {key}: {_spelled(value)}" for key, value in facts.items()]
    kind = "Its repair" if item.expected is Verdict.REFUTED else "Checked"
    methods = ", ".join(f"{method.name} ({method.group.value})" for method in item.holds.methods)
    return "\n".join(
        [
            f"\n## {_heading(item)}\n",
            f"**{item.expected.name}** · {item.source}\n",
            f"$$\n{item.statement}\n$$\n",
            "\n\n".join(words),
            "",
            f"**Made finite:** {item.finite}",
            "",
            f"**Needs:** {item.needs}.",
            "",
            f"**{kind}:** {item.holds.title} ({item.holds.expected.name}: {methods}).",
            "",
            f"**Refuted:** {item.fails.title}. The witness:",
            "",
            *shown,
            "",
        ]
    )


def _spelled(value: object) -> str:
    return "(" + ", ".join(map(_spelled, value)) + ")" if isinstance(value, list) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
