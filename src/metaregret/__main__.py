"""``python -m metaregret`` is the command ``metaregret``."""

from __future__ import annotations

from metaregret.experiments.cli import main

main()
