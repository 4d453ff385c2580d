"""Gymnasium environments that have a transition table ``P``, and Blackjack, as controlled Markov processes.

Any registered environment with a table will do (``gym:module:Env-v0`` imports the module first). What the
table says is read by `metaregret.tabular.importers.gymnasium_table`; here stands what the *sources* of
Gymnasium's own environments add to their tables, or what of theirs the tables leave out:

* FrozenLake's ``success_rate`` and slippery CliffWalking's moves are thirds where they print 0.333...;
  FrozenLake's sideways moves have probability ``(1 - success_rate) / 2`` exactly, Taxi's in the rain
  likewise.
* Start distributions are uniform on their support.
* Taxi's ``fickle_passenger`` is not in its table: a passenger who is fickle (``fickle_probability``) changes
  the destination to one of the three others at the first move in the taxi. Nobody sees beforehand whether
  they are, so the draw may wait until that move: states before it keep their numbers, states after it are
  copies.

An environment whose steps do not agree with its table is refused.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import inspect
import json
import os
import re
import sys
import types
import typing
import warnings
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.environments.options import MAX_STATES, Environment, Options
from metaregret.tabular.errors import EnvironmentSpecError, InvalidArgumentError
from metaregret.tabular.horizon import FiniteHorizon, Horizon
from metaregret.tabular.importers.gymnasium_table import read_table
from metaregret.tabular.importers.imported import Imported, Note
from metaregret.tabular.rationals import parse_fraction

__all__ = ["ENVIRONMENT", "gymnasium_model", "read_environment"]

DEFAULT_HORIZON = 20
_NAME = re.compile(r"([A-Za-z_][\w.]{0,80}:)?[\w.-]{1,80}(/[\w.-]{1,80})?")
_CURRENT = {"Taxi-v3": "Taxi-v4", "CliffWalking-v0": "CliffWalking-v1"}
_PLAIN_WRAPPERS = {"TimeLimit", "OrderEnforcing", "PassiveEnvChecker", "RecordEpisodeStatistics"}
_NOT_OPTIONS = {"render_mode", "self"}
TRIAL_STEPS = 300
"""Steps for which a foreign environment is compared with its table."""
TRIAL_PAIRS = 20_000
"""States and actions from which it is stepped at most."""
TRIAL_OUTCOMES = 20_000
"""Outcomes of a step function without a table that are enumerated unasked."""


def gymnasium_model(
    name: str, *, horizon: Horizon | int = DEFAULT_HORIZON, start: Any = None, **options: Any
) -> Imported:
    """Read a registered Gymnasium environment.

    Parameters
    ----------
    name : str
        For example ``"FrozenLake-v1"`` or ``"module:Env-v0"``.
    start : state, array or mapping, optional
        Where episodes start instead; states by their key in the table.
    **options
        Of the environment (``map_name="8x8"``, ``is_slippery=False``); text is read by the option's own
        type, and rational numbers such as ``success_rate="1/3"`` stay exact.

    Raises
    ------
    EnvironmentSpecError
        If there is no such environment or option, or it has no transition table.
    """
    import gymnasium

    if not _NAME.fullmatch(name):
        raise EnvironmentSpecError(
            f"Expected the name of a Gymnasium environment, but got {name[:80]!r}; for example "
            "FrozenLake-v1 or "
            "module:Env-v0."
        )
    try:
        with _quiet(), _working_folder_on_path():
            module, _, plain = name.rpartition(":")
            if module:
                importlib.import_module(module)
            spec = gymnasium.spec(plain)
            typed, exact = _typed_options(spec, options)
            environment = gymnasium.make(plain, **typed)
    except EnvironmentSpecError:
        raise
    except Exception as error:  # a foreign constructor may raise anything
        hint = f"; its current name is {_CURRENT[name]}" if name in _CURRENT else ""
        said = str(error).rstrip(".?") or type(error).__name__
        said = f"there is no {said}" if isinstance(error, KeyError) else said
        raise EnvironmentSpecError(
            f"Gymnasium cannot make {name!r}{f' with {options}' if options else ''}: {said[:300]}{hint}."
        ) from error
    suffix = "".join(f",{key}={value}" for key, value in options.items())
    return read_environment(
        environment, horizon=horizon, start=start, exact=exact, name=f"gym:{name}{suffix}"
    )


def read_environment(
    environment: Any,
    *,
    horizon: Horizon | int = DEFAULT_HORIZON,
    start: Any = None,
    exact: Mapping[float, Fraction] | None = None,
    name: str | None = None,
) -> Imported:
    """Read a Gymnasium environment that stands in memory.

    Parameters
    ----------
    environment : gymnasium.Env
    exact : mapping from float to Fraction, optional
        Floats among its options that were given as exact numbers.

    Raises
    ------
    EnvironmentSpecError
        If it has no transition table, wrappers change what it does, its steps do not agree with its table,
        or it does not say where episodes start.
    """
    bare = environment.unwrapped
    spec = getattr(environment, "spec", None)
    named = name or f"gym:{getattr(spec, 'id', type(bare).__name__)}"
    notes = _wrapped(environment, named)
    kind = f"{type(bare).__module__}.{type(bare).__name__}"
    known = kind.startswith("gymnasium.envs.toy_text.")
    for value, number in (exact or {}).items():
        if not known and parse_fraction(value) != number:
            notes += (Note(f"the option {number} is the float {value!r} to the environment", differs=True),)
    if kind == "gymnasium.envs.toy_text.blackjack.BlackjackEnv":
        from metaregret.tabular.environments.blackjack import blackjack

        model = blackjack(natural=bare.natural, sab=bare.sab, horizon=horizon, start=start, name=named)
        return model.with_notes(*notes)
    table: Any = getattr(bare, "P", None)
    if isinstance(table, np.ndarray) and table.dtype != object:
        raise EnvironmentSpecError(
            f"The table P of {named} is an array of shape {table.shape}, not lists of outcomes; read it with "
            "its rewards, as arrays."
        )
    if not isinstance(table, (Mapping, list, tuple, np.ndarray)):
        return _enumerated(environment, named, horizon, start).with_notes(*notes)
    initial: Any = getattr(bare, "initial_state_distrib", getattr(bare, "isd", None))
    spelled: dict[float, Fraction] = {}
    if known:
        support = np.flatnonzero(initial)
        if not np.all(np.isfinite(initial)):
            raise EnvironmentSpecError(f"{named} has no start; its map needs a tile S.")
        if np.ptp(initial[support]) == 0:  # what the sources do: every state that may be first is as likely
            initial = {int(s): Fraction(1, len(support)) for s in support}
        spelled = _spelled(bare, exact or {})
    else:
        notes += _trial(bare, table, named)
    if getattr(bare, "fickle_passenger", False) and kind.endswith(".TaxiEnv"):
        table = _fickle(bare, exact or {})
        notes += (
            Note(
                "states after the passenger's first ride are copies numbered from 500: only at that ride do "
                "passengers change their mind, which the table does not show",
                differs=True,
            ),
        )
    initial = initial if start is None else start
    if initial is None:
        raise EnvironmentSpecError(
            f"{named} does not say where episodes start (it has no initial_state_distrib); give start=STATE."
        )
    model = read_table(
        table, initial=initial, horizon=horizon, spelled=spelled, name=named, picture=_picture(bare)
    )
    if table is not bare.P:
        half = len(bare.P)
        copies = {str(s): (*model.labels.get(str(s), (s,)), half + s) for s in range(half)}
        model = Imported(model.process, model.rewards, model.notes, copies)
    return model.with_notes(*notes)


def _enumerated(environment: Any, name: str, horizon: Horizon | int, start: Any) -> Imported:
    """Enumerate an environment without a table, where that is possible."""
    from metaregret.tabular.importers.steps import from_environment

    try:
        with _quiet():
            model = from_environment(environment, horizon=horizon, name=name, limit=TRIAL_OUTCOMES)
    except Exception as error:  # a foreign step may raise anything
        raise EnvironmentSpecError(
            f"{name} has no transition table P, and its steps cannot be enumerated: "
            f"{str(error)[:300] or type(error).__name__}"
        ) from error
    return model if start is None else model.with_start(start)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of newer versions and rendering; what matters is an error here
        yield


@contextlib.contextmanager
def _working_folder_on_path() -> Iterator[None]:
    """Let ``gym:module:Env-v0`` find a module of the current folder, as ``python -m`` would."""
    folder = os.getcwd()
    if folder in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


# ---------------------------------------------------------------- options, by their own type


def _typed_options(spec: Any, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[float, Fraction]]:
    """Read options that are text by the type that the environment's constructor gives them.

    Returns
    -------
    typed : dict
    exact : dict from float to Fraction
        What floats among them stand for.
    """
    import gymnasium

    entry = spec.entry_point
    creator = entry if callable(entry) else gymnasium.envs.registration.load_env_creator(entry)
    parameters = dict(inspect.signature(creator).parameters)
    try:
        hints = typing.get_type_hints(creator.__init__ if inspect.isclass(creator) else creator)
    except Exception:  # annotations that cannot be resolved say nothing
        hints = {}
    names = [
        key
        for key, parameter in parameters.items()
        if key not in _NOT_OPTIONS
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    anything = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values())
    typed: dict[str, Any] = {}
    exact: dict[float, Fraction] = {}
    for key, given in options.items():
        if key in _NOT_OPTIONS or (key not in names and not anything):
            raise EnvironmentSpecError(
                f"{spec.id} has no option {key!r} that changes its model; its options are "
                f"{', '.join(names) or 'none'}.{did_you_mean(key, names)}"
            )
        typed[key], number = given, given if isinstance(given, Fraction) else None
        if isinstance(given, str):
            default = spec.kwargs.get(key, parameters[key].default if key in names else None)
            typed[key], number = _typed(given, default, hints.get(key), f"gym:{spec.id}: {key}")
        if number is not None:
            typed[key] = float(number)
            if typed[key] in (0, 1) and number != typed[key]:
                raise EnvironmentSpecError(
                    f"gym:{spec.id}: {key}={given} is {typed[key]} to the environment, which takes 64-bit "
                    "floats; choose another number."
                )
            exact[float(number)] = number
    return typed, exact


def _typed(text: str, default: Any, hint: Any, what: str) -> tuple[Any, Fraction | None]:
    """Read `text` as what the default or the annotation says, and return its exact value if it is a float."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    kinds = {kind for kind in (typing.get_args(hint) if union else (hint,)) if kind not in (None, type(None))}
    origins = {typing.get_origin(kind) or kind for kind in kinds}
    if isinstance(default, bool) or bool in origins:
        if text.lower() in ("true", "false"):
            return text.lower() == "true", None
        raise EnvironmentSpecError(f"Expected {what} to be true or false, but got {text!r:.60}.")
    if isinstance(default, float) or float in origins:
        number = _read_number(text, what)
        return float(number), number
    if isinstance(default, int) or int in origins:
        if re.fullmatch(r"[+-]?\d{1,18}", text):
            return int(text), None
        raise EnvironmentSpecError(f"Expected {what} to be a whole number, but got {text!r:.60}.")
    if isinstance(default, str) or origins == {str}:
        return _unquoted(text), None
    if isinstance(default, (list, tuple)) or origins & {list, tuple}:
        value = _literal(text)
        if isinstance(value, str) and any(str in typing.get_args(kind) for kind in kinds):
            value = value.split("/")
        if not isinstance(value, (list, tuple)):
            raise EnvironmentSpecError(
                f"Expected {what} to be a list, such as [1,0,0] or SFFF/FHFG for rows of text, but got "
                f"{text!r:.60}."
            )
        return value, None
    value = _literal(text)
    if isinstance(value, str) and value.strip().lower() in (
        "yes",
        "no",
        "on",
        "off",
        "null",
        "none",
        "true",
        "false",
    ):
        raise EnvironmentSpecError(
            f"Expected {what} to be true, false, a number, a list or a word, but got {text!r:.60}, which "
            "could mean "
            "several of these."
        )
    return value, None


