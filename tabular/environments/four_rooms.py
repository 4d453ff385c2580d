"""Four rooms of n x n cells in a square, with a door in the middle of each of the four walls between them.

The square has ``2 n + 1`` columns and rows; row ``n`` and column ``n`` are wall except for the doors. Each
wall between two rooms has ``n`` cells, and its door is the cell ``n // 2`` counted from the outside, so the
rooms are mirror images of each other. Moves, slips and walls are those of a grid. For ``n = 1`` the rooms
and doors form a ring of eight cells; ``n = 5`` has the size of the classic environment.

Source of the idea: Sutton, Precup & Singh, *Between MDPs and semi-MDPs*, Artificial Intelligence 112 (1999).
There one of the walls is set off by a row, two doors are not in the middle, and slips go to the other three
directions; here all is symmetric and slips are those of ``grid``.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.environments.grid import grid
from metaregret.tabular.environments.options import Environment, Options, whole_number
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "four_rooms"]

MAX_SIDE = 2000


def four_rooms(
    side: int,
    *,
    slip: Fraction | int = Fraction(0),
    start: int = 0,
    horizon: Horizon | int | None = None,
) -> ControlledMarkovProcess:
    """Return four rooms of ``side x side`` cells; there are ``4 side**2 + 4`` states.

    Parameters
    ----------
    side : int
        Cells along a side of a room.
    slip : Fraction
        Probability that the move is replaced by a uniformly random direction.
    start : int
        Index of the initial state, counted row by row over the free cells.
    horizon : Horizon or int, optional
        By default the number of steps from the start to the farthest cell.

    Raises
    ------
    EnvironmentSpecError
        If the start is not a state or `slip` is not a probability.
    """
    width = 2 * side + 1
    doors = {side // 2, width - 1 - side // 2}
    walls = [side * width + x for x in range(width) if x not in doors]
    walls += [y * width + side for y in range(width) if y not in doors and y != side]
    free = np.setdiff1d(np.arange(width * width), walls)
    if not 0 <= start < len(free):
        raise EnvironmentSpecError(f"Expected start in 0..{len(free) - 1}, but got start={start}.")
    process = grid(width, width, slip=slip, start=int(free[start]), walls=walls, horizon=1)
    name = f"four-rooms:{side}" + (f",slip={slip}" if slip else "") + (f",start={start}" if start else "")
    return process.replaced(horizon=_farthest(process) if horizon is None else horizon, name=name)


def _farthest(process: ControlledMarkovProcess) -> int:
    """Return the number of moves from the start to the farthest cell."""
    moves = process.matrix.tocoo()
    links = (np.ones(moves.nnz), (process.choice_state[moves.row], moves.col))
    between = sp.csr_array(links, shape=(process.n_states, process.n_states))
    steps = 0
    reached = process.initial > 0
    while not reached.all():
        reached = reached | (reached @ between > 0)
        steps += 1
    return max(steps, 1)


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    side = whole_number(body, "side of a room", 1, MAX_SIDE)
    return four_rooms(side, slip=options.probability("slip"), start=options.integer("start", 0))


ENVIRONMENT = Environment(
    "four-rooms",
    "four-rooms:SIDE[,slip=P/Q][,start=INDEX]",
    "four rooms of SIDE x SIDE cells with a door in each wall; moves as on a grid",
    ("four-rooms:2", "four-rooms:5,slip=1/10"),
    _build,
)
