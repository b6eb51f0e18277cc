"""The scenarios' truths and weights in closed form agree with what many draws show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arena_assets.estimation import EstimationError, EvaluationData, draw, scenarios
from arena_assets.estimation.studies.catalog import WORLDS
from arena_assets.estimation.studies.policies import Policy
from arena_assets.estimation.studies.worlds import TARGET, World

N = 40_000
# Plain scenarios of other numbers of labels have the same truth and weights.
DISTINCT = (*(one.world for one in scenarios(labels=(250,))), *WORLDS[len(scenarios()) :])


def large(world: World) -> EvaluationData:
    """A data set of many prompts, all labelled and drawn once."""
    design = replace(world.design, n=N, n_labels=N, labelled="random", drawn_prompts=None, draws=1)
    return replace(world, design=design).draw(np.random.default_rng(11))


def z_score(values: np.ndarray, truth: float, cluster: int) -> float:
    means = values.reshape(-1, cluster).mean(axis=1)
    return float((means.mean() - truth) / (means.std() / np.sqrt(means.size)))


@pytest.mark.parametrize("world", DISTINCT, ids=lambda world: world.name)
def test_the_truth_is_the_mean_of_many_labels(world: World) -> None:
    data, cluster = large(world), world.design.cluster
    assert abs(z_score(data.targets[TARGET].labels, world.truth, cluster)) < 4
    assert abs(z_score(data.labels, world.truth - world.contrast, cluster)) < 4


@pytest.mark.parametrize("world", DISTINCT, ids=lambda world: world.name)
def test_the_weights_carry_p0_to_the_target(world: World) -> None:
    data = large(world)
    weights = np.exp(data.targets[TARGET].log_weights)
    share = weights.sum() ** 2 / (weights**2).sum() / N
    if world.target.ess_fraction >= 0.25:  # below that, so many draws do not show the limit
        assert share == pytest.approx(world.target.ess_fraction, rel=0.15)  # its own sampling error is up to 6%
        weighted = weights * (data.labels - world.truth)
        assert abs(z_score(weighted, 0.0, world.design.cluster)) < 4


def test_names_are_distinct_and_both_halves_are_large() -> None:
    assert len({world.name for world in WORLDS}) == len(WORLDS)
    assert 0.4 < np.mean([world.confirms for world in WORLDS]) < 0.6


def test_labels_that_are_not_at_random_lean_as_said() -> None:
    by_name = {world.name: world for world in WORLDS}
    rng = np.random.default_rng(0)
    for name, of in (("labels by score", "score"), ("labels by weight", "weight")):
        data = by_name[name].draw(rng)
        seen = data.scores["deterministic"] if of == "score" else data.targets[TARGET].log_weights
        labelled = ~np.isnan(data.labels)
        assert labelled.sum() == 250
        assert seen[labelled].mean() > seen[~labelled].mean() + 0.1
    kept = by_name["labels by label"]
    assert np.nanmean(kept.draw(rng).labels) > kept.truth + 0.05


def test_repeated_and_few_draws_have_the_prompts_that_they_say() -> None:
    by_name = {world.name: world for world in WORLDS}
    rng = np.random.default_rng(0)
    few = by_name["50 draws"].draw(rng).targets[TARGET].prompt_ids
    assert len(few) == len(set(few)) == 50
    many = by_name["5 draws a prompt"].draw(rng).targets[TARGET].prompt_ids
    assert len(many) == 5 * len(set(many)) == 5000


def test_a_plain_scenario_draws_what_its_entry_draws() -> None:
    scenario = scenarios()[0]
    first, second = draw(scenario, np.random.default_rng(3)), scenario.world.draw(np.random.default_rng(3))
    np.testing.assert_array_equal(first.targets[TARGET].labels, second.targets[TARGET].labels)


@pytest.mark.parametrize(("spread", "tail"), [(1.5, None), (0.0, None), (1.0, 1.0)])
def test_policies_without_weights_of_finite_mean_or_variance_are_refused(spread: float, tail: float | None) -> None:
    with pytest.raises(EstimationError):
        Policy(spread=spread, tail=tail)


def test_clusters_and_covariates_are_named_where_a_scenario_says_so() -> None:
    by_name = {world.name: world for world in WORLDS}
    rng = np.random.default_rng(0)
    data = by_name["few clusters"].draw(rng)
    assert len(set(data.clusters.values())) == 60
    assert len(data.clusters) == data.n
    silent = by_name["few clusters"]
    assert not replace(silent, design=replace(silent.design, named_clusters=False)).draw(rng).clusters
    named = by_name["hidden shift, named"]
    data = named.draw(rng)
    assert data.targets[TARGET].covariates["hidden"].mean() == pytest.approx(named.target.hidden, abs=0.15)
    assert not by_name["hidden shift 2 SE"].draw(rng).covariates
