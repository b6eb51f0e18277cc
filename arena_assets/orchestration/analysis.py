"""The assets that are not partitioned: the corpus, the analysis and the studies of the methods."""

import time
from typing import Any

import dagster as dg

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.errors import ArenaError
from arena_assets.estimation import EstimationError, overall
from arena_assets.exchange.importing import imported_corpus
from arena_assets.orchestration import metadata as figures
from arena_assets.orchestration.checked_write import Yields, check_specs, content_version, failure, finish
from arena_assets.orchestration.resources import ArenaStorage, ProgressReports
from arena_assets.rules import Batch
from arena_assets.stages.analysis import compare, judge_signal
from arena_assets.stages.collecting import as_data, collect
from arena_assets.stages.corpus import generated_corpus
from arena_assets.stages.studies import grid, simulate
from arena_assets.storage import METHODS, Effort, Store


def whole_assets(experiment: Experiment) -> list[dg.AssetsDefinition]:
    """`arena_corpus` and `ablation_results` of one experiment."""
    corpus_key = dg.AssetKey([experiment.name, "arena_corpus"])
    results_key = dg.AssetKey([experiment.name, "ablation_results"])
    upstream = [step.name for step in experiment.upstream(pipeline.RESULTS)]

    @dg.asset(
        key=corpus_key,
        group_name=experiment.name,
        code_version=experiment.code_version("arena_corpus"),
        description="The corpus' prompts in the configured language, without duplicates.",
    )
    def arena_corpus(context: dg.AssetExecutionContext, storage: ArenaStorage) -> dg.MaterializeResult[Any]:
        del context
        store = storage.store(experiment)
        try:
            corpus = imported_corpus(experiment, store) if experiment.imported else generated_corpus(experiment, store)
            fingerprint = experiment.fingerprint("arena_corpus")
            store.write("arena_corpus", corpus.table, fingerprint=fingerprint, **corpus.notes)
        except ArenaError as error:
            raise failure(error) from error
        return dg.MaterializeResult(
            metadata={"dagster/row_count": len(corpus.table), **corpus.metadata},
            data_version=dg.DataVersion(content_version(corpus.table, ())),
        )

    @dg.asset(
        key=results_key,
        deps=[dg.AssetKey([experiment.name, name]) for name in upstream],
        group_name=experiment.name,
        check_specs=check_specs(results_key, None),
        code_version=experiment.code_version("ablation_results"),
        description="Every estimator's estimate of every policy, beside the truth, from the partitions that exist.",
    )
    def ablation_results(context: dg.AssetExecutionContext, storage: ArenaStorage) -> Yields:
        store, started = storage.store(experiment), time.monotonic()
        try:
            collected = collect(experiment, store)
            data = as_data(experiment, collected.tables)
            results = compare(experiment, data, time.perf_counter)
        except (ArenaError, EstimationError) as error:
            raise failure(error) from error
        context.log.info(collected.summary)
        shown = results[
            [
                "policy",
                "estimator",
                "reward_calibration",
                "scoring",
                "estimate",
                "ci_low",
                "ci_high",
                "truth",
                "support",
            ]
        ]
        metadata = {
            "partitions": f"{len(collected.used)} of {len(experiment.partitions)}",
            "partitions missing": len(collected.missing),
            "partitions left out": dg.MetadataValue.json(collected.left_out),
            "rests on": collected.summary,
            "judge against oracle (rank correlation)": figures.table(judge_signal(collected.tables)),
            "estimates": figures.table(shown[shown["scoring"] == "deterministic"]),
            "rows left out": [str(entry) for entry in data.left_out][:20],
        }
        batch = Batch(experiment, "ablation_results", results, machines=collected.machines)
        effort = Effort(round(time.monotonic() - started, 2))
        yield from finish(context, store, batch, metadata, effort, rests_on=collected.summary)

    @dg.asset(
        key=dg.AssetKey([experiment.name, "ablation_grid"]),
        deps=[dg.AssetKey([experiment.name, name]) for name in upstream],
        group_name=experiment.name,
        code_version=experiment.code_version("ablation_results"),
        description="The paper's design on random subsets: sample sizes x oracle coverages x seeds x methods.",
    )
    def ablation_grid(
        context: dg.AssetExecutionContext, storage: ArenaStorage, progress: ProgressReports
    ) -> dg.MaterializeResult[Any]:
        store, started = storage.store(experiment), time.monotonic()
        try:
            collected = collect(experiment, store)
            report = progress.start(context.log.info, "ablation_grid")
            table, left_out = grid(experiment, as_data(experiment, collected.tables), report)
            store.write(
                "ablation_grid",
                table,
                fingerprint=experiment.fingerprint("ablation_results"),
                rests_on=collected.summary,
            )
        except ArenaError as error:
            raise failure(error) from error
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(table),
                "rests on": collected.summary,
                "left out of the design": list(left_out),
                "seconds": round(time.monotonic() - started, 2),
            },
            data_version=dg.DataVersion(content_version(table, ())),
        )

    return [arena_corpus, ablation_results, ablation_grid]


def simulation_asset() -> dg.AssetsDefinition:
    """`methods / estimator_simulation`: it depends on no experiment, so it stands once beside all of them."""

    @dg.asset(
        key=dg.AssetKey([METHODS, "estimator_simulation"]),
        group_name=METHODS,
        description="Monte Carlo study with known truth: do the intervals cover?",
    )
    def estimator_simulation(
        context: dg.AssetExecutionContext, storage: ArenaStorage, progress: ProgressReports
    ) -> dg.MaterializeResult[Any]:
        started = time.monotonic()
        store = Store.of(METHODS, storage.base or None)
        table = simulate(progress.start(context.log.info, "estimator_simulation"))
        store.write("estimator_simulation", table, fingerprint=METHODS)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(table),
                "over all cells": dg.MetadataValue.json(overall(table)),
                "seconds": round(time.monotonic() - started, 2),
            },
            data_version=dg.DataVersion(content_version(table, ())),
        )

    return estimator_simulation
