"""Tables that the experiment's own stages make."""

from __future__ import annotations

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.estimation import EvaluationData, Method, evaluation_data
from arena_assets.pipeline import Step
from arena_assets.stages.stage import Stage, stage_of


class GeneratedOrigin:
    """The origin of what is made here: every table is there, with both kinds of score."""

    def stage(self, step: Step) -> Stage:
        return stage_of(step.stage)

    def description(self, step: Step) -> str:
        return step.description

    def data(self, experiment: Experiment, tables: dict[str, pd.DataFrame]) -> EvaluationData:
        return evaluation_data(
            logprobs=tables[pipeline.LOGPROBS.name],
            judge_scores=tables[pipeline.JUDGE_SCORES.name],
            responses=tables[pipeline.RESPONSES.name],
            oracle_labels=tables.get(pipeline.ORACLE_LABELS.name),
            prompts=tables.get(pipeline.PROMPTS.name),
            logging_policy=experiment.logging_policy.name,
            target_policies=list(experiment.target_names),
            covariates=experiment.analysis.covariates,
        )

    def methods(self, data: EvaluationData, methods: tuple[Method, ...]) -> tuple[Method, ...]:
        del data
        return methods

    def commands(self, experiment: Experiment) -> str:
        return f"arena run {experiment.name}"
