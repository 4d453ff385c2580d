from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from metaregret.experiments.cli import main


@dataclass(frozen=True)
class Outcome:
    """Exit status and what was printed."""

    status: int
    out: str
    err: str


Cli = Callable[..., Outcome]

full_device = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no device that is always full: what a full disk does is not tried"
)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run ``metaregret ARGUMENTS`` in this process."""
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", ".hypothesis")  # the tests' own, not the user's

    def run(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        printed = capsys.readouterr()
        code = stop.value.code  # as the interpreter does: None is success, a message is failure
        status = 0 if code is None else code if isinstance(code, int) else 1
        return Outcome(status, printed.out, printed.err)

    return run
