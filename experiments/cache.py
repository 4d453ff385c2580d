"""Where files are kept between runs that are nobody's results."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "keep_out_of_the_way"]


def cache_folder() -> Path:
    """Return the user's folder for this project in the cache folder of the system; it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "metaregret"


def keep_out_of_the_way() -> None:
    """Let Hypothesis keep what it learns about the sources in the cache folder, unless its own variable says
    where; by default it would write into the current folder."""
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache_folder() / "hypothesis"))
