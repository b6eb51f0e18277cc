"""What a bias of the calibration, few degrees of freedom and either side's verdict mean for a difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from arena_assets.estimation import Estimate, Method, contrast
from arena_assets.estimation.diagnostics.difference_gate import ROOM, ROOM_ERRORS, Side, judge_difference
from arena_assets.estimation.diagnostics.support import CAUTION, REFUSED, SUPPORTED, Support
from arena_assets.estimation.estimators.estimate import from_contributions

DIRECT, SNIPS, DOUBLY_ROBUST = Method("direct", "monotone"), Method("snips", "monotone"), Method("dr_cpo", "monotone")
SWITCH = Method("switch_dr", "monotone")
FINE = Support(SUPPORTED, "")
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Shows:
    """A test of transport that shows a bias and its standard error of any difference."""

    bias: float
    error: float

    def against(self, other: object) -> tuple[float, float]:
        del other
        return self.bias, self.error


def estimates() -> tuple[Estimate, Estimate]:
    first, second = (from_contributions(value, RNG.normal(size=400)) for value in (0.6, 0.5))
    return first, second


def level(method: Method, bias: float, error: float, support: Support = FINE) -> tuple[str, str]:
    """bias and error in standard errors of the difference."""
    one, other = estimates()
    difference = contrast(one, other)
    test: Any = Shows(bias * difference.std_error, error * difference.std_error)
    found = judge_difference(method, Side("a", one, support, test), Side("p0", other, FINE, test), difference)
    return found.level, found.reason


@pytest.mark.parametrize("method", [DIRECT, SNIPS, replace(DOUBLY_ROBUST, weight_calibration="simcal")])
@pytest.mark.parametrize(
    ("bias", "error", "expected"),
    [
        (0.0, 0.0, SUPPORTED),  # a clone: both sides lean on the same labels
        (ROOM - ROOM_ERRORS * 0.2 - 0.01, 0.2, SUPPORTED),
        (ROOM - ROOM_ERRORS * 0.2 + 0.01, 0.2, CAUTION),
        (-0.44, 0.01, REFUSED),
        (0.0, 0.4, CAUTION),  # a silent test that could hardly have spoken
        (2.0, 0.5, REFUSED),
        (np.nan, np.nan, CAUTION),
    ],
)
def test_a_bias_counts_in_standard_errors_of_the_difference(
    method: Method, bias: float, error: float, expected: str
) -> None:
    found, reason = level(method, bias, error)
    assert found == expected
    assert (reason == "") == (expected == SUPPORTED)


def test_what_needs_no_transport_is_not_asked_for_it() -> None:
    for method in (DOUBLY_ROBUST, Method("direct_own", "monotone")):
        assert level(method, 2.0, 0.1)[0] == SUPPORTED


def test_a_threshold_leans_on_transport_by_what_it_took_off() -> None:
    one, other = estimates()
    test: Any = Shows(1.0, 0.01)
    for kept, expected in ((1.0, SUPPORTED), (0.9, REFUSED)):
        side = Side("a", replace(one, diagnostics={"kept_mass": kept}), FINE, test)
        base = Side("p0", replace(other, diagnostics={"kept_mass": 1.0}), FINE, test)
        assert judge_difference(SWITCH, side, base, contrast(one, other)).level == expected


def test_either_sides_verdict_is_the_differences_too() -> None:
    found, reason = level(DIRECT, 0.0, 0.0, Support(CAUTION, "only 12 oracle labels"))
    assert (found, reason) == (CAUTION, "a: only 12 oracle labels")


def test_a_difference_that_few_prompts_carry_is_with_caution() -> None:
    one, _ = estimates()
    phi = np.where(np.arange(400) < 4, one.contributions + 1, one.contributions)
    other = from_contributions(0.5, phi)
    test: Any = Shows(0.0, 0.0)
    found = judge_difference(DIRECT, Side("a", one, FINE, test), Side("b", other, FINE, test), contrast(one, other))
    assert found.level == CAUTION
    assert "degrees of freedom" in found.reason
