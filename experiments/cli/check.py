"""``metaregret check``: prove a certificate again, exactly, trusting nothing."""

from __future__ import annotations

from pathlib import Path

import click

from metaregret.experiments.cli.options import json_option
from metaregret.experiments.cli.output import emit_json
from metaregret.tabular.errors import InvalidArgumentError

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
    from metaregret.theory.certificates import check as checker

    try:
        text, lower, upper = checker.check(file, budget or checker.BUDGET)
    except checker.CertificateError as reason:
        document = {"format": "metaregret-check/1", "accepted": False, "reason": str(reason)}
        if not emit_json(document, json_file):
            click.echo(f"rejected: {reason}".encode("ascii", "backslashreplace").decode())
        return 1
    except OSError as error:
        raise InvalidArgumentError(f"{file}: cannot be read: {error.strerror}.") from None
    document = {
        "format": "metaregret-check/1",
        "accepted": True,
        "claim": text,
        "proved": {"lower": checker.text(lower), "upper": checker.text(upper)},
    }
    if not emit_json(document, json_file):
        click.echo(f"proved: {text}")
    return 0
