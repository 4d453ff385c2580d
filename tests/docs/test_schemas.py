"""What the tool writes and reads is what the schemas of the handbook say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from metaregret.experiments.cli import main

ROOT = Path(__file__).parents[2]
SCHEMAS = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "docs" / "schemas").glob("*.json"))
}

LINE = "line:3 --horizon 2"
WRITTEN = {
    "a solution": f"solve {LINE}",
    "an exact solution": f"solve {LINE} --exact",
    "a solution on the way, with memory": f"solve {LINE} --detect visit --learner memory --episodes 2",
    "ranges of mass": f"solve {LINE} --mass each",
    "an infinite value": f"solve {LINE} --learner blind --criterion hitting-time",
    "a plan": f"plan {LINE} --goal 2",
    "a plan without end": "plan gym:FrozenLake-v1 --goal 15 --reach --exact",
    "a proposal": f"propose {LINE} --method capacity --learner memory",
    "a proposal with a hole": f"propose {LINE} --method random",
    "a proposal of an order": "propose noisy-goal:K=2,v=1/2 --method order --alpha inf",
    "a comparison": f"compare {LINE} --methods uniform,scratch --no-memory",
    "a ladder": f"ladder {LINE} --episodes 2 --exact",
    "a Bayes-optimal learner": f"bayes {LINE} --episodes 2 --against uniform --adversary tv:1/10",
    "an environment": f"env show {LINE}",
    "environments": "env list",
    "a report": "verify T05 C05 A04 --instances 2 --workers 1",
    "studies": "sweep --list",
}


def check(document: Any) -> None:
    """Raise `ValidationError` unless the document is what the schema of its format says."""
    kind = re.fullmatch(r"metaregret-(\w+)/1", document["format"])
    assert kind, document["format"]
    Draft202012Validator(SCHEMAS[kind[1]]).validate(document)


def run(command: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(command.split())
    assert stop.value.code == 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str):
    Draft202012Validator.check_schema(SCHEMAS[name])
    page = (ROOT / "docs" / "reference" / "formats.md").read_text()
    assert f"```{{schema}} {name}\n" in page, f"{name} is on no page"


@pytest.mark.parametrize("what", WRITTEN)
def test_what_is_written(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "out.json"
    run(f"{WRITTEN[what]} --json {path}")
    document = json.loads(path.read_text())
    check(document)
    for field in SCHEMAS[document["format"][11:-2]]["required"]:
        less = {key: value for key, value in document.items() if key != field}
        if field != "format":
            with pytest.raises(ValidationError):
                check(less)


def test_a_search_for_counterexamples(tmp_path: Path):
    import metaregret as mr

    check(mr.search(lambda process: process.n_states < 2, seconds=5).to_json(tmp_path / "s.json"))
    check(json.loads((tmp_path / "s.json").read_text()))
    check(mr.search(lambda process: True, seconds=0.1).to_json())


def test_processes_certificates_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    process, proof, said = (tmp_path / name for name in ("p.json", "c.json", "s.json"))
    run(f"env export {LINE} {process} --json {said}")
    check(json.loads(process.read_text()))
    check(json.loads(said.read_text()))
    run(f"solve {process} --exact --certificate {proof}")
    check(json.loads(proof.read_text()))
    run(f"check {proof} --json {said}")
    check(json.loads(said.read_text()))


@pytest.mark.parametrize("path", sorted((ROOT / "theory" / "controls" / "witnesses").glob("*.json")), ids=str)
def test_witnesses(path: Path):
    check(json.loads(path.read_text()))


@pytest.mark.parametrize(
    "document",
    [
        {"format": "metaregret-distribution/1", "tasks": {"0": "1/2", "8": 0.5}},
        {"format": "metaregret-polytope/1", "rows": [{"weights": {"0": 1}, "at_least": "1/2"}]},
        {"format": "metaregret-rewards/1", "tasks": {"pay": [["0", "*", "1", "1/2"]]}},
        {"format": "metaregret-sweep/1", "study": "noise_gap", "seed": 1, "scale": "short"},
    ],
    ids=lambda document: document["format"],
)
def test_what_is_read(document: Any):
    check(document)


@pytest.mark.parametrize(
    "document",
    [
        {"format": "metaregret-distribution/1", "tasks": {"0": "half"}},
        {"format": "metaregret-polytope/1", "rows": [{"weights": {"0": 1}}]},
        {"format": "metaregret-rewards/1", "tasks": {"pay": [["0", "*", "1"]]}},
        {"format": "metaregret-check/1", "accepted": True},
    ],
    ids=lambda document: document["format"],
)
def test_what_is_malformed_is_noticed(document: Any):
    with pytest.raises(ValidationError):
        check(document)


def test_every_format_of_the_code_has_a_schema():
    named = {
        name
        for folder in ("tabular", "theory", "experiments")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"metaregret-([a-z]+)/1", path.read_text())
    }
    assert named - {"npz", "policy"} == set(SCHEMAS)  # NPZ files are no JSON
