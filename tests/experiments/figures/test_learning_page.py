"""The page on learners says what the committed tables say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd

from metaregret.experiments.topics._learning_page import NAMES, section

DOCS = Path(__file__).resolve().parents[3] / "docs"
RENEW = "python -c 'import sys, pathlib; from metaregret.experiments.topics._learning_page import section; "
RENEW += 'sys.stdout.write(section(pathlib.Path("docs/data")))\''


def page() -> str:
    return (DOCS / "explanation" / "learning.md").read_text()


def test_the_results_on_the_page_are_those_of_the_tables() -> None:
    assert section(DOCS / "data") in page(), f"to renew: {RENEW}"


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    """In each table one number that is moved shows."""
    kept = [name for name in NAMES if (DOCS / "data" / f"learning_{name}.csv").exists()]
    assert "memoryless" in kept
    for name in kept:
        shutil.copy(DOCS / "data" / f"learning_{name}.csv", tmp_path)
    assert section(tmp_path) == section(DOCS / "data")
    moved = {"memoryless": "mean_hitting", "gains": "gain", "recurrent": "mean", "price": "price"}
    moved |= {"mixture": "one_worst", "orders": "mean"}
    for name, column in ((name, moved[name]) for name in kept):
        path = tmp_path / f"learning_{name}.csv"
        before = path.read_text()
        table = pd.read_csv(path)
        table[column] += 5
        table.to_csv(path, index=False)
        assert section(tmp_path) not in page(), name
        path.write_text(before)


def test_files_named_on_the_page_exist() -> None:
    for name in re.findall(r"`(\w+\.py)`", page()):
        assert (DOCS.parent / "theory" / "learning" / name).exists(), name
    for picture in re.findall(r"\.\./images/figures/(\w+\.png)", page()):
        assert (DOCS / "images" / "figures" / picture).exists(), picture


def table_of(name: str) -> pd.DataFrame:
    return pd.read_csv(DOCS / "data" / f"learning_{name}.csv")


# Each comparison that the page makes in words, from the tables.


def test_words_on_memoryless_learners() -> None:
    waits = table_of("memoryless").set_index(["world", "training"])["mean_hitting"]
    sparse = ["grid", "rooms", "wide", "line"]
    assert [round(waits[world, "scratch"]) for world in sparse] == [86, 3139, 7321, 343465]
    assert [waits[world].filter(like="diayn = ").item() for world in sparse] == [16, 20, 49, 15]
    others = waits.drop(index=["scratch", "diayn = uniform = order-1 = handmade"], level="training")
    assert others[sparse].isna().all()
    ledge = waits["ledge"].rename(lambda name: name.partition(" = ")[0]).round()
    words = {"order-1": 569, "scratch": 239, "order-2": 25, "order-inf": 13, "uniform": 13, "diayn": 170055}
    assert ledge[list(words)].to_dict() == words
    orders = table_of("orders").set_index(["knob", "measure", "training"])["mean"]
    ranked = [orders["memoryless", "worst_regret_100", f"order-{order}"] for order in ("1", "2", "inf")]
    assert [round(value, 1) for value in ranked] == [19.6, 14.6, 7.5]


def test_words_on_gradient_learners() -> None:
    gains = table_of("gains")
    gains = gains.assign(training=gains["training"].str.partition(" = ")[0])
    table = gains.set_index(["world", "knob", "training", "rule"]).sort_index()
    for world in ("grid", "rooms", "line", "wide"):
        for name in ("diayn", "diayn-held-out"):
            mine = table.loc[(world, "initialisation", name)]
            assert (mine["lower"] > 0).all()
            assert (mine["above"] == mine["seeds"]).all()
        for name in ("diayn-16", "random"):
            mine = table.loc[(world, "initialisation", name)]
            assert (mine.loc["own", "lower"] > 0) == (world == "wide" and name == "random")
            assert (mine.loc["tests", "lower"] > 0) == (world == "rooms" and name == "diayn-16")
    for world, bayes in {"grid": 7.5, "rooms": 9.5, "line": 7.0}.items():
        assert (table.loc[(world, "initialisation", "diayn"), "regret_25"] > 2 * bayes).all()
    assert (table.loc[("wide", "initialisation", "diayn"), "regret_25"] / 18.37).round(1).eq(1.3).all()
    wide = [table.loc[("wide", knob, "diayn", "own"), "gain"] for knob in ("no-credit", "initialisation")]
    assert [round(gain, 3) for gain in wide] == [0.070, 0.032]
    assert table.loc[("rooms", "initialisation", "diayn"), "gain"].min() > 0.19
    for world in ("grid", "rooms"):
        credit, none = (table.loc[(world, knob, "diayn")] for knob in ("initialisation", "no-credit"))
        assert (credit["gain"] > none["gain"]).all()
        assert (none["lower"] > 0).all()
    assert (table.loc[("line", "no-credit", "diayn"), "upper"] < 0).all()
    ledge = table.loc[("ledge", "initialisation")]
    even = ["uniform", "order-1", "order-2", "order-inf"]
    assert ledge.loc[even, "above"].drop(("order-1", "tests")).eq(6).all()
    assert ledge.loc[("order-1", "tests"), "above"] == 5
    assert ledge.loc[even, "lower"].max() < ledge.loc[even, "upper"].min()
    assert ledge.loc[even, "gain"].groupby("rule").idxmax().str[0].eq("uniform").all()
    assert ledge.loc["diayn", "gain"].max() < ledge.loc[even, "gain"].min()
    assert (ledge.loc["random", "lower"] < 0).all()
    assert ledge.loc["diayn", "above"].eq(4).all()
    assert (ledge.loc["diayn", "gain"] / ledge.loc["uniform", "gain"]).between(0.4, 0.65).all()
    for world in ("rooms", "line", "wide"):
        assert table.loc[(world, "initialisation", "diayn"), "worst_regret_100"].min() > 99.5


def test_words_on_dense_rewards_and_other_knobs() -> None:
    table = table_of("gains").set_index(["world", "knob", "training", "rule"]).sort_index()
    dense = table.loc["shaped"].loc["initialisation"]
    assert round(dense.loc[("handmade", "tests"), "scratch_area"], 2) == 0.90
    good, bad = dense.loc[["diayn = uniform", "handmade"]], dense.loc[["diayn-16", "random"]]
    assert good["gain"].between(0.01, 0.02).all()
    assert (good["above"] >= 5).all()
    assert (good["lower"] > 0).all()
    assert (bad["gain"] < 0).all()
    assert (bad.xs("tests", level="rule")["upper"] < 0).all()
    rule, exact = (table.xs(knob, level="knob").droplevel("training") for knob in ("rule", "exact"))
    sparse = rule.loc[["grid", "rooms", "line", "wide"]]
    assert ((sparse["lower"] < 0) & (sparse["upper"] > 0)).all()
    assert round(rule.loc[("shaped", "own"), "gain"], 3) == 0.027 > good["gain"].max()
    assert rule.loc[("shaped", "tests"), "gain"] < 0 < rule.loc[("shaped", "tests"), "upper"]
    near = exact.loc[["grid", "rooms", "wide"]]
    assert near.xs("tests", level="rule")["scratch_area"].round(2).tolist() == [0.95, 0.94, 0.91]
    assert (near["upper"] < 0).all()
    assert (exact.loc["line", "lower"] > 0).all()


def test_words_on_recurrent_learners() -> None:
    by = table_of("recurrent").set_index(["process", "length", "training", "measure"]).sort_index()
    memory = by.loc["grid:3x3"]
    near = memory.loc[(9, "diayn", "mean_return")]
    assert 0.88 < near["mean"] / near["bayes"] < 0.92
    far = memory.loc[(18, "diayn", "mean_return")]
    assert near["mean"] < far["mean"] < 0.8 * far["bayes"]
    larger = by.loc[("grid:4x4", 16)].xs("mean_return", level="measure")
    shares = larger["mean"] / larger["bayes"]
    assert 0.5 < shares["diayn"] < 0.58
    assert 0.65 < shares["diayn-held-out"] < 0.7
    useless = by.xs("mean_return", level="measure").query("training in ['diayn-16', 'random']")
    assert (useless["mean"] < 0.2 * useless["bayes"]).all()
    held = by.xs("held_out_return", level="measure").xs("diayn-held-out", level="training")
    assert (held["mean"] < 0.01).all()


def test_words_on_prices() -> None:
    price = table_of("price").set_index(["learner", "kind"])
    explorer = price.loc["explorer"]
    assert (explorer["price"] < explorer["bound"] + 0.01).all()
    assert (explorer.loc["halves", "price"] / explorer.loc["halves", "bound"] - 1).abs().max() < 0.01
    assert (explorer["worst_regret"] / explorer["theory"] - 1).abs().max() < 0.01
    trained = price.loc["initialisation"]
    assert (trained["price"] > trained["bound"]).any()
    assert (trained["price"] < trained["bound"])[trained["hilbert"] > 4].all()
    assert trained[["distance", "theory"]].corrwith(trained["worst_regret"], method="spearman").min() > 0.75
    mixture = table_of("mixture")
    assert (mixture["one_worst"] > 4).all()
    assert (mixture["mixture_worst"] < 0.7 * mixture["one_worst"]).all()
    assert mixture["mixture_worst"].iloc[:3].between(2.0, 2.6).all()
