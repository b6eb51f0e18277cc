"""Clusters of prompts: what is drawn together counts once, in errors, gates, folds and subsets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arena_assets import estimation as e
from arena_assets.estimation.data.clusters import by_prompt, clusters_of, mean_error
from arena_assets.estimation.diagnostics.labels_at_random import selection
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.studies.grid import _subset
from arena_assets.estimation.studies.policies import Policy
from arena_assets.estimation.studies.worlds import Design, World

TARGET = Policy(0.3, 0.0, 0.2)
MONOTONE = e.full_grid(reward_calibrations=("none", "monotone"), scorings=("deterministic",))


def clustered(count: int = 40, size: int = 5, labels: int = 120, seed: int = 0) -> e.EvaluationData:
    return World("clusters", "", TARGET, Design(count * size, labels, cluster=size)).draw(np.random.default_rng(seed))


def test_the_error_of_two_clusters_by_hand() -> None:
    """Rows .1, .3 of one cluster and .5, .9 of another: deviations from .45 sum to -.5 and .5."""
    one = e.snips(rewards=[0.1, 0.3, 0.5, 0.9], weights=np.ones(4), clusters=["a", "a", "b", "b"])
    assert one.value == pytest.approx(0.45)
    assert one.contributions == pytest.approx([-0.25, 0.25])
    assert one.std_error == pytest.approx(np.sqrt(2 / 1 * (0.5**2 + 0.5**2)) / 4)
    assert one.df == 1
    assert mean_error(np.array([0.1, 0.3, 0.5, 0.9]), np.array([7, 7, 2, 2])) == pytest.approx(one.std_error)


def test_numbering_follows_first_occurrence_and_a_prompt_may_bear_a_clusters_name() -> None:
    known = clusters_of(np.array(["p", "q", "u", "r"], dtype=object), {"q": "u", "r": "u"})
    assert known.of.tolist() == [0, 1, 2, 1]
    assert known.names.tolist() == ["p", "u", "u", "u"]
    assert known.count == 3


def test_a_prompt_of_two_clusters_is_refused() -> None:
    with pytest.raises(e.EstimationError, match=r"1 prompts are of more than one cluster \(first: p, of 'a' and 'b'\)"):
        by_prompt(np.array(["p", "q", "p"], dtype=object), np.array(["a", "a", "b"], dtype=object))
    with pytest.raises(e.EstimationError, match="clusters has shape"):
        e.naive_direct(scores=[0.1, 0.2, 0.3], clusters=["a", "b"])


def test_clusters_of_one_prompt_change_nothing() -> None:
    data = clustered()
    plain = replace(data, clusters={})
    alone = replace(data, clusters={one: one for one in data.prompt_ids})
    columns = [name for name in e.COLUMNS if name != "seconds"]
    pd.testing.assert_frame_equal(e.analyze(alone)[columns], e.analyze(plain)[columns], check_exact=True)


@pytest.mark.parametrize("name", ["naive_direct", "ips", "snips", "clipped_ips", "calibrated_ips", "dr_cpo", "sndr"])
def test_copies_of_a_prompt_in_its_cluster_say_nothing_new(name: str) -> None:
    rng = np.random.default_rng(1)
    n, copies = 30, 4
    arrays: dict[str, Any] = {"weights": rng.lognormal(0, 0.5, n), "rewards": rng.random(n)}
    if name == "naive_direct":
        arrays = {"scores": rng.random(n)}
    if name in ("dr_cpo", "sndr"):
        # Without blocks that a fit chose: one label on each score, in ascending order.
        scores = np.sort(rng.random(n))
        arrays = {"weights": arrays["weights"], "scores": scores, "labels": scores, "target_scores": rng.random(n)}
        arrays["folds"] = np.arange(n) % 3
    if name == "clipped_ips":
        arrays["max_weight"] = 2.0
    many = {key: np.repeat(one, copies) if np.ndim(one) else one for key, one in arrays.items()}
    one = e.ESTIMATORS[name](**arrays)
    again = e.ESTIMATORS[name](**many, clusters=np.repeat(np.arange(n), copies))
    assert again.value == pytest.approx(one.value)
    assert again.std_error == pytest.approx(one.std_error)
    assert again.df == pytest.approx(one.df)


Calls = dict[str, Callable[[dict[str, Any]], e.Estimate]]
CALLS: Calls = {
    "direct": lambda a: e.direct(**{k: a[k] for k in ("target_scores", "scores", "labels", "clusters")}),
    "snips": lambda a: e.snips(rewards=a["all_labels"], weights=a["weights"], clusters=a["clusters"]),
    "dr_cpo": lambda a: e.dr_cpo(**{k: a[k] for k in ("target_scores", "scores", "labels", "weights", "clusters")}),
    "direct_own": lambda a: e.direct_own(
        **{k: a[k] for k in ("target_scores", "scores", "labels", "target_labels", "clusters")}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_intervals_cover_with_clusters_of_ten_and_do_not_without(name: str) -> None:
    """Sixty clusters share a fifth of a label; Y = .5 + .1 (a + u / 2) + noise, and the target shifts a by .3."""
    count, size, replications, truth = 60, 10, 300, 0.53
    n = count * size
    covered = np.zeros((replications, 2))
    for repetition in range(replications):
        rng = np.random.default_rng([6, repetition])
        shared = np.repeat(rng.standard_normal(count) / 2, size)
        answers = rng.standard_normal((2, n)) + np.array([[0.0], [0.3]])
        every = 0.5 + 0.1 * (answers + shared) + 0.05 * rng.standard_normal((2, n))
        labelled = rng.permutation(n) < 240
        arrays = {
            "scores": answers[0] + shared,
            "target_scores": answers[1] + shared,
            "weights": np.exp(0.3 * answers[0] - 0.045),
            "labels": np.where(labelled, every[0], np.nan),
            "all_labels": every[0],
            "target_labels": np.where(rng.permutation(n) < 240, every[1], np.nan),
        }
        for place, clusters in enumerate((None, np.repeat(np.arange(count), size))):
            low, high = CALLS[name](arrays | {"clusters": clusters}).ci()
            covered[repetition, place] = low <= truth <= high
    without, within = covered.mean(axis=0)
    assert without <= 0.91
    assert within >= 0.93


def test_whole_clusters_lie_in_one_fold_and_in_one_half() -> None:
    prepared = Preparation(clustered())
    for codes in (prepared._folds, prepared._halves):
        assert pd.Series(codes).groupby(prepared.clusters.of).nunique().max() == 1
        assert np.unique(codes).size > 1


def test_estimates_and_contrasts_have_one_contribution_a_cluster() -> None:
    data = clustered()
    results = [one for one in e.evaluate(data, methods=MONOTONE) if one.estimate is not None]
    assert {one.estimate.contributions.size for one in results if one.estimate} == {40}
    compared = e.contrasts(results, logging_policy="p0")
    assert compared["df"].max() <= 39
    assert len(results) > 30


def test_estimate_and_truth_are_compared_by_cluster() -> None:
    """A naive mean of the very labels that the truth is made of differs from it by nothing, clusters or not."""
    data = clustered()
    target = replace(data.targets["target"], scores={"deterministic": data.targets["target"].labels})
    table = e.analyze(replace(data, targets={"target": target}), methods=[e.Method("naive_direct")])
    own = table.set_index("policy").loc["target"]
    assert own["error"] == pytest.approx(0, abs=1e-12)
    assert own["truth_std_error"] == pytest.approx(own["std_error"])
    assert own["covered"]


def test_gates_count_clusters() -> None:
    few = e.analyze(clustered(count=12, size=50, labels=300), methods=[e.Method("snips", "monotone")]).iloc[-1]
    assert few["support"] == "refused"
    assert "effective number of clusters" in few["support_reason"]
    many = e.analyze(clustered(count=200, size=3, labels=300), methods=[e.Method("snips", "monotone")]).iloc[-1]
    assert many["support"] == "supported", many["support_reason"]
    data = clustered(count=60, size=10, labels=600)
    own = np.where(np.arange(600) < 90, data.labels, np.nan)  # ninety labels, of nine clusters
    rows = e.analyze(data.with_labels(own), methods=[e.Method("direct", "monotone")])
    assert rows["support"].tolist() == ["refused", "refused"]
    assert rows["support_reason"].str.contains("9 clusters with oracle labels, at least 10").all()


def test_what_rests_on_few_clusters_is_refused_whatever_else_it_assumes() -> None:
    methods = [e.Method("naive_direct"), e.Method("direct_own", "monotone")]

    def target(count: int) -> pd.DataFrame:
        table = e.analyze(clustered(count=count, size=40, labels=200), methods=methods)
        return table[table["policy"] == "target"].set_index("estimator")

    few = target(5)
    assert "degrees of freedom: a handful" in few.loc["naive_direct", "support_reason"]
    assert few.loc["direct_own", "support"] == "refused"
    assert "clusters with labels of the target" in few.loc["direct_own", "support_reason"]
    assert "each of another cluster" in few.loc["direct_own", "support_advice"]
    many = target(120)
    assert "degrees of freedom" not in many.loc["naive_direct", "support_reason"]
    assert many.loc["direct_own", "support"] == "supported"


def test_labels_of_whole_clusters_are_a_random_slice() -> None:
    """Scores share what their cluster has; labels of half the clusters differ from the others by chance."""
    flagged = np.zeros(2)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        clusters = np.repeat(np.arange(50), 20)
        scores = rng.standard_normal(50)[clusters] + rng.standard_normal(1000) / 2
        labelled = (rng.permutation(50) < 25)[clusters]
        flagged += [
            abs(selection("score", scores, labelled).z) > 3,
            abs(selection("score", scores, labelled, clusters).z) > 3,
        ]
    assert flagged[0] > 20
    assert flagged[1] <= 2
    # And labels that follow the score are found all the same.
    assert abs(selection("score", scores, scores > 0.5, clusters).z) > 3


def test_the_test_of_transport_counts_clusters() -> None:
    """Each label of 60 copied ten times: the test's error stays that of 60."""
    rng = np.random.default_rng(3)
    scores = np.sort(rng.random(60))
    labels = scores + 0.1 * rng.standard_normal(60)

    def error(copies: int, named: bool) -> float:
        ids = np.array([f"p{i}" for i in range(60 * copies)], dtype=object)
        given = {one: f"c{i // copies}" for i, one in enumerate(ids)} if named else {}
        if copies == 1:
            given = {one: f"c{i}" for i, one in enumerate(ids)}
        values = np.repeat(scores, copies)
        weights = np.repeat(np.linspace(-1, 1, 60), copies)
        draws = e.TargetData(
            log_weights=weights,
            prompt_ids=ids,
            scores={"deterministic": values},
            variance=np.full(ids.size, np.nan),
            response_length=np.zeros(ids.size),
            labels=np.full(ids.size, np.nan),
        )
        data = e.EvaluationData(
            logging_policy="p0",
            prompt_ids=ids,
            scores={"deterministic": values},
            variance=np.full(ids.size, np.nan),
            response_length=np.zeros(ids.size),
            labels=np.repeat(labels, copies),
            targets={"t": draws},
            clusters=given,
        )
        return Preparation(data).target("deterministic", "monotone", "t").diagnostics.transport_error

    assert error(10, named=True) == pytest.approx(error(1, named=True))
    assert error(10, named=False) < 0.5 * error(1, named=True)


