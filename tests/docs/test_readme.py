"""The page that is read first: its script prints what it says, its links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from metaregret.experiments.runs.provenance import version_of

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def test_the_script_prints_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script, said = re.search(
        r"```python\n(.*?)```\n+```\n(.*?)```", (ROOT / "README.md").read_text(), re.S
    ).groups()
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(script, "README.md", "exec"), {})
    assert printed.getvalue() == said
    assert (tmp_path / "map.png").stat().st_size > 1000


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_page_fits_a_screen_or_two():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 70


def test_the_configuration_of_the_site_runs() -> None:
    """In a process of its own: it sets variables of the environment for the notebooks."""
    done = subprocess.run(
        [sys.executable, "-c", "import runpy; print(runpy.run_path('docs/conf.py')['release'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{version_of('metaregret')}\n"), done.stderr
