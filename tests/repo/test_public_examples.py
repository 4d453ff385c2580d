"""Every public name has an example, and every example says what happens."""

from __future__ import annotations

import doctest
import inspect

import pytest

import metaregret as mr
from metaregret.theory import plotting

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _examples(item: object, name: str) -> list[doctest.DocTest]:
    """The example of the docstring of one object, its methods left out."""
    found = doctest.DocTestParser().get_doctest(
        inspect.getdoc(item) or "",
        dict(vars(inspect.getmodule(item) or item)),
        name,
        inspect.getsourcefile(item),
        0,
    )
    return [found] if found.examples else []


@pytest.mark.parametrize("name", mr.__all__)
def test_every_public_name_has_an_example_that_runs(name: str):
    tests = _examples(getattr(mr, name), name)
    assert tests, f"{name} has no example: add a section Examples to its docstring."
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=FLAGS).run(tests[0], out=said.append)
    assert not failed.failed, "".join(said)


def test_a_docstring_without_an_example_is_noticed():
    def bare() -> None:
        """Do nothing."""

    assert not _examples(bare, "bare")


def test_a_wrong_example_is_noticed():
    def wrong() -> None:
        """Do nothing.

        >>> 1 + 1
        3
        """

    (example,) = _examples(wrong, "wrong")
    assert doctest.DocTestRunner(optionflags=FLAGS).run(example, out=lambda text: None).failed


@pytest.mark.parametrize("name", plotting.__all__)
def test_what_plotting_offers_is_documented(name: str):
    item = getattr(plotting, name)
    assert not callable(item) or inspect.getdoc(item)
