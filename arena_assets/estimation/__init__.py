"""Off-policy evaluation with judges: estimators, calibration, intervals, gates, diagnostics.

Pure: no input or output, clock, environment or global random state. Imports numpy, scipy, scikit-learn and pandas only.
"""

from ._types import EstimationError
from .analysis import COLUMNS, DEFAULT, analyze, evaluate, table
from .data import EvaluationData, LeftOut, TargetData
from .direct_method import direct, direct_own, naive_direct
from .doubly_robust_arrays import dr_cpo, dr_os, mrdr, sndr, stacked_dr, switch_dr, tmle
from .estimate import Estimate
from .importance import calibrated_ips, clipped_ips, ips, snips
from .methods import ESTIMATORS, Method, full_grid, left_out
from .tables import evaluation_data
from .weights import WeightDiagnostics, diagnose

__all__ = [
    "COLUMNS",
    "DEFAULT",
    "ESTIMATORS",
    "Estimate",
    "EstimationError",
    "EvaluationData",
    "LeftOut",
    "Method",
    "TargetData",
    "WeightDiagnostics",
    "analyze",
    "calibrated_ips",
    "clipped_ips",
    "diagnose",
    "direct",
    "direct_own",
    "dr_cpo",
    "dr_os",
    "evaluate",
    "evaluation_data",
    "full_grid",
    "ips",
    "left_out",
    "mrdr",
    "naive_direct",
    "sndr",
    "snips",
    "stacked_dr",
    "switch_dr",
    "table",
    "tmle",
]
