"""The plain scenarios: overlap x transport x labels, with a fine judge and smooth labels.

The judge sees Z but not h (see `outcomes`): calibration transports where the target does not shift h.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import log, sqrt

import numpy as np

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.studies.policies import Policy
from arena_assets.estimation.studies.worlds import Design, World, generate

OVERLAPS = {"clone": 1.0, "good": 0.80, "fair": 0.28, "poor": 0.01}  # name -> ESS/n in the limit
LABELS = (25, 50, 100, 250, 500)
Shifts = tuple[float, float, float]


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
    def world(self) -> World:
        """The cell as an entry of the simulation."""
        carries = "carries" if self.transports else "does not carry"
        tests = f"{OVERLAPS[self.overlap]:.0%} effective, calibration {carries} over"
        name = f"{self.overlap}, {'' if self.transports else 'no transport, '}{self.n_labels} labels"
        return World(name, tests, Policy(*self.shifts), Design(self.n, self.n_labels))

    @property
    def truth(self) -> float:
        """The target's mean label."""
        return self.world.truth


def scenarios(
    overlaps: Iterable[str] = tuple(OVERLAPS), labels: Iterable[int] = LABELS, n: int = 1000
) -> tuple[Scenario, ...]:
    """All cells: overlap x transport x labels, without the impossible clone that does not transport."""
    cells = product(tuple(overlaps), (True, False), tuple(labels))
    return tuple(Scenario(o, t, m, n) for o, t, m in cells if t or o != "clone")


def draw(scenario: Scenario, rng: np.random.Generator) -> EvaluationData:
    """One data set with one target. All of the target's own labels are present, for estimators that use them."""
    return scenario.world.draw(rng)


def draw_targets(targets: Mapping[str, Shifts], *, n: int, n_labels: int, rng: np.random.Generator) -> EvaluationData:
    """n prompts of P0, `n_labels` of them labelled at random, and n labelled fresh draws of every target."""
    return generate({name: Policy(*shifts) for name, shifts in targets.items()}, Design(n, n_labels), rng)
