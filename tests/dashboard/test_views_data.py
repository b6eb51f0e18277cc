"""Weights, judge and responses: numbers by hand, sentences, and charts within bounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from arena_assets.charts import calibration, overlap, transport
from arena_assets.storage import Effort
from dashboard.views import cost, responses
from tests.made_up.result_rows import COLOURS, compiled

# -- weights -----------------------------------------------------------------------------------------------------------


def logs(**policies: list[float]) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {"prompt_id": [f"p{i}" for i in range(len(v))], "policy": k, "log_weight": v, "n_response_tokens": 5}
            )
            for k, v in policies.items()
        ],
        ignore_index=True,
    )


def test_weight_summary_by_hand():
    table = overlap.summary(logs(good=[0.0, np.log(3.0), np.nan]), ["good", "absent"])
    assert len(table) == 1
    assert table["rows"][0] == 2
    assert table["ess"][0] == pytest.approx(16 / 10)  # (1 + 3)^2 / (1 + 9)
    assert table["max_share"][0] == pytest.approx(0.75)


def test_the_clone_is_exact_or_it_is_not():
    assert overlap.clone_sentence(overlap.summary(logs(pi=[0.0] * 4), ["pi"]), ["pi"]) == (
        True,
        "pi equals P0, and all 4 of its log ratios are exactly 0.0",
    )
    exact, text = overlap.clone_sentence(overlap.summary(logs(pi=[0.0, -1e-7]), ["pi"]), ["pi"])
    assert not exact
    assert "1e-07 nats" in text
    assert overlap.clone_sentence(overlap.summary(logs(good=[0.0, 1.0]), ["good"]), ["pi"]) is None


def test_histograms_hold_every_row_and_stay_small():
    values = np.random.default_rng(0).normal(0, 5, 50_000).tolist()
    bins = overlap.histogram(logs(good=values), "good")
    assert bins["rows"].sum() == 50_000
    assert len(bins) == overlap.MOST_BINS
    assert bins["share"].sum() == pytest.approx(1)


def test_concentration_and_tail_are_thinned_and_end_right():
    frame = logs(good=np.random.default_rng(0).normal(0, 5, 50_000).tolist())
    curve, tail = overlap.concentration(frame, ["good"]), overlap.tail(frame, ["good"])
    assert len(curve) <= 120
    assert len(tail) <= 120
    assert curve["carried"].iloc[-1] == pytest.approx(1)
    assert curve["carried"].is_monotonic_increasing
    assert tail["share"].iloc[-1] == 1
    compiled(overlap.concentration_chart(curve, COLOURS))
    compiled(overlap.tail_chart(tail, COLOURS))


def test_enormous_log_weights_do_not_overflow():
    frame = logs(good=[5000.0, -5000.0, 0.0])
    assert overlap.summary(frame, ["good"])["ess"][0] == pytest.approx(1)
    assert np.isfinite(overlap.tail(frame, ["good"])["weight"]).all()
    assert overlap.heaviest(frame, "good")["share"].iloc[0] == pytest.approx(1)


def test_the_heaviest_rows_are_in_order_with_their_shares():
    top = overlap.heaviest(logs(good=[0.0, np.log(2.0), np.log(7.0)]), "good", most=2)
    assert list(top["prompt_id"]) == ["p2", "p1"]
    assert top["cumulative"].tolist() == pytest.approx([0.7, 0.9])


# -- judge -------------------------------------------------------------------------------------------------------------


def scored(seed: int = 0, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = []
    for policy, shift in (("P0", 0.0), ("good", 0.0), ("bad", -0.3)):
        score = rng.uniform(0.2, 0.8, n) if policy != "bad" else rng.uniform(0.0, 0.6, n)
        label = (score + shift + rng.normal(0, 0.05, n)).clip(0, 1)
        frames.append(
            pd.DataFrame(
                {
                    "prompt_id": [f"p{i}" for i in range(n)], "policy": policy, "judge_score": score,
                    "judge_mean": score, "oracle_label": label,
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def test_transport_is_judged_by_the_mean_residual():
    frame = scored()
    curve = calibration.calibrate(frame, "P0", "judge_score")
    table = transport.residuals(frame, curve, ["P0", "good", "bad"], "judge_score").set_index("policy")
    assert table.loc["P0", "residual"] == pytest.approx(0, abs=1e-9)  # isotonic regression keeps the mean
    assert table.loc["good", "low"] < 0 < table.loc["good", "high"]
    assert table.loc["bad", "high"] < -0.1
    assert "does not carry over to bad (worse than its scores say" in transport.residual_title(
        table.reset_index(), "P0"
    )


def test_support_counts_scores_outside_the_labelled_range():
    frame = scored()
    curve = calibration.calibrate(frame, "P0", "judge_score")
    table = transport.support(frame, curve, ["good", "bad"], "judge_score")
    outside = frame[(frame["policy"] == "bad") & (frame["judge_score"] < curve.support.low)]
    assert table.set_index(["policy", "side"]).loc[("bad", "below"), "rows"] == len(outside)
    assert "No level may be claimed for bad" in transport.support_title(table, transport.refused_from(curve))
    compiled(transport.support_chart(table, transport.refused_from(curve)))


def test_support_is_refused_where_the_gates_refuse_it():
    p0 = pd.DataFrame({"policy": "P0", "judge_score": np.linspace(0.2, 0.8, 50), "oracle_label": 0.5})
    far = {"near": 6, "far": 7}  # of 50; twice the 2 of 51 that P0 itself may show are taken off
    frames = [
        p0.assign(policy=policy, judge_score=np.where(np.arange(50) < outside, 0.9, 0.5))
        for policy, outside in far.items()
    ]
    frame = pd.concat([p0, *frames], ignore_index=True)
    curve = calibration.calibrate(frame, "P0", "judge_score")
    limit = transport.refused_from(curve)
    assert limit == pytest.approx(0.05 + 4 / 51)
    said = transport.support_title(transport.support(frame, curve, list(far), "judge_score"), limit)
    assert said == "No level may be claimed for far (14%): scores outside the calibrated range"


def test_calibration_needs_two_labels_on_two_scores():
    frame = scored(n=4).assign(judge_score=0.5)
    assert calibration.calibrate(frame, "P0", "judge_score") is None
    assert calibration.calibrate(frame.assign(oracle_label=np.nan), "P0", "judge_mean") is None


def test_bins_hold_every_label_once():
    points = calibration.binned(scored(), ["P0", "good", "bad"], "judge_score")
    assert (points.groupby("policy")["rows"].sum() == 300).all()
    assert ((points["low"] <= points["label"]) & (points["label"] <= points["high"])).all()


@pytest.mark.parametrize(
    ("noise", "words"), [(0.01, "follows the oracle closely"), (50.0, "says next to nothing about the oracle's label")]
)
def test_the_judge_is_called_what_its_correlation_says(noise, words):
    frame = scored(n=2000)
    frame["oracle_label"] = frame["oracle_label"] + np.random.default_rng(1).normal(0, noise, len(frame))
    assert words in calibration.calibration_title(calibration.correlations(frame, ["P0"], "judge_score"), "P0")


def test_equal_scoring_modes_are_said_to_be_equal():
    assert calibration.modes_title(scored()) == "Both scoring modes give the same score"
    assert calibration.modes(scored())["rows"].sum() == 900


def test_judge_charts_compile_with_and_without_a_curve():
    frame = scored()
    points = calibration.binned(frame, ["P0", "good"], "judge_score")
    curve = calibration.calibrate(frame, "P0", "judge_score")
    for each in (curve, None):
        compiled(calibration.calibration_chart(points, calibration.curve_points(each), COLOURS))
    compiled(calibration.distribution_chart(calibration.distributions(frame, ["P0"], "judge_score"), COLOURS))
    compiled(calibration.modes_chart(calibration.modes(frame)))
    compiled(transport.by_score_chart(transport.residuals_by_score(points, curve, ["good"]), COLOURS))


def test_a_judge_with_one_score_only_has_a_distribution():
    assert calibration.distributions(scored().assign(judge_score=0.5), ["P0"], "judge_score")["rows"].sum() == 300


def test_cost_sums_what_is_known_and_never_takes_an_unknown_price_for_zero():
    frame = pd.DataFrame(
        {
            "policy": "P0", "model": "m", "status": ["ok", "failed"], "reason": [None, "timeout"],
            "prompt_tokens": [5, 5], "completion_tokens": [1, 0], "cost_usd": [None, None],
        }
    )  # fmt: skip
    table = cost.spending({"judge": frame})
    assert table["cost_usd"].isna().all()
    said = "2 responses scored with 11 tokens, no price (no paid model); 1 response could not be scored"
    assert cost.title(table) == said
    assert cost.reasons({"judge": frame})["reason"].tolist() == ["timeout"]


def test_the_time_is_that_of_the_items_a_run_finished_itself():
    table = cost.timing({"judge": [Effort(100.0, 30), Effort(50.0, 0)], "oracle": [Effort(0.1)], "other": []})
    assert table.to_dict("list") == {
        "role": ["judge", "oracle"],
        "batches": [2, 1],
        "seconds": [150.0, 0.1],
        "answers": [30, pytest.approx(np.nan, nan_ok=True)],
        "answers_per_second": [pytest.approx(0.2), pytest.approx(np.nan, nan_ok=True)],
    }
    assert cost.timing_title(table) == "The judge took 2 min for 30 answers (0.2 a second), the oracle took 0 s"
    assert cost.timing_title(cost.timing({"oracle": [Effort(0.5, 0)]})) == "The oracle took 0 s for 0 answers"
    assert "not recorded" in cost.timing_title(cost.timing({"judge": []}))


# -- responses ---------------------------------------------------------------------------------------------------------


def test_finding_takes_text_as_text():
    prompts = pd.DataFrame({"prompt_id": ["p1", "p2", "p3"], "prompt": ["A (question", "other", "third"]})
    answers = pd.DataFrame(
        {"prompt_id": ["p2", "p3"], "policy": ["P0", "x"], "response": ["Says QUESTION", "question"]}
    )
    assert list(responses.find(prompts, answers, "question", ["P0"])) == ["p1", "p2"]
    assert list(responses.find(prompts, answers, "(", ["P0"])) == ["p1"]
    assert list(responses.find(prompts, answers, "p3", ["P0"])) == ["p3"]
    assert len(responses.find(prompts, answers, "  ", [])) == 3


def test_orders_put_the_largest_first_and_the_unknown_last():
    ids = pd.Series(["p1", "p2", "p3"])
    frame = pd.DataFrame({"prompt_id": ["p1", "p2"], "policy": "good", "log_weight": [0.1, 2.0]})
    empty = pd.DataFrame(columns=["prompt_id", "policy"])
    order = responses.ordered(ids, "weight", weights=frame, scored=empty, responses=empty, policies=["good"])
    assert order == ["p2", "p1", "p3"]


@pytest.mark.parametrize(("number", "ids", "shown"), [(1, 7, 1), (9, 7, 2), (0, 7, 1), (1, 0, 1)])
def test_pages_are_brought_within_range(number, ids, shown):
    page, at, pages = responses.page_of([str(i) for i in range(ids)], number, 5)
    assert at == shown
    assert pages == max(1, -(-ids // 5))
    assert len(page) <= 5
