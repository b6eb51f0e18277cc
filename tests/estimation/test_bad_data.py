"""Bad data gets an error or a refusal that says what is wrong; never a silent number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from arena_assets import estimation as e
from arena_assets.estimation.studies.worlds import TARGET

NAN, INF = np.nan, np.inf
FAMILY: list[Callable[..., e.Estimate]] = [e.dr_cpo, e.sndr, e.mrdr, e.tmle, e.switch_dr, e.dr_os, e.stacked_dr]
SCORES = np.linspace(0, 1, 12)
LABELS = np.r_[np.linspace(0, 1, 10), NAN, NAN]
GOOD: dict[str, Any] = {"target_scores": SCORES, "scores": SCORES, "labels": LABELS}


def with_weights(estimator: Callable[..., e.Estimate]) -> dict[str, Any]:
    return GOOD | {"weights": np.ones(12)} if estimator in FAMILY else dict(GOOD)


@pytest.mark.parametrize("estimator", [e.ips, e.clipped_ips, e.snips, e.calibrated_ips])
@pytest.mark.parametrize(
    ("rewards", "weights", "says"),
    [
        ([0.1, NAN], [1, 1], "rewards: 1 of 2 values are NaN or infinite"),
        ([0.1, INF], [1, 1], "rewards: 1 of 2"),
        ([0.1, 0.2], [1, NAN], "weights: 1 of 2"),
        ([0.1, 0.2], [1, INF], "weights: 1 of 2"),
        ([0.1, 0.2], [1, -1], "negative"),
        ([0.1, 0.2], [0, 0], "all weights are zero"),
        ([0.1, 0.2], [1, 1, 1], "weights has 3 rows, expected 2"),
        ([0.1], [1], "one row gives no standard error"),
        ([], [], "rewards is empty"),
        ([[0.1]], [1], "one-dimensional"),
        (["a", "b"], [1, 1], "rewards must be numbers"),
        ([0.1, 0.2], [1, 1e300], r"1 exceed exp\(160\)"),
        (np.array([0.1 + 1j, 0.2]), [1, 1], "rewards must be real"),
        (np.ma.array([0.1, 9.0], mask=[False, True]), [1, 1], "rewards: masked values"),
    ],
)
def test_weighting_refuses(estimator: Callable[..., e.Estimate], rewards: Any, weights: Any, says: str) -> None:
    with pytest.raises(e.EstimationError, match=says):
        estimator(rewards=rewards, weights=weights)


@pytest.mark.parametrize("estimator", [*FAMILY, e.direct])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": np.full(12, NAN)}, "0 of the rows are labelled"),
        ({"labels": np.r_[0.5, np.full(11, NAN)]}, "1 of the rows are labelled"),
        ({"scores": np.full(12, 0.5)}, "all 10 labels lie on one judge score"),
        ({"scores": np.r_[NAN, SCORES[1:]]}, "scores: 1 of 12"),
        ({"target_scores": np.r_[INF, SCORES[1:]]}, "target_scores: 1 of 12"),
        ({"labels": np.r_[INF, LABELS[1:]]}, "labels: 1 of 12 values are infinite"),
        ({"labels": LABELS[:5]}, "labels has 5 rows, expected 12"),
        ({"prompt_ids": ["a"] * 3}, "prompt_ids has shape"),
        ({"prompt_ids": [None, NAN, *range(10)]}, r"prompt_ids: 2 of 12 are missing \(rows \[0, 1\]\)"),
        ({"covariates": SCORES}, "covariates and target_covariates go together"),
        ({"covariates": np.ones((12, 2)), "target_covariates": SCORES}, "have 2 columns, target_covariates 1"),
        ({"prompt_ids": ["a"] * 12}, "all 10 labels lie in fold|draws of one prompt"),
    ],
)
def test_labelled_estimators_refuse(estimator: Callable[..., e.Estimate], change: dict[str, Any], says: str) -> None:
    with pytest.raises(e.EstimationError, match=says):
        estimator(**(with_weights(estimator) | change))


@pytest.mark.parametrize("estimator", FAMILY)
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": np.zeros(12)}, "all weights are zero"),
        ({"folds": np.zeros(12, dtype=int)}, "at least two folds"),
        ({"folds": np.linspace(0, 1, 12)}, "whole numbers"),
        ({"folds": np.r_[np.zeros(10, dtype=int), 1, 1]}, "all 10 labels lie in fold 0"),
    ],
)
def test_doubly_robust_estimators_refuse(
    estimator: Callable[..., e.Estimate], change: dict[str, Any], says: str
) -> None:
    with pytest.raises(e.EstimationError, match=says):
        estimator(**(with_weights(estimator) | change))


def test_ids_are_text_so_numbers_and_their_text_are_one_prompt() -> None:
    numbers, text = list(range(12)), [str(i) for i in range(12)]
    paired = e.dr_cpo(**GOOD, weights=np.ones(12), prompt_ids=numbers, target_prompt_ids=text)
    assert paired.contributions.size == 12
    assert paired.std_error == e.dr_cpo(**GOOD, weights=np.ones(12)).std_error


def test_labels_of_one_prompt_give_no_error() -> None:
    ids = ["a"] * 10 + ["b", "c"]
    folds = np.r_[np.tile([0, 1], 5), 0, 1]
    with pytest.raises(e.EstimationError, match=r"all 10 labels (are of one prompt|lie in fold)"):
        e.dr_cpo(**GOOD, weights=np.ones(12), prompt_ids=ids, folds=folds)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_the_error_of_huge_and_tiny_rewards_neither_overflows_nor_vanishes(scale: float) -> None:
    plain, scaled = (e.snips(rewards=SCORES * one, weights=1 + SCORES) for one in (1.0, scale))
    assert scaled.std_error == pytest.approx(plain.std_error * scale, rel=1e-12, abs=0)
    assert scaled.df == pytest.approx(plain.df, rel=1e-9)


def test_contributions_that_overflow_are_refused() -> None:
    with pytest.raises(e.EstimationError, match="overflow"), np.errstate(over="ignore", invalid="ignore"):
        e.ips(rewards=[1e300, -1e300, 1e300], weights=[1e60, 1.0, 1.0])


def test_weights_that_vanish_on_labels_are_named() -> None:
    weights = np.r_[np.zeros(10), 1, 1]
    for estimator in (e.sndr, e.tmle):
        with pytest.raises(e.EstimationError, match="all labelled rows have weight zero"):
            estimator(**GOOD, weights=weights)


def test_tmle_refuses_labels_outside_the_unit_interval() -> None:
    with pytest.raises(e.EstimationError, match=r"between 0 and 1.*range from 0 to 5"):
        e.tmle(**(GOOD | {"labels": 5 * LABELS}), weights=np.ones(12))


def test_one_own_label_is_not_enough() -> None:
    with pytest.raises(e.EstimationError, match="1 of 12 fresh draws are labelled"):
        e.direct_own(**GOOD, target_labels=np.r_[0.5, np.full(11, NAN)])


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: e.Method("drr"), r"unknown estimator 'drr'; valid: naive_direct, direct"),
        (lambda: e.Method("direct", "isotonic"), r"unknown reward_calibration 'isotonic'; valid: none, monotone"),
        (lambda: e.Method("direct", "monotone", "simcal"), "uses no weights"),
        (lambda: e.Method("snips", "none", "simcal"), "calibrated_ips"),
        (lambda: e.Method("mrdr"), "outcome model"),
        (lambda: e.full_grid(("direct", "direct")), "lists a name twice"),
        (lambda: e.AblationSpec.from_mapping({"estimator": ["ips"]}), "unknown key 'estimator'; valid: estimators"),
        (lambda: e.AblationSpec.from_mapping({"estimators": "ips"}), "must be a list"),
        (lambda: e.AblationSpec.from_mapping({"oracle_coverages": [5]}), "above 0 and at most 1"),
        (lambda: e.AblationSpec.from_mapping({"sample_sizes": [0]}), "whole number from 2"),
        (lambda: e.AblationSpec.from_mapping({"methods": [{"estimator": "ips", "reward": "none"}]}), "'reward'"),
        (
            lambda: e.AblationSpec.from_mapping({"estimators": ["mrdr"], "reward_calibration": ["none"]}),
            "no possible method",
        ),
        (lambda: e.Scenario(overlap="none"), "unknown overlap"),
    ],
)
def test_wrong_names_list_the_valid_ones(build: Callable[[], object], says: str) -> None:
    with pytest.raises(e.EstimationError, match=says):
        build()


def test_every_combination_is_possible_or_left_out_with_a_reason() -> None:
    possible = {(m.estimator, m.reward_calibration, m.weight_calibration) for m in e.full_grid()}
    left = {one[:3] for one in e.left_out()}
    assert len(possible) + len(left) == len(e.ESTIMATORS) * 3 * 2
    assert not possible & left
    assert all(one[3] for one in e.left_out())


def data(**changes: Any) -> e.EvaluationData:
    return e.draw(e.Scenario(**({"n": 200, "n_labels": 100} | changes)), np.random.default_rng(0))


def test_repeated_logged_prompts_are_named() -> None:
    made = data()
    with pytest.raises(e.EstimationError, match=r"1 prompt ids appear more than once.*p0"):
        replace(made, prompt_ids=np.r_[made.prompt_ids[:1], made.prompt_ids[:-1]])


def test_missing_and_foreign_ids_are_refused_at_the_border() -> None:
    made = data()
    target = made.targets[TARGET]
    with pytest.raises(e.EstimationError, match=r"prompt_ids of the logged rows: 1 of 200 are missing \(rows \[3\]\)"):
        replace(made, prompt_ids=np.where(np.arange(200) == 3, np.array(None), made.prompt_ids))
    with pytest.raises(e.EstimationError, match="fresh draws of target and logged rows share no prompt_id"):
        replace(made, targets={TARGET: replace(target, prompt_ids=target.prompt_ids + "x")})
    some = replace(target, prompt_ids=np.where(np.arange(200) == 3, np.array(None), target.prompt_ids))
    with pytest.raises(e.EstimationError, match="prompt_ids of target's fresh draws: 1 of 200 are missing"):
        replace(made, targets={TARGET: some})


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_equal_labels_are_refused_and_not_stated_without_an_error(label: float) -> None:
    """They once gave a supported estimate of exactly 1 with a standard error of 0."""
    made = data()
    rows = e.analyze(made.with_labels(np.where(np.isnan(made.labels), NAN, label))).query("policy == @TARGET")
    flat = rows[rows["std_error"] < 1e-12]
    assert {"direct", "snips"} <= set(flat["estimator"])
    assert set(flat["support"]) == {"refused"}
    assert flat["support_reason"].str.contains("the standard error is 0").all()


def test_infinite_log_weights_are_refused_at_the_border() -> None:
    made = data()
    target = made.targets[TARGET]
    with pytest.raises(e.EstimationError, match="1 values of log_weights are infinite"):
        replace(made, targets={TARGET: replace(target, log_weights=np.r_[INF, target.log_weights[1:]])})


def test_a_target_without_fresh_draws_keeps_its_weighted_estimates() -> None:
    made = data()
    target = made.targets[TARGET]
    none = np.empty(0)
    empty = e.TargetData(target.log_weights, np.empty(0, dtype=object), {"deterministic": none}, none, none, none)
    rows = e.analyze(replace(made, targets={TARGET: empty})).query("policy == @TARGET").set_index("estimator")
    assert (rows.loc["snips", "status"] == "ok").all()
    assert (rows.loc[["direct", "dr_cpo"], "status"] == "failed").all()
    assert rows.loc["direct", "reason"].str.contains("0 fresh draws with a score").all()


def test_a_target_without_log_probabilities_keeps_its_direct_estimates() -> None:
    made = data()
    target = replace(made.targets[TARGET], log_weights=np.full(200, NAN))
    rows = e.analyze(replace(made, targets={TARGET: target})).query("policy == @TARGET").set_index("estimator")
    assert (rows.loc["direct", "status"] == "ok").all()
    assert (rows.loc["direct", "support"] == "caution").all()
    assert (rows.loc[["snips", "dr_cpo"], "status"] == "failed").all()
    assert rows.loc["snips", "reason"].str.contains("0 logged rows").all()
    assert rows.loc["snips", "estimate"].isna().all()


@pytest.mark.parametrize("labels", [0, 1, 9])
def test_too_few_labels_are_failed_or_refused(labels: int) -> None:
    rows = e.analyze(data(n_labels=labels)).query("policy == @TARGET")
    calibrated = rows[(rows["reward_calibration"] != "none") & (rows["estimator"] != "direct_own")]
    assert set(calibrated["support"]) == {"refused"}
    assert (calibrated["support_reason"] != "").all()


def test_failed_rows_hold_nothing_but_their_reason() -> None:
    rows = e.analyze(data(n_labels=0)).query("status == 'failed'")
    assert not rows.empty
    assert rows[["estimate", "std_error", "ci_low", "ci_high", "error"]].isna().all(axis=None)
    assert (rows["reason"] != "").all()


@pytest.mark.parametrize("estimator", FAMILY)
def test_rows_of_folds_without_labels_use_the_full_calibration(estimator: Callable[..., e.Estimate]) -> None:
    """They once read uninitialised memory: no label had made a model for their fold."""
    folds = np.r_[np.tile([0, 1], 5), 2, 3]
    data = GOOD | {"target_scores": SCORES[::-1], "weights": np.linspace(0.5, 1.5, 12), "folds": folds}
    result = estimator(**data)
    assert 0 <= result.value <= 1
    assert estimator(**data).value == result.value
    plain = e.direct(target_scores=SCORES, scores=SCORES, labels=LABELS)
    assert abs(result.value - plain.value) < 0.3
