"""The build: all is declared in pyproject.toml; here only the links of `src/metaregret` are checked."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup

PACKAGE = Path(__file__).parent / "src" / "metaregret"

lost = [
    name for name in ("tabular", "theory", "experiments") if not (PACKAGE / name / "__init__.py").is_file()
]
if lost:
    sys.exit(
        f"metaregret cannot be built: src/metaregret/{lost[0]} is no link to {lost[0]}/ (a checkout "
        "without symbolic links). Remedy: git config core.symlinks true && git checkout -- src/metaregret "
        "(on Windows with developer mode on), or install the published wheel."
    )

setup()
