"""Every block of docs/how-to/your-model.md runs: Python as it stands, commands with exit status 0."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from metaregret.experiments.cli import main
from tests.storm import NO_STORM

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "your-model.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, list[tuple[str, str]]]:
    """The blocks of every section, by its heading: language and text."""
    parts = re.split(r"^#+ ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0]: BLOCK.findall(part) for part in parts}


@pytest.mark.parametrize("heading", sections())
def test_a_section_runs(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if "PRISM" in heading:
        pytest.importorskip("stormpy", reason=NO_STORM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", ".hypothesis")
    blocks = sections()[heading]
    assert blocks
    for language, text in blocks:
        if language == "python":
            exec(compile(text, f"{PAGE.name}: {heading}", "exec"), {})
            continue
        for line in text.splitlines():
            prompt, program, *arguments = shlex.split(line)
            assert (prompt, program) == ("$", "metaregret")
            with pytest.raises(SystemExit) as stop:
                main(arguments)
            assert stop.value.code in (None, 0), capsys.readouterr().err


def test_the_page_knows_every_kind_of_source() -> None:
    text = PAGE.read_text()
    for word in (
        "QuantEcon",
        "pymdptoolbox",
        "msdm",
        "NPZ",
        "PRISM",
        "JANI",
        "DRN",
        "gym:",
        "from_steps",
        "successors",
    ):
        assert word in text
