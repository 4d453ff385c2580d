"""What proves the bounds of a minimax solution, and how the search for it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.theory.adversaries import Adversary, Simplex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaregret.theory.minimax.memory.game import MemoryGame
    from metaregret.theory.minimax.memory.mixture import Mixture
    from metaregret.theory.success import SuccessTasks

__all__ = ["Exact", "MarkedProof", "MixtureProof", "PolicyProof", "Proof"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Exact:
    """Rational bounds with their proofs; arrays are of `Fraction`.

    Attributes
    ----------
    lower, upper : Fraction
    prior : array, shape (K,)
        The task distribution that proves `lower`.
    weights : array
        Of learners without memory, shape (K,): ``prior`` times the slopes at `reference`, the rewards of the
        dynamic program behind `lower`. With memory, shape (m,): the mixture of learners.
    per_task : array, shape (K,)
        Losses of the learner; the largest is `upper`.
    reference : array, shape (K,), or None
        The success probabilities at which the losses were replaced by their tangents.
    policy : array, shape (T, C) or (C,), or None
        The policy whose worst loss is `upper`.
    success, optimum : array, shape (K,), or None
        What it achieves on each task, and the best that can be achieved.
    exploration : array, shape (S,) or (K,), or None
        Its terminal distribution, or `success`.
    losses : array, shape (m, K), or None
        Of each learner of the mixture.
    rounds : int
        Best responses computed.
    method : str
    """

    lower: Fraction
    upper: Fraction
    prior: Sequence[Any] | np.ndarray
    weights: Sequence[Any] | np.ndarray
    per_task: Sequence[Any] | np.ndarray = ()
    reference: np.ndarray | None = None
    policy: np.ndarray | None = None
    success: np.ndarray | None = None
    optimum: np.ndarray | None = None
    exploration: np.ndarray | None = None
    losses: Sequence[Sequence[Fraction]] | None = None
    rounds: int = 0
    method: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Proof:
    """What all solvers have to tell.

    Attributes
    ----------
    adversary : Adversary
        The task distributions that were allowed.
    interrupted : bool
        Whether a keyboard interrupt ended the search.
    exact : Exact or None
    """

    adversary: Adversary = field(default_factory=Simplex)
    interrupted: bool = False
    exact: Exact | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class PolicyProof(Proof):
    """Of learners without memory.

    Attributes
    ----------
    policy : ndarray, shape (T, C') or (C',)
        Weights on choices; its losses are the upper bound.
    weights : ndarray, shape (K,)
        Dual weights on tasks; planning for them proves the lower bound.
    """

    policy: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class MarkedProof(PolicyProof):
    """What proves the value for tasks that an episode meets or does not.

    Attributes
    ----------
    marked : SuccessTasks
        The tasks as marks on the states of the process on which the policy lives.
    required : ndarray, shape (K,), or None
        Success probabilities that the upper bound asks for.
    """

    marked: SuccessTasks
    required: np.ndarray | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class MixtureProof(Proof):
    """Of learners with memory.

    Attributes
    ----------
    mixture : Mixture
        Of deterministic learners; its losses are the upper bound.
    game : MemoryGame
        Its best response to the least-favourable distribution is the lower bound.
    history : tuple of (float, float)
        The bounds after every round.
    """

    mixture: Mixture
    game: MemoryGame
    history: tuple[tuple[float, float], ...] = ()
