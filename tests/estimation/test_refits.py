"""Two-stage calibrations of few labels: their error is that over refits on labels that are drawn again."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest

from arena_assets import estimation as e
from arena_assets.estimation.calibration.refits import FEW_LABELS, REFITS, Refits, refit
from arena_assets.estimation.calibration.two_stage import fit_basis, fit_index
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.studies.policies import Policy
from arena_assets.estimation.studies.worlds import Design, World

DIRECT, SNIPS = e.Method("direct", "two_stage"), e.Method("snips", "two_stage")
TARGETS = {"up": (0.4, 0.0, 0.1), "down": (-0.4, 0.0, 0.1)}


def drawn(labels: int, seed: int = 0) -> e.EvaluationData:
    return e.draw_targets(TARGETS, n=300, n_labels=labels, rng=np.random.default_rng(seed))


def test_signed_errors_carry_the_variance_over_the_refits() -> None:
    means = np.array([0.2, 0.5, 0.3, 0.6])
    assert (Refits.errors(means) ** 2).sum() == pytest.approx(np.var(means, ddof=1))
    assert Refits.errors(means).sum() == pytest.approx(0)


def test_the_same_labels_give_the_same_refits_and_the_penalty_stays() -> None:
    rng = np.random.default_rng(1)
    features, labels = rng.random((40, 2)), rng.random(40)
    design = fit_basis(features)(features)
    penalty = fit_index(design, labels, design).penalty
    first, second = (refit(design, labels, reference=design, penalty=penalty) for _ in range(2))
    assert first.read(design).shape == (REFITS, 40)
    assert (first.read(design) == second.read(design)).all()
    assert {one.index.penalty for one in first.models if one.index} == {penalty}
    assert np.ptp(first.read(design), axis=0).min() > 0


def test_whole_clusters_of_labels_are_drawn_again() -> None:
    """Four copies of each label, drawn together, and four times the penalty: the models of the labels themselves."""
    rng = np.random.default_rng(2)
    features, labels = rng.random((30, 2)), rng.random(30)
    design = fit_basis(features)(features)
    once = refit(design, labels, reference=design, penalty=1.0)
    again = refit(
        np.repeat(design, 4, axis=0),
        np.repeat(labels, 4),
        reference=design,
        penalty=4.0,
        clusters=np.repeat(np.arange(30), 4),
    )
    assert again.read(design) == pytest.approx(once.read(design))
    assert again.df == once.df == pytest.approx(1 / (1 / 29 + 1 / (REFITS - 1)))


def test_the_error_is_that_of_the_refits_for_levels_and_differences() -> None:
    data = drawn(50)
    prepared = Preparation(data)
    means = {}
    for name in TARGETS:
        inputs = prepared.target("deterministic", "two_stage", name).inputs
        assert inputs.drawn.refitted is not None
        means[name] = inputs.drawn.refitted @ inputs.draws.share
    results = {one.policy: one.estimate for one in e.evaluate(data, methods=[DIRECT])}
    up, down = results["up"], results["down"]
    assert up is not None
    assert down is not None
    draws = up.contributions
    sampling = (draws**2).sum() / 300**2 * 300 / 299
    assert up.std_error**2 == pytest.approx(sampling + np.var(means["up"], ddof=1))
    both = e.contrast(up, down)
    paired = ((draws - down.contributions) ** 2).sum() / 300**2 * 300 / 299
    assert both.std_error**2 == pytest.approx(paired + np.var(means["up"] - means["down"], ddof=1))


def test_refits_are_for_few_labels_and_two_stages_alone() -> None:
    for labels, kind, expected in ((FEW_LABELS - 1, "two_stage", True), (FEW_LABELS, "two_stage", False)):
        calibration = Preparation(drawn(labels)).calibration("deterministic", kind)
        assert calibration is not None
        assert (calibration.refits is not None) == expected
    plain = Preparation(drawn(50)).calibration("deterministic", "monotone")
    assert plain is not None
    assert plain.refits is None
    # Clusters with labels count, not labels.
    data = World("clusters", "", Policy(0.3), Design(600, 300, cluster=10)).draw(np.random.default_rng(0))
    clustered = Preparation(data).calibration("deterministic", "two_stage")
    assert clustered is not None
    assert clustered.refits is not None
    assert Preparation(replace(data, clusters={})).calibration("deterministic", "two_stage") is not None


@pytest.mark.slow
def test_few_labels_have_the_error_that_they_show() -> None:
    """At an effective sample size of 28% with 40 labels it was .73 of the estimates' standard deviation."""
    shift = sqrt(-log(0.28) / 2)
    world = World("few labels", "", Policy(shift, 0.0, shift), Design(600, 40))
    found: dict[e.Method, list[tuple[float, float, bool]]] = {DIRECT: [], SNIPS: []}
    for seed in range(100):
        for one in e.evaluate(world.draw(np.random.default_rng([4, seed])), methods=list(found)):
            if one.policy == "target":
                assert one.estimate is not None
                low, high = one.estimate.ci()
                found[one.method].append((one.estimate.value, one.estimate.std_error, low <= world.truth <= high))
    for rows in found.values():
        values, errors, covered = zip(*rows, strict=True)
        assert 0.87 < np.mean(errors) / np.std(values) < 1.25
        assert np.mean(covered) >= 0.88
