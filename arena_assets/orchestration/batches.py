"""The assets of one batch of prompts: responses, log-probabilities, judge scores, oracle labels."""

from typing import Any

import dagster as dg
import pandas as pd

from arena_assets.config import Experiment
from arena_assets.corpus import sample_batch
from arena_assets.errors import ArenaError
from arena_assets.judging.scorers import build_scorer
from arena_assets.orchestration import metadata as figures
from arena_assets.orchestration.batch_run import work_on
from arena_assets.orchestration.checked_write import Yields, check_specs, failure, finish
from arena_assets.orchestration.cluster.placement import LLAMA, step_tags
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports, environment
from arena_assets.rules import Batch
from arena_assets.stages.logprobs import rescore, score_logprobs
from arena_assets.stages.responses import generate_responses
from arena_assets.stages.scoring import judge_responses, label_responses


def batch_assets(experiment: Experiment, partitions: dg.StaticPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The partitioned assets of one experiment."""

    def options(name: str, upstream: list[str], pool: str | None = None) -> dict[str, Any]:
        key = dg.AssetKey([experiment.name, name])
        return {
            "key": key,
            "deps": [dg.AssetKey([experiment.name, dep]) for dep in upstream],
            "group_name": experiment.name,
            "partitions_def": partitions,
            "check_specs": check_specs(key, partitions),
            "code_version": experiment.code_version(name),
            "pool": pool,
            "op_tags": step_tags(experiment.engine.n_gpu_layers) if pool == LLAMA else {},
        }

    local_judge = experiment.judge.kind != "openai"
    local_oracle = experiment.oracle.kind == "rubric"
    oracle_reads = ["prompts", "responses"] + ["judge_scores"] * experiment.oracle.stratify

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("prompts", ["arena_corpus"]), description="The sampled prompts of one batch."
    )
    def prompts(context: dg.AssetExecutionContext, storage: ArenaStorage) -> Yields:
        store, partition = storage.store(experiment), context.partition_key
        try:
            table = sample_batch(store.read_current(experiment, "arena_corpus"), experiment, partition)
        except ArenaError as error:
            raise failure(error) from error
        preview = table[["prompt_id", "prompt"]].head(5)
        yield from finish(
            context, store, Batch(experiment, "prompts", table, partition), {"preview": figures.table(preview)}
        )

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("responses", ["prompts"], LLAMA), description="Each policy's own response to each prompt."
    )
    def responses(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        with work_on(context, experiment, "responses", ["prompts"], storage, models, progress) as work:
            table = generate_responses(experiment, work.read["prompts"], work.pool, work.journal, work.progress)
            batch, made_on = work.batch(table), work.made_on()
        effort = work.effort
        metadata = figures.of_responses(table, effort) | made_on
        yield from finish(context, work.store, batch, metadata, effort, **batch.machines["responses"].notes)

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("logprobs", ["prompts", "responses"], LLAMA),
        description="Log-probability of P0's response under every policy, by teacher forcing.",
    )
    def logprobs(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        reads = ["prompts", "responses"]
        with work_on(context, experiment, "logprobs", reads, storage, models, progress) as work:
            made_from = work.read["prompts"], work.read["responses"]
            scored = score_logprobs(experiment, *made_from, work.pool, work.journal, work.progress)
            again = rescore(experiment, *made_from, scored, work.pool)
            batch, made_on = work.batch(scored.table, rescored=again), work.made_on()
        metadata = figures.of_logprobs(experiment, scored.table, scored.retokenised) | made_on
        notes = {"retokenised": ",".join(scored.retokenised), **batch.machines["logprobs"].notes}
        yield from finish(context, work.store, batch, metadata, work.effort, **notes)

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("judge_scores", ["prompts", "responses"], LLAMA if local_judge else None),
        description="The cheap judge's score of every response, deterministic and with uncertainty.",
    )
    def judge_scores(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        reads = ["prompts", "responses"]
        with work_on(context, experiment, "judge_scores", reads, storage, models, progress) as work:
            judge = build_scorer(
                experiment.judge,
                environment=environment(),
                pool=work.pool,
                spent_usd=work.spent_usd,
                folder=work.journals,
            )
            made_from = work.read["prompts"], work.read["responses"]
            table = judge_responses(experiment, *made_from, judge, work.journal, work.progress)
        metadata = {"judge": judge.name, **figures.of_scores(table, "judge_score")}
        yield from finish(context, work.store, work.batch(table), metadata, work.effort)

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("oracle_labels", ["arena_corpus", *oracle_reads], LLAMA if local_oracle else None),
        description="The oracle's label of a slice of the responses: calibration on P0, validation on the targets.",
    )
    def oracle_labels(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        with work_on(context, experiment, "oracle_labels", oracle_reads, storage, models, progress) as work:
            oracle = build_scorer(
                experiment.oracle,
                environment=environment(),
                pool=work.pool,
                reference_points=reference_points(work.store.read_current(experiment, "arena_corpus")),
                spent_usd=work.spent_usd,
                folder=work.journals,
            )
            judged = work.read.get("judge_scores")
            made_from = work.read["prompts"], work.read["responses"], judged
            table = label_responses(experiment, work.partition, *made_from, oracle, work.journal, work.progress)
        metadata = {"oracle": oracle.name, **figures.of_scores(table, "oracle_label")}
        yield from finish(context, work.store, work.batch(table), metadata, work.effort)

    assets = [prompts, responses, logprobs, judge_scores]
    return [*assets, oracle_labels] if experiment.oracle.enabled else assets


def reference_points(corpus: pd.DataFrame) -> dict[str, list[list[str]]]:
    """The reference points of each prompt as lists: Parquet gives nested arrays, which are neither true nor false."""
    points = zip(corpus["prompt_id"], corpus["reference_points"], strict=True)
    return {prompt_id: [list(spellings) for spellings in own] for prompt_id, own in points}
