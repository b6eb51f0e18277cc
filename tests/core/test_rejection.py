"""What is no log-probability: of a target little, of the policy that gave the response more."""

from __future__ import annotations

import math

import pytest

from arena_assets.rules.rejection import why_rejected


@pytest.mark.parametrize("value", [-math.inf, -2000.0, -60.0 * 20, -1e308, -800.0, 0.0, -1e-300])
@pytest.mark.parametrize("tokens", [0, 1, 20])
def test_a_target_may_put_any_probability_on_the_response_of_another(value: float, tokens: int) -> None:
    assert why_rejected(value, tokens) is None


@pytest.mark.parametrize(("value", "why"), [(math.nan, "not a number"), (math.inf, "above 0"), (1e-6, "above 0")])
@pytest.mark.parametrize("sampled", [True, False])
def test_what_is_no_probability_is_rejected_of_everybody(value: float, why: str, sampled: bool) -> None:
    assert why in str(why_rejected(value, 20, sampled=sampled))


@pytest.mark.parametrize(
    ("value", "tokens", "why"),
    [(-math.inf, 20, "cannot give"), (-math.inf, 0, "cannot give"), (-801.0, 20, "-40.0 nats a token is below -40")],
)
def test_a_policy_can_give_what_it_gave(value: float, tokens: int, why: str) -> None:
    assert why in str(why_rejected(value, tokens, sampled=True))


def test_a_long_response_of_its_own_is_plausible_by_token() -> None:
    assert why_rejected(-2000.0, 1000, sampled=True) is None
    assert why_rejected(-2000.0, 0, sampled=True) is None  # an import that states no tokens
