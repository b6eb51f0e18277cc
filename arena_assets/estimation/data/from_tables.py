"""From the experiment's tables to `EvaluationData`: joined by (prompt_id, policy), never by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.data.clusters import by_prompt
from arena_assets.estimation.data.evaluation import SCORE_COLUMNS, EvaluationData, LeftOut, TargetData
from arena_assets.estimation.data.weights import impossible, log_ratios, target_logprobs


def evaluation_data(
    *,
    logprobs: pd.DataFrame,
    judge_scores: pd.DataFrame,
    responses: pd.DataFrame | None = None,
    oracle_labels: pd.DataFrame | None = None,
    prompts: pd.DataFrame | None = None,
    logging_policy: str,
    target_policies: Sequence[str],
    covariates: Sequence[str] = (),
) -> EvaluationData:
    """Join the experiment's tables.

    logprobs: prompt_id, total_logprob, target_logps (dict policy -> log-probability or None), natural logs; its
    prompts are the logged rows. judge_scores: prompt_id, policy, judge_score and, where the judge states uncertainty,
    judge_mean and judge_variance. responses: prompt_id, policy, n_response_tokens (for two-stage calibration).
    oracle_labels: prompt_id, policy, oracle_label; rows of the logging policy calibrate, rows of targets are truth.
    prompts: prompt_id and, where prompts are not independent, cluster (a user, a document), null where one stands
    alone. covariates: columns of numbers of judge_scores, responses or prompts, which two-stage calibration reads
    beside score and length. Raises EstimationError on missing columns, duplicate keys, or no common ids.
    """
    _need("logprobs", logprobs, ["prompt_id", "total_logprob", "target_logps"])
    _need("judge_scores", judge_scores, ["prompt_id", "policy"])
    _unique("logprobs", logprobs, ["prompt_id"])
    columns = {
        mode: name for mode, name in SCORE_COLUMNS.items() if name in judge_scores and judge_scores[name].notna().any()
    }
    if not columns:
        raise EstimationError("judge_scores holds no score: judge_score and judge_mean are missing or empty")
    scored = _by_policy("judge_scores", judge_scores)
    lengths = _by_policy("responses", responses) if responses is not None else {}
    labelled = _by_policy("oracle_labels", oracle_labels) if oracle_labels is not None else {}
    unknown = [policy for policy in (logging_policy, *target_policies) if policy not in scored]
    if unknown:
        raise EstimationError(f"judge_scores has no rows of {', '.join(unknown)}; it has: {', '.join(sorted(scored))}")

    ids = pd.Index(logprobs["prompt_id"].astype(str), dtype=object)
    if not ids.isin(scored[logging_policy].index).any():
        raise EstimationError("logprobs and judge_scores share no prompt_id: they are of different experiments")
    left_out: list[LeftOut] = []
    base = finite(logprobs["total_logprob"])
    weights = log_weights(base, logprobs["target_logps"].tolist(), target_policies, left_out, ids)

    def column(frames: Mapping[str, pd.DataFrame], policy: str, name: str, index: pd.Index) -> Floats:
        frame = frames.get(policy)
        if frame is None or name not in frame:
            return np.full(len(index), np.nan)
        return finite(frame[name].reindex(index))

    def scores_of(policy: str, index: pd.Index) -> dict[str, Floats]:
        scores = {mode: column(scored, policy, name, index) for mode, name in columns.items()}
        for mode, values in scores.items():
            note(left_out, policy, f"no {columns[mode]}", np.isnan(values), index)
        return scores

    def length_of(policy: str, index: pd.Index) -> Floats:
        return np.log1p(column(lengths, policy, "n_response_tokens", index))

    features = _by_prompt(prompts)

    def covariates_of(policy: str, index: pd.Index) -> dict[str, Floats]:
        frames = [scored.get(policy), lengths.get(policy), features]
        return {name: _covariate(name, policy, frames, index) for name in covariates}

    targets: dict[str, TargetData] = {}
    for policy in target_policies:
        drawn = pd.Index(scored[policy].index, dtype=object)
        targets[policy] = TargetData(
            log_weights=weights[policy],
            prompt_ids=drawn.to_numpy(dtype=object),
            scores=scores_of(policy, drawn),
            variance=column(scored, policy, "judge_variance", drawn),
            response_length=length_of(policy, drawn),
            labels=column(labelled, policy, "oracle_label", drawn),
            covariates=covariates_of(policy, drawn),
        )
    logged_scores = scores_of(logging_policy, ids)
    return EvaluationData(
        logging_policy=logging_policy,
        prompt_ids=ids.to_numpy(dtype=object),
        scores=logged_scores,
        variance=column(scored, logging_policy, "judge_variance", ids),
        response_length=length_of(logging_policy, ids),
        labels=column(labelled, logging_policy, "oracle_label", ids),
        targets=targets,
        left_out=tuple(left_out),
        logprobs=base,
        clusters=_clusters(features),
        covariates=covariates_of(logging_policy, ids),
    )


def log_weights(
    base: Floats,
    target_logps: Sequence[Any],
    policies: Sequence[str],
    left_out: list[LeftOut],
    index: pd.Index,
    *,
    require: bool = True,
) -> dict[str, Floats]:
    """log pi'(A|X) - log pi0(A|X) for each policy; NaN, and noted, where there is none (see `log_ratios`).

    base: (n,) log pi0(A|X); target_logps: (n) mappings policy -> log pi'(A|X). `require`: raise where a policy has no
    usable log-probability at all.
    """
    weights: dict[str, Floats] = {}
    for policy in policies:
        target = target_logprobs(target_logps, policy)
        ratio, above = log_ratios(target, base), impossible(target, base)
        if require and np.isnan(ratio).all():
            raise EstimationError(
                f"logprobs has no usable log-probability of {policy!r}: check target_logps and the policy's name"
            )
        note(left_out, policy, "log-probability above 0", above, index)
        note(left_out, policy, "no usable log-probability", np.isnan(ratio) & ~above, index)
        weights[policy] = ratio
    return weights


def finite(column: pd.Series) -> Floats:
    """Numbers as float64; missing and infinite ones are NaN."""
    values = pd.to_numeric(column, errors="raise").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isinf(values), np.nan, values)


def _by_prompt(prompts: pd.DataFrame | None) -> pd.DataFrame | None:
    if prompts is None:
        return None
    _need("prompts", prompts, ["prompt_id"])
    return prompts.assign(prompt_id=prompts["prompt_id"].astype(str).astype(object)).set_index("prompt_id")


def _covariate(name: str, policy: str, frames: Sequence[pd.DataFrame | None], index: pd.Index) -> Floats:
    """The first table's column of that name, for these prompts (r,)."""
    there = [frame for frame in frames if frame is not None]
    for frame in there:
        if name in frame:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                raise EstimationError(f"the covariate {name} of {policy} must be numbers, it is {frame[name].dtype}")
            return finite(frame[name].reindex(index))
    numbers = dict.fromkeys(str(one) for frame in there for one in frame.select_dtypes("number"))
    raise EstimationError(f"no table of {policy} has the covariate {name}; columns of numbers: {', '.join(numbers)}")


