"""Every malformed process file gives exit status 2 and one message that names the item, whatever the
command."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from malformed import MALFORMED, Malformed


@pytest.mark.parametrize("entry", MALFORMED, ids=lambda entry: entry.name)
def test_one_message_and_status_two(cli: Cli, tmp_path: Path, entry: Malformed) -> None:
    file = tmp_path / "process.json"
    file.write_bytes(entry.content)
    out = tmp_path / "solution.json"
    outcome = cli("solve", str(file), "--json", str(out))
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith("metaregret: ")
    assert outcome.err.count("\n") == 1
    for word in entry.words:
        assert word in outcome.err
    assert not out.exists()
