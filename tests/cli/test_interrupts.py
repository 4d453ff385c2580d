"""Control-C ends a command soon, whatever it is doing, and shows how far it came."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from metaregret.experiments.cli.output import counter
from metaregret.experiments.interrupts import known

COMPILED = """
import hashlib, sys
from metaregret.experiments.interrupts import prompt_interrupts, tell
with prompt_interrupts():
    tell("solving: 0.25 <= value <= 0.5")
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in compiled code
"""
PYTHON = """
import time
from metaregret.experiments.interrupts import prompt_interrupts
try:
    with prompt_interrupts():
        print("ready", flush=True)
        time.sleep(600)
except KeyboardInterrupt:
    time.sleep(3)  # a command may take longer to end in its own way, once it has noticed
    print("in its own way")
"""

COMPILING = """
import sys, time, types
from metaregret.experiments.interrupts import prompt_interrupts
compiler = types.ModuleType("llvmlite.compiler")
exec("def callback():\\n print('ready', flush=True)\\n for _ in range(5): sleep(0.1)", vars(compiler))
compiler.sleep = time.sleep
try:
    with prompt_interrupts():
        compiler.callback()
        print("whole", flush=True)
        time.sleep(600)
except KeyboardInterrupt:
    print("then interrupted")
"""
KERNEL = """
import metaregret as mr
from metaregret.experiments.interrupts import prompt_interrupts
mr.solve(mr.goals(mr.make("grid:2x2", horizon=2), detect="visit"), learner="memory", episodes=2)  # compiles
large = mr.goals(mr.make("grid:4x4", horizon=7), detect="visit")
try:
    with prompt_interrupts():
        print("ready", flush=True)
        mr.solve(large, learner="memory", episodes=12)
except KeyboardInterrupt:
    print("whole")
"""


signals = pytest.mark.skipif(
    os.name != "posix", reason="elsewhere no process can send SIGINT to another: interrupts are not tried"
)


def interrupted(program: str, after: float = 0.0) -> tuple[int, str, str, float]:
    """Interrupt a program when it is ready: its status, what it wrote, and seconds until it ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err, time.monotonic() - begun


@signals
def test_compiled_code_is_interrupted_and_the_bracket_shown() -> None:
    status, _, err, seconds = interrupted(COMPILED)
    assert status == 130
    assert err == "metaregret: interrupted: solving: 0.25 <= value <= 0.5\n"
    assert seconds < 30  # two on an idle machine; the call itself takes minutes


@signals
def test_python_code_ends_in_its_own_way() -> None:
    status, out, err, _ = interrupted(PYTHON)
    assert (status, out, err) == (0, "in its own way\n", "")


@signals
def test_a_compiler_is_not_disturbed() -> None:
    """It swallows exceptions in what it calls back, and would leave half a kernel in the cache."""
    status, out, err, _ = interrupted(COMPILING)
    assert (status, out, err) == (0, "whole\nthen interrupted\n", "")


@signals
def test_kernels_that_return_while_a_signal_waits_do_not_crash() -> None:
    """Tuples with names are made by Python code, which the signal ended unseen (status -11)."""
    status, out, err, _ = interrupted(KERNEL, after=1.0)
    assert (status, out) in ((0, "whole\n"), (130, "")), err  # a layer may take longer than the patience


def test_commands_that_count_say_how_far_they_came() -> None:
    with counter("sweep", 3) as show:
        assert known() == "sweep: 0 of 3 are done"
        show(2)
    assert known() == "sweep: 2 of 3 are done"
