"""Data with known truth.

Per prompt X ~ N(0, 1); a response has e, h, g, independent N(0, 1) under P0 and N(delta, 1), N(eta, 1), N(gamma, 1)
under the target, so log w = sum of shift * value - shift^2 / 2 exactly and ESS/n tends to exp(-(delta^2 + eta^2 +
gamma^2)). Quality Z = (X + 2 e) / sqrt(5), judge score S = Phi(Z), label Y = Phi(a + b Z + c h + d noise). The judge
sees Z but not h: calibration transports if eta = 0. The truth is closed form: E Phi(U) = Phi(mean / sqrt(1 +
variance)) for normal U.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import log, sqrt

import numpy as np
from scipy.special import ndtr

from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.data.evaluation import EvaluationData, TargetData

OVERLAPS = {"clone": 1.0, "good": 0.80, "fair": 0.28, "poor": 0.01}  # name -> ESS/n in the limit
LABELS = (25, 50, 100, 250, 500)
TARGET = "target"
Shifts = tuple[float, float, float]
INTERCEPT, SLOPE, HIDDEN, NOISE = 0.3, 0.8, 0.6, 0.5  # a, b, c, d


@dataclass(frozen=True)
class Scenario:
    """One cell: overlap (a name of OVERLAPS), whether calibration transports, labels among n logged rows."""

    overlap: str = "good"
    transports: bool = True
    n_labels: int = 250
    n: int = 1000

    def __post_init__(self) -> None:
        if self.overlap not in OVERLAPS:
            raise EstimationError(f"unknown overlap {self.overlap!r}; valid: {', '.join(OVERLAPS)}")
        if not 0 <= self.n_labels <= self.n:
            raise EstimationError(f"n_labels is {self.n_labels}, must lie between 0 and n = {self.n}")
        if self.overlap == "clone" and not self.transports:
            raise EstimationError("a clone is P0 itself, so its calibration transports")

    @property
    def shifts(self) -> Shifts:
        """delta (seen by the judge), eta (hidden from it), gamma (irrelevant)."""
        total = -log(OVERLAPS[self.overlap])
        if self.transports:
            return sqrt(total / 2), 0.0, sqrt(total / 2)
        return sqrt(total / 3), -sqrt(total / 3), sqrt(total / 3)

    @property
    def truth(self) -> float:
        """The target's mean label."""
        return mean_label(self.shifts)


def mean_label(shifts: Shifts) -> float:
    """Closed form of the mean label of a target with these shifts."""
    delta, eta, _ = shifts
    mean = INTERCEPT + SLOPE * 2 * delta / sqrt(5) + HIDDEN * eta
    return float(ndtr(mean / sqrt(1 + SLOPE**2 + HIDDEN**2 + NOISE**2)))


def scenarios(
    overlaps: Iterable[str] = tuple(OVERLAPS), labels: Iterable[int] = LABELS, n: int = 1000
) -> tuple[Scenario, ...]:
    """All cells: overlap x transport x labels, without the impossible clone that does not transport."""
    cells = product(tuple(overlaps), (True, False), tuple(labels))
    return tuple(Scenario(o, t, m, n) for o, t, m in cells if t or o != "clone")


def draw(scenario: Scenario, rng: np.random.Generator) -> EvaluationData:
    """One data set with one target. All of the target's own labels are present, for estimators that use them."""
    return draw_targets({TARGET: scenario.shifts}, n=scenario.n, n_labels=scenario.n_labels, rng=rng)


def draw_targets(targets: Mapping[str, Shifts], *, n: int, n_labels: int, rng: np.random.Generator) -> EvaluationData:
    """n prompts of P0, `n_labels` of them labelled at random, and n labelled fresh draws of every target."""
    ids = np.array([f"p{i}" for i in range(n)], dtype=object)
    none = np.full(n, np.nan)
    prompt = rng.standard_normal(n)
    logged = rng.standard_normal((n, 3))
    score, label = _judged(prompt, logged, rng)
    label[rng.permutation(n)[n_labels:]] = np.nan
    drawn = {}
    for name, shifts in targets.items():
        shift = np.array(shifts)
        fresh = rng.standard_normal((n, 3)) + shift
        fresh_score, fresh_label = _judged(prompt, fresh, rng)
        log_weights = logged @ shift - shift @ shift / 2
        drawn[name] = TargetData(
            log_weights=log_weights,
            prompt_ids=ids,
            scores={"deterministic": fresh_score},
            variance=none,
            response_length=fresh[:, 2],
            labels=fresh_label,
        )
    return EvaluationData(
        logging_policy="p0",
        prompt_ids=ids,
        scores={"deterministic": score},
        variance=none,
        response_length=logged[:, 2],
        labels=label,
        targets=drawn,
    )


def _judged(prompt: Floats, response: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Judge score and label of responses with features (e, h, g)."""
    quality = (prompt + 2 * response[:, 0]) / sqrt(5)
    index = INTERCEPT + SLOPE * quality + HIDDEN * response[:, 1] + NOISE * rng.standard_normal(prompt.size)
    return ndtr(quality), ndtr(index)
