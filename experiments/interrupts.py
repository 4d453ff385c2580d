"""An interrupt is answered within seconds, also while compiled code runs that Python cannot stop.

Python delivers SIGINT to the main thread between two instructions of its own; a solver or a factorisation may
take minutes until then. A thread that waits beside it sees the signal at once, leaves the main thread a
moment to end in its own way (with the best bracket, where there is one), and otherwise says how far the work
had come and ends the process.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["PATIENCE", "STATUS", "known", "prompt_interrupts", "tell"]

PATIENCE = 1.0
"""Seconds that the main thread has to notice the signal."""

STATUS = 130
"""Exit status of an interrupted command."""

_state = {"known": "no bounds were known yet"}


def tell(progress: str) -> None:
    """Remember how far the work has come, such as the bracket so far."""
    _state["known"] = progress


def known() -> str:
    """Return what `tell` was told last."""
    return _state["known"]


@contextmanager
def prompt_interrupts() -> Iterator[None]:
    """Within this context SIGINT ends the process within `PATIENCE`, or raises KeyboardInterrupt before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noticed, over = threading.Event(), threading.Event()
    read, write = os.pipe()
    os.set_blocking(write, False)

    def notice(number: int, frame: FrameType | None) -> None:
        noticed.set()
        raise KeyboardInterrupt

    def watch() -> None:
        while signal.SIGINT not in os.read(read, 64):
            if over.is_set():
                return
        if not noticed.wait(PATIENCE) and not over.is_set():
            os.write(2, f"metaregret: interrupted: {known()}\n".encode())
            os._exit(STATUS)

    handler = signal.signal(signal.SIGINT, notice)
    wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=watch, name="interrupts", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, handler)
        os.write(write, b"\0")  # the thread ends; its pipe is left to it
