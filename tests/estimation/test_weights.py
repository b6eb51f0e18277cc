"""One definition each of log ratio, its cap, effective sample size and rank agreement, for all who show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from arena_assets.estimation.data import weights
from arena_assets.estimation.rank_agreement import rank_agreement
from arena_assets.orchestration.metadata import of_logprobs
from arena_assets.rules import apply
from arena_assets.rules.logprobs import log_ratios
from arena_assets.rules.thresholds import LOWEST_OVERLAP
from arena_assets.storage import Effort
from tests.conftest import ConfigFolder
from tests.made_up import frames

NAN, INF = np.nan, np.inf


def test_log_ratios_are_missing_where_a_log_probability_is_missing_or_impossible() -> None:
    target = np.array([-1.0, NAN, -INF, 0.5, -2.0, 1e-12])
    base = np.array([-3.0, -1.0, -1.0, -1.0, INF, 0.0])
    assert weights.log_ratios(target, base) == pytest.approx([2.0, NAN, -INF, NAN, NAN, 1e-12], nan_ok=True)
    own = weights.log_ratios(np.array([-1.0, -INF, INF]), np.array([-INF, -INF, -1.0]))
    assert np.isnan(own).all()
    assert weights.impossible(target, base).tolist() == [False, False, False, True, True, False]


def test_target_logprobs_read_what_parquet_gives_back() -> None:
    rows = [{"a": -1.0, "b": None}, [("a", -2.0)], None, {}]
    assert weights.target_logprobs(rows, "a") == pytest.approx([-1.0, -2.0, NAN, NAN], nan_ok=True)
    assert np.isnan(weights.target_logprobs(rows, "b")).all()


def test_ess_neither_overflows_nor_vanishes() -> None:
    """Squares of such weights are infinite or zero in float64."""
    with np.errstate(all="raise"):
        for scale in (1e-300, 1.0, 1e300):
            assert weights.ess(np.array([2.0, 1.0, 1.0]) * scale) == pytest.approx(16 / 6)
        assert weights.ess(np.zeros(3)) == 0.0
        assert weights.ess(np.empty(0)) == 0.0


@pytest.mark.parametrize("ratio", [5.0, 200.0, 800.0])
def test_every_surface_states_the_same_effective_sample_size(config_folder: ConfigFolder, ratio: float) -> None:
    """The metadata's was infinity over infinity, the dashboard's had a cap of its own."""
    batch = frames.batch(config_folder.load(prompts=20, batch_size=20), "logprobs")
    policy = batch.experiment.target_names[-1]
    table = batch.table.copy()
    table.loc[0, "total_logprob"] = -ratio - 1.0
    table.at[0, "target_logps"] = table.at[0, "target_logps"] | {policy: -1.0}
    log_weights = log_ratios(table, (policy,))[policy].to_numpy()
    expected = weights.ess(weights.from_log(log_weights)) / 20

    records = of_logprobs(batch.experiment, table, {}, Effort(1.0))["weights"].records
    stated = next(record.data for record in records if record.data["policy"] == policy)
    assert stated["ess_fraction"] == pytest.approx(expected, abs=1e-4)
    assert np.isfinite(stated["mean_weight"])

    ruled = next(one for one in apply(replace(batch, table=table)) if one.name == "overlap")
    assert ruled.figures[f"ESS/n {policy}"] == pytest.approx(expected)
    assert not ruled.passed or expected >= LOWEST_OVERLAP


def test_rank_agreement_by_hand() -> None:
    # Pairs: (1, 2) right, (1, 3) right, (2, 3) wrong: two of three, tau 1/3.
    found = rank_agreement(np.array([1.0, 3.0, 2.0]), np.array([0.1, 0.2, 0.3]))
    assert (found.pairs, found.right, found.kendall_tau) == (3, 2.0, pytest.approx(1 / 3))
    assert found.accuracy == pytest.approx(2 / 3)


def test_ties_of_the_truth_are_left_out_and_of_estimates_are_half_right() -> None:
    tied_truth = rank_agreement(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.1, 0.3]))
    assert (tied_truth.pairs, tied_truth.accuracy, tied_truth.kendall_tau) == (2, 1.0, 1.0)
    tied_estimate = rank_agreement(np.array([1.0, 1.0]), np.array([0.1, 0.2]))
    assert (tied_estimate.accuracy, tied_estimate.kendall_tau) == (0.5, 0.0)
    failed = rank_agreement(np.array([1.0, NAN, 3.0]), np.array([0.1, 0.2, 0.3]))
    assert (failed.pairs, failed.right, failed.kendall_tau) == (3, 1.0, pytest.approx(-1 / 3))
    assert np.isnan(rank_agreement(np.array([1.0]), np.array([0.1])).kendall_tau)
    assert np.isnan(rank_agreement(np.array([1.0, 2.0]), np.array([0.1, 0.1])).accuracy)


def test_without_ties_tau_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.normal(size=7), rng.normal(size=7)
        assert rank_agreement(first, second).kendall_tau == pytest.approx(stats.kendalltau(first, second).statistic)