def _read_number(text: str, what: str) -> Fraction:
    try:
        return parse_fraction(text, what)
    except InvalidArgumentError as error:
        raise EnvironmentSpecError(str(error)) from None


def _unquoted(text: str) -> str:
    value = _literal(text) if text[:1] in "\"'" else text
    return value if isinstance(value, str) else text


def _literal(text: str) -> Any:
    """A JSON value or a Python literal; else the text itself."""
    if text in ("true", "false"):
        return text == "true"
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text) if len(text) < 10_000 else text
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


# ---------------------------------------------------------------- what the sources add to their tables


def _number(value: float, exact: Mapping[float, Fraction]) -> Fraction:
    """What a float option stands for: what was written, one third where it prints as that, else its
    decimal."""
    known = {1 / 3: Fraction(1, 3), **exact}
    return known[float(value)] if float(value) in known else parse_fraction(float(value))


def _spelled(environment: Any, exact: Mapping[float, Fraction]) -> dict[float, Fraction]:
    """What the floats in the tables of Gymnasium's own environments stand for, by their sources."""
    kind = type(environment).__name__
    if kind == "CliffWalkingEnv":
        return {1 / 3: Fraction(1, 3)}
    if kind == "TaxiEnv":
        ahead = environment.rainy_probability
    else:
        slips = [row[0] for row in environment.P.values() if len(row[0]) == 3]
        if not slips:
            return {}
        ahead = slips[0][1][0]
    number = _number(ahead, exact)
    return {(1.0 - ahead) / 2.0: (1 - number) / 2, float(ahead): number}


