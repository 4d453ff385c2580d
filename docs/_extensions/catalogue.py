"""Directives that show what the code says: claims with their evidence, JSON Schemas."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from metaregret.experiments.report.html.mathml import statement
from metaregret.experiments.report.html.plain_formula import latex_of, typeset
from metaregret.theory.claims import Control, Theorem
from metaregret.theory.claims.registry import controls, theorems


class Claim(SphinxDirective):
    """``{claim} T03``: statement, verdict, source and methods of a theorem or control, as registered."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        uid = self.arguments[0]
        claims: dict[str, Theorem | Control] = {**theorems(), **controls()}
        if uid not in claims:
            raise self.error(f"There is no claim {uid}; there are {', '.join(claims)}.")
        claim = claims[uid]
        shown = statement(claim.statement)
        if "<math" not in shown:
            raise self.error(f"The statement of {uid} cannot be converted to MathML.")
        box = nodes.container(classes=["claim"])
        scrolling = f'class="statement" tabindex="0" role="group" aria-label="statement of {uid}"'
        box += nodes.raw("", f"<div {scrolling}>{shown}</div>", format="html")
        self.state.nested_parse(StringList(self._facts(claim), source=f"claim {uid}"), 0, box)
        return [box]

    def _facts(self, claim: Theorem | Control) -> list[str]:
        lines = []
        if isinstance(claim, Control):
            lines += [
                f"**False without:** {typeset(claim.drops)}. Refuted by a stored witness, replayed exactly."
            ]
            return [*lines, "", f"**Source:** {claim.source}."]
        kind = "" if claim.source.startswith(claim.kind.value) else f"{claim.kind.value} · "
        lines += [f"**{claim.expected.name}** · {kind}{typeset(claim.source)}", ""]
        if claim.assumptions:
            lines += [f"**Assumes:** {typeset('; '.join(a.sentence for a in claim.assumptions))}.", ""]
        lines += ["::::{dropdown} What checks it", ""]
        for method in claim.methods:
            general = f", general: {typeset(method.general)}" if method.general else ""
            lines += [f"- {typeset(method.name)} ({method.group.value}{general})"]
            if method.prose:
                lines += [f"  - in prose, for a reader to check: {typeset(method.prose)}"]
        wrong = "; ".join(typeset(planted.name) for planted in claim.planted)
        return [*lines, "", f"Wrong variants that these methods catch: {wrong}.", "", "::::"]


class Claims(SphinxDirective):
    """``{claims}``: a table of all claims with links to their pages."""

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir) / "explanation"
        anchors = {
            match[1]: f"../{path.relative_to(folder)}#{_slug(match[0].lstrip('# '))}"
            for path in sorted(folder.rglob("*.md"))
            for match in re.finditer(r"^#+ ([TC]\d\d) .*$", path.read_text(), re.MULTILINE)
        }
        lines = ["| | claim | verdict |", "|---|---|---|"]
        for uid, theorem in theorems().items():
            lines.append(f"| [{uid}]({anchors[uid]}) | {theorem.title} | {theorem.expected.name} |")
        for uid, control in controls().items():
            lines.append(f"| [{uid}]({anchors[uid]}) | {control.title} | refuted, as it must be |")
        box = nodes.container()
        self.state.nested_parse(StringList(lines, source="claims"), 0, box)
        return [box]


def _slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


class Schema(SphinxDirective):
    """``{schema} solution``: the fields of ``docs/schemas/solution.json`` as a table."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "schemas" / f"{self.arguments[0]}.json"
        self.env.note_dependency(str(path))
        schema = json.loads(path.read_text())
        lines = [schema["description"], "", "| field | type | meaning |", "|---|---|---|"]
        required = set(schema.get("required", ()))
        for name, field in schema["properties"].items():
            mark = "" if name in required else " (optional)"
            lines.append(f"| `{name}`{mark} | {_type(field)} | {field.get('description', '')} |")
        lines += ["", f"{{download}}`JSON Schema </schemas/{path.name}>`"]
        box = nodes.container()
        self.state.nested_parse(StringList(lines, source=str(path)), 0, box)
        return [box]


def _type(field: dict[str, Any]) -> str:
    if "const" in field:
        return f'`"{field["const"]}"`'
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    for key in ("anyOf", "oneOf"):
        if key in field:
            return " or ".join(dict.fromkeys(map(_type, field[key])))
    kind = field.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else kind


def _as_typed(app: Sphinx, ctx: Any, lines: list[str]) -> None:
    """Show what a help text sets line by line (after a title, indented) as code, so that it can be copied."""
    out: list[str] = []
    for line in lines:
        if not line.startswith("|"):
            out.append(line)
        elif line[1:3] == "  ":
            out.append("   " + line[4:])
        else:
            out += ["", line[2:].rstrip(":") + "::", ""]
    lines[:] = out


def _formulas(app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Show the formulas of a docstring, typed as code, as mathematics; shapes, names and words stay code."""

    def shown(code: re.Match[str]) -> str:
        text = " ".join(code[1].split())
        shape = re.fullmatch(r"\(\w(, \w)*,?\)", text)
        latex = None if shape or not re.search(r"[-=<>^*+/|]|\w_|^\w\'?$|^mu|^tau", text) else latex_of(text)
        return code[0] if latex is None else f":math:`{latex.strip()}`"

    lines[:] = re.sub(r"``(.+?)``", shown, "\n".join(lines), flags=re.DOTALL).split("\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("claim", Claim)
    app.add_directive("claims", Claims)
    app.add_directive("schema", Schema)
    app.connect("autodoc-process-docstring", _formulas)
    app.connect("sphinx-click-process-description", _as_typed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
