"""The tree of everything that a learner with memory can see: for small processes, enumerated in full.

A node is a history of states, actions and rewards over ``N`` episodes, up to a decision (or the end). The
tasks that are still consistent with it share the node; where their rewards differ the node has a child for
each. A learner that maps histories to actions is evaluated exactly by one pass through the tree:

    R(f, z) = sum_nodes [z consistent] Pr(chance) prod(f's probabilities) reward of the last step.

The number of nodes grows like ``(choices times outcomes)^(N T)``; it is limited before memory is spent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.theory.learning.step_tasks import StepTasks

__all__ = ["HistoryLayer", "HistoryTree", "history_tree"]

MAX_NODES = 200_000


@dataclass(frozen=True, eq=False)
class HistoryLayer:
    """The histories of one length; each array has one entry a node.

    Attributes
    ----------
    parent : ndarray of int
        The node of the layer before (0 in the first layer).
    state : ndarray of int
        Where the next decision is taken (after the end of an episode: the start of the next).
    action : ndarray of int
        The last action; ``A`` before the first.
    reward : ndarray of float
        The last reward.
    done : ndarray of float
        1 where an episode has just ended, else 0.
    chance : ndarray of float
        Probability of chance's last move.
    members : ndarray of bool, shape (nodes, Z)
        The tasks consistent with the history.
    """

    parent: np.ndarray
    state: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    done: np.ndarray
    chance: np.ndarray
    members: np.ndarray


@dataclass(frozen=True, eq=False)
class HistoryTree:
    """All histories of ``N`` episodes.

    Attributes
    ----------
    tasks : StepTasks
    episodes : int
        ``N``.
    layers : tuple of HistoryLayer, length N T + 1
    """

    tasks: StepTasks
    episodes: int
    layers: tuple[HistoryLayer, ...]

    @property
    def nodes(self) -> int:
        """Number of histories."""
        return sum(len(layer.state) for layer in self.layers)


def history_tree(tasks: StepTasks, episodes: int, *, max_nodes: int = MAX_NODES) -> HistoryTree:
    """Build the tree.

    Raises
    ------
    InvalidArgumentError
        If `episodes` is not a whole number of at least one.
    InstanceTooLargeError
        If there are more than `max_nodes` histories.
    """
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 1:
        raise InvalidArgumentError(f"Expected episodes >= 1, but got episodes={episodes!r}.")
    process, total = tasks.process, 0
    starts = np.flatnonzero(process.initial)
    layers = [
        HistoryLayer(
            parent=np.zeros(len(starts), dtype=np.int64),
            state=starts,
            action=np.full(len(starts), process.n_actions),
            reward=np.zeros(len(starts)),
            done=np.zeros(len(starts)),
            chance=process.initial[starts],
            members=np.ones((len(starts), len(tasks)), dtype=bool),
        )
    ]
    for index in range(episodes * tasks.steps):
        layers.append(_following(tasks, layers[-1], index % tasks.steps))
        total += len(layers[-1].state)
        if total > max_nodes:
            raise InstanceTooLargeError(
                f"The histories of {episodes} episodes on {process.name!r} are more than {max_nodes} (with "
                f"{index + 1} of {episodes * tasks.steps} steps taken); ask for fewer episodes, a shorter "
                "horizon or fewer tasks, or train from sampled episodes."
            )
    return HistoryTree(tasks, episodes, tuple(layers))


def _following(tasks: StepTasks, layer: HistoryLayer, step: int) -> HistoryLayer:
    """Return the histories one step longer: each choice, successor and reward (and next start) a child."""
    process, ends = tasks.process, step == tasks.steps - 1
    first, last = process.offsets[process.choice_offsets[:-1]], process.offsets[process.choice_offsets[1:]]
    rows: list[tuple[int, int, int, float, float]] = []
    members: list[np.ndarray] = []
    starts = np.flatnonzero(process.initial).tolist()
    for node, state in enumerate(layer.state.tolist()):
        for m in range(int(first[state]), int(last[state])):
            to, p = int(process.successors[m]), float(process.probabilities[m])
            action = int(process.choice_action[process.transition_choice[m]])
            paid = tasks.rewards[:, step, to]
            for reward in np.unique(paid[layer.members[node]]).tolist():
                consistent = layer.members[node] & (paid == reward)
                if not ends:
                    rows.append((node, to, action, reward, p))
                    members.append(consistent)
                    continue
                for start in starts:
                    rows.append((node, start, action, reward, p * float(process.initial[start])))
                    members.append(consistent)
    parent, following, actions, rewards, chance = (np.array(column) for column in zip(*rows, strict=True))
    return HistoryLayer(
        parent, following, actions, rewards, np.full(len(rows), float(ends)), chance, np.array(members)
    )
