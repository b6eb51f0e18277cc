"""All that Dagster knows of one experiment: an asset for each of its steps, its checks, jobs and sensors."""

import warnings

import dagster as dg

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.orchestration.analysis import results_asset, simulation_asset
from arena_assets.orchestration.automation import follower
from arena_assets.orchestration.batches import table_asset
from arena_assets.orchestration.jobs import jobs_of, simulation_job
from arena_assets.orchestration.reports import export_asset, summary_asset
from arena_assets.orchestration.staleness import checks_of, job_of, sensor_of
from arena_assets.stages.analysis import ablation_spec

# Partitioned checks are a preview feature of this release line, which the pinned versions were tried with.
warnings.filterwarnings("ignore", message=".*partitions_def on an AssetCheckSpec.*", category=dg.PreviewWarning)
# What Dagster says of a parameter that it passes to itself.
warnings.filterwarnings("ignore", message=".*`owners` of initializer `SensorDefinition.*", category=dg.BetaWarning)

# Steps that make more than one table, or files.
_OF_THEIR_OWN = {
    pipeline.RESULTS.name: results_asset,
    pipeline.SUMMARY.name: summary_asset,
    pipeline.EXPORT.name: export_asset,
}


def build_assets(experiment: Experiment) -> list[dg.AssetsDefinition]:
    """The asset graph of an experiment, keys `[experiment, asset]`.

    Raises:
        ConfigError: the method configuration that it names is missing or broken.
    """
    ablation_spec(experiment)
    return [
        own(experiment) if (own := _OF_THEIR_OWN.get(step.name)) else table_asset(experiment, step)
        for step in experiment.steps
    ]


def common_definitions() -> dg.Definitions:
    """What stands once beside all experiments."""
    return dg.Definitions(assets=[simulation_asset()], jobs=[simulation_job()])


def experiment_definitions(experiment: Experiment) -> dg.Definitions:
    """Assets, jobs and sensors of an experiment; the resources are those of whoever merges them.

    Raises:
        ConfigError: the method configuration that it names is missing or broken.
    """
    evaluates = job_of(experiment)
    return dg.Definitions(
        assets=build_assets(experiment),
        asset_checks=checks_of(experiment),
        jobs=[*jobs_of(experiment), evaluates],
        sensors=[follower(experiment), sensor_of(experiment, evaluates)],
    )
