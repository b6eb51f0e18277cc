"""How the labels were drawn, and what lies beyond them: the tests behind two gates, by hand and on known worlds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from arena_assets.estimation import Method, Scenario, analyze, draw
from arena_assets.estimation.diagnostics.labels_at_random import selection
from arena_assets.estimation.diagnostics.score_range import calibrated_range
from arena_assets.estimation.studies.worlds import TARGET

DIRECT, SNIPS, DOUBLY_ROBUST = (Method(name, "monotone") for name in ("direct", "snips", "dr_cpo"))


def test_the_rank_sum_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    values, labelled = rng.integers(0, 6, 80).astype(float), rng.random(80) < 0.3
    found = selection("judge score", np.r_[values, np.nan], np.r_[labelled, True])
    theirs = mannwhitneyu(values[labelled], values[~labelled], use_continuity=False, method="asymptotic")
    count, others = labelled.sum(), (~labelled).sum()
    middle = theirs.statistic - count * others / 2
    assert np.sign(found.z) == np.sign(middle)
    from scipy.stats import norm

    assert 2 * norm.sf(abs(found.z)) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_the_test_that_shows_more_is_kept_and_nothing_shows_nothing() -> None:
    rows = np.arange(20.0)
    clear, none = selection("clear", rows, rows < 10), selection("none", np.ones(20), rows < 10)
    assert clear.z < -3
    assert np.isnan(none.z)
    assert none.or_stronger(clear) is clear.or_stronger(none) is clear
    assert np.isnan(selection("all", rows, rows >= 0).z)


def test_labels_by_their_own_value_are_refused_where_they_leave_a_trace() -> None:
    """`direct` covered 0 and was supported .86: high labels are missing, so labelled rows have lower scores."""
    refused = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        data = draw(Scenario("good", True, 1000), rng)
        kept = rng.random(data.n) < 0.1 + 0.5 * (1 - data.labels)
        table = analyze(data.with_labels(np.where(kept, data.labels, np.nan)), methods=[DIRECT, SNIPS, DOUBLY_ROBUST])
        refused += (table.loc[table["policy"] == TARGET, "support"] == "refused").all()
    assert refused == 20


def test_labels_by_weight_are_seen() -> None:
    rng = np.random.default_rng(0)
    data = draw(Scenario("fair", True, 1000), rng)
    weights = data.targets[TARGET].log_weights
    kept = rng.random(data.n) < 0.05 + 0.5 * (weights > np.median(weights))
    table = analyze(data.with_labels(np.where(kept, data.labels, np.nan)), methods=[DOUBLY_ROBUST])
    reason = table.set_index("policy").loc[TARGET, "support_reason"]
    assert "no random slice" in reason
    assert f"weight under {TARGET}" in reason


def test_what_lies_beyond_the_labels_by_hand() -> None:
    """Ten labels; the five lowest have mean .3, the five highest .8."""
    scores = np.linspace(0.2, 0.8, 10)
    labels = np.r_[np.full(5, 0.3), np.full(5, 0.8)]
    beyond = calibrated_range(scores, labels).beyond(np.array([0.1, 0.5, 0.9, 0.95]), np.full(4, 0.25))
    assert (beyond.below, beyond.above) == (0.25, 0.5)
    assert (beyond.low, beyond.high) == (pytest.approx(0.25 * 0.3), pytest.approx(0.5 * 0.2))
    assert beyond.largest == pytest.approx(0.1)


def test_stray_labels_carry_no_curve() -> None:
    """Of 200 labels the two outermost on each side are trimmed, and the 1% that they show is no finding."""
    scores = np.r_[0.0, 0.01, np.linspace(0.4, 0.6, 196), 0.99, 1.0]
    known = calibrated_range(scores, np.full(200, 0.5))
    assert (known.low, known.high) == (0.4, 0.6)
    assert known.beyond(np.array([0.2, 0.5]), np.full(2, 0.5)).below == pytest.approx(0.49)


def test_each_estimator_is_judged_by_its_own_mass() -> None:
    """Fresh draws beyond the range touch no estimate that is made of logged rows alone."""
    data = draw(Scenario("clone", True, 100, n=400), np.random.default_rng(0))
    target = data.targets[TARGET]
    far = replace(target, scores={"deterministic": np.full(400, 0.0001)})
    table = analyze(replace(data, targets={TARGET: far}), methods=[DIRECT, SNIPS]).set_index(["estimator", "policy"])
    assert table.loc[("direct", TARGET), "support"] != "supported"
    assert "99% of its mass lies outside" in table.loc[("direct", TARGET), "support_reason"]
    assert table.loc[("snips", TARGET), "support"] == "supported"


def test_a_narrower_target_refuses_projected_weights() -> None:
    """E[w | S] rises and falls: calibrated_ips covered .14, 90% of it supported, snips .95 on the same rows."""
    refused = supported = 0
    simcal = Method("calibrated_ips", "monotone", "simcal")
    for seed in range(10):
        data = draw(Scenario("clone", True, 250), np.random.default_rng(seed))
        z = np.random.default_rng(seed).standard_normal((2, data.n))
        quality, spread = z[0], 0.5
        logged = 1 / (1 + np.exp(-quality))
        weights = -np.log(spread) - quality**2 / 2 * (1 / spread**2 - 1)
        labels = np.clip(logged**2 + 0.05 * z[1], 0, 1)
        labels[250:] = np.nan
        target = replace(
            data.targets[TARGET],
            log_weights=weights,
            scores={"deterministic": 1 / (1 + np.exp(-spread * z[1]))},
            labels=np.full(data.n, np.nan),
        )
        rows = replace(data, scores={"deterministic": logged}, labels=labels, targets={TARGET: target})
        table = analyze(rows, methods=[simcal, SNIPS]).set_index(["estimator", "policy"])
        refused += table.loc[("calibrated_ips", TARGET), "support"] == "refused"
        supported += table.loc[("snips", TARGET), "support"] != "refused"
    assert refused == supported == 10
