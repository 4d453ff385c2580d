"""An interrupt is answered within seconds, also while compiled code runs that Python cannot stop.

Python delivers SIGINT to the main thread between two instructions of its own; a solver or a factorisation may
take minutes until then. A thread that waits beside it sees the signal at once, leaves the main thread a
moment to end in its own way (with the best bracket, where there is one), and otherwise says how far the work
had come and ends the process. While a kernel is compiled the main thread is not disturbed, but asked again.
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

ATTEMPTS = 20
"""How often within this time it is asked again."""

STATUS = 130
"""Exit status of an interrupted command."""

_state = {"known": "no bounds were known yet"}


def tell(progress: str) -> None:
    """Remember how far the work has come, such as the bracket so far."""
    _state["known"] = progress


def known() -> str:
    """Return what `tell` was told last."""
    return _state["known"]


def _is_compiling(frame: FrameType | None) -> bool:
    """Whether a compiler has called back: it swallows exceptions there and goes on with half a kernel."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in ("numba", "llvmlite"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def prompt_interrupts() -> Iterator[None]:
    """Within this context SIGINT ends the process within `PATIENCE`, or raises KeyboardInterrupt before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noticed, over = threading.Event(), threading.Event()
    read, write = os.pipe()
    os.set_blocking(write, False)

    asked_again, main_thread = threading.Event(), threading.get_ident()

    def notice(number: int, frame: FrameType | None) -> None:
        late = asked_again.is_set() and noticed.is_set()
        asked_again.clear()
        if not late and not _is_compiling(frame):
            noticed.set()
            raise KeyboardInterrupt

    def watch() -> None:
        while signal.SIGINT not in os.read(read, 64):
            if over.is_set():
                return
        for _ in range(ATTEMPTS):
            if noticed.wait(PATIENCE / ATTEMPTS) or over.is_set():
                return
            asked_again.set()
            signal.pthread_kill(main_thread, signal.SIGINT)  # wakes a call that sleeps, too
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
