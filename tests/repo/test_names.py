"""Names of test files are unique across folders: pytest imports them by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

TESTS = Path(__file__).parents[1]


def repeated(paths: Iterable[Path]) -> list[str]:
    """Names that more than one path has."""
    return sorted(name for name, count in Counter(path.name for path in paths).items() if count > 1)


def test_no_name_of_a_test_file_is_taken_twice() -> None:
    assert repeated(TESTS.rglob("test_*.py")) == []


def test_a_name_taken_twice_is_noticed() -> None:
    assert repeated([Path("a/test_x.py"), Path("b/test_x.py"), Path("b/test_y.py")]) == ["test_x.py"]
