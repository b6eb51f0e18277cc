"""Every table's key, columns, types, units and ranges, stated once."""

from arena_assets.tables.analysis import ABLATION_GRID, ABLATION_RESULTS, ESTIMATOR_SIMULATION
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
        ABLATION_GRID,
        ESTIMATOR_SIMULATION,
    )
}

__all__ = [
    "ABLATION_GRID",
    "ABLATION_RESULTS",
    "ARENA_CORPUS",
    "ESTIMATOR_SIMULATION",
    "JUDGE_SCORES",
    "LOGPROBS",
    "ORACLE_LABELS",
    "PROMPTS",
    "RESPONSES",
    "TABLES",
    "Column",
    "Table",
    "records",
    "rows_of",
]
