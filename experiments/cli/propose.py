"""``metaregret propose``: the task distribution that an unsupervised method proposes, and its worst-case
regret."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from metaregret.experiments.cli.options import (
    build_process,
    finite_episodes_option,
    json_option,
    process_options,
)
from metaregret.experiments.cli.output import (
    bracket,
    check_outputs,
    console,
    emit_json,
    number,
    progress,
    state_map,
    table,
)
from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    from metaregret.tabular.bounds import Bracket
    from metaregret.tabular.process import ControlledMarkovProcess
    from metaregret.theory.proposals import Proposal

__all__ = ["COMMAND", "MethodOption"]

MOST_ROWS = 30
DIGITS = "digits"
"""The data set that stands in the place of a CMP for proposals of classification tasks."""


class MethodOption(click.Option):
    """An option whose help lists the methods, which are looked up when the help is asked for."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from metaregret.theory.proposals import methods

        start = self.help
        self.help = f"{start}: {', '.join(methods())}."
        try:
            return super().get_help_record(ctx)
        finally:
            self.help = start


@click.command("propose", short_help="What an unsupervised method proposes.")
@process_options
@click.option(
    "--method",
    default="capacity",
    show_default=True,
    cls=MethodOption,
    metavar="NAME",
    help="One of cactus, umtra, random, scratch and true-classes for digits, else of",
)
@click.option(
    "--states", type=click.Choice(["end", "all"]), default="end", help="Terminal state, or all states."
)
@click.option("--skills", type=click.IntRange(1, 10_000), help="Number of skills [default: one a goal].")
@click.option(
    "--test",
    "tests",
    multiple=True,
    metavar="GOAL=WEIGHT",
    help="For hand-made: a goal of the test distribution, once a goal [default: the adversary's].",
)
@click.option(
    "--learner",
    type=click.Choice(["memoryless", "memory"]),
    help="Also train this learner on the proposed goals, Bayes-optimally.",
)
@click.option("--episodes", metavar="N", help="Number of episodes of --learner memory [default: one a goal].")
@click.option("--ways", type=click.IntRange(2, 10), help="Classes of a task, for digits [default: 5].")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the goals, the exploration and the objective's curves.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a certificate of the worst-case regret that metaregret check proves.",
)
@json_option
def COMMAND(
    cmp: str,
    horizon: int | None,
    gamma: str | None,
    start: str | None,
    method: str,
    states: str,
    skills: int | None,
    tests: tuple[str, ...],
    learner: str | None,
    episodes: str | None,
    ways: int | None,
    seed: int,
    figure: Path | None,
    certificate: Path | None,
    json_file: str | None,
) -> None:
    """Propose tasks without supervision, and compare with the minimax task distribution.

    The worst-case regret is that of the memoryless learner that explores with the proposal; --learner adds
    the learner that was trained on the proposed goals. Mutual information is in nats. metaregret compare
    makes the table of all methods.

    In place of a CMP, digits stands for scikit-learn's handwritten digits: the supervised counterpart, tasks
    of classification proposed from unlabelled items (needs the extra 'supervised').

    \b
    Examples:
      metaregret propose grid:3x3 --horizon 4
      metaregret propose grid:3x3,slip=1/10 --horizon 4 --method capacity --figure proposal.pdf
      metaregret propose line:3 --horizon 3 --method diayn --states all
      metaregret propose line:5 --method vic --learner memory
      metaregret propose line:5 --method hand-made --test 0=1 --test 4=3 --learner memoryless
      metaregret propose line:5,start=2 --horizon 4 --method packing
      metaregret propose digits --method cactus --ways 3
    """
    check_outputs(json_file, figure=figure, certificate=certificate)
    if cmp == DIGITS:
        given = (horizon, gamma, start, skills, learner, episodes, certificate, *tests)
        if states != "end" or any(value is not None for value in given):
            raise InvalidArgumentError(
                "Proposals on digits take --method, --ways, --seed, --figure and --json only."
            )
        _propose_on_digits(method, 5 if ways is None else ways, seed, figure, json_file)
        return
    if ways is not None:
        raise InvalidArgumentError(f"--ways goes with {DIGITS} in place of a CMP.")
    if episodes is not None and learner != "memory":
        raise InvalidArgumentError("--episodes goes with --learner memory.")
    if tests and method != "hand-made":
        raise InvalidArgumentError("--test goes with --method hand-made.")
    from metaregret.theory.proposals import methods, propose
    from metaregret.theory.proposals.supervised import supervised_methods

    if method in supervised_methods() and method not in methods():
        raise InvalidArgumentError(
            f"Method {method!r} proposes classification tasks; give {DIGITS} in place of the CMP {cmp!r}."
        )
    count = finite_episodes_option(episodes)
    process = build_process(cmp, horizon, gamma, start)
    test = _test_distribution(process, tests) if tests else None
    with progress(f"{method} on {process.name}"):
        proposal = propose(
            process, method, states="all" if states == "all" else "end", skills=skills, seed=seed, test=test
        )
        document = proposal.to_json()
        if learner is not None:
            document["trained"] = _trained(proposal, learner, count)
    if certificate is not None:
        _certify(proposal, certificate)
    if figure is not None:
        from metaregret.experiments.figures.proposal_pictures import draw_proposal

        draw_proposal(proposal, figure)
    if not emit_json(document, json_file):
        _print(process, document, method)


