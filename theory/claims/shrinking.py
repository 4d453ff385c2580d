"""Make a process that refutes a claim smaller while it still does: fewer states, fewer choices, fewer steps.

Generators shrink number by number and get stuck where a state can only go together with all that leads to
it. These moves know what a process is: leave out the states that are never reached, merge two states, leave
out a choice, take a step off the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Rows", "initial_of", "rebuilt", "rows_of", "smaller_processes", "smallest_process"]

Rows = dict[tuple[int, int, int], Fraction]


def smallest_process(
    process: ControlledMarkovProcess,
    fails: Callable[[ControlledMarkovProcess], bool],
    *,
    most_tries: int = 300,
) -> ControlledMarkovProcess:
    """Return a process that still fails and of which no smaller neighbour does, or the best after
    `most_tries`.

    Parameters
    ----------
    process : ControlledMarkovProcess
        An exact process that fails.
    fails : callable
        Whether the claim fails on a process.
    most_tries : int
        Limit on the calls of `fails`.
    """
    tries, improved = 0, process.is_exact
    while improved and tries < most_tries:
        improved = False
        for candidate in smaller_processes(process):
            tries += 1
            if fails(candidate):
                process, improved = candidate, True
                break
            if tries >= most_tries:
                break
    return process


def smaller_processes(process: ControlledMarkovProcess) -> Iterator[ControlledMarkovProcess]:
    """Yield the neighbours of an exact process that are smaller by one state, one choice or one step."""
    rows, initial = rows_of(process), initial_of(process)
    reached = process.reachable
    if not reached.all():
        yield rebuilt(process, {key: p for key, p in rows.items() if reached[key[0]]}, initial)
    if isinstance(process.horizon, FiniteHorizon) and process.horizon.steps > 1:
        yield process.replaced(horizon=process.horizon.steps - 1)
    for state in range(process.n_states - 1, -1, -1):
        for into in range(process.n_states):
            if into != state:
                yield rebuilt(process, _merged(rows, state, into), _moved(initial, state, into))
    for state in range(process.n_states):
        choices = [int(process.choice_action[c]) for c in process.choices(state)]
        for action in choices if len(choices) > 1 else ():
            kept = {key: p for key, p in rows.items() if key[:2] != (state, action)}
            yield rebuilt(process, kept, initial)


def rows_of(process: ControlledMarkovProcess) -> Rows:
    """Return the probabilities of an exact process by state, action and successor."""
    choice = process.transition_choice
    keys = zip(
        process.choice_state[choice].tolist(),
        process.choice_action[choice].tolist(),
        process.successors.tolist(),
        strict=True,
    )
    return dict(zip(keys, process.exact_probabilities.tolist(), strict=True))


def initial_of(process: ControlledMarkovProcess) -> dict[int, Fraction]:
    """Return the initial distribution of an exact process."""
    assert process.exact_initial is not None
    return {state: p for state, p in enumerate(process.exact_initial) if p}


def _merged(rows: Rows, state: int, into: int) -> Rows:
    """Send what leads to `state` to `into` instead, and forget the choices of `state`."""
    result: Rows = {}
    for (source, action, successor), p in rows.items():
        if source == state:
            continue
        key = (source, action, into if successor == state else successor)
        result[key] = result.get(key, Fraction(0)) + p
    return result


def _moved(initial: dict[int, Fraction], state: int, into: int) -> dict[int, Fraction]:
    result = {s: p for s, p in initial.items() if s != state}
    if state in initial:
        result[into] = result.get(into, Fraction(0)) + initial[state]
    return result


def rebuilt(
    process: ControlledMarkovProcess, rows: Rows, initial: dict[int, Fraction]
) -> ControlledMarkovProcess:
    """Number the states and actions that are left without gaps."""
    states = sorted({source for source, _, _ in rows})
    actions = sorted({action for _, action, _ in rows})
    return ControlledMarkovProcess.from_transitions(
        [(states.index(s), actions.index(a), states.index(t), p) for (s, a, t), p in rows.items()],
        states=len(states),
        actions=len(actions),
        initial={states.index(s): p for s, p in initial.items()},
        horizon=process.horizon,
        name="shrunk",
    )