def _clusters(features: pd.DataFrame | None) -> dict[str, str]:
    """Prompt to cluster; features: of `_by_prompt`."""
    if features is None or "cluster" not in features:
        return {}
    clusters = features["cluster"]
    names = clusters.astype(str).where(clusters.notna(), None).to_numpy(dtype=object)
    return by_prompt(features.index.to_numpy(dtype=object), names)


def _by_policy(name: str, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    _need(name, frame, ["prompt_id", "policy"])
    _unique(name, frame, ["prompt_id", "policy"])
    indexed = frame.assign(prompt_id=frame["prompt_id"].astype(str).astype(object)).set_index("prompt_id")
    return {str(policy): rows for policy, rows in indexed.groupby("policy", sort=False)}


def _need(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise EstimationError(f"{name} lacks {', '.join(missing)}; it has: {', '.join(map(str, frame.columns))}")


def _unique(name: str, frame: pd.DataFrame, key: list[str]) -> None:
    repeated = frame.duplicated(key)
    if repeated.any():
        first = frame.loc[repeated, key].astype(str).head(5).agg(" / ".join, axis=1)
        raise EstimationError(
            f"{name}: {int(repeated.sum())} rows repeat a key ({', '.join(key)}); first: {'; '.join(first)}"
        )


def note(into: list[LeftOut], policy: str, what: str, missing: np.ndarray, index: pd.Index) -> None:
    rows = np.flatnonzero(missing)
    if rows.size:
        into.append(LeftOut(policy, what, int(rows.size), tuple(str(index[row]) for row in rows[:5])))