def _fickle(
    environment: Any, exact: Mapping[float, Fraction]
) -> dict[int, dict[int, list[tuple[Any, int, float, bool]]]]:
    """Taxi's table with the passenger's change of mind: copies ``500 + s`` are the states after the first
    ride."""
    spelled, probability = _spelled(environment, exact), _number(environment.fickle_probability, exact)
    rides = len(environment.P)
    table: dict[int, dict[int, list[tuple[Any, int, float, bool]]]] = {s: {} for s in range(2 * rides)}
    for state, row in environment.P.items():
        old = environment.decode(state)
        for action, outcomes in row.items():
            table[rides + state][action] = [
                (p, to if ended else rides + to, reward, ended) for p, to, reward, ended in outcomes
            ]
            table[state][action] = fresh = []
            for p, to, reward, ended in outcomes:
                new = environment.decode(to)
                if old[2] != 4 or old[:2] == new[:2]:
                    fresh.append((p, to, reward, ended))
                    continue
                share = spelled.get(float(p), parse_fraction(p))
                fresh.append((share * (1 - probability), rides + to, reward, ended))
                for destination in set(range(4)) - {old[3]}:
                    changed = environment.encode(*new[:3], destination)
                    fresh.append((share * probability / 3, rides + changed, reward, ended))
    return table


