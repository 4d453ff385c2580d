"""A grid of W columns and H rows, numbered row by row; moves right, left, down, up, stay; walls keep in
place.

With slip probability ``q`` any move, staying included, is replaced by a uniformly random one of the four
directions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from metaregret.tabular.environments.options import (
    MAX_STATES,
    Environment,
    Options,
    check_transitions,
    whole_number,
)
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

__all__ = ["ENVIRONMENT", "grid"]

MOVES = ("right", "left", "down", "up", "stay")
_STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1), (0, 0))


def grid(
    width: int,
    height: int,
    *,
    slip: Fraction | int = Fraction(0),
    start: int = 0,
    walls: Iterable[int] = (),
    horizon: Horizon | int | None = None,
) -> ControlledMarkovProcess:
    """Return a grid world.

    Parameters
    ----------
    width, height : int
        Number of columns and rows.
    slip : Fraction
        Probability that the move is replaced by a uniformly random direction.
    start : int
        Index of the initial cell (row by row, counted before walls are taken out).
    walls : iterable of int
        Cells that cannot be entered; they are not states, and the other cells keep their order.
    horizon : Horizon or int, optional
        By default the smallest number of steps that reaches every cell from the start on a grid without
        walls.

    Raises
    ------
    EnvironmentSpecError
        If the start is outside the grid or on a wall, a wall is outside, or `slip` is not a probability.
    InstanceTooLargeError
        If there would be more transitions than fit in memory.
    """
    cells = width * height
    slip = parse_fraction(slip, "slip")
    if not 0 <= slip <= 1:
        raise EnvironmentSpecError(f"Expected slip between 0 and 1, but got slip={slip}.")
    check_transitions(cells * (25 if slip else 5), f"grid:{width}x{height}")
    if not 0 <= start < cells:
        raise EnvironmentSpecError(f"Expected start in 0..{cells - 1}, but got start={start}.")
    open_cell = np.ones(cells, dtype=bool)
    blocked = sorted(walls)
    if blocked and not 0 <= blocked[0] <= blocked[-1] < cells:
        raise EnvironmentSpecError(f"Expected walls in 0..{cells - 1}, but got {blocked[0]}..{blocked[-1]}.")
    open_cell[blocked] = False
    if not open_cell[start]:
        raise EnvironmentSpecError(f"Expected start to be a free cell, but start={start} is a wall.")
    number = np.where(open_cell, np.cumsum(open_cell) - 1, -1)
    targets = _targets(width, height, open_cell, number)
    keys, weights, denominator = _rows(targets, slip)
    column, row = start % width, start // width
    farthest = max(column, width - 1 - column) + max(row, height - 1 - row)
    picture = tuple(
        tuple(int(number[y * width + x]) if open_cell[y * width + x] else None for x in range(width))
        for y in range(height)
    )
    name = f"grid:{width}x{height}" + (f",slip={slip}" if slip else "") + (f",start={start}" if start else "")
    return ControlledMarkovProcess.from_counts(
        keys,
        weights,
        denominator,
        states=int(open_cell.sum()),
        actions=MOVES,
        initial=int(number[start]),
        horizon=max(1, farthest) if horizon is None else horizon,
        name=name,
        picture=picture,
    )


def _targets(width: int, height: int, open_cell: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Successor of every free cell under every move without slip, shape (states, 5)."""
    y, x = np.divmod(np.flatnonzero(open_cell), width)
    here = number[y * width + x]
    columns = []
    for dx, dy in _STEPS:
        to_x, to_y = np.clip(x + dx, 0, width - 1), np.clip(y + dy, 0, height - 1)
        to = number[to_y * width + to_x]
        columns.append(np.where(to >= 0, to, here))
    return np.column_stack(columns)


def _rows(targets: np.ndarray, slip: Fraction) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows (state, action, successor) with integer weights over one denominator."""
    n_states = len(targets)
    state = np.arange(n_states)
    p, q = slip.numerator, slip.denominator
    keys, weights = [], []
    for action in range(5):
        keys.append(np.column_stack([state, np.full(n_states, action), targets[:, action]]))
        weights.append(np.full(n_states, 4 * (q - p)))
        for direction in range(4) if p else ():
            keys.append(np.column_stack([state, np.full(n_states, action), targets[:, direction]]))
            weights.append(np.full(n_states, p))
    return np.concatenate(keys), np.concatenate(weights), 4 * q


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    match = re.fullmatch(r"(\d{1,9})x(\d{1,9})", body)
    if not match:
        raise EnvironmentSpecError(f"Expected grid:WIDTHxHEIGHT, but got grid:{body}; for example grid:5x5.")
    width, height = (whole_number(text, "grid size") for text in match.groups())
    whole_number(str(width * height), "number of grid cells", 1, MAX_STATES)
    return grid(width, height, slip=options.probability("slip"), start=options.integer("start", 0))


ENVIRONMENT = Environment(
    "grid",
    "grid:WIDTHxHEIGHT[,slip=P/Q][,start=INDEX]",
    "a grid; moves right, left, down, up, stay; a slip goes a random way",
    ("grid:5x5", "grid:3x3,slip=1/10"),
    _build,
)
