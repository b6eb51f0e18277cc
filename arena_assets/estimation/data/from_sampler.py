"""Library use outside the experiment: PrecomputedSampler rows (a frame, dicts, or a JSON Lines file) to
`EvaluationData`.

Files are read in `rows`, and only those that the caller hands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.data.clusters import by_prompt
from arena_assets.estimation.data.evaluation import SCORE_COLUMNS, EvaluationData, LeftOut, TargetData
from arena_assets.estimation.data.from_tables import log_weights, note
from arena_assets.estimation.data.rows import Columns, Rows

_NOTHING = np.empty(0)


def from_sampler(
    logged: Rows,
    fresh_draws: Mapping[str, Rows] | None = None,
    *,
    logging_policy: str = "p0",
    covariates: Sequence[str] = (),
) -> EvaluationData:
    """Build the data of an analysis.

    logged: rows with prompt_id (or prompt, which then is the id), total_logprob, target_logps {policy:
    log-probability or null}, judge_score and / or judge_mean with judge_variance, optionally oracle_label and
    n_response_tokens (or response, whose length in characters then is the covariate), and cluster (a user, a document:
    prompts of one are not independent). fresh_draws: policy -> rows of its own responses with prompt_id, scores and
    optionally oracle_label (the truth; several draws of a prompt are averaged), cluster. covariates: columns of numbers
    on both sides that two-stage calibration reads beside score and length. A target without fresh draws gets weighted
    estimates only; one without log-probabilities direct ones only. Raises EstimationError on missing columns and
    repeated logged prompts.
    """
    rows = Columns(logged, "logged rows")
    rows.need("total_logprob", "target_logps")
    drawn = {policy: Columns(given, f"fresh draws of {policy}") for policy, given in (fresh_draws or {}).items()}
    if logging_policy in drawn:
        raise EstimationError(
            f"fresh draws of {logging_policy!r}, the logging policy: its responses are the logged rows"
        )
    for one in (rows, *drawn.values()):
        one.need(*covariates)
    scores = {mode: rows.numbers(name) for mode, name in SCORE_COLUMNS.items()}
    scores = {mode: values for mode, values in scores.items() if not np.isnan(values).all()}
    if not scores:
        raise EstimationError(f"logged rows hold no score: none of {', '.join(SCORE_COLUMNS.values())}")
    target_logps = rows.get("target_logps") or []
    named = [str(policy) for row in target_logps if isinstance(row, Mapping) for policy in row]
    policies = list(dict.fromkeys([*named, *drawn]))
    if not policies:
        raise EstimationError("no target policy: target_logps is empty and there are no fresh draws")
    ids = rows.ids()
    left_out: list[LeftOut] = []
    base = rows.numbers("total_logprob")
    weights = log_weights(base, target_logps, policies, left_out, ids, require=False)
    for mode, values in scores.items():
        note(left_out, logging_policy, f"no {SCORE_COLUMNS[mode]}", np.isnan(values), ids)
    targets = {}
    for policy in policies:
        own = drawn.get(policy)
        if own is None:
            targets[policy] = TargetData(
                log_weights=weights[policy],
                prompt_ids=np.empty(0, dtype=object),
                scores=dict.fromkeys(scores, _NOTHING),
                variance=_NOTHING,
                response_length=_NOTHING,
                labels=_NOTHING,
            )
            continue
        own_ids = own.ids()
        own_scores = {mode: own.numbers(SCORE_COLUMNS[mode]) for mode in scores}
        for mode, values in own_scores.items():
            note(left_out, policy, f"no {SCORE_COLUMNS[mode]}", np.isnan(values), own_ids)
        targets[policy] = TargetData(
            log_weights=weights[policy],
            prompt_ids=own_ids.to_numpy(dtype=object),
            scores=own_scores,
            variance=own.numbers("judge_variance"),
            response_length=own.lengths(),
            labels=own.numbers("oracle_label"),
            covariates={name: own.numbers(name) for name in covariates},
        )
    return EvaluationData(
        logging_policy=logging_policy,
        prompt_ids=ids.to_numpy(dtype=object),
        scores=scores,
        variance=rows.numbers("judge_variance"),
        response_length=rows.lengths(),
        labels=rows.numbers("oracle_label"),
        targets=targets,
        left_out=tuple(left_out),
        logprobs=base,
        clusters=_clusters(rows, *drawn.values()),
        covariates={name: rows.numbers(name) for name in covariates},
    )


def _clusters(*sides: Columns) -> dict[str, str]:
    """Prompt to cluster, of all rows that state one."""
    ids = np.concatenate([one.ids().to_numpy(dtype=object) for one in sides])
    return by_prompt(ids, np.concatenate([one.clusters() for one in sides]))
