"""The data contract: tables are joined by key, missing stays missing, and bad tables say what is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from arena_assets.estimation import DEFAULT, EstimationError, EvaluationData, analyze, evaluation_data


def frames(n: int = 40, seed: int = 0) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(n)]
    quality = {policy: rng.uniform(size=n) for policy in ("p0", "pi_clone", "pi_bad")}
    scores = pd.DataFrame(
        [
            {
                "prompt_id": i,
                "policy": policy,
                "judge_score": q,
                "judge_mean": q,
                "judge_variance": 0.1,
                "n_response_tokens": 10 + k,
            }
            for policy, values in quality.items()
            for k, (i, q) in enumerate(zip(ids, values, strict=True))
        ]
    )
    labels = scores.rename(columns={"judge_score": "oracle_label"})[["prompt_id", "policy", "oracle_label"]].copy()
    labels["oracle_label"] = (labels["oracle_label"] + rng.normal(0, 0.1, len(labels))).clip(0, 1)
    logps = rng.normal(-50, 5, n)
    other = logps + rng.normal(-0.1, 0.4, n)
    logprobs = pd.DataFrame(
        {
            "prompt_id": ids,
            "total_logprob": logps,
            "target_logps": [{"pi_clone": a, "pi_bad": b} for a, b in zip(logps, other, strict=True)],
        }
    )
    return {"logprobs": logprobs, "judge_scores": scores, "responses": scores, "oracle_labels": labels}


def build(tables: dict[str, pd.DataFrame]) -> EvaluationData:
    return evaluation_data(**tables, logging_policy="p0", target_policies=["pi_clone", "pi_bad"])


def test_row_order_changes_nothing() -> None:
    tables = frames()
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in tables.items()}
    shuffled["logprobs"] = tables["logprobs"]
    first, second = analyze(build(tables)), analyze(build(shuffled))
    pd.testing.assert_frame_equal(first, second)


def test_clone_weights_are_exactly_one() -> None:
    assert (build(frames()).targets["pi_clone"].log_weights == 0.0).all()


def test_missing_values_leave_by_name_and_are_never_zero() -> None:
    tables = frames()
    tables["logprobs"].at[3, "target_logps"] = {"pi_clone": None, "pi_bad": float("nan")}
    tables["judge_scores"].loc[5, "judge_score"] = None
    data = build(tables)
    assert np.isnan(data.targets["pi_clone"].log_weights[3])
    assert np.isnan(data.targets["pi_bad"].log_weights[3])
    assert {(one.policy, one.what, one.count, one.first_ids) for one in data.left_out} == {
        ("pi_clone", "no usable log-probability", 1, ("p3",)),
        ("pi_bad", "no usable log-probability", 1, ("p3",)),
        ("p0", "no judge_score", 1, ("p5",)),
    }
    result = analyze(data).set_index(["estimator", "reward_calibration", "scoring", "policy"])
    assert result.loc[("snips", "none", "deterministic", "pi_clone"), "n"] == 38
    assert result.loc[("snips", "none", "uncertainty_aware", "pi_clone"), "n"] == 39


def test_truth_is_the_mean_of_the_targets_own_labels() -> None:
    tables = frames()
    labels = tables["oracle_labels"]
    own = labels.loc[labels["policy"] == "pi_bad", "oracle_label"]
    row = analyze(build(tables)).query("estimator == 'direct' and policy == 'pi_bad'").iloc[0]
    assert row["truth"] == pytest.approx(own.mean())
    assert row["truth_std_error"] == pytest.approx(own.std() / np.sqrt(40))


def test_targets_labels_are_never_used_to_estimate() -> None:
    tables = frames()
    others = [method for method in DEFAULT if method.estimator != "direct_own"]
    before = analyze(build(tables), methods=others)
    labels = tables["oracle_labels"]
    labels.loc[labels["policy"] != "p0", "oracle_label"] = 0.123
    after = analyze(build(tables), methods=others)
    columns = ["estimate", "std_error", "df", "support", "support_reason"]
    pd.testing.assert_frame_equal(before[columns], after[columns])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.update(logprobs=t["logprobs"].drop(columns="total_logprob")), "logprobs lacks total_logprob"),
        (lambda t: t.update(judge_scores=pd.concat([t["judge_scores"]] * 2)), "rows repeat a key"),
        (lambda t: t.update(logprobs=pd.concat([t["logprobs"]] * 2)), "rows repeat a key"),
        (lambda t: t["logprobs"].__setitem__("prompt_id", [f"q{i}" for i in range(40)]), "share no prompt_id"),
        (
            lambda t: t["judge_scores"].__setitem__("judge_score", np.nan) or t["judge_scores"].pop("judge_mean"),
            "no score",
        ),
    ],
)
def test_bad_tables_say_what_is_wrong(change: object, says: str) -> None:
    tables = frames()
    change(tables)  # type: ignore[operator]
    with pytest.raises(EstimationError, match=says):
        build(tables)


def test_without_labels_the_calibrated_methods_fail_by_name_and_the_others_stand() -> None:
    tables = frames()
    tables.pop("oracle_labels")
    result = analyze(build(tables)).set_index("estimator")
    assert (result.loc[["direct", "dr_cpo"], "status"] == "failed").all()
    assert result.loc["direct", "reason"].str.contains("0 of the rows are labelled").all()
    assert result.loc[["direct", "dr_cpo"], "estimate"].isna().all()
    assert (result.loc["naive_direct", "status"] == "ok").all()
    assert result["covered"].isna().all()
