"""Several differences at once: they hold together as often as the level says, against closed forms and known truth."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.special import ndtr, stdtr
from scipy.stats import studentized_range

from arena_assets.estimation import Estimate, Method, contrast, contrasts, draw_targets, evaluate
from arena_assets.estimation.estimators.estimate import from_contributions
from arena_assets.estimation.simultaneous import Family
from arena_assets.estimation.studies.outcomes import Smooth
from arena_assets.estimation.studies.policies import P0, Policy

SHIFTS = {name: (0.1 * k, 0.0, 0.3 - 0.1 * k) for k, name in enumerate(("a", "b", "c", "d"))}
# Four standard errors of a share of .95 at 400 repetitions.
REPETITIONS, LOW = 400, 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)


def family(estimates: list[Estimate]) -> Family:
    pairs = np.array(list(combinations(range(len(estimates)), 2)))
    return Family([contrast(estimates[a], estimates[b]) for a, b in pairs], pairs[:, 0], pairs[:, 1])


def drawn(rng: np.random.Generator, means: list[float], n: int = 200) -> list[Estimate]:
    """Means of n prompts whose difficulty all policies share, by policy."""
    every = rng.normal(size=(n, 1)) + rng.normal(size=(n, len(means))) * np.linspace(0.5, 2, len(means)) + means
    return [from_contributions(float(each.mean()), each - each.mean()) for each in every.T]


def believed(one: Family) -> np.ndarray:
    return np.ones(len(one.differences), dtype=np.bool_)


def test_equal_independent_policies_have_the_level_of_tukeys_range() -> None:
    for count in (3, 5):
        phi = np.linalg.qr(np.random.default_rng(0).normal(size=(4000, count)))[0]
        one = family([from_contributions(0.5, each, df=3999.0) for each in phi.T])
        exact = 2 * ndtr(-studentized_range.ppf(0.95, count, np.inf) / np.sqrt(2))
        assert 1 - one.each(0.95) == pytest.approx(exact, rel=0.03)


def test_one_difference_is_its_own_family() -> None:
    one = family(drawn(np.random.default_rng(0), [0.0, 0.3]))
    difference = one.differences[0]
    assert one.each(0.9) == 0.9
    own = 2 * stdtr(difference.df, -abs(difference.value / difference.std_error))
    assert one.adjusted_p[0] == pytest.approx(own)


def test_differences_of_nothing_cost_the_others_nothing() -> None:
    """A clone with the same responses is no further comparison."""
    first, second = drawn(np.random.default_rng(0), [0.0, 0.4])
    one = family([first, replace(first), second])
    assert one.differences[0].std_error == 0
    assert one.each(0.95) == pytest.approx(0.95, abs=0.003)
    assert one.adjusted_p[0] == 1
    assert one.adjusted_p[1] == pytest.approx(family([first, second]).adjusted_p[0], abs=0.003)


def test_p_values_and_intervals_say_the_same() -> None:
    for seed in range(20):
        one = family(drawn(np.random.default_rng(seed), [0.0, 0.2, 0.4, 0.6]))
        level = one.each(0.95)
        ends = np.array([each.ci(level) for each in one.differences])
        assert ((one.adjusted_p < 0.05) == ((ends[:, 0] > 0) | (ends[:, 1] < 0))).all()
        own = [2 * stdtr(each.df, -abs(each.value / each.std_error)) for each in one.differences]
        assert (one.adjusted_p >= own).all()


def test_all_intervals_hold_together() -> None:
    """Each at 95%, they held together in .72 to .80."""
    rng = np.random.default_rng(1)
    together, alone = [], []
    for _ in range(REPETITIONS):
        one = family(drawn(rng, [0.0] * 5))
        t = np.array([abs(each.value / each.std_error) for each in one.differences])
        together.append((one.adjusted_p >= 0.05).all())
        alone.append((2 * stdtr(199, -t) >= 0.05).all())
    assert np.mean(alone) < 0.85
    assert LOW <= np.mean(together) <= 0.99


def test_the_best_is_among_those_that_may_be() -> None:
    rng = np.random.default_rng(2)
    held, size = [], []
    for _ in range(REPETITIONS):
        one = family(drawn(rng, [0.5, 0.5, 0.5, 0.0, -0.5]))
        found = one.may_be_best(0.95, believed(one))
        held.append(found[0])
        size.append(found.sum())
    assert LOW <= np.mean(held) <= 0.995  # the least favourable case: three are equally good
    assert np.mean(size) < 4.5  # those that are far below are left out


def test_what_is_refused_rules_nobody_out() -> None:
    one = family(drawn(np.random.default_rng(0), [0.0, 3.0]))
    assert one.may_be_best(0.95, believed(one)).tolist() == [False, True]
    assert one.may_be_best(0.95, ~believed(one)).tolist() == [True, True]


def test_a_difference_that_few_prompts_carry_has_few_degrees_of_freedom() -> None:
    phi = np.random.default_rng(0).normal(size=200)
    one = from_contributions(0.5, phi)
    other = from_contributions(0.4, np.where(np.arange(200) < 3, phi + 1, phi))
    assert min(one.df, other.df) > 100
    assert contrast(one, other).df < 10


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["direct", "dr_cpo"])
def test_five_policies_of_the_simulation(estimator: str) -> None:
    values = {name: Smooth().mean(Policy(*shifts)) for name, shifts in SHIFTS.items()} | {"p0": Smooth().mean(P0)}
    best = max(values, key=lambda name: values[name])
    held, contained = [], []
    for seed in range(150):
        data = draw_targets(SHIFTS, n=300, n_labels=150, rng=np.random.default_rng([5, seed]))
        table = contrasts(evaluate(data, methods=[Method(estimator, "monotone")]), logging_policy="p0")
        assert len(table) == 10
        truth = table["policy"].map(values) - table["reference"].map(values)
        held.append(truth.between(table["simultaneous_ci_low"], table["simultaneous_ci_high"]).all())
        rows = table[(table["policy"] == best) | (table["reference"] == best)].iloc[0]
        contained.append(rows["policy_may_be_best" if rows["policy"] == best else "reference_may_be_best"])
    assert np.mean(held) >= 0.93
    assert np.mean(contained) >= 0.93
