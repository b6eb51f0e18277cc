"""A throw-away estimator: all that a new one takes, one function and one entry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from arena_assets.estimation import Estimate, Estimator, estimator
from arena_assets.estimation.estimators import arrays, registry
from arena_assets.estimation.estimators.estimate import from_contributions
from arena_assets.estimation.estimators.inputs import Inputs


@contextmanager
def median_entered() -> Iterator[Estimator[...]]:
    """The median calibrated score of the fresh draws, entered as `median_of_draws` as long as the context lasts."""

    @estimator(
        "Median of draws",
        "median calibrated score of the target's fresh draws",
        family=registry.DIRECT,
        assumes=registry.Assumes.TRANSPORT,
        arrays=arrays.fresh_draws,
        reward=registry.Takes(("monotone",), "the median of raw scores is no label"),
    )
    def median_of_draws(inputs: Inputs) -> Estimate:
        rewards = inputs.drawn.rewards
        value = float(np.median(rewards))
        phi = inputs.spread_draws(np.sign(rewards - value) * float(rewards.std()))
        return from_contributions(value, phi, n_sampled=inputs.draw_prompts)

    try:
        yield median_of_draws
    finally:
        del registry._REGISTERED[median_of_draws.name]
