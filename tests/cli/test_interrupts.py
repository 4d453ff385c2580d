"""Control-C ends a command soon, whatever it is doing, and shows how far it came."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

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


def interrupted(program: str) -> tuple[int, str, str, float]:
    """Interrupt a program when it is ready: its status, what it wrote, and seconds until it ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err, time.monotonic() - begun


@pytest.mark.skipif(
    os.name != "posix", reason="elsewhere no process can send SIGINT to another: interrupts are not tried"
)
def test_compiled_code_is_interrupted_and_the_bracket_shown() -> None:
    status, _, err, seconds = interrupted(COMPILED)
    assert status == 130
    assert err == "metaregret: interrupted: solving: 0.25 <= value <= 0.5\n"
    assert seconds < 30  # two on an idle machine; the call itself takes minutes


@pytest.mark.skipif(
    os.name != "posix", reason="elsewhere no process can send SIGINT to another: interrupts are not tried"
)
def test_python_code_ends_in_its_own_way() -> None:
    status, out, err, _ = interrupted(PYTHON)
    assert (status, out, err) == (0, "in its own way\n", "")
