"""Every public parameter with a fixed set of values takes the word and the member, and refuses nonsense by
name: found by walking the signatures, so that a new parameter is tested as soon as it is written."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given, settings

from metaregret.tabular.choices import Option, _word, choice, one_of
from metaregret.tabular.errors import InvalidArgumentError

LAYERS = ("metaregret.tabular", "metaregret.theory", "metaregret.experiments")
NONSENSE = "nonsense"

MADE_BY_THE_TOOLKIT = {
    "PlanningSolution",
    "Evidence",
    "ControlResult",
    "TheoremResult",
    "ChannelCapacity",
    "ProcessCapacity",
    "Redundancy",
    "MinimaxSolution",
    "MemoryGame",
    "Proposal",
    "Comparison",
    "evaluate",
    "capped",
    "read_problem",
}
"""Results, which nobody makes by hand, and steps behind an entry that has read the option already."""


class Hole:
    """Stands for an argument that a call should not have looked at yet."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError("looked at another argument before the option was read")


def public(layer: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    package = importlib.import_module(layer)
    for info in pkgutil.walk_packages(package.__path__, f"{layer}."):
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", []):
            item = getattr(module, name)
            if getattr(item, "__module__", "") != module.__name__ or name in MADE_BY_THE_TOOLKIT:
                continue
            if inspect.isfunction(item):
                yield f"{module.__name__}.{name}", item
            elif inspect.isclass(item) and not issubclass(item, (Enum, Option)):
                yield f"{module.__name__}.{name}", item
                for own, method in vars(item).items():
                    if not own.startswith("_") and isinstance(method, classmethod):
                        yield f"{module.__name__}.{name}.{own}", getattr(item, own)


def kinds(annotation: Any) -> Iterator[Any]:
    """The enums and literals that an annotation mentions (not inside callables)."""
    if inspect.isclass(annotation) and issubclass(annotation, (Enum, Option)):
        yield annotation
    elif typing.get_origin(annotation) is Literal:
        if all(isinstance(word, str) for word in typing.get_args(annotation)):
            yield annotation
    elif typing.get_origin(annotation) is not None and "Callable" not in str(annotation):
        for part in typing.get_args(annotation):
            yield from kinds(part)


def options() -> Iterator[tuple[str, Callable[..., Any], str, Any]]:
    for layer in LAYERS:
        for name, item in public(layer):
            annotated = item.__init__ if inspect.isclass(item) else item
            try:
                hints = typing.get_type_hints(annotated)
            except (NameError, TypeError):  # names imported for type checkers only
                module = importlib.import_module(item.__module__)
                hints = {
                    key: vars(module).get(str(text).partition(" ")[0])
                    for key, text in getattr(annotated, "__annotations__", {}).items()
                }
            for parameter, annotation in hints.items():
                if parameter != "return":
                    yield from ((name, item, parameter, kind) for kind in kinds(annotation))


FOUND = sorted(options(), key=lambda found: (found[0], found[2]))
IDS = [f"{name.removeprefix('metaregret.')}-{parameter}" for name, _, parameter, _ in FOUND]


def outcome(
    item: Callable[..., Any], parameter: str, value: object, others: Mapping[str, Any] | None = None
) -> tuple[type, str]:
    """What a call says whose other arguments are holes, but for `others`."""
    signature = inspect.signature(item)
    arguments: dict[str, Any] = {}
    for name, wanted in signature.parameters.items():
        needed = wanted.default is inspect.Parameter.empty
        if needed and wanted.kind not in (wanted.VAR_POSITIONAL, wanted.VAR_KEYWORD):
            arguments[name] = (others or {}).get(name, Hole())
    arguments[parameter] = value
    positional = [
        arguments.pop(name)
        for name, wanted in signature.parameters.items()
        if wanted.kind is wanted.POSITIONAL_ONLY and name in arguments
    ]
    try:
        item(*positional, **arguments)
    except Exception as error:
        return type(error), str(error)
    return type(None), ""


def siblings(name: str) -> dict[str, Any]:
    """A word for each option of a public entry."""
    return {parameter: words(kind)[0] for found, _, parameter, kind in FOUND if found == name}


def words(kind: Any) -> list[str]:
    return [_word(member) for member in kind] if inspect.isclass(kind) else list(typing.get_args(kind))


def test_the_walk_finds_the_options_of_the_facade() -> None:
    names = {(name, parameter) for name, _, parameter, _ in FOUND}
    assert {
        ("metaregret.theory.minimax.solve", "learner"),
        ("metaregret.theory.minimax.solve", "criterion"),
        ("metaregret.theory.families.goals", "detect"),
        ("metaregret.theory.tasks.GoalTasks", "detect"),
        ("metaregret.theory.tasks.GoalTasks.reachable", "detect"),
        ("metaregret.theory.proposals.propose", "states"),
        ("metaregret.theory.proposals.propose", "learner"),
        ("metaregret.tabular.goals.goal_values", "representation"),
        ("metaregret.tabular.engine.solver.solve", "objective"),
    } <= names
    assert len(FOUND) > 40


@pytest.mark.parametrize(("name", "item", "parameter", "kind"), FOUND, ids=IDS)
def test_nonsense_is_refused_by_name_before_anything_else(
    name: str, item: Callable[..., Any], parameter: str, kind: Any
) -> None:
    if "strategies" in name:
        item = drawn(item)
    for nonsense in (NONSENSE, 3, object()):
        error, message = outcome(item, parameter, nonsense, siblings(name))
        assert error is InvalidArgumentError, f"{error.__name__}: {message}"
        assert parameter in message
        assert all(repr(word) in message for word in words(kind))
        assert "--" not in message


@pytest.mark.parametrize(("name", "item", "parameter", "kind"), FOUND, ids=IDS)
def test_a_word_gets_as_far_as_its_member(
    name: str, item: Callable[..., Any], parameter: str, kind: Any
) -> None:
    members = list(kind) if inspect.isclass(kind) else words(kind)
    for word, member in zip(words(kind), members, strict=True):
        by_word, by_member = (outcome(item, parameter, value, siblings(name)) for value in (word, member))
        assert by_word[0] is by_member[0]
        assert "one of" not in by_word[1] or parameter not in by_word[1]


def drawn(strategy: Callable[..., Any]) -> Callable[..., Any]:
    """A strategy as a function that draws from it: arguments are read when an example is drawn."""

    def draw(**arguments: Any) -> None:
        known = {key: value for key, value in arguments.items() if not isinstance(value, Hole)}

        @given(strategy(**known))
        @settings(max_examples=1, database=None)
        def once(drawn: object) -> None:
            del drawn

        once()

    draw.__signature__ = inspect.signature(strategy)
    return draw


def test_a_comparison_that_falls_through_is_seen() -> None:
    """The check notices a function that never reads its option."""

    class Side(Enum):
        LEFT = "left"
        RIGHT = "right"

    def careless(process: object, side: Side = Side.LEFT) -> int:
        return 1 if side is Side.LEFT else 2

    def late(process: Any, side: Side = Side.LEFT) -> Side:
        assert process.matrix is not None
        return choice(Side, side, "side")

    assert outcome(careless, "side", NONSENSE)[0] is type(None)
    assert outcome(late, "side", NONSENSE)[0] is LookupError


def test_one_of_lists_what_is_allowed() -> None:
    with pytest.raises(InvalidArgumentError, match="'a', 'b', but got 'c'"):
        one_of(("a", "b"), "c", "letter")
    assert one_of(("a", "b"), "b", "letter") == "b"


def test_results_are_dataclasses_made_by_solvers() -> None:
    """The names passed over above exist: a stale entry would hide an option."""
    existing = set()
    for layer in LAYERS:
        package = importlib.import_module(layer)
        for info in pkgutil.walk_packages(package.__path__, f"{layer}."):
            existing |= set(getattr(importlib.import_module(info.name), "__all__", []))
    assert existing >= MADE_BY_THE_TOOLKIT
    assert not any(dataclasses.is_dataclass(Hole) for _ in (0,))
