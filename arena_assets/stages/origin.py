"""Where an experiment's tables come from: its own stages made them, or an import brought them. Chosen here alone."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.estimation import EvaluationData, Method
from arena_assets.pipeline import Step
from arena_assets.stages import generated, imported
from arena_assets.stages.stage import Stage


class Origin(Protocol):
    """What differs between tables that are made here and tables that came from elsewhere."""

    def stage(self, step: Step) -> Stage:
        """What makes a step."""

    def description(self, step: Step) -> str:
        """What a step is, for people."""

    def data(self, experiment: Experiment, tables: dict[str, pd.DataFrame]) -> EvaluationData:
        """What the estimators see of the tables."""

    def methods(self, data: EvaluationData, methods: tuple[Method, ...]) -> tuple[Method, ...]:
        """Those of the methods that such data can be asked for."""

    def commands(self, experiment: Experiment) -> str:
        """What to type to get the tables again."""


_ORIGINS: dict[str, Origin] = {"generated": generated.GeneratedOrigin(), "imported": imported.ImportedOrigin()}


def origin_of(experiment: Experiment) -> Origin:
    """The origin of an experiment's tables."""
    return _ORIGINS[experiment.origin]
