"""The judge's score of every response, and the oracle's label of a slice."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.journal import Journal
from arena_assets.judging.costs import spent_usd
from arena_assets.judging.protocol import Item, Scorer, Verdict
from arena_assets.judging.remote.thinking import hide_thinking
from arena_assets.judging.scorers import build_scorer
from arena_assets.progress import Progress, silent
from arena_assets.slices import choose
from arena_assets.stages.stage import Made, Work
from arena_assets.tables import JUDGE_SCORES, ORACLE_LABELS, records, rows_of


def judge(work: Work) -> Made:
    """The step `judge_scores` of the pipeline."""
    scorer = build_scorer(
        work.experiment.judge,
        environment=work.environment,
        pool=work.pool,
        spent_usd=partial(spent_usd, work.journals),
        folder=work.journals,
    )
    made_from = work.read[pipeline.PROMPTS.name], work.read[pipeline.RESPONSES.name]
    table = judge_responses(work.experiment, *made_from, scorer, work.journal, work.progress)
    return Made(table, shown={"judge": scorer.name})


def label(work: Work) -> Made:
    """The step `oracle_labels` of the pipeline."""
    assert work.partition is not None
    scorer = build_scorer(
        work.experiment.oracle,
        environment=work.environment,
        pool=work.pool,
        reference_points=_reference_points(work.read[pipeline.CORPUS.name]),
        spent_usd=partial(spent_usd, work.journals),
        folder=work.journals,
    )
    judged = work.read.get(pipeline.JUDGE_SCORES.name)
    made_from = work.read[pipeline.PROMPTS.name], work.read[pipeline.RESPONSES.name], judged
    table = label_responses(work.experiment, work.partition, *made_from, scorer, work.journal, work.progress)
    return Made(table, shown={"oracle": scorer.name})


def judge_responses(
    experiment: Experiment,
    prompts: pd.DataFrame,
    responses: pd.DataFrame,
    scorer: Scorer,
    journal: Journal,
    progress: Progress = silent,
) -> pd.DataFrame:
    """The `judge_scores` table of a batch: one row a response, unscored ones with their reason."""
    verdicts = _verdicts(_items(experiment, prompts, responses), scorer, journal, progress)
    verdicts += _unanswered(responses, scorer)
    rows: list[dict[str, object]] = [
        {
            "prompt_id": item.prompt_id,
            "policy": item.policy,
            "judge_score": verdict.score,
            "judge_mean": verdict.mean,
            "judge_variance": verdict.variance,
            **_common(verdict),
        }
        for item, verdict in verdicts
    ]
    return records(rows, JUDGE_SCORES)


def label_responses(
    experiment: Experiment,
    partition: str,
    prompts: pd.DataFrame,
    responses: pd.DataFrame,
    judged: pd.DataFrame | None,
    oracle: Scorer,
    journal: Journal,
    progress: Progress = silent,
) -> pd.DataFrame:
    """The `oracle_labels` table of a batch: one row a response of the configured slice."""
    scores = None
    if judged is not None:
        scores = {(row["prompt_id"], row["policy"]): row["judge_score"] for row in rows_of(judged)}
    chosen = choose(experiment, partition, prompts["prompt_id"].tolist(), judge_scores=scores)
    slices = {(entry.prompt_id, entry.policy): entry.slice for entry in chosen}
    items = [item for item in _items(experiment, prompts, responses) if (item.prompt_id, item.policy) in slices]
    verdicts = _verdicts(items, oracle, journal, progress) + _unanswered(responses, oracle)
    rows: list[dict[str, object]] = [
        {
            "prompt_id": item.prompt_id,
            "policy": item.policy,
            "oracle_label": verdict.score if verdict.mean is None else verdict.mean,
            "slice": slices[item.prompt_id, item.policy],
            **_common(verdict),
        }
        for item, verdict in verdicts
        if (item.prompt_id, item.policy) in slices
    ]
    return records(rows, ORACLE_LABELS)


def _reference_points(corpus: pd.DataFrame) -> dict[str, list[list[str]]]:
    """The reference points of each prompt as lists: Parquet gives nested arrays, which are neither true nor false."""
    points = zip(corpus["prompt_id"], corpus["reference_points"], strict=True)
    return {prompt_id: [list(spellings) for spellings in own] for prompt_id, own in points}


def _items(experiment: Experiment, prompts: pd.DataFrame, responses: pd.DataFrame) -> list[Item]:
    """One item a response that there is, in the order of its key; of a policy with `strip_thinking`, what it says."""
    text = prompts.set_index("prompt_id")["prompt"]
    judge_model = getattr(experiment.judge, "model", None)
    shared = {policy.name for policy in experiment.policies if policy.model == judge_model}
    stripped = {policy.name for policy in experiment.policies if policy.strip_thinking}
    items = []
    for row in rows_of(responses[responses["response"].notna()].sort_values(["prompt_id", "policy"])):
        response, tokens = row["response"], row["response_tokens"]
        if row["policy"] in stripped:
            response, tokens = hide_thinking(response).strip(), None
        own = tuple(map(int, tokens)) if tokens is not None and row["policy"] in shared else ()
        items.append(Item(row["prompt_id"], row["policy"], text[row["prompt_id"]], response, own))
    return items


def _unanswered(responses: pd.DataFrame, scorer: Scorer) -> list[tuple[Item, Verdict]]:
    """A response that was left out is not asked for: it has no score, least of all that of an empty text."""
    return [
        (
            Item(row["prompt_id"], row["policy"], "", ""),
            Verdict("unscored", reason=f"there is no response: {row['reason']}", model=scorer.name, cost_usd=0.0),
        )
        for row in rows_of(responses[responses["response"].isna()])
    ]


def _verdicts(items: list[Item], scorer: Scorer, journal: Journal, progress: Progress) -> list[tuple[Item, Verdict]]:
    return list(zip(items, scorer.score(items, journal=journal, progress=progress), strict=True))


def _common(verdict: Verdict) -> dict[str, Any]:
    return {
        "status": verdict.status,
        "reason": verdict.reason,
        "model": verdict.model,
        "prompt_tokens": verdict.prompt_tokens,
        "completion_tokens": verdict.completion_tokens,
        "cost_usd": verdict.cost_usd,
    }