def _wrapped(environment: Any, name: str) -> tuple[Note, ...]:
    """Refuse wrappers that change the model; say where a time limit is left out."""
    notes: list[Note] = []
    layer = environment
    while layer is not environment.unwrapped:
        wrapper = type(layer).__name__
        if wrapper not in _PLAIN_WRAPPERS:
            raise EnvironmentSpecError(
                f"{name} is wrapped in {wrapper}, which its transition table does not show; give the "
                "environment "
                "without this wrapper, or enumerate its steps."
            )
        layer = layer.env
    limit = getattr(getattr(environment, "spec", None), "max_episode_steps", None)
    if limit is not None:
        notes.append(Note(f"Gymnasium's time limit of {limit} steps is not part of the model", beyond=limit))
    return tuple(notes)


def _trial(environment: Any, table: Any, name: str) -> tuple[Note, ...]:
    """Step a foreign environment and refuse it where an outcome is not in its table.

    At random from the start, and where its attribute ``s`` is the state, as in Gymnasium's own, also once
    from every state by every action. Stepped is a copy.
    """
    unchecked = Note(f"the steps of {name} could not be compared with its table P")
    if getattr(environment.observation_space, "n", None) != len(table):
        return (unchecked,)
    try:
        with _quiet():
            environment = copy.deepcopy(environment)
            seen = _walk(environment, table)
            if all(at == state for state, *_, at in seen):
                ends = {to for _, _, to, _, ended, _ in seen if ended}
                pairs = [
                    (state, a) for state in range(len(table)) if state not in ends for a in _own(table[state])
                ]
                for state, action in pairs[:TRIAL_PAIRS]:
                    environment.s = state
                    seen.append(_stepped(environment, state, action))
    except Exception:  # a foreign step may raise anything; the table is all there is then
        return (unchecked,)
    for state, action, to, reward, ended, _ in seen:
        listed = [(int(o[1]), float(o[2]), bool(o[3])) for o in table[state][action] if o[0] > 0]
        if (to, reward, ended) not in listed:
            raise EnvironmentSpecError(
                f"{name}: a step from state {state} by action {action} led to state {to} with reward "
                f"{reward} and "
                f"terminated={ended}, which its table P does not list: the table does not carry what an "
                "option or "
                "the step function does. Leave out the option, or enumerate the steps."
            )
    return ()


