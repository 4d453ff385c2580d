from __future__ import annotations

import pytest

import metaregret.theory.certificates.check as checker


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of the checker that are called by themselves have its budget, whatever ran before."""
    monkeypatch.setitem(checker.WORK, "left", checker.BUDGET)
