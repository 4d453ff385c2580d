"""Information measures and channel capacity, in nats; channel rows are inputs, ``channel[x, y] = W(y|x)``."""

from metaregret.theory.information.capacity import CapacityMethod, ChannelCapacity, channel_capacity
from metaregret.theory.information.certificate import capacity_bracket
from metaregret.theory.information.measures import (
    entropy,
    kl_divergence,
    mutual_information,
    output_distribution,
    row_divergences,
    row_entropies,
)

__all__ = [
    "CapacityMethod",
    "ChannelCapacity",
    "capacity_bracket",
    "channel_capacity",
    "entropy",
    "kl_divergence",
    "mutual_information",
    "output_distribution",
    "row_divergences",
    "row_entropies",
]