def test_the_grid_takes_whole_clusters() -> None:
    sizes = np.random.default_rng(0).integers(1, 8, 60)
    names = np.array([f"p{i}" for i in range(int(sizes.sum()))], dtype=object)
    places = np.random.default_rng(1).permutation(np.repeat(np.arange(60), sizes))
    known = clusters_of(names, {name: f"c{place}" for name, place in zip(names, places, strict=True)})
    size = 50
    subsets = [_subset(known, size, repetition, 0)[0] for repetition in range(names.size // size)]
    for prompts in subsets:
        assert size - 7 < prompts.size <= size
        inside = np.isin(known.of, known.of[prompts])
        assert np.flatnonzero(inside).tolist() == prompts.tolist()
    assert np.unique(np.concatenate(subsets)).size == sum(one.size for one in subsets)


def test_the_grid_says_which_sizes_hold_no_cluster_and_pairs_with_the_truth() -> None:
    spec = e.AblationSpec(
        methods=(e.Method("naive_direct"),), sample_sizes=(10, 100, 400), oracle_coverages=(0.5,), seeds=(0, 1, 2)
    )
    data = clustered(count=20, size=20, labels=400)
    # Scores that are the labels: the estimate of the whole data is the truth, and so is covered with an error of 0.
    target = replace(data.targets["target"], scores={"deterministic": data.targets["target"].labels})
    result = e.ablation_grid(replace(data, targets={"target": target}), spec)
    assert "sample size 10: a cluster has 20 prompts" in result.left_out
    assert sorted(result.runs["sample_size"].unique()) == [100, 400]
    whole = result.runs[result.runs["sample_size"] == 400]
    assert (whole["coverage"] == 1).all()
    assert whole["rmse"].max() == pytest.approx(0, abs=1e-12)
    with pytest.raises(e.EstimationError, match="a cluster has 20 prompts"):
        e.ablation_grid(data, replace(spec, sample_sizes=(10,)))


def test_rows_and_tables_bring_clusters() -> None:
    rows = [
        {"prompt_id": i, "total_logprob": -1.0, "target_logps": {"t": -1.1}, "judge_score": i / 10, "cluster": i // 2}
        for i in range(6)
    ]
    rows[5] = {key: value for key, value in rows[5].items() if key != "cluster"}
    data = e.from_sampler(rows, {"t": [{"prompt_id": "5", "judge_score": 0.5, "cluster": "2"}]})
    assert data.clusters == {"0": "0", "1": "0", "2": "1", "3": "1", "4": "2", "5": "2"}
    with pytest.raises(e.EstimationError, match="1 rows have a cluster that is neither a text nor a whole number"):
        e.from_sampler([rows[0] | {"cluster": [1]}, *rows[1:]])
    tables = {
        "logprobs": pd.DataFrame(rows)[["prompt_id", "total_logprob", "target_logps"]],
        "judge_scores": pd.DataFrame(
            [{"prompt_id": i, "policy": policy, "judge_score": i / 10} for i in range(6) for policy in ("p0", "t")]
        ),
    }
    prompts = pd.DataFrame({"prompt_id": range(6), "cluster": ["a", "a", "b", None, np.nan, "b"]})
    data = e.evaluation_data(**tables, prompts=prompts, logging_policy="p0", target_policies=["t"])
    assert data.clusters == {"0": "a", "1": "a", "2": "b", "5": "b"}
