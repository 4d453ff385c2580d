"""The page on learners says what the committed tables say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd

from metaregret.experiments.figures._learning_page import section

DOCS = Path(__file__).resolve().parents[3] / "docs"
RENEW = "python -c 'import sys, pathlib; from metaregret.experiments.figures._learning_page import section; "
RENEW += 'sys.stdout.write(section(pathlib.Path("docs/data")))\''


def test_the_results_on_the_page_are_those_of_the_tables() -> None:
    assert section(DOCS / "data") in (DOCS / "explanation" / "learning.md").read_text(), f"to renew: {RENEW}"


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    for path in (DOCS / "data").glob("learning_*.csv"):
        shutil.copy(path, tmp_path)
    assert section(tmp_path) == section(DOCS / "data")
    table = pd.read_csv(tmp_path / "learning_comparison.csv")
    table.loc[table["training"] == "diayn", "area"] += 0.002
    table.to_csv(tmp_path / "learning_comparison.csv", index=False)
    assert section(tmp_path) not in (DOCS / "explanation" / "learning.md").read_text()


def test_no_learner_is_above_the_bayes_optimal_one() -> None:
    table = pd.read_csv(DOCS / "data" / "learning_recurrent.csv")
    assert (table["max"] <= table["bayes_optimal"]).all()
    assert len(table) > 100


def test_files_named_on_the_page_exist() -> None:
    text = (DOCS / "explanation" / "learning.md").read_text()
    for name in re.findall(r"`(\w+\.py)`", text):
        assert (DOCS.parent / "theory" / "learning" / name).exists(), name


def test_what_the_page_says_in_words() -> None:
    """Each sentence with a comparison, from the tables."""
    read = {path.stem: pd.read_csv(path) for path in (DOCS / "data").glob("learning_*.csv")}
    early = (
        read["learning_episodes"]
        .query("episode == 25")
        .pivot(index="world", columns="training", values="mean")
    )
    ahead = early["diayn"] > early["scratch"]
    assert ahead[["sparse", "shaped", "paths"]].all()
    assert not ahead["speed"]
    maml = (
        read["learning_comparison"]
        .query("method == 'maml'")
        .set_index(["training", "adaptation", "world"])
        .sort_index()
    )
    sure = maml["holm"] < 0.05
    assert (maml.loc["diayn", "gain"][sure.loc["diayn"]] < 0).all()
    assert (sure.loc["random"] & (maml.loc["random", "gain"] < 0)).all()
    assert sure.loc["handmade"].xs("paths", level="world").all()
    assert not sure.loc["handmade"].drop(index="paths", level="world").any()
    others = read["learning_comparison"].query("method != 'maml'")
    below = others.assign(below=(others["holm"] < 0.05) & (others["gain"] < 0))
    assert not ((others["holm"] < 0.05) & (others["gain"] > 0)).any()
    proposed = below[below["training"].isin(["diayn", "random"])]
    spared = proposed[~proposed["below"]][["method", "training", "world", "adaptation"]]
    assert spared.to_numpy().tolist() == [["reptile", "diayn", "speed", "episodes"]]
    assert below[below["method"] == "pooled"]["below"].all()
    taught = below.query("training == 'handmade' and method != 'pooled'")
    assert len(taught) == 16
    assert not taught["below"].any()
    recurrent = (
        read["learning_recurrent"].query("iteration == 400").set_index(["world", "training"]).sort_index()
    )
    gap = recurrent["bayes_optimal"] - recurrent["mean"]
    assert gap.xs("handmade", level="training").between(0, 1e-3).all()
    assert recurrent.loc[("star", "diayn"), "mean"] == recurrent.loc[("star", "handmade"), "mean"]
    assert 0.2 < recurrent.loc[("star", "random"), "mean"] < 0.25
    link = read["learning_link"].set_index("kind")
    explorer = link.loc["explorer"]
    assert (explorer["trained"] / explorer["theory"] - 1).abs().max() < 1e-9
    assert (link.loc["maml-episodes", "trained"] > 19.5).mean() >= 0.75
    trained = link.loc["recurrent"]
    assert (trained["ideal"] == 3).all()
    assert trained["distance"].corr(trained["trained"], method="spearman") > 0.85
    by_level = trained.groupby("concentration")["trained"].mean()
    assert by_level.iloc[0] < 2.01
    assert by_level.iloc[-1] > 3.99
    for kind in ("maml-exact", "maml-episodes"):
        assert link.loc[kind, "distance"].corr(link.loc[kind, "trained"], method="spearman") < 0
