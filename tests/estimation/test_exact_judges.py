"""A judge that is the oracle, or nearly: every label is a block of its own, and no residual shows the noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arena_assets import estimation as e
from arena_assets.estimation._types import Floats, Ints
from arena_assets.estimation.calibration.block_noise import block_noise

Judge = Callable[[Floats, np.random.Generator], Floats]


def noise_of(position: list[float], labels: list[float]) -> tuple[float, float]:
    """Variance and degrees of freedom of labels that are each a block of their own."""
    values = np.array(labels)
    alone: Ints = np.arange(values.size)
    found = block_noise(alone, np.zeros(values.size), values, np.array(position), pooled=False)
    assert np.ptp(found.variances) == 0
    return float(found.variances[0]), float(found.df[0])


def test_the_noise_beside_neighbours_by_hand() -> None:
    """Of 0, .2, .5 at 0, 1, 2 the line between the outer ones is at .25: .05^2 / (1 + 1/4 + 1/4), one degree."""
    labels = [0.0, 0.2, 0.5]
    assert noise_of([0.0, 1.0, 2.0], labels) == (pytest.approx((0.05**2 / 1.5 + np.var(labels, ddof=1)) / 2), 1)
    # On the line, however far apart, nothing is left but one label's worth of the labels' variance.
    assert noise_of([0.0, 0.4, 1.0], [0.1, 0.5, 1.1])[0] == pytest.approx(np.var([0.1, 0.5, 1.1], ddof=1) / 2)
    assert noise_of([0.0, 1.0], [0.2, 0.6]) == (pytest.approx(np.var([0.2, 0.6], ddof=1)), 1)


JUDGES: dict[str, Judge] = {
    "the oracle": lambda labels, _: labels,
    "its square": lambda labels, _: labels**2,
    "on another scale": lambda labels, _: 3 + np.log(labels),
    "nearly the oracle": lambda labels, rng: labels + 0.0005 * rng.standard_normal(labels.size),
}


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("method", [e.direct, e.snips], ids=lambda one: one.name)
def test_the_error_is_that_of_the_draws(name: str, method: e.Estimator[...]) -> None:
    """Labels add next to nothing; the standard error was 3 times the standard deviation."""
    values, errors, covered = [], [], []
    for seed in range(200):
        rng = np.random.default_rng([2, seed])
        labels, drawn = rng.beta(2, 2, 400), rng.beta(2, 2, 400)
        scores, draws = JUDGES[name](labels, rng), JUDGES[name](drawn, rng)
        known = np.where(rng.permutation(400) < 150, labels, np.nan)
        if method is e.direct:
            one = e.direct(target_scores=draws, scores=scores, labels=known)
        else:
            data = e.from_sampler(
                [
                    {"prompt_id": str(i), "total_logprob": -1.0, "target_logps": {"t": -1.0}, "judge_score": s}
                    | ({} if np.isnan(y) else {"oracle_label": y})
                    for i, (s, y) in enumerate(zip(scores, known, strict=True))
                ]
            )
            (result,) = (r for r in e.evaluate(data, methods=[e.Method("snips", "monotone")]) if r.policy == "t")
            assert result.estimate is not None
            one = result.estimate
        values.append(one.value)
        errors.append(one.std_error)
        low, high = one.ci()
        covered.append(low <= 0.5 <= high)
    assert 0.9 < np.mean(errors) / np.std(values) < 1.25
    assert np.mean(covered) >= 0.92


def test_labels_that_differ_at_one_score_are_no_exact_judge() -> None:
    """Where every block has several labels these say what the noise is, as ever."""
    rng = np.random.default_rng(0)
    levels = np.repeat(np.arange(5), 20)
    labels = levels / 5 + 0.1 * rng.standard_normal(100)
    means = np.array([labels[levels == level].mean() for level in range(5)])
    found = block_noise(levels, labels - means[levels], labels, levels.astype(float), pooled=False)
    assert found.variances == pytest.approx([labels[levels == level].var(ddof=1) for level in range(5)])
