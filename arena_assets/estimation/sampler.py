"""Library use outside the experiment: PrecomputedSampler rows (a frame, dicts, or a JSON Lines file) to
`EvaluationData`.

The one place of this package that reads a file, and only the path that the caller hands in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._types import EstimationError, Floats
from .data import EvaluationData, LeftOut, TargetData
from .tables import SCORE_COLUMNS, finite, log_weights, note

Rows = pd.DataFrame | Iterable[Mapping[str, Any]] | str | PathLike[str]


def from_sampler(
    logged: Rows, fresh_draws: Mapping[str, Rows] | None = None, *, logging_policy: str = "p0"
) -> EvaluationData:
    """Build the data of an analysis.

    logged: rows with prompt_id (or prompt, which then is the id), total_logprob, target_logps {policy:
    log-probability or null}, judge_score and / or judge_mean with judge_variance, optionally oracle_label and
    n_response_tokens (or response, whose length in characters then is the covariate). fresh_draws: policy -> rows of
    its own responses with prompt_id, scores and optionally oracle_label (the truth; several draws of a prompt are
    averaged). A target without fresh draws gets weighted estimates only; one without log-probabilities direct ones
    only. Raises EstimationError on missing columns and repeated logged prompts.
    """
    frame = _frame(logged, "logged rows")
    _need(frame, ["total_logprob", "target_logps"], "logged rows")
    drawn = {policy: _frame(rows, f"fresh draws of {policy}") for policy, rows in (fresh_draws or {}).items()}
    if logging_policy in drawn:
        raise EstimationError(
            f"fresh draws of {logging_policy!r}, the logging policy: its responses are the logged rows"
        )
    modes = {mode: name for mode, name in SCORE_COLUMNS.items() if name in frame and frame[name].notna().any()}
    if not modes:
        raise EstimationError(f"logged rows hold no score: none of {', '.join(SCORE_COLUMNS.values())}")
    policies = list(
        dict.fromkeys([str(p) for row in frame["target_logps"] if isinstance(row, Mapping) for p in row] + list(drawn))
    )
    if not policies:
        raise EstimationError("no target policy: target_logps is empty and there are no fresh draws")
    ids = _ids(frame, "logged rows")
    left_out: list[LeftOut] = []
    weights = log_weights(frame, policies, left_out, ids, require=False)
    targets = {}
    for policy in policies:
        own = drawn.get(policy, pd.DataFrame({"prompt_id": pd.Series(dtype=object)}))
        own_ids = _ids(own, f"fresh draws of {policy}")
        if policy in drawn and not own_ids.isin(ids).any():
            raise EstimationError(f"fresh draws of {policy} and logged rows share no prompt_id")
        scores = {mode: _column(own, name) for mode, name in modes.items()}
        for mode, values in scores.items():
            note(left_out, policy, f"no {modes[mode]}", np.isnan(values), own_ids)
        targets[policy] = TargetData(
            weights[policy],
            own_ids.to_numpy(dtype=object),
            scores,
            _column(own, "judge_variance"),
            _length(own),
            _column(own, "oracle_label"),
        )
    logged_scores = {mode: _column(frame, name) for mode, name in modes.items()}
    for mode, values in logged_scores.items():
        note(left_out, logging_policy, f"no {modes[mode]}", np.isnan(values), ids)
    return EvaluationData(
        logging_policy,
        ids.to_numpy(dtype=object),
        logged_scores,
        _column(frame, "judge_variance"),
        _length(frame),
        _column(frame, "oracle_label"),
        targets,
        tuple(left_out),
        finite(frame["total_logprob"]),
    )


def _frame(rows: Rows, what: str) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows.reset_index(drop=True)
    if isinstance(rows, str | PathLike):
        rows = _read(Path(rows))
    frame = pd.DataFrame(list(rows))
    if frame.empty:
        raise EstimationError(f"{what}: no rows")
    return frame


def _read(path: Path) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise EstimationError(f"{path.name}, line {number}: not JSON ({error.msg})") from error
            if not isinstance(row, dict):
                raise EstimationError(f"{path.name}, line {number}: expected an object, got {type(row).__name__}")
            rows.append(row)
    return rows


def _ids(frame: pd.DataFrame, what: str) -> pd.Index:
    for name in ("prompt_id", "prompt"):
        if name in frame:
            if frame[name].isna().any():
                raise EstimationError(f"{what}: {int(frame[name].isna().sum())} rows have no {name}")
            return pd.Index(frame[name].astype(str), dtype=object)
    raise EstimationError(f"{what}: neither prompt_id nor prompt; columns: {', '.join(map(str, frame.columns))}")


def _need(frame: pd.DataFrame, columns: list[str], what: str) -> None:
    missing = [name for name in columns if name not in frame]
    if missing:
        raise EstimationError(f"{what} lack {', '.join(missing)}; they have: {', '.join(map(str, frame.columns))}")


def _column(frame: pd.DataFrame, name: str) -> Floats:
    return finite(frame[name]) if name in frame else np.full(len(frame), np.nan)


def _length(frame: pd.DataFrame) -> Floats:
    if "n_response_tokens" in frame:
        return np.log1p(finite(frame["n_response_tokens"]))
    if "response" in frame:
        return np.log1p(finite(frame["response"].str.len()))
    return np.full(len(frame), np.nan)
