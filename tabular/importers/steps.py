"""Processes from step functions: every outcome of every random draw is enumerated, or the model is refused.

The step function draws from the generator that it is given. Here this is `Draws`, which replays a list of
decisions and notes where it could have decided otherwise; running the function once for each list
enumerates all its outcomes with their exact probabilities (systematic depth-first search over choices, as
in stateless model checking: Godefroid, "Model checking for programming languages using VeriSoft", 1997).
"""

from __future__ import annotations

import copy
import io
import math
import pickle
import random
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.random import mtrand

from metaregret.tabular.errors import (
    InstanceTooLargeError,
    InvalidArgumentError,
    InvalidProcessError,
    UnsupportedError,
)
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.importers.gymnasium_table import read_table
from metaregret.tabular.importers.imported import Imported, Note
from metaregret.tabular.rationals import parse_fraction

__all__ = ["Draws", "from_environment", "from_steps"]

LIMIT = 100_000
Outcomes = dict[tuple[Any, Fraction, bool], Fraction]


class Draws:
    """Stands for a `numpy.random.Generator` whose draws are enumerated.

    `choice`, `integers`, `permutation`, `shuffle`, `binomial` and comparisons with `random()` are enumerated;
    anything else has no finite list of outcomes, or none that is known here, and raises `UnsupportedError`.
    """

    def __init__(self, decisions: Sequence[int] = ()) -> None:
        self._given = tuple(decisions)
        self.taken: list[int] = []
        self.weights: list[list[Fraction]] = []
        self.probability = Fraction(1)

    def decide(self, weights: Sequence[Fraction]) -> int:
        """Return the next decision: an index of `weights`, which are not negative and sum to one."""
        if any(w < 0 for w in weights) or sum(weights, Fraction(0)) != 1:
            raise InvalidProcessError(
                f"The probabilities of a draw sum to {float(sum(weights))!r}, not 1; mend them."
            )
        possible = [i for i, weight in enumerate(weights) if weight]
        index = self._given[len(self.taken)] if len(self.taken) < len(self._given) else possible[0]
        self.taken.append(index)
        self.weights.append(list(weights))
        self.probability *= weights[index]
        return index

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Any:
        """Draw an item, or `size` of them."""
        items = list(range(a)) if isinstance(a, (int, np.integer)) else list(a)
        if size is not None and not replace:
            if p is not None or size > len(items):
                raise UnsupportedError(
                    "choice(replace=False) is enumerated for size <= len(a) and no p only."
                )
            return np.array([items.pop(self.choice(len(items))) for _ in range(int(size))])
        if size is not None:
            return np.array([self.choice(items, p=p) for _ in range(int(size))])
        shares = (
            [Fraction(1, len(items))] * len(items)
            if p is None
            else [parse_fraction(share, "probability of a draw") for share in p]
        )
        try:
            distinct = {item: Fraction(0) for item in items}
        except TypeError:
            return items[self.decide(shares)]
        for item, share in zip(items, shares, strict=True):
            distinct[item] += share
        return list(distinct)[self.decide(list(distinct.values()))]

    def integers(self, low: int, high: int | None = None, size: Any = None, endpoint: bool = False) -> Any:
        """Draw a whole number from ``low`` to ``high - 1`` (``high`` if `endpoint`)."""
        first, last = (0, low) if high is None else (low, high)
        return self.choice(range(int(first), int(last) + bool(endpoint)), size=size)

    def random(self, size: Any = None) -> Uniform:
        """Draw from [0, 1): a number that may only be compared."""
        if size is not None:
            raise UnsupportedError("random(size) is not enumerated; draw numbers one by one.")
        return Uniform(self)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Uniform:
        """Draw from [0, 1), as `random` does."""
        if (low, high) != (0, 1):
            raise UnsupportedError(
                "uniform(low, high) is not enumerated; compare random() with probabilities."
            )
        return self.random(size)

    def binomial(self, n: int, p: Any) -> int:
        """Draw how many of `n` trials succeed."""
        q, n = parse_fraction(p, "probability of a draw"), int(n)
        return self.decide([math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)])

    def permutation(self, x: Any) -> np.ndarray:
        """Draw an order of the items, or of ``0..x-1``."""
        count = int(x) if isinstance(x, (int, np.integer)) else len(x)
        order = np.asarray(self.choice(count, size=count, replace=False), dtype=int)
        return order if isinstance(x, (int, np.integer)) else np.asarray(x)[order]

    def shuffle(self, x: Any) -> None:
        """Put a list or array in a drawn order."""
        x[:] = [copy.copy(x[i]) for i in self.permutation(len(x))]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnsupportedError(
            f"The step function draws by {name}(), which has no finite list of outcomes here; use choice, "
            "integers "
            "or comparisons of random()."
        )

    def __deepcopy__(self, memo: Any) -> Draws:
        return self


