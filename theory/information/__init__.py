"""Information measures, channel capacity and redundancy of every order, in nats; channel rows are inputs,
``channel[x, y] = W(y|x)``."""

from metaregret.theory.information.capacity import CapacityMethod, ChannelCapacity, channel_capacity
from metaregret.theory.information.certificate import capacity_bracket
from metaregret.theory.information.measures import (
    entropy,
    kl_divergence,
    mutual_information,
    output_distribution,
    row_divergences,
)
from metaregret.theory.information.orders import Order, as_order, divergences
from metaregret.theory.information.redundancy import ChannelRedundancy, channel_redundancy

__all__ = [
    "CapacityMethod",
    "ChannelCapacity",
    "ChannelRedundancy",
    "Order",
    "as_order",
    "capacity_bracket",
    "channel_capacity",
    "channel_redundancy",
    "divergences",
    "entropy",
    "kl_divergence",
    "mutual_information",
    "output_distribution",
    "row_divergences",
]
