"""A claim that is false for a subtle reason: `metaregret verify --new docs/examples/false_claim.py` refutes
it.

T06 says that the goal marginal which maximises mutual information is minimax on deterministic controllable
processes. Is it enough that all goals are reachable? (No: with noise the two differ, see C01.)
"""

from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.claims import property_claim
from metaregret.theory.main_claim import check_main_claim


def margin(process: ControlledMarkovProcess) -> float | None:
    """How far the MI-optimal marginal is from being worse than minimax; None where the claim says nothing."""
    if not goal_support(process).all():
        return None
    main = check_main_claim(process)
    return 1e-4 - main.gap if main.capacity_known else None


THEOREM = property_claim(
    uid="X01",
    title="The MI-optimal marginal is minimax wherever all goals are reachable",
    statement=(
        r"\text{all goals reachable} \Rightarrow "
        r"q^*_{\mathrm{MI}}\in\arg\min_{\rho\in M}\max_g v^*_g/\rho_g"
    ),
    strategy=processes(max_states=3, max_actions=2, max_steps=2, geometric=False),
    margin=margin,
    uses=("T04", "T06"),
)