class Uniform:
    """A number from [0, 1) that is known only as far as it was compared."""

    __array_ufunc__ = None

    def __init__(self, draws: Draws) -> None:
        self._draws, self._low, self._high = draws, Fraction(0), Fraction(1)

    def __lt__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return np.array([self < item for item in other.ravel().tolist()]).reshape(other.shape)
        bound = min(max(parse_fraction(other, "bound of a draw"), self._low), self._high)
        below = (bound - self._low) / (self._high - self._low)
        if self._draws.decide([below, 1 - below]) == 0:
            self._high = bound
            return True
        self._low = bound
        return False

    def __ge__(self, other: Any) -> Any:
        return np.logical_not(self < other) if isinstance(other, np.ndarray) else not self < other

    __le__, __gt__ = __lt__, __ge__  # a single point has probability zero

    def __float__(self) -> float:
        raise UnsupportedError(
            "The step function uses a continuous draw as a number, which has no finite list of outcomes; "
            "compare "
            "it with probabilities, or use choice or integers."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = lambda self, _: float(self)


class _Budget:
    """Counts runs against the limit."""

    def __init__(self, limit: int) -> None:
        self.limit, self.runs = limit, 0

    def spend(self) -> None:
        self.runs += 1
        if self.runs > self.limit:
            raise InstanceTooLargeError(
                f"The step function has more than limit={self.limit} outcomes; raise the limit, or shrink "
                "the model."
            )


def _runs(run: Callable[[Draws], Any], budget: _Budget) -> Iterator[tuple[Fraction, Any]]:
    """Every outcome of `run` with its probability; each is run twice, and must come out the same."""
    pending: list[tuple[int, ...]] = [()]
    while pending:
        decisions = pending.pop()
        budget.spend()
        draws, again = Draws(decisions), Draws(decisions)
        result, repeated = run(draws), run(again)
        if (
            draws.taken[: len(decisions)] != list(decisions)
            or again.weights != draws.weights
            or repeated != result
        ):
            raise UnsupportedError(
                f"The same draws gave {result!r:.80} and then {repeated!r:.80}: the step function keeps a "
                "state of "
                "its own or draws elsewhere; give it all its state and let it draw from its argument."
            )
        yield draws.probability, result
        for depth in range(len(decisions), len(draws.taken)):
            pending += [
                (*draws.taken[:depth], other)
                for other, weight in enumerate(draws.weights[depth])
                if weight and other != draws.taken[depth]
            ]


def from_steps(
    reset: Callable[[Any], Hashable],
    step: Callable[[Any, Any, Any], tuple[Hashable, Any, bool]],
    actions: int | Sequence[Any] | Callable[[Any], Sequence[Any]],
    *,
    limit: int = LIMIT,
    horizon: Horizon | int = 20,
    name: str = "steps",
) -> Imported:
    """Enumerate a model from its step function: complete and exact, or refused.

    Parameters
    ----------
    reset : callable
        ``reset(random)`` returns a start state, hashable.
    step : callable
        ``step(state, action, random)`` returns ``(next state, reward, terminated)``; it draws from `random`
        alone and changes nothing else.
    actions : int, sequence, or callable
        The actions of all states, or a function of the state.
    limit : int
        Largest number of outcomes, over all states and actions.
    horizon : Horizon or int
    name : str

    Returns
    -------
    Imported
        Exact; states are called as they are spelled.

    Raises
    ------
    InstanceTooLargeError
        If there are more outcomes than `limit`, for example because the state space is infinite.
    UnsupportedError
        If a draw has no finite list of outcomes, or the same draws give different outcomes.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidArgumentError(f"Expected limit to be a positive whole number, but got {limit!r}.")
    budget, before = _Budget(limit), _elsewhere(reset, step)
    initial: dict[Any, Fraction] = {}
    for p, state in _runs(lambda draws: _hashable(reset(draws)), budget):
        initial[state] = initial.get(state, Fraction(0)) + p
    table: dict[Any, dict[Any, list[tuple[Fraction, Any, Fraction, bool]]]] = {}
    frontier = list(initial)
    while frontier:
        state = frontier.pop()
        if state in table:
            continue
        own = actions(state) if callable(actions) else range(actions) if isinstance(actions, int) else actions
        table[state] = {}
        for action in own:
            found = _merged(_runs(partial(step, state, action), budget))
            table[state][action] = _row(found)
            frontier += [to for to, _, ended in found if not ended]
    _check_elsewhere(before, _elsewhere(reset, step))
    return read_table(_in_order(table), initial=initial, horizon=horizon, name=name)


def _merged(outcomes: Iterator[tuple[Fraction, Any]]) -> Outcomes:
    """Sum probabilities by successor, reward and end."""
    found: Outcomes = {}
    for p, result in outcomes:
        try:
            to, reward, ended = result
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                f"Expected a step to return (next state, reward, terminated), but got {result!r:.80}."
            ) from None
        key = _hashable(to), parse_fraction(reward, "reward of a step"), bool(ended)
        found[key] = found.get(key, Fraction(0)) + p
    return found


def _row(found: Outcomes) -> list[tuple[Fraction, Any, Fraction, bool]]:
    return [(p, *key) for key, p in found.items()]


def _hashable(state: Any) -> Hashable:
    try:
        hash(state)
    except TypeError:
        raise InvalidArgumentError(
            f"Expected a state that can be hashed, such as a tuple, but got {state!r:.80}."
        ) from None
    return cast("Hashable", state)


def _in_order(table: dict[Any, Any]) -> dict[Any, Any]:
    """States sorted where they can be compared."""
    try:
        return dict(sorted(table.items(), key=lambda item: item[0]))
    except TypeError:
        return table


def from_environment(
    environment: Any, *, limit: int = LIMIT, horizon: Horizon | int = 20, name: str | None = None
) -> Imported:
    """Enumerate a Gymnasium environment with discrete actions by stepping copies of it.

    States are the observations. Every hidden state that an observation can stand for must have the same
    outcomes: where it does not, the observation is not a state, and the environment is refused. So is one
    that draws from any generator but its own ``np_random``.

    Parameters
    ----------
    environment : gymnasium.Env
        It is copied; what it holds stays as it is.
    limit : int
        Largest number of outcomes, over all hidden states and actions.
    horizon : Horizon or int
    name : str, optional
        By default that of its registration.

    Returns
    -------
    Imported
        Exact; states are called as their observations are spelled.

    Raises
    ------
    InstanceTooLargeError, UnsupportedError
        See `from_steps`; also where an observation hides something that matters.
    """
    bare = environment.unwrapped
    first = getattr(bare.action_space, "start", 0)
    count = getattr(bare.action_space, "n", None)
    if count is None:
        raise UnsupportedError(
            f"Expected finitely many actions, but got the action space {bare.action_space!r:.80}; "
            "discretise it first."
        )
    actions = range(int(first), int(first) + int(count))

    known, before, cuts = set(_frozen(bare)[1]), _elsewhere(type(bare)), set()

    def shown(own: Any, observation: Any) -> tuple[Any, bytes]:
        hidden, generators = _frozen(own)
        _check_elsewhere([], [state for state in generators if state not in known])
        return _plain(observation), hidden

    def begin(draws: Draws) -> tuple[Any, bytes]:
        own = copy.deepcopy(bare)
        own.np_random = draws
        return shown(own, own.reset()[0])

    def move(hidden: bytes, action: int, draws: Draws) -> tuple[Any, Any, bool]:
        own = copy.copy(bare)
        own.__dict__.update(_Thawing(io.BytesIO(hidden), draws).load())
        own.np_random = draws
        observation, reward, ended, cut, _ = own.step(action)
        cuts.add(bool(cut))
        return shown(own, observation), float(reward), bool(ended)

    budget = _Budget(limit)
    starts: dict[Any, Fraction] = {}
    frontier: list[tuple[Any, bytes]] = []
    for p, (observation, hidden) in _runs(begin, budget):
        starts[observation] = starts.get(observation, Fraction(0)) + p
        frontier.append((observation, hidden))
    table: dict[Any, dict[int, Outcomes]] = {}
    seen: set[tuple[Any, bytes]] = set()
    while frontier:
        observation, hidden = frontier.pop()
        if (observation, hidden) in seen:
            continue
        seen.add((observation, hidden))
        rows: dict[int, Outcomes] = {}
        for action in actions:
            fine = _merged(_runs(partial(move, hidden, action), budget))
            frontier += [to for to, _, ended in fine if not ended]
            rough: Outcomes = {}
            for ((shown_to, _), *rest), p in fine.items():
                key = (shown_to, *rest)
                rough[key] = rough.get(key, Fraction(0)) + p
            rows[action] = rough
        if table.setdefault(observation, rows) != rows:
            raise UnsupportedError(
                f"The observation {observation!r:.80} does not tell what happens next (it stands for "
                "several hidden "
                "states with different outcomes); give the full state to from_steps."
            )
    _check_elsewhere(before, _elsewhere(type(bare)))
    flat = {
        observation: {action: _row(row) for action, row in rows.items()}
        for observation, rows in table.items()
    }
    label = name or f"gym:{getattr(getattr(environment, 'spec', None), 'id', type(bare).__name__)}"
    model = read_table(_in_order(flat), initial=starts, horizon=horizon, name=label)
    return model.with_notes(Note(CUT, differs=True)) if True in cuts else model


def _plain(observation: Any) -> Any:
    """An observation as something hashable."""
    if isinstance(observation, np.generic):
        return observation.item()
    if isinstance(observation, np.ndarray):
        return tuple(map(_plain, observation.tolist())) if observation.ndim else observation.item()
    if isinstance(observation, dict):
        return tuple((key, _plain(value)) for key, value in sorted(observation.items()))
    if isinstance(observation, (list, tuple)):
        return tuple(map(_plain, observation))
    return observation


CUT = "the environment cuts some episodes short by itself (truncated), which is not part of the model"
GENERATORS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random)


class _Freezing(pickle.Pickler):
    """Leaves `Draws` out, and notes every other random generator that it meets."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.generators: list[Any] = []

    def persistent_id(self, obj: Any) -> str | None:
        if isinstance(obj, GENERATORS):
            self.generators.append(obj)
        return "draws" if isinstance(obj, Draws) else None


class _Thawing(pickle.Unpickler):
    """Puts the draws of this run where those of the last one were."""

    def __init__(self, stream: io.BytesIO, draws: Draws) -> None:
        super().__init__(stream)
        self.draws = draws

    def persistent_load(self, pid: Any) -> Draws:
        return self.draws


def _frozen(environment: Any) -> tuple[bytes, list[bytes]]:
    """All that an environment remembers, its own generator, spaces and registration apart; and the states of
    all generators in it and its spaces."""
    apart = {"_np_random", "_np_random_seed", "observation_space", "action_space", "spec", "metadata"}
    spaces = [getattr(environment, name, None) for name in ("observation_space", "action_space")]
    try:
        stream = io.BytesIO()
        freezing = _Freezing(stream)
        freezing.dump({key: value for key, value in vars(environment).items() if key not in apart})
        hidden = stream.getvalue()
        freezing.dump(spaces)
        return hidden, [pickle.dumps(generator) for generator in freezing.generators]
    except Exception as error:  # a foreign attribute may refuse in any way
        raise UnsupportedError(f"The environment's state cannot be copied: {error}.") from None


def _elsewhere(*sources: Any) -> list[bytes]:
    """States of what a step function could use besides its argument: the generators of Python and NumPy,
    those in its module, and what its class remembers."""
    found: list[Any] = [random.getstate(), mtrand.get_state(legacy=False)]
    for source in sources:
        kinds = [
            kind for kind in getattr(source, "__mro__", ()) if not kind.__module__.startswith("gymnasium.")
        ]
        names = [getattr(source, "__globals__", {}), *(vars(sys.modules[kind.__module__]) for kind in kinds)]
        cells = getattr(source, "__closure__", None) or ()
        found += [cell.cell_contents for cell in cells if isinstance(cell.cell_contents, GENERATORS)]
        found += [thing for known in names for thing in known.values() if isinstance(thing, GENERATORS)]
        remembered = [thing for kind in kinds for key, thing in vars(kind).items() if key[:2] != "__"]
        found += [thing for thing in remembered if isinstance(thing, (*GENERATORS, *PLAIN))]
    return [pickle.dumps(thing) for thing in found]


PLAIN = (int, float, str, list, dict, set, np.ndarray)


def _check_elsewhere(before: list[bytes], after: list[bytes]) -> None:
    if before != after:
        raise UnsupportedError(
            "The step function draws from a generator of its own or a global one, or its class remembers "
            "something; let it draw from its argument alone, which is self.np_random in an environment."
        )
