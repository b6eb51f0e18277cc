"""The assets of one batch of prompts: responses, log-probabilities, judge scores, oracle labels."""

import time
from collections.abc import Callable
from typing import Any

import dagster as dg
import pandas as pd

from arena_assets.assets import figures
from arena_assets.assets.materialise import Yields, check_specs, failure, finish
from arena_assets.config import Experiment
from arena_assets.corpus import sample_batch
from arena_assets.errors import ArenaError
from arena_assets.journal import Journal
from arena_assets.judging.build import build_scorer
from arena_assets.judging.costs import spent_usd
from arena_assets.resources import ArenaStorage, LocalModels, ProgressReports, environment
from arena_assets.rules import Batch
from arena_assets.stages.logprobs import rescore, score_logprobs
from arena_assets.stages.responses import generate_responses
from arena_assets.stages.scoring import judge_responses, label_responses
from arena_assets.storage import Store

_LLAMA = "llama"


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
        }

    local_judge = experiment.judge.kind != "openai"
    local_oracle = experiment.oracle.kind == "rubric"
    oracle_reads = ["arena_corpus", "prompts", "responses"] + ["judge_scores"] * experiment.oracle.stratify

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
        **options("responses", ["prompts"], _LLAMA), description="Each policy's own response to each prompt."
    )
    def responses(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        store, partition, started = storage.store(experiment), context.partition_key, time.monotonic()
        try:
            read = _read(store, experiment, partition, "prompts")
            with Journal(store.journal_path("responses", partition)) as journal:
                before = len(journal)
                pool = models.pool(experiment, context.log.info)
                report = progress.start(context.log.info, f"responses {partition}")
                table = generate_responses(experiment, read["prompts"], pool, journal, report)
                sampled = len(journal) - before
        except ArenaError as error:
            raise failure(error) from error
        metadata = figures.of_responses(table, time.monotonic() - started, sampled)
        yield from finish(context, store, Batch(experiment, "responses", table, partition, read), metadata)

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("logprobs", ["prompts", "responses"], _LLAMA),
        description="Log-probability of P0's response under every policy, by teacher forcing.",
    )
    def logprobs(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        store, partition, started = storage.store(experiment), context.partition_key, time.monotonic()
        try:
            read = _read(store, experiment, partition, "prompts", "responses")
            with Journal(store.journal_path("logprobs", partition)) as journal:
                pool = models.pool(experiment, context.log.info)
                report = progress.start(context.log.info, f"logprobs {partition}")
                scored = score_logprobs(experiment, read["prompts"], read["responses"], pool, journal, report)
            again = rescore(experiment, read["prompts"], read["responses"], scored, pool)
        except ArenaError as error:
            raise failure(error) from error
        metadata = figures.of_logprobs(experiment, scored.table, time.monotonic() - started, scored.retokenised)
        batch = Batch(experiment, "logprobs", scored.table, partition, {**read, "rescored": again})
        yield from finish(context, store, batch, metadata, retokenised=",".join(scored.retokenised))

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("judge_scores", ["prompts", "responses"], _LLAMA if local_judge else None),
        description="The cheap judge's score of every response, deterministic and with uncertainty.",
    )
    def judge_scores(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        store, partition, started = storage.store(experiment), context.partition_key, time.monotonic()
        try:
            read = _read(store, experiment, partition, "prompts", "responses")
            pool = models.pool(experiment, context.log.info)
            judge = build_scorer(
                experiment.judge, environment=environment(), pool=pool, spent_usd=_spent(store, "judge_scores")
            )
            with Journal(store.journal_path("judge_scores", partition)) as journal:
                report = progress.start(context.log.info, f"judge_scores {partition}")
                table = judge_responses(experiment, read["prompts"], read["responses"], judge, journal, report)
        except ArenaError as error:
            raise failure(error) from error
        metadata = {"judge": judge.name, **figures.of_scores(table, "judge_score", time.monotonic() - started)}
        yield from finish(context, store, Batch(experiment, "judge_scores", table, partition, read), metadata)

    @dg.asset(  # type: ignore[untyped-decorator]
        **options("oracle_labels", oracle_reads, _LLAMA if local_oracle else None),
        description="The oracle's label of a slice of the responses: calibration on P0, validation on the targets.",
    )
    def oracle_labels(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        store, partition, started = storage.store(experiment), context.partition_key, time.monotonic()
        try:
            names = ["prompts", "responses"] + ["judge_scores"] * experiment.oracle.stratify
            read = _read(store, experiment, partition, *names)
            corpus = store.read_current(experiment, "arena_corpus")
            oracle = build_scorer(
                experiment.oracle,
                environment=environment(),
                pool=models.pool(experiment, context.log.info),
                reference_points=reference_points(corpus),
                spent_usd=_spent(store, "oracle_labels"),
            )
            with Journal(store.journal_path("oracle_labels", partition)) as journal:
                report = progress.start(context.log.info, f"oracle_labels {partition}")
                table = label_responses(
                    experiment,
                    partition,
                    read["prompts"],
                    read["responses"],
                    read.get("judge_scores"),
                    oracle,
                    journal,
                    report,
                )
        except ArenaError as error:
            raise failure(error) from error
        metadata = {"oracle": oracle.name, **figures.of_scores(table, "oracle_label", time.monotonic() - started)}
        yield from finish(context, store, Batch(experiment, "oracle_labels", table, partition, read), metadata)

    assets = [prompts, responses, logprobs, judge_scores]
    return [*assets, oracle_labels] if experiment.oracle.enabled else assets


def _spent(store: Store, asset: str) -> Callable[[], float]:
    """Dollars that the journals of all partitions record: the budget is the experiment's, not one batch's."""
    return lambda: spent_usd(store.root / "journal" / asset)


def reference_points(corpus: pd.DataFrame) -> dict[str, list[list[str]]]:
    """The reference points of each prompt as lists: Parquet gives nested arrays, which are neither true nor false."""
    points = zip(corpus["prompt_id"], corpus["reference_points"], strict=True)
    return {prompt_id: [list(spellings) for spellings in own] for prompt_id, own in points}


def _read(store: Store, experiment: Experiment, partition: str, *assets: str) -> dict[str, pd.DataFrame]:
    return {asset: store.read_current(experiment, asset, partition) for asset in assets}
