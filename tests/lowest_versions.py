"""Print the lowest versions that pyproject.toml declares, as constraints for pip (`make test-lowest`)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

__all__ = ["lowest_versions"]

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
USED = ("learn", "dask", "supervised")
"""The extras that are tested; test tools themselves are the newest."""


def lowest_versions(project: dict[str, object]) -> list[str]:
    """Return ``name==version`` for every requirement ``name>=version`` of the project and its tested
    extras."""
    extras = project["optional-dependencies"]
    assert isinstance(extras, dict)
    declared = project["dependencies"]
    assert isinstance(declared, list)
    lines = [*declared, *(line for name in USED for line in extras[name])]
    found = (re.fullmatch(r"([\w-]+)>=([\w.]+)", line) for line in lines)
    return [f"{match[1]}=={match[2]}" for match in found if match]


if __name__ == "__main__":
    print("\n".join(lowest_versions(tomllib.loads(PROJECT.read_text())["project"])))
