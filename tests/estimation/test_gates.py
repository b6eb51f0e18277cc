"""The gate's verdicts, with their reasons in words and numbers, and what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from arena_assets.estimation import (
    EstimationError,
    Method,
    Scenario,
    analyze,
    best_supported,
    contrast,
    contrasts,
    diagnose,
    draw,
    draw_targets,
    evaluate,
)
from arena_assets.estimation.diagnostics.gates import judge
from arena_assets.estimation.diagnostics.labels_at_random import Selection
from arena_assets.estimation.diagnostics.score_range import Beyond
from arena_assets.estimation.diagnostics.stated import Stated
from arena_assets.estimation.diagnostics.target import TargetDiagnostics
from arena_assets.estimation.studies.worlds import TARGET

DIRECT = Method("direct", "monotone")
DOUBLY_ROBUST = Method("dr_cpo", "monotone")
SNIPS = Method("snips", "monotone")


SIMCAL = Method("calibrated_ips", "monotone", "simcal")
SWITCH = Method("switch_dr", "monotone")
FEW = np.r_[np.ones(20), np.full(9_980, 1e-9)]
LOGNORMAL = np.exp(norm.ppf((np.arange(1000) + 0.5) / 1000) * 1.13 - 1.13**2 / 2)
HEAVY = 1 / (1 - np.arange(1000) / 1000) ** 0.6  # Pareto, k = .6


def known(weights: np.ndarray | None = None, **changes: Any) -> TargetDiagnostics:
    seen = diagnose(np.ones(1000) if weights is None else weights)
    within = Beyond(0.0, 0.0, 0.0, 0.0)
    base = TargetDiagnostics(seen, 200, 200.0, within, within, 0.0, 0.01, 0.0, 0.01)
    return replace(base, **changes)


def said(**changes: Any) -> Stated:
    return replace(Stated(std_error=0.02, df=200.0), **changes)


@pytest.mark.parametrize(
    ("method", "seen", "one", "level", "reason"),
    [
        (DIRECT, known(), said(), "supported", ""),
        (DIRECT, known(transport=0.04), said(), "refused", r"carry over.*\+0.040 \(\+4.0 standard errors\)"),
        (DIRECT, known(transport=0.02), said(), "caution", "may not carry over"),
        (DIRECT, known(transport=0.004, transport_error=0.001), said(), "supported", ""),
        (DIRECT, known(transport=0.006, transport_error=0.001), said(), "refused", r"\+6.0 standard errors"),
        (DIRECT, known(transport_error=0.0), said(), "supported", ""),
        (DIRECT, known(transport_error=0.0121), said(), "caution", r"0.012, is above 60% of the target's own, 0.02"),
        (DIRECT, known(transport=np.nan, transport_error=np.nan), said(), "caution", "cannot be tested"),
        (DIRECT, known(label_ess=14.0), said(), "caution", "cannot be tested: 14 effective labels"),
        (DIRECT, known(drawn_beyond=Beyond(0.5, 0.0, 0.1, 0.0)), said(std_error=0.0), "refused", "error is 0"),
        (DIRECT, known(n_labels=9), said(), "refused", "9 oracle labels, at least 10"),
        (DIRECT, known(n_labels=20), said(), "caution", "only 20 oracle labels"),
        (DIRECT, known(), said(df=4.0), "refused", "4.0 degrees of freedom"),
        # Beyond the labelled range: each estimator by its own mass, in its own standard errors.
        (DIRECT, known(drawn_beyond=Beyond(0.62, 0.0, 0.05, 0.0)), said(), "refused", r"62% of its mass.*\(2.5 stand"),
        (DIRECT, known(drawn_beyond=Beyond(0.0, 0.1, 0.0, 0.02)), said(), "caution", "0.000 lower or 0.020 higher"),
        (DIRECT, known(drawn_beyond=Beyond(0.9, 0.0, 0.009, 0.0)), said(), "supported", ""),
        (SNIPS, known(drawn_beyond=Beyond(0.62, 0.0, 0.05, 0.0)), said(), "supported", ""),
        (SNIPS, known(logged_beyond=Beyond(0.62, 0.0, 0.05, 0.0)), said(), "refused", "62% of its mass"),
        (DOUBLY_ROBUST, known(drawn_beyond=Beyond(0.62, 0.0, 0.05, 0.0)), said(), "supported", ""),
        # Weights: how many effective rows, whatever share of all they are, and their tail.
        (SNIPS, known(np.r_[1000.0, np.ones(999)]), said(), "refused", r"size 4 of 1000 \(0%\), below 15"),
        (SNIPS, known(FEW), said(), "refused", "affinity"),
        (DOUBLY_ROBUST, known(np.repeat([10.0, 0.2 / 0.92], [800, 9200])), said(), "caution", "^the weights[^;]*$"),
        (SNIPS, known(HEAVY), said(), "caution", "Pareto k of the weights 0.5"),
        (SNIPS, known(np.full(1000, 2.0)), said(), "caution", "mean weight 2 is inf standard errors from 1"),
        (SNIPS, known(np.full(1000, 1 + 1e-12)), said(), "supported", ""),
        (SNIPS, known(2 + np.arange(1000) / 1e6), said(), "caution", "check the log-probabilities"),
        (DOUBLY_ROBUST, known(LOGNORMAL), said(), "caution", r"too skewed \(skewness 8.*over 200 rows"),
        (DOUBLY_ROBUST, known(LOGNORMAL, n_labels=900), said(), "supported", ""),
        (SNIPS, known(LOGNORMAL, n_labels=900), said(), "supported", ""),
        (DIRECT, known(LOGNORMAL), said(), "caution", "cannot be tested.*skewness of the weights 8"),
        (DIRECT, known(LOGNORMAL, transport=0.04), said(), "refused", "does not carry over"),
        # Labels at random.
        (DIRECT, known(selection=Selection("judge score", 3.1)), said(), "caution", "more judge score than the others"),
        (DIRECT, known(selection=Selection("judge score", -4.0)), said(), "refused", r"less judge score.*\(-4.0"),
        (DOUBLY_ROBUST, known(selection=Selection("judge score", 4.0)), said(), "refused", "no random slice"),
        (Method("snips"), known(selection=Selection("score", 4.0)), said(), "caution", "^the judge[^;]*$"),
        # What projecting, clipping and thresholds did.
        (SIMCAL, known(), said(unprojected=0.01, unprojected_error=0.01), "supported", ""),
        (SIMCAL, known(), said(unprojected=0.02, unprojected_error=0.01), "caution", r"moved the estimate by -0.020"),
        (SIMCAL, known(), said(unprojected=-0.04, unprojected_error=0.01), "refused", r"\+0.040 \(4.0 standard"),
        (SIMCAL, known(), said(unprojected=0.004, unprojected_error=0.001), "supported", ""),
        (Method("clipped_ips", "monotone"), known(), said(clipped=-0.011), "caution", "took 0.011 off"),
        (Method("clipped_ips", "monotone"), known(), said(clipped=-0.041), "refused", r"took 0.041 .* \(2.0 st"),
        (SWITCH, known(transport=0.04), said(taken=0.01), "supported", ""),
        (SWITCH, known(transport=0.04), said(taken=0.10), "refused", "does not carry over"),
        (Method("naive_direct"), known(), said(), "caution", "taken at its word"),
        (Method("naive_direct"), known(judge_bias=0.2), said(), "refused", r"off by \+0.200 \(\+20.0"),
        (DOUBLY_ROBUST, known(transport=0.04), said(), "supported", ""),
        (Method("dr_cpo", "monotone", "simcal"), known(transport=0.04), said(), "refused", "does not carry over"),
    ],
)  # fmt: skip
def test_verdicts(method: Method, seen: TargetDiagnostics, one: Stated, level: str, reason: str) -> None:
    support = judge(method, seen, one)
    assert support.level == level, support.reason
    assert pd.Series([support.reason]).str.contains(reason).all() if reason else support.reason == ""


def test_the_logging_policy_needs_no_transport() -> None:
    seen = replace(known(label_ess=5.0), is_logging_policy=True)
    assert judge(DIRECT, seen, said()).level == "supported"


def test_best_supported_prefers_level_then_assumptions_then_precision() -> None:
    table = pd.DataFrame(
        [
            ("direct", "monotone", "a", 0.01, "supported", "ok"),
            ("dr_cpo", "monotone", "a", 0.05, "supported", "ok"),
            ("sndr", "monotone", "a", 0.04, "supported", "ok"),
            ("direct_own", "monotone", "a", 0.01, "caution", "ok"),
            ("direct", "monotone", "b", 0.02, "caution", "ok"),
            ("snips", "monotone", "b", 0.01, "refused", "ok"),
            ("naive_direct", "none", "c", 0.01, "caution", "ok"),
            ("snips", "none", "c", 0.01, "supported", "ok"),
            ("direct", "monotone", "c", 0.01, "refused", "ok"),
            ("direct", "monotone", "d", np.nan, "supported", "failed"),
        ],
        columns=["estimator", "reward_calibration", "policy", "std_error", "support", "status"],
    ).assign(weight_calibration="none")
    best = best_supported(table)
    assert best[["policy", "estimator"]].to_numpy().tolist() == [["a", "sndr"], ["b", "direct"]]


def test_projected_weights_assume_no_less_than_direct() -> None:
    """A correction by weights that depend on the score alone sees nothing that the score does not."""
    table = pd.DataFrame(
        [("dr_cpo", "simcal", 0.02), ("direct", "none", 0.01), ("dr_cpo", "none", 0.04)],
        columns=["estimator", "weight_calibration", "std_error"],
    ).assign(reward_calibration="monotone", policy="a", support="supported", status="ok")
    best = best_supported(table)
    assert best[["estimator", "weight_calibration"]].to_numpy().tolist() == [["dr_cpo", "none"]]
    assert best_supported(table.iloc[:2])["estimator"].tolist() == ["direct"]


def test_contrasts_are_paired_by_prompt() -> None:
    """With a strong prompt effect the paired difference is far more precise than two separate estimates."""
    rng = np.random.default_rng(0)
    data = draw_targets({"one": (0.0, 0.0, 0.0), "two": (0.3, 0.0, 0.0)}, n=2000, n_labels=1000, rng=rng)
    results = evaluate(data, methods=[DIRECT])
    by_policy = {result.policy: result.estimate for result in results}
    one, two, base = by_policy["one"], by_policy["two"], by_policy["p0"]
    assert one is not None
    assert two is not None
    assert base is not None
    difference = contrast(two, one)
    assert difference.value == pytest.approx(two.value - one.value)
    assert difference.std_error < 0.9 * np.hypot(one.std_error, two.std_error)
    table = contrasts(results, logging_policy="p0").set_index(["policy", "reference"])
    assert set(table.index) == {("one", "p0"), ("two", "p0"), ("two", "one")}
    assert table.loc[("two", "one"), "difference"] == pytest.approx(difference.value)
    assert table.loc[("one", "p0"), "difference"] == pytest.approx(one.value - base.value)
    assert table.loc[("two", "one"), "covered"] is True


def test_contrast_covers_the_known_difference() -> None:
    hits, count = 0, 200
    for seed in range(count):
        data = draw(Scenario("good", True, 100, n=400), np.random.default_rng(seed))
        table = contrasts(evaluate(data, methods=[DIRECT]), logging_policy="p0")
        low, high = table.loc[0, "ci_low"], table.loc[0, "ci_high"]
        truth = Scenario("good").truth - Scenario("clone").truth
        hits += low <= truth <= high
    assert hits / count >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / count)


def test_a_clone_with_the_same_responses_differs_by_exactly_nothing() -> None:
    data = draw(Scenario("clone", True, 100, n=200), np.random.default_rng(0))
    same = replace(data.targets[TARGET], scores=data.scores)
    table = contrasts(evaluate(replace(data, targets={TARGET: same}), methods=[DIRECT]), logging_policy="p0")
    assert table.loc[0, "difference"] == 0
    assert table.loc[0, "std_error"] == 0


def test_estimates_of_different_evaluations_cannot_be_paired() -> None:
    first, second = (
        evaluate(draw(Scenario("good", True, 50, n=n), np.random.default_rng(0)), methods=[DIRECT])[1].estimate
        for n in (100, 120)
    )
    assert first is not None
    assert second is not None
    with pytest.raises(EstimationError, match="cannot be paired"):
        contrast(first, second)


def test_judge_variance_enters_only_where_it_helps() -> None:
    rng = np.random.default_rng(0)
    data = draw(Scenario("good", True, 600, n=800), rng)
    noise = rng.uniform(size=800)
    scores = {"deterministic": data.scores["deterministic"], "uncertainty_aware": data.scores["deterministic"]}
    target = data.targets[TARGET]
    aware = replace(target, scores=dict.fromkeys(scores, target.scores["deterministic"]), variance=noise)
    from arena_assets.estimation.preparation import Preparation

    useless = replace(data, scores=scores, variance=noise, targets={TARGET: aware})
    assert not Preparation(useless).calibrations.uses_variance("uncertainty_aware")
    telling = replace(useless, labels=np.clip(data.labels - 0.6 * noise, 0, 1))
    assert Preparation(telling).calibrations.uses_variance("uncertainty_aware")
    assert not Preparation(telling).calibrations.uses_variance("deterministic")


def test_direct_own_is_compared_with_labels_that_it_never_saw() -> None:
    data = draw(Scenario("good", True, 100, n=400), np.random.default_rng(0))
    row = analyze(data, methods=[Method("direct_own", "monotone")]).set_index("policy").loc[TARGET]
    other = analyze(data, methods=[DIRECT]).set_index("policy").loc[TARGET]
    assert row["n"] + 0 < 400
    assert row["n_oracle"] == row["n"]
    assert other["truth_std_error"] < row["truth_std_error"]
    # Changing the labels of the truth half moves the truth and not the estimate.
    from arena_assets.estimation.preparation import Preparation

    half = Preparation(data)._halves[: data.n] == 1
    target = data.targets[TARGET]
    moved = replace(data, targets={TARGET: replace(target, labels=np.where(half, 0.0, target.labels))})
    again = analyze(moved, methods=[Method("direct_own", "monotone")]).set_index("policy").loc[TARGET]
    assert again["truth"] == 0
    assert again["estimate"] == row["estimate"]
