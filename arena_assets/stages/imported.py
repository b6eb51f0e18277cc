"""Tables that an import brought: they lie whole beside the experiment's own, and each batch is cut from them.

They may lack fresh draws, tokens or one of the two scores.
"""

from __future__ import annotations

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment, ImportedCorpus
from arena_assets.errors import ExchangeError
from arena_assets.estimation import EstimationError, EvaluationData, Method, from_sampler
from arena_assets.pipeline import Step
from arena_assets.stages.stage import Made, Stage, Work, stage_of
from arena_assets.storage import Store

_KEY = ["prompt_id", "policy"]
_SCORES = ["judge_score", "judge_mean", "judge_variance"]


class ImportedOrigin:
    """The origin of foreign tables; nothing of theirs is made here, and rules about their making only warn."""

    def stage(self, step: Step) -> Stage:
        return _cut if step.imported else stage_of(step.stage)

    def description(self, step: Step) -> str:
        if not (step.imported and step.partitioned):
            return step.description
        return f"The {step.name.replace('_', ' ')} of one batch of the import."

    def data(self, experiment: Experiment, tables: dict[str, pd.DataFrame]) -> EvaluationData:
        """The tables as logged rows and fresh draws: a target may lack either log-probabilities or draws.

        Where the import states no tokens, the length of a response is that of its text.
        """
        scores = tables[pipeline.JUDGE_SCORES.name][_KEY + _SCORES]
        joined = tables[pipeline.RESPONSES.name].merge(scores, on=_KEY, validate="one_to_one")
        labels = tables[pipeline.ORACLE_LABELS.name][[*_KEY, "oracle_label"]]
        joined = joined.merge(labels, on=_KEY, how="left", validate="one_to_one")
        covariates = experiment.analysis.covariates
        kept = list(dict.fromkeys(["prompt_id", "response", *_SCORES, "oracle_label", *covariates]))
        unknown = [name for name in covariates if name not in joined]
        if unknown:
            raise EstimationError(
                f"no covariate {', '.join(unknown)}: the import has the columns {', '.join(joined.columns)}"
            )
        if joined["n_response_tokens"].notna().all() and "n_response_tokens" not in kept:
            kept.append("n_response_tokens")
        by_policy = {str(policy): frame[kept] for policy, frame in joined.groupby("policy")}
        p0 = experiment.logging_policy.name
        logprobs = tables[pipeline.LOGPROBS.name][["prompt_id", "total_logprob", "target_logps"]]
        logged = logprobs.merge(by_policy[p0], on="prompt_id", validate="one_to_one")
        prompts = tables[pipeline.PROMPTS.name][["prompt_id", "cluster"]]
        logged = logged.merge(prompts, on="prompt_id", validate="one_to_one")
        drawn = {name: by_policy[name] for name in experiment.target_names if name in by_policy}
        return from_sampler(logged, drawn, logging_policy=p0, covariates=covariates)

    def methods(self, data: EvaluationData, methods: tuple[Method, ...]) -> tuple[Method, ...]:
        """The methods whose kind of score the data hold."""
        return tuple(method for method in methods if method.scoring in data.scorings)

    def commands(self, experiment: Experiment) -> str:
        return f"arena import PATH --experiment {experiment.name}\narena run {experiment.name}"


def staging(store: Store) -> Store:
    """Where the imported tables of an experiment lie whole, before they are cut into partitions."""
    return Store(store.root / "imported")


def staged(experiment: Experiment, store: Store, table: str) -> pd.DataFrame:
    """A table of the import that the experiment's file is of.

    Raises:
        StorageError: it is missing. ExchangeError: it is of another import.
    """
    corpus = experiment.corpus
    assert isinstance(corpus, ImportedCorpus)
    place = staging(store)
    if place.notes(table).get("fingerprint") != corpus.digest:
        raise ExchangeError(
            f"the imported {table} are of another import than {experiment.name}.yaml names; run `arena import` again"
        )
    return place.read(table)


def _cut(work: Work) -> Made:
    """The rows of the batch's prompts; of what has no batches, all."""
    whole = staged(work.experiment, work.store, work.step.name)
    if work.partition is None:
        return Made(whole, shown={"rows": len(whole), "kept": len(whole)})
    own = whole["prompt_id"].isin(work.read[pipeline.PROMPTS.name]["prompt_id"])
    return Made(whole[own].reset_index(drop=True), shown={"imported": True})
