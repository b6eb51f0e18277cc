"""The whole analysis at once: the estimates, and the tables beside them, all from one preparation of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from arena_assets.estimation.analysis import results_of, table
from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.estimators.methods import Method
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.ranking import contrasts
from arena_assets.estimation.reporting.accuracy_table import method_accuracy
from arena_assets.estimation.reporting.calibration_tables import calibration_bins, calibration_curve
from arena_assets.estimation.reporting.labelled_rows import fitted_calibrations, kinds_of
from arena_assets.estimation.reporting.overlap_tables import weight_curve, weight_diagnostics
from arena_assets.estimation.reporting.policy_table import policy_values, with_headline
from arena_assets.estimation.reporting.transport_table import calibration_diagnostics


def complete_analysis(
    data: EvaluationData,
    *,
    methods: Sequence[Method],
    level: float = 0.95,
    seed: int = 0,
    clock: Callable[[], float] | None = None,
) -> dict[str, pd.DataFrame]:
    """`ablation_results` (as `analyze` gives it) and what is known beside it, by the name of the table.

    Raises:
        EstimationError: the data allow no analysis at all; what one method or policy lacks stands in its rows.
    """
    preparation = Preparation(data, seed=seed)
    results = results_of(preparation, methods, clock)
    estimates = table(results, level=level)
    kinds = kinds_of(methods)
    fitted = fitted_calibrations(preparation, kinds)
    values = policy_values(preparation, level=level)
    prompts = {name: preparation.truth_prompts(name) for name in data.targets}
    return {
        "ablation_results": estimates,
        "weight_diagnostics": weight_diagnostics(data),
        "weight_curve": weight_curve(data),
        "calibration_curve": calibration_curve(fitted),
        "calibration_bins": calibration_bins(preparation, fitted, level=level),
        "calibration_diagnostics": calibration_diagnostics(preparation, kinds, fitted, level=level),
        "policy_contrasts": contrasts(results, logging_policy=data.logging_policy, level=level),
        "policy_values": with_headline(values, estimates),
        "method_accuracy": method_accuracy(estimates, values, level=level, prompts=prompts),
    }
