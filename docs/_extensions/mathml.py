"""Formulas of the site as MathML, so that its pages need neither scripts nor a network."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from metaregret.experiments.report.html.mathml import formula


def _shown(self: Any, node: nodes.Element, latex: str, display: bool) -> str:
    shown = formula(latex, display=display)
    if "<math" not in shown:
        raise ValueError(f"{node.source}: this formula cannot be converted to MathML: {latex}")
    return str(shown)


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{_shown(self, node, node.astext(), False)}</span>')
    raise nodes.SkipNode


def _block(self: Any, node: nodes.math_block) -> None:
    # The tab stop lets the keyboard scroll a formula that is wider than the page.
    body = _shown(self, node, node.astext(), True)
    self.body.append(f'<div class="math formula" tabindex="0" role="group" aria-label="formula">{body}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name "mathml"."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
