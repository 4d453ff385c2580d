"""The command line: one file per command, each defining ``COMMAND``; `main` is the entry point.

Exit status: 0 success, 1 "the claim does not hold", 2 bad usage or bad input, 3 no certified result (a
limit was reached or every solver failed), 4 an error of the program itself, 130 interrupted.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn, TextIO

import click

from metaregret.experiments.cache import keep_out_of_the_way
from metaregret.experiments.interrupts import STATUS, known, prompt_interrupts
from metaregret.tabular.errors import ConvergenceError, MetaregretError, SolverError

__all__ = ["main", "metaregret"]

_HELPERS = {"options", "output"}


class _LazyGroup(click.Group):
    """A group whose commands are the modules of this folder, imported when first asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (info.name for info in pkgutil.iter_modules(__path__))
        return sorted(name for name in names if name not in _HELPERS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"{__name__}.{cmd_name}").COMMAND
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from metaregret.tabular.choices import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(error.message + hint, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader has seen enough, which is no failure (click would exit with 1, "the claim does not
            # hold").
            _drop(sys.stdout)
            return 0


def _show_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked:
        from metaregret.experiments.runs.provenance import version_of

        click.echo(f"metaregret, version {version_of('metaregret')}")
        context.exit()


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def metaregret() -> None:
    """Verify the theory of unsupervised meta-reinforcement learning on tabular problems, exactly.

    \b
    A CMP is a JSON file or a short specification:
      grid:5x5   grid:3x3,slip=1/10   line:7,start=3   tree:0,0,1,1
      garnet:S=20,A=3,b=3,seed=1   gym:FrozenLake-v1,map_name=8x8,is_slippery=false

    \b
    Start here:
      metaregret verify                              every theorem, every control
      metaregret solve grid:3x3 --horizon 4          minimax regret, least-favourable tasks
      metaregret propose grid:3x3 --method capacity  what mutual information proposes
    """


def _complain(message: str) -> None:
    """Say something on standard error; where that is impossible, the exit status has to do."""
    from metaregret.theory.presentation import visible

    with suppress(OSError, ValueError):
        click.echo(visible(f"metaregret: {message}"), err=True)


def _fail(status: int, reason: str, error: Exception | None = None) -> NoReturn:
    """Say what went wrong, with the traceback of an error that is not foreseen, and end with a status."""
    with suppress(OSError, ValueError):
        if error is not None:
            traceback.print_exception(error)
    _complain(f"{reason}.")
    if status == 2:
        _drop(sys.stdout)
    sys.exit(status)


def _drop(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: the interpreter would try to write it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    try:
        _main(arguments)
    finally:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):  # Python 3.13 would end with a status of its own
            _drop(sys.stderr)


def _main(arguments: Sequence[str] | None) -> None:
    gc.set_threshold(10_000)  # looking for cycles after every 700 new objects takes 5 % of the time
    keep_out_of_the_way()
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed by whoever started this: what is said is lost, nothing else
            setattr(sys, stream, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    try:
        with prompt_interrupts():
            status = metaregret.main(args=arguments, prog_name="metaregret", standalone_mode=False)
            sys.stdout.flush()
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        with suppress(OSError, ValueError):
            error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _complain(f"interrupted: {known()}")
        sys.exit(STATUS)
    except (ConvergenceError, SolverError) as error:
        _complain(f"no certified result: {error}")
        sys.exit(3)
    except MetaregretError as error:
        _complain(str(error))
        sys.exit(2)
    except OSError as error:
        _fail(2, f"cannot write the result: {error.strerror or error}; check the device and the folder")
    except MemoryError:
        _fail(3, "no certified result: the memory of this machine does not suffice; make the problem smaller")
    except Exception as error:
        _fail(4, f"an error of the program itself: {type(error).__name__}: {error}; please report it", error)
    sys.exit(status if isinstance(status, int) else 0)
