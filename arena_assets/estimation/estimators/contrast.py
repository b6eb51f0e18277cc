"""The difference of two estimates on the same prompts, and whether two of them agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.estimators.estimate import Estimate, critical_value, from_contributions

# Of the larger of values and contributions: a difference below it is what rounding leaves of none.
ROUNDING = 1e-9


def contrast(first: Estimate, second: Estimate) -> Estimate:
    """first - second, paired by prompt: contributions are the differences of the contributions.

    Degrees of freedom are those of the difference, which a few prompts may carry, at most those of either side.
    Both must have been made on the same numbering of prompts (one `evaluate` call). Independent draws of the same
    prompts are paired as well: what the prompts share cancels. Two that differ by rounding alone differ by nothing.
    Raises EstimationError where the numberings differ.
    """
    if first.contributions.shape != second.contributions.shape:
        raise EstimationError(
            f"estimates of {first.contributions.size} and {second.contributions.size} prompts cannot be paired:"
            " take both from one evaluation"
        )
    value, phi = first.value - second.value, first.contributions - second.contributions
    shared = first.shared_errors, second.shared_errors
    # Estimates by one calibration share its blocks; by two calibrations their errors are independent, or one has none.
    same = shared[0].shape == shared[1].shape
    errors = shared[0] - shared[1] if same else np.concatenate(shared)
    own = np.concatenate([first.own_errors, second.own_errors])
    scale = max(float(np.abs(each).max()) for one in (first, second) for each in (one.value, one.contributions))
    if max(abs(value), *(float(np.abs(each).max(initial=0.0)) for each in (phi, errors, own))) <= ROUNDING * scale:
        value, phi, errors, own = 0.0, np.zeros_like(phi), np.zeros_like(errors), np.zeros_like(own)
    n_sampled = min(first.n_sampled, second.n_sampled)
    difference = from_contributions(value, phi, shared_errors=errors, own_errors=own, n_sampled=n_sampled)
    return replace(difference, df=min(difference.df, first.df, second.df))


def agree(first: Estimate, second: Estimate, *, level: float = 0.95) -> bool:
    """Whether the interval of first - second holds 0.

    An estimate and the truth are made of the same prompts, often of the same responses: as independent ones, a good
    judge would "cover" always and a biased one far too often.
    """
    difference = contrast(first, second)
    return abs(difference.value) <= critical_value(level, difference.df) * difference.std_error
