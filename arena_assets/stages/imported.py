"""What the estimators see of imported tables, which may lack fresh draws, tokens or one of the two scores."""

from __future__ import annotations

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.estimation import EvaluationData, Method, from_sampler

_KEY = ["prompt_id", "policy"]
_SCORES = ["judge_score", "judge_mean", "judge_variance"]


def imported_data(experiment: Experiment, tables: dict[str, pd.DataFrame]) -> EvaluationData:
    """The tables as logged rows and fresh draws: a target may lack either log-probabilities or draws.

    Where the import states no tokens, the length of a response is that of its text.
    """
    joined = tables["responses"].merge(tables["judge_scores"][_KEY + _SCORES], on=_KEY, validate="one_to_one")
    labels = tables["oracle_labels"][[*_KEY, "oracle_label"]]
    joined = joined.merge(labels, on=_KEY, how="left", validate="one_to_one")
    kept = ["prompt_id", "response", *_SCORES, "oracle_label"]
    if joined["n_response_tokens"].notna().all():
        kept.append("n_response_tokens")
    by_policy = {str(policy): frame[kept] for policy, frame in joined.groupby("policy")}
    p0 = experiment.logging_policy.name
    logprobs = tables["logprobs"][["prompt_id", "total_logprob", "target_logps"]]
    logged = logprobs.merge(by_policy[p0], on="prompt_id", validate="one_to_one")
    drawn = {name: by_policy[name] for name in experiment.target_names if name in by_policy}
    return from_sampler(logged, drawn, logging_policy=p0)


def possible_methods(data: EvaluationData, methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """The methods whose kind of score the data hold."""
    return tuple(method for method in methods if method.scoring in data.scorings)
