"""The site: `make docs` builds it, offline, with every warning an error."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from metaregret.experiments.runs.provenance import version_of

project = "metaregret"
author = copyright = "The metaregret developers"
release = version = version_of("metaregret")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_click",
    "sphinx_design",
    "mathml",
    "catalogue",
]
exclude_patterns = ["_build", "_extensions", "examples"]

# Notebooks are Markdown, all executed; METAREGRET_DOCS=quick only those whose text has changed.
nb_execution_mode = "cache" if os.environ.get("METAREGRET_DOCS") == "quick" else "force"
nb_execution_cache_path = str(Path(__file__).parents[1] / "build" / "notebooks")
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_execution_in_temp = True
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Kernels warn that they talk over TCP, which stays on this machine; with a profile of the build's own only
# errors are shown.
_profile = Path(tempfile.mkdtemp(prefix="metaregret-docs-"), "profile_default")
_profile.mkdir()
(_profile / "ipython_kernel_config.py").write_text('get_config().IPKernelApp.log_level = "ERROR"\n')
os.environ["IPYTHONDIR"] = str(_profile.parent)
atexit.register(shutil.rmtree, _profile.parent, ignore_errors=True)

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
smartquotes_action = "qe"  # dashes stay: options begin with two
suppress_warnings = ["mystnb.unknown_mime_type"]

autosummary_generate = False
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
add_module_names = False

# Inventories of other projects are read where there is a network; the site is whole without them.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "hypothesis": ("https://hypothesis.readthedocs.io/en/latest", None),
    }
    if os.environ.get("METAREGRET_DOCS_ONLINE")
    else {}
)

highlight_language = "none"  # blocks without a language are mostly commands
html_theme = "pydata_sphinx_theme"
html_title = "metaregret"
html_static_path = ["_static", "../experiments/report/html/templates/math.css"]
html_css_files = ["math.css", "style.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_context = {"default_mode": "auto"}
html_sidebars = {"start": [], "changelog": []}
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "footer_start": ["sphinx-version"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
