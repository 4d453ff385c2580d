"""The report as a folder of static pages: no scripts, no network, both colour schemes."""

from __future__ import annotations

from metaregret.experiments.report.html.figures import read_figures
from metaregret.experiments.report.html.site import write_site

__all__ = ["read_figures", "write_site"]
