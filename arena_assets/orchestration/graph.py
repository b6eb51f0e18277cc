"""All assets of one experiment."""

import warnings

import dagster as dg

from arena_assets.config import Experiment
from arena_assets.stages.analysis import ablation_spec

# Partitioned checks are a preview feature of this release line, which the pinned versions were tried with.
warnings.filterwarnings("ignore", message=".*partitions_def on an AssetCheckSpec.*", category=dg.PreviewWarning)


def build_assets(experiment: Experiment) -> list[dg.AssetsDefinition]:
    """The asset graph of an experiment, keys `[experiment, asset]`.

    Raises:
        ConfigError: the method configuration that it names is missing or broken.
    """
    from arena_assets.orchestration.analysis import whole_assets
    from arena_assets.orchestration.reports import product_assets

    ablation_spec(experiment)
    partitions = dg.StaticPartitionsDefinition(list(experiment.partitions))
    if experiment.imported:
        # Its own module: it must not need llama.cpp.
        from arena_assets.orchestration.imported import imported_assets

        return [*whole_assets(experiment), *product_assets(experiment), *imported_assets(experiment, partitions)]
    from arena_assets.orchestration.batches import batch_assets

    return [*whole_assets(experiment), *product_assets(experiment), *batch_assets(experiment, partitions)]
