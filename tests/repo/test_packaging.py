"""What is published: the source archive and the wheel, and the wheel at work in another repository.

The wheel is unpacked into a folder that pytest keeps, so that compiled kernels and mypy's findings are used
again by the next run; nothing is installed and no index is asked.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from metaregret.tabular.jit import cache_folder

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "examples" / "one_way.py"
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "Makefile", "constraints.txt")
KERNELS = {"NUMBA_CACHE_DIR": str(Path(cache_folder() or "").parent)}
"""The same sources: what this checkout has compiled already."""
FOLDERS = ("src", "tabular", "theory", "experiments", "tests", "docs", "benchmarks")


def checkout(folder: Path) -> Path:
    """A copy of this checkout without what it has built or remembered."""
    folder.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "build")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=unwanted)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


def build(kind: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Call the build backend, as an installer does, without an isolated environment."""
    (folder / "dist").mkdir(exist_ok=True)
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}('dist'))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    folder = checkout(tmp_path_factory.mktemp("source") / "checkout")
    made = build("sdist", folder)
    assert made.returncode == 0, made.stderr
    (archive,) = (folder / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder.parent, filter="data")
    return next(folder.parent.glob("metaregret-*"))


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """The wheel, built from the source archive."""
    made = build("wheel", source)
    assert made.returncode == 0, made.stderr
    (found,) = (source / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, pytestconfig: pytest.Config) -> Path:
    """An environment of its own with the wheel's content, as pip leaves it, and the libraries of this one."""
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir("wheel") / "environment"
    packages = folder / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith("RECORD"))
        kept = packages / record
        if not kept.is_file() or kept.read_bytes() != archive.read(record):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
            archive.extractall(packages)
            others = "\n".join(path for path in sys.path if path.endswith("site-packages"))
            (packages / "others.pth").write_text(others + "\n")
            compileall.compile_dir(packages, quiet=1)
    return folder


def python(site: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(site / "bin" / "python"), *arguments],
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | KERNELS | environment,
        capture_output=True,
        text=True,
        check=False,
    )


# ---------------------------------------------------------------- what is inside


def test_the_wheel_holds_one_package_and_all_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    tops = {name.partition("/")[0] for name in names}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert tops == {"metaregret", f"metaregret-{version}.dist-info"}
    inside = {name.removeprefix("metaregret/") for name in names}
    wanted = ["__init__.py", "__init__.pyi", "__main__.py", "py.typed", "strategies.py"]
    data = ("*.py", "*.pyi", "*.json", "*.j2", "*.css")
    for layer in ("tabular", "theory", "experiments"):
        wanted += [str(path.relative_to(ROOT)) for pattern in data for path in (ROOT / layer).rglob(pattern)]
    assert len(wanted) > 300
    assert set(wanted) - inside == set()
    assert sum(name.startswith("theory/controls/witnesses/") for name in inside) >= 8
    assert "Project-URL: Paper" in metadata
    assert "License-Expression: MIT" in metadata


def test_the_source_archive_holds_tests_and_docs(source: Path) -> None:
    for folder in ("tests", "docs", "benchmarks"):
        here = {p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".md", ".csv"}}
        there = {p.relative_to(source) for p in (source / folder).rglob("*")}
        assert here - there == set()
    assert (source / "src" / "metaregret" / "theory" / "tasks.py").is_file()


@pytest.mark.parametrize("lost", ["a text file", "nothing"])
def test_a_checkout_without_links_fails_with_the_remedy(tmp_path: Path, lost: str) -> None:
    """What a version-control system leaves where links are not to be had, is never built into a wheel."""
    folder = checkout(tmp_path / "checkout")
    link = folder / "src" / "metaregret" / "theory"
    link.unlink()
    if lost == "a text file":
        link.write_text("../../theory")
    made = build("wheel", folder)
    assert made.returncode != 0
    assert "src/metaregret/theory is no link to theory/" in made.stderr
    assert "core.symlinks true" in made.stderr
    assert list((folder / "dist").iterdir()) == []


# ---------------------------------------------------------------- at work elsewhere


