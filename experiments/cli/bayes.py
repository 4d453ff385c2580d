"""``metaregret bayes``: the best learner with memory for a task distribution, and its regret elsewhere."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaregret.experiments.cli.options import (
    build_process,
    criterion_option,
    detect_option,
    episodes_option,
    goals_option,
    json_option,
    process_options,
    task_family,
)
from metaregret.experiments.cli.output import check_outputs, console, emit_json, progress
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.theory.presentation import number, table

if TYPE_CHECKING:
    import numpy as np

    from metaregret.theory.minimax.memory import Adversary

__all__ = ["COMMAND"]

MOST_ROWS = 30
FORMAT = "metaregret-distribution/1"
"""Files of task distributions: ``{"format": ..., "tasks": {name: probability}}``."""


@click.command("bayes", short_help="The best learner with memory for known task probabilities.")
@process_options
@click.option("--tasks", default="goals", metavar="FAMILY", help="goals or rewards:FILE.", show_default=True)
@goals_option
@detect_option
@click.option("--episodes", required=True, metavar="N", help="Number of episodes N.")
@criterion_option
@click.option(
    "--prior",
    default="uniform",
    metavar="uniform|A=P,B=P,...|FILE",
    help="The distribution q that the learner is best for; a file is metaregret-distribution/1.",
    show_default=True,
)
@click.option(
    "--against",
    multiple=True,
    metavar="uniform|A=P,...|FILE",
    help="Also say what it loses when tasks come from here.",
)
@click.option(
    "--adversary",
    metavar="tv:R|kl:R|cvar:A",
    help="Also bound its loss, and the smallest possible, over distributions near q: within total variation "
    "R, within R nats, or on the worst share A of the tasks.",
)
@json_option
def COMMAND(
    cmp: str,
    horizon: int | None,
    gamma: str | None,
    start: str | None,
    tasks: str,
    goals: str,
    detect: str,
    episodes: str,
    criterion: str,
    prior: str,
    against: tuple[str, ...],
    adversary: str | None,
    json_file: str | None,
) -> None:
    """Find the learner with memory of smallest expected loss under q: what meta-training on q gives at best.

    Its worst case over all tasks, against the minimax value, is the price of having trained on q.

    \b
    Examples:
      metaregret bayes line:5,start=2 --horizon 4 --detect visit --episodes 5
      metaregret bayes grid:3x3 --horizon 4 --episodes 5 --prior 8=1/2,6=1/2 --against uniform
      metaregret bayes line:5 --horizon 4 --episodes 3 --adversary tv:1/10 --json -
    """
    from metaregret.theory.minimax.memory import bayes_optimal, solve_memory
    from metaregret.theory.minimax.solution import Criterion
    from metaregret.theory.tasks import TrajectoryTasks

    count = episodes_option(episodes)
    if count is None:
        raise InvalidArgumentError("Bayes-optimal learners play finitely many episodes; give --episodes N.")
    check_outputs(json_file)
    process = build_process(cmp, horizon, gamma, start)
    family = task_family(process, tasks, goals, detect, regret=criterion == "regret")
    if isinstance(family, TrajectoryTasks):
        raise UnsupportedError("Learners with memory are solved for goals and rewards; choose one of those.")
    kind = Criterion(criterion)
    with progress(f"solving {process.name}"):
        plain = solve_memory(family, count, criterion=kind)
        q = _distribution(prior, plain.tasks, "--prior")
        others = {text: _distribution(text, plain.tasks, "--against") for text in against}
        near = None if adversary is None else _ball(adversary, q)
        learner = bayes_optimal(family, q, count, criterion=kind)
        within = None if near is None else solve_memory(family, count, criterion=kind, adversary=near)
    document: dict[str, Any] = {
        "format": "metaregret-bayes/1",
        "process": process.name,
        "episodes": count,
        "criterion": criterion,
        "prior": dict(zip(learner.tasks, q.tolist(), strict=True)),
        "value": learner.value.to_json(),
        "per_task": dict(zip(learner.tasks, learner.per_task.tolist(), strict=True)),
        "worst_case": learner.worst_case().to_json(),
        "minimax": plain.value.to_json(),
        "against": {
            text: {
                "loss": learner.loss_against(p).to_json(),
                "excess": learner.excess_against(p).to_json(),
            }
            for text, p in others.items()
        },
    }
    if near is not None and within is not None:
        document["adversary"] = {
            "set": adversary,
            "worst_case": learner.worst_case(near).to_json(),
            "minimax": within.value.to_json(),
            "least_favourable": dict(zip(within.tasks, within.least_favourable.tolist(), strict=True)),
        }
    if emit_json(document, json_file):
        return
    out = console()
    out.print(f"{process.name}: learner with memory that is best for q, N = {count}", markup=False)
    out.print(f"{criterion + ' under q':25}  {learner.value}", markup=False)
    out.print(f"worst case over all tasks  {learner.worst_case()}", markup=False)
    out.print(f"smallest worst case        {plain.value}", markup=False)
    for text, p in others.items():
        out.print(f"under {text}: {learner.loss_against(p)}", markup=False)
        out.print(f"  of it due to training on q: {learner.excess_against(p)}", markup=False)
    if near is not None and within is not None:
        out.print(f"worst case within {adversary}: {learner.worst_case(near)}", markup=False)
        out.print(f"  smallest possible: {within.value}", markup=False)
    rows = [
        (name, number(p), number(loss))
        for name, p, loss in zip(learner.tasks, q, learner.per_task, strict=True)
    ]
    title = "tasks" if len(rows) <= MOST_ROWS else f"the first {MOST_ROWS} of {len(rows)} tasks"
    out.print(table(title, ("task", "q", "loss"), rows[:MOST_ROWS]))


def _distribution(text: str, names: tuple[str, ...], option: str) -> np.ndarray:
    """Read a task distribution: ``uniform``, ``A=P,B=P,...`` (0 for the others) or a JSON file.

    Raises
    ------
    InvalidArgumentError
        Naming the option, the task and the value.
    """
    import numpy as np

    from metaregret.tabular.documents import read_document, require
    from metaregret.tabular.labels import split_pairs
    from metaregret.tabular.rationals import parse_fraction

    if text == "uniform":
        return np.full(len(names), 1.0 / len(names))
    if "=" in text or text[:1] in ("[", "{"):
        pairs = split_pairs(text, f"{option} task")
        if len({name for name, _ in pairs}) < len(pairs):
            raise InvalidArgumentError(f"{option} {text}: a task is named twice; give each once.")
        given: dict[str, Any] = dict(pairs)
    else:
        given = require(read_document(Path(text), FORMAT), "tasks", dict, text)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InvalidArgumentError(
            f"{option}: {unknown[0]!r} is none of the {len(names)} tasks; give 'uniform', A=P,B=P,... or a "
            f"{FORMAT} file."
        )
    shares = [parse_fraction(given.get(name, 0), f"{option}: probability of {name!r}") for name in names]
    total = sum(shares, Fraction(0))
    if min(shares) < 0 or abs(total - 1) > Fraction(1, 10**9):
        raise InvalidArgumentError(
            f"{option}: expected probabilities >= 0 that sum to one, but got the smallest {min(shares)} and "
            f"the sum {total}; normalise them."
        )
    return np.array([float(share) for share in shares]) / float(total)


def _ball(text: str, nominal: np.ndarray) -> Adversary:
    from metaregret.tabular.rationals import parse_fraction
    from metaregret.theory.minimax.memory import (
        ConditionalValueAtRisk,
        KullbackLeiblerBall,
        TotalVariationBall,
    )

    kind, _, size = text.partition(":")
    if kind not in ("tv", "kl", "cvar") or not size:
        raise InvalidArgumentError(
            f"Expected --adversary tv:R, kl:R or cvar:A, but got {text!r}; for example tv:1/10."
        )
    amount = float(parse_fraction(size, f"--adversary {kind}"))
    if kind == "cvar":
        return ConditionalValueAtRisk(nominal, alpha=amount)
    ball = TotalVariationBall if kind == "tv" else KullbackLeiblerBall
    return ball(nominal, radius=amount)
