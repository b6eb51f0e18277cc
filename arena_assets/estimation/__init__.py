"""Off-policy evaluation with judges: estimators, calibration, intervals, gates, diagnostics.

From data to the table of all methods, and the one estimate of each policy that can be stated:

    table = analyze("logged.jsonl", {"pi_concise": "concise.jsonl"})   # PrecomputedSampler rows and fresh draws
    table = analyze(evaluation_data(logprobs=..., judge_scores=..., ...))   # the experiment's tables
    best_supported(table)

One estimator on arrays, each by its name: `direct(target_scores=, scores=, labels=).ci(0.95)`. Pure: no clock,
environment or global random state; the only file that it reads is one that the caller hands to `analyze`. Imports
numpy, scipy and pandas.
"""

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.analysis import COLUMNS, DEFAULT, Result, analyze, evaluate, table
from arena_assets.estimation.data.evaluation import SCORINGS, EvaluationData, LeftOut, TargetData
from arena_assets.estimation.data.from_sampler import from_sampler
from arena_assets.estimation.data.from_tables import evaluation_data
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics, diagnose
from arena_assets.estimation.estimators import direct as _direct
from arena_assets.estimation.estimators import doubly_robust as _doubly_robust
from arena_assets.estimation.estimators import importance as _importance
from arena_assets.estimation.estimators.contrast import contrast
from arena_assets.estimation.estimators.direct import *
from arena_assets.estimation.estimators.doubly_robust import *
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.importance import *
from arena_assets.estimation.estimators.methods import BASIC, Method, full_grid, left_out
from arena_assets.estimation.estimators.registry import (
    ESTIMATORS,
    REWARD_CALIBRATIONS,
    WEIGHT_CALIBRATIONS,
    Estimator,
    estimator,
    estimators_that,
)
from arena_assets.estimation.ranking import best_supported, contrasts
from arena_assets.estimation.reporting.complete import complete_analysis
from arena_assets.estimation.studies.catalog import WORLDS
from arena_assets.estimation.studies.grid import GridResult, ablation_grid, summarise
from arena_assets.estimation.studies.scenarios import Scenario, draw, draw_targets, scenarios
from arena_assets.estimation.studies.simulation import estimator_simulation
from arena_assets.estimation.studies.spec import AblationSpec
from arena_assets.estimation.studies.tallies import overall
from arena_assets.estimation.studies.worlds import World

__all__ = [
    "BASIC",
    "COLUMNS",
    "DEFAULT",
    "ESTIMATORS",
    "REWARD_CALIBRATIONS",
    "SCORINGS",
    "WEIGHT_CALIBRATIONS",
    "WORLDS",
    "AblationSpec",
    "Estimate",
    "EstimationError",
    "Estimator",
    "EvaluationData",
    "GridResult",
    "LeftOut",
    "Method",
    "Result",
    "Scenario",
    "TargetData",
    "WeightDiagnostics",
    "World",
    "ablation_grid",
    "analyze",
    "best_supported",
    "complete_analysis",
    "contrast",
    "contrasts",
    "diagnose",
    "draw",
    "draw_targets",
    "estimator",
    "estimator_simulation",
    "estimators_that",
    "evaluate",
    "evaluation_data",
    "from_sampler",
    "full_grid",
    "left_out",
    "overall",
    "scenarios",
    "summarise",
    "table",
]
# Each family's file lists its own estimators.
__all__ += _direct.__all__
__all__ += _doubly_robust.__all__
__all__ += _importance.__all__
