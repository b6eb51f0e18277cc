"""Which function computes which method."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import direct, doubly_robust, importance
from .estimate import Estimate
from .methods import Method
from .preparation import Target
from .problem import Problem

_ON_PROBLEM: Mapping[str, Callable[[Problem], Estimate]] = {
    "naive_direct": direct.naive_direct_on,
    "direct": direct.direct_on,
    "ips": importance.ips_on,
    "clipped_ips": importance.clipped_ips_on,
    "snips": importance.snips_on,
    "calibrated_ips": importance.calibrated_ips_on,
    "dr_cpo": doubly_robust.dr_cpo_on,
}


def run(method: Method, target: Target) -> Estimate:
    """The method's estimate of this target."""
    if method.estimator == "direct_own":
        return direct.direct_own_on(target.problem, target.own_labels)
    projected = method.weight_calibration == "simcal" and method.estimator != "calibrated_ips"
    return _ON_PROBLEM[method.estimator](target.projected if projected else target.problem)
