"""``metaregret propose``: the task distribution that an unsupervised method proposes, and its worst-case
regret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from experiments.cli.options import build_process, json_option, process_options
from experiments.cli.output import console, emit_json, number, progress, state_map, table

if TYPE_CHECKING:
    from tabular.process import ControlledMarkovProcess
    from theory.proposals.proposal import Proposal

__all__ = ["COMMAND"]

MOST_ROWS = 30


@click.command("propose", short_help="What an unsupervised method proposes.")
@process_options
@click.option(
    "--method",
    default="capacity",
    show_default=True,
    metavar="NAME",
    help="capacity, diayn, vic, valor, smm, dads, carml, random, uniform, scratch: one file each.",
)
@click.option(
    "--states", type=click.Choice(["end", "all"]), default="end", help="Terminal state, or all states."
)
@click.option("--skills", type=click.IntRange(1, 10_000), help="Number of skills [default: one a goal].")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--figure", type=click.Path(path_type=Path, dir_okay=False), help="Draw the goal distribution.")
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
    seed: int,
    figure: Path | None,
    certificate: Path | None,
    json_file: str | None,
) -> None:
    """Propose tasks without supervision, and compare with the minimax task distribution.

    The proposal's worst-case regret is that of the memoryless learner that explores with the proposal's goal
    distribution; mutual information is in nats.

    \b
    Examples:
      metaregret propose grid:3x3 --horizon 4
      metaregret propose grid:3x3,slip=1/10 --horizon 4 --method capacity --figure proposal.pdf
      metaregret propose line:3 --horizon 3 --method diayn --states all
    """
    from theory.proposals import propose

    process = build_process(cmp, horizon, gamma, start)
    with progress(f"{method} on {process.name}"):
        proposal = propose(
            process, method, states="all" if states == "all" else "end", skills=skills, seed=seed
        )
    if certificate is not None:
        _certify(proposal, certificate)
    document = proposal.to_json()
    if figure is not None:
        _draw(process, document, figure)
    if not emit_json(document, json_file):
        _print(process, document, method)


def _certify(proposal: Proposal, file: Path) -> None:
    from theory.certificates.drafting import write_certificate
    from theory.certificates.write_proposal import proposal_certificate

    document = proposal_certificate(proposal)
    write_certificate(document, file)
    claim = document["claim"]
    click.echo(f"wrote {file}, which proves {claim['lower']} <= regret <= {claim['upper']}", err=True)


def _weights(process: ControlledMarkovProcess, document: dict[str, Any]) -> dict[int, float]:
    return {process.states.position(name): float(p) for name, p in document["goal_distribution"].items()}


def _draw(process: ControlledMarkovProcess, document: dict[str, Any], figure: Path) -> None:
    from experiments.figures.state_map import Panel, draw_states

    draw_states(
        process, [Panel(process.name, _weights(process, document))], figure, label="proposed goal probability"
    )


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
    for key in ("worst_case_regret", "minimax_regret", "matches_uniform", "matches_minimax"):
        out.print(f"{key.replace('_', ' '):<20} {_show(document[key])}", markup=False)
    weights = _weights(process, document)
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
