"""The assets that are not partitioned: the corpus, the analysis and the studies of the methods."""

import time
from functools import partial
from typing import Any

import dagster as dg

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.estimation import overall
from arena_assets.orchestration import metadata as figures
from arena_assets.orchestration.batches import options
from arena_assets.orchestration.checked_write import Yields, content_version, finish, refusing
from arena_assets.orchestration.described import schema
from arena_assets.orchestration.resources import ArenaStorage, ProgressReports
from arena_assets.rules import Batch
from arena_assets.stages.analysis import analyse, stated_of, write_beside
from arena_assets.stages.collecting import as_data, collect
from arena_assets.stages.studies import simulate
from arena_assets.storage import METHODS, Effort, Store
from arena_assets.storage.shipped import identity
from arena_assets.tables import CALIBRATION_DIAGNOSTICS


def results_asset(experiment: Experiment) -> dg.AssetsDefinition:
    """The comparison of the estimators, with what the analysis knows beside it."""

    @dg.asset(**options(experiment, pipeline.RESULTS))  # type: ignore[untyped-decorator]
    def results(context: dg.AssetExecutionContext, storage: ArenaStorage) -> Yields:
        store, started = storage.store(experiment), time.monotonic()
        with refusing():
            collected = collect(experiment, store)
            data = as_data(experiment, collected.tables)
            analysis = analyse(experiment, data, time.perf_counter)
        context.log.info(collected.summary)
        judged = analysis.beside[CALIBRATION_DIAGNOSTICS.name].drop_duplicates(["policy", "scoring"])
        metadata = {
            "estimates": figures.table(figures.estimates(analysis.results)),
            "partitions": f"{len(collected.used)} of {len(experiment.partitions)}",
            "partitions missing": len(collected.missing),
            "partitions left out": dg.MetadataValue.json(collected.left_out),
            "rests on": collected.summary,
            "judge against oracle (rank correlation)": figures.table(
                judged[["policy", "scoring", "labels", "rank_correlation"]]
            ),
            "rows left out": [str(entry) for entry in data.left_out][:20],
        }
        batch = Batch(experiment, pipeline.RESULTS.name, analysis.results, machines=collected.machines)
        effort = Effort(round(time.monotonic() - started, 2))
        notes = collected.notes
        first = partial(write_beside, experiment, store, analysis, **notes)
        stated = {**notes, **stated_of(experiment, analysis)}
        yield from finish(context, store, batch, metadata, effort, notes=stated, write_first=first)

    found: dg.AssetsDefinition = results
    return found


def simulation_asset() -> dg.AssetsDefinition:
    """The simulation with known truth: it depends on no experiment, so it stands once beside all of them."""

    @dg.asset(
        key=dg.AssetKey([METHODS, pipeline.SIMULATION.name]),
        group_name=METHODS,
        description=pipeline.SIMULATION.description,
        kinds={"parquet"},
        owners=["team:estimation"],
        metadata=schema(pipeline.SIMULATION.table),
    )
    def simulation(
        context: dg.AssetExecutionContext, storage: ArenaStorage, progress: ProgressReports
    ) -> dg.MaterializeResult[Any]:
        started = time.monotonic()
        store = Store.of(METHODS, storage.base or None)
        with refusing():
            table = simulate(progress.start(context.log.info, pipeline.SIMULATION.name))
            store.write(pipeline.SIMULATION.name, table, fingerprint=identity())
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(table),
                "over all scenarios": dg.MetadataValue.json(overall(table)),
                "seconds": round(time.monotonic() - started, 2),
            },
            data_version=dg.DataVersion(content_version(table, ())),
        )

    return simulation
