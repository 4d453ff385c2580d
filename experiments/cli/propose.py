"""``metaregret propose``: the task distribution that an unsupervised method proposes, and its worst-case
regret."""

from __future__ import annotations

from pathlib import Path

import click

from metaregret.experiments.cli.options import (
    SEED,
    Source,
    file_option,
    finite_episodes_option,
    json_option,
    process_options,
    word_option,
)
from metaregret.experiments.cli.output import check_outputs, progress, show, write_certificate
from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["COMMAND", "MethodOption"]

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
    cls=MethodOption,
    metavar="NAME",
    help="One of cactus, umtra, random, scratch and true-classes for digits, else of",
)
@word_option("--states", ("end", "all"), help="Terminal state, or all states.")
@click.option("--skills", type=click.IntRange(1, 10_000), help="Number of skills [default: one per goal].")
@click.option(
    "--alpha",
    metavar="A|inf",
    help="Order of the divergence, from 1: for order [default: 2], and finite for diayn [default: 1].",
)
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
@click.option(
    "--episodes", metavar="N", help="Number of episodes of --learner memory [default: one per goal]."
)
@click.option("--ways", type=click.IntRange(2, 10), help="Classes of a task, for digits [default: 5].")
@click.option("--seed", type=SEED, default=0, help="Seed of every random draw.")
@file_option("--figure", help="Draw the goals, the exploration and the objective's curves.")
@file_option("--certificate", help="Write a certificate that metaregret check proves; see --certify.")
@click.option(
    "--certify",
    type=click.Choice(["regret", "information"]),
    default="regret",
    help="What --certificate is about; information is for the methods capacity and order.",
)
@json_option
def COMMAND(
    source: Source,
    method: str,
    states: str,
    skills: int | None,
    alpha: str | None,
    tests: tuple[str, ...],
    learner: str | None,
    episodes: str | None,
    ways: int | None,
    seed: int,
    figure: Path | None,
    certificate: Path | None,
    certify: str,
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
      metaregret propose noisy-goal:K=4,v=1/2 --method order --alpha inf
      metaregret propose line:5 --method capacity --certify information --certificate c.json
      metaregret propose line:5 --method vic --learner memory
      metaregret propose line:5 --method hand-made --test 0=1 --test 4=3 --learner memoryless
      metaregret propose line:5,start=2 --horizon 4 --method packing
      metaregret propose digits --method cactus --ways 3
    """
    check_outputs(json_file, figure=figure, certificate=certificate)
    if source.cmp == DIGITS:
        given = (
            source.horizon,
            source.gamma,
            source.start,
            skills,
            alpha,
            learner,
            episodes,
            certificate,
            *tests,
        )
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
    if alpha is not None and method not in ("order", "diayn"):
        raise InvalidArgumentError("--alpha goes with --method order and --method diayn.")
    if tests and method != "hand-made":
        raise InvalidArgumentError("--test goes with --method hand-made.")
    from metaregret.theory.proposals import methods, propose
    from metaregret.theory.proposals.supervised import supervised_methods

    if method in supervised_methods() and method not in methods():
        raise InvalidArgumentError(
            f"Method {method!r} proposes classification tasks; give {DIGITS} in place of the CMP "
            f"{source.cmp!r}."
        )
    count = finite_episodes_option(episodes)
    process = source.process()
    with progress(f"{method} on {process.name}"):
        proposal = propose(
            process,
            method,
            states=states,
            skills=skills,
            alpha=alpha,
            seed=seed,
            test=_test_weights(tests) or None,
            learner=learner,
            episodes=count,
        )
    show(proposal, json_file)  # first: it holds even if the checker's limits refuse its certificate
    if figure is not None:
        proposal.plot(figure)
    if certificate is not None:
        write_certificate(proposal, certificate, "regret" if certify == "regret" else "value", of=certify)


def _test_weights(tests: tuple[str, ...]) -> dict[str, str]:
    weights: dict[str, str] = {}
    for text in tests:
        goal, equals, weight = text.rpartition("=")
        if not equals:
            raise InvalidArgumentError(f"Expected --test GOAL=WEIGHT, but got {text!r}.")
        if goal in weights:
            raise InvalidArgumentError(f"Goal {goal!r} is given twice with --test; give it once.")
        weights[goal] = weight
    return weights


def _propose_on_digits(method: str, ways: int, seed: int, figure: Path | None, json_file: str | None) -> None:
    from metaregret.theory.proposals.supervised import digits, propose_supervised

    with progress(f"{method} on digits"):
        train, test = digits(seed)
        proposal = propose_supervised(method, train, test, ways=ways, seed=seed)
    if figure is not None:
        proposal.plot(figure)
    show(proposal, json_file)