@pytest.fixture(params=["with __init__.py", "without"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A repository with folders of the same names as the toolkit's, and its own tests."""
    files = {
        "theory/lemma.py": "VALUE = 'my lemma'\n",
        "experiments/run.py": "from theory.lemma import VALUE\n",
        "tabular/data.py": "ROWS = 3\n",
        "tests/test_mine.py": (
            "import experiments.run, tabular.data, theory.lemma\n"
            "import metaregret as mr\n\n"
            "def test_mine():\n"
            "    assert theory.lemma.VALUE == experiments.run.VALUE == 'my lemma'\n"
            "    assert float(mr.make('line:3', horizon=2).initial[0]) == 1.0\n"
            "    from metaregret.theory.claims import theorems\n"
            "    assert 'T04' in theorems()\n"
        ),
        "bounds_of_mine.py": "LARGEST = 1\n",
        "claim_of_mine.py": (
            "from bounds_of_mine import LARGEST\n"
            "from metaregret.tabular.goals import goal_values\n"
            "from metaregret.tabular.strategies import processes\n"
            "from metaregret.theory.claims import property_claim\n\n"
            "THEOREM = property_claim('M01', 'probabilities', '$v \\\\le 1$', processes(),\n"
            "    lambda process: bool((goal_values(process).upper <= LARGEST + 1e-9).all()))\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    if request.param == "with __init__.py":
        for folder in ("theory", "experiments", "tabular"):
            (tmp_path / folder / "__init__.py").write_text("")
    return tmp_path


@pytest.mark.parametrize("path", ["", "."])
def test_another_repository_keeps_its_own_names(site: Path, repository: Path, path: str) -> None:
    environment = {"PYTHONPATH": path} if path else {}
    tested = python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=repository, **environment)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    where = python(
        site,
        "-c",
        "import metaregret, theory.lemma; print(metaregret.__file__)",
        cwd=repository,
        **environment,
    )
    assert str(site) in where.stdout, where.stderr


def test_the_command_line_and_a_claim_of_ones_own(site: Path, repository: Path) -> None:
    """`verify --new` finds modules beside the file, from anywhere."""
    solved = python(site, "-m", "metaregret", "solve", "line:3", "--horizon", "2", cwd=repository)
    assert "value   2" in solved.stdout, solved.stderr
    elsewhere = repository / "tests"
    claim = ("verify", "--new", str(repository / "claim_of_mine.py"), "--instances", "3")
    verified = python(site, "-m", "metaregret", *claim, cwd=elsewhere)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "SUPPORTED" in verified.stdout


def test_the_script_runs_as_it_stands(site: Path, tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path)
    run = python(site, SCRIPT.name, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "value   2279601/320000 = 7.123753125" in run.stdout
    assert "7.123753125 7.1238 1176801/10398404" in run.stdout
    assert {path.name for path in tmp_path.iterdir()} == {SCRIPT.name, "s.json", "c.json"}
    assert run.stderr == ""


def test_what_needs_a_checkout_refuses_by_name(site: Path, tmp_path: Path) -> None:
    gallery = python(site, "-m", "metaregret.experiments.figures.gallery", "pictures", cwd=tmp_path)
    assert gallery.returncode != 0
    assert "the gallery is a page of a checkout" in gallery.stderr
    figure = python(site, "-m", "metaregret", "figures", "benchmark", cwd=tmp_path)
    assert figure.returncode == 2
    assert "in a checkout" in figure.stderr
    assert not list(tmp_path.iterdir())


def test_type_checkers_see_through_the_wheel(site: Path, tmp_path: Path) -> None:
    """mypy is strict with the script and with a wrong one; the toolkit comes from the wheel."""
    (tmp_path / "right.py").write_text(SCRIPT.read_text())
    (tmp_path / "wrong.py").write_text("import metaregret as mr\nmr.solve(3)\nmr.no_such_name\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(site / "bin" / "python"),
         "--cache-dir", str(site.parent / "mypy"), "right.py", "wrong.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.partition(": error: ")[0] for line in checked.stdout.splitlines() if ": error: " in line]
    assert lines == ["wrong.py:2", "wrong.py:3"], checked.stdout