def _walk(environment: Any, table: Any) -> list[tuple[Any, ...]]:
    """Random steps from the start: state, action, successor, reward, end, and the attribute ``s`` before."""
    random = np.random.default_rng(0)
    state, ended = int(environment.reset(seed=0)[0]), False
    seen: list[tuple[Any, ...]] = []
    for _ in range(TRIAL_STEPS):
        if ended:
            state = int(environment.reset()[0])
        actions = _own(table[state])
        if not actions:
            ended = True
            continue
        seen.append(_stepped(environment, state, actions[int(random.integers(len(actions)))]))
        _, _, state, _, ended, _ = seen[-1]
    return seen


def _own(row: Any) -> list[Any]:
    return [a for a in (row if isinstance(row, Mapping) else range(len(row))) if row[a]]


def _stepped(environment: Any, state: int, action: Any) -> tuple[Any, ...]:
    at = getattr(environment, "s", None)
    to, reward, ended, _, _ = environment.step(action)
    return state, action, int(to), float(reward), bool(ended), at


def _picture(environment: Any) -> tuple[tuple[int | None, ...], ...] | None:
    """Map of the states, where the environment is laid out as a grid."""
    shape = getattr(environment, "shape", None) or getattr(getattr(environment, "desc", None), "shape", None)
    if (
        shape is None
        or len(shape) != 2
        or shape[0] * shape[1] != getattr(environment.observation_space, "n", None)
    ):
        return None
    return tuple(tuple(range(r * shape[1], (r + 1) * shape[1])) for r in range(shape[0]))


def _build(body: str, options: Options) -> Imported:
    horizon = options.integer("horizon", DEFAULT_HORIZON, minimum=1, maximum=MAX_STATES)
    given = options.rest()
    start = given.pop("start", None)
    return gymnasium_model(body, horizon=FiniteHorizon(horizon), start=start, **given)


ENVIRONMENT = Environment(
    "gym",
    "gym:[MODULE:]NAME[,key=value...]",
    "a Gymnasium environment with a transition table, or Blackjack; terminal states are absorbing",
    (
        "gym:FrozenLake-v1,map_name=4x4,is_slippery=false",
        "gym:CliffWalking-v1",
        "gym:Taxi-v4,is_rainy=true",
        "gym:Blackjack-v1",
    ),
    _build,
    takes_start=True,
)
