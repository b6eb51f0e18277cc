"""What the importance weights of one target's rows give, made once however many calibrations and methods use it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from arena_assets.estimation._types import Floats
from arena_assets.estimation.calibration import simcal
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics, diagnose


@dataclass(frozen=True, eq=False)
class Overlap:
    """Raw weights (n,) beside the judge scores (n,) of the same logged rows."""

    scores: Floats
    weights: Floats

    @cached_property
    def diagnostics(self) -> WeightDiagnostics:
        """Of the raw weights."""
        return diagnose(self.weights)

    @cached_property
    def projection(self) -> simcal.Projection:
        """SIMCal weights."""
        return simcal.project(self.scores, self.weights)