def _test_distribution(process: ControlledMarkovProcess, tests: tuple[str, ...]) -> np.ndarray:
    from metaregret.tabular.rationals import parse_fraction

    weights: dict[int, Fraction] = {}
    for text in tests:
        goal, equals, weight = text.rpartition("=")
        if not equals:
            raise InvalidArgumentError(f"Expected --test GOAL=WEIGHT, but got {text!r}.")
        value = parse_fraction(weight, f"--test {goal}")
        if not value > 0:
            raise InvalidArgumentError(f"Expected a positive weight in --test {text!r}; leave out the goal.")
        position = process.states.position(goal)
        if position in weights:
            raise InvalidArgumentError(f"Goal {goal!r} is given twice with --test; give it once.")
        weights[position] = value
    total = sum(weights.values())
    result = np.zeros(process.n_states)
    for position, value in weights.items():
        result[position] = value / total
        if not result[position] > 0:
            raise InvalidArgumentError(
                f"The weight of goal {process.states[position]!r} in --test is too small beside the "
                "others for a floating-point probability; leave out the goal."
            )
    return result


def _trained(proposal: Proposal, learner: str, episodes: int | None) -> dict[str, Any]:
    """The trained learner's part of the document."""

    def bounds(value: Bracket) -> dict[str, Any]:
        return {"lower": value.lower, "upper": value.upper}

    if learner == "memoryless":
        found = proposal.trained
        return {
            "learner": learner,
            "episodes": "inf",
            "expected_regret": bounds(found.hitting_loss),
            "worst_case_regret": bounds(found.worst_case),
            "minimax_regret": bounds(proposal.minimax.value),
            "price": proposal.price_of(found.worst_case.midpoint),
            "exploration": {
                proposal.process.states[int(s)]: float(found.exploration[s])
                for s in np.flatnonzero(found.exploration > 0)
            },
        }
    memory = proposal.trained_with_memory(episodes)
    return {
        "learner": learner,
        "episodes": memory.episodes,
        "expected_regret": bounds(memory.expected),
        "worst_case_regret": bounds(memory.worst_case),
        "worst_case_regret_as_planned": memory.as_planned,
        "minimax_regret": bounds(memory.minimax.value),
        "price": memory.price,
    }


def _certify(proposal: Proposal, file: Path) -> None:
    from metaregret.theory.certificates.drafting import write_certificate
    from metaregret.theory.certificates.write_proposal import proposal_certificate

    document = proposal_certificate(proposal)
    write_certificate(document, file)
    claim = document["claim"]
    click.echo(f"wrote {file}, which proves {claim['lower']} <= regret <= {claim['upper']}", err=True)


def _propose_on_digits(method: str, ways: int, seed: int, figure: Path | None, json_file: str | None) -> None:
    from metaregret.theory.proposals.supervised import digits, propose_supervised

    with progress(f"{method} on digits"):
        train, test = digits(seed)
        proposal = propose_supervised(method, train, test, ways=ways, seed=seed)
    document = {"format": "metaregret-supervised-proposal/1", "seed": seed} | proposal.to_json()
    if figure is not None:
        from metaregret.experiments.figures.proposal_pictures import draw_supervised

        draw_supervised(proposal, figure)
    if emit_json(document, json_file):
        return
    out = console()
    out.print(f"digits: {ways}-way tasks proposed by {method}", markup=False)
    for key in ("worst_case_error", "mean_error", "worst_case_regret", "hardest"):
        out.print(f"{key.replace('_', ' '):<20} {_show(document[key])}", markup=False)


def _show(value: Any) -> str:
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _print(process: ControlledMarkovProcess, document: dict[str, Any], method: str) -> None:
    out = console()
    information = document["mutual_information"]
    upper = "not known" if information["upper"] is None else f"{information['upper']:.9g}"
    out.print(f"{process.name}: tasks proposed by {method}", markup=False)
    out.print(
        f"mutual information   {information['lower']:.9g} nats (certified capacity: {upper})", markup=False
    )
    if "tau_star" in document:
        out.print(f"{'tau*':<20} {document['tau_star']} (goals are noticed on the way)", markup=False)
    for key in ("worst_case_regret", "minimax_regret", "matches_uniform", "matches_minimax"):
        out.print(f"{key.replace('_', ' '):<20} {_show(document[key])}", markup=False)
    if "trained" in document:
        _print_trained(document["trained"])
    weights = {process.states.position(name): float(p) for name, p in document["goal_distribution"].items()}
    drawing = state_map(process, weights)
    if drawing:
        out.print("goal distribution:")
        out.print(drawing, markup=False)
        return
    order = sorted(weights, key=lambda state: -weights[state])
    if len(order) > MOST_ROWS and np.isclose(weights[order[0]], weights[order[-1]]):
        out.print(
            f"every one of the {len(order)} goals has probability {weights[order[0]]:.6g}", markup=False
        )
        return
    rows = [(process.states[s], number(weights[s])) for s in order[:MOST_ROWS]]
    title = "goals" if len(rows) == len(order) else f"the {MOST_ROWS} most likely of {len(order)} goals"
    out.print(table(title, ("goal", "probability"), rows))


def _print_trained(trained: dict[str, Any]) -> None:
    from metaregret.tabular.bounds import Bracket

    out = console()
    out.print(f"trained on them, {trained['learner']}, N = {trained['episodes']}:", markup=False)
    for key in ("worst_case_regret", "minimax_regret"):
        value = Bracket(trained[key]["lower"], trained[key]["upper"])
        out.print(f"  {key.replace('_', ' '):<18} {bracket(value)}", markup=False)
    out.print(f"  {'price':<18} {number(trained['price'])}", markup=False)
