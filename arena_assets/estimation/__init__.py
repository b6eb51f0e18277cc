"""Off-policy evaluation with judges: estimators, calibration, intervals, gates, diagnostics.

From data to the table of all methods, and the one estimate of each policy that can be stated:

    table = analyze("logged.jsonl", {"pi_concise": "concise.jsonl"})   # PrecomputedSampler rows and fresh draws
    table = analyze(evaluation_data(logprobs=..., judge_scores=..., ...))   # the experiment's tables
    best_supported(table)

One estimator on arrays: `direct(target_scores=, scores=, labels=).ci(0.95)`. Pure: no clock, environment or global
random state; the only file that it reads is one that the caller hands to `analyze`. Imports numpy, scipy and pandas.
"""

from ._types import EstimationError
from .analysis import COLUMNS, DEFAULT, Result, analyze, evaluate, table
from .data import EvaluationData, LeftOut, TargetData
from .direct_method import direct, direct_own, naive_direct
from .doubly_robust_arrays import dr_cpo, dr_os, mrdr, sndr, stacked_dr, switch_dr, tmle
from .estimate import Estimate
from .grid import GridResult, ablation_grid, summarise
from .importance import calibrated_ips, clipped_ips, ips, snips
from .methods import BASIC, ESTIMATORS, REWARD_CALIBRATIONS, SCORINGS, WEIGHT_CALIBRATIONS, Method, full_grid, left_out
from .ranking import best_supported, contrast, contrasts
from .report import diagnostics, residuals_by_variance
from .sampler import from_sampler
from .scenarios import Scenario, draw, draw_targets, scenarios
from .simulation import estimator_simulation, overall
from .spec import AblationSpec
from .tables import evaluation_data
from .weights import WeightDiagnostics, diagnose

__all__ = [
    "BASIC",
    "COLUMNS",
    "DEFAULT",
    "ESTIMATORS",
    "REWARD_CALIBRATIONS",
    "SCORINGS",
    "WEIGHT_CALIBRATIONS",
    "AblationSpec",
    "Estimate",
    "EstimationError",
    "EvaluationData",
    "GridResult",
    "LeftOut",
    "Method",
    "Result",
    "Scenario",
    "TargetData",
    "WeightDiagnostics",
    "ablation_grid",
    "analyze",
    "best_supported",
    "calibrated_ips",
    "clipped_ips",
    "contrast",
    "contrasts",
    "diagnose",
    "diagnostics",
    "direct",
    "direct_own",
    "dr_cpo",
    "dr_os",
    "draw",
    "draw_targets",
    "estimator_simulation",
    "evaluate",
    "evaluation_data",
    "from_sampler",
    "full_grid",
    "ips",
    "left_out",
    "mrdr",
    "naive_direct",
    "overall",
    "residuals_by_variance",
    "scenarios",
    "sndr",
    "snips",
    "stacked_dr",
    "summarise",
    "switch_dr",
    "table",
    "tmle",
]
