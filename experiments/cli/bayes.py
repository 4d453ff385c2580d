"""``metaregret bayes``: the best learner with memory for a task distribution, and its regret elsewhere."""

from __future__ import annotations

import click

from metaregret.experiments.cli.options import (
    Source,
    adversary_options,
    criterion_option,
    detect_option,
    episodes_option,
    goals_option,
    json_option,
    process_options,
    read_adversary,
    task_family,
)
from metaregret.experiments.cli.output import check_outputs, progress, show
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError

__all__ = ["COMMAND"]


@click.command("bayes", short_help="The best learner with memory for known task probabilities.")
@process_options
@click.option("--tasks", default="goals", metavar="FAMILY", help="goals or rewards:FILE.")
@goals_option
@detect_option
@click.option("--episodes", required=True, metavar="N", help="Number of episodes N.")
@criterion_option
@click.option(
    "--prior",
    default="uniform",
    metavar="uniform|A=P,B=P,...|FILE",
    help="The distribution q that the learner is best for; a file is metaregret-distribution/1.",
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
    source: Source,
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
    from metaregret.theory.minimax.memory import bayes_optimal
    from metaregret.theory.tasks import TrajectoryTasks

    count = episodes_option(episodes)
    if count is None:
        raise InvalidArgumentError("Bayes-optimal learners play finitely many episodes; give --episodes N.")
    check_outputs(json_file)
    process = source.process()
    family = task_family(process, tasks, goals, detect, regret=criterion == "regret")
    if isinstance(family, TrajectoryTasks):
        raise UnsupportedError("Learners with memory are solved for goals and rewards; choose one of those.")
    with progress(f"solving {process.name}"):
        learner = bayes_optimal(family, prior, count, criterion=criterion)
        others = {text: parse_distribution(text, learner.tasks, "--against") for text in against}
        near = read_adversary(adversary, nominal, learner.tasks, learner.prior)
        result = learner.beside(others, None if near is None else (str(adversary), near))
        result.to_json()  # solves what it is compared with
    show(result, json_file)
