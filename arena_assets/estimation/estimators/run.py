"""A method's estimate of one target, and what it used for it."""

from __future__ import annotations

import numpy as np

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.inputs import Inputs
from arena_assets.estimation.estimators.methods import Method


def run(method: Method, inputs: Inputs) -> Estimate:
    """The method's estimate. Raises EstimationError where its rows or fresh draws are missing."""
    if method.uses_weights:
        _need("logged rows with a log-probability and a score", inputs.rows.size)
        if not inputs.raw.values.any():
            raise EstimationError("all weights are zero: the target never produces a logged response")
    if method.uses_draws:
        _need("fresh draws with a score", inputs.draws.share.size)
    used = inputs.projected if method.weight_calibration == "simcal" else inputs
    if method.entry.family.labels and used.n_labelled and not used.weights[used.labelled].any():
        raise EstimationError(
            f"all {used.n_labelled} labelled rows have weight 0: no label corrects the fresh draws; label more of P0"
        )
    return method.entry.on(used)


def labels_used(method: Method, inputs: Inputs) -> int:
    """Oracle labels that enter the estimate."""
    if method.entry.own_labels:
        return int(np.count_nonzero(~np.isnan(inputs.own_labels)))
    if method.entry.family.labels:
        return inputs.n_labelled
    return 0 if inputs.calibration is None else int(inputs.calibration.labels.size)


def rows_used(method: Method, inputs: Inputs) -> int:
    """Logged rows of weighted methods, prompts of the fresh draws of others."""
    return inputs.rows.size if method.uses_weights else inputs.draw_prompts


def _need(what: str, count: int) -> None:
    if count < 2:
        raise EstimationError(f"{count} {what}, at least 2 are needed")
