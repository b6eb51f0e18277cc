"""Numbers of different prompts are not compared, and what is of a part of the prompts says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from arena_assets.estimation import (
    EvaluationData,
    Method,
    ablation_grid,
    analyze,
    complete_analysis,
    contrasts,
    evaluate,
)
from arena_assets.estimation.data.evaluation import TargetData
from arena_assets.estimation.diagnostics.missing_prompts import missing_prompts, rank_sum
from arena_assets.estimation.studies.spec import AblationSpec

METHODS = [Method(name, "monotone") for name in ("direct", "ips", "snips", "dr_cpo")]
WEIGHTED, NAN = ["ips", "snips"], np.nan


def made(seed: int = 11, n: int = 600, targets: tuple[str, ...] = ("a",)) -> tuple[EvaluationData, np.ndarray]:
    """Whole data whose targets are P0 but for noise, and which prompts are hard: those score .2 instead of .75."""
    rng = np.random.default_rng(seed)
    hard = rng.uniform(size=n) < 0.4
    ids = np.array([f"q{i}" for i in range(n)], dtype=object)
    nothing = np.full(n, NAN)

    def judged() -> tuple[dict[str, np.ndarray], np.ndarray]:
        scores = np.where(hard, rng.uniform(0, 0.4, n), rng.uniform(0.5, 1, n))
        return {"deterministic": scores}, np.clip(scores + rng.normal(0, 0.08, n), 0, 1)

    scores, labels = judged()
    drawn: dict[str, TargetData] = {}
    for name in targets:
        log_weights, (own, truths) = rng.normal(-0.005, 0.1, n), judged()
        drawn[name] = TargetData(log_weights, ids, own, nothing, nothing, truths)
    return EvaluationData("p0", ids, scores, nothing, nothing, labels, drawn), hard


def without_draws(data: EvaluationData, lost: np.ndarray, policy: str = "a") -> EvaluationData:
    target = data.targets[policy]
    kept = TargetData(
        target.log_weights,
        target.prompt_ids[~lost],
        {mode: values[~lost] for mode, values in target.scores.items()},
        target.variance[~lost],
        target.response_length[~lost],
        target.labels[~lost],
    )
    return replace(data, targets={**data.targets, policy: kept})


def without_weights(data: EvaluationData, lost: np.ndarray) -> EvaluationData:
    target = data.targets["a"]
    kept = replace(target, log_weights=np.where(lost, NAN, target.log_weights))
    return replace(data, targets={**data.targets, "a": kept})


def without_labels(data: EvaluationData, lost: np.ndarray) -> EvaluationData:
    target = data.targets["a"]
    return replace(data, targets={"a": replace(target, labels=np.where(lost, NAN, target.labels))})


def found(data: EvaluationData) -> pd.DataFrame:
    table = analyze(data, methods=METHODS)
    return table[table["policy"] == "a"].set_index("estimator")


def test_without_draws_of_hard_prompts_direct_is_refused_and_weighted_is_compared_where_both_are() -> None:
    data, hard = made()
    whole, part = found(data), found(without_draws(data, hard))
    truth = float(data.targets["a"].labels[~hard].mean())
    assert part.loc[["direct", "dr_cpo"], "support"].tolist() == ["refused"] * 2
    assert part["support_reason"]["direct"].startswith(f"{hard.sum()} of 600 prompts (42%) have no fresh draw")
    assert "lower scores" in part["support_reason"]["direct"]
    for name in WEIGHTED:  # right for all prompts, and compared on some
        assert part.loc[name, ["estimate", "support"]].tolist() == whole.loc[name, ["estimate", "support"]].tolist()
        assert part.loc[name, "covered"] is True
        assert part.loc[name, "truth"] == pytest.approx(truth)
        assert f"on the {(~hard).sum()} prompts that both rest on" in part.loc[name, "support_reason"]


def test_without_weights_of_hard_prompts_weighted_is_refused_and_direct_is_as_it_was() -> None:
    data, hard = made()
    whole, part = found(data), found(without_weights(data, hard))
    assert part.loc[[*WEIGHTED, "dr_cpo"], "support"].tolist() == ["refused"] * 3
    assert "have no log-probability" in part["support_reason"]["ips"]
    same = ["estimate", "std_error", "truth", "error", "covered", "support", "support_reason"]
    assert part.loc["direct", same].tolist() == whole.loc["direct", same].tolist()
    assert part["covered"].tolist() == [True] * 4


def test_labels_of_easy_prompts_alone_are_compared_with_estimates_of_these() -> None:
    data, hard = made()
    whole, part = found(data), found(without_labels(data, hard))
    assert part["estimate"].equals(whole["estimate"])
    assert part["truth"].to_numpy() == pytest.approx(float(data.targets["a"].labels[~hard].mean()))
    assert part["covered"].tolist() == [True] * 4
    assert part["error"].abs().max() < 0.03


def test_a_random_slice_of_labels_stands_for_all_prompts() -> None:
    data, _ = made()
    lost = np.random.default_rng(0).uniform(size=600) < 0.75
    part = found(without_labels(data, lost))
    assert (part["error"] == part["estimate"] - part["truth"]).all()
    assert not part["support_reason"].str.contains("prompts").any()


@pytest.mark.parametrize(("share", "level"), [(0.01, "supported"), (0.05, "caution"), (0.15, "refused")])
@pytest.mark.parametrize("part", [without_draws, without_weights])
def test_the_more_is_missing_of_one_kind_the_worse(part: object, share: float, level: str) -> None:
    data, hard = made()
    lost = np.zeros(600, dtype=bool)
    lost[np.flatnonzero(hard)[: round(share * 600)]] = True
    rows = found(part(data, lost))  # type: ignore[operator]
    assert rows.loc["direct" if part is without_draws else "ips", "support"] == level
    assert rows.loc["ips" if part is without_draws else "direct", "support"] == "supported"


@pytest.mark.parametrize("part", [without_draws, without_weights])
def test_a_random_third_missing_is_shown_to_be_random(part: object) -> None:
    data, _ = made()
    lost = np.random.default_rng(1).uniform(size=600) < 0.33
    rows = found(part(data, lost))  # type: ignore[operator]
    assert rows["support"].tolist() == ["supported"] * 4
    assert rows["covered"].tolist() == [True] * 4


def test_a_sample_too_small_to_tell_shows_nothing() -> None:
    data, _ = made(n=80)
    lost = np.arange(80) % 5 == 0
    rows = found(without_draws(data, lost))
    assert rows.loc["direct", "support"] == "refused"
    assert "that these have other scores is not excluded" in rows.loc["direct", "support_reason"]


def test_prompts_that_are_missing_for_all_alike_are_nobodys() -> None:
    data, hard = made()
    data = without_draws(without_weights(data, hard), hard)
    alike = replace(data, scores={"deterministic": np.where(hard, NAN, data.scores["deterministic"])})
    rows = found(replace(alike, labels=np.where(hard, NAN, data.labels)))
    assert not rows["support_reason"].str.contains("prompts").any()
    assert (rows["error"] == rows["estimate"] - rows["truth"]).all()


def test_of_prompts_without_any_score_nothing_is_shown() -> None:
    data, _ = made(targets=("a", "b"))
    lost = np.random.default_rng(0).uniform(size=600) < 0.3
    silent = replace(data, scores={"deterministic": np.where(lost, NAN, data.scores["deterministic"])})
    rows = found(without_draws(silent, lost))
    assert rows.loc["direct", "support"] == "refused"
    assert "no score tells" in rows.loc["direct", "support_reason"]


def test_truths_of_other_prompts_are_no_contrast() -> None:
    data, hard = made(targets=("a", "b"))
    pairs = contrasts(evaluate(data, methods=METHODS))
    assert pairs.loc[pairs["reference"] == "a", "truth"].notna().all()
    part = contrasts(evaluate(without_draws(data, hard), methods=METHODS))
    assert part["truth"].isna().all()
    assert part["covered"].isna().all()


def test_the_difference_to_p0_is_of_the_prompts_that_both_have() -> None:
    data, hard = made()
    values = complete_analysis(without_draws(data, hard), methods=METHODS)["policy_values"].set_index("policy")
    both = data.targets["a"].labels[~hard].mean() - data.labels[~hard].mean()
    assert values.loc["a", "minus_logging"] == pytest.approx(both)


def test_the_grid_leaves_out_prompts_that_a_policy_lacks() -> None:
    data, hard = made()
    spec = AblationSpec(methods=tuple(METHODS), sample_sizes=(200,), oracle_coverages=(0.5,), seeds=tuple(range(4)))
    grid = ablation_grid(without_draws(data, hard), spec)
    assert f"{hard.sum()} of 600 prompts: a policy has no draw" in grid.left_out[-1]
    assert grid.summary.set_index("estimator")["bias"].abs().max() < 0.03
    assert ablation_grid(data, spec).left_out == ()


def test_the_rank_sum_by_hand() -> None:
    missing = np.array([True, True, False, False, False])
    test = rank_sum(np.array([1.0, 2.0, 2.0, 3.0, 4.0]), missing)
    assert test is not None
    assert test.chance == pytest.approx(0.5 / 6)  # of six pairs one is a tie, and no missing one is higher
    variance = (6 - 6 / 20) / (12 * 6)
    assert test.z == pytest.approx((0.5 / 6 - 0.5) / variance**0.5)
    assert test.missing == 2
    assert rank_sum(np.array([1.0, NAN, NAN]), np.array([True, False, False])) is None
    flat = missing_prompts("x", ~missing, np.ones(5, dtype=bool), np.ones(5))
    assert not flat.unrelated(0.02)


@pytest.mark.slow
def test_what_is_compared_covers_and_what_is_supported_is_right() -> None:
    """Hard prompts are lost more often than others, from not at all to four times as often."""
    covered: list[bool] = []
    supported: list[bool] = []
    for seed in range(160):
        data, hard = made(seed, n=400)
        rng = np.random.default_rng(10_000 + seed)
        slope = (0.0, 0.1, 0.3, 0.6)[seed % 4]
        lost = rng.uniform(size=400) < 0.25 * (1 + slope * np.where(hard, 1, -1))
        drawn = seed % 8 < 4
        rows = found(without_draws(data, lost) if drawn else without_weights(data, lost))
        covered += rows["covered"].tolist()
        inside = (rows["ci_low"] <= TRUTH) & (rows["ci_high"] >= TRUTH) & (rows["support"] == "supported")
        hit = rows.loc[["direct", "dr_cpo"] if drawn else [*WEIGHTED, "dr_cpo"]]
        supported += inside[hit.index[hit["support"] == "supported"]].tolist()
    assert np.mean(covered) >= 0.93
    assert len(supported) > 60
    assert np.mean(supported) >= 0.90


def _expected() -> float:
    """The mean label of all prompts, by integration."""
    rng = np.random.default_rng(0)
    low, high = rng.uniform(0, 0.4, 2_000_000), rng.uniform(0.5, 1, 2_000_000)
    noise = rng.normal(0, 0.08, 2_000_000)
    return float(0.4 * np.clip(low + noise, 0, 1).mean() + 0.6 * np.clip(high + noise, 0, 1).mean())


TRUTH = _expected()


def test_a_missing_prompt_is_no_wrong_order() -> None:
    """Hard prompts without draws or log-probabilities raise a's estimate, not what it is worth beside b."""
    data, hard = made(targets=("a", "b"))
    whole = complete_analysis(data, methods=METHODS)["method_accuracy"].set_index("estimator")
    assert (whole["pairs"] == 1).all()

    # a's truth stands for the easy prompts alone, b's for all: they have no order.
    easy = complete_analysis(without_draws(data, hard), methods=METHODS)["method_accuracy"]
    assert (easy["pairs"] == 0).all()
    assert easy["kendall_tau"].isna().all()
    assert (easy["policies"] == 2).all()

    # Without log-probabilities of hard prompts both truths are of all, and a looks better than b, which is better.
    logged, better = data.scores["deterministic"], data.targets["b"]
    raised = replace(better, log_weights=1.2 * (logged - logged.mean()) - 0.05, labels=better.labels + 0.08)
    data = replace(data, targets={**data.targets, "b": raised})
    tables = complete_analysis(without_weights(data, hard), methods=[Method("snips", "monotone")])
    estimate = tables["ablation_results"].set_index("policy")["estimate"]
    assert estimate["a"] > estimate["b"] + 0.1
    only = tables["method_accuracy"].iloc[0]
    assert only[["pairs", "pairs_right"]].tolist() == [1, 1]
    assert only["ranking"] == "a > b"  # as it stands
