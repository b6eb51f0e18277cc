"""Every table's key, columns, types, units and ranges, stated once."""

from arena_assets.tables.analysis import ABLATION_GRID, ABLATION_RESULTS, ESTIMATOR_SIMULATION
from arena_assets.tables.beside import (
    CALIBRATION_BINS,
    CALIBRATION_CURVE,
    CALIBRATION_DIAGNOSTICS,
    METHOD_ACCURACY,
    POLICY_CONTRASTS,
    POLICY_VALUES,
    WEIGHT_CURVE,
    WEIGHT_DIAGNOSTICS,
)
from arena_assets.tables.contract import Column, Table, records, rows_of
from arena_assets.tables.data import ARENA_CORPUS, JUDGE_SCORES, LOGPROBS, ORACLE_LABELS, PROMPTS, RESPONSES

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ARENA_CORPUS,
        PROMPTS,
        RESPONSES,
        LOGPROBS,
        JUDGE_SCORES,
        ORACLE_LABELS,
        ABLATION_RESULTS,
        POLICY_VALUES,
        METHOD_ACCURACY,
        POLICY_CONTRASTS,
        WEIGHT_DIAGNOSTICS,
        WEIGHT_CURVE,
        CALIBRATION_CURVE,
        CALIBRATION_BINS,
        CALIBRATION_DIAGNOSTICS,
        ABLATION_GRID,
        ESTIMATOR_SIMULATION,
    )
}

__all__ = [
    "ABLATION_GRID",
    "ABLATION_RESULTS",
    "ARENA_CORPUS",
    "CALIBRATION_BINS",
    "CALIBRATION_CURVE",
    "CALIBRATION_DIAGNOSTICS",
    "ESTIMATOR_SIMULATION",
    "JUDGE_SCORES",
    "LOGPROBS",
    "METHOD_ACCURACY",
    "ORACLE_LABELS",
    "POLICY_CONTRASTS",
    "POLICY_VALUES",
    "PROMPTS",
    "RESPONSES",
    "TABLES",
    "WEIGHT_CURVE",
    "WEIGHT_DIAGNOSTICS",
    "Column",
    "Table",
    "records",
    "rows_of",
]
