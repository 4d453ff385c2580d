"""``metaregret check``: prove a certificate again, exactly, trusting nothing."""

from __future__ import annotations

from pathlib import Path

import click

from metaregret.experiments.cli.options import json_option
from metaregret.experiments.cli.output import check_outputs, show

__all__ = ["COMMAND"]


@click.command("check", short_help="Prove a certificate again, exactly.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--budget", type=click.IntRange(1), help="Units of work, a microsecond each or less.")
@json_option
def COMMAND(file: Path, budget: int | None, json_file: str | None) -> int:
    """Prove the bounds in the certificate FILE again and print them; exit with 1 and the first thing that
    fails.

    The checker is one file of standard Python without any of this project's solvers:
    theory/certificates/check.py, which also runs alone.

    \b
    Examples:
      metaregret solve grid:3x3 --horizon 4 --exact --certificate c.json
      metaregret check c.json
    """
    from metaregret.theory.certificates.checking import check

    check_outputs(json_file)
    result = check(file, budget=budget)
    show(result, json_file)
    return 0 if result else 1
