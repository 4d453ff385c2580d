"""``metaregret solve``: the minimax regret of a learner class and the least-favourable task distribution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaregret.experiments.cli.options import (
    Source,
    adversary_options,
    criterion_option,
    detect_option,
    episodes_option,
    file_option,
    goals_option,
    json_option,
    process_options,
    read_adversary,
    task_family,
    word_option,
)
from metaregret.experiments.cli.output import (
    check_outputs,
    console,
    emit_json,
    progress,
    show,
    write_certificate,
)
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.labels import split_names
from metaregret.theory.presentation import table
from metaregret.theory.tasks import TrajectoryTasks

if TYPE_CHECKING:
    from metaregret.theory.minimax.solution import MinimaxSolution

__all__ = ["COMMAND"]


@click.command("solve", short_help="Minimax regret and the least-favourable tasks.")
@process_options
@click.option(
    "--tasks",
    default="goals",
    metavar="FAMILY",
    help="goals, trajectories or rewards:FILE.",
)
@goals_option
@detect_option
@click.option(
    "--learner",
    type=click.Choice(["blind", "memoryless", "memory"]),
    default="memoryless",
    help="What it uses of what it saw: nothing, only its first success, or everything.",
)
@click.option("--episodes", default="inf", metavar="N|inf", help="Number of episodes N.")
@criterion_option
@adversary_options("uniform")
@word_option(
    "--method",
    ("auto", "program", "decomposition"),
    help="Without memory: one linear program over occupancy measures, its decomposition, or the faster.",
)
@click.option(
    "--max-edges",
    type=click.IntRange(min=1),
    default=10**8,
    help="With memory: the largest graph of hyperstates that is built, in edges.",
)
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    help="Gap to certify, relative to max(1, value).",
)
@click.option("--exact", is_flag=True, help="Find equal rational bounds (tolerance zero).")
@click.option(
    "--mass",
    multiple=True,
    metavar="each|A,B,...",
    help="Bound the mass that all least-favourable distributions put on each task, or on these together.",
)
@file_option("--certificate", help="Write a certificate that metaregret check proves.")
@file_option("--figure", help="Draw the distribution: PDF, PNG, SVG.")
@json_option
def COMMAND(
    source: Source,
    tasks: str,
    goals: str,
    detect: str,
    learner: str,
    episodes: str,
    criterion: str,
    adversary: str | None,
    nominal: str | None,
    method: str,
    max_edges: int,
    tolerance: float,
    exact: bool,
    mass: tuple[str, ...],
    certificate: Path | None,
    figure: Path | None,
    json_file: str | None,
) -> None:
    """Solve  min over learners, max over task distributions, of the expected loss, with certified bounds.

    \b
    Examples:
      metaregret solve grid:3x3 --horizon 4
      metaregret solve line:5,start=2 --horizon 4 --detect visit --learner memory --episodes 5
      metaregret solve grid:3x3 --horizon 4 --detect visit --learner memory --episodes 5 --mass each
      metaregret solve gym:FrozenLake-v1 --horizon 20 --criterion ratio --json -
      metaregret solve grid:3x3,slip=1/10 --horizon 4 --adversary tv:1/10 --nominal 8=1/2,0=1/2
    """
    from metaregret.theory.minimax import Question, solve

    if not 0 < tolerance < 1:
        raise InvalidArgumentError(f"Expected --tolerance between 0 and 1, but got {tolerance}.")
    check_outputs(json_file, certificate=certificate, figure=figure)
    process = source.process()
    if tasks != "goals" and (goals != "reachable" or detect != "end"):
        raise UnsupportedError("--goals and --detect go with --tasks goals only; leave them out.")
    family = task_family(process, tasks, goals, detect, regret=criterion == "regret")
    allowed = None
    if not isinstance(family, TrajectoryTasks):
        _sets(family.names, mass)  # refuses before any work
        allowed = read_adversary(adversary, nominal, family.names)
    elif adversary not in (None, "simplex") or nominal is not None:
        raise UnsupportedError("Trajectories have no names beforehand; --adversary goes with other tasks.")
    question = Question(
        family,
        learner=learner,
        criterion=criterion,
        episodes=episodes_option(episodes),
        adversary=allowed,
        tolerance=tolerance,
        exact=exact,
        method=method,
        max_edges=max_edges,
    )
    with progress(f"solving {process.name}") as describe:
        solution = solve(
            question,
            progress=lambda low, high: describe(f"solving {process.name}: {low:.9g} <= value <= {high:.9g}"),
        )
    if exact and solution.value.exact is None:
        click.echo(
            "no rational value was found: both bounds are rational and proved, but they are not equal",
            err=True,
        )
    ranges = _mass_ranges(solution, mass)
    if not emit_json(solution.to_json() | ({"mass": ranges} if mass else {}), json_file):
        show(solution)
        if ranges:
            _print_ranges(ranges)
    if figure is not None:
        solution.plot(figure)
    if certificate is not None:  # last: the value holds even if the checker's limits refuse its certificate
        write_certificate(solution, certificate)
    if solution.interrupted:
        click.echo("metaregret: interrupted; the best certified bracket so far is shown", err=True)
        raise click.exceptions.Exit(130)


def _sets(tasks: tuple[str, ...], mass: tuple[str, ...]) -> list[list[int]]:
    """The sets of tasks that ``--mass`` names, as positions."""
    position = {name: index for index, name in enumerate(tasks)}
    sets: list[list[int]] = []
    for text in mass:
        whole = [text] if text in position else None
        names = [[name] for name in tasks] if text == "each" else [whole or split_names(text, "--mass task")]
        for group in names:
            unknown = [name for name in group if name not in position]
            if unknown:
                raise InvalidArgumentError(
                    f"--mass {text}: {unknown[0]!r} is none of the {len(position)} tasks; "
                    "give 'each' or names of tasks separated by commas (in double quotes where they hold "
                    "commas)."
                )
            if len(set(group)) < len(group):
                raise InvalidArgumentError(f"--mass {text}: a task is named twice; name each once.")
            sets.append([position[name] for name in group])
    return sets


def _mass_ranges(solution: MinimaxSolution, mass: tuple[str, ...]) -> list[dict[str, Any]]:
    sets = _sets(solution.tasks, mass)
    if not sets:
        return []
    from metaregret.theory.minimax.least_favourable import LeastFavourable

    with progress("bounding masses") as describe:
        ranges = LeastFavourable(solution)
        rows = []
        for number_of_set, members in enumerate(sets, start=1):
            describe(f"bounding masses: {number_of_set} of {len(sets)}")
            found = ranges.mass(members)
            rows.append({"tasks": [solution.tasks[k] for k in members], **vars(found)})
    return rows


def _print_ranges(ranges: list[dict[str, Any]]) -> None:
    rows = [
        (",".join(row["tasks"]), *(f"{row[end]:.6f}" for end in ("lower", "upper", "least", "most")))
        for row in ranges
    ]
    columns = ("tasks", "certified from", "to", "reached: least", "most")
    console().print(table("mass over all least-favourable distributions", columns, rows))
    console().print(
        f"the distributions reached force the value up to {max(row['shortfall'] for row in ranges):.1e}",
        markup=False,
    )
