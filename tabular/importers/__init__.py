"""Processes and rewards from other libraries' forms, and back: pymdptoolbox, QuantEcon, Gymnasium, NPZ.

Scipy matrices (one per action) are read by `metaregret.tabular.process.ControlledMarkovProcess.from_sparse`,
JSON by `metaregret.tabular.files`.
"""

from metaregret.tabular.importers.arrays import from_mdptoolbox, to_mdptoolbox
from metaregret.tabular.importers.gymnasium_table import from_gymnasium_table, to_gymnasium_table
from metaregret.tabular.importers.npz import read_npz, write_npz
from metaregret.tabular.importers.state_action import from_state_action, to_state_action

__all__ = [
    "from_gymnasium_table",
    "from_mdptoolbox",
    "from_state_action",
    "read_npz",
    "to_gymnasium_table",
    "to_mdptoolbox",
    "to_state_action",
    "write_npz",
]
