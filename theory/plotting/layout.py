"""Where the states of a process are drawn: cells of its picture, levels of a tree, or a spring layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaregret.tabular.process import ControlledMarkovProcess

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["places"]


def places(process: ControlledMarkovProcess) -> tuple[dict[int, tuple[float, float]], list[tuple[int, int]]]:
    """Return the position of each state, about one unit apart, and the links to draw between them.

    A process with a picture has its cells and no links. Others are drawn by their moves: a tree by levels
    below its start, anything else by the layout of Kamada & Kawai (1989).
    """
    if process.picture is not None:
        return {
            state: (float(x), float(-y))
            for y, row in enumerate(process.picture)
            for x, state in enumerate(row)
            if state is not None
        }, []
    import networkx as nx
    import numpy as np

    moves = process.matrix.tocoo()
    graph = nx.Graph(zip(process.choice_state[moves.row].tolist(), moves.col.tolist(), strict=True))
    graph.add_nodes_from(range(process.n_states))
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    if nx.is_tree(graph):
        return _levels(graph, int(np.argmax(process.initial))), list(graph.edges)
    size = process.n_states**0.5
    where = nx.kamada_kawai_layout(graph, scale=size)
    return {state: (float(x), float(y)) for state, (x, y) in where.items()}, list(graph.edges)


def _levels(graph: nx.Graph, root: int) -> dict[int, tuple[float, float]]:
    """Leaves side by side, every other state above the middle of those below it."""
    import networkx as nx

    depth = nx.single_source_shortest_path_length(graph, root)
    across: dict[int, float] = {}
    leaves = 0
    for state in nx.dfs_postorder_nodes(graph, root):
        below = [across[other] for other in graph[state] if depth[other] > depth[state]]
        if below:
            across[state] = sum(below) / len(below)
        else:
            across[state], leaves = float(leaves), leaves + 1
    return {state: (x, -float(depth[state])) for state, x in across.items()}
