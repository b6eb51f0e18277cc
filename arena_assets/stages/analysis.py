"""The analysis: every method's estimate of every policy, and what is known of weights, calibration and truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pandas as pd
from scipy import stats

from arena_assets.config import Experiment, config_folder, load_yaml
from arena_assets.errors import ConfigError
from arena_assets.estimation import AblationSpec, EstimationError, EvaluationData, analyze
from arena_assets.stages.origin import origin_of
from arena_assets.tables import ABLATION_RESULTS


def ablation_spec(experiment: Experiment) -> AblationSpec:
    """The method configuration that the experiment names.

    Raises:
        ConfigError: the file is missing, or names an unknown estimator, calibration or key.
    """
    path = config_folder() / "ablations" / f"{experiment.analysis.ablation}.yaml"
    try:
        return AblationSpec.from_mapping(load_yaml(path))
    except EstimationError as error:
        raise ConfigError(f"ablations/{path.name}: {error}") from error


def compare(experiment: Experiment, data: EvaluationData, clock: Callable[[], float]) -> pd.DataFrame:
    """The `ablation_results` table."""
    methods = ablation_spec(experiment).chosen
    frame = analyze(
        data,
        methods=origin_of(experiment).methods(data, methods),
        level=experiment.analysis.level,
        seed=experiment.seed,
        clock=clock,
    )
    return frame.sort_values(list(ABLATION_RESULTS.key), ignore_index=True)


def judge_signal(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Rank correlation of judge and oracle, for each policy and over all: policy, n, spearman; however low it is."""
    labels = tables.get("oracle_labels")
    if labels is None:
        return pd.DataFrame(columns=["policy", "n", "spearman"])
    both = tables["judge_scores"].merge(labels[["prompt_id", "policy", "oracle_label"]], on=["prompt_id", "policy"])
    both["judge_mean"] = both["judge_mean"].fillna(both["judge_score"])
    both = both.dropna(subset=["judge_mean", "oracle_label"])
    groups: Iterable[tuple[str, pd.DataFrame]] = [("all", both), *((str(k), v) for k, v in both.groupby("policy"))]
    rows = []
    for policy, group in groups:
        varied = len(group) > 2 and group["judge_mean"].nunique() > 1 and group["oracle_label"].nunique() > 1
        value = float(stats.spearmanr(group["judge_mean"], group["oracle_label"]).statistic) if varied else math.nan
        rows.append((policy, len(group), value))
    return pd.DataFrame(rows, columns=["policy", "n", "spearman"])
