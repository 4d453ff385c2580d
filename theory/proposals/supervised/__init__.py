"""The supervised counterpart: classification tasks proposed from unlabelled data, worst case over class
subsets."""

from metaregret.theory.proposals.supervised.cactus import cactus_partitions, cactus_scatter
from metaregret.theory.proposals.supervised.data import LabelledItems, digits
from metaregret.theory.proposals.supervised.learner import (
    SubsetErrors,
    learn_metric,
    subset_errors,
    within_class_scatter,
)
from metaregret.theory.proposals.supervised.proposal import (
    SupervisedProposal,
    propose_supervised,
    supervised_methods,
)
from metaregret.theory.proposals.supervised.umtra import (
    shifted_copies,
    umtra_scatter,
)

__all__ = [
    "LabelledItems",
    "SubsetErrors",
    "SupervisedProposal",
    "cactus_partitions",
    "cactus_scatter",
    "digits",
    "learn_metric",
    "propose_supervised",
    "shifted_copies",
    "subset_errors",
    "supervised_methods",
    "umtra_scatter",
    "within_class_scatter",
]
