"""From a mark to its responses: addresses, the filters that they state, and what is shown of a prompt."""

from __future__ import annotations

import math
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from arena_assets.charts import overlap, ranking
from dashboard import links
from dashboard.data.catalog import Roles
from dashboard.screens.weights import _linked
from dashboard.views import evidence, only
from dashboard.views.only import WEIGHT, Only
from tests.dashboard.conftest import Place
from tests.dashboard.pages import open_page, words

WHO = Roles("P0", ("good", "bad"))
WEIGHTS = pd.DataFrame(
    {"prompt_id": list("abcd"), "policy": "good", "log_weight": [-math.inf, -1.0, 0.5, math.nan]},
)


def asked(address: str) -> Only:
    found = only.parse(parse_qs(urlsplit(address).query)["only"][0])
    assert found is not None
    return found


def test_an_address_states_its_filter_to_the_last_digit():
    wanted = Only("judge_mean", "pi_bad", 0.1 + 0.2, math.inf)
    address = links.responses("demo", ("p0", "pi_bad"), order="gap", only=wanted)
    assert asked(address) == wanted
    query = parse_qs(urlsplit(address).query)
    assert query["policy"] == ["p0", "pi_bad"]
    assert query["order"] == ["judge and oracle apart"]


@pytest.mark.parametrize(
    "address", ["", "x", "log_weight:a:1", "price:a:0:1", "log_weight:a:low:1", "log_weight:a:nan:1"]
)
def test_an_address_that_states_no_filter_filters_nothing(address: str):
    assert only.parse(address) is None


def test_a_filter_takes_its_own_prompts():
    scored = pd.DataFrame(
        {"prompt_id": list("abc"), "policy": "good", "judge_score": [0.1, 0.2, 0.2], "oracle_label": [1.0, 1.0, np.nan]}
    )
    tables = {"weights": WEIGHTS, "scored": scored}
    assert Only(WEIGHT, "good", -2.0, 0.5).prompts(tables) == {"b", "c"}
    assert Only(WEIGHT, "good", -math.inf, -math.inf).prompts(tables) == {"a"}
    assert Only("judge_score", "good", 0.15, 0.3).prompts(tables) == {"b"}  # c has no label, so no bin holds it
    assert Only("judge_score", "bad", 0.0, 1.0).prompts(tables) == set()
    assert "weight of good is 0" in Only(WEIGHT, "good", -math.inf, -math.inf).words
    assert Only(WEIGHT, "good", -math.inf, 1.0).words.endswith("is at most 1.000")


@pytest.mark.parametrize("zeros", [0, 3])
def test_the_bars_of_a_histogram_lead_to_every_weight_once(zeros: int):
    rng = np.random.default_rng(5)
    logs = [*rng.normal(0, 3, 400).tolist(), *[-math.inf] * zeros]
    frame = pd.DataFrame({"prompt_id": range(len(logs)), "policy": "good", "log_weight": logs})
    bins = _linked(overlap.histogram(frame, "good"), "demo", WHO, "good")
    behind = [asked(address).prompts({"weights": frame, "scored": frame}) for address in bins["href"]]
    assert sum(map(len, behind)) >= len(logs)
    assert set().union(*behind) == set(range(len(logs)))
    inner = [len(own) for own, row in zip(behind, bins.itertuples(), strict=True) if not row.zero][1:]
    assert inner == bins.loc[~bins["zero"].astype(bool), "rows"].tolist()[1:]
    if zeros:
        assert len(behind[0]) == zeros


def test_a_ranking_leads_to_the_pair_that_it_gets_most_wrong_or_else_its_closest():
    truths = {"a": 0.9, "b": 0.6, "c": 0.55}
    assert ranking.telling_pair(["c", "b", "a"], truths) == ("c", "a")
    assert ranking.telling_pair(["a", "b", "c"], truths) == ("b", "c")


def known(**changes: object) -> evidence.Evidence:
    judged = {
        "P0": {"judge_score": 0.5, "judge_mean": 0.4, "judge_variance": 0.04, "status": "ok", "reason": None},
        "good": {
            "judge_score": np.nan,
            "judge_mean": np.nan,
            "judge_variance": np.nan,
            "status": "failed",
            "reason": "timeout",
        },
    }
    labelled = {"P0": {"oracle_label": 1.0, "slice": "calibration", "status": "ok", "reason": None}}
    fields = {"judged": judged, "labelled": labelled, "log_weights": {"good": math.log(2)}, "total": -10.0}
    return evidence.Evidence(**(fields | {"whole": {"good": math.log(8)}} | changes))  # type: ignore[arg-type]


def test_the_numbers_of_a_prompt_are_those_of_its_rows():
    table = known().numbers(["P0", "good", "bad"], "P0").set_index("policy")
    assert table.loc["P0", ["judge score", "judge mean", "judge sd", "label"]].tolist() == [0.5, 0.4, 0.2, 1.0]
    assert table.loc["good", ["ln P", "weight", "share"]].tolist() == pytest.approx([-10 + math.log(2), 2.0, 0.25])
    assert table.loc["bad", ["judge score", "ln P", "weight", "share"]].isna().all()
    assert known().reasons(["P0", "good"]) == ["good: the judge gave no score (timeout)"]


def test_shares_are_of_all_weights_of_a_policy():
    frame = pd.DataFrame({"policy": ["a", "a", "b", "b"], "log_weight": [1000.0, 1000.0, -math.inf, math.nan]})
    assert evidence.whole(frame) == {"a": pytest.approx(1000 + math.log(2))}


def test_reference_points_are_met_as_the_oracle_reads_them():
    points = [["12", "twelve"], ["3", "three"]]
    assert evidence.points(points, "Twelve!", strip_thinking=False) == "1 of 2 reference points (met: 12; missed: 3)"
    assert evidence.points([], "x", strip_thinking=False) == ""
    thought = "<think>twelve</think>three"
    assert "1 of 2 reference points (met: 3; missed: 12)" in evidence.points(points, thought, strip_thinking=True)


def test_the_page_shows_the_prompts_of_the_address_alone(place: Place):
    scored = place.store().read("judge_scores", "0001").query("policy == 'pi_bad'")
    low = float(scored["judge_score"].min())
    app = open_page("responses", only=f"judge_score:pi_bad:{low!r}:{low!r}")
    assert "Only prompts whose deterministic judge score of pi_bad lies within" in words(app)
    assert " of 120 prompts" in words(app)
    app.button[0].click().run()
    assert "Only prompts" not in words(app)


def test_reasons_are_shown_beside_the_numbers(place: Place):
    store = place.store()
    frame = store.read("judge_scores", "0000")
    first = frame.index[frame["policy"] == "P0"]
    frame.loc[first, ["judge_score", "judge_mean", "judge_variance"]] = None
    frame.loc[first, ["status", "reason"]] = ["failed", "the judge timed out"]
    store.write(
        "judge_scores",
        frame,
        partition="0000",
        **{k: v for k, v in store.notes("judge_scores", "0000").items() if k == "fingerprint"},
    )
    assert "P0: the judge gave no score (the judge timed out)" in words(open_page("responses"))
