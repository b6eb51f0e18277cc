"""The jobs of an experiment, by whose names its runs are known: its batches, the analysis of them, and all of it."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.orchestration.run_labels import EXPERIMENT
from arena_assets.pipeline import Step
from arena_assets.storage import METHODS

_SIMULATION = f"{METHODS}_simulation"
_BATCHES, _ANALYSIS, _ALL = "batches", "analysis", "all"
_DESCRIPTIONS = {
    _BATCHES: "Every step of a batch of prompts; a backfill runs each batch by itself.",
    _ANALYSIS: "The comparison of the methods on the batches that hold, and the report.",
    _ALL: "Everything, from the corpus to the studies, the report and the export.",
}


def key_of(experiment: Experiment, step: Step) -> dg.AssetKey:
    """The asset of a step: an experiment's own, or the one beside all of them."""
    return dg.AssetKey([METHODS if step.common else experiment.name, step.name])


def simulation_job() -> UnresolvedAssetJobDefinition:
    """The job of what is of no experiment."""
    key = dg.AssetKey([METHODS, pipeline.SIMULATION.name])
    return dg.define_asset_job(_SIMULATION, selection=[key], description=pipeline.SIMULATION.description)


def jobs_of(experiment: Experiment) -> list[UnresolvedAssetJobDefinition]:
    """`<experiment>_batches`, which is partitioned, `<experiment>_analysis` and `<experiment>_all`."""
    return [
        dg.define_asset_job(
            f"{experiment.name}_{kind}",
            selection=[key_of(experiment, step) for step in _steps(experiment, kind)],
            description=description,
            tags={EXPERIMENT: experiment.name},
        )
        for kind, description in _DESCRIPTIONS.items()
    ]


def job_name(experiment: Experiment, steps: Iterable[Step]) -> str:
    """The smallest job that holds these steps of the experiment, or the one of no experiment."""
    asked = {step.name for step in steps}
    if asked == {pipeline.SIMULATION.name}:
        return _SIMULATION
    kind = next(one for one in _DESCRIPTIONS if asked <= {step.name for step in _steps(experiment, one)})
    return f"{experiment.name}_{kind}"


def _steps(experiment: Experiment, kind: str) -> tuple[Step, ...]:
    """The steps of a job, from the one that holds least to the one that holds all."""
    if kind == _BATCHES:
        return experiment.batch_steps
    if kind == _ANALYSIS:
        return tuple(step for step in experiment.steps if step.rests_on_batches and not step.on_request)
    return experiment.steps
