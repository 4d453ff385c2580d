"""``python -m experiments`` is the command ``metaregret``."""

from __future__ import annotations

from experiments.cli import main

main()
