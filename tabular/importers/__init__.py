"""Models from outside: `read` takes whatever holds one. Single forms: Gymnasium, pymdptoolbox, QuantEcon,
msdm, NPZ, Storm, step functions; and back.

JSON documents are read and written by `metaregret.tabular.files`.
"""

from metaregret.tabular.importers.arrays import (
    from_matrices,
    from_mdptoolbox,
    from_successors,
    to_mdptoolbox,
)
from metaregret.tabular.importers.gymnasium_table import from_gymnasium_table, to_gymnasium_table
from metaregret.tabular.importers.imported import Imported, Note
from metaregret.tabular.importers.npz import read_npz, write_npz
from metaregret.tabular.importers.read import FORMATS, read
from metaregret.tabular.importers.state_action import from_state_action, to_state_action
from metaregret.tabular.importers.steps import from_environment, from_steps
from metaregret.tabular.importers.storm import read_storm
from metaregret.tabular.importers.storm_files import write_drn, write_explicit

__all__ = [
    "FORMATS",
    "Imported",
    "Note",
    "from_environment",
    "from_gymnasium_table",
    "from_matrices",
    "from_mdptoolbox",
    "from_state_action",
    "from_steps",
    "from_successors",
    "read",
    "read_npz",
    "read_storm",
    "to_gymnasium_table",
    "to_mdptoolbox",
    "to_state_action",
    "write_drn",
    "write_explicit",
    "write_npz",
]
