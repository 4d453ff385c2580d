"""``metaregret bayes``: the best learner with memory for a task distribution, and its regret elsewhere."""

from __future__ import annotations

from typing import Any

import click

from metaregret.experiments.cli.options import (
    adversary_options,
    build_process,
    criterion_option,
    detect_option,
    episodes_option,
    goals_option,
    json_option,
    process_options,
    read_adversary,
    task_family,
)
from metaregret.experiments.cli.output import check_outputs, console, emit_json, progress
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.theory.presentation import number, table

__all__ = ["COMMAND"]

MOST_ROWS = 30


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
@adversary_options("the prior")
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
    nominal: str | None,
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
    from metaregret.theory.distributions import parse_distribution
    from metaregret.theory.minimax.memory import bayes_optimal, solve_memory
    from metaregret.theory.tasks import TrajectoryTasks

    count = episodes_option(episodes)
    if count is None:
        raise InvalidArgumentError("Bayes-optimal learners play finitely many episodes; give --episodes N.")
    check_outputs(json_file)
    process = build_process(cmp, horizon, gamma, start)
    family = task_family(process, tasks, goals, detect, regret=criterion == "regret")
    if isinstance(family, TrajectoryTasks):
        raise UnsupportedError("Learners with memory are solved for goals and rewards; choose one of those.")
    with progress(f"solving {process.name}"):
        plain = solve_memory(family, count, criterion=criterion)
        q = parse_distribution(prior, plain.tasks, "--prior")
        others = {text: parse_distribution(text, plain.tasks, "--against") for text in against}
        near = read_adversary(adversary, nominal, plain.tasks, q)
        learner = bayes_optimal(family, q, count, criterion=criterion)
        within = None if near is None else solve_memory(family, count, criterion=criterion, adversary=near)
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
