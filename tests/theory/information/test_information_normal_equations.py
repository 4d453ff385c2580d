"""Each form of the Newton system solves the same equations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from metaregret.tabular.errors import SolverError
from metaregret.theory.information import normal_equations
from metaregret.theory.information.channel import as_channel
from metaregret.theory.information.normal_equations import factorise


@pytest.mark.parametrize(("inputs", "outputs"), [(12, 30), (30, 12), (20, 20), (1, 1)])
@pytest.mark.parametrize("form", ["dense", "sparse factors", "products"])
def test_solutions_have_small_residuals(
    inputs: int, outputs: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    matrix = generator.dirichlet(np.ones(outputs), size=inputs)
    monkeypatch.setattr(normal_equations, "LARGEST_FACTORED_SPARSE", 0 if form == "products" else 1000)
    monkeypatch.setattr(normal_equations, "_CG_TOLERANCE", 1e-13)
    channel = as_channel(matrix if form == "dense" else scipy.sparse.csr_array(matrix))
    p = generator.dirichlet(np.ones(inputs))
    slack = generator.random(inputs) + 0.01
    q = p @ matrix
    right = generator.standard_normal(inputs)
    system = np.sqrt(p)[:, None] * (matrix / q @ matrix.T) * np.sqrt(p) + np.diag(slack)
    solution = factorise(channel, p, q, slack)(right)
    assert system @ solution == pytest.approx(right, abs=1e-9)
    # The scaling claimed in the module: sqrt(p) is an eigenvector of B B' for the eigenvalue one.
    assert (system - np.diag(slack)) @ np.sqrt(p) == pytest.approx(np.sqrt(p), abs=1e-12)


def test_repeated_rows_are_shifted_and_an_indefinite_matrix_is_refused() -> None:
    channel = as_channel(np.full((3, 4), 0.25))
    p = np.full(3, 1 / 3)
    solution = factorise(channel, p, np.full(4, 0.25), np.zeros(3))(np.sqrt(p))
    # B B' has rank one here: solutions are many, and each has sqrt(p) . u = 1.
    assert np.sqrt(p) @ solution == pytest.approx(1.0, abs=1e-9)
    with pytest.raises(SolverError, match="positive definite"):
        factorise(channel, p, np.full(4, 0.25), np.full(3, -1.0))
