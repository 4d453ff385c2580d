"""Each of the two ways to solve a matrix game alone, and each check of the first by a game that fails it.

`theory/minimax/exact/matrix_game.py` solves on a kernel that floating point points to and, where that is not
optimal, by rational pivots: a mistake in one is hidden by the other unless each is tested alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import flint
import numpy as np
import pytest

from metaregret.tabular.errors import SolverError
from metaregret.theory.minimax.exact import matrix_game
from metaregret.theory.minimax.exact.matrix_game import GameSolution, solve_game


def rational(rows: Sequence[Sequence[int]]) -> np.ndarray:
    return np.array([[flint.fmpq(x) for x in row] for row in rows], dtype=object)


GAMES = {
    "one number": [[3]],
    "pennies": [[2, 0], [0, 2]],
    "a useless column": [[2, 0, 0], [0, 2, 1]],
    "a useless first column": [[0, 2, 0], [1, 0, 2]],
    "a useless row": [[2, 0], [0, 2], [2, 2]],
    "rock, paper, scissors": [[0, 1, -1], [-1, 0, 1], [1, -1, 0]],
    "a row of zeros": [[0, 0], [1, 2]],
    "negative": [[-3, -1], [-2, -4]],
    "a dominant pair": [[4, 1], [3, 0]],
    "mixed three": [[3, 1, 2], [1, 4, 1], [2, 1, 5]],
}
VALUES = {"one number": (3, 1), "pennies": (1, 1), "a useless column": (1, 1), "a useless row": (1, 1)}
VALUES |= {"a useless first column": (1, 1)}
VALUES |= {"rock, paper, scissors": (0, 1), "a row of zeros": (0, 1), "negative": (-5, 2)}
VALUES |= {"a dominant pair": (3, 1), "mixed three": (40, 19)}


def saddle(payoff: np.ndarray, found: GameSolution) -> None:
    for strategy in (found.columns, found.rows):
        assert sum(strategy) == 1
        assert min(strategy) >= 0
    assert min(payoff @ found.columns) == found.value == max(found.rows @ payoff)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("way", ["kernel", "pivots", "Bland's rule"])
def test_each_way_alone(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saddle point of the value found by hand."""
    if way == "kernel":
        monkeypatch.setattr(matrix_game, "_from_pivots", lambda payoff: pytest.fail("the kernel is optimal"))
    else:
        monkeypatch.setattr(matrix_game, "_from_kernel", lambda payoff: None)
    if way == "Bland's rule":
        monkeypatch.setattr(matrix_game, "GREEDY_PIVOTS", 0)
    payoff = rational(GAMES[name])
    found = solve_game(payoff)
    saddle(payoff, found)
    assert found.value == flint.fmpq(*VALUES[name])


NOT_OPTIMAL = {  # game, kernel: exactly one of the four conditions fails
    "a negative column": ([[6, 5], [2, 4]], [0, 1], [0, 1]),  # x = (-1, 4)/14, y = (2, 1)/14
    "a negative row": ([[6, 2], [5, 4]], [0, 1], [0, 1]),
    "a row that pays less": ([[2, 0], [1, 1]], [0], [0]),  # x = (1/2, 0) gets 1/2 from the second row
    "a column that pays more": ([[2, 3]], [0], [0]),  # y = 1/2 gives 3/2 to the second column
    "a singular kernel": ([[1, 1], [1, 1]], [0, 1], [0, 1]),
}


@pytest.mark.parametrize("name", NOT_OPTIMAL)
def test_kernels_that_are_not_optimal_are_not_believed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    game, rows, columns = NOT_OPTIMAL[name]
    payoff, count = rational(game), len(game)
    outside = [count + j for j in columns] + [i for i in range(count) if i not in rows]
    wrong = matrix_game._Tableau(np.empty(0), np.array(rows), np.array(outside))
    assert wrong.kernel() == (rows, columns)
    with monkeypatch.context() as patch:
        patch.setattr(matrix_game, "_pivot", lambda *arguments: wrong)
        assert matrix_game._from_kernel(payoff) is None
    saddle(payoff, solve_game(payoff))


def test_pivots_that_do_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a positive payoff ``max { sum y : P^T y <= 1 }`` is unbounded; the shift excludes that."""
    payoff = rational([[-1, -1]])
    assert matrix_game._from_kernel(payoff) is None
    with pytest.raises(SolverError, match=r"^Rational pivots on a 1 x 2 matrix game did not end\.$"):
        matrix_game._from_pivots(payoff)
    saddle(payoff, solve_game(payoff))
    # Neither way may be tried in place of the other: the one that fails says so.
    monkeypatch.setattr(matrix_game, "_pivot", lambda *arguments: None)
    with pytest.raises(SolverError, match="2 x 3"):
        solve_game(rational([[1, 2, 3], [3, 2, 1]]))


@pytest.mark.parametrize("greedy", [0, 4])
def test_a_game_on_which_the_steepest_rule_may_cycle(greedy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ratios tie in a game of zeros and ones with equal rows and columns; Bland's rule still ends."""
    monkeypatch.setattr(matrix_game, "GREEDY_PIVOTS", greedy)
    rows = [[int((i + j) % 4 in (0, 1)) for j in range(8)] for i in range(8)]
    payoff = rational(rows)
    for found in (matrix_game._from_pivots(payoff), solve_game(payoff)):
        saddle(payoff, found)
        assert found.value == flint.fmpq(1, 2)


