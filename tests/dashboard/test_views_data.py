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


def known(largest: float, *, policy: str = "pi", rows: int = 4) -> pd.DataFrame:
    return pd.DataFrame([{"policy": policy, "n": rows, "largest_abs_log_weight": largest}])


def test_the_clone_is_exact_or_it_is_not():
    said = "pi equals P0, and all 4 of its log ratios are exactly 0.0"
    assert overlap.clone_sentence(known(0.0), ["pi"]) == (True, said)
    sentence = overlap.clone_sentence(known(1e-7), ["pi"])
    assert sentence is not None
    exact, text = sentence
    assert not exact
    assert "1e-07 nats" in text
    assert overlap.clone_sentence(known(0.0, policy="good"), ["pi"]) is None


def test_targets_without_a_weight_are_left_out_and_the_order_is_theirs():
    table = pd.concat([known(1, policy="b"), known(1, policy="none", rows=0), known(1, policy="a")])
    assert list(overlap.of_targets(table, ["a", "none", "b"])["policy"]) == ["a", "b"]


def test_histograms_hold_every_row_and_stay_small():
    values = np.random.default_rng(0).normal(0, 5, 50_000).tolist()
    bins = overlap.histogram(logs(good=values), "good")
    assert bins["rows"].sum() == 50_000
    assert len(bins) == overlap.MOST_BINS
    assert bins["share"].sum() == pytest.approx(1)


def test_rows_of_weight_0_have_a_bin_of_their_own():
    bins = overlap.histogram(logs(good=[-np.inf, -2000.0, -1.0, 0.0, np.nan]), "good")
    own = bins[bins["zero"]]
    assert own["share"].tolist() == [0.5]  # of the four that are there
    assert bins["rows"].sum() == 4
    assert own["high"].iloc[0] < bins.loc[~bins["zero"], "low"].min()
    drawn = str(compiled(overlap.histogram_chart(bins, "#000000")))
    assert "weight 0" in drawn
    assert "Infinity" not in drawn
    assert not overlap.histogram(logs(good=[-1.0, 0.0]), "good")["zero"].any()


def test_weights_that_are_all_0_are_drawn_and_carry_nothing():
    frame = logs(good=[-np.inf, -np.inf])
    bins = overlap.histogram(frame, "good")
    assert bins.loc[bins["zero"], "share"].tolist() == [1]
    compiled(overlap.histogram_chart(bins, "#000000"))
    assert overlap.heaviest(frame, "good").empty


@pytest.mark.parametrize(
    ("zero", "said"), [(0, "largest share 50%"), (4, "40% of the rows have weight 0"), (10, "every weight is 0")]
)
def test_the_share_of_weight_0_is_said(zero: int, said: str):
    row = {"policy": "pi", "n": 10, "ess": 4.0, "ess_fraction": 0.4, "max_weight_share": 0.5, "zero": zero}
    assert said in overlap.histogram_title(pd.Series(row | {"largest_abs_log_weight": 1.0}))


def test_charts_of_the_weights_curve_compile_whatever_a_weight_is():
    curve = pd.DataFrame(
        {"policy": "good", "rank": [1, 2], "share_of_rows": [0.5, 1], "log_weight": [5000.0, 0], "carried": [1.0, 1]}
    )
    compiled(overlap.concentration_chart(curve, COLOURS))
    drawn = compiled(overlap.tail_chart(curve, COLOURS))
    assert "Infinity" not in str(drawn)
    assert overlap.concentration_title(curve) == "The heaviest row of good carries 100% of its weight"
    assert overlap.heaviest(logs(good=[5000.0, -5000.0, 0.0]), "good")["share"].iloc[0] == pytest.approx(1)


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


def test_transport_is_judged_by_the_residual_and_its_interval():
    table = pd.DataFrame(
        {
            "policy": ["P0", "good", "bad"], "residual": [0.0, 0.01, -0.3], "labels": 100, "rmse": 0.1,
            "residual_ci_low": [-0.1, -0.05, -0.35], "residual_ci_high": [0.1, 0.07, -0.25],
        }
    )  # fmt: skip
    said = transport.residual_title(table, "P0")
    assert said == "The calibration does not carry over to bad (worse than its scores say by 0.300)"
    assert "No mean residual differs" in transport.residual_title(table.iloc[:2], "P0")
    assert "90% from" in str(compiled(transport.residual_chart(table, COLOURS, "90%")))


def test_scores_beyond_the_labels_are_said_with_what_they_may_hide():
    table = pd.DataFrame(
        [
            {"policy": "near", "share_below": 0.01, "share_above": 0.0, "beyond_low": 0.003, "beyond_high": 0.0},
            {"policy": "far", "share_below": 0.0, "share_above": 0.25, "beyond_low": 0.0, "beyond_high": 0.0625},
        ]
    )
    said = transport.support_title(table)
    assert said.startswith("25% of far's scores lie outside the calibrated range")
    assert "0.000 lower or 0.062 higher" in said
    none = table.assign(share_above=0.0, share_below=0.0, beyond_low=0.0, beyond_high=0.0)
    assert transport.support_title(none) == "Every target's scores lie within the calibrated range"
    compiled(transport.support_chart(transport.sides(table)))


@pytest.mark.parametrize(
    ("value", "words"), [(0.9, "follows the oracle closely"), (0.05, "says next to nothing about the oracle's label")]
)
def test_the_judge_is_called_what_its_correlation_says(value, words):
    table = pd.DataFrame([{"policy": "P0", "rank_correlation": value, "labels": 20}])
    assert words in calibration.calibration_title(table, "P0")
    assert "Too few labels" in calibration.calibration_title(table.assign(rank_correlation=np.nan), "P0")


def test_equal_scoring_modes_are_said_to_be_equal():
    assert calibration.modes_title(scored()) == "Both scoring modes give the same score"
    assert calibration.modes(scored())["rows"].sum() == 900


def test_judge_charts_compile_with_and_without_a_curve():
    frame = scored()
    bins = pd.DataFrame(
        [{"policy": "good", "score": 0.4, "label": 0.5, "ci_low": -0.1, "ci_high": 0.9, "labels": 12, "residual": 0.1}]
    )
    curve = pd.DataFrame({"position": [0.1, 0.9], "value": [0.2, 0.7]})
    for each in (curve, curve.iloc[:0]):
        compiled(calibration.calibration_chart(bins, each, COLOURS, "95%"))
    compiled(calibration.distribution_chart(calibration.distributions(frame, ["P0"], "judge_score"), COLOURS))
    compiled(calibration.modes_chart(calibration.modes(frame)))
    compiled(transport.by_score_chart(bins, COLOURS))


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