def test_the_final_tableau_has_both_solutions() -> None:
    """By hand: ``P = [[2, 1], [0, 2]]``: y = (1/2, 1/4), x = (1/4, 1/2), sum 3/4."""
    end = matrix_game._pivot(rational([[2, 1], [0, 2]]), flint.fmpq(1), flint.fmpq(0))
    assert end is not None
    x, y = end.solution()
    assert x.tolist() == [flint.fmpq(1, 4), flint.fmpq(1, 2)]
    assert y.tolist() == [flint.fmpq(1, 2), flint.fmpq(1, 4)]
    assert end.table[-1, -1] == flint.fmpq(3, 4)
    assert end.kernel() == ([0, 1], [0, 1])


def spied(payoff: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Run the rational pivots, check each against the rules, and return the columns that entered.

    Labels are followed here anew: a basic and a non-basic variable change places with every pivot.
    """
    count, size = payoff.shape
    basic, outside = list(range(count, count + size)), list(range(count))
    greedy, entered = matrix_game.GREEDY_PIVOTS * (count + size), list[int]()
    exchange = matrix_game._exchange

    def checked(table: np.ndarray, leave: int, enter: int, column: np.ndarray, one: object) -> None:
        costs = table[-1, :-1].tolist()
        improving = [j for j in range(count) if costs[j] < 0]
        if len(entered) < greedy:
            assert enter == costs.index(min(costs))
        else:
            assert enter == min(improving, key=lambda j: outside[j])
        assert column.tolist() == table[:, enter].tolist()
        ratios = {i: table[i, -1] / column[i] for i in range(size) if column[i] > 0}
        ties = [i for i, ratio in ratios.items() if ratio == min(ratios.values())]
        assert leave == min(ties, key=lambda i: basic[i])
        exchange(table, leave, enter, column, one)
        basic[leave], outside[enter] = outside[enter], basic[leave]
        entered.append(enter)

    with monkeypatch.context() as patch:
        patch.setattr(matrix_game, "_exchange", checked)
        end = matrix_game._pivot(payoff, flint.fmpq(1), flint.fmpq(0))
    assert end is not None
    assert (end.basic.tolist(), end.outside.tolist()) == (basic, outside)
    return entered


@pytest.mark.parametrize("greedy", [0, 4])
def test_every_pivot_follows_the_rule(greedy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steepest: the most negative cost enters; Bland: the smallest label. Ties leave by smallest label."""
    monkeypatch.setattr(matrix_game, "GREEDY_PIVOTS", greedy)
    rng = np.random.default_rng(1)
    pivots = [len(spied(rational(rng.integers(1, 5, (4, 5)).tolist()), monkeypatch)) for _ in range(30)]
    assert max(pivots) > 4  # some games ask for more than one pivot per row


def test_the_number_of_pivots_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diagonal game of size 3 needs three pivots and a look; six are allowed to each greedy one a row."""
    payoff = rational([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    monkeypatch.setattr(matrix_game, "GREEDY_PIVOTS", 0)
    for limit, ends in ((3, False), (4, True)):
        monkeypatch.setattr(matrix_game, "BLAND_PIVOTS", limit)
        assert (matrix_game._pivot(payoff, flint.fmpq(1), flint.fmpq(0)) is not None) == ends
    monkeypatch.setattr(matrix_game, "BLAND_PIVOTS", 0)
    monkeypatch.setattr(matrix_game, "GREEDY_PIVOTS", 1)
    assert matrix_game._pivot(payoff, flint.fmpq(1), flint.fmpq(0)) is not None


@pytest.mark.parametrize(("lowest", "shift"), [(0, 0), (2, 0), (-1, 2), (-3, 4)])
def test_games_are_shifted_only_where_they_must(
    lowest: int, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros in games that pay stay zeros, which keeps tableaus sparse; otherwise the least payoff is one."""
    seen: list[np.ndarray] = []
    from_kernel = matrix_game._from_kernel

    def spy(payoff: np.ndarray) -> GameSolution | None:
        seen.append(payoff)
        return from_kernel(payoff)

    monkeypatch.setattr(matrix_game, "_from_kernel", spy)
    payoff = rational([[lowest, 5], [6, lowest]])
    saddle(payoff, solve_game(payoff))
    (given,) = seen
    assert given.tolist() == (payoff + shift).tolist()
    pennies = rational([[0, 1], [1, 0]])
    solve_game(pennies)
    assert seen[-1].tolist() == pennies.tolist()
    solve_game(rational([[0, 0], [1, 2]]))  # the value is zero: it must be shifted
    assert seen[-1].tolist() == [[1, 1], [2, 3]]
